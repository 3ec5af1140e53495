/* crew_search.c - candidates of one search by several processes: the crowds of a generation are dealt to the
 * process that has the search and those that are lent to it. U and V of a crowd are a function of the search
 * and its genomes alone, so who evaluates it changes nothing. */
#include "sweep_priv.h"

#include "crew_priv.h"
#include "search_priv.h"

#include <stdlib.h>
#include <string.h>

/* What is sent: this, and the genomes. */
typedef struct {
    char method[SWEEP_METHOD];
    uint64_t target, seed, slot, n_cand, dim;
} Asked;

/* ---- by the process whose search it is ---- */

typedef struct {
    Search *s;
    const double *x;
    double *u, *v;
    size_t n_cand, slot, crowds;
} Spread;

static Status spread_here(void *ctx, size_t from, size_t to, Err *e)
{
    const Spread *p = ctx;
    size_t at = crowd_start(from, p->crowds, p->n_cand);
    return search_measure_crowds(p->u + at, p->v + at * p->s->n_v, p->s, p->x, p->n_cand, p->slot, from, to,
                                 e);
}

/* U of all, then V. */
static Status spread_take(void *ctx, size_t from, size_t to, const void *data, size_t n, Err *e)
{
    const Spread *p = ctx;
    size_t at = crowd_start(from, p->crowds, p->n_cand), m = crowd_start(to, p->crowds, p->n_cand) - at,
           n_v = p->s->n_v, want = m * (1 + n_v) * sizeof(double);
    if (n != want)
        FAIL(e, ERR_FORMAT, "another process sent %zu bytes for %zu candidates, want %zu", n, m, want);
    memcpy(p->u + at, data, m * sizeof *p->u);
    memcpy(p->v + at * n_v, (const double *)data + m, m * n_v * sizeof *p->v);
    return OK;
}

Status crew_search_measure(double *u, double *v, Search *s, const double *x, size_t n_cand, size_t slot,
                           Err *e)
{
    const CrewGive *give = s->a->give;
    size_t crowds = search_crowds(s, x, n_cand), bytes = n_cand * s->dim * sizeof *x;
    if (give == NULL || crowds < 2) return search_measure(u, v, s, x, n_cand, slot, e);
    Spread p = {s, x, u, v, n_cand, slot, crowds};
    Asked *asked = calloc(1, sizeof *asked + bytes);
    if (asked == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n_cand);
    *asked = (Asked){.target = (uint64_t)(s->t - s->a->target),
                     .seed = s->seed,
                     .slot = slot,
                     .n_cand = n_cand,
                     .dim = s->dim};
    strncpy(asked->method, s->a->search, sizeof asked->method - 1);
    memcpy(asked + 1, x, bytes);
    CrewItems items = {crowds, spread_here, spread_take, &p};
    Status st = give->spread(give->ctx, asked, sizeof *asked + bytes, &items, e);
    free(asked);
    return st;
}

/* ---- by one that helps ---- */

/* The search that it helped with last. */
struct CrewSearch {
    Audit a;
    Spec sp;
    Asked of;
    Arena arena;
    Search s;
};

void crew_search_close(CrewSearch *c)
{
    if (c == NULL) return;
    known_close(&c->s);
    arena_free(&c->arena);
    free(c);
}

/* What it needs that the audit lacks: what anchors alone say, once a search. */
static Status help_open(CrewSearch **out, const Audit *a, const Asked *of, Err *e)
{
    CrewSearch *c = *out;
    if (c != NULL && strcmp(c->of.method, of->method) == 0 && c->of.target == of->target &&
        c->of.seed == of->seed)
        return OK;
    crew_search_close(c);
    *out = c = calloc(1, sizeof *c);
    if (c == NULL) FAIL(e, ERR_NOMEM, "no memory for a search");
    c->a = *a;
    c->sp = *a->spec;
    c->a.spec = &c->sp;
    c->of = *of;
    method_search_spec(&c->sp, of->method);
    Status s = search_begin(&c->s, &c->a, &a->target[of->target], (size_t)of->seed, &c->arena, e);
    if (s == OK) s = search_hear(&c->s, e);
    if (s != OK) {
        crew_search_close(c);
        *out = NULL;
    }
    return s;
}

static Status help_check(const Audit *a, const Asked *of, size_t n, Err *e)
{
    size_t want = n < sizeof *of ? sizeof *of : sizeof *of + (size_t)(of->n_cand * of->dim) * sizeof(double);
    if (n != want || of->target >= a->n_targets || of->seed >= a->spec->seeds.n || of->dim != audit_genome(a))
        FAIL(e, ERR_FORMAT, "another process asked for candidates in %zu bytes, want %zu", n, want);
    return OK;
}

Status crew_search_help(CrewSearch **c, const Audit *a, const void *data, size_t n, size_t from, size_t to,
                        void **out, size_t *n_out, Err *e)
{
    const Asked *of = data;
    TRY(help_check(a, of, n, e));
    TRY(help_open(c, a, of, e));
    Search *s = &(*c)->s;
    const double *x = (const double *)(of + 1);
    size_t all = (size_t)of->n_cand, crowds = search_crowds(s, x, all),
           m = crowd_start(to, crowds, all) - crowd_start(from, crowds, all);
    double *u = malloc(m * (1 + s->n_v) * sizeof *u);
    if (u == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", m);
    *out = u;
    *n_out = m * (1 + s->n_v) * sizeof *u;
    return search_measure_crowds(u, u + m, s, x, all, (size_t)of->slot, from, to, e);
}
