/* import_split.c - which of a person's records may be trained on. What would let a text be on two sides is
 * left out: see import.h. */
#include "import_priv.h"

#include "prime/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Status hash_set_add(bool *fresh, HashSet *s, uint64_t x, Err *e)
{
    if (x == 0) x = 1;
    if (2 * (s->n + 1) > s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 1024;
        HashSet big = {calloc(cap, sizeof *big.slot), s->n, cap};
        if (big.slot == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu hashes", cap);
        for (size_t i = 0; i < s->cap; i++) {
            if (s->slot[i] == 0) continue;
            size_t k = s->slot[i] & (cap - 1);
            while (big.slot[k] != 0) k = (k + 1) & (cap - 1);
            big.slot[k] = s->slot[i];
        }
        free(s->slot);
        *s = big;
    }
    size_t k = x & (s->cap - 1);
    while (s->slot[k] != 0 && s->slot[k] != x) k = (k + 1) & (s->cap - 1);
    *fresh = s->slot[k] == 0;
    s->n += *fresh;
    s->slot[k] = x;
    return OK;
}

bool hash_set_has(const HashSet *s, uint64_t x)
{
    if (x == 0) x = 1;
    if (s->cap == 0) return false;
    size_t k = x & (s->cap - 1);
    while (s->slot[k] != 0 && s->slot[k] != x) k = (k + 1) & (s->cap - 1);
    return s->slot[k] == x;
}

/* ---- what is there twice ---- */

/* Queries first, then what has a split, then what has none, each in the order of the file: the first one
 * stays. */
static int split_rank(const ImportRec *r)
{
    return r->split == DATA_QUERY ? 0 : r->split >= 0 ? 1 + r->split : 1 + DATA_SPLITS;
}

static int split_before(const ImportRec *x, const ImportRec *y)
{
    int a = split_rank(x), b = split_rank(y);
    return a != b ? a - b : (x->order > y->order) - (x->order < y->order);
}

static int split_id_cmp(const void *a, const void *b)
{
    const ImportRec *x = *(ImportRec *const *)a, *y = *(ImportRec *const *)b;
    int c = strcmp(x->id, y->id);
    return c != 0 ? c : split_before(x, y);
}

static int split_text_cmp(const void *a, const void *b)
{
    const ImportRec *x = *(ImportRec *const *)a, *y = *(ImportRec *const *)b;
    return x->all != y->all ? (x->all > y->all ? 1 : -1) : split_before(x, y);
}

static int split_head_cmp(const void *a, const void *b)
{
    const ImportRec *x = *(ImportRec *const *)a, *y = *(ImportRec *const *)b;
    return x->head != y->head ? (x->head > y->head ? 1 : -1) : split_before(x, y);
}

static void split_leave_out(Import *im, ImportRec *r, ImportOddKind why)
{
    r->out = true;
    import_odd(im, why);
}

static size_t split_those_in(ImportRec **p, Import *im)
{
    size_t n = 0;
    for (size_t i = 0; i < im->n; i++)
        if (!im->rec[i].out) p[n++] = &im->rec[i];
    return n;
}

static void split_twins(Import *im, ImportRec **p)
{
    size_t n = split_those_in(p, im);
    qsort(p, n, sizeof *p, split_id_cmp);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (strcmp(p[first]->id, p[i]->id) == 0)
            split_leave_out(im, p[i], ODD_ITEM_TWICE);
        else
            first = i;
    }
    n = split_those_in(p, im);
    qsort(p, n, sizeof *p, split_text_cmp);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (p[first]->all == p[i]->all)
            split_leave_out(im, p[i], ODD_TEXT_TWICE);
        else
            first = i;
    }
}

static void split_shared(Import *im)
{
    for (size_t i = 0; i < im->n && !im->o->keep_shared; i++)
        if (!im->rec[i].out && hash_set_has(&im->texts, im->rec[i].all))
            split_leave_out(im, &im->rec[i], ODD_SHARED);
}

/* ---- groups of records that begin alike go to one side ---- */

static size_t split_groups(Import *im, ImportRec **p)
{
    size_t n = split_those_in(p, im), groups = 0;
    qsort(p, n, sizeof *p, split_head_cmp);
    for (size_t i = 0; i < n; i++) {
        groups += i == 0 || p[i]->head != p[i - 1]->head;
        p[i]->group = groups - 1;
    }
    return groups;
}

