/* pass_priv.h - the workspace of a pass, shared by forward and backward. */
#ifndef PRIME_PASS_PRIV_H
#define PRIME_PASS_PRIV_H

#include "kernels.h"
#include "linear.h"

#include "prime/pass.h"

#include <math.h>

/* Rows that share dropout masks and gradients: those of a part, or all. */
typedef struct {
    const LoraBank *bank;
    Lora *grad; /* or NULL */
    uint64_t key;
    size_t drop_row; /* what the first row counts as in the masks */
    size_t row, n;   /* n > 0 */
} PassSpan;

/* The first layer's q, k and v of tokens before positions and adapters: token [n], place [V] (-1: none), rows
 * [n, width_qkv] or NULL where that is too much to keep. */
typedef struct {
    size_t n;
    int32_t *token, *place;
    float *rows;
} PassFirst;
enum { PASS_FIRST_BYTES = 32 << 20 };

/* Buffers hold max_rows rows. Those marked [L] exist once per layer when training and once otherwise. */
struct Pass {
    size_t max_rows, n_layers, n_hidden, width_qkv, width_q, n_ffn, width_gu,
        width_h; /* width_h: adapter columns of a layer */
    bool train;
    size_t n_rows; /* of the last forward */
    double drop;   /* probability, 0 when off */
    uint64_t drop_key;
    const Gate *gate; /* of the adapters' inputs, or NULL */
    Gate *gate_grad;
    const PassFirst *first; /* of all tokens that are to come, or NULL */
    PassHook hook;
    void *hook_ctx;
    float *data;
    float *x;        /* [2L+1 or 1] residual stream: before attention, before the feed-forward, at the end */
    float *stat;     /* [2L or 2] 2 entries */
    float *qkv;      /* [L] rotated q, rotated k, v */
    float *att;      /* [L] */
    float *gu;       /* [L] */
    float *h;        /* [L] inputs times A, already weighted */
    float *norm;     /* normalised input of a group of products */
    float *act;      /* act(g) * u */
    float *drop_in;  /* a product's input, gated and with entries dropped; as wide as the widest */
    float *scores;   /* attention */
    float *probs;    /* [L] training only: attention of short sequences */
    float *angle[4]; /* cos, sin of rope; cos, sin of rope_local */
    float *side;     /* parallel models: the feed-forward's normalised input */
    float *raw, *raw_stat;   /* [2L or 2] norms behind blocks: what they normalise */
    float *qk_raw, *qk_stat; /* [L] norms of heads: q and k before them */
    float *tile;             /* for weights that are kept as stored */
    float *dx, *dnorm, *dact, *dgu, *dqkv, *datt, *dh; /* training only */
    float *dside, *draw, *dqk;
    float *logits, *picked, *dpicked, *slope; /* training only: PASS_CHUNK rows */
    size_t *cand;                             /* [max_rows] */
    PassSpan
        *span; /* of the last forward with adapters; room for max_rows of them, or one without training */
    size_t n_spans;
    PassTarget *target; /* [max_rows], training only: of pass_loss, and what it takes the losses in */
    double *loss;
    double *freq; /* of one sequence beyond the old length */
};

enum { PASS_CHUNK = 256 };

/* Layer l's part of a buffer of `width` floats a row. */
static inline float *pass_at(const Pass *p, float *buf, size_t l, size_t width)
{
    return p->train ? buf + l * p->max_rows * width : buf;
}

/* The residual stream before attention (part 0) or the feed-forward (part 1) of layer l; l = L, part 0 is its
 * end. */
static inline float *pass_x(const Pass *p, size_t l, size_t part)
{
    return p->train ? p->x + (2 * l + part) * p->max_rows * p->n_hidden : p->x;
}

/* One of the two parts of layer l in a buffer that has both. */
static inline float *pass_part(const Pass *p, float *buf, size_t l, size_t part, size_t width)
{
    return buf + ((p->train ? 2 * l : 0) + part) * p->max_rows * width;
}

/* What the norm before attention (part 0) or the feed-forward (part 1) reads. */
static inline float *pass_norm_in(const Pass *p, const Model *m, size_t l, size_t part)
{
    return pass_x(p, l, m->cfg.parallel ? 0 : part);
}

/* Products that read the same input form a group; the sites of a group are neighbours. */
typedef struct {
    LoraKind first;
    size_t n;
} PassGroup;

static const PassGroup group_qkv = {LORA_QKV, 4}, group_o = {LORA_O, 1}, group_gu = {LORA_GATE_UP, 3},
                       group_down = {LORA_DOWN, 1};

/* Columns of h at which the sites of this kind begin. */
static inline size_t pass_h_column(const LoraBank *b, size_t layer, LoraKind first)
{
    size_t at = 0;
    for (size_t k = 0; k < first; k++) at += b->stack[layer * LORA_KINDS + k].n;
    return at;
}

