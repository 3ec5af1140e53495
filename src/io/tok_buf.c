#include "tok_priv.h"

#include <stdlib.h>
#include <string.h>

TokPiece tok_piece_sub(TokPiece p, size_t lo, size_t hi)
{
    return (TokPiece){p.s + lo, hi - lo, p.at != NULL ? p.at + lo : NULL, p.base + lo};
}

TokRange tok_piece_range(TokPiece p, size_t lo, size_t hi)
{
    if (p.at == NULL) return (TokRange){(uint32_t)(p.base + lo), (uint32_t)(p.base + hi)};
    if (p.n == 0) return (TokRange){0};
    if (lo == hi) {
        uint32_t at = lo < p.n ? p.at[lo].from : p.at[p.n - 1].to;
        return (TokRange){at, at};
    }
    return (TokRange){p.at[lo].from, p.at[hi - 1].to};
}

/* Room for n more places; a failure is kept with the text. */
static bool buf_reserve(TokBuf *b, size_t n)
{
    if (!b->track || b->text.n + n <= b->cap) return true;
    size_t cap = b->text.n + n + b->cap;
    TokRange *at = realloc(b->at, cap * sizeof *at);
    if (at == NULL) {
        b->text.failed = true;
        return false;
    }
    b->at = at;
    b->cap = cap;
    return true;
}

void tok_buf_put(TokBuf *b, const char *s, size_t n, TokRange r)
{
    if (n == 0 || b->text.failed || !buf_reserve(b, n)) return;
    for (size_t i = 0; b->track && i < n; i++) b->at[b->text.n + i] = r;
    str_put(&b->text, s, n);
}

void tok_buf_copy(TokBuf *b, TokPiece p)
{
    if (p.n == 0 || b->text.failed || !buf_reserve(b, p.n)) return;
    if (b->track && p.at != NULL) memcpy(b->at + b->text.n, p.at, p.n * sizeof *p.at);
    for (size_t i = 0; b->track && p.at == NULL && i < p.n; i++)
        b->at[b->text.n + i] = (TokRange){(uint32_t)(p.base + i), (uint32_t)(p.base + i + 1)};
    str_put(&b->text, p.s, p.n);
}

void tok_buf_clear(TokBuf *b)
{
    str_clear(&b->text);
}

void tok_buf_free(TokBuf *b)
{
    str_free(&b->text);
    free(b->at);
    *b = (TokBuf){0};
}

Status tok_buf_piece(TokPiece *p, const TokBuf *b, Err *e)
{
    if (b->text.failed) FAIL(e, ERR_NOMEM, "no memory for %zu bytes of text", b->text.n);
    *p = (TokPiece){b->text.n > 0 ? b->text.s : "", b->text.n, b->track ? b->at : NULL, 0};
    return OK;
}
