/* signals_attack.c - from stored signals to what attacks read. */
#include "prime/signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *id;
    size_t at;
} SignalsKey;

static int key_order(const void *x, const void *y)
{
    return strcmp(((const SignalsKey *)x)->id, ((const SignalsKey *)y)->id);
}

/* Where each record of s is in `other`. */
static Status signals_match(size_t **out, const Signals *s, const Signals *other, const char *what, Arena *a,
                            Err *e)
{
    SignalsKey *key = arena_alloc(a, other->n, sizeof *key);
    size_t *at = arena_alloc(a, s->n, sizeof *at);
    if (key == NULL || at == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->n);
    for (size_t i = 0; i < other->n; i++) key[i] = (SignalsKey){other->record[i].id, i};
    if (other->n > 1) qsort(key, other->n, sizeof *key, key_order);
    for (size_t i = 0; i < s->n; i++) {
        SignalsKey want = {s->record[i].id, 0};
        const SignalsKey *got = bsearch(&want, key, other->n, sizeof *key, key_order);
        if (got == NULL) FAIL(e, ERR_SHAPE, "record '%s' has no %s signals", want.id, what);
        at[i] = got->at;
    }
    *out = at;
    return OK;
}

static double signals_nll(const Signals *s, size_t i)
{
    double sum = 0;
    for (size_t t = s->tok.start[i]; t < s->tok.start[i + 1]; t++) sum -= (double)s->tok.logp[t];
    return sum;
}

static AttackText signals_loss(const Signals *s, size_t i)
{
    return (AttackText){s->tok.start[i + 1] - s->tok.start[i], signals_nll(s, i)};
}

static bool same_tokens(const Signals *x, size_t i, const Signals *y, size_t k)
{
    size_t n = x->tok.start[i + 1] - x->tok.start[i];
    return n == y->tok.start[k + 1] - y->tok.start[k] &&
           (n == 0 ||
            memcmp(x->tok.id + x->tok.start[i], y->tok.id + y->tok.start[k], n * sizeof *x->tok.id) == 0);
}

/* Losses [s->n] of the same records in another file; zeros (not known) where there is none. */
static Status signals_losses(AttackText **out, const Signals *s, const Signals *other, const char *what,
                             bool same, Arena *a, Err *e)
{
    size_t *at = NULL;
    AttackText *loss = arena_zalloc(a, s->n, sizeof *loss);
    if (loss == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->n);
    *out = loss;
    if (other == NULL) return OK;
    TRY(signals_match(&at, s, other, what, a, e));
    for (size_t i = 0; i < s->n; i++) {
        if (same && !same_tokens(s, i, other, at[i]))
            FAIL(e, ERR_SHAPE, "record '%s': other tokens in its %s signals", s->record[i].id, what);
        loss[i] = signals_loss(other, at[i]);
    }
    return OK;
}

/* Token arrays of all records, widened to double. */
static Status signals_widen(AttackTokens **out, const Signals *s, Arena *a, Err *e)
{
    size_t tokens = s->tok.start[s->n];
    AttackTokens *t = arena_zalloc(a, s->n, sizeof *t);
    double *x = arena_alloc(a, tokens, 3 * sizeof *x);
    int32_t *rank = arena_alloc(a, tokens, sizeof *rank);
    if (t == NULL || x == NULL || rank == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", tokens);
    for (size_t i = 0; i < tokens; i++) {
        x[i] = (double)s->tok.logp[i];
        x[tokens + i] = (double)s->tok.mu[i];
        x[2 * tokens + i] = (double)s->tok.sigma[i];
        rank[i] = s->tok.rank[i];
    }
    for (size_t i = 0; i < s->n; i++) {
        size_t from = s->tok.start[i];
        t[i] = (AttackTokens){.n = s->tok.start[i + 1] - from,
                              .logp = x + from,
                              .mu = x + tokens + from,
                              .sigma = x + 2 * tokens + from,
                              .rank = rank + from,
                              .id = s->tok.id + from};
    }
    *out = t;
    return OK;
}

static Status signals_ref(AttackSignal *out, AttackTokens *t, const Signals *s, const Signals *ref, Arena *a,
                          Err *e)
{
    size_t *at = NULL;
    double *x = arena_alloc(a, s->tok.start[s->n], sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", s->tok.start[s->n]);
    TRY(signals_match(&at, s, ref, "reference", a, e));
    for (size_t i = 0; i < s->n; i++) {
        if (!same_tokens(s, i, ref, at[i]))
            FAIL(e, ERR_SHAPE, "record '%s': other tokens in its reference signals", s->record[i].id);
        double *row = x + s->tok.start[i];
        for (size_t k = 0; k < t[i].n; k++) row[k] = (double)ref->tok.logp[ref->tok.start[at[i]] + k];
        t[i].ref_logp = row;
        out[i].ref_nll_sum = signals_nll(ref, at[i]);
    }
    return OK;
}

/* Other texts of the records must have been read by the same model. */
static Status signals_same_model(const Signals *s, const Signals *other, const char *what, Err *e)
{
    if (other == NULL || s->model_sha256[0] == '\0' || other->model_sha256[0] == '\0') return OK;
    if (strcmp(s->model_sha256, other->model_sha256) == 0) return OK;
    FAIL(e, ERR_ARG, "%s signals are of model %.12s..., want the attacked model's, %.12s...", what,
         other->model_sha256, s->model_sha256);
}

Status signals_attack(AttackSignal **out, const Signals *s, const SignalsMore *more, Arena *a, Err *e)
{
    AttackTokens *t = NULL;
    AttackText *loo = NULL, *lower = NULL, *non = NULL, *member = NULL;
    AttackSignal *x = arena_zalloc(a, s->n, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->n);
    TRY(signals_same_model(s, more->lower, "lower-cased", e));
    TRY(signals_same_model(s, more->after_non, "non-member prefix", e));
    TRY(signals_same_model(s, more->after_member, "member prefix", e));
    TRY(signals_widen(&t, s, a, e));
    TRY(signals_losses(&loo, s, more->loo, "leave-one-out", true, a, e));
    TRY(signals_losses(&lower, s, more->lower, "lower-cased", false, a, e));
    TRY(signals_losses(&non, s, more->after_non, "non-member prefix", true, a, e));
    TRY(signals_losses(&member, s, more->after_member, "member prefix", true, a, e));
    for (size_t i = 0; i < s->n; i++)
        x[i] = (AttackSignal){.n_tokens = t[i].n,
                              .nll_sum = signals_nll(s, i),
                              .ref_nll_sum = NAN,
                              .loo = loo[i],
                              .lower = lower[i],
                              .after_non = non[i],
                              .after_member = member[i],
                              .zlib_bytes = s->record[i].zlib_bytes,
                              .tokens = &t[i]};
    if (more->ref != NULL) TRY(signals_ref(x, t, s, more->ref, a, e));
    *out = x;
    return OK;
}

unsigned signals_have(const AttackSignal *s, size_t n)
{
    unsigned have = n > 0 ? ~0U : 0;
    for (size_t i = 0; i < n; i++) have &= attack_have(&s[i]);
    return have;
}
