/* metric_rouge.c - tokens as ranks, n-gram overlap by merging sorted keys, longest common subsequences. */
#include "metric_priv.h"

#include "prime/stem.h"

#include <stdlib.h>
#include <string.h>

/* Words of up to so many characters are not stemmed. */
enum { ROUGE_NO_STEM = 3 };

/* Lower-case letters and digits of text into buf, everything else as one blank, line breaks kept. Two letters
 * outside ASCII have lower-case forms that begin in it: the Kelvin sign, and the capital I with a dot, whose
 * dot becomes a mark of its own and so ends the word. buf has room for strlen(text) + 1. */
static void rouge_lower(char *buf, const char *text)
{
    size_t n = 0;
    for (const char *s = text; *s != '\0'; s++) {
        char c = *s;
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\n';
        if (keep) {
            buf[n++] = c;
        } else if (strncmp(s, "\xE2\x84\xAA", 3) == 0) {
            buf[n++] = 'k';
            s += 2;
        } else if (strncmp(s, "\xC4\xB0", 2) == 0) {
            buf[n++] = 'i';
            buf[n++] = ' ';
            s++;
        } else {
            buf[n++] = ' ';
        }
    }
    buf[n] = '\0';
}

static bool rouge_is_word(char c)
{
    return c != ' ' && c != '\n' && c != '\0';
}

/* Count words and lines of buf, or, when t is not NULL, note where they are. A line counts when the text has
 * any character in it, word or not. */
static size_t rouge_split(Tokens *t, Word *word, char *buf, size_t *lines)
{
    size_t n = 0, k = 0;
    for (char *s = buf; *s != '\0';) {
        char *end = s + strcspn(s, "\n");
        if (end > s && t != NULL) t->start[k] = n;
        k += end > s;
        while (s < end) {
            while (s < end && !rouge_is_word(*s)) s++;
            char *w = s;
            while (s < end && rouge_is_word(*s)) s++;
            if (s > w && t != NULL) word[n] = (Word){w, (size_t)(s - w), &t->id[n]};
            n += s > w;
        }
        if (*s == '\n') s++;
    }
    if (t != NULL) t->start[k] = n;
    *lines = k;
    return n;
}

