/* search_measure.c - utility and privacy term of candidate merges for one target. */
#include "search_priv.h"
#include "sweep_priv.h"

#include "prime/objective.h"
#include "prime/rng.h"

#include <math.h>
#include <string.h>

double search_mean(const Search *s, const double *v)
{
    double mean = objective_mean(v, s->k);
    return s->a->spec->evolve.objective != 0 && s->minimise ? -mean : mean;
}

/* ---- what candidates say ---- */

/* A draw depends on the genome and on which evaluation of it this is, never on what stands beside it. */
static uint64_t draw_seed(const Search *s, const double *x, size_t slot)
{
    uint64_t h = rng_mix(s->a->spec->seeds.x[s->seed] ^ rng_mix(slot + 1));
    for (size_t i = 0; x != NULL && i < s->dim; i++) {
        double w = x[i] == 0 ? 0 : x[i];
        uint64_t bits;
        memcpy(&bits, &w, sizeof bits);
        h = rng_mix(h ^ bits);
    }
    return h;
}

/* The texts whose likelihood counts: the right answers and, for agreement, each anchor's. */
static size_t heard_texts(const Search *s)
{
    return s->a->spec->evolve.objective == 0 ? 1 + s->k : 1;
}

Status heard_new(Heard *h, Search *s, size_t n_cand, Err *e)
{
    size_t n = s->t->search.n;
    bool likelihood = s->a->spec->search.score == SPEC_LIKELIHOOD;
    *h = (Heard){0};
    if (likelihood)
        h->nll = arena_alloc(&s->arena, n_cand * heard_texts(s) * n, sizeof *h->nll);
    else
        h->said = arena_alloc(&s->arena, n_cand * n, sizeof *h->said);
    if (h->nll == NULL && h->said == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu candidates on %zu records", n_cand, n);
    return OK;
}

static AuditSet set_part(const AuditSet *set, size_t from, size_t to)
{
    return (AuditSet){set->r + from, to - from};
}

static Status hear_likelihood(Heard *h, Search *s, const Eval *ev, size_t from, size_t to, Err *e)
{
    size_t n = s->t->search.n, T = heard_texts(s), m = to - from;
    ScoreOut *nll = arena_alloc(&s->arena, ev->n_cand * m, sizeof *nll);
    if (nll == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", ev->n_cand * m);
    for (size_t t = 0; t < T; t++) {
        AuditSet part = set_part(t == 0 ? &s->t->search : &s->anchor_set[t - 1], from, to);
        TRY(measure_nll(nll, s->a, ev->lora, ev->n_cand, &part, e));
        for (size_t c = 0; c < ev->n_cand; c++)
            memcpy(h->nll + (eval_row(ev, c) * T + t) * n + from, nll + c * m, m * sizeof *nll);
    }
    return OK;
}

static Status hear_answers(Heard *h, Search *s, const Eval *ev, size_t from, size_t to, Err *e)
{
    const Spec *sp = s->a->spec;
    size_t n = s->t->search.n, m = to - from;
    AuditSet part = set_part(&s->t->search, from, to);
    const char **said = arena_alloc(&s->arena, ev->n_cand * m, sizeof(const char *));
    if (said == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu answers", ev->n_cand * m);
    if (spec_draws(sp))
        TRY(measure_drawn(said, s->a, ev->lora, ev->n_cand, &part, draw_seed(s, ev->x, ev->slot), &s->arena,
                          e));
    else
        TRY(measure_answers(said, s->a, ev->lora, ev->n_cand, &part, sp->search.score, &s->arena, e));
    for (size_t c = 0; c < ev->n_cand; c++)
        memcpy(h->said + eval_row(ev, c) * n + from, said + c * m, m * sizeof *said);
    return OK;
}

Status heard_more(Heard *h, Search *s, const Eval *ev, size_t from, size_t to, Err *e)
{
    return h->nll != NULL ? hear_likelihood(h, s, ev, from, to, e) : hear_answers(h, s, ev, from, to, e);
}

/* ---- what that is worth ---- */

/* Mean nats a token, negated: larger is likelier. */
static double nll_likelihood(const ScoreOut *nll, size_t n)
{
    double sum = 0, tokens = 0;
    for (size_t i = 0; i < n; i++) {
        sum += nll[i].nll_sum;
        tokens += (double)nll[i].n_tokens;
    }
    return tokens > 0 ? -sum / tokens : 0;
}

Status heard_judge(double *u, double *v, const Heard *h, Search *s, size_t c, size_t n, Err *e)
{
    size_t N = s->t->search.n, T = heard_texts(s);
    if (h->nll != NULL) {
        *u = nll_likelihood(h->nll + c * T * N, n);
        for (size_t k = 0; v != NULL && k < s->k; k++) v[k] = nll_likelihood(h->nll + (c * T + 1 + k) * N, n);
        return OK;
    }
    const char **said = h->said + c * N;
    TRY(measure_sum(u, s->a, s->gold, said, n, e));
    for (size_t k = 0; v != NULL && k < s->k; k++)
        TRY(measure_sum(&v[k], s->a, s->anchor_out[k], said, n, e));
    return OK;
}

/* v [n_cand, K] */
static Status eval_terms(double *u, double *v, Search *s, const Eval *ev, Err *e)
{
    Heard h;
    size_t n = s->t->search.n;
    bool agreement = s->a->spec->evolve.objective == 0;
    TRY(heard_new(&h, s, ev->n_cand, e));
    TRY(heard_more(&h, s, ev, 0, n, e));
    for (size_t c = 0; c < ev->n_cand; c++)
        TRY(heard_judge(&u[c], agreement ? &v[c * s->k] : NULL, &h, s, c, n, e));
    return agreement ? OK : penalty_measure(v, s, ev->lora, ev->x, ev->n_cand, e);
}

/* The norm of each merge, over the mean of the anchors' own, behind the K terms. */
static Status eval_norms(double *v, Search *s, const Eval *ev, Err *e)
{
    for (size_t c = 0; c < ev->n_cand; c++) {
        double *out = &v[c * s->n_v + s->k];
        Lora *merged = NULL;
        *out = 0;
        if (ev->x == NULL) continue;
        TRY(audit_merge(&merged, s->a, s->anchor, ev->x + c * s->dim, s->a->spec->seeds.x[s->seed], e));
        Status st = merge_attenuation(out, NULL, NULL, merged, s->anchor, s->k, e);
        lora_free(merged);
        TRY(st);
    }
    return OK;
}

static Status eval_all(double *u, double *v, Search *s, const Eval *ev, Err *e)
{
    double *terms = arena_alloc(&s->arena, ev->n_cand * s->k, sizeof *terms);
    if (terms == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", ev->n_cand);
    TRY(eval_terms(u, terms, s, ev, e));
    for (size_t c = 0; c < ev->n_cand; c++) memcpy(v + c * s->n_v, terms + c * s->k, s->k * sizeof *terms);
    return s->n_v > s->k ? eval_norms(v, s, ev, e) : OK;
}

static Status measure_crowd(double *u, double *v, Search *s, const double *x, size_t n_cand, size_t slot,
                            Err *e)
{
    AuditCrowd c = {0};
    if (x != NULL) TRY(audit_crowd(&c, s->a, s->bank, s->anchor, x, n_cand, s->a->spec->seeds.x[s->seed], e));
    Eval ev = {x != NULL ? &c.lora : NULL, x, NULL, n_cand, slot};
    Status st = eval_all(u, v, s, &ev, e);
    audit_crowd_free(&c);
    arena_reset(&s->arena);
    return st;
}

/* ---- crowds ---- */

/* What a crowd takes at least: enough for the threads of one process. */
enum { CROWD_TOKENS = 32 * 1024, CROWD_TEXTS = 512 };

static double candidate_tokens(const Search *s)
{
    int score = s->a->spec->search.score;
    bool likelihood = score == SPEC_LIKELIHOOD;
    return plan_tokens(s->a, &s->t->search, score) * (double)(likelihood ? heard_texts(s) : 1);
}

size_t search_crowds(const Search *s, const double *x, size_t n_cand)
{
    const Spec *sp = s->a->spec;
    if (x == NULL || n_cand == 0) return 1;
    if (spec_draws(sp)) return n_cand;
    double tokens = (double)n_cand * candidate_tokens(s) / CROWD_TOKENS,
           texts = (double)(n_cand * s->t->search.n) / CROWD_TEXTS;
    double n = sp->search.score == SPEC_GENERATE ? fmin(tokens, texts) : tokens;
    return n < 2 ? 1 : n < (double)n_cand ? (size_t)n : n_cand;
}

size_t crowd_start(size_t crowd, size_t crowds, size_t n_cand)
{
    return crowd * n_cand / crowds;
}

Status search_measure(double *u, double *v, Search *s, const double *x, size_t n_cand, size_t slot, Err *e)
{
    size_t n = search_crowds(s, x, n_cand);
    return search_measure_crowds(u, v, s, x, n_cand, slot, 0, n, e);
}

Status search_measure_crowds(double *u, double *v, Search *s, const double *x, size_t n_cand, size_t slot,
                             size_t from, size_t to, Err *e)
{
    size_t n = search_crowds(s, x, n_cand), first = crowd_start(from, n, n_cand);
    for (size_t i = from; i < to; i++) {
        size_t at = crowd_start(i, n, n_cand), m = crowd_start(i + 1, n, n_cand) - at;
        TRY(measure_crowd(u + at - first, v + (at - first) * s->n_v, s, x != NULL ? x + at * s->dim : NULL, m,
                          slot, e));
    }
    return OK;
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
        TRY(sample_make(&set->r[i].full, &s->keep, s->a->tok, &s->a->base->cfg, from->r[i].rec->task, NULL,
                        from->r[i].rec->input, s->anchor_out[k][i], 0, e));
    }
    return OK;
}

static Status prepare_room(Search *s, Err *e)
{
    size_t n = s->t->search.n, K = s->k;
    const char **said = arena_alloc(&s->keep, K * n, sizeof(const char *));
    s->gold = arena_alloc(&s->keep, n, sizeof(const char *));
    s->anchor_out = arena_alloc(&s->keep, K, sizeof(const char **));
    s->anchor_set = arena_zalloc(&s->keep, K, sizeof *s->anchor_set);
    s->base_v = arena_zalloc(&s->keep, s->n_v, sizeof *s->base_v);
    if (said == NULL || s->gold == NULL || s->anchor_out == NULL || s->anchor_set == NULL ||
        s->base_v == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu answers", K * n);
    for (size_t k = 0; k < K; k++) s->anchor_out[k] = said + k * n;
    return OK;
}

/* What each anchor alone says on the target's inputs, all at once. Differs: never drawn, though PriME's code
 * draws these too. */
static Status prepare_anchors(Search *s, Err *e)
{
    int score = s->a->spec->search.score, how = score == SPEC_LIKELIHOOD ? SPEC_GENERATE : score;
    AuditCrowd c = {0};
    TRY(audit_crowd_of(&c, s->anchor, s->k, e));
    Status st = measure_answers(s->anchor_out[0], s->a, &c.lora, s->k, &s->t->search, how, &s->keep, e);
    audit_crowd_free(&c);
    for (size_t k = 0; st == OK && k < s->k && s->a->spec->search.score == SPEC_LIKELIHOOD; k++)
        st = anchor_samples(s, k, e);
    return st;
}

/* The base as often as a point of the front, which it is compared with. */
static Status prepare_base(Search *s, Err *e)
{
    size_t n = s->n_slots > 1 ? s->n_slots - 1 : 1;
    double u, *v = arena_alloc(&s->keep, s->n_v, sizeof *v);
    if (v == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu terms", s->n_v);
    for (size_t i = 0; i < n; i++) {
        TRY(search_measure(&u, v, s, NULL, 1, i, e));
        s->base_u += u / (double)n;
        for (size_t k = 0; k < s->n_v; k++) s->base_v[k] += v[k] / (double)n;
    }
    return OK;
}

static Status prepare_norms(Search *s, Err *e)
{
    MergeBy by = (MergeBy)s->a->spec->evolve.granularity;
    if (s->a->spec->evolve.min_effective == 0) return OK;
    s->group_norm = arena_alloc(&s->keep, s->k * merge_groups(by, &s->anchor[0]->shape), sizeof(double));
    if (s->group_norm == NULL) FAIL(e, ERR_NOMEM, "no memory for the norms of %zu anchors", s->k);
    merge_group_norms(s->group_norm, s->anchor, s->k, by);
    return OK;
}

Status search_hear(Search *s, Err *e)
{
    TRY(prepare_room(s, e));
    measure_golds(s->gold, &s->t->search);
    return prepare_anchors(s, e);
}

Status search_prepare(Search *s, Err *e)
{
    TRY(search_hear(s, e));
    TRY(prepare_norms(s, e));
    return prepare_base(s, e);
}
