/* fuzz_spec.c - any bytes as audit.yaml: refused with a message, or a specification that comes back the same
 * when it is written and read. */
#include "fuzz_file.h"

#include "prime/spec.h"
#include "prime/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    Arena a = {0};
    Spec s, again;
    Err e = {0};
    Str once = {0}, twice = {0};
    if (size > 1 << 14) return 0;
    fuzz_put("audit.yaml", data, size);
    if (spec_load(&s, &a, fuzz_at(path, "audit.yaml"), NULL, 0, &e) == OK) {
        spec_dump(&once, &s);
        fuzz_put("audit.yaml", (const uint8_t *)once.s, once.n);
        if (spec_load(&again, &a, path, NULL, 0, &e) != OK) abort();
        spec_dump(&twice, &again);
        if (once.n != twice.n || memcmp(once.s, twice.s, once.n) != 0) abort();
    } else if (e.msg[0] == '\0')
        abort();
    str_free(&once);
    str_free(&twice);
    arena_free(&a);
    return 0;
}