/* Both texts into tokens: t[0] the target, t[1] the prediction. */
Status rouge_tokens(Tokens t[2], const char *const text[2], bool stem, Arena *a, Err *e)
{
    char *buf[2];
    size_t total = 0;
    for (int i = 0; i < 2; i++) {
        buf[i] = arena_alloc(a, strlen(text[i]) + 1, 1);
        if (buf[i] == NULL) FAIL(e, ERR_NOMEM, "no memory for a text");
        rouge_lower(buf[i], text[i]);
        t[i].n = rouge_split(NULL, NULL, buf[i], &t[i].n_sent);
        if (t[i].n > METRIC_MAX_TOKENS)
            FAIL(e, ERR_ARG, "a text of %zu tokens, want at most %d", t[i].n, METRIC_MAX_TOKENS);
        t[i].id = arena_alloc(a, t[i].n, sizeof *t[i].id);
        t[i].start = arena_alloc(a, t[i].n_sent + 1, sizeof *t[i].start);
        if (t[i].id == NULL || t[i].start == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", t[i].n);
        total += t[i].n;
    }
    Word *w = arena_alloc(a, total, sizeof *w);
    if (w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", total);
    for (int i = 0; i < 2; i++) rouge_split(&t[i], i == 0 ? w : w + t[0].n, buf[i], &t[i].n_sent);
    for (size_t i = 0; stem && i < total; i++)
        if (w[i].n > ROUGE_NO_STEM) w[i].n = stem_porter(w[i].s, w[i].n);
    gram_ids(w, total);
    return OK;
}

static Rouge rouge_score(size_t hits, size_t n_target, size_t n_pred)
{
    Rouge r = {n_pred > 0 ? (double)hits / (double)n_pred : 0,
               n_target > 0 ? (double)hits / (double)n_target : 0, 0};
    if (r.p + r.r > 0) r.f = 2 * r.p * r.r / (r.p + r.r);
    return r;
}

static int rouge_key_cmp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorted keys of the n-grams (n is 1 or 2); returns how many. */
static size_t rouge_grams(uint64_t *key, const Tokens *t, size_t n)
{
    if (t->n < n) return 0;
    size_t m = t->n - n + 1;
    for (size_t i = 0; i < m; i++) key[i] = n == 1 ? t->id[i] : (uint64_t)t->id[i] << 32 | t->id[i + 1];
    qsort(key, m, sizeof *key, rouge_key_cmp);
    return m;
}

/* Each n-gram of the prediction counts as often as the target has it. */
static Rouge rouge_n(const Tokens t[2], size_t n, uint64_t *a, uint64_t *b)
{
    size_t na = rouge_grams(a, &t[0], n), nb = rouge_grams(b, &t[1], n), hits = 0;
    for (size_t i = 0, k = 0; i < na && k < nb;) {
        hits += a[i] == b[k];
        bool up_a = a[i] <= b[k], up_b = b[k] <= a[i];
        i += up_a;
        k += up_b;
    }
    return rouge_score(hits, na, nb);
}

/* Length of the longest common subsequence; row [nb + 1] is scratch. */
static size_t rouge_lcs(const uint32_t *a, size_t na, const uint32_t *b, size_t nb, uint32_t *row)
{
    memset(row, 0, (nb + 1) * sizeof *row);
    for (size_t i = 0; i < na; i++) {
        uint32_t diag = 0;
        for (size_t k = 1; k <= nb; k++) {
            uint32_t up = row[k], best = up > row[k - 1] ? up : row[k - 1];
            row[k] = a[i] == b[k - 1] ? diag + 1 : best;
            diag = up;
        }
    }
    return row[nb];
}

/* Mark the places of a that one longest common subsequence uses; table [(na + 1) * (nb + 1)] is scratch.
 * Which one matters for the union: on a tie the walk back gives up a's token first, as rouge_score does. */
static void rouge_mark(bool *used, const uint32_t *a, size_t na, const uint32_t *b, size_t nb,
                       uint32_t *table)
{
    size_t w = nb + 1;
    memset(table, 0, w * sizeof *table);
    for (size_t i = 1; i <= na; i++) {
        table[i * w] = 0;
        for (size_t k = 1; k <= nb; k++) {
            uint32_t up = table[(i - 1) * w + k], left = table[i * w + k - 1];
            table[i * w + k] = a[i - 1] == b[k - 1] ? table[(i - 1) * w + k - 1] + 1 : up > left ? up : left;
        }
    }
    for (size_t i = na, k = nb; i > 0 && k > 0;) {
        if (a[i - 1] == b[k - 1]) {
            used[--i] = true;
            k--;
        } else if (table[i * w + k - 1] > table[(i - 1) * w + k]) {
            k--;
        } else {
            i--;
        }
    }
}

static size_t rouge_longest(const Tokens *t)
{
    size_t most = 0;
    for (size_t i = 0; i < t->n_sent; i++)
        if (t->start[i + 1] - t->start[i] > most) most = t->start[i + 1] - t->start[i];
    return most;
}

/* Summary-level L: each sentence of the target against the union of what all sentences of the prediction
 * share with it; a word counts at most as often as either side has it. */
static Status rouge_lsum(Rouge *out, const Tokens t[2], Arena *a, Err *e)
{
    size_t cells = 0, ids = t[0].n + t[1].n;
    TRY(size_mul(&cells, rouge_longest(&t[0]) + 1, rouge_longest(&t[1]) + 1, e));
    if (cells > METRIC_MAX_TABLE)
        FAIL(e, ERR_ARG, "two sentences make a table of %zu entries, want at most %d", cells,
             METRIC_MAX_TABLE);
    uint32_t *table = arena_alloc(a, cells, sizeof *table);
    bool *used = arena_alloc(a, t[0].n, sizeof *used);
    size_t *left =
        arena_zalloc(a, 2 * ids, sizeof *left); /* of each word, in the target and in the prediction */
    if (table == NULL || used == NULL || left == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu entries", cells);
    for (size_t i = 0; i < t[0].n; i++) left[t[0].id[i]]++;
    for (size_t i = 0; i < t[1].n; i++) left[ids + t[1].id[i]]++;
    memset(used, 0, t[0].n * sizeof *used);
    size_t hits = 0;
    for (size_t i = 0; i < t[0].n_sent; i++) {
        size_t from = t[0].start[i], n = t[0].start[i + 1] - from;
        for (size_t k = 0; k < t[1].n_sent; k++)
            rouge_mark(used + from, t[0].id + from, n, t[1].id + t[1].start[k],
                       t[1].start[k + 1] - t[1].start[k], table);
    }
    for (size_t i = 0; i < t[0].n; i++) {
        size_t *r = &left[t[0].id[i]], *c = &left[ids + t[0].id[i]];
        if (!used[i] || *r == 0 || *c == 0) continue;
        hits++;
        --*r;
        --*c;
    }
    *out = rouge_score(hits, t[0].n, t[1].n);
    return OK;
}

Status metric_rouge(RougeAll *out, const char *target, const char *prediction, bool stem, Arena *scratch,
                    Err *e)
{
    Tokens t[2] = {{0}};
    arena_reset(scratch);
    TRY(rouge_tokens(t, (const char *const[]){target, prediction}, stem, scratch, e));
    RougeAll all = {0};
    if (t[0].n > 0 && t[1].n > 0) {
        uint64_t *a = arena_alloc(scratch, t[0].n, sizeof *a), *b = arena_alloc(scratch, t[1].n, sizeof *b);
        uint32_t *row = arena_alloc(scratch, t[1].n + 1, sizeof *row);
        if (a == NULL || b == NULL || row == NULL)
            FAIL(e, ERR_NOMEM, "no memory for %zu tokens", t[0].n + t[1].n);
        all.r1 = rouge_n(t, 1, a, b);
        all.r2 = rouge_n(t, 2, a, b);
        all.rl = rouge_score(rouge_lcs(t[0].id, t[0].n, t[1].id, t[1].n, row), t[0].n, t[1].n);
        TRY(rouge_lsum(&all.rlsum, t, scratch, e));
    }
    *out = all;
    return OK;
}
