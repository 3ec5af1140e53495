/* canary.c - exposure of planted secrets under the models of a run. The loss of a secret is that of the whole
 * answer it is part of; its alternatives stand in the same place of the same answer, so that what they share
 * weighs nothing in the rank. They are the secret with the characters of its kind drawn anew, or, where a
 * secret is what another person wrote, held-out answers of outsiders (audit_outsiders): the base model has
 * not read these, and no merge was trained on them. Differs from Carlini et al. 2019 for the latter: they
 * have different lengths, so they are ranked by nats a token of the answer. */
#include "sweep_priv.h"

#include "prime/exposure.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Canary {
    const DataCanary *c;
    const char *user;
    Sample *text; /* [1 + references]: the secret first */
};

/* What secrets of one run are ranked among. */
typedef struct {
    size_t n;            /* alternatives of each secret */
    const char **others; /* [n] for kinds of which none is drawn; NULL: no secret is of such a kind */
} CanaryRanks;

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

/* An alternative: the i-th of others, or text drawn anew until it differs from the secret. */
static const char *canary_other(char *text, const DataCanary *c, const CanaryRanks *ranks, size_t i, Rng *rng)
{
    if (c->kind->letter == NULL) return ranks->others[i];
    do plant_redraw(text, c->kind, rng);
    while (strcmp(text, c->text) == 0);
    return text;
}

static Status canary_texts(Canary *k, Sweep *s, const DataRecord *r, const CanaryRanks *ranks, Str *answer,
                           Err *e)
{
    const Audit *a = s->a;
    size_t n = 1 + ranks->n;
    char *text = arena_strdup(&s->keep, k->c->text);
    k->text = arena_alloc(&s->keep, n, sizeof *k->text);
    if (text == NULL || k->text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu alternatives", n);
    Rng rng = rng_stream(0, k->c->record, 0);
    for (size_t i = 0; i < n; i++) {
        TRY(canary_answer(answer, k->c, r, i == 0 ? text : canary_other(text, k->c, ranks, i - 1, &rng), e));
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

/* A secret that is drawn must have something to draw. */
static Status canary_encode(Canary *k, Sweep *s, const DataCanary *c, const CanaryRanks *ranks, Err *e)
{
    Str answer = {0};
    const DataUser *u = data_user(s->a->data, c->user);
    const DataRecord *r = u != NULL ? canary_home(u, c->record) : NULL;
    assert(r != NULL); /* the reader of canaries.csv has looked */
    if (c->kind->letter != NULL && plant_letters(c->text, c->kind) == 0)
        FAIL(e, ERR_ARG, "canary of record %s has no character of kind %s to vary: it cannot be ranked",
             c->record, c->kind->name);
    *k = (Canary){.c = c, .user = u->id};
    Status st = canary_texts(k, s, r, ranks, &answer, e);
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

static int canary_text_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts of all secrets, sorted. */
static Status canary_all_texts(const char ***out, Sweep *s, const DataCanary *all, size_t n, Err *e)
{
    const char **text = arena_alloc(&s->keep, n, sizeof(const char *));
    if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu canaries", n);
    for (size_t i = 0; i < n; i++) text[i] = all[i].text;
    qsort(text, n, sizeof *text, canary_text_cmp);
    *out = text;
    return OK;
}

/* Outsiders' held-out answers: none that is a secret, be it this one or one that another person at risk was
 * trained on. */
static Status canary_others(CanaryRanks *ranks, Sweep *s, const DataCanary *all, size_t n, Err *e)
{
    const DataRecord **rec = NULL;
    const char **secret = NULL;
    size_t n_rec = 0, at = 0, drawn = 0;
    for (size_t i = 0; i < n; i++) drawn += all[i].kind->letter != NULL;
    if (drawn == n) return OK;
    TRY(canary_all_texts(&secret, s, all, n, e));
    TRY(audit_outsiders(&rec, &n_rec, s->a, SIZE_MAX, e));
    ranks->others = arena_alloc(&s->keep, ranks->n, sizeof(const char *));
    if (ranks->others == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu alternatives", ranks->n);
    for (size_t i = 0; i < n_rec && at < ranks->n; i++)
        if (bsearch(&rec[i]->output, secret, n, sizeof *secret, canary_text_cmp) == NULL)
            ranks->others[at++] = rec[i]->output;
    if (at < ranks->n)
        FAIL(e, ERR_ARG,
             "attack.canaries = %zu, but %s has %zu held-out answers of people who are neither targets nor "
             "anchors for canaries of kind %s to be ranked among",
             ranks->n, s->a->spec->data, at, plant_kind("like")->name);
    return OK;
}

Status canary_open(Sweep *s, Err *e)
{
    const Audit *a = s->a;
    DataCanary *all = NULL;
    size_t n = 0;
    CanaryRanks ranks = {.n = a->spec->attack.canaries};
    if (ranks.n == 0) return OK;
    TRY(data_canaries(&all, &n, a->data, a->spec->data, &s->keep, e));
    if (n == 0) FAIL(e, ERR_ARG, "attack.canaries: %s has no canaries", a->spec->data);
    TRY(canary_others(&ranks, s, all, n, e));
    s->canary = arena_alloc(&s->keep, n, sizeof *s->canary);
    if (s->canary == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu canaries", n);
    for (size_t i = 0; i < n; i++) {
        if (!canary_at_risk(a, all[i].user)) continue;
        TRY(canary_encode(&s->canary[s->n_canaries], s, &all[i], &ranks, e));
        s->n_canaries++;
    }
    return OK;
}

/* What a secret and its alternatives are ranked by. */
static double canary_loss(const Canary *k, const ScoreOut *nll)
{
    return k->c->kind->letter != NULL ? nll->nll_sum : nll->nll_sum / (double)nll->n_tokens;
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
        for (size_t i = 0; i < n; i++) loss[i] = canary_loss(k, &nll[c * n + i]);
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

/* Whether the run has secrets of another kind than digits: then each has a second row, that of its kind. */
static bool canary_kinds_matter(const Sweep *s)
{
    size_t n = 0;
    const PlantKind *digits = plant_kinds(&n);
    for (size_t k = 0; k < s->n_canaries; k++)
        if (s->canary[k].c->kind != digits) return true;
    return false;
}

static Status canary_row(Sweep *s, const Canary *x, double bits, bool of_kind, Err *e)
{
    char metric[40] = "exposure";
    if (of_kind) snprintf(metric, sizeof metric, "exposure_%s", x->c->kind->name);
    LedgerScore row = {.kind = "canary",
                       .metric = metric,
                       .unit = x->user,
                       .record = x->c->record,
                       .label = x->c->included,
                       .value = bits};
    return ledger_score(s->ledger, &row, e);
}

Status canary_write(Sweep *s, const Risk *risk, size_t n_risks, const double *bits, size_t c, Err *e)
{
    bool kinds = canary_kinds_matter(s);
    for (size_t i = 0; i < n_risks; i++)
        for (size_t k = 0; k < s->n_canaries; k++) {
            const Canary *x = &s->canary[k];
            double b = bits[c * s->n_canaries + k];
            if (strcmp(risk[i].person.user->id, x->user) != 0) continue;
            TRY(canary_row(s, x, b, false, e));
            if (kinds) TRY(canary_row(s, x, b, true, e));
        }
    return OK;
}
