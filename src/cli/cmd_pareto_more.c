/* cmd_pareto_more.c - the verbs of `prime pareto` that compare sets, and the knee. */
#include "cmd_pareto_priv.h"

#include "prime/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "3", "best", "median" or "worst" of n runs; of an even number the median is the lower one. */
static Status eaf_level(size_t *out, const char *word, size_t n, Err *e)
{
    const char *const name[] = {"best", "median", "worst"};
    const size_t at[] = {1, (n + 1) / 2, n};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(word, name[i]) != 0) continue;
        *out = at[i];
        return OK;
    }
    char *end;
    errno = 0;
    unsigned long level = strtoul(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || level < 1 || level > n)
        FAIL(e, ERR_ARG, "--levels: '%s' is neither one of 1 to %zu sets nor best, median or worst", word, n);
    *out = level;
    return OK;
}

/* level [*n]: those asked for, else all. */
static Status eaf_levels(size_t **level, size_t *n, const ParetoIn *in, const char *list, Arena *a, Err *e)
{
    char **word = NULL;
    *n = in->n_sets;
    if (list != NULL) TRY(pareto_words(&word, n, list, a, e));
    *level = arena_alloc(a, *n, sizeof **level);
    if (*level == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu levels", *n);
    for (size_t i = 0; i < *n; i++) {
        (*level)[i] = i + 1;
        if (list != NULL) TRY(eaf_level(&(*level)[i], word[i], in->n_sets, e));
    }
    return OK;
}

static double pareto_shown(const ParetoIn *in, size_t j, double x)
{
    return x == 0 ? 0 : in->sign[j] * x;
}

static void eaf_print(TableOut *out, const ParetoIn *in, size_t level, const double *corner, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        table_put_int(out, (int64_t)level);
        table_put_num(out, (double)level / (double)in->n_sets);
        for (size_t j = 0; j < 2; j++) table_put_num(out, pareto_shown(in, j, corner[2 * i + j]));
        table_end_row(out);
    }
}

Status pareto_eaf_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    size_t n = in->t.n_rows, n_levels = 0, *level = NULL, *run = arena_alloc(a, n, sizeof *run), count = 0;
    double *corner = arena_alloc(a, n, 2 * sizeof *corner);
    if (run == NULL || corner == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    if (in->m != 2)
        FAIL(e, ERR_UNSUP, "attainment of %zu objectives, want 2: choose them with --cols", in->m);
    const char *col[] = {"level", "share", in->t.col[in->col[0]], in->t.col[in->col[1]]};
    for (size_t j = 2; j < 4; j++)
        if (strcmp(col[j], "level") == 0 || strcmp(col[j], "share") == 0)
            FAIL(e, ERR_FORMAT, "%s: has a column %s already, which this command writes", in->t.name, col[j]);
    TRY(eaf_levels(&level, &n_levels, in, o->levels, a, e));
    for (size_t s = 0; s < in->n_sets; s++)
        for (size_t i = in->start[s]; i < in->start[s + 1]; i++) run[i] = s;
    TableOut out;
    table_begin(&out, stdout, NULL, col, 4);
    for (size_t i = 0; i < n_levels; i++) {
        TRY(pareto_eaf(corner, &count, in->pts, run, n, in->n_sets, level[i], e));
        eaf_print(&out, in, level[i], corner, count);
    }
    return OK;
}

static const char *knee_name(size_t i)
{
    return pareto_knee_name((ParetoKnee)i);
}

Status pareto_knee_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    size_t kind = 0, *at = arena_alloc(a, in->n_sets, sizeof *at);
    double *value = arena_alloc(a, in->n_sets, sizeof *value);
    if (at == NULL || value == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sets", in->n_sets);
    TRY(pareto_choice(&kind, "kind", o->kind, knee_name, e));
    for (size_t s = 0; s < in->n_sets; s++)
        TRY(pareto_knee(&at[s], &value[s], pareto_set_pts(in, s), pareto_set_size(in, s), in->m,
                        (ParetoKnee)kind, e));
    TableOut out;
    TRY(pareto_widen(&out, in, (const char *const[]){"knee", "distance"}, 2, a, e));
    for (size_t s = 0; s < in->n_sets; s++) {
        pareto_cells(&out, in, in->row[in->start[s] + at[s]]);
        table_put_str(&out, knee_name(kind));
        table_put_num(&out, value[s]);
        table_end_row(&out);
    }
    return OK;
}

/* The named ones, and those that need a point in place of a set. */
enum { IND_R2 = PARETO_INDICATORS, IND_HV };

static const char *indicator_name(size_t i)
{
    return i == IND_R2 ? "r2" : i == IND_HV ? "hv" : pareto_indicator_name((ParetoIndicator)i);
}

/* What sets are held against, and how it is called in the output. */
typedef struct {
    const double *pts;
    size_t n;
    const char *name, *ideal_name, *ref_name;
    double *ideal;
    size_t sets, r2, hv; /* how many of the indicators need which */
} Against;

