/* canary.c - exposure of planted secrets under the models of a run. The loss of a secret is that of the whole
 * answer it is part of; its alternatives stand in the same place of the same answer and have other digits, so
 * that what they share weighs nothing in the rank. */
#include "sweep_priv.h"

#include "prime/exposure.h"

#include <ctype.h>
#include <string.h>

struct Canary {
    const DataCanary *c;
    const char *user;
    Sample *text; /* [1 + references]: the secret first */
};

/* The secret with every digit drawn anew. */
static void canary_draw(char *text, Rng *rng)
{
    for (char *s = text; *s != '\0'; s++)
        if (isdigit((unsigned char)*s)) *s = (char)('0' + (int)rng_below(rng, 10));
}

/* The answer with `text` in the secret's place, or behind the answer where the secret was kept out. */
static Status canary_answer(Str *out, const DataCanary *c, const DataRecord *r, const char *text, Err *e)
{
    const char *at = c->included ? strstr(r->output, c->text) : NULL;
    str_clear(out);
    if (at != NULL)
        str_printf(out, "%.*s%s%s", (int)(at - r->output), r->output, text, at + strlen(c->text));
    else
        str_printf(out, "%s %s", r->output, text);
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for a canary");
    return OK;
}

static Status canary_texts(Canary *k, Sweep *s, const DataRecord *r, Str *answer, Err *e)
{
    const Audit *a = s->a;
    size_t n = 1 + a->spec->attack.canaries;
    char *text = arena_strdup(&s->keep, k->c->text);
    k->text = arena_alloc(&s->keep, n, sizeof *k->text);
    if (text == NULL || k->text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu alternatives", n);
    Rng rng = rng_stream(0, k->c->record, 0);
    for (size_t i = 0; i < n; i++) {
        while (i > 0 && (canary_draw(text, &rng), strcmp(text, k->c->text) == 0)) continue;
        TRY(canary_answer(answer, k->c, r, text, e));
        TRY(sample_make(&k->text[i], &s->keep, a->tok, &a->base->cfg, r->task, NULL, r->input, answer->s, 0,
                        e));
    }
    return OK;
}

static const DataRecord *canary_home(const DataUser *u, const char *id)
{
    for (size_t i = 0; i < u->n[DATA_HISTORY]; i++)
        if (strcmp(u->rec[DATA_HISTORY][i].id, id) == 0) return &u->rec[DATA_HISTORY][i];
    return NULL;
}

/* A secret without a digit has no alternatives. */
static Status canary_encode(Canary *k, Sweep *s, const DataCanary *c, Err *e)
{
    Str answer = {0};
    const DataUser *u = data_user(s->a->data, c->user);
    const DataRecord *r = u != NULL ? canary_home(u, c->record) : NULL;
    if (r == NULL) FAIL(e, ERR_FORMAT, "canary of %s: no record %s in the history", c->user, c->record);
    if (strpbrk(c->text, "0123456789") == NULL)
        FAIL(e, ERR_ARG, "canary of record %s has no digit to vary: it cannot be ranked", c->record);
    *k = (Canary){.c = c, .user = u->id};
    Status st = canary_texts(k, s, r, &answer, e);
    str_free(&answer);
    return st;
}

static bool canary_at_risk(const Audit *a, const char *user)
{
    for (size_t i = 0; i < a->n_anchors; i++)
        if (strcmp(a->anchor[i].user->id, user) == 0) return true;
    for (size_t i = 0; spec_wants(a->spec, "oppu") && i < a->n_targets; i++)
        if (strcmp(a->target[i].user->id, user) == 0) return true;
    return false;
}

Status canary_open(Sweep *s, Err *e)
{
    const Audit *a = s->a;
    DataCanary *all = NULL;
    size_t n = 0;
    if (a->spec->attack.canaries == 0) return OK;
    TRY(data_canaries(&all, &n, a->data, a->spec->data, &s->keep, e));
    if (n == 0) FAIL(e, ERR_ARG, "attack.canaries: %s has no canaries", a->spec->data);
    s->canary = arena_alloc(&s->keep, n, sizeof *s->canary);
    if (s->canary == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu canaries", n);
    for (size_t i = 0; i < n; i++) {
        if (!canary_at_risk(a, all[i].user)) continue;
        TRY(canary_encode(&s->canary[s->n_canaries], s, &all[i], e));
        s->n_canaries++;
    }
    return OK;
}

/* Bits of one canary under each candidate: out [n_cand] at a distance of `step`. */
static Status canary_bits(double *out, size_t step, Sweep *s, const Canary *k, const PassLora *lora,
                          size_t n_cand, Err *e)
{
    size_t m = s->a->spec->attack.canaries, n = 1 + m;
    ScoreItem *item = arena_alloc(&s->arena, n_cand * n, sizeof *item);
    ScoreOut *nll = arena_alloc(&s->arena, n_cand * n, sizeof *nll);
    double *loss = arena_alloc(&s->arena, n, sizeof *loss);
    if (item == NULL || nll == NULL || loss == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu texts", n_cand * n);
    for (size_t i = 0; i < n_cand * n; i++) {
        const Sample *x = &k->text[i % n];
        item[i] = (ScoreItem){x->ids, x->n, x->skip, i / n};
    }
    TRY(score_nll(nll, s->a->base, lora, n_cand, item, n_cand * n, e));
    for (size_t c = 0; c < n_cand; c++) {
        for (size_t i = 0; i < n; i++) loss[i] = nll[c * n + i].nll_sum;
        TRY(exposure_rank(&out[c * step], NULL, loss, 1, loss + 1, m, e));
    }
    return OK;
}

Status canary_measure(double **out, Sweep *s, const Risk *risk, size_t n_risks, const PassLora *lora,
                      size_t n_cand, Err *e)
{
    double *bits = arena_zalloc(&s->arena, n_cand * s->n_canaries, sizeof *bits);
    if (bits == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu canaries", s->n_canaries);
    for (size_t k = 0; k < s->n_canaries; k++)
        for (size_t i = 0; i < n_risks; i++)
            if (strcmp(risk[i].person.user->id, s->canary[k].user) == 0)
                TRY(canary_bits(bits + k, s->n_canaries, s, &s->canary[k], lora, n_cand, e));
    *out = bits;
    return OK;
}

Status canary_write(Sweep *s, const Risk *risk, size_t n_risks, const double *bits, size_t c, Err *e)
{
    for (size_t i = 0; i < n_risks; i++)
        for (size_t k = 0; k < s->n_canaries; k++) {
            const Canary *x = &s->canary[k];
            if (strcmp(risk[i].person.user->id, x->user) != 0) continue;
            LedgerScore row = {.kind = "canary",
                               .metric = "exposure",
                               .unit = x->user,
                               .record = x->c->record,
                               .label = x->c->included,
                               .value = bits[c * s->n_canaries + k]};
            TRY(ledger_score(s->ledger, &row, e));
        }
    return OK;
}
