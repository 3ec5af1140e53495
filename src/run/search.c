/* search.c - evolve merge weights for one target: PriME's objective U - lambda * mean V on the target's
 * search split, limits of V, or a whole front.
 *
 * (U, V) of a candidate does not depend on lambda: every evaluation made for one lambda serves all of them.
 * Lambdas, and then limits, are searched one after the other, each starting from the best known point; an
 * optimiser that returns fronts searches once, for as many evaluations. What is deployed is chosen from the
 * whole archive at the end. Points are functions of seeds and of what was found before, so a search that was
 * cut short takes the same way again, and what is in the ledger is not evaluated twice. V is a row of
 * penalty.h. Where answers are drawn, all points of the front are evaluated search.repeats times before
 * anything is chosen, and what is reported of the chosen one is an evaluation that did not choose it.
 *
 * Source: PriME's released code, lora_composition_evo.py. Differs: the released code deploys the optimiser's
 * recommendation, compared with the base by another candidate's loss, and does not evaluate it again; here
 * the best evaluated candidate is deployed, compared with the base by its own objective, and evaluated once
 * more. There the target's items come plain and, for four tasks, once more with an earlier item as context;
 * here they come plain. */
#include "search_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- an optimiser ---- */

enum { FRONT_LEAST = 8, FRONT_MOST = 24, RESTART_MOST = 4096 };

/* Kin of the presets' methods take their small populations; others have sizes of their own. A front is
 * searched for in at least five generations, if it can be. */
static size_t start_popsize(const Search *s, const EvolveMethod *m, size_t preset, size_t budget)
{
    size_t fifth = budget / 5;
    if (s->a->spec->evolve.popsize > 0) return s->a->spec->evolve.popsize;
    if (m->many) return fifth < FRONT_LEAST ? FRONT_LEAST : fifth > FRONT_MOST ? FRONT_MOST : fifth;
    return strncmp(m->name, "cma", 3) == 0 ? preset : 0;
}

static size_t start_popsize_max(const EvolveMethod *m, size_t popsize, size_t budget)
{
    if (m->restart == EVOLVE_ONE_RUN) return 0;
    size_t most = budget < RESTART_MOST ? budget : RESTART_MOST;
    return popsize > most ? popsize : most;
}

/* g NULL: the front. */
static Status search_start(Evolver **ev, Search *s, const SpecGoal *g, size_t index, size_t budget, Err *e)
{
    EvolveOpts o;
    const char *preset = NULL;
    const Spec *sp = s->a->spec;
    const EvolveMethod *m = spec_optimiser(sp);
    size_t best;
    char label[96];
    TRY(evolve_preset(&o, &preset, sp->evolve.preset, s->dim, s->k, e));
    o.popsize = start_popsize(s, m, o.popsize, budget);
    o.popsize_max = start_popsize_max(m, o.popsize, budget);
    if (!isnan(sp->evolve.sigma)) o.sigma = sp->evolve.sigma;
    o.lo = spec_merge(sp)->positive ? 0 : -sp->evolve.bound;
    o.hi = sp->evolve.bound;
    o.noise = (EvolveNoise)sp->evolve.noise;
    o.n_obj = m->many ? 2 + (size_t)sp->evolve.with_norm : 0;
    if (g != NULL && goal_best(&best, s, g)) o.x0 = archive_at(s->archive, best).x;
    snprintf(label, sizeof label, "evolve %.40s", s->t->user->id);
    Rng rng = rng_stream(sp->seeds.x[s->seed], label, index);
    o.seed = rng_u64(&rng);
    return evolve_new(ev, m->name, &o, e);
}

/* ---- the loop ---- */

/* One generation; f and rep as long as x has rows. */
typedef struct {
    double *x, *f;
    size_t *rep; /* how often a point has come before in this generation */
    size_t n;
} Generation;