/* Neither --refset nor --against: the front of all sets together. */
static Status against_front(Against *r, const ParetoIn *in, Arena *a, Err *e)
{
    size_t n = in->t.n_rows, m = in->m;
    bool *flag = arena_alloc(a, n, sizeof *flag);
    double *pts = arena_alloc(a, n * m, sizeof *pts);
    if (flag == NULL || pts == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    TRY(pareto_front(flag, in->pts, n, m, PARETO_FIRST, e));
    for (size_t i = 0; i < n; i++)
        if (flag[i]) memcpy(&pts[r->n++ * m], &in->pts[i * m], m * sizeof *pts);
    r->pts = pts;
    r->name = "front of all sets";
    log_say(LOG_INFO, "no --refset or --against given: the front of all sets together, %zu points, is used",
            r->n);
    return OK;
}

static Status against_set(Against *r, const ParetoIn *in, const char *name, Err *e)
{
    for (size_t s = 0; s < in->n_sets; s++) {
        if (strcmp(pareto_set_name(in, s), name) != 0) continue;
        r->pts = pareto_set_pts(in, s);
        r->n = pareto_set_size(in, s);
        r->name = name;
        return OK;
    }
    FAIL(e, ERR_ARG, "--against = %s, want one of the %zu sets of %s", name, in->n_sets, in->t.name);
}

static Status against_load(Against *r, const ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    double *pts = NULL;
    if (o->refset != NULL && o->against != NULL) FAIL(e, ERR_ARG, "--refset and --against: want one of them");
    if (r->sets == 0) {
        if (o->refset == NULL && o->against == NULL) return OK;
        FAIL(e, ERR_ARG, "--refset and --against: r2 and hv are not held against a set");
    }
    if (o->against != NULL) return against_set(r, in, o->against, e);
    if (o->refset == NULL) return against_front(r, in, a, e);
    TRY(pareto_in_points(&pts, &r->n, in, o->refset, a, e));
    r->pts = pts;
    r->name = o->refset;
    return OK;
}

static Status against_points(Against *r, ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    if ((r->r2 > 0) != (o->ideal != NULL)) FAIL(e, ERR_ARG, "r2 and --ideal want each other");
    if (r->r2 > 0) {
        TRY(pareto_point(&r->ideal, in, "ideal", o->ideal, a, e));
        TRY(pareto_point_text(&r->ideal_name, in, r->ideal, a, e));
    }
    if (r->hv == 0) {
        if (in->ref != NULL) FAIL(e, ERR_ARG, "--ref: none of the indicators but hv needs it");
        return OK;
    }
    TRY(pareto_need_ref(in, a, e));
    return pareto_point_text(&r->ref_name, in, in->ref, a, e);
}

/* kind [*n] of the list. A default list keeps to what needs no further choice. */
static Status indicator_kinds(size_t **kind, size_t *n, const char *list, Arena *a, Err *e)
{
    char **word = NULL;
    TRY(pareto_words(&word, n, list != NULL ? list : "epsilon_add,igd,igd_plus", a, e));
    *kind = arena_alloc(a, *n, sizeof **kind);
    if (*kind == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu indicators", *n);
    for (size_t i = 0; i < *n; i++) TRY(pareto_choice(&(*kind)[i], "name", word[i], indicator_name, e));
    return OK;
}

static Status indicator_value(double *out, size_t kind, const ParetoIn *in, size_t s, const Against *r,
                              Err *e)
{
    const double *pts = pareto_set_pts(in, s);
    size_t n = pareto_set_size(in, s);
    if (kind == IND_R2) return pareto_r2(out, pts, n, in->m, r->ideal, e);
    if (kind == IND_HV) return pareto_hv(out, pts, n, in->m, in->ref, e);
    return pareto_indicator(out, (ParetoIndicator)kind, pts, n, r->pts, r->n, in->m, e);
}

static void indicator_print(const ParetoIn *in, const Against *r, const size_t *kind, size_t n,
                            const double *value)
{
    TableOut out;
    table_begin(&out, stdout, NULL, (const char *const[]){"set", "n", "indicator", "value", "ref"}, 5);
    for (size_t i = 0; i < in->n_sets * n; i++) {
        size_t k = kind[i % n];
        table_put_str(&out, pareto_set_name(in, i / n));
        table_put_int(&out, (int64_t)pareto_set_size(in, i / n));
        table_put_str(&out, indicator_name(k));
        table_put_num(&out, value[i]);
        table_put_str(&out, k == IND_R2 ? r->ideal_name : k == IND_HV ? r->ref_name : r->name);
        table_end_row(&out);
    }
}

Status pareto_indicator_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    Against r = {0};
    size_t n = 0, *kind = NULL;
    TRY(indicator_kinds(&kind, &n, o->name, a, e));
    for (size_t i = 0; i < n; i++) {
        r.r2 += kind[i] == IND_R2;
        r.hv += kind[i] == IND_HV;
    }
    r.sets = n - r.r2 - r.hv;
    TRY(against_points(&r, in, o, a, e));
    TRY(against_load(&r, in, o, a, e));
    double *value = arena_alloc(a, in->n_sets, n * sizeof *value);
    if (value == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sets", in->n_sets);
    for (size_t i = 0; i < in->n_sets * n; i++)
        TRY(indicator_value(&value[i], kind[i % n], in, i / n, &r, e));
    indicator_print(in, &r, kind, n, value);
    return OK;
}
