/* generate.c - texts that grow together. In every pass each text of the batch brings one token, or a part of
 * its prompt as long as there is room; a text that is done leaves its place to the next one waiting. A prompt
 * that several texts share is read into a slot of its own; each of them goes on from its last token. */
#include "generate_priv.h"
#include "score_priv.h"

#include "prime/arena.h"
#include "prime/matpack.h"
#include "prime/par.h"
#include "prime/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Model *m;
    const PassLora *lora; /* NULL for the base */
    const GenItem *item;
    size_t n, share;
    const GenOpts *o;
    int32_t *ids; /* [n, max_new] */
    GenOut *out;  /* [n] */
} GenJob;

/* The prompt of items [item, item + count), all its tokens but the last. */
typedef struct {
    size_t item, count, fed, left; /* left: texts that are not done; 0 when the slot is free */
} GenPrefix;

/* A text in its place: fed counts tokens that keys and values know, those of a shared prompt included. */
typedef struct {
    size_t item, fed;
    GenPrefix *prefix; /* NULL for none */
    bool live;
    Rng rng;
} GenText;

/* A block at work. */
typedef struct {
    const GenJob *j;
    size_t next, end; /* items that wait */
    GenPlan plan;
    GenText *text;              /* [slots] */
    GenPrefix *prefix;          /* [prefixes] */
    PassSeq *seq;               /* [slots + prefixes] */
    size_t *row, *row_of;       /* [slots] rows of the pass that predict a token, and their texts */
    float *logits, *picked, *w; /* [GEN_CHUNK, V], [GEN_CHUNK, C], [V] */
    GenEntry *entry;            /* [V] */
    uint32_t *seen, mark;       /* [V] */
    Pass *pass;
    KvCache *kv;
} GenRun;

static void gen_run_close(GenRun *r)
{
    pass_free(r->pass);
    kv_free(r->kv);
    free(r->text);
    free(r->prefix);
    free(r->seq);
    free(r->row);
    free(r->logits);
    free(r->picked);
    free(r->w);
    free(r->entry);
    free(r->seen);
}

static Status gen_run_open(GenRun *r, const GenJob *j, size_t from, size_t end, Err *e)
{
    const ModelConfig *c = &j->m->cfg;
    *r = (GenRun){.j = j, .next = from, .end = end, .plan = gen_plan(c, j->item + from, end - from, j->o)};
    size_t B = r->plan.slots, P = r->plan.prefixes, chunk = B < GEN_CHUNK ? B : GEN_CHUNK, V = c->n_vocab;
    r->text = calloc(B, sizeof *r->text);
    r->prefix = calloc(P + 1, sizeof *r->prefix);
    r->seq = calloc(B + P, sizeof *r->seq);
    r->row = calloc(2 * B, sizeof *r->row);
    r->logits = malloc(chunk * V * sizeof *r->logits);
    r->picked = malloc(chunk * c->n_hidden * sizeof *r->picked);
    r->w = malloc(V * sizeof *r->w);
    r->entry = malloc(V * sizeof *r->entry);
    r->seen = calloc(V, sizeof *r->seen);
    if (r->text == NULL || r->prefix == NULL || r->seq == NULL || r->row == NULL || r->logits == NULL ||
        r->picked == NULL || r->w == NULL || r->entry == NULL || r->seen == NULL)
        FAIL(e, ERR_NOMEM, "no memory to generate %zu texts at a time", B);
    r->row_of = r->row + B;
    TRY(kv_new(&r->kv, c, B + P, r->plan.cap, e));
    return pass_new(&r->pass, j->m, r->plan.rows, j->lora != NULL ? j->lora->bank->width : 0, false, e);
}

/* ---- coming and going ---- */

/* The prefix whose texts item i belongs to; a new one for the first of several. When that comes, every other
 * prefix has a text in the batch, and one place of the batch is free: so is a prefix. NULL for a text on its
 * own. */
static GenPrefix *gen_prefix_of(GenRun *r, size_t i)
{
    const GenItem *item = r->j->item;
    GenPrefix *at = NULL;
    for (size_t k = 0; k < r->plan.prefixes; k++) {
        GenPrefix *p = &r->prefix[k];
        if (p->left > 0 && i >= p->item && i < p->item + p->count) return p;
        if (p->left == 0 && at == NULL) at = p;
    }
    size_t count = 1;
    while (i + count < r->end && gen_same_prompt(&r->j->m->cfg, &item[i], &item[i + count])) count++;
    if (count == 1) return NULL;
    assert(at != NULL);
    *at = (GenPrefix){.item = i, .count = count, .left = count};
    kv_reset(r->kv, r->plan.slots + (size_t)(at - r->prefix), KV_NONE);
    return at;
}

