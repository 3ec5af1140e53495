/* fuzz_yml.c - a YAML text, and after a NUL byte an assignment: refused, or values whose dump reads back as
 * the same dump. */
#include "prime/yml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const char *name;
    bool quiet;
    size_t budget;
    uint64_t seed;
    double sigma;
    int method;
    YmlNums lambda;
    YmlSizes ranks;
    YmlStrs tasks, words;
} FuzzSpec;

static const char *const choices[] = {"prime", "exact", "ties", NULL};
#define AT(member) offsetof(FuzzSpec, member)
static const YmlField fuzz_fields[] = {
    {"name", YML_STR, AT(name), 0, 0, 0, NULL, NULL},
    {"quiet", YML_BOOL, AT(quiet), 0, 0, 0, NULL, NULL},
    {"e.budget", YML_SIZE, AT(budget), 1, INFINITY, 0, NULL, NULL},
    {"e.c.sigma", YML_NUM, AT(sigma), 0, 1, YML_ABOVE, NULL, NULL},
    {"e.c.seed", YML_U64, AT(seed), 0, 0, 0, NULL, NULL},
    {"lambda", YML_NUMS, AT(lambda), 0, 0, 0, NULL, NULL},
    {"m.method", YML_CHOICE, AT(method), 0, 0, 0, choices, NULL},
    {"m.ranks", YML_SIZES, AT(ranks), 0, 0, 0, NULL, NULL},
    {"tasks", YML_STRS, AT(tasks), 0, 0, 0, choices, NULL},
    {"words", YML_STRS, AT(words), 0, 0, 0, NULL, NULL},
};
static const YmlSpec fuzz_spec = {fuzz_fields, sizeof fuzz_fields / sizeof fuzz_fields[0], sizeof(FuzzSpec)};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size == 0 ? NULL : memchr(data, 0, size);
    size_t n = nul == NULL ? size : (size_t)(nul - data);
    char set[256] = "";
    if (nul != NULL) memcpy(set, nul + 1, size - n - 1 < sizeof set ? size - n - 1 : sizeof set - 1);
    const char *sets[] = {set};
    Arena a = {0};
    FuzzSpec s = {.budget = 1, .sigma = NAN}, back = s;
    Err e = {0};
    Str one = {0}, two = {0};
    if (yml_parse(&s, &fuzz_spec, &a, (const char *)data, n, "input", sets, nul != NULL, &e) == OK) {
        yml_dump(&one, &fuzz_spec, &s);
        if (yml_parse(&back, &fuzz_spec, &a, one.s, one.n, "again", NULL, 0, &e) != OK) abort();
        yml_dump(&two, &fuzz_spec, &back);
        if (strcmp(one.s, two.s) != 0) abort();
    } else if (e.msg[0] == '\0')
        abort();
    str_free(&one);
    str_free(&two);
    arena_free(&a);
    return 0;
}
