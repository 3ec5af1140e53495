/* volume.c - the front under resampling of people: how often a row is on it, and the volume that a method
 * dominates. Targets and anchors are drawn anew, each among themselves; a replicate is the same for all rows
 * of a task, so that rows are compared on the same people. The leakage of a replicate is an AUC weighted by
 * people, from a table of how often the members of one win against the held-out records of another. */
#include "report_priv.h"

#include "prime/pareto.h"
#include "prime/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VOLUME_REPS = 1000, VOLUME_SEED = 20260101 };

typedef struct {
    double score;
    size_t user;
    bool member;
} VolumeScore;

/* One row of the front, by person. Its AUC under weights comes from a table of wins, or, where that would be
 * larger than the scores, from the scores themselves. */
typedef struct {
    ReportFront *f;
    UnitValues utility;
    size_t *target; /* [utility.n] numbers among the task's targets */
    double *win; /* [anchors, anchors] members of the first above held-out records of the second; or NULL */
    VolumeScore *score; /* [n] ascending */
    size_t n;
    double *in, *out; /* [anchors] members, held-out records */
} VolumePoint;

typedef struct {
    VolumePoint *point; /* [n] */
    size_t n, n_targets, n_anchors;
    size_t *target_of, *anchor_of; /* [names] number + 1 */
    double *w_target, *w_anchor;
    double *pts;          /* [n, 2] of a replicate, minimised */
    bool *on;             /* [n] */
    size_t *hits, *drawn; /* [n] */
    double ref[2];
} VolumeTask;

static size_t dense_number(size_t *of, size_t *n, size_t name)
{
    if (of[name] == 0) of[name] = ++*n;
    return of[name] - 1;
}

static int volume_score_order(const void *a, const void *b)
{
    const VolumeScore *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

/* Sweep the scores upwards; below [K] and tie [K] count held-out records by person. */
static void volume_sweep(VolumePoint *p, VolumeScore *s, size_t n, size_t K, double *below, double *tie)
{
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && s[j].score == s[i].score; j++)
            if (!s[j].member) tie[s[j].user]++;
        for (size_t k = i; k < j; k++)
            for (size_t v = 0; s[k].member && v < K; v++) p->win[s[k].user * K + v] += below[v] + tie[v] / 2;
        for (size_t k = i; k < j; k++) {
            if (s[k].member) continue;
            below[s[k].user]++;
            tie[s[k].user] = 0;
        }
    }
}

static Status volume_point(VolumePoint *p, VolumeTask *t, const Report *r, Arena *a, Err *e)
{
    const ReportGroup *g = p->f->group;
    size_t K = t->n_anchors, n = 0;
    ReportRows rows = rows_of(g, KIND_ATTACK, names_find(&r->names, r->how.attack), NAME_ANY);
    TRY(unit_utility(&p->utility, r, g, p->f->metric, a, e));
    p->target = arena_alloc(a, p->utility.n, sizeof *p->target);
    p->win = K <= rows.n / K ? arena_zalloc(a, K * K, sizeof *p->win) : NULL;
    p->in = arena_zalloc(a, 4 * K, sizeof *p->in);
    VolumeScore *s = arena_alloc(a, rows.n, sizeof *s);
    if (p->target == NULL || (K <= rows.n / K && p->win == NULL) || p->in == NULL || s == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the scores of %zu people", K);
    p->out = p->in + K;
    for (size_t i = 0; i < p->utility.n; i++) p->target[i] = t->target_of[p->utility.unit[i]] - 1;
    for (size_t i = 0; i < rows.n; i++) {
        if (rows.row[i]->label == LEDGER_NO_LABEL) continue;
        size_t user = t->anchor_of[rows.row[i]->unit] - 1;
        s[n++] = (VolumeScore){rows.row[i]->value, user, rows.row[i]->label == 1};
        (rows.row[i]->label == 1 ? p->in : p->out)[user]++;
    }
    qsort(s, n, sizeof *s, volume_score_order);
    p->score = s;
    p->n = n;
    if (p->win != NULL) volume_sweep(p, s, n, K, p->in + 2 * K, p->in + 3 * K);
    return OK;
}

static double replicate_utility(const VolumePoint *p, const double *w)
{
    double sum = 0, total = 0;
    for (size_t i = 0; i < p->utility.n; i++) {
        sum += w[p->target[i]] * p->utility.value[i];
        total += w[p->target[i]];
    }
    return total > 0 ? sum / total : NAN;
}

/* Wins under weights, from the scores: ties by half. */
static double replicate_wins(const VolumePoint *p, const double *w)
{
    double sum = 0, below = 0;
    for (size_t i = 0, j; i < p->n; i = j) {
        double in = 0, out = 0;
        for (j = i; j < p->n && p->score[j].score == p->score[i].score; j++)
            *(p->score[j].member ? &in : &out) += w[p->score[j].user];
        sum += in * (below + out / 2);
        below += out;
    }
    return sum;
}

static double replicate_auc(const VolumePoint *p, const double *w, size_t K)
{
    double sum = p->win == NULL ? replicate_wins(p, w) : 0, in = 0, out = 0;
    for (size_t u = 0; u < K; u++) {
        in += w[u] * p->in[u];
        out += w[u] * p->out[u];
        for (size_t v = 0; p->win != NULL && v < K && w[u] > 0; v++) sum += w[u] * w[v] * p->win[u * K + v];
    }
    return in > 0 && out > 0 ? sum / (in * out) : NAN;
}

static void volume_draw(double *w, size_t n, const char *label, uint64_t rep)
{
    Rng rng = rng_stream(VOLUME_SEED, label, rep);
    for (size_t i = 0; i < n; i++) w[i] = 0;
    for (size_t i = 0; i < n; i++) w[rng_below(&rng, n)]++;
}

/* The points under the weights at hand; one that has no number lies beyond the reference point. */
static void volume_replicate(VolumeTask *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const VolumePoint *p = &t->point[i];
        double u = replicate_utility(p, t->w_target), leak = replicate_auc(p, t->w_anchor, t->n_anchors);
        bool known = !isnan(u) && !isnan(leak);
        t->pts[2 * i] = known ? -p->f->sign * u : t->ref[0] + 1;
        t->pts[2 * i + 1] = known ? leak : t->ref[1] + 1;
        t->drawn[i] += known;
    }
}

