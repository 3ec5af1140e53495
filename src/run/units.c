/* units.c - what a run does at once: so many calls of the methods, how they are dealt to processes, and one
 * after the other here. */
#include "sweep_priv.h"

#include "prime/host.h"

#include <math.h>
#include <stdlib.h>

/* ---- how often ---- */

typedef struct {
    size_t units, seeds;
} Rounds;

static Rounds method_rounds(const Audit *a, const Method *m)
{
    if (m->scope == BESIDE) return (Rounds){0, 0};
    if (m->scope == PER_TARGET) return (Rounds){a->n_targets, 1};
    if (m->scope == PER_ANCHOR) return (Rounds){a->n_anchors, a->n_train};
    return (Rounds){a->n_targets, m->scope == PER_TRAINING ? a->n_train : a->spec->seeds.n};
}

/* Of one target and seed, or anchor and seed, in all contexts. */
static size_t method_cells(const Audit *a, const Method *m)
{
    return (m->goals != NULL ? m->goals(a->spec) : 1) * spec_contexts(a->spec);
}

/* All searches for one target and seed are one unit, begun by the first of them: they share what they have
 * evaluated. What stands beside a search is measured with it. */
static bool method_joins(const Method *m, const Method *first)
{
    return m == first || (first->scope == PER_SEED && (m->scope == PER_SEED || m->scope == BESIDE));
}

static bool method_begins(const Audit *a, size_t at)
{
    const Method *m = method_at(at);
    if (m->scope == BESIDE || !spec_wants(a->spec, m->row.name)) return false;
    for (size_t i = 0; m->scope == PER_SEED && i < at; i++)
        if (method_at(i)->scope == PER_SEED && spec_wants(a->spec, method_at(i)->row.name)) return false;
    return true;
}

/* ---- cost ---- */

static double people_tokens(const Audit *a, const Unit *u)
{
    double n = 0;
    bool all = a->spec->attack.people;
    if (method_at(u->method)->scope == PER_ANCHOR) {
        AuditPerson p = audit_person(a, u->i);
        return plan_person(a, &p) * (all ? 2 : 1) + plan_shadows(a, &p);
    }
    for (size_t i = 0; i < (all ? a->n_anchors : a->spec->anchors.per_target); i++) {
        AuditPerson p = audit_person(a, all ? i : a->target[u->i].anchor[i]);
        n += plan_person(a, &p);
    }
    for (size_t k = 0; k < a->spec->anchors.per_target; k++) {
        AuditPerson p = audit_person(a, a->target[u->i].anchor[k]);
        n += plan_shadows(a, &p);
    }
    return n;
}

static double query_tokens(const Audit *a, size_t target)
{
    double n = 0;
    for (size_t c = 0; c < spec_contexts(a->spec); c++)
        n += plan_tokens(a, &a->target[target].query[c], a->spec->utility.score);
    return n;
}

/* Tokens that it reads, as the plan counts them. */
static double unit_cost(const Audit *a, const Unit *u)
{
    const Method *m = method_at(u->method);
    double n = 0, alone = people_tokens(a, u);
    if (m->scope == PER_ANCHOR) {
        for (size_t i = 0; i < a->n_targets; i++)
            for (size_t k = 0; k < a->spec->anchors.per_target; k++)
                if (a->target[i].anchor[k] == u->i) n += query_tokens(a, i);
        return n + alone;
    }
    n = (double)(u->cells / spec_contexts(a->spec)) * (query_tokens(a, u->i) + alone);
    if (m->scope != PER_SEED) return n;
    return n + plan_candidate(a, &a->target[u->i]) * (double)method_search_evaluations(a->spec);
}

/* ---- the list ---- */

static size_t unit_cells(const Audit *a, size_t method)
{
    size_t n = 0;
    for (size_t i = 0; method_at(i) != NULL; i++)
        if (method_joins(method_at(i), method_at(method)) && spec_wants(a->spec, method_at(i)->row.name))
            n += method_cells(a, method_at(i));
    return n;
}

static size_t units_count(const Audit *a)
{
    size_t n = 0;
    for (size_t m = 0; method_at(m) != NULL; m++) {
        Rounds r = method_rounds(a, method_at(m));
        if (method_begins(a, m)) n += r.units * r.seeds;
    }
    return n;
}

static void units_fill(Unit *u, const Audit *a)
{
    for (size_t m = 0; method_at(m) != NULL; m++) {
        Rounds r = method_rounds(a, method_at(m));
        if (!method_begins(a, m)) continue;
        for (size_t j = 0; j < r.seeds; j++)
            for (size_t i = 0; i < r.units; i++, u++) {
                *u = (Unit){.method = m, .i = i, .index = j, .cells = unit_cells(a, m)};
                u->cost = unit_cost(a, u);
            }
    }
}