static int split_time_cmp(const void *a, const void *b)
{
    const ImportRec *x = *(ImportRec *const *)a, *y = *(ImportRec *const *)b;
    int c = strcmp(x->when, y->when);
    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static int split_order_cmp(const void *a, const void *b)
{
    const ImportRec *x = *(ImportRec *const *)a, *y = *(ImportRec *const *)b;
    return (x->order > y->order) - (x->order < y->order);
}

/* The records that have no split, in the order in which they are dealt. */
static Status split_deal_order(ImportRec **p, size_t n, const Import *im, const char *user_id, Err *e)
{
    qsort(p, n, sizeof *p, im->o->by_time ? split_time_cmp : split_order_cmp);
    if (im->o->by_time) return OK;
    size_t *idx = malloc((n + 1) * sizeof *idx);
    ImportRec **copy = malloc((n + 1) * sizeof *copy);
    if (idx != NULL && copy != NULL) {
        Rng r = rng_stream(im->o->seed, user_id, 0);
        for (size_t i = 0; i < n; i++) idx[i] = i;
        rng_shuffle(&r, idx, n);
        memcpy(copy, p, n * sizeof *p);
        for (size_t i = 0; i < n; i++) p[i] = copy[idx[i]];
    }
    bool fine = idx != NULL && copy != NULL;
    free(idx);
    free(copy);
    if (!fine) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    return OK;
}

/* How many of p [n] are in each group. */
static void split_sizes(size_t *size, size_t groups, ImportRec *const *p, size_t n)
{
    for (size_t i = 0; i < groups; i++) size[i] = 0;
    for (size_t i = 0; i < n; i++) size[p[i]->group]++;
}

/* of [groups]: the split of each group, -1 while open; size [groups]. A group is dealt as a whole when its
 * first record comes, and counts as a whole; by time every record is dealt by itself, and must agree with its
 * group. */
static void split_deal(Import *im, ImportRec **p, size_t n, int *of, const size_t *size)
{
    size_t most[2], got[DATA_SPLITS] = {0};
    for (int s = 0; s < 2; s++) most[s] = (size_t)lround((double)n * im->share[s]);
    for (size_t i = 0; i < n; i++) {
        DataSplit want = got[0] < most[0] ? DATA_HISTORY : got[1] < most[1] ? DATA_QUERY : DATA_HELDOUT;
        int *g = &of[p[i]->group];
        bool open = *g < 0, drawn = *g >= DATA_SPLITS; /* drawn: SPLITS + split */
        if (open) *g = DATA_SPLITS + (int)want;
        if (!open && (!drawn || (im->o->by_time && *g != DATA_SPLITS + (int)want))) {
            split_leave_out(im, p[i], ODD_STRADDLES);
            continue;
        }
        p[i]->split = *g - DATA_SPLITS;
        got[p[i]->split] += im->o->by_time ? 1 : open ? size[p[i]->group] : 0;
    }
}

/* What comes with a split claims its group; the first claim counts. */
static void split_fixed(Import *im, int *of)
{
    static const DataSplit order[] = {DATA_QUERY, DATA_HISTORY, DATA_HELDOUT};
    for (int k = 0; k < DATA_SPLITS; k++)
        for (size_t i = 0; i < im->n; i++) {
            ImportRec *r = &im->rec[i];
            if (r->out || r->split != (int)order[k]) continue;
            if (of[r->group] < 0) of[r->group] = r->split;
            if (of[r->group] != r->split) split_leave_out(im, r, ODD_STRADDLES);
        }
}

static Status split_steps(Import *im, ImportRec **p, int *of, size_t *size, const char *user_id, Err *e)
{
    split_twins(im, p);
    split_shared(im);
    size_t groups = split_groups(im, p), n = 0;
    for (size_t i = 0; i < groups; i++) of[i] = -1;
    split_fixed(im, of);
    for (size_t i = 0; i < im->n; i++)
        if (!im->rec[i].out && im->rec[i].split < 0) p[n++] = &im->rec[i];
    TRY(split_deal_order(p, n, im, user_id, e));
    split_sizes(size, groups, p, n);
    split_deal(im, p, n, of, size);
    return OK;
}

Status import_split(Import *im, const char *user_id, Err *e)
{
    ImportRec **p = malloc((im->n + 1) * sizeof *p);
    int *of = malloc((im->n + 1) * sizeof *of);
    size_t *size = malloc((im->n + 1) * sizeof *size);
    Status s = p == NULL || of == NULL || size == NULL
                   ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu records", im->n)
                   : split_steps(im, p, of, size, user_id, e);
    free(p);
    free(of);
    free(size);
    return s;
}
