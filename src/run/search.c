/* search.c - evolve merge weights for one target: PriME's objective U - lambda * mean V on the target's
 * search split.
 *
 * (U, V) of a candidate does not depend on lambda: every evaluation made for one lambda serves all of them.
 * Lambdas are searched one after the other, each starting from the best known point; what is deployed is
 * chosen from the whole archive at the end. Source: PriME's released code, lora_composition_evo.py. Differs:
 * the released code deploys the optimiser's recommendation, compared with the base by another candidate's
 * loss, and does not evaluate it again; here the best evaluated candidate is deployed, compared with the base
 * by its own objective, and evaluated once more. */
#include "audit_priv.h"

#include "prime/archive.h"
#include "prime/evolve.h"
#include "prime/objective.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Audit *a;
    const AuditTarget *t;
    size_t seed, k;
    PassLora lora;
    Arena arena;              /* reset after every evaluation */
    Arena keep;               /* golds, anchors' outputs */
    const char **gold;        /* [n] */
    const char ***anchor_out; /* [K][n] what each anchor alone says on the same inputs */
    AuditSet *anchor_set;     /* [K] the same as samples, for likelihood */
    Archive *archive;
    double base_u, *base_v;
    bool minimise;
} Search;

/* ---- evaluation ---- */

/* Mean nats a token of each candidate on a set, negated: larger is likelier. */
static Status set_likelihood(double *out, Search *s, const PassLora *lora, size_t n_cand, const AuditSet *set,
                             Err *e)
{
    ScoreOut *nll = arena_alloc(&s->arena, n_cand * set->n, sizeof *nll);
    if (nll == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", n_cand * set->n);
    TRY(measure_nll(nll, s->a, lora, n_cand, set, e));
    for (size_t c = 0; c < n_cand; c++) {
        double sum = 0, tokens = 0;
        for (size_t i = 0; i < set->n; i++) {
            sum += nll[c * set->n + i].nll_sum;
            tokens += (double)nll[c * set->n + i].n_tokens;
        }
        out[c] = tokens > 0 ? -sum / tokens : 0;
    }
    return OK;
}

static Status eval_likelihood(double *u, double *v, Search *s, const PassLora *lora, size_t n_cand, Err *e)
{
    double *one = arena_alloc(&s->arena, n_cand, sizeof *one);
    if (one == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n_cand);
    TRY(set_likelihood(u, s, lora, n_cand, &s->t->search, e));
    for (size_t k = 0; k < s->k; k++) {
        TRY(set_likelihood(one, s, lora, n_cand, &s->anchor_set[k], e));
        for (size_t c = 0; c < n_cand; c++) v[c * s->k + k] = one[c];
    }
    return OK;
}

static Status eval_answers(double *u, double *v, Search *s, const PassLora *lora, size_t n_cand, Err *e)
{
    size_t n = s->t->search.n;
    const char **said = arena_alloc(&s->arena, n_cand * n, sizeof(const char *));
    if (said == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu answers", n_cand * n);
    TRY(measure_answers(said, s->a, lora, n_cand, &s->t->search, s->a->spec->search.score, &s->arena, e));
    for (size_t c = 0; c < n_cand; c++) {
        TRY(measure_sum(&u[c], s->a, s->gold, said + c * n, n, e));
        for (size_t k = 0; k < s->k; k++)
            TRY(measure_sum(&v[c * s->k + k], s->a, s->anchor_out[k], said + c * n, n, e));
    }
    return OK;
}

/* U [n_cand] and V [n_cand, K] of genomes x [n_cand, K]; x NULL is the base model (n_cand = 1). */
static Status search_eval(double *u, double *v, Search *s, const double *x, size_t n_cand, Err *e)
{
    float *w = arena_alloc(&s->arena, n_cand * s->k, sizeof *w);
    if (w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n_cand);
    for (size_t i = 0; x != NULL && i < n_cand * s->k; i++) w[i] = (float)x[i];
    PassLora lora = s->lora;
    lora.w = w;
    const PassLora *use = x != NULL ? &lora : NULL;
    Status st = s->a->spec->search.score == SPEC_LIKELIHOOD ? eval_likelihood(u, v, s, use, n_cand, e)
                                                            : eval_answers(u, v, s, use, n_cand, e);
    arena_reset(&s->arena);
    return st;
}

/* ---- what is known before the search ---- */

static Status anchor_samples(Search *s, size_t k, Err *e)
{
    const AuditSet *from = &s->t->search;
    AuditSet *set = &s->anchor_set[k];
    set->n = from->n;
    set->r = arena_alloc(&s->keep, from->n, sizeof *set->r);
    if (set->r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu answers", from->n);
    for (size_t i = 0; i < from->n; i++) {
        set->r[i] = from->r[i];
        TRY(sample_make(&set->r[i].full, &s->keep, s->a->tok, &s->a->base->cfg, s->a->task,
                        from->r[i].rec->input, s->anchor_out[k][i], 0, e));
    }
    return OK;
}

/* What each anchor alone says on the target's inputs: one population of K unit vectors. */
static Status search_anchors(Search *s, Err *e)
{
    size_t n = s->t->search.n, K = s->k;
    int how = s->a->spec->search.score == SPEC_LABELS ? SPEC_LABELS : SPEC_GENERATE;
    const char **said = arena_alloc(&s->keep, K * n, sizeof(const char *));
    float *w = arena_zalloc(&s->keep, K * K, sizeof *w);
    s->gold = arena_alloc(&s->keep, n, sizeof(const char *));
    s->anchor_out = arena_alloc(&s->keep, K, sizeof(const char **));
    s->anchor_set = arena_zalloc(&s->keep, K, sizeof *s->anchor_set);
    s->base_v = arena_zalloc(&s->keep, K, sizeof *s->base_v);
    if (said == NULL || w == NULL || s->gold == NULL || s->anchor_out == NULL || s->anchor_set == NULL ||
        s->base_v == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu answers", K * n);
    for (size_t k = 0; k < K; k++) {
        w[k * K + k] = 1;
        s->anchor_out[k] = said + k * n;
    }
    PassLora lora = s->lora;
    lora.w = w;
    measure_golds(s->gold, &s->t->search);
    TRY(measure_answers(said, s->a, &lora, K, &s->t->search, how, &s->keep, e));
    for (size_t k = 0; k < K && s->a->spec->search.score == SPEC_LIKELIHOOD; k++)
        TRY(anchor_samples(s, k, e));
    return search_eval(&s->base_u, s->base_v, s, NULL, 1, e);
}

/* ---- the archive and the ledger ---- */

static Status archive_in(void *ctx, const LedgerEval *ev, Err *e)
{
    Search *s = ctx;
    if (ev->n_genome != s->k || ev->n_agreement != s->k)
        FAIL(e, ERR_FORMAT, "the ledger holds an evaluation of %zu weights, want %zu", ev->n_genome, s->k);
    return archive_put(s->archive, ev->genome, ev->utility, ev->agreement, NAN, e);
}

static Status archive_out(const Search *s, Ledger *l, Err *e)
{
    TRY(ledger_batch_begin(l, e));
    for (size_t i = 0; i < archive_count(s->archive); i++) {
        ArchiveItem it = archive_at(s->archive, i);
        LedgerEval ev = {.target = s->t->user->id,
                         .seed = s->a->spec->seeds.x[s->seed],
                         .genome = it.x,
                         .n_genome = s->k,
                         .utility = it.u,
                         .agreement = it.v,
                         .n_agreement = s->k};
        TRY(ledger_eval_add(l, &ev, e));
    }
    return ledger_batch_commit(l, e);
}

/* ---- the loop ---- */

static Status search_start(Evolver **ev, Search *s, double lambda, size_t index, Err *e)
{
    EvolveOpts o;
    const char *method = NULL;
    const Spec *sp = s->a->spec;
    size_t best;
    char label[96];
    TRY(evolve_preset(&o, &method, sp->evolve.preset, s->k, s->k, e));
    if (sp->evolve.method != NULL) method = sp->evolve.method;
    if (sp->evolve.popsize > 0) o.popsize = sp->evolve.popsize;
    if (!isnan(sp->evolve.sigma)) o.sigma = sp->evolve.sigma;
    o.lo = -sp->evolve.bound;
    o.hi = sp->evolve.bound;
    if (archive_best(&best, s->archive, lambda, s->minimise)) o.x0 = archive_at(s->archive, best).x;
    snprintf(label, sizeof label, "evolve %.40s", s->t->user->id);
    Rng rng = rng_stream(sp->seeds.x[s->seed], label, index);
    o.seed = rng_u64(&rng);
    return evolve_new(ev, method, &o, e);
}

/* One generation, or as much of it as the budget still allows (then the optimiser is not told). */
static Status search_generation(Search *s, Evolver *ev, double lambda, size_t n, double *x, double *f, Err *e)
{
    size_t P = evolve_popsize(ev), K = s->k;
    double *u = f + P, *v = u + P; /* f [P], u [P], v [P, K] lie behind each other */
    evolve_ask(ev, x);
    TRY(search_eval(u, v, s, x, n, e));
    for (size_t i = 0; i < n; i++) {
        TRY(archive_put(s->archive, x + i * K, u[i], v + i * K, NAN, e));
        f[i] = objective_prime(u[i], v + i * K, K, lambda, s->minimise);
    }
    return n == P ? evolve_tell(ev, x, f, e) : OK;
}

static Status search_lambda(Search *s, double lambda, size_t index, Err *e)
{
    Evolver *ev = NULL;
    TRY(search_start(&ev, s, lambda, index, e));
    size_t P = evolve_popsize(ev), budget = s->a->spec->evolve.budget;
    double *x = malloc(P * s->k * sizeof *x), *f = malloc(P * (s->k + 2) * sizeof *f);
    Status st = x != NULL && f != NULL
                    ? OK
                    : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu candidates", P);
    for (size_t done = 0; st == OK && done < budget; done += P)
        st = search_generation(s, ev, lambda, budget - done < P ? budget - done : P, x, f, e);
    free(x);
    free(f);
    evolve_free(ev);
    return st;
}

/* ---- the outcome ---- */

/* PriME's rule: back to the base when the base's own objective is better; a tie keeps the merge. */
static Status search_pick(SearchFound *out, Search *s, double lambda, Arena *arena, Err *e)
{
    size_t best = 0;
    SearchFound f = {.weight = arena_zalloc(arena, s->k, sizeof(double)), .base_u = s->base_u};
    if (f.weight == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", s->k);
    if (!archive_best(&best, s->archive, lambda, s->minimise))
        FAIL(e, ERR_ARG, "the search evaluated nothing");
    ArchiveItem it = archive_at(s->archive, best);
    f.base_v = objective_mean(s->base_v, s->k);
    f.base_objective = objective_prime(s->base_u, s->base_v, s->k, lambda, s->minimise);
    f.u = it.u;
    f.v = objective_mean(it.v, s->k);
    f.objective = archive_loss(s->archive, best, lambda, s->minimise);
    f.evaluations = archive_count(s->archive);
    f.reverted = f.base_objective < f.objective;
    if (!f.reverted) memcpy(f.weight, it.x, s->k * sizeof *f.weight);
    double u, *v = arena_alloc(arena, s->k, sizeof *v);
    if (v == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", s->k);
    TRY(search_eval(&u, v, s, f.reverted ? NULL : f.weight, 1, e));
    f.again = objective_prime(u, v, s->k, lambda, s->minimise);
    *out = f;
    return OK;
}

static Status search_all(SearchFound *found, Search *s, Ledger *ledger, Arena *arena, Err *e)
{
    const Spec *sp = s->a->spec;
    TRY(archive_new(&s->archive, s->k, s->k, e));
    if (ledger != NULL) TRY(ledger_each_eval(ledger, s->t->user->id, sp->seeds.x[s->seed], archive_in, s, e));
    TRY(search_anchors(s, e));
    if (archive_count(s->archive) == 0) {
        for (size_t i = 0; i < sp->lambda.n; i++) TRY(search_lambda(s, sp->lambda.x[i], i, e));
        if (ledger != NULL) TRY(archive_out(s, ledger, e));
    }
    for (size_t i = 0; i < sp->lambda.n; i++) TRY(search_pick(&found[i], s, sp->lambda.x[i], arena, e));
    return OK;
}

Status search_run(SearchFound *found, const Audit *a, const AuditTarget *t, size_t seed, Ledger *ledger,
                  Arena *arena, Err *e)
{
    Search s = {.a = a, .t = t, .seed = seed, .k = a->spec->anchors.per_target};
    LoraBank *bank = NULL;
    TRY(audit_bank(&bank, NULL, a, t, seed, e));
    s.lora = (PassLora){.bank = bank, .op = spec_merge(a->spec)->op};
    s.minimise = a->spec->search.score != SPEC_LIKELIHOOD && !measure_higher(a);
    Status st = search_all(found, &s, ledger, arena, e);
    archive_free(s.archive);
    arena_free(&s.arena);
    arena_free(&s.keep);
    lora_bank_free(bank);
    return st;
}