static void gen_enter(GenRun *r, size_t slot)
{
    size_t i = r->next++;
    GenPrefix *p = gen_prefix_of(r, i);
    r->text[slot] = (GenText){.item = i,
                              .fed = p != NULL ? r->j->item[i].n - 1 : 0,
                              .prefix = p,
                              .live = true,
                              .rng = rng_stream(r->j->o->seed, "generate", i)};
    kv_reset(r->kv, slot, p != NULL ? r->plan.slots + (size_t)(p - r->prefix) : KV_NONE);
}

/* Fill free places with waiting texts; returns how many texts are in the batch. */
static size_t gen_admit(GenRun *r)
{
    size_t live = 0;
    for (size_t s = 0; s < r->plan.slots; s++) {
        while (r->next < r->end && gen_room(&r->j->m->cfg, &r->j->item[r->next], r->j->o) == 0)
            r->j->out[r->next++] = (GenOut){0, GEN_LENGTH};
        if (!r->text[s].live && r->next < r->end) gen_enter(r, s);
        live += r->text[s].live;
    }
    return live;
}

static bool gen_stops(const GenOpts *o, int32_t token)
{
    for (size_t i = 0; i < o->n_stop; i++)
        if (o->stop[i] == token) return true;
    return false;
}

static void gen_append(GenRun *r, GenText *t, int32_t token)
{
    const GenJob *j = r->j;
    GenOut *out = &j->out[t->item];
    bool stop = gen_stops(j->o, token);
    if (!stop) j->ids[t->item * j->o->max_new + out->n++] = token;
    if (!stop && out->n < gen_room(&j->m->cfg, &j->item[t->item], j->o)) return;
    out->end = stop ? GEN_STOP : GEN_LENGTH;
    t->live = false;
    if (t->prefix != NULL) t->prefix->left--;
}

/* ---- a step ---- */

/* A prefix that is not read to its end: its texts wait. */
static bool gen_reading(const GenRun *r, const GenPrefix *p)
{
    return p->left > 0 && p->fed + 1 < r->j->item[p->item].n;
}

/* Put a text into the pass: one token, and as many of the other pending ones as there is room for. */
static size_t gen_feed(PassSeq *seq, const int32_t *ids, size_t pending, size_t *room)
{
    size_t more = pending - 1 < *room ? pending - 1 : *room;
    *room -= more;
    seq->ids = ids;
    seq->n = 1 + more;
    return seq->n;
}

/* The sequences of the next pass, prefixes first; returns how many. Rows that predict a token are listed with
 * their texts. */
static size_t gen_gather(GenRun *r, size_t *n_rows)
{
    const GenJob *j = r->j;
    size_t n = 0, row = 0, slots = r->plan.slots, room = r->plan.rows - slots - r->plan.prefixes;
    *n_rows = 0;
    for (size_t k = 0; k < r->plan.prefixes; k++) {
        const GenPrefix *p = &r->prefix[k];
        if (!gen_reading(r, p)) continue;
        const GenItem *it = &j->item[p->item];
        r->seq[n] = (PassSeq){.cand = it->cand, .slot = slots + k, .keep = 1};
        row += gen_feed(&r->seq[n++], it->ids + p->fed, it->n - 1 - p->fed, &room);
    }
    for (size_t s = 0; s < slots; s++) {
        const GenText *t = &r->text[s];
        if (!t->live || (t->prefix != NULL && gen_reading(r, t->prefix))) continue;
        const GenItem *it = &j->item[t->item];
        size_t answer = j->out[t->item].n, pending = it->n + answer - t->fed;
        if (pending - 1 > room && gen_whole(&j->m->cfg, it->n)) continue; /* next time */
        const int32_t *from =
            t->fed < it->n ? it->ids + t->fed : j->ids + t->item * j->o->max_new + answer - 1;
        r->seq[n] = (PassSeq){.cand = it->cand, .slot = s, .keep = 1};
        size_t fed = gen_feed(&r->seq[n++], from, pending, &room);
        row += fed;
        if (fed < pending) continue;
        r->row[*n_rows] = row - 1;
        r->row_of[(*n_rows)++] = s;
    }
    return n;
}

