/* pass_span.c - adapters in a pass: which rows belong to which, and their products. */
#include "pass_priv.h"

#include "prime/mat.h"

#include <assert.h>
#include <stdlib.h>

bool pass_spans_new(Pass *p)
{
    p->span = calloc(p->train ? p->max_rows : 1, sizeof *p->span);
    if (!p->train) return p->span != NULL;
    p->target = malloc(p->max_rows * sizeof *p->target);
    p->loss = malloc(p->max_rows * sizeof *p->loss);
    return p->span != NULL && p->target != NULL && p->loss != NULL;
}

void pass_spans_free(Pass *p)
{
    free(p->span);
    free(p->target);
    free(p->loss);
}

void pass_spans(Pass *p, const PassSeq *seq, const PassLora *lora)
{
    size_t row = 0;
    p->n_spans = 0;
    if (lora == NULL) return;
    if (lora->part == NULL && lora->bank != NULL)
        p->span[p->n_spans++] = (PassSpan){.bank = lora->bank, .key = p->drop_key, .n = p->n_rows};
    assert(lora->part == NULL || (p->train && p->gate == NULL && p->hook == NULL));
    for (size_t i = 0; lora->part != NULL && i < lora->n_parts; i++) {
        const PassPart *part = &lora->part[i];
        PassSpan s = {part->bank, part->grad, part->drop_key, part->drop_row, row, 0};
        assert(part->bank->k == 1 && part->bank->width <= p->width_h);
        for (size_t j = 0; j < part->n; j++, seq++) s.n += seq->n;
        row += s.n;
        if (s.n > 0) p->span[p->n_spans++] = s;
    }
    assert(lora->part == NULL || row == p->n_rows);
}

size_t pass_run(const Pass *p, size_t at)
{
    size_t end = at + 1;
    while (end < p->n_spans && p->span[end].bank == p->span[at].bank) end++;
    return end;
}

/* One run of spans; rows of y and x begin with its first. */
static void run_apply(Pass *p, float *y, size_t ldy, const float *x, size_t n_in, size_t from, size_t to,
                      size_t layer, PassGroup g)
{
    const LoraBank *b = p->span[from].bank;
    size_t rows = pass_run_rows(p, from, to), W = p->width_h;
    float *h = pass_at(p, p->h, layer, W) + p->span[from].row * W + pass_h_column(b, layer, g.first);
    for (size_t k = g.first; k < g.first + g.n; k++) {
        const LoraStack *st = b->stack + layer * LORA_KINDS + k;
        if (st->n == 0) continue;
        const float *in = pass_site_input(p, x, from, to, layer, k, n_in);
        mat_mul_nt(h, W, in, n_in, st->a, n_in, rows, st->n, n_in, b->scale[layer * LORA_KINDS + k], 0);
        mat_mul_nt(y + lora_out_column(&b->shape, (LoraKind)k), ldy, h, W, st->b, st->n, rows,
                   b->shape.n_out[k], st->n, 1, 1);
        h += st->n;
    }
}

void pass_apply_parts(Pass *p, float *y, size_t ldy, const float *x, size_t n_in, size_t layer, PassGroup g)
{
    for (size_t from = 0, to; from < p->n_spans; from = to) {
        size_t row = p->span[from].row;
        to = pass_run(p, from);
        run_apply(p, y + row * ldy, ldy, x + row * n_in, n_in, from, to, layer, g);
    }
}
