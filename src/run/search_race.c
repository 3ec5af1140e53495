/* search_race.c - a generation whose worse candidates do not hear all records: after a quarter of them a
 * quarter of the candidates is out, after half of them a half.
 *
 * Who stays was heard to the end: its values, and its rank among those that stay, are those of a search
 * without races. Who is out has no values, is never deployed, and ranks behind all that stay, the later out
 * the better: the methods that may race read ranks alone, and take their parents from the better half. A
 * candidate that the whole of the records would have put into that half may be out: that is the price. In
 * the arithmetic of scoring a race costs 0.69 of a whole generation. Measured (tests/bench/races.c, by
 * likelihood on synopses of Debian packages, 8 candidates, 8 to 24 records, 24 generations): 0.88 of the
 * generations keep their best candidate; what is lost is 0.01 to 0.04 of the standard deviation among
 * candidates on average; a fifth to a quarter of the better half is out.
 *
 * Source: successive rejects, Audibert and Bubeck 2010, COLT; races among candidate settings, Birattari et
 * al. 2002, GECCO. Differs: fixed shares instead of a test, so that what a search costs is known before it.
 */
#include "search_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* After `heard` of the records `stay` of those who came in go on. */
static const struct {
    double heard, stay;
} stages[RACE_STAGES] = {{0.25, 0.75}, {0.5, 2.0 / 3}};

size_t race_records(const Search *s, size_t stage)
{
    return (size_t)floor(stages[stage].heard * (double)s->t->search.n);
}

typedef struct {
    Search *s;
    const SpecGoal *goal;
    const double *x; /* [n, D] */
    double *u, *v, *loss;
    size_t *end;  /* [n] the stage after which a candidate is out; RACE_STAGES: it stays */
    size_t *live; /* [n_live] who still hears */
    size_t n, n_live, heard;
    Heard said;
} Race;

static Status race_room(Race *r, Search *s, size_t n, Err *e)
{
    r->u = arena_alloc(&s->arena, n, sizeof *r->u);
    r->v = arena_alloc(&s->arena, n * s->n_v, sizeof *r->v);
    r->loss = arena_alloc(&s->arena, n, sizeof *r->loss);
    r->end = arena_alloc(&s->arena, n, sizeof *r->end);
    r->live = arena_alloc(&s->arena, n, sizeof *r->live);
    if (r->u == NULL || r->v == NULL || r->loss == NULL || r->end == NULL || r->live == NULL)
        FAIL(e, ERR_NOMEM, "no memory for a race of %zu candidates", n);
    return heard_new(&r->said, s, n, e);
}

/* ---- one stage ---- */

