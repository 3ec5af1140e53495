/* score.c - log-likelihoods and mean hidden states of a population. */
#include "fit.h"
#include "score_priv.h"

#include "prime/matpack.h"
#include "prime/par.h"
#include "prime/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- opening a job ---- */

bool score_shares_prompt(const ScoreItem *item, size_t i)
{
    if (i == 0) return false;
    const ScoreItem *a = &item[i - 1], *b = &item[i];
    return a->cand == b->cand && a->skip == b->skip && memcmp(a->ids, b->ids, b->skip * sizeof *b->ids) == 0;
}

Status score_check_text(const Model *m, const PassLora *lora, size_t n_cand, size_t index, const int32_t *ids,
                        size_t n, size_t cand, Err *e)
{
    if (pass_check(m, ids, n, e) != OK) return err_prefix(e, "text %zu", index);
    if (lora != NULL && cand >= n_cand)
        FAIL(e, ERR_ARG, "text %zu: candidate %zu, want 0 to %zu", index, cand, n_cand - 1);
    return OK;
}

Status score_check_lora(const PassLora *lora, Err *e)
{
    if (lora != NULL && lora->op == LORA_PRIME && !lora_bank_uniform(lora->bank))
        FAIL(e, ERR_UNSUP, "the 'prime' operator needs adapters of equal rank and scale");
    return OK;
}

static Status score_check(const ScoreJob *j, size_t n_cand, Err *e)
{
    for (size_t i = 0; i < j->n; i++) {
        const ScoreItem *it = &j->item[i];
        TRY(score_check_text(j->m, j->lora, n_cand, i, it->ids, it->n, it->cand, e));
        if (it->skip == 0 || it->skip > it->n)
            FAIL(e, ERR_ARG, "text %zu: a prompt of %zu tokens in a text of %zu, want 1 to %zu", i, it->skip,
                 it->n, it->n);
    }
    return score_check_lora(j->lora, e);
}

/* Rows an item adds: its prompt only once among those that share it. */
static size_t item_rows(const ScoreJob *j, size_t i, size_t block_start)
{
    bool shared = j->share && i > block_start && score_shares_prompt(j->item, i);
    return shared ? j->item[i].n - j->item[i].skip : j->item[i].n;
}

/* Blocks of about equal rows, none of many more than `most`, for threads to share: from SCORE_SPLIT rows on
 * an even number. They depend on the items alone, not on threads. */
static size_t count_blocks(const ScoreJob *j, size_t rows, size_t most, size_t max_seqs)
{
    size_t n = (rows + most - 1) / most, seqs = (j->n + max_seqs - 1) / max_seqs;
    n = n > seqs ? n : seqs;
    return rows >= SCORE_SPLIT ? n + n % 2 : n;
}

/* Whether item i is left to the next block: those who share a prompt stay together up to `most` rows. */
static bool ends_block(const ScoreJob *j, size_t i, size_t rows, size_t add, size_t goal, size_t most)
{
    if (j->share && score_shares_prompt(j->item, i)) return rows + add > most;
    return 2 * rows + add > 2 * goal;
}

/* Returns the rows that a workspace must hold. */
static size_t cut_blocks(ScoreJob *j, size_t most, size_t max_seqs)
{
    size_t left = 0, widest = 0;
    for (size_t i = 0; i < j->n; i++) left += item_rows(j, i, 0);
    size_t n = count_blocks(j, left, most, max_seqs);
    j->n_blocks = 0;
    for (size_t at = 0; at < j->n;) {
        size_t from = at, rows = 0, goal = n > j->n_blocks ? left / (n - j->n_blocks) : most;
        for (; at < j->n && at - from < max_seqs; at++) {
            size_t add = item_rows(j, at, from);
            if (at > from && ends_block(j, at, rows, add, goal, most)) break;
            rows += add;
            left -= item_rows(j, at, 0);
        }
        j->start[j->n_blocks++] = from;
        widest = rows > widest ? rows : widest;
    }
    j->start[j->n_blocks] = j->n;
    return widest;
}

