#include "prime/lower.h"

#include "utf8_priv.h"

#include <string.h>
#include <utf8proc.h>

void lower_text(Str *out, const char *text)
{
    size_t n = strlen(text);
    for (size_t at = 0, w; at < n; at += w) {
        utf8proc_int32_t c = -1;
        w = utf8_width(text + at, n - at);
        if (w == 0) {
            w = 1;
            str_put(out, text + at, 1);
            continue;
        }
        (void)utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)w, &c);
        str_put_char(out, (uint32_t)utf8proc_tolower(c));
    }
}
