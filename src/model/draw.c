#include "prime/draw.h"

#include "prime/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int draw_order(const void *a, const void *b)
{
    const DrawEntry *x = a, *y = b;
    if (x->z != y->z) return x->z < y->z ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Weight of an entry relative to the likeliest one. */
static double draw_weight(const DrawEntry *w, size_t i, double temperature)
{
    return exp(((double)w[i].z - (double)w[0].z) / temperature);
}

int32_t draw_token(const float *z, size_t n, const DrawOpts *o, Rng *rng, DrawEntry *work)
{
    for (size_t i = 0; i < n; i++) work[i] = (DrawEntry){z[i], (int32_t)i};
    qsort(work, n, sizeof *work, draw_order);
    size_t keep = o->top_k > 0 && o->top_k < n ? o->top_k : n, most = 0;
    double sum = 0, nucleus = 0, at = 0;
    for (size_t i = 0; i < keep; i++) sum += draw_weight(work, i, o->temperature);
    while (most < keep && (most == 0 || nucleus < o->top_p * sum))
        nucleus += draw_weight(work, most++, o->temperature);
    double u = rng_uniform(rng) * nucleus;
    for (size_t i = 0; i + 1 < most; i++) {
        at += draw_weight(work, i, o->temperature);
        if (u < at) return work[i].id;
    }
    return work[most - 1].id;
}

/* ---- texts ---- */

typedef struct {
    const Model *m;
    const PassLora *lora;
    const ScoreItem *item;
    const DrawOpts *o;
    int32_t *out;
    size_t *len, max_new;
    int32_t stop;
} DrawJob;

/* What one text needs while it grows. */
typedef struct {
    Pass *pass;
    KvCache *kv;
    float *logits, *picked;
    DrawEntry *work;
} DrawState;

static void draw_close(DrawState *s)
{
    pass_free(s->pass);
    kv_free(s->kv);
    free(s->logits);
    free(s->picked);
    free(s->work);
}

static Status draw_open(DrawState *s, const DrawJob *j, size_t rows, Err *e)
{
    const ModelConfig *c = &j->m->cfg;
    s->logits = malloc(c->n_vocab * sizeof *s->logits);
    s->picked = malloc(c->n_hidden * sizeof *s->picked);
    s->work = malloc(c->n_vocab * sizeof *s->work);
    if (s->logits == NULL || s->picked == NULL || s->work == NULL) FAIL(e, ERR_NOMEM, "no memory to draw");
    TRY(kv_new(&s->kv, c, 1, rows + j->max_new, e));
    return pass_new(&s->pass, j->m, rows, j->lora != NULL ? j->lora->bank->width : 0, false, e);
}

static void draw_grow(const DrawJob *j, DrawState *s, size_t index)
{
    const ScoreItem *it = &j->item[index];
    Rng rng = rng_stream(j->o->seed, "draw", index);
    PassSeq seq = {.ids = it->ids, .n = it->n, .cand = it->cand};
    int32_t *out = j->out + index * j->max_new;
    for (size_t n = 0; n < j->max_new && it->n + n <= j->m->cfg.max_len;) {
        size_t last = seq.n - 1;
        pass_forward(s->pass, j->m, &seq, 1, j->lora, s->kv);
        pass_logits(s->logits, s->pass, j->m, &last, 1, s->picked);
        out[n] = draw_token(s->logits, j->m->cfg.n_vocab, j->o, &rng, s->work);
        if (out[n] == j->stop) return;
        seq = (PassSeq){.ids = &out[n], .n = 1, .cand = it->cand};
        j->len[index] = ++n;
    }
}

static Status draw_job(void *ctx, size_t index, size_t thread, Err *e)
{
    const DrawJob *j = ctx;
    (void)thread;
    DrawState s = {0};
    j->len[index] = 0;
    Status st = draw_open(&s, j, j->item[index].n, e);
    if (st == OK) draw_grow(j, &s, index);
    draw_close(&s);
    return st;
}

Status draw_texts(int32_t *out, size_t *len, const Model *m, const PassLora *lora, const ScoreItem *item,
                  size_t n, size_t max_new, int32_t stop, const DrawOpts *o, Err *e)
{
    if (!(o->temperature > 0) || !isfinite(o->temperature))
        FAIL(e, ERR_ARG, "temperature = %g, want above 0", o->temperature);
    if (!(o->top_p > 0 && o->top_p <= 1)) FAIL(e, ERR_ARG, "top_p = %g, want (0, 1]", o->top_p);
    if (max_new == 0) FAIL(e, ERR_ARG, "at most 0 new tokens, want at least 1");
    for (size_t i = 0; i < n; i++)
        if (pass_check(m, item[i].ids, item[i].n, e) != OK) return err_prefix(e, "text %zu", i);
    DrawJob j = {
        .m = m, .lora = lora, .item = item, .o = o, .out = out, .len = len, .max_new = max_new, .stop = stop};
    return par_run(n, par_threads(), draw_job, &j, e);
}