static Status volume_count(VolumeTask *t, Err *e)
{
    TRY(pareto_front(t->on, t->pts, t->n, 2, PARETO_ALL, e));
    for (size_t i = 0; i < t->n; i++) t->hits[i] += t->on[i] && t->pts[2 * i + 1] <= t->ref[1];
    return OK;
}

/* Points of one method come one after the other. */
typedef struct {
    ReportVolume out;
    size_t from, n;
    double *rep; /* [VOLUME_REPS] */
} VolumeRow;

static Status volume_of(double *hv, const VolumeTask *t, const VolumeRow *row, Err *e)
{
    return pareto_hv(hv, t->pts + 2 * row->from, row->n, 2, t->ref, e);
}

static Status volume_resample(VolumeTask *t, VolumeRow *row, size_t n_rows, Err *e)
{
    for (uint64_t rep = 0; rep < VOLUME_REPS; rep++) {
        volume_draw(t->w_target, t->n_targets, "report_targets", rep);
        volume_draw(t->w_anchor, t->n_anchors, "report_anchors", rep);
        volume_replicate(t);
        TRY(volume_count(t, e));
        for (size_t i = 0; i < n_rows; i++) TRY(volume_of(&row[i].rep[rep], t, &row[i], e));
    }
    for (size_t i = 0; i < t->n; i++)
        t->point[i].f->p_front = t->drawn[i] > 0 ? (double)t->hits[i] / (double)t->drawn[i] : NAN;
    return OK;
}

