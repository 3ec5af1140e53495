/* greedy.c - the most likely answer, for many sequences at a time. */
#include "score_priv.h"

#include "prime/par.h"
#include "prime/vec.h"

#include <stdlib.h>
#include <string.h>

/* Logits of `n` rows, in chunks, and the best token of each. */
static void best_tokens(int32_t *best, const ScoreJob *j, ScoreWork *w, const size_t *row, size_t n)
{
    size_t V = j->m->cfg.n_vocab;
    for (size_t at = 0; at < n; at += SCORE_CHUNK) {
        size_t m = n - at < SCORE_CHUNK ? n - at : SCORE_CHUNK;
        pass_logits(w->logits, w->pass, j->m, row + at, m, w->picked);
        for (size_t i = 0; i < m; i++) best[at + i] = (int32_t)vec_argmax(w->logits + i * V, V);
    }
}

/* Append a token to an item's answer; false when the answer is complete. */
static bool answer_push(const ScoreJob *j, size_t item, int32_t token)
{
    if (token == j->stop) return false;
    j->tokens[item * j->max_new + j->len[item]++] = token;
    return j->len[item] < j->max_new && j->item[item].n + j->len[item] < j->m->cfg.max_len;
}

/* As many prompts from `at` on as fit the workspace; their first tokens go to best. Returns how many. */
static size_t greedy_read(int32_t *best, const ScoreJob *j, ScoreWork *w, KvCache *kv, size_t from, size_t at,
                          size_t n)
{
    size_t row[SCORE_SEQS], rows = 0, count = 0;
    for (; at + count < n && (count == 0 || rows + j->item[from + at + count].n <= w->max_rows); count++) {
        const ScoreItem *it = &j->item[from + at + count];
        w->seq[count] = (PassSeq){.ids = it->ids, .n = it->n, .cand = it->cand, .slot = at + count};
        rows += it->n;
        row[count] = rows - 1;
    }
    pass_forward(w->pass, j->m, w->seq, count, j->lora, kv);
    best_tokens(best, j, w, row, count);
    return count;
}

/* The prompts of a block; active [..] lists the sequences that go on. Returns how many. */
static size_t greedy_prompts(const ScoreJob *j, ScoreWork *w, KvCache *kv, size_t from, size_t n,
                             size_t *active)
{
    size_t live = 0;
    int32_t best[SCORE_SEQS];
    for (size_t at = 0; at < n;) {
        size_t count = greedy_read(best, j, w, kv, from, at, n);
        for (size_t i = 0; i < count; i++)
            if (answer_push(j, from + at + i, best[i])) active[live++] = at + i;
        at += count;
    }
    return live;
}

/* One token for every active sequence; returns how many go on. */
static size_t greedy_step(const ScoreJob *j, ScoreWork *w, KvCache *kv, size_t from, size_t *active, size_t n)
{
    size_t row[SCORE_SEQS], live = 0;
    int32_t best[SCORE_SEQS];
    for (size_t i = 0; i < n; i++) {
        size_t item = from + active[i];
        const int32_t *last = j->tokens + item * j->max_new + j->len[item] - 1;
        w->seq[i] = (PassSeq){.ids = last, .n = 1, .cand = j->item[item].cand, .slot = active[i]};
        row[i] = i;
    }
    pass_forward(w->pass, j->m, w->seq, n, j->lora, kv);
    best_tokens(best, j, w, row, n);
    for (size_t i = 0; i < n; i++)
        if (answer_push(j, from + active[i], best[i])) active[live++] = active[i];
    return live;
}

static Status greedy_block(void *ctx, size_t b, size_t thread, Err *e)
{
    const ScoreJob *j = ctx;
    ScoreWork *w = &j->work[thread];
    size_t from = j->start[b], n = j->start[b + 1] - from, longest = 0, active[SCORE_SEQS];
    for (size_t i = 0; i < n; i++) longest = j->item[from + i].n > longest ? j->item[from + i].n : longest;
    KvCache *kv = NULL;
    TRY(kv_new(&kv, &j->m->cfg, n, longest + j->max_new, e));
    size_t live = greedy_prompts(j, w, kv, from, n, active);
    while (live > 0) live = greedy_step(j, w, kv, from, active, live);
    kv_free(kv);
    return OK;
}

/* n items in blocks of at most `most`, as many in each as divides them evenly: one block of a few, else an
 * even number. A function of n alone: how many threads there are must not change a rounding. */
static size_t even_share(size_t n, size_t most)
{
    if (n <= most / 2) return n > 0 ? n : 1;
    size_t blocks = 2 * ((n + 2 * most - 1) / (2 * most));
    return (n + blocks - 1) / blocks;
}

/* Sequences of a block take their steps together: more of them keep the products large, more blocks keep
 * threads busy. */
Status score_greedy(int32_t *out, size_t *len, const Model *m, const PassLora *lora, size_t n_cand,
                    const ScoreItem *item, size_t n, size_t max_new, int32_t stop, Err *e)
{
    if (max_new == 0) FAIL(e, ERR_ARG, "at most 0 new tokens, want at least 1");
    ScoreJob j = {.m = m,
                  .lora = lora,
                  .n = n,
                  .max_new = max_new,
                  .stop = stop,
                  .tokens = out,
                  .decode = true,
                  .len = len};
    ScoreItem *whole = malloc((n + 1) * sizeof *whole);
    if (whole == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n);
    for (size_t i = 0; i < n; i++) {
        whole[i] = item[i];
        whole[i].skip = item[i].n;
    }
    j.item = whole;
    Status s = score_open(&j, n_cand, even_share(n, SCORE_DECODE), e);
    if (s == OK) memset(len, 0, n * sizeof *len);
    if (s == OK) s = par_run(j.n_blocks, j.threads, greedy_block, &j, e);
    score_close(&j);
    free(whole);
    return s;
}
