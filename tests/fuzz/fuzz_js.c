/* fuzz_js.c - any bytes: refused, or a tree whose text reads back as the same tree. */
#include "prime/js.h"
#include "prime/str.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void js_same_again(const Str *text, int indent, const Str *want)
{
    JsVal *v = NULL;
    Str back = {0};
    if (js_parse(&v, text->s, text->n, "again", NULL) != OK) abort();
    if (js_dump(&back, v, indent, NULL) != OK || strcmp(back.s, want->s) != 0) abort();
    str_free(&back);
    js_close(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    JsVal *v = NULL;
    Err e = {0};
    if (js_parse(&v, (const char *)data, size, "input", &e) != OK) {
        if (e.msg[0] == '\0' || v != NULL) abort();
        return 0;
    }
    Str line = {0}, wide = {0};
    if (js_dump(&line, v, 0, NULL) != OK || js_dump(&wide, v, 2, NULL) != OK) abort();
    js_same_again(&line, 0, &line);
    js_same_again(&wide, 0, &line);
    js_same_again(&line, 2, &wide);
    str_free(&line);
    str_free(&wide);
    js_close(v);
    return 0;
}