static Status race_hear(Race *r, size_t to, Err *e)
{
    Search *s = r->s;
    AuditCrowd c = {0};
    double *x = arena_alloc(&s->arena, r->n_live * s->dim, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", r->n_live);
    for (size_t i = 0; i < r->n_live; i++)
        memcpy(x + i * s->dim, r->x + r->live[i] * s->dim, s->dim * sizeof *x);
    TRY(audit_crowd(&c, s->a, s->bank, s->anchor, x, r->n_live, s->a->spec->seeds.x[s->seed], e));
    Eval ev = {&c.lora, x, r->live, r->n_live, 0};
    Status st = heard_more(&r->said, s, &ev, r->heard, to, e);
    audit_crowd_free(&c);
    for (size_t i = 0; st == OK && i < r->n_live; i++) {
        size_t at = r->live[i];
        st = heard_judge(&r->u[at], &r->v[at * s->n_v], &r->said, s, at, to, e);
        if (st == OK) r->loss[at] = goal_loss(s, r->goal, r->u[at], &r->v[at * s->n_v]);
    }
    r->heard = to;
    return st;
}

/* Insertion: generations are short. Equal losses keep their order. */
static void order_by_loss(size_t *idx, size_t n, const double *loss)
{
    for (size_t i = 1; i < n; i++) {
        size_t at = idx[i], j = i;
        for (; j > 0 && loss[idx[j - 1]] > loss[at]; j--) idx[j] = idx[j - 1];
        idx[j] = at;
    }
}

static void race_drop(Race *r, size_t stage)
{
    size_t stay = (size_t)ceil(stages[stage].stay * (double)r->n_live);
    order_by_loss(r->live, r->n_live, r->loss);
    for (size_t i = stay; i < r->n_live; i++) r->end[r->live[i]] = stage;
    r->n_live = stay;
}

static Status race_run(Race *r, Err *e)
{
    for (size_t stage = 0; stage < RACE_STAGES; stage++) {
        size_t to = race_records(r->s, stage);
        if (to <= r->heard || r->n_live < 2) continue;
        TRY(race_hear(r, to, e));
        race_drop(r, stage);
    }
    return race_hear(r, r->s->t->search.n, e);
}

/* ---- a generation ---- */

/* Who is out in an earlier generation of the same search, or of this one before it was cut short, stays out;
 * who was heard to the end is not heard again. in: the archives of this run, or of the one reused. */
static bool race_knows(ArchiveItem *it, size_t *end, const Search *s, Archive *const *in, const double *x)
{
    for (size_t i = 0; i < RACE_STAGES; i++)
        if (archive_find(it, in[s->n_slots + i], x)) {
            *end = i;
            return true;
        }
    *end = RACE_STAGES;
    return archive_find(it, in[0], x);
}

/* All that a generation has shown, at once: it is either in the ledger whole or not at all. */
static Status race_keep(Race *r, Err *e)
{
    const Search *s = r->s;
    size_t *slot = arena_alloc(&r->s->arena, r->n, sizeof *slot);
    if (slot == NULL) FAIL(e, ERR_NOMEM, "no memory for a race of %zu candidates", r->n);
    for (size_t i = 0; i < r->n; i++) slot[i] = r->end[i] < RACE_STAGES ? s->n_slots + r->end[i] : 0;
    return known_add(r->s, &(KnownNew){r->x, r->u, r->v, slot, r->n}, e);
}

/* x [dim] is one that this run has not seen. */
static void race_join(Race *r, double *to, const double *x)
{
    const Search *s = r->s;
    size_t i = r->n++;
    ArchiveItem it;
    memcpy(to + i * s->dim, x, s->dim * sizeof *x);
    if (race_knows(&it, &r->end[i], s, s->lent, x)) {
        r->u[i] = it.u;
        memcpy(r->v + i * s->n_v, it.v, s->n_v * sizeof *r->v);
    } else {
        r->live[r->n_live++] = i;
    }
}

static Status race_all(Race *r, const double *x, size_t n, Err *e)
{
    Search *s = r->s;
    ArchiveItem it;
    size_t end;
    double *fresh = arena_alloc(&s->arena, n * s->dim, sizeof *fresh);
    if (fresh == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n);
    TRY(race_room(r, s, n, e));
    r->x = fresh;
    for (size_t i = 0; i < n; i++)
        if (!race_knows(&it, &end, s, s->known, x + i * s->dim)) race_join(r, fresh, x + i * s->dim);
    if (r->n_live > 0) TRY(race_run(r, e));
    return r->n > 0 ? race_keep(r, e) : OK;
}

/* Behind all that stay, in steps that no rounding swallows. */
static void losses_out(double *f, const size_t *end, const double *loss, size_t *idx, size_t n)
{
    double most = -INFINITY;
    size_t out = 0, rank = 0;
    for (size_t i = 0; i < n; i++)
        if (end[i] == RACE_STAGES) most = fmax(most, f[i] = loss[i]);
    for (size_t stage = RACE_STAGES; stage-- > 0;) {
        for (size_t i = out = 0; i < n; i++)
            if (end[i] == stage) idx[out++] = i;
        order_by_loss(idx, out, loss);
        for (size_t i = 0; i < out; i++) f[idx[i]] = most + (double)++rank * (1 + fabs(most)) * 1e-3;
    }
}

Status race_generation(double *f, Search *s, const double *x, size_t n, const SpecGoal *goal, Err *e)
{
    Race r = {.s = s, .goal = goal};
    double *loss = malloc(n * sizeof *loss);
    size_t *end = malloc(2 * n * sizeof *end);
    Status st = loss != NULL && end != NULL
                    ? race_all(&r, x, n, e)
                    : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu candidates", n);
    arena_reset(&s->arena);
    for (size_t i = 0; st == OK && i < n; i++) {
        ArchiveItem it = {0};
        if (!race_knows(&it, &end[i], s, s->known, x + i * s->dim))
            st = err_set(e, ERR_NUM, __FILE__, __LINE__, "a candidate was not evaluated");
        if (st == OK) loss[i] = goal_loss(s, goal, it.u, it.v);
        if (st == OK && end[i] == RACE_STAGES) st = search_take(&it, s, x + i * s->dim, 0, e);
    }
    if (st == OK) losses_out(f, end, loss, end + n, n);
    free(loss);
    free(end);
    return st;
}
