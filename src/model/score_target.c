/* score_target.c - what the softmax says of the tokens that are scored. Logits are there for a tile of the
 * vocabulary at a time: what signals and losses want of a row is gathered from tile to tile. */
#include "score_priv.h"

#include "prime/softmax.h"
#include "prime/vec.h"

#include <assert.h>
#include <float.h>
#include <stdlib.h>

static_assert((int)SCORE_MAX_RANK == (int)SOFTMAX_RANKS, "ranks are cut at the same place");

/* A target: the row whose logits predict it, the item it counts for and its place in that. */
struct ScoreTargets {
    size_t row[SCORE_CHUNK], item[SCORE_CHUNK], place[SCORE_CHUNK], n;
    Softmax sum[SCORE_CHUNK];
    float own[SCORE_CHUNK]; /* its logit */
    float *logits;          /* [SCORE_CHUNK, tile_width] */
    SoftmaxRank *rank;      /* [SCORE_CHUNK]; NULL for losses alone */
    float *weights;         /* [C] of a token */
    uint16_t *narrow;       /* [C] */
    bool astray;
};

static size_t tile_width(const ModelConfig *c)
{
    return c->n_vocab < SCORE_TILE ? c->n_vocab : SCORE_TILE;
}

Status targets_new(ScoreTargets **t, const ModelConfig *c, bool signals, Err *e)
{
    ScoreTargets *fresh = calloc(1, sizeof *fresh);
    if (fresh != NULL) {
        fresh->logits = malloc(SCORE_CHUNK * tile_width(c) * sizeof *fresh->logits);
        fresh->weights = malloc(c->n_hidden * sizeof *fresh->weights);
        fresh->narrow = malloc(c->n_hidden * sizeof *fresh->narrow);
        fresh->rank = signals ? malloc(SCORE_CHUNK * sizeof *fresh->rank) : NULL;
    }
    *t = fresh;
    if (fresh == NULL || fresh->logits == NULL || fresh->weights == NULL || fresh->narrow == NULL ||
        (signals && fresh->rank == NULL))
        FAIL(e, ERR_NOMEM, "no memory for scoring");
    return OK;
}

size_t targets_size(const ModelConfig *c, bool signals)
{
    return sizeof(ScoreTargets) + SCORE_CHUNK * tile_width(c) * sizeof(float) +
           c->n_hidden * (sizeof(float) + sizeof(uint16_t)) +
           (signals ? SCORE_CHUNK * sizeof(SoftmaxRank) : 0);
}

void targets_free(ScoreTargets *t)
{
    if (t == NULL) return;
    free(t->logits);
    free(t->rank);
    free(t->weights);
    free(t->narrow);
    free(t);
}

static int32_t target_token(const ScoreJob *j, const ScoreTargets *t, size_t i)
{
    return j->item[t->item[i]].ids[t->place[i]];
}

/* ---- the target's own logit before its tile has come ---- */

static void round_row(float *x, uint16_t *narrow, size_t n)
{
    mat_bf16_round(narrow, x, n);
    mat_bf16_widen(x, narrow, n);
}

/* The product x . w in double, and how far float32 sums in any order can be from it: K roundings of 2^-24 of
 * |x| |w|, here taken twice. x is rounded as the pack's products round it. */
static double logit_guess(double *error, const Model *m, float *x, int32_t token, ScoreTargets *t)
{
    size_t C = m->cfg.n_hidden;
    double cap = m->cfg.final_softcap;
    lin_row(t->weights, &m->p.head, (size_t)token);
    if (m->precision == MAT_BF16) round_row(t->weights, t->narrow, C);
    double bias = m->p.head.bias != NULL ? (double)m->p.head.bias[token] : 0,
           z = vec_dot_d(x, t->weights, C) + bias,
           size = sqrt(vec_dot_d(x, x, C) * vec_dot_d(t->weights, t->weights, C)) + fabs(bias);
    *error = (double)(C + 8) * (double)FLT_EPSILON * size;
    if (cap <= 0) return z;
    *error += 8 * (double)FLT_EPSILON * cap; /* tanh's slope is at most 1 */
    return cap * tanh(z / cap);
}

static void ranks_open(const ScoreJob *j, ScoreWork *w)
{
    ScoreTargets *t = w->targets;
    size_t C = j->m->cfg.n_hidden;
    for (size_t i = 0; i < t->n; i++) {
        double error;
        int32_t token = target_token(j, t, i);
        float *x = w->picked + i * C;
        if (j->m->precision == MAT_BF16) round_row(x, t->narrow, C); /* the products would do it, too */
        double guess = logit_guess(&error, j->m, x, token, t);
        softmax_rank_open(&t->rank[i], (size_t)token, guess, error);
    }
}

/* ---- tiles ---- */

static void tile_take(const ScoreJob *j, ScoreTargets *t, size_t first, size_t n)
{
    for (size_t i = 0; i < t->n; i++) {
        const float *z = t->logits + i * n;
        size_t token = (size_t)target_token(j, t, i);
        if (token >= first && token < first + n) t->own[i] = z[token - first];
        if (t->rank == NULL) {
            softmax_add(&t->sum[i], z, n);
            continue;
        }
        softmax_add_moments(&t->sum[i], z, n);
        softmax_rank_add(&t->rank[i], z, n, first);
    }
}

static double target_nll(const ScoreTargets *t, size_t i)
{
    return softmax_lse(&t->sum[i]) - (double)t->own[i];
}

static void target_signals(const ScoreJob *j, ScoreTargets *t, size_t i)
{
    const ScoreSignals *s = j->sig;
    size_t at = s->start[t->item[i]] + t->place[i] - j->item[t->item[i]].skip;
    SoftmaxMoments m = softmax_moments(&t->sum[i]);
    s->id[at] = target_token(j, t, i);
    s->logp[at] = (float)-target_nll(t, i);
    s->mu[at] = (float)m.mean;
    s->sigma[at] = (float)m.sd;
    s->rank[at] = (uint8_t)softmax_rank(&t->rank[i]);
    t->astray = t->astray || t->rank[i].astray;
}

void targets_flush(const ScoreJob *j, ScoreWork *w)
{
    ScoreTargets *t = w->targets;
    size_t V = j->m->cfg.n_vocab, width = tile_width(&j->m->cfg);
    if (t->n == 0) return;
    pass_normed(w->picked, w->pass, j->m, t->row, t->n);
    if (t->rank != NULL) ranks_open(j, w);
    for (size_t i = 0; i < t->n; i++) t->sum[i] = SOFTMAX_EMPTY;
    for (size_t first = 0, n; first < V; first += n) {
        n = V - first < width ? V - first : width;
        pass_logits_some(t->logits, w->pass, j->m, w->picked, t->n, first, n);
        tile_take(j, t, first, n);
    }
    for (size_t i = 0; i < t->n; i++) {
        ScoreOut *o = &j->nll[t->item[i]];
        o->nll_sum += target_nll(t, i);
        o->n_tokens++;
        if (t->rank != NULL) target_signals(j, t, i);
    }
    t->n = 0;
}

void targets_add(const ScoreJob *j, ScoreWork *w, size_t row, size_t item, size_t place)
{
    ScoreTargets *t = w->targets;
    assert(t->n < SCORE_CHUNK);
    t->row[t->n] = row;
    t->item[t->n] = item;
    t->place[t->n++] = place;
    if (t->n == SCORE_CHUNK) targets_flush(j, w);
}

Status targets_check(const ScoreWork *w, Err *e)
{
    if (w->targets->astray)
        FAIL(e, ERR_NUM,
             "a logit is further from the product of its weights than rounding explains: no ranks");
    return OK;
}
