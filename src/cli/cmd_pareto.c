/* cmd_pareto.c - `prime pareto`: fronts, ranks, hypervolumes of a CSV of points, and the table of all verbs.
 */
#include "cli_priv.h"
#include "cmd_pareto_priv.h"

#include "prime/log.h"

#include <stdio.h>
#include <string.h>

static Status pareto_hv_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    (void)o;
    const char *ref = NULL;
    double *value = arena_alloc(a, in->n_sets, sizeof *value);
    if (value == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sets", in->n_sets);
    TRY(pareto_need_ref(in, a, e));
    TRY(pareto_point_text(&ref, in, in->ref, a, e));
    for (size_t s = 0; s < in->n_sets; s++)
        TRY(pareto_hv(&value[s], pareto_set_pts(in, s), pareto_set_size(in, s), in->m, in->ref, e));
    TableOut out;
    table_begin(&out, stdout, NULL, (const char *const[]){"set", "n", "value", "ref"}, 4);
    for (size_t s = 0; s < in->n_sets; s++) {
        table_put_str(&out, pareto_set_name(in, s));
        table_put_int(&out, (int64_t)pareto_set_size(in, s));
        table_put_num(&out, value[s]);
        table_put_str(&out, ref);
        table_end_row(&out);
    }
    return OK;
}

static const char *ties_name(size_t i)
{
    return pareto_ties_name((ParetoTies)i);
}

static Status pareto_front_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    size_t n = in->t.n_rows, ties = 0;
    bool *keep = arena_alloc(a, n, sizeof *keep), *flag = arena_alloc(a, n, sizeof *flag);
    if (keep == NULL || flag == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    TRY(pareto_choice(&ties, "ties", o->ties, ties_name, e));
    for (size_t s = 0; s < in->n_sets; s++)
        TRY(pareto_front(&flag[in->start[s]], pareto_set_pts(in, s), pareto_set_size(in, s), in->m,
                         (ParetoTies)ties, e));
    for (size_t i = 0; i < n; i++) keep[in->row[i]] = flag[i];
    TableOut out;
    TRY(pareto_widen(&out, in, NULL, 0, a, e));
    for (size_t i = 0; i < n; i++) {
        if (!keep[i]) continue;
        pareto_cells(&out, in, i);
        table_end_row(&out);
    }
    return OK;
}

