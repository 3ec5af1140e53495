/* ref_csv.h - reads the plain number tables of fixtures/ref for tests: a header row, commas, no quotes. */
#ifndef PRIME_TEST_REF_CSV_H
#define PRIME_TEST_REF_CSV_H

#include "prime/err.h"
#include "prime/file.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REF_MAX_COL = 32 };

typedef struct {
    char *text;
    char **cell; /* [rows, cols] */
    char *head[REF_MAX_COL];
    size_t rows, cols;
} Ref;

static inline size_t ref_split(char **out, size_t max, char *line)
{
    size_t n = 0;
    for (char *p = line; n < max; p++) {
        out[n++] = p;
        p += strcspn(p, ",");
        if (*p == '\0') break;
        *p = '\0';
    }
    return n;
}

static inline Ref ref_open(const char *name)
{
    const char *root = getenv("PRIME_SOURCE");
    cr_assert_not_null(root, "PRIME_SOURCE is not set");
    char path[600];
    snprintf(path, sizeof path, "%s/fixtures/ref/%s", root, name);
    Ref r = {0};
    size_t n;
    Err e = {0};
    cr_assert_eq(file_read(&r.text, &n, path, &e), OK, "%s", e.msg);
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) lines += r.text[i] == '\n';
    char *save = NULL, *line = strtok_r(r.text, "\r\n", &save);
    r.cols = ref_split(r.head, REF_MAX_COL, line);
    r.cell = calloc((lines + 1) * r.cols, sizeof *r.cell);
    cr_assert_not_null(r.cell);
    for (; (line = strtok_r(NULL, "\r\n", &save)) != NULL; r.rows++)
        cr_assert_eq(ref_split(&r.cell[r.rows * r.cols], r.cols, line), r.cols, "%s: row %zu", name, r.rows);
    return r;
}

static inline void ref_close(Ref *r)
{
    free(r->cell);
    free(r->text);
}

static inline const char *ref_str(const Ref *r, size_t row, const char *col)
{
    for (size_t c = 0; c < r->cols; c++)
        if (strcmp(r->head[c], col) == 0) return r->cell[row * r->cols + c];
    cr_assert_fail("no column %s", col);
    return NULL;
}

/* NaN for an empty cell. */
static inline double ref_num(const Ref *r, size_t row, const char *col)
{
    const char *s = ref_str(r, row, col);
    return s[0] == '\0' ? NAN : strtod(s, NULL);
}

/* |got - want| <= tol * max(1, |want|), and NaN never passes. */
#define REF_NEAR(got, want, tol, ...)                                \
    do {                                                             \
        double got_ = (got), want_ = (want);                         \
        if (fabs(got_ - want_) <= (tol)*fmax(1, fabs(want_))) break; \
        char what_[200];                                             \
        snprintf(what_, sizeof what_, __VA_ARGS__);                  \
        cr_assert_fail("%.17g, want %.17g: %s", got_, want_, what_); \
    } while (0)

#endif
