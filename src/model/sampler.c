/* sampler.c - one token from a row of logits. */
#include "prime/generate.h"
#include "prime/vec.h"

#include <assert.h>
#include <math.h>

/* ---- repetition ---- */

void gen_penalise(float *z, const int32_t *ids, size_t n, double penalty, uint32_t *seen, uint32_t mark)
{
    float p = (float)penalty;
    for (size_t i = 0; i < n; i++) {
        size_t v = (size_t)ids[i];
        if (seen[v] == mark) continue;
        seen[v] = mark;
        z[v] = z[v] > 0 ? z[v] / p : z[v] * p;
    }
}

/* ---- the likeliest tokens ---- */

static bool entry_before(const GenEntry *a, const GenEntry *b)
{
    return a->z != b->z ? a->z > b->z : a->id < b->id;
}

static double entry_mass(const GenEntry *x)
{
    return (double)x->w;
}

static double entry_count(const GenEntry *x)
{
    (void)x;
    return 1;
}

/* e [from, to): those before the pivot go first, then the pivot; returns its place. *mass: of those before.
 * A pivot from a hash keeps the expected cost linear for every order of logits. */
static size_t cut_split(GenEntry *e, size_t from, size_t to, double (*measure)(const GenEntry *),
                        double *mass)
{
    size_t at = from + rng_mix(from ^ (to << 32)) % (to - from), last = to - 1, k = from;
    GenEntry pivot = e[at];
    e[at] = e[last];
    *mass = 0;
    for (size_t i = from; i < last; i++) {
        GenEntry x = e[i];
        if (!entry_before(&x, &pivot)) continue;
        *mass += measure(&x);
        e[i] = e[k];
        e[k++] = x;
    }
    e[last] = e[k];
    e[k] = pivot;
    return k;
}

/* The fewest first entries whose measures reach `target`, in any order at the front of e [n]; returns how
 * many. Quickselect: those in front of `from` are in, those from `to` on are out. */
static size_t cut_top(GenEntry *e, size_t n, double target, double (*measure)(const GenEntry *))
{
    size_t from = 0, to = n;
    double have = 0, upper;
    while (from < to && have < target) {
        size_t k = cut_split(e, from, to, measure, &upper);
        if (have + upper >= target) {
            to = k;
        } else {
            have += upper + measure(&e[k]);
            from = k + 1;
        }
    }
    return from;
}

/* The k first of all tokens, 0 < k < n. Candidates are collected until there are 2k, then cut back to k, of
 * which the last is a bound that most tokens miss; later tokens lose ties, for their ids are larger. */
static size_t gather_top_k(GenEntry *e, const float *z, const float *w, size_t n, size_t k)
{
    size_t m = 0, room = k < n / 2 ? 2 * k : n;
    float least = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!(z[i] > least)) continue;
        e[m++] = (GenEntry){z[i], w[i], (int32_t)i};
        if (m < room || i + 1 == n) continue;
        m = cut_top(e, m, (double)k, entry_count);
        least = e[0].z;
        for (size_t j = 1; j < m; j++) least = e[j].z < least ? e[j].z : least;
    }
    return cut_top(e, m, (double)k, entry_count);
}

/* Tokens of weight at most (1 - p) sum / n have (1 - p) sum together at most: the others reach p. */
static size_t gather_top_p(GenEntry *e, const float *z, const float *w, size_t n, double p)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += (double)w[i];
    size_t m = 0;
    float least = (float)((1 - p) * sum / (double)n * 0.999999); /* a little lower: rounding */
    for (size_t i = 0; i < n; i++)
        if (w[i] > least) e[m++] = (GenEntry){z[i], w[i], (int32_t)i};
    return cut_top(e, m, p * sum, entry_mass);
}

static size_t cut_top_p(GenEntry *e, size_t n, double p)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += entry_mass(&e[i]);
    return cut_top(e, n, p * sum, entry_mass);
}

/* ---- the race ---- */

typedef struct {
    uint64_t key;
    double best; /* earliest arrival so far */
    int32_t id;
} Race;

/* -log(1 - u) >= u: most runners are turned away without a logarithm. */
static inline void race_enter(Race *r, float weight, int32_t id)
{
    double w = (double)weight;
    double u = ((double)(rng_mix(r->key + (uint64_t)id * 0x9E3779B97F4A7C15U) >> 11) + 0.5) * 0x1p-53;
    if (u >= r->best * w) return;
    double t = -log1p(-u) / w;
    if (t > r->best || (t == r->best && id > r->id)) return;
    r->best = t;
    r->id = id;
}

PRIME_CLONES static void weigh_tokens(float *w, const float *z, size_t n, double temperature)
{
    float first = z[vec_argmax(z, n)], inverse = (float)(1 / temperature);
#pragma omp simd
    for (size_t i = 0; i < n; i++) w[i] = (z[i] - first) * inverse;
    vec_exp(w, w, n);
}

int32_t gen_pick(const float *z, size_t n, const GenOpts *o, uint64_t key, float *w, GenEntry *entry)
{
    assert(n > 0);
    if (o->temperature == 0) return (int32_t)vec_argmax(z, n);
    weigh_tokens(w, z, n, o->temperature);
    bool some = o->top_k > 0 && o->top_k < n;
    size_t m = 0;
    if (some) m = gather_top_k(entry, z, w, n, o->top_k);
    if (o->top_p < 1) m = some ? cut_top_p(entry, m, o->top_p) : gather_top_p(entry, z, w, n, o->top_p);
    Race r = {.key = key, .best = INFINITY, .id = 0};
    float least = (float)o->min_p;
    if (m > 0) {
        for (size_t i = 0; i < m; i++)
            if (entry[i].w > 0 && entry[i].w >= least) race_enter(&r, entry[i].w, entry[i].id);
    } else {
        for (size_t i = 0; i < n; i++)
            if (w[i] > 0 && w[i] >= least) race_enter(&r, w[i], (int32_t)i);
    }
    return r.id;
}
