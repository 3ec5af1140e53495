/* bank.c - the sites of several adapters side by side. */
#include "lora_priv.h"

#include <stdlib.h>
#include <string.h>

static size_t bank_sites(const LoraBank *b)
{
    return b->shape.n_layers * LORA_KINDS;
}

static Status bank_bare(LoraBank **b, const LoraShape *shape, size_t k, Err *e)
{
    LoraBank *fresh = calloc(1, sizeof *fresh);
    if (fresh != NULL) {
        fresh->shape = *shape;
        fresh->k = k;
        fresh->stack = calloc(bank_sites(fresh), sizeof *fresh->stack);
        fresh->scale = calloc(bank_sites(fresh) * k, sizeof *fresh->scale);
        fresh->offsets = calloc(bank_sites(fresh) * (k + 1), sizeof *fresh->offsets);
    }
    if (fresh == NULL || fresh->stack == NULL || fresh->scale == NULL || fresh->offsets == NULL) {
        lora_bank_free(fresh);
        FAIL(e, ERR_NOMEM, "no memory for a bank of %zu adapters", k);
    }
    *b = fresh;
    return OK;
}

static void bank_index(LoraBank *b, const Lora *const *l)
{
    for (size_t i = 0; i < bank_sites(b); i++) {
        LoraStack *s = &b->stack[i];
        s->off = b->offsets + i * (b->k + 1);
        for (size_t j = 0; j < b->k; j++) {
            s->off[j + 1] = s->off[j] + l[j]->site[i].r;
            b->scale[i * b->k + j] = l[j]->site[i].scale;
        }
        s->n = s->off[b->k];
    }
    for (size_t layer = 0; layer < b->shape.n_layers; layer++) {
        size_t w = 0;
        for (size_t k = 0; k < LORA_KINDS; k++) w += b->stack[layer * LORA_KINDS + k].n;
        if (w > b->width) b->width = w;
    }
}

static void stack_fill(LoraStack *s, const Lora *const *l, size_t k, size_t site, size_t n_in, size_t n_out)
{
    for (size_t j = 0; j < k; j++) {
        const LoraSite *from = &l[j]->site[site];
        if (from->r == 0) continue;
        memcpy(s->a + s->off[j] * n_in, from->a, from->r * n_in * sizeof *s->a);
        for (size_t o = 0; o < n_out; o++)
            memcpy(s->b + o * s->n + s->off[j], from->b + o * from->r, from->r * sizeof *s->b);
    }
}

static void bank_fill(LoraBank *b, const Lora *const *l)
{
    float *p = b->data;
    for (size_t layer = 0; layer < b->shape.n_layers; layer++) {
        LoraStack *s = b->stack + layer * LORA_KINDS;
        for (size_t k = 0; k < LORA_KINDS; p += s[k].n * b->shape.n_in[k], k++) s[k].a = p;
        for (size_t k = 0; k < LORA_KINDS; p += s[k].n * b->shape.n_out[k], k++) s[k].b = p;
        for (size_t k = 0; k < LORA_KINDS; k++)
            stack_fill(&s[k], l, b->k, layer * LORA_KINDS + k, b->shape.n_in[k], b->shape.n_out[k]);
    }
}

Status lora_bank_new(LoraBank **b, const Lora *const *l, size_t k, Err *e)
{
    if (k == 0) FAIL(e, ERR_ARG, "a bank of 0 adapters, want at least 1");
    size_t total = 0;
    for (size_t j = 0; j < k; j++) {
        if (!lora_shape_same(&l[j]->shape, &l[0]->shape))
            FAIL(e, ERR_SHAPE, "adapter %zu is for a model of another shape than adapter 0", j);
        total += l[j]->n_params;
    }
    LoraBank *fresh = NULL;
    TRY(bank_bare(&fresh, &l[0]->shape, k, e));
    fresh->data = malloc((total > 0 ? total : 1) * sizeof *fresh->data);
    if (fresh->data == NULL) {
        lora_bank_free(fresh);
        FAIL(e, ERR_NOMEM, "no memory for a bank of %zu parameters", total);
    }
    bank_index(fresh, l);
    bank_fill(fresh, l);
    *b = fresh;
    return OK;
}

Status lora_bank_view(LoraBank **b, const Lora *l, Err *e)
{
    TRY(bank_bare(b, &l->shape, 1, e));
    bank_index(*b, &l);
    for (size_t i = 0; i < bank_sites(*b); i++) {
        (*b)->stack[i].a = l->site[i].a;
        (*b)->stack[i].b = l->site[i].b;
    }
    return OK;
}

void lora_bank_free(LoraBank *b)
{
    if (b == NULL) return;
    free(b->stack);
    free(b->scale);
    free(b->offsets);
    free(b->data);
    free(b);
}

bool lora_bank_uniform(const LoraBank *b)
{
    for (size_t i = 0; i < bank_sites(b); i++)
        for (size_t j = 1; j < b->k; j++) {
            const size_t *off = b->stack[i].off;
            if (off[j + 1] - off[j] != off[1]) return false;
            if (off[1] > 0 && b->scale[i * b->k + j] != b->scale[i * b->k]) return false;
        }
    return true;
}

Status lora_from_bank(Lora **l, const LoraBank *b, Err *e)
{
    Lora *fresh = NULL;
    TRY(lora_bare(&fresh, &b->shape, e));
    for (size_t i = 0; i < bank_sites(b); i++) fresh->site[i] = (LoraSite){.r = b->stack[i].n, .scale = 1};
    Status s = lora_layout(fresh, e);
    if (s != OK) {
        lora_free(fresh);
        return s;
    }
    for (size_t i = 0; i < bank_sites(b); i++) {
        memcpy(fresh->site[i].a, b->stack[i].a,
               b->stack[i].n * b->shape.n_in[i % LORA_KINDS] * sizeof(float));
        memcpy(fresh->site[i].b, b->stack[i].b,
               b->stack[i].n * b->shape.n_out[i % LORA_KINDS] * sizeof(float));
    }
    *l = fresh;
    return OK;
}
