/* search_measure.c - utility and privacy term of candidate merges for one target. */
#include "search_priv.h"

#include "prime/objective.h"

double search_mean(const Search *s, const double *v)
{
    double mean = objective_mean(v, s->k);
    return s->a->spec->evolve.objective != 0 && s->minimise ? -mean : mean;
}

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

/* v NULL: agreement is not wanted. */
static Status eval_likelihood(double *u, double *v, Search *s, const PassLora *lora, size_t n_cand, Err *e)
{
    double *one = arena_alloc(&s->arena, n_cand, sizeof *one);
    if (one == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n_cand);
    TRY(set_likelihood(u, s, lora, n_cand, &s->t->search, e));
    for (size_t k = 0; v != NULL && k < s->k; k++) {
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
        for (size_t k = 0; v != NULL && k < s->k; k++)
            TRY(measure_sum(&v[c * s->k + k], s->a, s->anchor_out[k], said + c * n, n, e));
    }
    return OK;
}

Status search_measure(double *u, double *v, Search *s, const double *x, size_t n_cand, Err *e)
{
    float *w = arena_alloc(&s->arena, n_cand * s->dim, sizeof *w);
    if (w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n_cand);
    for (size_t i = 0; x != NULL && i < n_cand * s->dim; i++) w[i] = (float)x[i];
    PassLora lora = s->lora;
    lora.w = w;
    const PassLora *use = x != NULL ? &lora : NULL;
    double *agreement = s->a->spec->evolve.objective == 0 ? v : NULL;
    Status st = s->a->spec->search.score == SPEC_LIKELIHOOD ? eval_likelihood(u, agreement, s, use, n_cand, e)
                                                            : eval_answers(u, agreement, s, use, n_cand, e);
    if (st == OK && agreement == NULL) st = penalty_measure(v, s, use, x, n_cand, e);
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
Status search_prepare(Search *s, Err *e)
{
    size_t n = s->t->search.n, K = s->k, G = s->a->n_groups;
    int how = s->a->spec->search.score == SPEC_LABELS ? SPEC_LABELS : SPEC_GENERATE;
    const char **said = arena_alloc(&s->keep, K * n, sizeof(const char *));
    float *w = arena_zalloc(&s->keep, K * s->dim, sizeof *w);
    s->gold = arena_alloc(&s->keep, n, sizeof(const char *));
    s->anchor_out = arena_alloc(&s->keep, K, sizeof(const char **));
    s->anchor_set = arena_zalloc(&s->keep, K, sizeof *s->anchor_set);
    s->base_v = arena_zalloc(&s->keep, K, sizeof *s->base_v);
    if (said == NULL || w == NULL || s->gold == NULL || s->anchor_out == NULL || s->anchor_set == NULL ||
        s->base_v == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu answers", K * n);
    for (size_t k = 0; k < K; k++) {
        for (size_t g = 0; g < G; g++) w[k * s->dim + k * G + g] = 1;
        s->anchor_out[k] = said + k * n;
    }
    PassLora lora = s->lora;
    lora.w = w;
    measure_golds(s->gold, &s->t->search);
    TRY(measure_answers(said, s->a, &lora, K, &s->t->search, how, &s->keep, e));
    for (size_t k = 0; k < K && s->a->spec->search.score == SPEC_LIKELIHOOD; k++)
        TRY(anchor_samples(s, k, e));
    return search_measure(&s->base_u, s->base_v, s, NULL, 1, e);
}