static inline AttnShape pass_attn(const ModelConfig *c, size_t layer)
{
    double scale = c->attn_scale > 0 ? c->attn_scale : 1 / sqrt((double)c->head_dim);
    return (AttnShape){c->n_heads,
                       c->n_kv,
                       c->head_dim,
                       (float)scale,
                       (float)c->attn_softcap,
                       model_layer_local(c, layer) ? c->window : 0,
                       NULL};
}

/* Where training keeps the attention of n rows from `row` on: sequences longer than this take it again on the
 * way back, since it grows with the square. */
enum { PASS_KEPT = 128 };
static inline float *pass_kept(const Pass *p, const ModelConfig *c, size_t layer, size_t row, size_t n)
{
    size_t width = c->n_heads * PASS_KEPT;
    if (!p->train || c->attn_softcap > 0 || n > PASS_KEPT) return NULL;
    return pass_at(p, p->probs, layer, width) + row * width;
}

/* The norm before attention (part 0) or the feed-forward (part 1) of layer l, of any rows. */
static inline void pass_norm(float *out, float *stat, const float *x, const Model *m, size_t l, size_t part,
                             size_t n)
{
    const ModelLayer *y = &m->p.layer[l];
    norm_fwd(out, stat, x, part == 0 ? y->norm1 : y->norm2, part == 0 ? y->norm1_b : y->norm2_b, n,
             m->cfg.n_hidden, m->cfg.norm, m->cfg.norm_eps);
}

static inline uint64_t pass_drop_key(uint64_t key, size_t layer, size_t kind)
{
    return rng_mix(key ^ rng_mix(layer * LORA_KINDS + kind + 1));
}

/* ---- pass_span.c ---- */

/* pass_spans_new - false without memory; pass_spans_free undoes it, half done or not. */
bool pass_spans_new(Pass *p);
void pass_spans_free(Pass *p);
/* pass_spans - the rows of each part of the batch that is about to run; none without adapters. */
void pass_spans(Pass *p, const PassSeq *seq, const PassLora *lora);
/* pass_run - the end of the run of spans from `at` on that have the same adapter: their products are taken
 * together. */
size_t pass_run(const Pass *p, size_t at);
static inline size_t pass_run_rows(const Pass *p, size_t at, size_t end)
{
    return p->span[end - 1].row + p->span[end - 1].n - p->span[at].row;
}
/* pass_apply_parts - y += the parts' adapters of the group applied to x: y has the outputs of the group's
 * kinds side by side. */
void pass_apply_parts(Pass *p, float *y, size_t ldy, const float *x, size_t n_in, size_t layer, PassGroup g);

/* pass_product - y [N, n_out] ldy = x [N, n_in] ldx W^T + bias, plus what y holds when `add`: training reads
 * the weights that it may change, everything else their pack. pass_embedding - x [C] of a token. */
void pass_product(const Pass *p, float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                  const ModelLin *lin, bool add);
void pass_embedding(float *x, const Model *m, int32_t id, size_t pos);

/* ---- pass_first.c ---- */

/* pass_first_new - *f is NULL for a model with learned positions. pass_first_want - these tokens, too.
 * pass_first_make - take the products, by a pass that is idle and not for training. pass_first_use - from now
 * on p, whose tokens were all wanted, looks them up; NULL: no more. Errors: ERR_NOMEM. */
Status pass_first_new(PassFirst **f, const Model *m, Err *e) PRIME_MUST_USE;
void pass_first_want(PassFirst *f, const int32_t *ids, size_t n);
Status pass_first_make(PassFirst *f, const Model *m, Pass *p, Err *e) PRIME_MUST_USE;
void pass_first_free(PassFirst *f); /* accepts NULL */
void pass_first_use(Pass *p, const PassFirst *f);
/* pass_first_rows - qkv [N, width_qkv] of the sequences' tokens. */
void pass_first_rows(const Pass *p, float *qkv, const PassSeq *seq, size_t n);

/* ---- pass_gate.c ---- */

/* Whether a site's adapter reads its input as it is. */
static inline bool pass_reads_plain(const Pass *p)
{
    return p->drop == 0 && p->gate == NULL;
}

/* The hook's turn at the sites of a group, whose common input is x. */
void pass_show_inputs(const Pass *p, const float *x, const LoraBank *b, size_t layer, PassGroup g);
/* What the adapter of a site reads for the input x of some spans, from..to-1, whose first row x points at: x
 * itself, or p->drop_in, written. */
const float *pass_site_input(Pass *p, const float *x, size_t from, size_t to, size_t layer, size_t kind,
                             size_t n_in);
/* Its way back, unless the adapter reads x plainly: from the gradient in p->drop_in, which is used up, to dx
 * += (unless NULL) and the gate's. */
void pass_site_input_bwd(Pass *p, float *dx, const float *x, size_t from, size_t to, size_t layer,
                         size_t kind, size_t n_in);

#endif
