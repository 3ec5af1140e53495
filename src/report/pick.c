/* pick.c - rows that match, as the arrays that the statistics take. */
#include "report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const ReportRow *pick_next(const ReportPick *p, PickAt *at)
{
    for (; at->cell < p->n_cells; at->cell++, at->row = 0) {
        const ReportCell *c = &p->r->cell[p->cell[at->cell]];
        while (at->row < c->n) {
            const ReportRow *row = &p->r->row[c->first + at->row++];
            if (row->kind == p->kind && (p->metric == NAME_ANY || row->metric == p->metric) &&
                (p->unit == NAME_ANY || row->unit == p->unit))
                return row;
        }
    }
    return NULL;
}

double pick_mean(const ReportPick *p)
{
    PickAt at = {0};
    double sum = 0;
    size_t n = 0;
    for (const ReportRow *row; (row = pick_next(p, &at)) != NULL; n++) sum += row->value;
    return n == 0 ? NAN : sum / (double)n;
}

static int u64_cmp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t count_distinct(uint64_t *x, size_t n)
{
    qsort(x, n, sizeof *x, u64_cmp);
    size_t d = 0;
    for (size_t i = 0; i < n; i++) d += i == 0 || x[i] != x[i - 1];
    return d;
}

/* Where pick_scores puts a row. */
typedef struct {
    double *score[2];
    size_t *user[2], n[2]; /* [0] held-out, [1] members */
    uint64_t *pair;
    size_t *dense, n_users; /* dense [names]: number of a name + 1 among the clusters */
} ScoreFill;

static void fill_row(ScoreFill *f, const ReportRow *row, PickBy by)
{
    size_t name = by == BY_UNIT ? row->unit : row->record, side = row->label == 1;
    if (f->dense[name] == 0) f->dense[name] = ++f->n_users;
    f->pair[f->n[0] + f->n[1]] = (uint64_t)row->unit << 32 | row->record;
    f->score[side][f->n[side]] = row->value;
    f->user[side][f->n[side]++] = f->dense[name] - 1;
}

Status pick_scores(RocData *out, size_t *n_records, const ReportPick *p, PickBy by, Arena *a, Err *e)
{
    size_t count[2] = {0};
    PickAt at = {0};
    for (const ReportRow *row; (row = pick_next(p, &at)) != NULL;)
        if (row->label != LEDGER_NO_LABEL) count[row->label == 1]++;
    ScoreFill f = {.pair = arena_alloc(a, count[0] + count[1], sizeof *f.pair),
                   .dense = arena_zalloc(a, p->r->names.n, sizeof *f.dense)};
    bool fits = f.pair != NULL && f.dense != NULL;
    for (size_t side = 0; side < 2; side++) {
        f.score[side] = arena_alloc(a, count[side], sizeof *f.score[side]);
        f.user[side] = arena_alloc(a, count[side], sizeof *f.user[side]);
        fits = fits && f.score[side] != NULL && f.user[side] != NULL;
    }
    if (!fits) FAIL(e, ERR_NOMEM, "no memory for %zu attack scores", count[0] + count[1]);
    at = (PickAt){0};
    for (const ReportRow *row; (row = pick_next(p, &at)) != NULL;)
        if (row->label != LEDGER_NO_LABEL) fill_row(&f, row, by);
    *out = (RocData){f.score[1], f.score[0], f.n[1], f.n[0], f.user[1], f.user[0], f.n_users};
    *n_records = count_distinct(f.pair, f.n[0] + f.n[1]);
    return OK;
}

Status pick_auc(RocEst *out, size_t *n_records, const ReportPick *p, PickBy by, Arena *a, Err *e)
{
    RocData d;
    TRY(pick_scores(&d, n_records, p, by, a, e));
    if (d.m == 0 || d.n == 0) {
        *out = (RocEst){.value = NAN, .se = NAN, .lo = NAN, .hi = NAN, .p = NAN, .m = d.m, .n = d.n};
        return OK;
    }
    return roc_clustered(out, &d, 0.95, e);
}

size_t pick_metrics(size_t *metric, size_t cap, ReportPick p)
{
    size_t n = 0;
    PickAt at = {0};
    p.metric = NAME_ANY;
    for (const ReportRow *row; n < cap && (row = pick_next(&p, &at)) != NULL;) {
        size_t i = 0;
        while (i < n && metric[i] != row->metric) i++;
        if (i == n) metric[n++] = row->metric;
    }
    return n;
}

Status pick_blind(double *auc, size_t *metric, const ReportPick *p, Arena *a, Err *e)
{
    size_t seen[REPORT_MAX_METRICS], n = pick_metrics(seen, REPORT_MAX_METRICS, *p), which = NAME_NONE;
    double best = NAN;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(p->r->names.name[seen[i]], "blind_", 6) != 0) continue;
        ReportPick one = *p;
        one.metric = seen[i];
        RocEst est;
        size_t n_records;
        TRY(pick_auc(&est, &n_records, &one, BY_UNIT, a, e));
        if (isnan(est.value) || fabs(est.value - 0.5) <= fabs(best - 0.5)) continue;
        best = est.value;
        which = seen[i];
    }
    *auc = best;
    *metric = which;
    return OK;
}

bool pick_paired(ReportPick a, ReportPick b)
{
    PickAt at = {0}, bt = {0};
    for (;;) {
        const ReportRow *x = pick_next(&a, &at), *y = pick_next(&b, &bt);
        if (x == NULL || y == NULL) return x == y;
        if (at.cell != bt.cell || x->unit != y->unit || x->record != y->record || x->label != y->label)
            return false;
    }
}
