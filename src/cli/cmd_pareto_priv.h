/* cmd_pareto_priv.h - what the verbs of `prime pareto` share: their options, and the points of a CSV by set.
 */
#ifndef PRIME_CMD_PARETO_PRIV_H
#define PRIME_CMD_PARETO_PRIV_H

#include "prime/arena.h"
#include "prime/err.h"
#include "prime/pareto.h"
#include "prime/table.h"

/* As given, NULL where not. */
typedef struct {
    const char *ref, *max, *cols, *set, *ties, *kind, *levels, *name, *refset, *against, *ideal;
    bool front_only;
} ParetoOpts;

typedef struct {
    Table t;
    size_t m, *col; /* objectives and their columns */
    double *sign;   /* [M] -1 where the objective is maximised */
    size_t set_col; /* TABLE_NONE: all rows are one set */
    size_t n_sets,
        *start;  /* [sets + 1] rows of set s are row[start[s] .. start[s + 1]), in the file's order */
    size_t *row; /* [rows] */
    double *pts; /* [rows, M] in the order of row, minimised */
    double *ref; /* [M] minimised; NULL: none given */
} ParetoIn;

/* pareto_in_load - table, objectives, sets and reference point. Errors: of table_load; ERR_FORMAT no column
 * of numbers, or a column of some; ERR_ARG an option that does not fit. */
Status pareto_in_load(ParetoIn *in, const char *path, const ParetoOpts *o, Arena *a, Err *e) PRIME_MUST_USE;
/* pareto_need_ref - without --ref: a tenth of the range beyond the worst value of any set, so that end points
 * count; says so. */
Status pareto_need_ref(ParetoIn *in, Arena *a, Err *e) PRIME_MUST_USE;
/* pareto_in_points - the same objectives of another file: pts [n, M]. */
Status pareto_in_points(double **pts, size_t *n, const ParetoIn *in, const char *path, Arena *a,
                        Err *e) PRIME_MUST_USE;

/* pareto_words - the pieces of "a,b,c" [n]. pareto_point - "1,2" as M finite numbers in the sense of --max;
 * `option` is for messages. pareto_point_text - the way back. */
Status pareto_words(char ***out, size_t *n, const char *list, Arena *a, Err *e) PRIME_MUST_USE;
Status pareto_point(double **out, const ParetoIn *in, const char *option, const char *list, Arena *a,
                    Err *e) PRIME_MUST_USE;
Status pareto_point_text(const char **out, const ParetoIn *in, const double *point, Arena *a,
                         Err *e) PRIME_MUST_USE;
/* pareto_choice - index of `text` among the names that name(0), name(1), ... give up to NULL; 0 for NULL. */
Status pareto_choice(size_t *out, const char *option, const char *text, const char *(*name)(size_t),
                     Err *e) PRIME_MUST_USE;

/* pareto_set_name - of set s, empty when there is no such column. pareto_set_size, pareto_set_pts - its
 * points. */
const char *pareto_set_name(const ParetoIn *in, size_t s);
size_t pareto_set_size(const ParetoIn *in, size_t s);
const double *pareto_set_pts(const ParetoIn *in, size_t s);

/* pareto_widen - begin a table of the input's columns and more [n]; refused where the input has one of them.
 * pareto_cells - the input's cells of a row. */
Status pareto_widen(TableOut *out, const ParetoIn *in, const char *const *more, size_t n, Arena *a,
                    Err *e) PRIME_MUST_USE;
void pareto_cells(TableOut *out, const ParetoIn *in, size_t row);

/* Verbs of cmd_pareto_more.c. */
Status pareto_eaf_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e) PRIME_MUST_USE;
Status pareto_knee_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e) PRIME_MUST_USE;
Status pareto_indicator_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e) PRIME_MUST_USE;

#endif
