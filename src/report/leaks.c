/* leaks.c - who pays: what each anchor leaks in each merge, and how leakage grows with the merge weight. */
#include "report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One anchor under one attack in one row of the front. */
typedef struct {
    size_t unit, n_records, n_cells, rank;
    RocEst auc;
    double holm, bh, weight, size; /* size: mean of |w| */
} Leak;

static double rows_size(ReportRows rows)
{
    double sum = 0;
    for (size_t i = 0; i < rows.n; i++) sum += fabs(rows.row[i]->value);
    return rows.n == 0 ? NAN : sum / (double)rows.n;
}

static Status leak_one(Leak *l, const Report *r, const ReportGroup *g, ReportRows rows, Arena *a, Err *e)
{
    l->unit = rows.row[0]->unit;
    TRY(pick_auc(&l->auc, &l->n_records, rows, BY_RECORD, 0.95, a, e));
    ReportRows w = rows_of(g, KIND_WEIGHT, names_find(&r->names, "w"), l->unit), cell;
    l->weight = rows_mean(w);
    l->size = rows_size(w);
    l->n_cells = 0;
    while (rows_next_cell(&cell, &rows)) l->n_cells++;
    return OK;
}

/* 1 for the largest weight; equal weights share the better place. 0: no weight. */
static void leak_ranks(Leak *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        l[i].rank = (size_t)!isnan(l[i].size);
        for (size_t j = 0; j < n && l[i].rank > 0; j++) l[i].rank += (size_t)(l[j].size > l[i].size);
    }
}

