/* null.c - the run's own null checks: how often an interval excludes 0.5 where there is nothing to find.
 * Labels are permuted within each person of cells that leak or not; and the cells whose model has seen nobody
 * that is attacked, the base and merges of other anchors, are taken as they are. A sample of cells bounds the
 * cost. */
#include "report_priv.h"

#include "prime/rng.h"

#include <math.h>
#include <string.h>

enum { NULL_SEED = 20260101, NULL_DRAWS = 200, NULL_CELLS = 200, NULL_DRAW_CELLS = 20, NULL_SCORES = 200000 };

typedef struct {
    const char *check;
    bool permuted;
    bool (*takes)(const ReportGroup *g);
} NullCheck;

static bool takes_merges(const ReportGroup *g)
{
    return g->is_merge;
}

static bool takes_base(const ReportGroup *g)
{
    return g->is_base || strncmp(g->method, "base+", 5) == 0;
}

static bool takes_others(const ReportGroup *g)
{
    return strncmp(g->method, "random-anchors", 14) == 0 && (g->method[14] == '\0' || g->method[14] == '+');
}

static const NullCheck checks[] = {{"permuted labels", true, takes_merges},
                                   {"base", false, takes_base},
                                   {"random-anchors", false, takes_others}};

/* Cells of a check and their scores under one attack. */
typedef struct {
    RocData *cell; /* [n] copies, so that labels may move */
    size_t n, scores;
} NullCells;

/* Whether an interval of the cell can be graded, and its scores are not all alike. */
static bool null_usable(const RocData *d)
{
    bool varies = false;
    if (d->m == 0 || d->n == 0) return false;
    for (size_t i = 0; i < d->m && !varies; i++) varies = d->pos[i] != d->pos[0];
    for (size_t j = 0; j < d->n && !varies; j++) varies = d->neg[j] != d->pos[0];
    return varies && d->n_users >= REPORT_MIN_USERS;
}

static Status null_cell(NullCells *c, const Report *r, size_t cell, size_t attack, Arena *a, Err *e)
{
    ReportRows rows;
    if (!rows_of_cell(&rows, r, cell, KIND_ATTACK, attack, a)) FAIL(e, ERR_NOMEM, "no memory for a cell");
    TRY(pick_scores(&c->cell[c->n], NULL, rows, BY_UNIT, a, e));
    if (!null_usable(&c->cell[c->n])) return OK;
    c->scores += c->cell[c->n].m + c->cell[c->n].n;
    c->n++;
    return OK;
}

