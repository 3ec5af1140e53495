/* pass_first.c - what the first layer's q, k and v products give for each token: without learned positions
 * they depend on nothing else, so that all candidates, prompts and places share them. */
#include "pass_priv.h"

#include "prime/arena.h"

#include <stdlib.h>
#include <string.h>

Status pass_first_new(PassFirst **out, const Model *m, Err *e)
{
    *out = NULL;
    if (m->cfg.learned_pos) return OK;
    PassFirst *f = calloc(1, sizeof *f);
    size_t V = m->cfg.n_vocab;
    if (f != NULL) f->place = malloc(V * sizeof *f->place);
    if (f != NULL) f->token = malloc(V * sizeof *f->token);
    if (f == NULL || f->place == NULL || f->token == NULL) {
        pass_first_free(f);
        FAIL(e, ERR_NOMEM, "no memory for the first layer's products");
    }
    for (size_t v = 0; v < V; v++) f->place[v] = -1;
    *out = f;
    return OK;
}

void pass_first_want(PassFirst *f, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (f->place[ids[i]] >= 0) continue;
        f->place[ids[i]] = (int32_t)f->n;
        f->token[f->n++] = ids[i];
    }
}

Status pass_first_make(PassFirst *f, const Model *m, Pass *p, Err *e)
{
    size_t W = p->width_qkv, C = p->n_hidden, bytes;
    TRY(size_mul(&bytes, f->n, W * sizeof *f->rows, e));
    if (bytes > PASS_FIRST_BYTES) return OK;
    f->rows = malloc(bytes > 0 ? bytes : 1);
    if (f->rows == NULL) FAIL(e, ERR_NOMEM, "no memory for the first layer's products of %zu tokens", f->n);
    for (size_t at = 0, k; at < f->n; at += k) {
        k = f->n - at < p->max_rows ? f->n - at : p->max_rows;
        for (size_t i = 0; i < k; i++) pass_embedding(p->x + i * C, m, f->token[at + i], 0);
        pass_norm(p->norm, p->stat, p->x, m, 0, 0, k);
        pass_product(p, f->rows + at * W, W, p->norm, C, k, &m->p.layer[0].qkv, false);
    }
    return OK;
}

void pass_first_free(PassFirst *f)
{
    if (f == NULL) return;
    free(f->place);
    free(f->token);
    free(f->rows);
    free(f);
}

void pass_first_use(Pass *p, const PassFirst *f)
{
    p->first = f != NULL && f->rows != NULL ? f : NULL;
}

void pass_first_rows(const Pass *p, float *qkv, const PassSeq *seq, size_t n)
{
    const PassFirst *f = p->first;
    size_t W = p->width_qkv;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < seq[i].n; t++, qkv += W)
            memcpy(qkv, f->rows + (size_t)f->place[seq[i].ids[t]] * W, W * sizeof *qkv);
}
