/* deb_depends.c - a fair question about dependencies: the wrong choice is as popular as the right one. */
#include "deb_priv.h"

#include "prime/rng.h"

#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 65,    /* by the logarithm (base 2) of the number of packages that depend on it */
    MIN_BUCKET = 10, /* fewer peers would make the wrong choice guessable */
    MAX_OWN = 512,   /* dependencies of one package that are looked at */
    MAX_DRAWS = 64   /* tries to find a wrong choice */
};

/* Packages by popularity: bucket b is order[start[b] .. start[b + 1]). */
typedef struct {
    size_t *count; /* [x->n] packages that depend on it */
    size_t *order; /* [x->n] */
    size_t start[BUCKETS + 1];
} Popular;

/* What a package depends on, as far as the index has it. */
typedef struct {
    size_t at[MAX_OWN];
    bool first[MAX_OWN]; /* the first, or only, of its alternatives */
    size_t n;
} Own;

/* Cut the next item off a Depends field: its name, and whether a '|' stands before it. */
static bool depends_item(Span *name, char *before, Span *rest)
{
    if (rest->n == 0) return false;
    *before = rest->s[0] == '|' || rest->s[0] == ',' ? rest->s[0] : ',';
    size_t from = rest->s[0] == '|' || rest->s[0] == ',', to = from;
    while (to < rest->n && rest->s[to] != ',' && rest->s[to] != '|') to++;
    *name = text_trim((Span){rest->s + from, to - from});
    size_t len = 0;
    while (len < name->n && memchr(" \t\n([:<", name->s[len], 7) == NULL) len++;
    name->n = len;
    rest->s += to;
    rest->n -= to;
    return true;
}

static bool depends_has(const Own *o, size_t pkg)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->at[i] == pkg) return true;
    return false;
}

static void depends_field(Own *o, Span field, const DebIndex *x)
{
    Span name;
    char before;
    while (o->n < MAX_OWN && depends_item(&name, &before, &field)) {
        const DebPkg *p = name.n > 0 ? deb_find(x, name) : NULL;
        if (p == NULL || depends_has(o, (size_t)(p - x->pkg))) continue;
        o->first[o->n] = before == ',';
        o->at[o->n++] = (size_t)(p - x->pkg);
    }
}

static void depends_own(Own *o, const DebPkg *p, const DebIndex *x)
{
    o->n = 0;
    depends_field(o, p->depends, x);
    depends_field(o, p->pre_depends, x);
}

/* 1 + floor(log2(count)); bucket 0 is for packages that nobody needs. */
static size_t depends_bucket(size_t count)
{
    size_t b = 0;
    for (; count > 0; count >>= 1) b++;
    return b;
}

static void depends_rank(Popular *p, Own *own, const DebIndex *x)
{
    for (size_t i = 0; i < x->n; i++) {
        depends_own(own, &x->pkg[i], x);
        for (size_t k = 0; k < own->n; k++) p->count[own->at[k]]++;
    }
    for (size_t i = 0; i < x->n; i++) p->start[depends_bucket(p->count[i]) + 1]++;
    for (size_t b = 0; b < BUCKETS; b++) p->start[b + 1] += p->start[b];
    size_t fill[BUCKETS];
    memcpy(fill, p->start, sizeof fill);
    for (size_t i = 0; i < x->n; i++) p->order[fill[depends_bucket(p->count[i])]++] = i;
}

static bool depends_fair(const Popular *p, size_t pkg)
{
    size_t b = depends_bucket(p->count[pkg]);
    return p->start[b + 1] - p->start[b] >= MIN_BUCKET;
}

static bool depends_same_source(const DebIndex *x, size_t a, const DebPkg *b)
{
    return text_cmp(x->pkg[a].source, b->source) == 0;
}

/* The right choice: a first alternative from another source, with enough peers. */
static bool depends_right(size_t *right, const Own *own, const DebPkg *pkg, const Popular *p,
                          const DebIndex *x, Rng *r)
{
    size_t can[MAX_OWN], n = 0;
    for (size_t i = 0; i < own->n; i++)
        if (own->first[i] && depends_fair(p, own->at[i]) && !depends_same_source(x, own->at[i], pkg))
            can[n++] = own->at[i];
    if (n == 0) return false;
    *right = can[rng_below(r, n)];
    return true;
}

/* The wrong choice: of the same bucket, not a dependency, not from the same source. */
static bool depends_wrong(size_t *wrong, size_t right, const Own *own, const DebPkg *pkg, const Popular *p,
                          const DebIndex *x, Rng *r)
{
    size_t b = depends_bucket(p->count[right]), n = p->start[b + 1] - p->start[b];
    for (int i = 0; i < MAX_DRAWS; i++) {
        size_t k = p->order[p->start[b] + rng_below(r, n)];
        if (depends_has(own, k) || depends_same_source(x, k, pkg)) continue;
        *wrong = k;
        return true;
    }
    return false;
}

static void depends_ask(DebAsk *ask, const DebRec *rec, Own *own, const Popular *p, const DebIndex *x,
                        uint64_t seed)
{
    Rng r = rng_stream(seed, "deb_depends", strtoull(rec->id + 1, NULL, 16));
    size_t right = 0, wrong = 0;
    *ask = (DebAsk){0};
    depends_own(own, rec->pkg, x);
    if (!depends_right(&right, own, rec->pkg, p, x, &r)) return;
    if (!depends_wrong(&wrong, right, own, rec->pkg, p, x, &r)) return;
    ask->there = true;
    ask->right = rng_below(&r, 2);
    ask->choice[ask->right] = x->pkg[right].name;
    ask->choice[1 - ask->right] = x->pkg[wrong].name;
}

Status deb_depends(DebAsk *ask, const DebRecs *r, const DebIndex *x, uint64_t seed, Err *e)
{
    Arena a = {0};
    Popular p = {.count = arena_zalloc(&a, x->n, sizeof(size_t)),
                 .order = arena_zalloc(&a, x->n, sizeof(size_t))};
    Own *own = arena_zalloc(&a, 1, sizeof *own);
    bool fine = p.count != NULL && p.order != NULL && own != NULL;
    if (fine) depends_rank(&p, own, x);
    for (size_t i = 0; fine && i < r->n; i++) {
        ask[i] = (DebAsk){0};
        if (!r->rec[i].dropped) depends_ask(&ask[i], &r->rec[i], own, &p, x, seed);
    }
    arena_free(&a);
    if (!fine) FAIL(e, ERR_NOMEM, "no memory for %zu packages", x->n);
    return OK;
}
