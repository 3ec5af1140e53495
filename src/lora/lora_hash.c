/* lora_hash.c - what names an adapter by its content. */
#include "prime/lora.h"
#include "prime/str.h"

Status lora_hash(char hex[HASH_HEX], const Lora *l, Err *e)
{
    Str text = {0};
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) {
        const LoraSite *s = &l->site[i];
        if (s->r == 0) continue;
        str_printf(&text, "%zu %zu %.9g\n", i, s->r, (double)s->scale);
        str_put(&text, (const char *)s->a, s->r * l->shape.n_in[i % LORA_KINDS] * sizeof *s->a);
        str_put(&text, (const char *)s->b, s->r * l->shape.n_out[i % LORA_KINDS] * sizeof *s->b);
    }
    Status st = text.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for an adapter") : OK;
    if (st == OK) hash_bytes(hex, text.s != NULL ? text.s : "", text.n);
    str_free(&text);
    return st;
}