static Status work_new(ScoreWork *w, const ScoreJob *j, size_t rows, size_t seqs, Err *e)
{
    const ModelConfig *c = &j->m->cfg;
    w->max_rows = rows;
    w->seq = calloc(seqs, sizeof *w->seq);
    w->picked = malloc(SCORE_CHUNK * c->n_hidden * sizeof *w->picked);
    if (w->seq == NULL || w->picked == NULL) FAIL(e, ERR_NOMEM, "no memory for scoring");
    TRY(targets_new(&w->targets, c, j->sig != NULL, e));
    return pass_new(&w->pass, j->m, rows, j->lora != NULL ? j->lora->bank->width : 0, false, e);
}

/* ---- within a limit of memory ---- */

/* Bytes of a thread's workspace: the pass, what targets take, and the keys and values of shared prompts. */
static size_t work_size(const ScoreJob *j, size_t rows, size_t seqs)
{
    const ModelConfig *c = &j->m->cfg;
    size_t longest = 0, width = j->lora != NULL ? j->lora->bank->width : 0, kv = 0;
    bool shared = false;
    for (size_t i = 0; i < j->n; i++) {
        longest = j->item[i].n > longest ? j->item[i].n : longest;
        shared = shared || (j->share && score_shares_prompt(j->item, i));
    }
    if (shared && seqs > 1)
        kv = 2 * (seqs < j->n ? seqs : j->n) * longest * c->n_layers * 2 * c->n_kv * c->head_dim *
             sizeof(float);
    return pass_size(j->m, rows, width) + SCORE_CHUNK * c->n_hidden * sizeof(float) +
           targets_size(c, j->sig != NULL) + kv;
}

/* Blocks as usual, or as large as the limit allows to one thread; *rows and *seqs are those of a workspace.
 */
static Status fit_blocks(ScoreJob *j, size_t *rows, size_t *seqs, Err *e)
{
    size_t budget = fit_budget(j->m), threads = par_threads(), size = 0, most = SCORE_ROWS;
    for (;; most /= 2) {
        *rows = cut_blocks(j, most, *seqs);
        size = work_size(j, *rows, *seqs);
        if (j->n == 0 || size <= budget) break;
        if (most <= 1 && *seqs == 1) return fit_fail(j->m, size, e);
        *seqs = *seqs > 1 ? *seqs / 2 : 1;
        if (most <= 1) most = 2;
    }
    threads = fit_threads(budget, size, threads);
    j->threads = threads < j->n_blocks ? threads : j->n_blocks;
    return OK;
}

/* The first layer's products once for each token that occurs. */
static Status share_first(ScoreJob *j, Err *e)
{
    if (fit_budget(j->m) < SIZE_MAX) return OK;
    TRY(pass_first_new(&j->first, j->m, e));
    if (j->first == NULL) return OK;
    for (size_t i = 0; i < j->n; i++) pass_first_want(j->first, j->item[i].ids, j->item[i].n);
    TRY(pass_first_make(j->first, j->m, j->work[0].pass, e));
    for (size_t t = 0; t < j->threads; t++) pass_first_use(j->work[t].pass, j->first);
    return OK;
}