/* rank [rows] in the order of in->row. */
static Status pareto_ranks(size_t **rank, const ParetoIn *in, Arena *a, Err *e)
{
    *rank = arena_alloc(a, in->t.n_rows, sizeof **rank);
    if (*rank == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", in->t.n_rows);
    for (size_t s = 0; s < in->n_sets; s++)
        TRY(pareto_rank(*rank + in->start[s], pareto_set_pts(in, s), pareto_set_size(in, s), in->m, e));
    return OK;
}

static Status pareto_rank_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    (void)o;
    size_t n = in->t.n_rows, *rank = NULL, *by_row = arena_alloc(a, n, sizeof *by_row);
    if (by_row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    TRY(pareto_ranks(&rank, in, a, e));
    for (size_t i = 0; i < n; i++) by_row[in->row[i]] = rank[i];
    TableOut out;
    TRY(pareto_widen(&out, in, (const char *const[]){"rank"}, 1, a, e));
    for (size_t i = 0; i < n; i++) {
        pareto_cells(&out, in, i);
        table_put_int(&out, (int64_t)by_row[i]);
        table_end_row(&out);
    }
    return OK;
}

/* The rows of one set and their ranks: fronts are taken out one after the other. */
typedef struct {
    size_t *at, n; /* of one front, within the set */
    double *pts, *value;
} CrowdRoom;

static Status pareto_crowd_set(double *crowd, const size_t *rank, const ParetoIn *in, size_t s,
                               ParetoCrowd kind, CrowdRoom *r, Err *e)
{
    size_t n = pareto_set_size(in, s), m = in->m;
    for (size_t front = 0, done = 0; done < n; front++, done += r->n) {
        r->n = 0;
        for (size_t i = 0; i < n; i++) {
            if (rank[i] != front) continue;
            memcpy(&r->pts[r->n * m], pareto_set_pts(in, s) + i * m, m * sizeof *r->pts);
            r->at[r->n++] = i;
        }
        TRY(pareto_crowding(r->value, r->pts, r->n, m, kind, e));
        for (size_t i = 0; i < r->n; i++) crowd[r->at[i]] = r->value[i];
    }
    return OK;
}

static const char *crowd_name(size_t i)
{
    return pareto_crowd_name((ParetoCrowd)i);
}

static Status pareto_crowding_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    size_t n = in->t.n_rows, kind = 0, *rank = NULL, *back = arena_alloc(a, n, sizeof *back);
    double *crowd = arena_alloc(a, n, sizeof *crowd);
    CrowdRoom r = {arena_alloc(a, n, sizeof *r.at), 0, arena_alloc(a, n * in->m, sizeof *r.pts),
                   arena_alloc(a, n, sizeof *r.value)};
    if (back == NULL || crowd == NULL || r.at == NULL || r.pts == NULL || r.value == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    TRY(pareto_choice(&kind, "kind", o->kind, crowd_name, e));
    TRY(pareto_ranks(&rank, in, a, e));
    for (size_t s = 0; s < in->n_sets; s++)
        TRY(pareto_crowd_set(crowd + in->start[s], rank + in->start[s], in, s, (ParetoCrowd)kind, &r, e));
    for (size_t i = 0; i < n; i++) back[in->row[i]] = i;
    TableOut out;
    TRY(pareto_widen(&out, in, (const char *const[]){"rank", "crowding"}, 2, a, e));
    for (size_t i = 0; i < n; i++) {
        pareto_cells(&out, in, i);
        table_put_int(&out, (int64_t)rank[back[i]]);
        table_put_num(&out, crowd[back[i]]);
        table_end_row(&out);
    }
    return OK;
}

static Status pareto_contrib_do(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e)
{
    size_t n = in->t.n_rows;
    double *own = arena_alloc(a, n, sizeof *own), *by_row = arena_alloc(a, n, sizeof *by_row);
    const char *ref = NULL;
    if (own == NULL || by_row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    TRY(pareto_need_ref(in, a, e));
    TRY(pareto_point_text(&ref, in, in->ref, a, e));
    for (size_t s = 0; s < in->n_sets; s++)
        TRY((o->front_only ? pareto_contrib_front : pareto_contrib)(
            &own[in->start[s]], pareto_set_pts(in, s), pareto_set_size(in, s), in->m, in->ref, e));
    for (size_t i = 0; i < n; i++) by_row[in->row[i]] = own[i];
    TableOut out;
    TRY(pareto_widen(&out, in, (const char *const[]){"contrib", "ref"}, 2, a, e));
    for (size_t i = 0; i < n; i++) {
        pareto_cells(&out, in, i);
        table_put_num(&out, by_row[i]);
        table_put_str(&out, ref);
        table_end_row(&out);
    }
    return OK;
}

enum { FRONT = 1, HV = 2, RANK = 4, CONTRIB = 8, CROWDING = 16, EAF = 32, KNEE = 64, INDICATOR = 128 };

static const struct {
    const char *name;
    unsigned bit;
    Status (*fn)(ParetoIn *in, const ParetoOpts *o, Arena *a, Err *e);
} pareto_verbs[] = {
    {"front", FRONT, pareto_front_do},
    {"hv", HV, pareto_hv_do},
    {"rank", RANK, pareto_rank_do},
    {"contrib", CONTRIB, pareto_contrib_do},
    {"crowding", CROWDING, pareto_crowding_do},
    {"eaf", EAF, pareto_eaf_do},
    {"knee", KNEE, pareto_knee_do},
    {"indicator", INDICATOR, pareto_indicator_do},
};

enum { MAX_PARETO_OPTS = 16 };

/* The options of the verbs in `bit`. */
static size_t pareto_options(CliOpt *opts, ParetoOpts *o, unsigned bit)
{
    const struct {
        unsigned verbs;
        CliOpt opt;
    } all[] = {
        {~0u,
         {"max", 0, OPT_STR, &o->max, "I,J,...", "objectives to maximise: names, or places from 1", 0, 0}},
        {~0u,
         {"cols", 0, OPT_STR, &o->cols, "A,B,...", "objectives (default: all columns of numbers)", 0, 0}},
        {~0u, {"set", 0, OPT_STR, &o->set, "COLUMN", "column that groups the rows (default: set)", 0, 0}},
        {~0u, {"ref", 0, OPT_STR, &o->ref, "R,R,...", "reference point, one number per objective", 0, 0}},
        {FRONT,
         {"ties", 0, OPT_STR, &o->ties, "T", "of equal points all or first; weak: unless worse in all", 0,
          0}},
        {CONTRIB,
         {"front-only", 0, OPT_FLAG, &o->front_only, NULL, "leave dominated points out first", 0, 0}},
        {CROWDING, {"kind", 0, OPT_STR, &o->kind, "K", "sum, or mean with 0 for repeated points", 0, 0}},
        {KNEE, {"kind", 0, OPT_STR, &o->kind, "K", "line through the ends, or ideal point", 0, 0}},
        {EAF,
         {"levels", 0, OPT_STR, &o->levels, "K,K,...", "runs that attain it: numbers, best, median, worst", 0,
          0}},
        {INDICATOR,
         {"name", 0, OPT_STR, &o->name, "I,I,...", "indicators (default: epsilon_add,igd,igd_plus)", 0, 0}},
        {INDICATOR,
         {"refset", 0, OPT_STR, &o->refset, "REF.csv", "reference set, with the same objectives", 0, 0}},
        {INDICATOR,
         {"against", 0, OPT_STR, &o->against, "SET", "one of the sets is the reference set", 0, 0}},
        {INDICATOR, {"ideal", 0, OPT_STR, &o->ideal, "R,R", "ideal point of r2", 0, 0}},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && n < MAX_PARETO_OPTS; i++)
        if ((all[i].verbs & bit) != 0) opts[n++] = all[i].opt;
    return n;
}

/* Options and file of all verbs; a bad option value is a usage error, a bad file is not. */
static int pareto_run(const CliVerb *self, int argc, char **argv)
{
    ParetoOpts o = {0};
    CliOpt opts[MAX_PARETO_OPTS];
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    size_t v = 0;
    while (strcmp(pareto_verbs[v].name, self->name) != 0) v++;
    size_t n = pareto_options(opts, &o, pareto_verbs[v].bit);
    int code = cli_args(self, "pareto", opts, n, argc, argv, &pos, 1, 1);
    if (code < 0) {
        ParetoIn in = {0};
        Status st = pareto_in_load(&in, pos.item[0], &o, &a, &e);
        if (in.ref != NULL && (pareto_verbs[v].bit & (HV | CONTRIB | INDICATOR)) == 0)
            log_say(LOG_WARN, "--ref has no part in 'prime pareto %s'", self->name);
        if (st == OK) st = pareto_verbs[v].fn(&in, &o, &a, &e);
        code = st == OK ? EXIT_DONE : st == ERR_ARG ? cli_usage("%s", e.msg) : cli_fail(&e);
    }
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {
    {"hv", "POINTS.csv", "hypervolume of each set", pareto_run},
    {"front", "POINTS.csv", "the rows that no other row of their set dominates", pareto_run},
    {"rank", "POINTS.csv", "the rows with their non-domination rank, 0 for the front", pareto_run},
    {"crowding", "POINTS.csv", "the rows with rank and crowding distance within it", pareto_run},
    {"contrib", "POINTS.csv", "the rows with the hypervolume that is lost without them", pareto_run},
    {"eaf", "POINTS.csv", "what 1, 2, ... of the sets attain: corners of the surfaces", pareto_run},
    {"knee", "POINTS.csv", "the row of each set where its front bends most", pareto_run},
    {"indicator", "POINTS.csv", "epsilon, IGD, IGD+, R2 and others of each set", pareto_run},
    {0},
};
const CliNoun cli_pareto = {"pareto", "fronts and hypervolumes of points", verbs};
