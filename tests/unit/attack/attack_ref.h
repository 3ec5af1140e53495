/* attack_ref.h - opens the JSON files of fixtures/ref/attack and reads arrays from them. */
#ifndef PRIME_TEST_ATTACK_REF_H
#define PRIME_TEST_ATTACK_REF_H

#include "../num/ref_csv.h"

#include "prime/js.h"

static inline JsVal *ref_json(const char *name)
{
    char path[600];
    JsVal *root = NULL;
    Err e = {0};
    snprintf(path, sizeof path, "%s/fixtures/ref/attack/%s", getenv("PRIME_SOURCE"), name);
    cr_assert_eq(js_load(&root, path, &e), OK, "%s", e.msg);
    return root;
}

/* A number, NaN for null and what is no number; "inf" and "-inf" are read. */
static inline double ref_value(const JsVal *v)
{
    const char *s = js_str(v, NULL);
    return s != NULL ? strtod(s, NULL) : js_num(v, NAN);
}

/* The caller frees it. */
static inline double *ref_array(const JsVal *arr, size_t *n)
{
    double *x = malloc((js_len(arr) + 1) * sizeof *x);
    cr_assert_not_null(x);
    for (size_t i = 0; i < js_len(arr); i++) x[i] = ref_value(js_at(arr, i));
    if (n != NULL) *n = js_len(arr);
    return x;
}

static inline double ref_sum(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += x[i];
    return s;
}

#endif