/* At most `most` cells, evenly spread. */
static Status null_cells(NullCells *c, const Report *r, const NullCheck *check, size_t attack, size_t most,
                         Arena *a, Err *e)
{
    size_t all = 0, at = 0;
    for (size_t i = 0; i < r->n_groups; i++)
        if (check->takes(&r->group[i])) all += r->group[i].n_cells;
    size_t step = all <= most ? 1 : (all + most - 1) / most;
    *c = (NullCells){.cell = arena_alloc(a, all / step + 1, sizeof *c->cell)};
    if (c->cell == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu cells", all);
    for (size_t i = 0; i < r->n_groups; i++) {
        const ReportGroup *g = &r->group[i];
        for (size_t k = 0; check->takes(g) && k < g->n_cells; k++)
            if (at++ % step == 0) TRY(null_cell(c, r, g->first + k, attack, a, e));
    }
    return OK;
}

/* x [m + n], the scores of d with members first: those of each person are shuffled, which is to permute the
 * person's labels. order [m + n] is scratch. */
static void null_permute(double *x, const RocData *d, Rng *rng, size_t *order)
{
    size_t all = d->m + d->n;
    for (size_t u = 0; u < d->n_users; u++) {
        size_t n = 0;
        for (size_t i = 0; i < all; i++)
            if ((i < d->m ? d->pos_user[i] : d->neg_user[i - d->m]) == u) order[n++] = i;
        for (size_t k = n; k > 1; k--) {
            size_t i = order[k - 1], j = order[rng_below(rng, k)];
            double t = x[i];
            x[i] = x[j];
            x[j] = t;
        }
    }
}

typedef struct {
    size_t excluded, n;
} NullCount;

static Status null_interval(NullCount *out, const RocData *d, Err *e)
{
    RocEst est;
    TRY(roc_clustered(&est, d, 0.95, e));
    if (isnan(est.lo)) return OK;
    out->n++;
    out->excluded += est.lo > 0.5 || est.hi < 0.5;
    return OK;
}

static Status null_draw(NullCount *out, const RocData *d, size_t draw, Arena *a, Err *e)
{
    size_t all = d->m + d->n;
    double *x = arena_alloc(a, all, sizeof *x);
    size_t *order = arena_alloc(a, all, sizeof *order);
    if (x == NULL || order == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", all);
    for (size_t i = 0; i < all; i++) x[i] = i < d->m ? d->pos[i] : d->neg[i - d->m];
    Rng rng = rng_stream(NULL_SEED, "report_null", draw);
    null_permute(x, d, &rng, order);
    RocData moved = *d;
    moved.pos = x;
    moved.neg = x + d->m;
    return null_interval(out, &moved, e);
}

static Status null_count(NullCount *out, const NullCells *c, bool permuted, Arena *a, Err *e)
{
    size_t most = c->scores > 0 ? NULL_SCORES * c->n / c->scores : 0;
    size_t draws = most > NULL_DRAWS ? NULL_DRAWS : most < c->n ? c->n : most;
    *out = (NullCount){0};
    for (size_t i = 0; c->n > 0 && i < (permuted ? draws : c->n); i++)
        TRY(permuted ? null_draw(out, &c->cell[i % c->n], i, a, e) : null_interval(out, &c->cell[i], e));
    return OK;
}

static size_t null_people(const NullCells *c)
{
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < c->n; i++)
        if (c->cell[i].n_users < least) least = c->cell[i].n_users;
    return least;
}

static Status null_row(Grid *g, const Report *r, const NullCheck *check, size_t attack, Arena *a, Err *e)
{
    NullCells c;
    NullCount count;
    double lo, hi;
    TRY(null_cells(&c, r, check, attack, check->permuted ? NULL_DRAW_CELLS : NULL_CELLS, a, e));
    TRY(null_count(&count, &c, check->permuted, a, e));
    if (count.n == 0) return OK;
    stats_clopper_pearson(&lo, &hi, count.excluded, count.n, 0.95);
    grid_text(g, check->check);
    grid_text(g, r->names.name[attack]);
    grid_count(g, count.excluded);
    grid_count(g, count.n);
    grid_three(g, (double)count.excluded / (double)count.n, lo, hi);
    grid_num(g, 0.05);
    grid_count(g, c.n);
    grid_count(g, null_people(&c));
    return OK;
}

/* The least name of an attack above `last`; NAME_NONE when there is none. */
static size_t null_attack(const Report *r, size_t last)
{
    size_t least = NAME_NONE;
    for (size_t i = 0; i < r->n_attacks; i++) {
        size_t name = r->attack[i].attack;
        if ((last == NAME_NONE || name > last) && name < least) least = name;
    }
    return least;
}

Status grid_null(Grid *g, const Report *r, Err *e)
{
    Arena scratch = {0};
    Status s = OK;
    for (size_t k = 0; k < sizeof checks / sizeof checks[0]; k++) {
        size_t name = NAME_NONE;
        while (s == OK && (name = null_attack(r, name)) != NAME_NONE) {
            s = null_row(g, r, &checks[k], name, &scratch, e);
            arena_reset(&scratch);
        }
    }
    arena_free(&scratch);
    if (s == OK && g->failed) FAIL(e, ERR_NOMEM, "no memory for %s", g->file);
    return s;
}
