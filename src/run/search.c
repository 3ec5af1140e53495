/* search.c - evolve merge weights for one target: PriME's objective U - lambda * mean V on the target's
 * search split.
 *
 * (U, V) of a candidate does not depend on lambda: every evaluation made for one lambda serves all of them.
 * Lambdas, and then limits, are searched one after the other, each starting from the best known point; what
 * is deployed is chosen from the whole archive at the end. Points are functions of seeds and of what was
 * found before, so a search that was cut short takes the same way again, and what is in the ledger is not
 * evaluated twice. V is a row of penalty.h. Source: PriME's released code, lora_composition_evo.py. Differs:
 * the released code deploys the optimiser's recommendation, compared with the base by another candidate's
 * loss, and does not evaluate it again; here the best evaluated candidate is deployed, compared with the base
 * by its own objective, and evaluated once more. */
#include "search_priv.h"

#include "prime/evolve.h"
#include "prime/hash.h"
#include "prime/objective.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is known ---- */

/* An evaluation depends on the anchors' adapters, the operator and what has weights of its own, the
 * objective, how answers are scored and the records that are searched on, and on nothing else: not on lambda,
 * not on the optimiser. */
static Status search_name(Search *s, Err *e)
{
    const Spec *sp = s->a->spec;
    char hex[HASH_HEX];
    Str text = {0};
    str_printf(&text, "%s %s %s %d", spec_merge(sp)->name, merge_by_names[sp->evolve.granularity],
               penalty_at((size_t)sp->evolve.objective)->name, sp->search.score);
    if (penalty_at((size_t)sp->evolve.objective)->reads_people)
        str_printf(&text, " %zu %zu", sp->search.members, sp->search.heldout);
    for (size_t k = 0; k < s->k; k++) {
        hash_bytes(hex, s->anchor[k]->data, s->anchor[k]->n_params * sizeof *s->anchor[k]->data);
        str_printf(&text, "\n%s %s", s->a->anchor[s->t->anchor[k]].user->id, hex);
    }
    for (size_t i = 0; i < s->t->search.n; i++) str_printf(&text, "\n%s", s->t->search.r[i].rec->id);
    bool failed = text.failed;
    if (!failed) hash_bytes(hex, text.s, text.n);
    str_free(&text);
    if (failed) FAIL(e, ERR_NOMEM, "no memory for the name of an archive");
    snprintf(s->key, sizeof s->key, "%.100s#%.16s", s->t->user->id, hex);
    return OK;
}

static Status cache_in(void *ctx, const LedgerEval *ev, Err *e)
{
    Search *s = ctx;
    if (ev->n_genome != s->dim || ev->n_agreement != s->k)
        FAIL(e, ERR_FORMAT, "the ledger holds an evaluation of %zu weights, want %zu", ev->n_genome, s->dim);
    return archive_put(s->cache, ev->genome, ev->utility, ev->agreement, NAN, e);
}

/* What was evaluated goes to the ledger at once: a search that is cut short is carried on from here. */
static Status cache_write(Search *s, const double *x, const double *u, const double *v, size_t n, Err *e)
{
    TRY(ledger_batch_begin(s->ledger, e));
    for (size_t i = 0; i < n; i++) {
        LedgerEval ev = {.target = s->key,
                         .seed = s->a->spec->seeds.x[s->seed],
                         .genome = x + i * s->dim,
                         .n_genome = s->dim,
                         .utility = u[i],
                         .agreement = v + i * s->k,
                         .n_agreement = s->k};
        TRY(ledger_eval_add(s->ledger, &ev, e));
    }
    return ledger_batch_commit(s->ledger, e);
}

static Status cache_out(Search *s, const double *x, const double *u, const double *v, size_t n, Err *e)
{
    const SweepWatch *w = s->a->watch;
    for (size_t i = 0; i < n; i++) TRY(archive_put(s->cache, x + i * s->dim, u[i], v + i * s->k, NAN, e));
    if (s->ledger == NULL) return OK;
    Status st = cache_write(s, x, u, v, n, e);
    if (st != OK)
        ledger_cell_abort(s->ledger);
    else if (w != NULL && w->evaluated != NULL)
        w->evaluated(w->ctx, n);
    return st;
}

