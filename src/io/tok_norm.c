/* The normaliser. Every step keeps, for each byte it writes, the bytes of the original text that it stands
 * for: text that replaces a match stands for the whole match, prepended text for the first character, and the
 * normal form of a grapheme cluster for the cluster, unless it is the cluster itself. */
#include "tok_priv.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Bytes of ASCII at the start of s. */
static size_t norm_ascii(const char *s, size_t n)
{
    size_t i = 0;
    for (uint64_t w; i + 8 <= n; i += 8) {
        memcpy(&w, s + i, 8);
        if (w & 0x8080808080808080U) break;
    }
    while (i < n && (unsigned char)s[i] < 0x80) i++;
    return i;
}

/* Length of the grapheme cluster at the start of s. Normalisation never reaches across its end: combining
 * marks, vowel signs and Hangul jamo that compose with or move before what precedes them are all in the
 * cluster of that (UAX 29, section 3: canonically equivalent texts have the same clusters). */
static size_t norm_cluster(const char *s, size_t n)
{
    utf8proc_int32_t state = 0;
    size_t w = utf8_width(s, n), at = w;
    utf8proc_int32_t before = (utf8proc_int32_t)tok_utf8_code(s, w);
    while (at < n) {
        w = utf8_width(s + at, n - at);
        utf8proc_int32_t c = (utf8proc_int32_t)tok_utf8_code(s + at, w);
        if (utf8proc_grapheme_break_stateful(before, c, &state)) break;
        before = c;
        at += w;
    }
    return at;
}

static Status norm_failed(size_t n, utf8proc_ssize_t why, Err *e)
{
    FAIL(e, why == UTF8PROC_ERROR_NOMEM ? ERR_NOMEM : ERR_FORMAT, "cannot normalise %zu bytes: %s", n,
         utf8proc_errmsg(why));
}

