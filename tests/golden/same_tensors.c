/* same_tensors GOT WANT TOLERANCE NAME=NAME... - whether tensors of two safetensors files agree to an
 * absolute tolerance: one line a pair on stdout, exit 1 when a pair differs. */
#include "prime/st.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float *tensor_values(const StFile *f, const char *name, size_t *n)
{
    const StTensor *t = st_find(f, name);
    float *x = t != NULL ? malloc((t->count + 1) * sizeof *x) : NULL;
    if (x != NULL && st_to_f32(x, t, NULL) == OK) {
        *n = t->count;
        return x;
    }
    free(x);
    return NULL;
}

static int tensor_pair(const StFile *got, const StFile *want, char *pair, double tolerance)
{
    char *eq = strchr(pair, '=');
    size_t n = 0, m = 0, bad = 0;
    if (eq == NULL) return 1;
    *eq = '\0';
    float *x = tensor_values(got, pair, &n), *y = tensor_values(want, eq + 1, &m);
    for (size_t i = 0; x != NULL && y != NULL && i < n && n == m; i++)
        if (!(fabs((double)x[i] - (double)y[i]) <= tolerance)) bad++;
    int failed = x == NULL || y == NULL || n != m || n == 0 || bad > 0;
    printf("%s %s: %zu and %zu values, %zu apart\n", failed ? "not ok" : "ok", pair, n, m, bad);
    free(x);
    free(y);
    return failed;
}

int main(int argc, char **argv)
{
    StFile *got = NULL, *want = NULL;
    Err e = {0};
    int failed = argc < 5;
    if (!failed && (st_open(&got, argv[1], &e) != OK || st_open(&want, argv[2], &e) != OK)) {
        fprintf(stderr, "same_tensors: %s\n", e.msg);
        failed = 1;
    }
    for (int i = 4; got != NULL && want != NULL && i < argc; i++)
        failed |= tensor_pair(got, want, argv[i], strtod(argv[3], NULL));
    st_close(got);
    st_close(want);
    return failed;
}