/* The next token of a text from its logits. */
static Status gen_choose(GenRun *r, GenText *t, float *z, Err *e)
{
    const GenJob *j = r->j;
    const GenOpts *o = j->o;
    const GenItem *it = &j->item[t->item];
    size_t V = j->m->cfg.n_vocab, answer = j->out[t->item].n;
    bool fine = vec_finite(z, V, NULL);
    if (!fine && mat_pack_starved())
        FAIL(e, ERR_NOMEM, "text %zu under candidate %zu: no memory for a product", t->item, it->cand);
    if (!fine)
        FAIL(e, ERR_NUM, "text %zu under candidate %zu: the logits after %zu tokens are not finite", t->item,
             it->cand, it->n + answer);
    if (o->repetition_penalty != 1) {
        gen_penalise(z, it->ids, it->n, o->repetition_penalty, r->seen, ++r->mark);
        gen_penalise(z, j->ids + t->item * o->max_new, answer, o->repetition_penalty, r->seen, r->mark);
    }
    gen_append(r, t, gen_pick(z, V, o, rng_u64(&t->rng), r->w, r->entry));
    return OK;
}

static Status gen_step(GenRun *r, Err *e)
{
    const GenJob *j = r->j;
    size_t n_rows, n = gen_gather(r, &n_rows), V = j->m->cfg.n_vocab, slots = r->plan.slots;
    pass_forward(r->pass, j->m, r->seq, n, j->lora, r->kv);
    for (size_t i = 0; i < n; i++) {
        size_t s = r->seq[i].slot;
        *(s < slots ? &r->text[s].fed : &r->prefix[s - slots].fed) += r->seq[i].n;
    }
    for (size_t at = 0; at < n_rows; at += GEN_CHUNK) {
        size_t m = n_rows - at < GEN_CHUNK ? n_rows - at : GEN_CHUNK;
        pass_logits(r->logits, r->pass, j->m, r->row + at, m, r->picked);
        for (size_t i = 0; i < m; i++) TRY(gen_choose(r, &r->text[r->row_of[at + i]], r->logits + i * V, e));
    }
    return OK;
}

/* ---- a call ---- */

static Status gen_block(void *ctx, size_t b, size_t thread, Err *e)
{
    (void)thread;
    const GenJob *j = ctx;
    GenRun r;
    size_t from = b * j->share, end = from + j->share < j->n ? from + j->share : j->n;
    Status s = gen_run_open(&r, j, from, end, e);
    while (s == OK && gen_admit(&r) > 0) s = gen_step(&r, e);
    gen_run_close(&r);
    return s;
}

static Status gen_check_items(const GenJob *j, size_t n_cand, Err *e)
{
    for (size_t i = 0; i < j->n; i++)
        TRY(score_check_text(j->m, j->lora, n_cand, i, j->item[i].ids, j->item[i].n, j->item[i].cand, e));
    return score_check_lora(j->lora, e);
}

Status gen_texts(int32_t *ids, GenOut *out, const Model *m, const PassLora *lora, size_t n_cand,
                 const GenItem *item, size_t n, const GenOpts *o, Err *e)
{
    GenOpts fit = *o;
    GenJob j = {.m = m, .lora = lora, .item = item, .n = n, .o = &fit};
    size_t total = 0, threads = par_threads();
    if (lora != NULL && lora->bank == NULL) j.lora = NULL;
    TRY(gen_check(o, m->cfg.n_vocab, e));
    TRY(gen_check_items(&j, n_cand, e));
    TRY(size_mul(&total, n, o->max_new, e));
    TRY(gen_fit(&fit, &threads, m, j.lora != NULL ? j.lora->bank->width : 0, item, n, e));
    j.share = gen_share(n, &fit);
    size_t blocks = (n + j.share - 1) / j.share;
    j.ids = calloc(total + 1, sizeof *j.ids);
    j.out = calloc(n + 1, sizeof *j.out);
    Status s = j.ids != NULL && j.out != NULL
                   ? par_run(blocks, threads, gen_block, &j, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu answers", n);
    for (size_t i = 0; s == OK && i < n; i++) {
        memcpy(ids + i * o->max_new, j.ids + i * o->max_new, j.out[i].n * sizeof *ids);
        out[i] = j.out[i];
    }
    free(j.ids);
    free(j.out);
    return s;
}