/* All points of the task, then those of each method but the base. */
static Status volume_rows(VolumeRow **out, size_t *n_rows, const VolumeTask *t, Arena *a, Err *e)
{
    VolumeRow *row = arena_zalloc(a, t->n + 1, sizeof *row);
    if (row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu volumes", t->n + 1);
    row[0].n = t->n;
    *n_rows = 1;
    for (size_t i = 0; i < t->n; i++) {
        const ReportGroup *g = t->point[i].f->group;
        if (g->is_base) continue;
        VolumeRow *last = &row[*n_rows - 1];
        if (*n_rows == 1 || strcmp(last->out.method, g->method) != 0) {
            last = &row[(*n_rows)++];
            last->from = i;
            last->out.method = g->method;
        }
        last->n++;
    }
    for (size_t i = 0; i < *n_rows; i++) {
        row[i].rep = arena_alloc(a, VOLUME_REPS, sizeof *row[i].rep);
        if (row[i].rep == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu volumes", t->n + 1);
        row[i].out.task = t->point[0].f->group->task;
        row[i].out.n_points = row[i].n;
    }
    *out = row;
    return OK;
}

static void volume_interval(VolumeRow *row, const VolumeTask *t)
{
    row->out.lo = row->out.hi = NAN;
    if (t->n_targets >= 2 && t->n_anchors >= 2) {
        stats_sort(row->rep, VOLUME_REPS);
        row->out.lo = stats_quantile(row->rep, VOLUME_REPS, 0.025);
        row->out.hi = stats_quantile(row->rep, VOLUME_REPS, 0.975);
    }
    row->out.ref[0] = -t->point[0].f->sign * t->ref[0];
    row->out.ref[1] = t->ref[1];
}

static Status volume_task(Report *r, VolumeTask *t, Arena *a, Err *e)
{
    VolumeRow *row = NULL;
    size_t n_rows = 0;
    for (size_t i = 0; i < t->n; i++) TRY(volume_point(&t->point[i], t, r, a, e));
    TRY(volume_rows(&row, &n_rows, t, a, e));
    for (size_t i = 0; i < t->n_targets; i++) t->w_target[i] = 1;
    for (size_t i = 0; i < t->n_anchors; i++) t->w_anchor[i] = 1;
    volume_replicate(t);
    memset(t->drawn, 0, t->n * sizeof *t->drawn);
    for (size_t i = 0; i < n_rows; i++) TRY(volume_of(&row[i].out.value, t, &row[i], e));
    TRY(volume_resample(t, row, n_rows, e));
    for (size_t i = 0; i < n_rows; i++) {
        volume_interval(&row[i], t);
        r->volume[r->n_volumes++] = row[i].out;
    }
    return OK;
}

/* The rows of a task that have both numbers, and the people behind them. */
static Status volume_begin(VolumeTask *t, const Report *r, ReportFront *f, size_t n, Arena *a, Err *e)
{
    size_t names = r->names.n;
    *t = (VolumeTask){.point = arena_zalloc(a, n, sizeof *t->point),
                      .target_of = arena_zalloc(a, names, sizeof *t->target_of),
                      .anchor_of = arena_zalloc(a, names, sizeof *t->anchor_of),
                      .w_target = arena_zalloc(a, names, sizeof *t->w_target),
                      .w_anchor = arena_zalloc(a, names, sizeof *t->w_anchor),
                      .pts = arena_zalloc(a, n, 2 * sizeof *t->pts),
                      .on = arena_zalloc(a, n, sizeof *t->on),
                      .hits = arena_zalloc(a, n, sizeof *t->hits),
                      .drawn = arena_zalloc(a, n, sizeof *t->drawn)};
    if (t->point == NULL || t->target_of == NULL || t->anchor_of == NULL || t->w_target == NULL ||
        t->w_anchor == NULL || t->pts == NULL || t->on == NULL || t->hits == NULL || t->drawn == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    for (size_t i = 0; i < n; i++) {
        if (isnan(f[i].utility.value) || isnan(f[i].leak.value)) continue;
        t->point[t->n++].f = &f[i];
        ReportRows u = rows_utility(f[i].group, f[i].metric);
        ReportRows k = rows_of(f[i].group, KIND_ATTACK, names_find(&r->names, r->how.attack), NAME_ANY);
        for (size_t j = 0; j < u.n; j++) dense_number(t->target_of, &t->n_targets, u.row[j]->unit);
        for (size_t j = 0; j < k.n; j++) dense_number(t->anchor_of, &t->n_anchors, k.row[j]->unit);
    }
    double sign = t->n > 0 ? t->point[0].f->sign : 1;
    double worst = !isnan(r->how.volume_utility) ? r->how.volume_utility : sign > 0 ? 0 : 4;
    t->ref[0] = -sign * worst;
    t->ref[1] = 1;
    return OK;
}

Status volume_fill(Report *r, Err *e)
{
    r->volume = arena_zalloc(&r->arena, 2 * r->n_groups, sizeof *r->volume);
    if (r->volume == NULL) FAIL(e, ERR_NOMEM, "no memory for the volumes");
    Arena scratch = {0};
    Status s = OK;
    for (size_t i = 0, n; i < r->n_groups && s == OK; i += n) {
        VolumeTask t;
        for (n = 1; i + n < r->n_groups && strcmp(r->group[i + n].task, r->group[i].task) == 0;) n++;
        s = volume_begin(&t, r, &r->front[i], n, &scratch, e);
        if (s == OK && t.n > 0) s = volume_task(r, &t, &scratch, e);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    return s;
}