Status score_open(ScoreJob *j, size_t n_cand, size_t max_seqs, Err *e)
{
    if (j->lora != NULL && j->lora->bank == NULL) j->lora = NULL;
    TRY(score_check(j, n_cand, e));
    j->start = malloc((j->n + 1) * sizeof *j->start);
    if (j->start == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", j->n);
    size_t rows = 0;
    TRY(fit_blocks(j, &rows, &max_seqs, e));
    j->work = calloc(j->threads + 1, sizeof *j->work);
    if (j->work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu threads", j->threads);
    for (size_t t = 0; t < j->threads; t++) TRY(work_new(&j->work[t], j, rows, max_seqs, e));
    return j->threads > 0 ? share_first(j, e) : OK;
}

void score_close(ScoreJob *j)
{
    for (size_t t = 0; j->work != NULL && t < j->threads; t++) {
        pass_free(j->work[t].pass);
        free(j->work[t].seq);
        free(j->work[t].picked);
        targets_free(j->work[t].targets);
    }
    pass_first_free(j->first);
    free(j->work);
    free(j->start);
    j->first = NULL;
    j->work = NULL;
    j->start = NULL;
}

/* ---- log-likelihood ---- */

/* Rows that predict a token of the answer are the last ones; at least one, for 0 would mean all. */
static size_t kept_of(const ScoreItem *it)
{
    return it->n > it->skip ? it->n - it->skip : 1;
}

/* One pass over whole texts; the last token predicts nothing and is left out. */
static void nll_plain(const ScoreJob *j, ScoreWork *w, size_t from, size_t to)
{
    size_t n = 0, row = 0;
    for (size_t i = from; i < to; i++)
        if (j->item[i].n > 1)
            w->seq[n++] = (PassSeq){.ids = j->item[i].ids,
                                    .n = j->item[i].n - 1,
                                    .cand = j->item[i].cand,
                                    .keep = kept_of(&j->item[i])};
    if (n > 0) pass_forward(w->pass, j->m, w->seq, n, j->lora, NULL);
    for (size_t i = from; i < to; i++) {
        const ScoreItem *it = &j->item[i];
        for (size_t k = it->skip; k < it->n; k++) targets_add(j, w, row + k - 1, i, k);
        row += it->n - 1;
    }
    targets_flush(j, w);
}

/* First pass: each distinct prompt, whose last row predicts the first token of all its answers. */
static void nll_prompts(const ScoreJob *j, ScoreWork *w, KvCache *kv, size_t from, size_t to)
{
    size_t n = 0, row = 0;
    for (size_t i = from; i < to; i++) {
        const ScoreItem *it = &j->item[i];
        if (i > from && score_shares_prompt(j->item, i)) continue;
        kv_reset(kv, n, KV_NONE);
        w->seq[n] = (PassSeq){.ids = it->ids, .n = it->skip, .cand = it->cand, .slot = n, .keep = 1};
        n++;
    }
    pass_forward(w->pass, j->m, w->seq, n, j->lora, kv);
    for (size_t i = from; i < to; i++) {
        const ScoreItem *it = &j->item[i];
        if (i == from || !score_shares_prompt(j->item, i)) row += it->skip;
        if (it->n > it->skip) targets_add(j, w, row - 1, i, it->skip);
    }
    targets_flush(j, w);
}

/* Second pass: the answers, each behind its prompt's keys and values, in slots from `slot` on. */
static void nll_answers(const ScoreJob *j, ScoreWork *w, KvCache *kv, size_t slot, size_t from, size_t to)
{
    size_t n = 0, row = 0, prompt = KV_NONE;
    for (size_t i = from; i < to; i++) {
        const ScoreItem *it = &j->item[i];
        if (i == from || !score_shares_prompt(j->item, i)) prompt++; /* KV_NONE + 1 is 0 */
        if (it->n < it->skip + 2) continue;
        kv_reset(kv, slot, prompt);
        w->seq[n++] =
            (PassSeq){.ids = it->ids + it->skip, .n = it->n - it->skip - 1, .cand = it->cand, .slot = slot++};
    }
    if (n == 0) return;
    pass_forward(w->pass, j->m, w->seq, n, j->lora, kv);
    for (size_t i = from; i < to; i++) {
        const ScoreItem *it = &j->item[i];
        if (it->n < it->skip + 2) continue;
        for (size_t k = it->skip + 1; k < it->n; k++) targets_add(j, w, row++, i, k);
    }
    targets_flush(j, w);
}

static size_t count_prompts(const ScoreJob *j, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++) n += i == from || !score_shares_prompt(j->item, i);
    return n;
}

/* A log-likelihood that is not finite: the weights' fault, or memory's. */
static Status score_odd(size_t item, size_t cand, Err *e)
{
    if (mat_pack_starved())
        FAIL(e, ERR_NOMEM, "text %zu under candidate %zu: no memory for a product", item, cand);
    FAIL(e, ERR_NUM, "text %zu under candidate %zu: log-likelihood is not finite", item, cand);
}

static Status nll_block(void *ctx, size_t b, size_t thread, Err *e)
{
    const ScoreJob *j = ctx;
    ScoreWork *w = &j->work[thread];
    size_t from = j->start[b], to = j->start[b + 1], longest = 0, prompts = count_prompts(j, from, to);
    if (prompts == to - from) {
        nll_plain(j, w, from, to);
    } else {
        KvCache *kv = NULL;
        for (size_t i = from; i < to; i++) longest = j->item[i].n > longest ? j->item[i].n : longest;
        TRY(kv_new(&kv, &j->m->cfg, prompts + (to - from), longest, e));
        nll_prompts(j, w, kv, from, to);
        nll_answers(j, w, kv, prompts, from, to);
        kv_free(kv);
    }
    for (size_t i = from; i < to; i++)
        if (!isfinite(j->nll[i].nll_sum)) return score_odd(i, j->item[i].cand, e);
    return targets_check(w, e);
}

Status score_nll(ScoreOut *out, const Model *m, const PassLora *lora, size_t n_cand, const ScoreItem *item,
                 size_t n, Err *e)
{
    ScoreJob j = {.m = m, .lora = lora, .item = item, .n = n, .share = true};
    j.nll = calloc(n + 1, sizeof *j.nll);
    Status s = j.nll != NULL ? score_open(&j, n_cand, SCORE_SEQS, e)
                             : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu texts", n);
    if (s == OK) s = par_run(j.n_blocks, j.threads, nll_block, &j, e);
    if (s == OK) memcpy(out, j.nll, n * sizeof *out);
    free(j.nll);
    score_close(&j);
    return s;
}

/* ---- signals ---- */

size_t score_tokens(const ScoreItem *item, size_t n)
{
    size_t tokens = 0;
    for (size_t i = 0; i < n; i++) tokens += item[i].n > item[i].skip ? item[i].n - item[i].skip : 0;
    return tokens;
}

static Status signals_new(ScoreSignals *s, const ScoreItem *item, size_t n, Err *e)
{
    size_t tokens = score_tokens(item, n);
    *s = (ScoreSignals){.start = malloc((n + 1) * sizeof *s->start),
                        .id = malloc((tokens + 1) * sizeof *s->id),
                        .logp = malloc((3 * tokens + 1) * sizeof *s->logp),
                        .rank = malloc(tokens + 1)};
    if (s->start == NULL || s->id == NULL || s->logp == NULL || s->rank == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the signals of %zu tokens", tokens);
    s->mu = s->logp + tokens;
    s->sigma = s->mu + tokens;
    s->start[0] = 0;
    for (size_t i = 0; i < n; i++) s->start[i + 1] = s->start[i] + score_tokens(&item[i], 1);
    return OK;
}

static void signals_free(ScoreSignals *s)
{
    free(s->start);
    free(s->id);
    free(s->logp);
    free(s->rank);
}

static Status signals_check(const ScoreSignals *s, const ScoreItem *item, size_t n, Err *e)
{
    for (size_t i = 0; i < n; i++)
        for (size_t t = s->start[i]; t < s->start[i + 1]; t++)
            if (!isfinite(s->mu[t]) || !isfinite(s->sigma[t]))
                FAIL(e, ERR_NUM,
                     "text %zu under candidate %zu: the spread of log p at token %zu is not finite", i,
                     item[i].cand, item[i].skip + t - s->start[i]);
    return OK;
}

static void signals_copy(const ScoreSignals *out, const ScoreSignals *s, size_t n)
{
    size_t tokens = s->start[n];
    memcpy(out->start, s->start, (n + 1) * sizeof *out->start);
    if (tokens == 0) return;
    memcpy(out->id, s->id, tokens * sizeof *out->id);
    memcpy(out->logp, s->logp, tokens * sizeof *out->logp);
    memcpy(out->mu, s->mu, tokens * sizeof *out->mu);
    memcpy(out->sigma, s->sigma, tokens * sizeof *out->sigma);
    memcpy(out->rank, s->rank, tokens);
}

Status score_signals(const ScoreSignals *out, const Model *m, const PassLora *lora, size_t n_cand,
                     const ScoreItem *item, size_t n, Err *e)
{
    ScoreSignals sig = {0};
    ScoreJob j = {.m = m, .lora = lora, .item = item, .n = n, .share = true, .sig = &sig};
    j.nll = calloc(n + 1, sizeof *j.nll);
    Status s = j.nll != NULL ? score_open(&j, n_cand, SCORE_SEQS, e)
                             : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu texts", n);
    if (s == OK) s = signals_new(&sig, item, n, e);
    if (s == OK) s = par_run(j.n_blocks, j.threads, nll_block, &j, e);
    if (s == OK) s = signals_check(&sig, item, n, e);
    if (s == OK) signals_copy(out, &sig, n);
    signals_free(&sig);
    free(j.nll);
    score_close(&j);
    return s;
}

/* ---- mean hidden states ---- */

static Status embed_block(void *ctx, size_t b, size_t thread, Err *e)
{
    (void)e;
    const ScoreJob *j = ctx;
    ScoreWork *w = &j->work[thread];
    size_t from = j->start[b], n = j->start[b + 1] - from, C = j->m->cfg.n_hidden;
    for (size_t i = 0; i < n; i++)
        w->seq[i] = (PassSeq){.ids = j->item[from + i].ids, .n = j->item[from + i].n};
    pass_forward(w->pass, j->m, w->seq, n, NULL, NULL);
    for (size_t i = 0, row = 0; i < n; i++) {
        float *out = j->embed + (from + i) * C;
        memset(out, 0, C * sizeof *out);
        for (size_t t = 0; t < w->seq[i].n; t++, row++) {
            pass_normed(w->picked, w->pass, j->m, &row, 1);
            vec_axpy(out, 1.0f / (float)w->seq[i].n, w->picked, C);
        }
    }
    return OK;
}

Status score_embed(float *out, const Model *m, const ScoreItem *item, size_t n, Err *e)
{
    ScoreJob j = {.m = m, .item = item, .n = n, .embed = out};
    Status s = score_open(&j, 0, SCORE_SEQS, e);
    if (s == OK) s = par_run(j.n_blocks, j.threads, embed_block, &j, e);
    score_close(&j);
    return s;
}

/* ---- arithmetic ---- */

double score_flops(const Model *m, const PassLora *lora, const ScoreItem *item, size_t n)
{
    const ModelConfig *c = &m->cfg;
    LoraShape s = model_lora_shape(c);
    double row = 0, head = (double)c->n_hidden * (double)c->n_vocab, sum = 0;
    for (size_t k = 0; k < LORA_KINDS; k++)
        row += (double)c->n_layers * (double)s.n_in[k] * (double)s.n_out[k];
    for (size_t i = 0; lora != NULL && lora->bank != NULL && i < c->n_layers * LORA_KINDS; i++)
        row += (double)lora->bank->stack[i].n * (double)(s.n_in[i % LORA_KINDS] + s.n_out[i % LORA_KINDS]);
    for (size_t i = 0; i < n; i++) {
        size_t shared = score_shares_prompt(item, i) ? item[i].skip : 0;
        sum += 2 * row * (double)(item[i].n - 1 - (shared > 0 ? shared : 0)) +
               2 * head * (double)(item[i].n - item[i].skip);
    }
    return sum;
}
