#include "tok_priv.h"

#include <stdlib.h>
#include <string.h>

/* By first byte, then longest first, so that the first token that fits is the longest. */
static int added_order(const void *a, const void *b)
{
    const TokAdded *x = a, *y = b;
    unsigned char cx = (unsigned char)x->s[0], cy = (unsigned char)y->s[0];
    if (cx != cy) return cx < cy ? -1 : 1;
    if (x->text.n != y->text.n) return x->text.n > y->text.n ? -1 : 1;
    int order = memcmp(x->s, y->s, x->text.n);
    if (order != 0) return order;
    if (x->normalised != y->normalised) return x->normalised ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Which of two tokens is meant when both are the same in normalised text is not defined: the reference takes
 * one or the other. */
static Status added_distinct(const Tok *t, Err *e)
{
    for (size_t i = 1; i < t->n_added; i++) {
        const TokAdded *x = &t->added[i - 1], *y = &t->added[i];
        if (x->normalised == y->normalised && x->text.n == y->text.n && memcmp(x->s, y->s, x->text.n) == 0)
            FAIL(e, ERR_UNSUP, "added_tokens: '%.40s' and '%.40s' are the same when they are normalised",
                 tok_text(t, t->entry[x->id].content), tok_text(t, t->entry[y->id].content));
    }
    return OK;
}

Status tok_added_index(Tok *t, Err *e)
{
    for (size_t i = 0; i < t->n_added; i++) {
        t->added[i].s = tok_text(t, t->added[i].text);
        t->n_raw += !t->added[i].normalised;
    }
    if (t->n_added > 0) qsort(t->added, t->n_added, sizeof *t->added, added_order);
    size_t i = 0;
    for (size_t b = 0; b < 256; b++) {
        t->first[b] = i;
        while (i < t->n_added && (unsigned char)t->added[i].s[0] == b) i++;
    }
    t->first[256] = i;
    return added_distinct(t, e);
}

static const TokAdded *added_at(const Tok *t, const char *s, size_t n, bool normalised)
{
    unsigned char b = (unsigned char)s[0];
    for (size_t i = t->first[b]; i < t->first[b + 1]; i++) {
        const TokAdded *a = &t->added[i];
        if (a->normalised == normalised && a->text.n <= n && memcmp(a->s, s, a->text.n) == 0) return a;
    }
    return NULL;
}

/* The character that ends before s + at, as its start and width; width 0 where that is not UTF-8. */
static size_t char_before(const char *s, size_t at, size_t *width)
{
    for (size_t k = 1; k <= 4 && k <= at; k++) {
        if (utf8_width(s + at - k, k) != k) continue;
        *width = k;
        return at - k;
    }
    *width = 0;
    return at;
}

static bool word_before(const char *s, size_t at)
{
    size_t w, from = char_before(s, at, &w);
    return w > 0 && tok_is_word(tok_utf8_code(s + from, w));
}

static bool word_after(const char *s, size_t n, size_t at)
{
    size_t w = utf8_width(s + at, n - at);
    return w > 0 && tok_is_word(tok_utf8_code(s + at, w));
}

static size_t spaces_before(const char *s, size_t at, size_t floor)
{
    for (size_t w, from; at > floor; at = from) {
        from = char_before(s, at, &w);
        if (w == 0 || from < floor || !tok_is_space(tok_utf8_code(s + from, w))) break;
    }
    return at;
}

static size_t spaces_after(const char *s, size_t n, size_t at)
{
    for (size_t w; (w = utf8_width(s + at, n - at)) > 0; at += w)
        if (!tok_is_space(tok_utf8_code(s + at, w))) break;
    return at;
}

bool tok_added_next(const Tok *t, const char *s, size_t n, TokScan *scan, TokHit *hit)
{
    if ((scan->normalised ? t->n_added - t->n_raw : t->n_raw) == 0) return false;
    while (scan->at < n) {
        size_t from = scan->at;
        const TokAdded *a = added_at(t, s + from, n - from, scan->normalised);
        scan->at += a != NULL ? a->text.n : 1;
        if (a == NULL || (a->special && !scan->specials)) continue;
        if (a->single_word && (word_before(s, from) || word_after(s, n, scan->at))) continue;
        *hit = (TokHit){a->id, from, scan->at};
        if (a->lstrip) hit->from = spaces_before(s, from, scan->done < from ? scan->done : from);
        if (a->rstrip) hit->to = spaces_after(s, n, hit->to);
        scan->done = hit->to;
        return true;
    }
    return false;
}
