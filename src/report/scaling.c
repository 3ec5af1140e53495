/* scaling.c - why a merge leaks less than an anchor's own adapter: because each anchor is scaled down in it
 * (method `scaled`: the anchor by itself at its weight), or because the other anchors are there, too. */
#include "report_priv.h"

#include <math.h>
#include <string.h>

/* What an anchor's records are attacked under. */
enum { OWN, SCALED, MERGED, N_STAGES };

typedef struct {
    double *auc[N_STAGES]; /* [n] of each anchor, the mean over its cells */
    size_t n, n_pairs;
} Stages;

static Status stage_auc(double *auc, ReportRows rows, Arena *a, Err *e)
{
    RocData d;
    TRY(pick_scores(&d, NULL, rows, BY_UNIT, a, e));
    double *work = arena_alloc(a, d.n, sizeof *work);
    if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", d.n);
    *auc = d.m > 0 && d.n > 0 ? roc_auc(d.pos, d.m, d.neg, d.n, work) : NAN;
    return OK;
}

/* The rows of the cell of the same seed and, unless it is an anchor's own, the same target. */
static ReportRows cell_beside(const Report *r, const ReportCell *merge, ReportRows rows, bool own)
{
    ReportRows run;
    while (rows_next_cell(&run, &rows)) {
        const ReportCell *c = &r->cell[run.row[0]->cell];
        if (c->seed == merge->seed && (own || strcmp(c->target, merge->target) == 0)) return run;
    }
    return (ReportRows){0};
}

/* One anchor under one attack: cells that all three have. */
static Status stages_anchor(Stages *s, const Report *r, const ReportGroup *const *group, ReportRows merge,
                            Arena *a, Err *e)
{
    double sum[N_STAGES] = {0};
    size_t n = 0, attack = merge.row[0]->metric, unit = merge.row[0]->unit;
    for (ReportRows run; rows_next_cell(&run, &merge);) {
        double auc[N_STAGES] = {NAN, NAN, NAN};
        const ReportCell *c = &r->cell[run.row[0]->cell];
        TRY(stage_auc(&auc[MERGED], run, a, e));
        for (size_t k = OWN; k <= SCALED; k++)
            TRY(stage_auc(&auc[k], cell_beside(r, c, rows_of(group[k], KIND_ATTACK, attack, unit), k == OWN),
                          a, e));
        if (isnan(auc[OWN]) || isnan(auc[SCALED]) || isnan(auc[MERGED])) continue;
        for (size_t k = 0; k < N_STAGES; k++) sum[k] += auc[k];
        n++;
    }
    for (size_t k = 0; n > 0 && k < N_STAGES; k++) s->auc[k][s->n] = sum[k] / (double)n;
    s->n += n > 0;
    s->n_pairs += n;
    return OK;
}

static Status stages_attack(Stages *s, const Report *r, const ReportGroup *const *group, ReportRows rows,
                            Arena *a, Err *e)
{
    ReportRows unit;
    size_t cap = 0;
    *s = (Stages){0};
    for (ReportRows rest = rows; rows_next_unit(&unit, &rest);) cap++;
    for (size_t k = 0; k < N_STAGES; k++) {
        s->auc[k] = arena_alloc(a, cap, sizeof *s->auc[k]);
        if (s->auc[k] == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", cap);
    }
    while (rows_next_unit(&unit, &rows)) TRY(stages_anchor(s, r, group, unit, a, e));
    return OK;
}

/* ---- one row ---- */

static double weighted_mean(const double *x, const double *w, size_t n)
{
    double sum = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        sum += w[i] * x[i];
        all += w[i];
    }
    return sum / all;
}

/* (own - scaled) / (own - merged), all means over anchors. */
static double scaling_share(void *ctx, const double *w)
{
    const Stages *s = ctx;
    double m[N_STAGES];
    for (size_t k = 0; k < N_STAGES; k++) m[k] = weighted_mean(s->auc[k], w, s->n);
    return m[OWN] != m[MERGED] ? (m[OWN] - m[SCALED]) / (m[OWN] - m[MERGED]) : NAN;
}

static const StatsBoot share_boot = {.reps = 2000, .level = 0.95, .seed = 1, .kind = STATS_PERCENTILE};

static Status grid_lost(Grid *g, MeanEst *out, const Stages *s, size_t from, size_t to, Arena *a, Err *e)
{
    double *diff = arena_alloc(a, s->n, sizeof *diff);
    if (diff == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", s->n);
    for (size_t i = 0; i < s->n; i++) diff[i] = s->auc[from][i] - s->auc[to][i];
    *out = unit_mean(diff, s->n, 0, 0.95);
    grid_num(g, out->value);
    grid_num(g, out->lo);
    grid_num(g, out->hi);
    return OK;
}

/* A share is given where there is something to explain. */
static Status scaling_row(Grid *g, const Report *r, const ReportGroup *group, size_t attack, Stages *s,
                          Arena *a, Err *e)
{
    static const size_t steps[][2] = {{OWN, MERGED}, {OWN, SCALED}, {SCALED, MERGED}};
    StatsEst share = {.value = NAN, .lo = NAN, .hi = NAN};
    MeanEst lost[3];
    grid_group(g, group);
    grid_text(g, r->names.name[attack]);
    for (size_t k = 0; k < N_STAGES; k++) {
        double sum = 0;
        for (size_t i = 0; i < s->n; i++) sum += s->auc[k][i];
        grid_num(g, sum / (double)s->n);
    }
    for (size_t k = 0; k < 3; k++) TRY(grid_lost(g, &lost[k], s, steps[k][0], steps[k][1], a, e));
    if (lost[0].lo > 0) TRY(stats_boot(&share, scaling_share, s, s->n, &share_boot, e));
    grid_num(g, share.value);
    grid_num(g, share.lo);
    grid_num(g, share.hi);
    grid_count(g, s->n);
    grid_count(g, s->n_pairs);
    return OK;
}

static Status scaling_group(Grid *g, const Report *r, const ReportGroup *group, Arena *a, Err *e)
{
    const ReportGroup *beside[] = {group_beside(r, group, "anchor"), group_beside(r, group, "scaled")};
    ReportRows rest = rows_of(group, KIND_ATTACK, NAME_ANY, NAME_ANY), run;
    if (!method_is(group->method, "evolved") || beside[OWN] == NULL || beside[SCALED] == NULL) return OK;
    while (rows_next_metric(&run, &rest)) {
        Stages s;
        TRY(stages_attack(&s, r, beside, run, a, e));
        if (s.n > 0) TRY(scaling_row(g, r, group, run.row[0]->metric, &s, a, e));
    }
    return OK;
}

Status grid_scaling(Grid *g, const Report *r, Err *e)
{
    return between_each(g, r, scaling_group, e);
}
