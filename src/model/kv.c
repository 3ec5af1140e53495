/* kv.c - memory for the keys and values of earlier tokens. */
#include "prime/pass.h"

#include "prime/arena.h"
#include "prime/memory.h"

#include <assert.h>
#include <stdlib.h>

Status kv_new(KvCache **kv, const ModelConfig *cfg, size_t n_slots, size_t cap, Err *e)
{
    size_t n;
    KvCache k = {
        .n_slots = n_slots, .cap = cap, .n_layers = cfg->n_layers, .width = 2 * cfg->n_kv * cfg->head_dim};
    TRY(size_mul(&n, n_slots, cap, e));
    TRY(size_mul(&n, n, k.n_layers, e));
    TRY(size_mul(&n, n, k.width * sizeof *k.data, e));
    KvCache *fresh = malloc(sizeof *fresh);
    k.data = memory_block(n);
    k.len = calloc(n_slots + 1, sizeof *k.len);
    k.prefix = malloc((n_slots + 1) * sizeof *k.prefix);
    if (fresh != NULL) *fresh = k;
    if (fresh == NULL || k.data == NULL || k.len == NULL || k.prefix == NULL) {
        free(k.data);
        free(k.len);
        free(k.prefix);
        free(fresh);
        FAIL(e, ERR_NOMEM, "no memory for keys and values of %zu sequences of %zu tokens", n_slots, cap);
    }
    for (size_t i = 0; i < n_slots; i++) fresh->prefix[i] = KV_NONE;
    *kv = fresh;
    return OK;
}

void kv_free(KvCache *kv)
{
    if (kv == NULL) return;
    free(kv->data);
    free(kv->len);
    free(kv->prefix);
    free(kv);
}

void kv_reset(KvCache *kv, size_t slot, size_t prefix)
{
    assert(slot < kv->n_slots &&
           (prefix == KV_NONE || (prefix < kv->n_slots && kv->prefix[prefix] == KV_NONE)));
    kv->len[slot] = 0;
    kv->prefix[slot] = prefix;
}
