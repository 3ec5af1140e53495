/* ranks.c - adapters whose sites have ranks of their own. */
#include "lora_priv.h"

Status lora_new_ranks(Lora **l, const LoraShape *shape, const size_t *rank, Err *e)
{
    Lora *fresh = NULL;
    TRY(lora_bare(&fresh, shape, e));
    for (size_t i = 0; i < shape->n_layers * LORA_KINDS; i++)
        fresh->site[i] = (LoraSite){.r = rank[i], .scale = 1};
    Status s = lora_layout(fresh, e);
    if (s == OK)
        *l = fresh;
    else
        lora_free(fresh);
    return s;
}
