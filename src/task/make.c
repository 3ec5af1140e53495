/* make.c - ids, splits and files of a dataset, whatever its source. */
#include "make_priv.h"

#include "prime/file.h"
#include "prime/hash.h"
#include "prime/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void make_id(char id[DATA_ID], char letter, const char *salt, const char *text)
{
    char hex[HASH_HEX];
    hash_salted(hex, salt, text);
    id[0] = letter;
    memcpy(id + 1, hex, DATA_ID - 2);
    id[DATA_ID - 1] = '\0';
}

Status make_check_shares(double history, double query, Err *e)
{
    if (!(history > 0 && history < 1)) FAIL(e, ERR_ARG, "history = %g, want a share in (0, 1)", history);
    if (!(query > 0 && query < 1)) FAIL(e, ERR_ARG, "query = %g, want a share in (0, 1)", query);
    if (!(history + query < 1))
        FAIL(e, ERR_ARG, "history + query = %g, want below 1: the rest is held out", history + query);
    return OK;
}

/* An item's number, sortable by user and id without a global. */
typedef struct {
    const MakeItem *item;
    size_t at;
} ItemRef;

static int make_ref_cmp(const void *a, const void *b)
{
    const MakeItem *x = ((const ItemRef *)a)->item, *y = ((const ItemRef *)b)->item;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* Cut the n items of one user. */
static void make_cut(Make *m, const ItemRef *ref, size_t *idx, size_t n, double history, double query)
{
    MakeUser *u = &m->user[ref[0].item->user];
    Rng r = rng_stream(m->seed, u->id, 0);
    for (size_t i = 0; i < n; i++) idx[i] = i;
    rng_shuffle(&r, idx, n);
    size_t h = (size_t)lround((double)n * history), q = (size_t)lround((double)n * query);
    if (h > n) h = n;
    if (q > n - h) q = n - h;
    for (size_t i = 0; i < n; i++) {
        DataSplit s = i < h ? DATA_HISTORY : i < h + q ? DATA_QUERY : DATA_HELDOUT;
        m->item[ref[idx[i]].at].split = s;
        u->n[s]++;
    }
}

Status make_split(Make *m, double history, double query, Err *e)
{
    TRY(make_check_shares(history, query, e));
    ItemRef *ref = malloc((m->n_items + 1) * sizeof *ref);
    size_t *idx = malloc((m->n_items + 1) * sizeof *idx);
    if (ref == NULL || idx == NULL) {
        free(ref);
        free(idx);
        FAIL(e, ERR_NOMEM, "no memory for %zu records", m->n_items);
    }
    for (size_t i = 0; i < m->n_items; i++) ref[i] = (ItemRef){&m->item[i], i};
    qsort(ref, m->n_items, sizeof *ref, make_ref_cmp);
    for (size_t i = 0, k; i < m->n_items; i = k) {
        for (k = i + 1; k < m->n_items && ref[k].item->user == ref[i].item->user;) k++;
        make_cut(m, ref + i, idx, k - i, history, query);
    }
    free(ref);
    free(idx);
    return OK;
}
