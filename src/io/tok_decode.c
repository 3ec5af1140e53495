/* From ids to text: the texts of the tokens pass through the steps of the file's decoder, and what is left is
 * put together. */
#include "tok_priv.h"

#include <stdlib.h>
#include <string.h>

static void list_free(TokList *l)
{
    str_free(&l->text);
    free(l->end);
    *l = (TokList){0};
}

static const char *list_item(const TokList *l, size_t i, size_t *n)
{
    size_t from = i == 0 ? 0 : l->end[i - 1];
    *n = l->end[i] - from;
    return *n > 0 ? l->text.s + from : "";
}

/* What was put since the last call becomes an item. */
static Status list_close(TokList *l, Err *e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        size_t *end = realloc(l->end, cap * sizeof *end);
        if (end == NULL) FAIL(e, ERR_NOMEM, "no memory to decode %zu tokens", cap);
        l->end = end;
        l->cap = cap;
    }
    if (l->text.failed) FAIL(e, ERR_NOMEM, "no memory to decode %zu tokens", l->n);
    l->end[l->n++] = l->text.n;
    return OK;
}

static Status list_push(TokList *l, const char *s, size_t n, Err *e)
{
    str_put(&l->text, s, n);
    return list_close(l, e);
}

/* --- the steps --------------------------------------------------------------------------------------------
 */

Status tok_decode_bytes(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in, Err *e)
{
    (void)t, (void)op;
    Str raw = {0};
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = list_item(in, i, &n);
        tok_put_bytes(&raw, s, n);
    }
    if (raw.n > 0) tok_put_lossy(&out->text, raw.s, raw.n);
    if (raw.failed) out->text.failed = true;
    str_free(&raw);
    return list_close(out, e);
}

static Status replace_item(const Tok *t, const TokDecoder *op, TokFind *f, TokList *out, Err *e)
{
    size_t from = 0;
    for (bool found;; from = f->hi) {
        TRY(tok_find_next(f, &found, e));
        if (!found) break;
        str_put(&out->text, f->s + from, f->lo - from);
        str_put(&out->text, tok_text(t, op->content), op->content.n);
    }
    return list_push(out, f->s + from, f->n - from, e);
}

Status tok_decode_replace(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in, Err *e)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (match == NULL) FAIL(e, ERR_NOMEM, "no memory for matching");
    Status st = OK;
    for (size_t i = 0, n; i < in->n && st == OK; i++) {
        const char *s = list_item(in, i, &n);
        TokFind f = {op->code, match, s, n, 0, SIZE_MAX, 0, 0};
        st = n == 0 ? list_close(out, e) : replace_item(t, op, &f, out, e);
    }
    pcre2_match_data_free(match);
    return st;
}

/* The byte that "<0xHH>" names, or -1. The source reads the two places as a number, which may have a sign. */
static int fallback_byte(const char *s, size_t n)
{
    if (n != 6 || memcmp(s, "<0x", 3) != 0 || s[5] != '>') return -1;
    int byte = 0;
    for (size_t i = 3 + (s[3] == '+'); i < 5; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, s[i] | 0x20);
        if (s[i] == '\0' || at == NULL || s[i] < '0') return -1;
        byte = byte * 16 + (int)(at - digits);
    }
    return byte;
}

/* A run of bytes is a text of its own when it is UTF-8; else each byte is a U+FFFD. */
static Status fallback_flush(TokList *out, Str *run, Err *e)
{
    if (run->failed) FAIL(e, ERR_NOMEM, "no memory to decode %zu bytes", run->n);
    if (run->n == 0) return OK;
    bool whole = utf8_bad(run->s, run->n) == run->n;
    size_t n = run->n;
    Status s = OK;
    if (whole) s = list_push(out, run->s, n, e);
    for (size_t i = 0; !whole && i < n && s == OK; i++) s = list_push(out, "\xef\xbf\xbd", 3, e);
    str_clear(run);
    return s;
}

Status tok_decode_fallback(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in, Err *e)
{
    (void)t, (void)op;
    Str run = {0};
    Status st = OK;
    for (size_t i = 0, n; i < in->n && st == OK; i++) {
        const char *s = list_item(in, i, &n);
        int byte = fallback_byte(s, n);
        char c = (char)byte;
        if (byte >= 0) {
            str_put(&run, &c, 1);
            continue;
        }
        st = fallback_flush(out, &run, e);
        if (st == OK) st = list_push(out, s, n, e);
    }
    if (st == OK) st = fallback_flush(out, &run, e);
    str_free(&run);
    return st;
}

