/* attain.c - attainment surfaces: the utility and the leakage that half of the seeds reach, and all of them.
 */
#include "report_priv.h"

#include "prime/pareto.h"
#include "prime/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t seed;
    const ReportRow *row;
} SeedRow;

static bool seed_row_before(SeedRow a, SeedRow b)
{
    return a.seed < b.seed;
}

SORT_DEFINE(attain_by_seed, SeedRow, seed_row_before);

/* The rows anew, by seed, else in their order: *out runs over memory of a, *seed says whose each is. */
static Status rows_by_seed(ReportRows *out, uint64_t **seed, const Report *r, ReportRows rows, Arena *a,
                           Err *e)
{
    SeedRow *s = arena_alloc(a, rows.n, 2 * sizeof *s);
    const ReportRow **row = arena_alloc(a, rows.n, sizeof *row);
    *seed = arena_alloc(a, rows.n, sizeof **seed);
    if (s == NULL || row == NULL || *seed == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", rows.n);
    for (size_t i = 0; i < rows.n; i++) s[i] = (SeedRow){r->cell[rows.row[i]->cell].seed, rows.row[i]};
    attain_by_seed(s, rows.n, s + rows.n);
    for (size_t i = 0; i < rows.n; i++) {
        row[i] = s[i].row;
        (*seed)[i] = s[i].seed;
    }
    *out = (ReportRows){row, rows.n};
    return OK;
}

static ReportRows seed_run(ReportRows rows, const uint64_t *seed, size_t from)
{
    size_t to = from;
    while (to < rows.n && seed[to] == seed[from]) to++;
    return (ReportRows){rows.row + from, to - from};
}

/* The points of one method, both objectives minimised, and whose they are. */
typedef struct {
    double *pts; /* [n, 2] */
    uint64_t *seed;
    size_t *run;
    size_t n;
} SeedPoints;

/* Mean over people of their own means. */
static double seed_utility(const Report *r, ReportRows rows)
{
    double sum = 0, n = 0;
    bool root = rows.row[0]->kind == KIND_UTILITY && metric_root(r, rows.row[0]->metric);
    for (ReportRows unit; rows_next_unit(&unit, &rows); n++)
        sum += root ? sqrt(rows_mean(unit)) : rows_mean(unit);
    return sum / n;
}

static Status seed_leakage(double *auc, ReportRows rows, Arena *a, Err *e)
{
    RocData d;
    TRY(pick_scores(&d, NULL, rows, BY_UNIT, a, e));
    double *work = arena_alloc(a, d.n, sizeof *work);
    if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", d.n);
    *auc = d.m > 0 && d.n > 0 ? roc_auc(d.pos, d.m, d.neg, d.n, work) : NAN;
    return OK;
}

/* One point for each seed that has both numbers. */
static Status seed_points(SeedPoints *p, const Report *r, const ReportFront *f, Arena *a, Err *e)
{
    ReportRows u, k;
    uint64_t *us, *ks;
    size_t attack = names_find(&r->names, r->how.attack);
    if (f->metric == NAME_NONE) return OK;
    TRY(rows_by_seed(&u, &us, r, rows_utility(f->group, f->metric), a, e));
    TRY(rows_by_seed(&k, &ks, r, rows_of(f->group, KIND_ATTACK, attack, NAME_ANY), a, e));
    for (size_t i = 0, j = 0; i < u.n && j < k.n;) {
        ReportRows one = seed_run(u, us, i), two = seed_run(k, ks, j);
        if (us[i] == ks[j]) {
            double auc = NAN;
            TRY(seed_leakage(&auc, two, a, e));
            p->pts[2 * p->n] = -f->sign * seed_utility(r, one);
            p->pts[2 * p->n + 1] = auc;
            p->seed[p->n] = us[i];
            p->n += (size_t)!isnan(auc);
        }
        bool first = us[i] <= ks[j], second = ks[j] <= us[i];
        i += first ? one.n : 0;
        j += second ? two.n : 0;
    }
    return OK;
}

static int seed_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Dense numbers of the seeds. */
static Status seed_runs(SeedPoints *p, size_t *n_runs, Arena *a, Err *e)
{
    uint64_t *all = arena_alloc(a, p->n, sizeof *all);
    if (all == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu seeds", p->n);
    if (p->n > 0) memcpy(all, p->seed, p->n * sizeof *all);
    if (p->n > 0) qsort(all, p->n, sizeof *all, seed_order);
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (i == 0 || all[i] != all[i - 1]) all[n++] = all[i];
    for (size_t i = 0; i < p->n; i++) {
        const uint64_t *at = bsearch(&p->seed[i], all, n, sizeof *all, seed_order);
        p->run[i] = (size_t)(at - all);
    }
    *n_runs = n;
    return OK;
}

static Status attain_surface(Grid *g, const ReportFront *f, const SeedPoints *p, size_t n_runs, double share,
                             Arena *a, Err *e)
{
    size_t level = (size_t)ceil(share * (double)n_runs), n = 0;
    double *corner = arena_alloc(a, p->n, 2 * sizeof *corner);
    if (corner == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", p->n);
    TRY(pareto_eaf(corner, &n, p->pts, p->run, p->n, n_runs, level, e));
    for (size_t i = 0; i < n; i++) {
        grid_text(g, f->group->task);
        grid_text(g, f->group->method);
        grid_num(g, share);
        grid_count(g, level);
        grid_count(g, n_runs);
        grid_num(g, -f->sign * corner[2 * i]);
        grid_num(g, corner[2 * i + 1]);
    }
    return OK;
}

/* f [n]: the rows of one method. */
static Status attain_method(Grid *g, const Report *r, const ReportFront *f, size_t n, Arena *a, Err *e)
{
    size_t cells = 0, n_runs = 0;
    for (size_t i = 0; i < n; i++) cells += f[i].group->n_cells;
    SeedPoints p = {.pts = arena_alloc(a, cells, 2 * sizeof *p.pts),
                    .seed = arena_alloc(a, cells, sizeof *p.seed),
                    .run = arena_alloc(a, cells, sizeof *p.run)};
    if (p.pts == NULL || p.seed == NULL || p.run == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu points", cells);
    for (size_t i = 0; i < n; i++) TRY(seed_points(&p, r, &f[i], a, e));
    TRY(seed_runs(&p, &n_runs, a, e));
    if (n_runs < 2) return OK;
    TRY(attain_surface(g, f, &p, n_runs, 0.5, a, e));
    return attain_surface(g, f, &p, n_runs, 1, a, e);
}

Status grid_eaf(Grid *g, const Report *r, Err *e)
{
    Arena scratch = {0};
    Status s = OK;
    for (size_t i = 0, n; i < r->n_groups && s == OK; i += n) {
        const ReportGroup *one = &r->group[i];
        for (n = 1; i + n < r->n_groups && group_is(&r->group[i + n], one->task, one->method, 0, true);) n++;
        if (!one->is_base) s = attain_method(g, r, &r->front[i], n, &scratch, e);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    if (s == OK && g->failed) FAIL(e, ERR_NOMEM, "no memory for %s", g->file);
    return s;
}