static Status leak_adjust(Leak *l, size_t n, Arena *a, Err *e)
{
    double *p = arena_alloc(a, n, sizeof *p), *q = arena_alloc(a, n, sizeof *q);
    if (p == NULL || q == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    for (size_t i = 0; i < n; i++) p[i] = l[i].auc.p;
    TRY(adjust_fill(q, p, n, "holm", a, e));
    for (size_t i = 0; i < n; i++) l[i].holm = q[i];
    TRY(adjust_fill(q, p, n, "bh", a, e));
    for (size_t i = 0; i < n; i++) l[i].bh = q[i];
    return OK;
}

/* rows: those of one attack. *n counts the anchors with records on both sides. */
static Status leaks_of(Leak **out, size_t *n, const Report *r, const ReportGroup *g, ReportRows rows,
                       Arena *a, Err *e)
{
    ReportRows unit;
    size_t cap = 0;
    for (ReportRows rest = rows; rows_next_unit(&unit, &rest);) cap++;
    Leak *l = arena_alloc(a, cap, sizeof *l);
    if (l == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", cap);
    *n = 0;
    while (rows_next_unit(&unit, &rows)) {
        TRY(leak_one(&l[*n], r, g, unit, a, e));
        *n += (size_t)!isnan(l[*n].auc.value);
    }
    leak_ranks(l, *n);
    *out = l;
    return leak_adjust(l, *n, a, e);
}

static void grid_leak(Grid *out, const Report *r, const ReportGroup *g, size_t attack, const Leak *l)
{
    grid_text(out, g->task);
    grid_text(out, g->method);
    grid_num(out, g->lambda);
    grid_text(out, r->names.name[l->unit]);
    grid_text(out, r->names.name[attack]);
    grid_three(out, l->auc.value, l->auc.lo, l->auc.hi);
    grid_num(out, l->auc.p);
    grid_num(out, l->holm);
    grid_num(out, l->bh);
    grid_count(out, l->n_records);
    grid_count(out, l->n_cells);
    grid_num(out, l->weight);
    grid_num(out, l->size);
    grid_num(out, l->rank > 0 ? (double)l->rank : NAN);
}

/* only: one attack, or NAME_ANY. */
static Status leaks_group(Grid *out, const Report *r, const ReportGroup *g, size_t only, Arena *a, Err *e)
{
    ReportRows rest = rows_of(g, KIND_ATTACK, NAME_ANY, NAME_ANY), run;
    while (rows_next_metric(&run, &rest)) {
        Leak *l = NULL;
        size_t n = 0;
        if (only != NAME_ANY && run.row[0]->metric != only) continue;
        TRY(leaks_of(&l, &n, r, g, run, a, e));
        for (size_t i = 0; i < n; i++) grid_leak(out, r, g, run.row[0]->metric, &l[i]);
    }
    return OK;
}

static Status leaks_grid(Grid *g, const Report *r, size_t only, Err *e)
{
    Arena scratch = {0};
    Status s = OK;
    for (size_t i = 0; i < r->n_groups && s == OK; i++) {
        s = leaks_group(g, r, &r->group[i], only, &scratch, e);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    if (s == OK && g->failed) FAIL(e, ERR_NOMEM, "no memory for %s", g->file);
    return s;
}

Status grid_anchors(Grid *g, const Report *r, Err *e)
{
    return leaks_grid(g, r, NAME_ANY, e);
}

/* ---- as many as a page can hold ---- */

enum { PAGE_MAX_LEAKS = 3000, LEAK_AUC = 5 };

/* Rows of anchors.csv: people with records on both sides, for each row of the front and attack. */
static size_t leaks_count(const Report *r, size_t only)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_groups; i++) {
        ReportRows rest = rows_of(&r->group[i], KIND_ATTACK, NAME_ANY, NAME_ANY), run, unit;
        while (rows_next_metric(&run, &rest)) {
            if (only != NAME_ANY && run.row[0]->metric != only) continue;
            while (rows_next_unit(&unit, &run)) {
                bool side[2] = {false, false};
                for (size_t k = 0; k < unit.n; k++)
                    if (unit.row[k]->label != LEDGER_NO_LABEL) side[unit.row[k]->label == 1] = true;
                n += (size_t)(side[0] && side[1]);
            }
        }
    }
    return n;
}

size_t anchors_left_out(const Report *r)
{
    size_t all = leaks_count(r, NAME_ANY);
    if (all <= PAGE_MAX_LEAKS) return 0;
    size_t some = leaks_count(r, names_find(&r->names, r->how.attack));
    return all - (some < PAGE_MAX_LEAKS ? some : PAGE_MAX_LEAKS);
}

/* Keep the rows with the largest AUCs, in their order. */
static Status leaks_cut(Grid *g, Err *e)
{
    size_t n = grid_rows(g), kept = 0, equal = 0;
    double *auc = arena_alloc(g->arena, n, sizeof *auc);
    if (auc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", n);
    for (size_t i = 0; i < n; i++) auc[i] = g->cell[i * g->n_cols + LEAK_AUC].num;
    stats_sort(auc, n);
    double least = auc[n - PAGE_MAX_LEAKS];
    for (size_t i = n - PAGE_MAX_LEAKS; i < n && auc[i] == least; i++) equal++; /* of these so many */
    for (size_t i = 0; i < n; i++) {
        double x = g->cell[i * g->n_cols + LEAK_AUC].num;
        if (x < least || (x == least && equal == 0)) continue;
        equal -= (size_t)(x == least);
        memmove(g->cell + kept++ * g->n_cols, g->cell + i * g->n_cols, g->n_cols * sizeof *g->cell);
    }
    g->n_cells = kept * g->n_cols;
    return OK;
}

Status grid_anchors_page(Grid *g, const Report *r, Err *e)
{
    bool fits = leaks_count(r, NAME_ANY) <= PAGE_MAX_LEAKS;
    TRY(leaks_grid(g, r, fits ? NAME_ANY : names_find(&r->names, r->how.attack), e));
    return grid_rows(g) > PAGE_MAX_LEAKS ? leaks_cut(g, e) : OK;
}

static int leak_ref_order(const void *a, const void *b)
{
    const LeakRef *x = a, *y = b;
    if (x->auc.value != y->auc.value) return x->auc.value > y->auc.value ? -1 : 1;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return strcmp(x->anchor, y->anchor);
}

Status leaks_top(LeakRef *top, size_t *n, size_t cap, const Report *r, Arena *a, Err *e)
{
    size_t all = 0, attack = names_find(&r->names, r->how.attack);
    *n = 0;
    for (size_t i = 0; i < r->n_groups; i++)
        if (r->group[i].is_merge) all += rows_of(&r->group[i], KIND_ATTACK, attack, NAME_ANY).n;
    LeakRef *ref = arena_alloc(a, all, sizeof *ref);
    if (ref == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", all);
    size_t k = 0;
    for (size_t i = 0; i < r->n_groups; i++) {
        const ReportGroup *g = &r->group[i];
        Leak *l = NULL;
        size_t people = 0;
        if (!g->is_merge) continue;
        TRY(leaks_of(&l, &people, r, g, rows_of(g, KIND_ATTACK, attack, NAME_ANY), a, e));
        for (size_t u = 0; u < people; u++)
            ref[k++] = (LeakRef){g, r->names.name[l[u].unit], l[u].auc, l[u].holm};
    }
    if (k > 0) qsort(ref, k, sizeof *ref, leak_ref_order);
    *n = k < cap ? k : cap;
    if (*n > 0) memcpy(top, ref, *n * sizeof *top);
    return OK;
}

/* ---- dose and response ---- */

/* One anchor in one cell. */
typedef struct {
    size_t anchor; /* dense */
    double size, auc;
} Dose;

/* Sums over one anchor's cells, of sizes and AUCs less their means over all. */
typedef struct {
    double n, x, y, xx, xy, yy;
} DoseSum;

typedef struct {
    Dose *dose;
    size_t n, n_anchors;
    bool within;  /* each anchor's own means taken away first */
    DoseSum *sum; /* [n_anchors] */
} DoseFit;

/* Least squares of auc on |w|, anchors weighted. NaN where |w| does not vary. */
static double dose_slope(void *ctx, const double *w)
{
    const DoseFit *f = ctx;
    DoseSum t = {0};
    double xx = 0, xy = 0, yy = 0, size = 0;
    for (size_t u = 0; u < f->n_anchors; u++) {
        const DoseSum *s = &f->sum[u];
        double own = f->within ? 1 / s->n : 0;
        t.n += w[u] * s->n;
        t.x += w[u] * s->x;
        t.y += w[u] * s->y;
        xx += w[u] * (s->xx - own * s->x * s->x);
        xy += w[u] * (s->xy - own * s->x * s->y);
        yy += w[u] * (s->yy - own * s->y * s->y);
        size += w[u] * s->xx;
    }
    if (!f->within) {
        xx -= t.x * t.x / t.n;
        xy -= t.x * t.y / t.n;
        yy -= t.y * t.y / t.n;
    }
    if (xx <= 1e-12 * size) return NAN;
    return xy * xy <= 1e-20 * xx * fabs(yy) ? 0 : xy / xx; /* rounding */
}

static void dose_sums(DoseFit *f)
{
    double x = 0, y = 0;
    for (size_t i = 0; i < f->n; i++) {
        x += f->dose[i].size / (double)f->n;
        y += f->dose[i].auc / (double)f->n;
    }
    for (size_t i = 0; i < f->n; i++) {
        DoseSum *s = &f->sum[f->dose[i].anchor];
        double dx = f->dose[i].size - x, dy = f->dose[i].auc - y;
        *s = (DoseSum){s->n + 1, s->x + dx, s->y + dy, s->xx + dx * dx, s->xy + dx * dy, s->yy + dy * dy};
    }
}

static Status dose_point(Dose *out, bool *known, ReportRows cell, ReportRows *weight, Arena *a, Err *e)
{
    RocData d;
    size_t n = 0;
    while (weight->n > 0 && weight->row[0]->cell < cell.row[0]->cell) {
        weight->row++;
        weight->n--;
    }
    while (n < weight->n && weight->row[n]->cell == cell.row[0]->cell) n++;
    TRY(pick_scores(&d, NULL, cell, BY_UNIT, a, e));
    double *work = arena_alloc(a, d.n, sizeof *work);
    if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", d.n);
    *known = n > 0 && d.m > 0 && d.n > 0;
    if (*known)
        *out = (Dose){out->anchor, rows_size((ReportRows){weight->row, n}),
                      roc_auc(d.pos, d.m, d.neg, d.n, work)};
    return OK;
}

static Status doses_of(DoseFit *f, const Report *r, const ReportGroup *g, ReportRows rows, Arena *a, Err *e)
{
    Dose *dose = arena_alloc(a, rows.n, sizeof *dose);
    if (dose == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", rows.n);
    *f = (DoseFit){.dose = dose};
    ReportRows unit, cell;
    while (rows_next_unit(&unit, &rows)) {
        ReportRows weight = rows_of(g, KIND_WEIGHT, names_find(&r->names, "w"), unit.row[0]->unit);
        size_t before = f->n;
        while (rows_next_cell(&cell, &unit)) {
            bool known = false;
            dose[f->n].anchor = f->n_anchors;
            TRY(dose_point(&dose[f->n], &known, cell, &weight, a, e));
            f->n += known;
        }
        f->n_anchors += f->n > before;
    }
    f->sum = arena_zalloc(a, f->n_anchors, sizeof *f->sum);
    if (f->sum == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", f->n_anchors);
    dose_sums(f);
    return OK;
}

static const StatsBoot dose_boot = {.reps = 1000, .level = 0.95, .seed = 20260101, .kind = STATS_PERCENTILE};

/* The slope with a bootstrap over anchors; NaN where |w| does not vary. */
static Status dose_fit(StatsEst *out, DoseFit *f, bool within, Arena *a, Err *e)
{
    *out = (StatsEst){.value = NAN, .se = NAN, .lo = NAN, .hi = NAN};
    f->within = within;
    double *ones = arena_alloc(a, f->n_anchors, sizeof *ones);
    if (ones == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", f->n_anchors);
    for (size_t i = 0; i < f->n_anchors; i++) ones[i] = 1;
    if (f->n_anchors == 0 || isnan(dose_slope(f, ones))) return OK;
    return stats_boot(out, dose_slope, f, f->n_anchors, &dose_boot, e);
}

/* ---- ranks ---- */

/* Anchors by their mean |w| and mean AUC. */
typedef struct {
    double *value[2];
    size_t *order[2]; /* of each */
    double *rank[2];  /* scratch */
    size_t n;
} DoseRanks;

static void dose_order(size_t *order, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = i;
        for (; j > 0 && x[order[j - 1]] > x[i]; j--) order[j] = order[j - 1];
        order[j] = i;
    }
}

/* Mid-ranks of the values when the i-th counts w[i] times. */
static void dose_rank(double *rank, const double *x, const size_t *order, const double *w, size_t n)
{
    double below = 0;
    for (size_t i = 0, j; i < n; i = j) {
        double tie = 0;
        for (j = i; j < n && x[order[j]] == x[order[i]]; j++) tie += w[order[j]];
        for (size_t k = i; k < j; k++) rank[order[k]] = below + tie / 2;
        below += tie;
    }
}

/* Correlation of the ranks; NaN where one of them does not vary. */
static double dose_spearman(void *ctx, const double *w)
{
    const DoseRanks *f = ctx;
    double n = 0, xx = 0, xy = 0, yy = 0;
    for (size_t k = 0; k < 2; k++) dose_rank(f->rank[k], f->value[k], f->order[k], w, f->n);
    for (size_t u = 0; u < f->n; u++) n += w[u];
    for (size_t u = 0; u < f->n; u++) { /* the mean of mid-ranks is n / 2 */
        double x = f->rank[0][u] - n / 2, y = f->rank[1][u] - n / 2;
        xx += w[u] * x * x;
        xy += w[u] * x * y;
        yy += w[u] * y * y;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

static Status dose_ranks(StatsEst *out, const DoseFit *fit, Arena *a, Err *e)
{
    size_t n = fit->n_anchors;
    double *x = arena_zalloc(a, n, 6 * sizeof *x), *count = x + 4 * n, *ones = x + 5 * n;
    size_t *order = arena_alloc(a, n, 2 * sizeof *order);
    if (x == NULL || order == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", n);
    DoseRanks f = {{x, x + n}, {order, order + n}, {x + 2 * n, x + 3 * n}, n};
    for (size_t i = 0; i < fit->n; i++) count[fit->dose[i].anchor]++;
    for (size_t i = 0; i < fit->n; i++) {
        size_t u = fit->dose[i].anchor;
        x[u] += fit->dose[i].size / count[u];
        x[n + u] += fit->dose[i].auc / count[u];
        ones[u] = 1;
    }
    for (size_t k = 0; k < 2; k++) dose_order(f.order[k], f.value[k], n);
    *out = (StatsEst){.value = NAN, .se = NAN, .lo = NAN, .hi = NAN};
    if (n < 3 || isnan(dose_spearman(&f, ones))) return OK;
    return stats_boot(out, dose_spearman, &f, n, &dose_boot, e);
}

static Status dose_group(Grid *out, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportRows rest = rows_of(g, KIND_ATTACK, NAME_ANY, NAME_ANY), run;
    if (rows_of(g, KIND_WEIGHT, NAME_ANY, NAME_ANY).n == 0) return OK;
    while (rows_next_metric(&run, &rest)) {
        DoseFit f;
        StatsEst all, within, ranks;
        TRY(doses_of(&f, r, g, run, a, e));
        TRY(dose_fit(&all, &f, false, a, e));
        TRY(dose_fit(&within, &f, true, a, e));
        TRY(dose_ranks(&ranks, &f, a, e));
        grid_text(out, g->task);
        grid_text(out, g->method);
        grid_num(out, g->lambda);
        grid_text(out, r->names.name[run.row[0]->metric]);
        grid_three(out, all.value, all.lo, all.hi);
        grid_three(out, within.value, within.lo, within.hi);
        grid_three(out, ranks.value, ranks.lo, ranks.hi);
        grid_count(out, f.n_anchors);
        grid_count(out, f.n);
    }
    return OK;
}

Status grid_dose(Grid *g, const Report *r, Err *e)
{
    Arena scratch = {0};
    Status s = OK;
    for (size_t i = 0; i < r->n_groups && s == OK; i++) {
        s = dose_group(g, r, &r->group[i], &scratch, e);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    if (s == OK && g->failed) FAIL(e, ERR_NOMEM, "no memory for %s", g->file);
    return s;
}
