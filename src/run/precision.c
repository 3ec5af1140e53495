/* precision.c - what bfloat16 changes: log p of some of a run's own records, beside float32. */
#include "audit_priv.h"
#include "sweep_priv.h"

#include "prime/score.h"

#include <math.h>
#include <stdio.h>

enum { GAP_RECORDS = 16, GAP_MODELS = 2 }; /* the base; the base with an adapter */

typedef struct {
    ScoreItem item[GAP_MODELS * GAP_RECORDS];
    size_t n, records, tokens; /* items; records; tokens of one model */
    ScoreSignals sig[MAT_TYPES];
    LoraBank *bank;
    Arena arena; /* the signals */
} Gap;

/* Records in turn of all anchors, one model after the other. */
static void gap_items(Gap *g, const Audit *a)
{
    for (size_t at = 0, seen = 1; seen > 0 && g->records < GAP_RECORDS; at++) {
        seen = 0;
        for (size_t i = 0; i < a->n_anchors && g->records < GAP_RECORDS; i++) {
            const AuditSet *set = &a->anchor[i].member;
            if (at >= set->n) continue;
            const Sample *s = &set->r[at].full;
            seen++;
            if (s->skip < s->n)
                g->item[g->records++] = (ScoreItem){s->ids, s->n, s->skip > 0 ? s->skip : 1, 0};
        }
    }
    g->tokens = score_tokens(g->item, g->records);
    g->n = GAP_MODELS * g->records;
    for (size_t i = g->records; i < g->n; i++) {
        g->item[i] = g->item[i - g->records];
        g->item[i].cand = 1;
    }
}

static Status gap_score(Gap *g, ScoreSignals *s, const Model *m, Err *e)
{
    static const float w[GAP_MODELS] = {0, 1};
    TRY(measure_signals_room(s, g->n, GAP_MODELS * g->tokens, &g->arena, e));
    return score_signals(s, m, &(PassLora){.bank = g->bank, .op = LORA_EXACT, .w = w}, GAP_MODELS, g->item,
                         g->n, e);
}

static void gap_free(Gap *g)
{
    arena_free(&g->arena);
    lora_bank_free(g->bank);
}

/* The products without packs are those of float32, at no memory; the packs are made again, also after a
 * failure. */
static Status gap_measure(Gap *g, Audit *a, Err *e)
{
    Err late = {0};
    TRY(lora_bank_view(&g->bank, a->anchor[0].lora[0], e));
    TRY(gap_score(g, &g->sig[MAT_BF16], a->base, e));
    model_unpack(a->base);
    Status s = gap_score(g, &g->sig[MAT_F32], a->base, e), packed = audit_pack(a, s == OK ? e : &late);
    return s != OK ? s : packed;
}

static void gap_between(double *mean, double *most, const Gap *g, size_t model)
{
    *mean = *most = 0;
    for (size_t i = model * g->tokens; i < (model + 1) * g->tokens; i++) {
        double d = fabs((double)g->sig[MAT_BF16].logp[i] - (double)g->sig[MAT_F32].logp[i]);
        *mean += d / (double)g->tokens;
        *most = fmax(*most, d);
    }
}

static Status gap_text(char *text, size_t size, Audit *a, Err *e)
{
    Gap g = {.n = 0};
    double mean[GAP_MODELS], most[GAP_MODELS];
    gap_items(&g, a);
    if (g.tokens == 0) {
        snprintf(text, size, "not measured: no anchor has a record");
        return OK;
    }
    Status s = gap_measure(&g, a, e);
    for (size_t i = 0; s == OK && i < GAP_MODELS; i++) gap_between(&mean[i], &most[i], &g, i);
    if (s == OK)
        snprintf(text, size,
                 "log p a token beside f32, nats: base mean %.2g, largest %.2g; with an adapter mean %.2g, "
                 "largest "
                 "%.2g; %zu tokens of %zu records",
                 mean[0], most[0], mean[1], most[1], g.tokens, g.records);
    gap_free(&g);
    return s;
}

Status session_precision(Ledger *l, size_t number, Audit *a, Err *e)
{
    char key[128], text[256];
    if (a->base->precision != MAT_BF16) return OK;
    TRY(gap_text(text, sizeof text, a, e));
    snprintf(key, sizeof key, "session%zu.bf16.%.60s", number, a->task->name);
    return ledger_meta_set(l, key, text, e);
}