static Status generation_new(Generation *g, const Evolver *ev, Err *e)
{
    size_t P = evolve_popsize_max(ev);
    g->x = malloc(P * evolve_dim(ev) * sizeof *g->x);
    g->f = malloc(P * evolve_values(ev) * sizeof *g->f);
    g->rep = malloc(P * sizeof *g->rep);
    if (g->x == NULL || g->f == NULL || g->rep == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", P);
    return OK;
}

static void generation_free(Generation *g)
{
    free(g->x);
    free(g->f);
    free(g->rep);
}

/* A repeated point is evaluated again only where values are noisy. */
static void generation_repeats(Generation *g, const Search *s)
{
    for (size_t i = 0; i < g->n; i++) {
        g->rep[i] = 0;
        for (size_t j = 0; s->n_slots > 1 && j < i; j++)
            if (memcmp(g->x + i * s->dim, g->x + j * s->dim, s->dim * sizeof *g->x) == 0)
                g->rep[i] = g->rep[j] + 1 < s->n_slots - 1 ? g->rep[j] + 1 : g->rep[j];
    }
}

/* Neighbours with the same number of repeats at once. */
static Status generation_learn(const Generation *g, Search *s, Err *e)
{
    for (size_t i = 0, j; i < g->n; i = j) {
        for (j = i; j < g->n && g->rep[j] == g->rep[i];) j++;
        TRY(search_learn(s, g->x + i * s->dim, j - i, g->rep[i], e));
    }
    return OK;
}

/* One generation, or as much of it as the budget still allows (then the optimiser is not told). */
static Status search_generation(Search *s, Evolver *ev, const SpecGoal *goal, Generation *g, size_t left,
                                Err *e)
{
    size_t P = evolve_popsize(ev), M = evolve_values(ev);
    evolve_ask(ev, g->x);
    TRY(search_repair(g->x, s, P, e));
    g->n = left < P ? left : P;
    if (s->a->spec->evolve.race) {
        TRY(race_generation(g->f, s, g->x, g->n, goal, e));
        return g->n == P ? evolve_tell(ev, g->x, g->f, e) : OK;
    }
    generation_repeats(g, s);
    TRY(generation_learn(g, s, e));
    for (size_t i = 0; i < g->n; i++) {
        ArchiveItem it;
        TRY(search_take(&it, s, g->x + i * s->dim, g->rep[i], e));
        if (goal != NULL)
            g->f[i] = goal_loss(s, goal, it.u, it.v);
        else
            goal_values(g->f + i * M, s, it.u, it.v);
    }
    return g->n == P ? evolve_tell(ev, g->x, g->f, e) : OK;
}

static Status search_goal(Search *s, const SpecGoal *g, size_t index, size_t budget, Err *e)
{
    Evolver *ev = NULL;
    Generation gen = {0};
    TRY(search_start(&ev, s, g, index, budget, e));
    Status st = generation_new(&gen, ev, e);
    for (size_t done = 0; st == OK && done < budget; done += gen.n)
        st = search_generation(s, ev, g, &gen, budget - done, e);
    generation_free(&gen);
    evolve_free(ev);
    return st;
}

/* x [dim] is the archive's own, which moves when something is put into it. */
static Status settle_once(Search *s, const double *x, size_t slot, Err *e)
{
    ArchiveItem it;
    double *copy = arena_alloc(&s->keep, s->dim, sizeof *copy);
    if (copy == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", s->dim);
    memcpy(copy, x, s->dim * sizeof *copy);
    TRY(search_learn(s, copy, 1, slot, e));
    return search_take(&it, s, copy, slot, e);
}

/* Every point of the front as often as search.repeats says. Averages move, so the front may change. */
static Status search_settle(Search *s, Err *e)
{
    bool changed = s->n_slots > 1;
    while (changed) {
        size_t *front = NULL, n = 0;
        changed = false;
        TRY(goal_front(&front, &n, s, e));
        for (size_t i = 0; i < n; i++) {
            ArchiveItem it = archive_at(s->archive, front[i]);
            if (it.count >= s->n_slots - 1) continue;
            TRY(settle_once(s, it.x, it.count, e));
            changed = true;
        }
    }
    return OK;
}

/* ---- the outcome ---- */

/* The entry that a goal deploys. */
static Status pick_entry(size_t *out, Search *s, const SpecGoal *g, Err *e)
{
    size_t *front = NULL, n = 0;
    if (archive_count(s->archive) == 0) FAIL(e, ERR_ARG, "the search evaluated nothing");
    if (g->want != SPEC_FRONT) {
        goal_best(out, s, g);
        return OK;
    }
    TRY(goal_front(&front, &n, s, e));
    *out = front[(size_t)lround(g->value * (double)(n - 1))];
    return OK;
}

/* What is deployed, once more where answers are drawn: an evaluation that had no part in the choice. Where
 * they are not, it would be the same again. */
static Status pick_again(SearchFound *f, Search *s, const SpecGoal *g, Arena *arena, Err *e)
{
    size_t slot = s->n_slots - 1;
    f->again = f->reverted ? f->base_objective : f->objective;
    if (slot == 0) return OK;
    double u, *v = arena_alloc(arena, s->n_v, sizeof *v);
    if (v == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu terms", s->n_v);
    TRY(search_measure(&u, v, s, f->reverted ? NULL : f->weight, 1, slot, e));
    f->again = goal_loss(s, g, u, v);
    return OK;
}

/* PriME's rule: back to the base when the base's own objective is better; a tie keeps the merge. A point of
 * the front is deployed as it is. */
static Status search_pick(SearchFound *out, Search *s, const SpecGoal *g, Arena *arena, Err *e)
{
    size_t best = 0;
    SearchFound f = {.weight = arena_zalloc(arena, s->dim, sizeof(double)), .base_u = s->base_u};
    if (f.weight == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", s->dim);
    TRY(pick_entry(&best, s, g, e));
    ArchiveItem it = archive_at(s->archive, best);
    f.base_v = search_mean(s, s->base_v);
    f.base_objective = goal_loss(s, g, s->base_u, s->base_v);
    f.u = it.u;
    f.v = search_mean(s, it.v);
    f.objective = goal_loss(s, g, it.u, it.v);
    f.evaluations = archive_count(s->archive);
    f.reverted = g->want != SPEC_FRONT && f.base_objective < f.objective;
    if (!f.reverted) memcpy(f.weight, it.x, s->dim * sizeof *f.weight);
    TRY(pick_again(&f, s, g, arena, e));
    *out = f;
    return OK;
}

static Status search_goals(Search *s, Err *e)
{
    const Spec *sp = s->a->spec;
    if (spec_optimiser(sp)->many) return search_goal(s, NULL, 0, spec_evaluations(sp), e);
    for (size_t i = 0; i < spec_searches(sp); i++) {
        SpecGoal g = spec_goal(sp, i);
        TRY(search_goal(s, &g, i, sp->evolve.budget, e));
    }
    return OK;
}

static Status search_all(SearchFound *found, Search *s, Ledger *reuse, Arena *arena, Err *e)
{
    const Spec *sp = s->a->spec;
    TRY(known_open(s, reuse, e));
    TRY(search_prepare(s, e));
    TRY(search_goals(s, e));
    TRY(search_settle(s, e));
    for (size_t i = 0; i < spec_goals(sp); i++) {
        SpecGoal g = spec_goal(sp, i);
        TRY(search_pick(&found[i], s, &g, arena, e));
    }
    return OK;
}

Status search_begin(Search *out, const Audit *a, const AuditTarget *t, size_t seed, Arena *arena, Err *e)
{
    const Spec *sp = a->spec;
    *out = (Search){.a = a,
                    .t = t,
                    .seed = seed,
                    .k = sp->anchors.per_target,
                    .n_v = sp->anchors.per_target + (size_t)sp->evolve.with_norm,
                    .dim = audit_genome(a),
                    .minimise = sp->search.score != SPEC_LIKELIHOOD && !measure_higher(a)};
    out->anchor = arena_alloc(arena, out->k, sizeof *out->anchor);
    if (out->anchor == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", out->k);
    return audit_bank(&out->bank, out->anchor, a, t, seed, e);
}

Status search_run(SearchFound *found, const Audit *a, const AuditTarget *t, size_t seed, Ledger *ledger,
                  Ledger *reuse, Arena *arena, Err *e)
{
    Search s;
    Status st = search_begin(&s, a, t, seed, arena, e);
    s.ledger = ledger;
    if (st == OK) st = search_all(found, &s, reuse, arena, e);
    known_close(&s);
    return st;
}