/* The normal form of s in code [cap], as UTF-8; *need is the room that was wanted when it did not fit. */
static Status norm_form(utf8proc_int32_t *code, size_t cap, const char *s, size_t n, int form, size_t *len,
                        size_t *need, Err *e)
{
    utf8proc_option_t how = (utf8proc_option_t)form;
    utf8proc_ssize_t m = utf8proc_decompose((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, code,
                                            (utf8proc_ssize_t)cap - 1, how);
    if (m < 0) return norm_failed(n, m, e);
    *need = (size_t)m + 1;
    if (*need > cap) return OK;
    utf8proc_ssize_t bytes = utf8proc_reencode(code, m, how);
    if (bytes < 0) return norm_failed(n, bytes, e);
    *len = (size_t)bytes;
    return OK;
}

/* Append the normal form of the cluster p. */
static Status norm_cluster_put(TokBuf *out, TokPiece p, int form, Err *e)
{
    utf8proc_int32_t few[64], *code = few;
    size_t len = 0, need = 0, cap = sizeof few / sizeof few[0];
    TRY(norm_form(code, cap, p.s, p.n, form, &len, &need, e));
    if (need > cap) {
        code = malloc(need * sizeof *code);
        if (code == NULL) FAIL(e, ERR_NOMEM, "no memory to normalise %zu bytes", p.n);
        Status s = norm_form(code, need, p.s, p.n, form, &len, &need, e);
        if (s != OK) {
            free(code);
            return s;
        }
    }
    if (len == p.n && memcmp(code, p.s, len) == 0)
        tok_buf_copy(out, p);
    else
        tok_buf_put(out, (const char *)code, len, tok_piece_range(p, 0, p.n));
    if (code != few) free(code);
    return OK;
}

Status tok_norm_unicode(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                        Err *e)
{
    (void)t, (void)match;
    for (size_t at = 0; at < in.n;) {
        size_t plain = norm_ascii(in.s + at, in.n - at);
        if (at + plain < in.n && plain > 0) plain--; /* the last one may carry a mark */
        tok_buf_copy(out, tok_piece_sub(in, at, at + plain));
        at += plain;
        if (at == in.n) break;
        size_t n = norm_cluster(in.s + at, in.n - at);
        TRY(norm_cluster_put(out, tok_piece_sub(in, at, at + n), op->form, e));
        at += n;
    }
    return OK;
}

Status tok_norm_prepend(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                        Err *e)
{
    (void)match, (void)e;
    size_t first = utf8_width(in.s, in.n);
    tok_buf_put(out, tok_text(t, op->content), op->content.n, tok_piece_range(in, 0, first));
    tok_buf_copy(out, in);
    return OK;
}

Status tok_norm_replace(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                        Err *e)
{
    TokFind f = {op->code, match, in.s, in.n, 0, SIZE_MAX, 0, 0};
    size_t from = 0;
    for (bool found;; from = f.hi) {
        TRY(tok_find_next(&f, &found, e));
        if (!found) break;
        tok_buf_copy(out, tok_piece_sub(in, from, f.lo));
        tok_buf_put(out, tok_text(t, op->content), op->content.n, tok_piece_range(in, f.lo, f.hi));
    }
    tok_buf_copy(out, tok_piece_sub(in, from, in.n));
    return OK;
}

/* Differs: no table of the library has it that U+0130 becomes two characters, alone of all. */
Status tok_norm_lowercase(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                          Err *e)
{
    (void)t, (void)op, (void)match, (void)e;
    for (size_t at = 0, w; at < in.n; at += w) {
        w = utf8_width(in.s + at, in.n - at);
        utf8proc_int32_t c = (utf8proc_int32_t)tok_utf8_code(in.s + at, w);
        utf8proc_uint8_t low[4];
        TokRange r = tok_piece_range(in, at, at + w);
        if (c == 0x130) {
            tok_buf_put(out, "i\xcc\x87", 3, r);
            continue;
        }
        utf8proc_ssize_t n = utf8proc_encode_char(utf8proc_tolower(c), low);
        tok_buf_put(out, (const char *)low, (size_t)n, r);
    }
    return OK;
}

Status tok_norm_strip(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                      Err *e)
{
    (void)t, (void)match, (void)e;
    size_t lo = 0, hi = in.n;
    for (size_t w; op->left && lo < hi; lo += w) {
        w = utf8_width(in.s + lo, hi - lo);
        if (!tok_is_space(tok_utf8_code(in.s + lo, w))) break;
    }
    for (size_t w; op->right && hi > lo; hi -= w) {
        for (w = 1; ((unsigned char)in.s[hi - w] & 0xc0) == 0x80;) w++;
        if (!tok_is_space(tok_utf8_code(in.s + hi - w, w))) break;
    }
    tok_buf_copy(out, tok_piece_sub(in, lo, hi));
    return OK;
}

Status tok_norm_accents(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                        Err *e)
{
    (void)t, (void)op, (void)match, (void)e;
    for (size_t at = 0, w; at < in.n; at += w) {
        w = utf8_width(in.s + at, in.n - at);
        utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)tok_utf8_code(in.s + at, w));
        if (kind != UTF8PROC_CATEGORY_MN && kind != UTF8PROC_CATEGORY_MC && kind != UTF8PROC_CATEGORY_ME)
            tok_buf_copy(out, tok_piece_sub(in, at, at + w));
    }
    return OK;
}

Status tok_norm_run(const Tok *t, TokPiece *out, TokPiece in, TokBuf buf[2], pcre2_match_data *match, Err *e)
{
    TokPiece p = in;
    for (size_t i = 0, k = 0; i < t->n_norms && p.n > 0; i++) {
        const TokNorm *op = &t->norm[i];
        if (op->spares_ascii && norm_ascii(p.s, p.n) == p.n) continue;
        tok_buf_clear(&buf[k]);
        TRY(op->run(t, op, &buf[k], p, match, e));
        TRY(tok_buf_piece(&p, &buf[k], e));
        k = 1 - k;
    }
    *out = p;
    return OK;
}