/* Evaluate those of x [n, dim] that are not known yet; all of them are known afterwards. */
static Status search_learn(Search *s, const double *x, size_t n, Err *e)
{
    size_t K = s->k, D = s->dim, fresh = 0;
    ArchiveItem it;
    double *miss = malloc(n * (D + K + 1) * sizeof *miss);
    if (miss == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n);
    for (size_t i = 0; i < n; i++)
        if (!archive_find(&it, s->cache, x + i * D)) memcpy(miss + fresh++ * D, x + i * D, D * sizeof *miss);
    double *u = miss + n * D, *v = u + n;
    Status st = fresh > 0 ? search_measure(u, v, s, miss, fresh, e) : OK;
    if (st == OK && fresh > 0) st = cache_out(s, miss, u, v, fresh, e);
    free(miss);
    return st;
}

/* ---- goals ---- */

/* What breaks a limit ranks behind all that keeps it, by how much it does (Deb 2000, feasibility rules). */
static const double beyond_limit = 1e12;

static double goal_loss(const Search *s, const SpecGoal *g, double u, const double *v)
{
    if (!g->limit) return objective_prime(u, v, s->k, g->value, s->minimise);
    double over = search_mean(s, v) - g->value;
    return over > 0 ? beyond_limit + over : s->minimise ? u : -u;
}

typedef struct {
    const Search *s;
    const SpecGoal *g;
} GoalOf;

static double goal_entry(const void *ctx, const ArchiveItem *it)
{
    const GoalOf *of = ctx;
    return goal_loss(of->s, of->g, it->u, it->v);
}

/* The oldest of the best; false for an empty archive. */
static bool goal_best(size_t *out, const Search *s, const SpecGoal *g)
{
    return archive_rank(out, 1, s->archive, goal_entry, &(GoalOf){s, g}) == 1;
}

/* ---- the loop ---- */

static Status search_start(Evolver **ev, Search *s, const SpecGoal *g, size_t index, Err *e)
{
    EvolveOpts o;
    const char *method = NULL;
    const Spec *sp = s->a->spec;
    size_t best;
    char label[96];
    TRY(evolve_preset(&o, &method, sp->evolve.preset, s->dim, s->k, e));
    if (sp->evolve.method != NULL) method = sp->evolve.method;
    if (sp->evolve.popsize > 0) o.popsize = sp->evolve.popsize;
    if (!isnan(sp->evolve.sigma)) o.sigma = sp->evolve.sigma;
    o.lo = -sp->evolve.bound;
    o.hi = sp->evolve.bound;
    if (goal_best(&best, s, g)) o.x0 = archive_at(s->archive, best).x;
    snprintf(label, sizeof label, "evolve %.40s", s->t->user->id);
    Rng rng = rng_stream(sp->seeds.x[s->seed], label, index);
    o.seed = rng_u64(&rng);
    return evolve_new(ev, method, &o, e);
}

/* One generation, or as much of it as the budget still allows (then the optimiser is not told). */
static Status search_generation(Search *s, Evolver *ev, const SpecGoal *g, size_t n, double *x, double *f,
                                Err *e)
{
    size_t P = evolve_popsize(ev), D = s->dim;
    evolve_ask(ev, x);
    TRY(search_learn(s, x, n, e));
    for (size_t i = 0; i < n; i++) {
        ArchiveItem it = {0};
        if (!archive_find(&it, s->cache, x + i * D)) FAIL(e, ERR_NUM, "candidate %zu was not evaluated", i);
        TRY(archive_put(s->archive, it.x, it.u, it.v, NAN, e));
        f[i] = goal_loss(s, g, it.u, it.v);
    }
    return n == P ? evolve_tell(ev, x, f, e) : OK;
}