Status tok_decode_fuse(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in, Err *e)
{
    (void)t, (void)op;
    return list_push(out, in->text.n > 0 ? in->text.s : "", in->text.n, e);
}

Status tok_decode_strip(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in, Err *e)
{
    const char *c = tok_text(t, op->content);
    size_t w = op->content.n;
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = list_item(in, i, &n);
        size_t lo = 0, hi = n;
        for (size_t k = 0; k < op->start && hi - lo >= w && memcmp(s + lo, c, w) == 0; k++) lo += w;
        for (size_t k = 0; k < op->stop && hi - lo >= w && memcmp(s + hi - w, c, w) == 0; k++) hi -= w;
        TRY(list_push(out, s + lo, hi - lo, e));
    }
    return OK;
}

Status tok_decode_meta(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in, Err *e)
{
    const char *c = tok_text(t, op->content);
    size_t w = op->content.n;
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = list_item(in, i, &n);
        for (size_t at = 0; at < n;) {
            bool mark = n - at >= w && memcmp(s + at, c, w) == 0;
            if (!mark) str_put(&out->text, s + at, 1);
            if (mark && (i > 0 || !op->drop_first)) str_put(&out->text, " ", 1);
            at += mark ? w : 1;
        }
        TRY(list_close(out, e));
    }
    return OK;
}

/* --- the whole --------------------------------------------------------------------------------------------
 */

static bool decode_skips(const Tok *t, int32_t id, bool skip_special)
{
    return skip_special && (t->entry[id].flags & TOK_SPECIAL);
}

/* The usual decoder of tokens that are bytes, whose bytes are known already. */
static Status decode_plain_bytes(const Tok *t, Str *out, const int32_t *ids, size_t n, bool skip_special,
                                 Err *e)
{
    Str raw = {0};
    for (size_t i = 0; i < n; i++) {
        TokSpan b = t->entry[ids[i]].bytes;
        if (!decode_skips(t, ids[i], skip_special)) str_put(&raw, tok_text(t, b), b.n);
    }
    if (raw.n > 0) tok_put_lossy(out, raw.s, raw.n);
    bool failed = raw.failed;
    str_free(&raw);
    if (failed) FAIL(e, ERR_NOMEM, "no memory to decode %zu tokens", n);
    return OK;
}

static Status decode_steps(const Tok *t, TokList list[2], size_t *last, Err *e)
{
    for (size_t i = 0; i < t->n_decoders; i++, *last = 1 - *last) {
        TokList *in = &list[*last], *out = &list[1 - *last];
        str_clear(&out->text);
        out->n = 0;
        TRY(t->decoder[i].run(t, &t->decoder[i], out, in, e));
    }
    return OK;
}

/* Without a decoder the tokens stand side by side with spaces between. */
static Status decode_chain(const Tok *t, Str *out, const int32_t *ids, size_t n, bool skip_special, Err *e)
{
    TokList list[2] = {{{0}, NULL, 0, 0}, {{0}, NULL, 0, 0}};
    size_t last = 0;
    Status s = OK;
    for (size_t i = 0; i < n && s == OK; i++) {
        TokSpan c = t->entry[ids[i]].content;
        if (!decode_skips(t, ids[i], skip_special)) s = list_push(&list[0], tok_text(t, c), c.n, e);
    }
    if (s == OK) s = decode_steps(t, list, &last, e);
    for (size_t i = 0, len; i < list[last].n && s == OK; i++) {
        const char *text = list_item(&list[last], i, &len);
        if (t->n_decoders == 0 && i > 0) str_puts(out, " ");
        str_put(out, text, len);
    }
    list_free(&list[0]);
    list_free(&list[1]);
    return s;
}

Status tok_decode(const Tok *t, Str *out, const int32_t *ids, size_t n, bool skip_special, Err *e)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= t->n)
            FAIL(e, ERR_ARG, "token id %d at place %zu, want 0 to %zu", ids[i], i, t->n - 1);
    size_t before = out->n;
    bool bytes = t->byte_level && t->n_decoders == 1 && t->decoder[0].run == tok_decode_bytes;
    Status s = bytes ? decode_plain_bytes(t, out, ids, n, skip_special, e)
                     : decode_chain(t, out, ids, n, skip_special, e);
    if (s == OK && !out->failed) return OK;
    if (out->s != NULL) out->s[out->n = before] = '\0';
    if (s != OK) return s;
    FAIL(e, ERR_NOMEM, "no memory to decode %zu tokens", n);
}