typedef struct {
    double cost;
    size_t at;
} Rank;

static int by_cost(const void *a, const void *b)
{
    const Rank *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? 1 : -1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* The largest first, each to the process that has least so far, the first of equal ones. */
static Status units_deal(Units *u, size_t shards, Err *e)
{
    Rank *rank = calloc(u->n + 1, sizeof *rank);
    double *load = calloc(shards, sizeof *load);
    for (size_t i = 0; rank != NULL && i < u->n; i++) rank[i] = (Rank){u->unit[i].cost, i};
    if (rank != NULL) qsort(rank, u->n, sizeof *rank, by_cost);
    for (size_t i = 0; rank != NULL && load != NULL && i < u->n; i++) {
        size_t least = 0;
        for (size_t s = 1; s < shards; s++)
            if (load[s] < load[least]) least = s;
        u->order[i] = rank[i].at;
        u->unit[rank[i].at].shard = least + 1;
        load[least] += rank[i].cost;
    }
    bool full = rank == NULL || load == NULL;
    free(rank);
    free(load);
    if (full) FAIL(e, ERR_NOMEM, "no memory for %zu units of work", u->n);
    return OK;
}

Status units_plan(Units *out, const Audit *a, size_t shards, Err *e)
{
    Units u = {.n = units_count(a)};
    u.unit = calloc(u.n + 1, sizeof *u.unit);
    u.order = calloc(u.n + 1, sizeof *u.order);
    Status s = u.unit == NULL || u.order == NULL
                   ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu units of work", u.n)
                   : OK;
    if (s == OK) units_fill(u.unit, a);
    if (s == OK) s = units_deal(&u, shards > 0 ? shards : 1, e);
    if (s == OK)
        *out = u;
    else
        units_free(&u);
    return s;
}

void units_free(Units *u)
{
    free(u->unit);
    free(u->order);
    *u = (Units){0};
}

size_t units_cells(const Units *u, size_t shard)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n; i++)
        if (shard == 0 || u->unit[i].shard == shard) n += u->unit[i].cells;
    return n;
}

size_t methods_cells(const Audit *a)
{
    size_t n = 0;
    for (size_t m = 0; method_at(m) != NULL; m++) {
        Rounds r = method_rounds(a, method_at(m));
        if (method_begins(a, m)) n += r.units * r.seeds * unit_cells(a, m);
    }
    return n;
}

const char *unit_person(const Audit *a, const Unit *u)
{
    bool anchor = method_at(u->method)->scope == PER_ANCHOR;
    return anchor ? a->anchor[u->i].user->id : a->target[u->i].user->id;
}

/* ---- the run ---- */

static void group_begin(Sweep *s)
{
    arena_reset(&s->arena);
    s->begin = host_seconds();
}

Status unit_run(Sweep *s, const Unit *u, UnitDone done, void *ctx, Err *e)
{
    const Method *first = method_at(u->method);
    for (size_t i = u->method; method_at(i) != NULL; i++) {
        const Method *m = method_at(i);
        if (!method_joins(m, first) || m->scope == BESIDE || !spec_wants(s->a->spec, m->row.name)) continue;
        group_begin(s);
        s->a->search = m->row.name;
        TRY(m->run(s, u->i, u->index, &m->row, e));
        if (done != NULL) TRY(done(ctx, e));
    }
    return OK;
}

Status methods_prepare(Sweep *s, bool first, Err *e)
{
    TRY(methods_refs(s, e));
    TRY(blind_open(s, e));
    TRY(canary_open(s, e));
    if (s->a->population.n > 0) TRY(shadow_population(&s->population_ref, s, NULL, 1, &s->keep, e));
    return first && s->a->spec->attack.signals ? keep_base(s, &s->arena, e) : OK;
}

static Status units_here(Sweep *s, const Units *u, size_t shard, Err *e)
{
    for (size_t i = 0; i < u->n; i++)
        if (shard == 0 || u->unit[i].shard == shard) TRY(unit_run(s, &u->unit[i], NULL, NULL, e));
    return OK;
}

Status methods_run(Sweep *s, size_t shard, size_t shards, Err *e)
{
    Units u = {0};
    TRY(units_plan(&u, s->a, shards, e));
    Status st = methods_prepare(s, true, e);
    if (st == OK) st = units_here(s, &u, shard, e);
    units_free(&u);
    return st;
}