static Status search_goal(Search *s, const SpecGoal *g, size_t index, Err *e)
{
    Evolver *ev = NULL;
    TRY(search_start(&ev, s, g, index, e));
    size_t P = evolve_popsize(ev), budget = s->a->spec->evolve.budget;
    double *x = malloc(P * s->dim * sizeof *x), *f = malloc(P * sizeof *f);
    Status st = x != NULL && f != NULL
                    ? OK
                    : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu candidates", P);
    for (size_t done = 0; st == OK && done < budget; done += P)
        st = search_generation(s, ev, g, budget - done < P ? budget - done : P, x, f, e);
    free(x);
    free(f);
    evolve_free(ev);
    return st;
}

/* ---- the outcome ---- */

/* PriME's rule: back to the base when the base's own objective is better; a tie keeps the merge. */
static Status search_pick(SearchFound *out, Search *s, const SpecGoal *g, Arena *arena, Err *e)
{
    size_t best = 0;
    SearchFound f = {.weight = arena_zalloc(arena, s->dim, sizeof(double)), .base_u = s->base_u};
    if (f.weight == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", s->dim);
    if (!goal_best(&best, s, g)) FAIL(e, ERR_ARG, "the search evaluated nothing");
    ArchiveItem it = archive_at(s->archive, best);
    f.base_v = search_mean(s, s->base_v);
    f.base_objective = goal_loss(s, g, s->base_u, s->base_v);
    f.u = it.u;
    f.v = search_mean(s, it.v);
    f.objective = goal_loss(s, g, it.u, it.v);
    f.evaluations = archive_count(s->archive);
    f.reverted = f.base_objective < f.objective;
    if (!f.reverted) memcpy(f.weight, it.x, s->dim * sizeof *f.weight);
    double u, *v = arena_alloc(arena, s->k, sizeof *v);
    if (v == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", s->k);
    TRY(search_measure(&u, v, s, f.reverted ? NULL : f.weight, 1, e));
    f.again = goal_loss(s, g, u, v);
    *out = f;
    return OK;
}

/* A search that was cut short takes the same way again: what it had evaluated is known, so that it costs
 * nothing until it is new. */
static Status search_all(SearchFound *found, Search *s, Arena *arena, Err *e)
{
    const Spec *sp = s->a->spec;
    TRY(archive_new(&s->archive, s->dim, s->k, e));
    TRY(archive_new(&s->cache, s->dim, s->k, e));
    TRY(search_name(s, e));
    if (s->ledger != NULL) TRY(ledger_each_eval(s->ledger, s->key, sp->seeds.x[s->seed], cache_in, s, e));
    TRY(search_prepare(s, e));
    for (size_t i = 0; i < spec_goals(sp); i++) {
        SpecGoal g = spec_goal(sp, i);
        TRY(search_goal(s, &g, i, e));
    }
    for (size_t i = 0; i < spec_goals(sp); i++) {
        SpecGoal g = spec_goal(sp, i);
        TRY(search_pick(&found[i], s, &g, arena, e));
    }
    return OK;
}

Status search_run(SearchFound *found, const Audit *a, const AuditTarget *t, size_t seed, Ledger *ledger,
                  Arena *arena, Err *e)
{
    Search s = {.a = a,
                .t = t,
                .seed = seed,
                .k = a->spec->anchors.per_target,
                .dim = audit_genome(a),
                .ledger = ledger};
    LoraBank *bank = NULL;
    s.anchor = arena_alloc(arena, s.k, sizeof *s.anchor);
    if (s.anchor == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", s.k);
    TRY(audit_bank(&bank, s.anchor, a, t, seed, e));
    s.lora = audit_pass(a, bank, NULL);
    s.minimise = a->spec->search.score != SPEC_LIKELIHOOD && !measure_higher(a);
    Status st = search_all(found, &s, arena, e);
    archive_free(s.archive);
    archive_free(s.cache);
    arena_free(&s.arena);
    arena_free(&s.keep);
    lora_bank_free(bank);
    return st;
}
