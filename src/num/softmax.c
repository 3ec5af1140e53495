#include "prime/softmax.h"

#include "vec_priv.h"

#include "prime/vec.h"

#include <assert.h>
#include <float.h>

/* ---- sums ---- */

/* With D = max - old and d the distance from the old one: y -> y e^-D, d -> d - D. */
static void softmax_raise(Softmax *s, float max)
{
    if (!(max > s->max) && s->sum > 0) return;
    double by = (double)max - (double)s->max, f = exp(-by);
    if (s->sum != 0) {
        s->second = f * (s->second - 2 * by * s->first + by * by * s->sum);
        s->first = f * (s->first - by * s->sum);
        s->sum *= f;
    }
    s->max = max;
}

enum { SOFTMAX_BLOCK = 1024 };

PRIME_CLONES void softmax_add(Softmax *s, const float *x, size_t n)
{
    softmax_raise(s, vec_max(x, n));
    float m = s->max;
    for (size_t from = 0; from < n; from += SOFTMAX_BLOCK) {
        size_t to = n - from < SOFTMAX_BLOCK ? n : from + SOFTMAX_BLOCK;
        float a = 0;
#pragma omp simd reduction(+ : a)
        for (size_t i = from; i < to; i++) a += vec_exp_one(x[i] - m);
        s->sum += (double)a;
    }
}

PRIME_CLONES void softmax_add_moments(Softmax *s, const float *x, size_t n)
{
    softmax_raise(s, vec_max(x, n));
    float m = s->max;
    for (size_t from = 0; from < n; from += SOFTMAX_BLOCK) {
        size_t to = n - from < SOFTMAX_BLOCK ? n : from + SOFTMAX_BLOCK;
        float a = 0, b = 0, c = 0;
#pragma omp simd reduction(+ : a, b, c)
        for (size_t i = from; i < to; i++) {
            float d = x[i] - m, y = vec_exp_one(d), yd = y * d;
            a += y;
            b += yd;
            c += yd * d;
        }
        s->sum += (double)a;
        s->first += (double)b;
        s->second += (double)c;
    }
}

double softmax_lse(const Softmax *s)
{
    return (double)s->max + log(s->sum);
}

SoftmaxMoments softmax_moments(const Softmax *s)
{
    double mean = s->first / s->sum, var = s->second / s->sum - mean * mean;
    return (SoftmaxMoments){mean - log(s->sum), sqrt(var > 0 ? var : isnan(var) ? NAN : 0)};
}

/* ---- ranks ---- */

void softmax_rank_open(SoftmaxRank *r, size_t at, double guess, double error)
{
    /* Rounding to float, half a unit, must not move a bound inwards. */
    double wide = error + fabs(guess) * (double)FLT_EPSILON + (double)FLT_MIN;
    r->at = at;
    r->above = r->n_near = 0;
    r->lo = (float)(guess - wide);
    r->hi = (float)(guess + wide);
    r->astray = false;
}

/* Entries above hi; *within: those in lo .. hi. */
PRIME_CLONES static size_t count_above(size_t *within, const float *x, size_t n, float lo, float hi)
{
    unsigned above = 0, least = 0;
#pragma omp simd reduction(+ : above, least)
    for (size_t i = 0; i < n; i++) {
        above += x[i] > hi;
        least += x[i] >= lo;
    }
    *within = (size_t)least - above;
    return above;
}

/* Of more than there is room for the largest: no others matter to a rank that has a bound. */
static void near_keep(SoftmaxRank *r, float x)
{
    if (r->n_near < SOFTMAX_RANKS) {
        r->near[r->n_near++] = x;
        return;
    }
    size_t least = 0;
    for (size_t i = 1; i < SOFTMAX_RANKS; i++) least = r->near[i] < r->near[least] ? i : least;
    if (x > r->near[least]) r->near[least] = x;
}

static void rank_until(SoftmaxRank *r, const float *x, size_t n)
{
    enum { BLOCK = 512 };
    for (size_t from = 0; from < n && r->above < SOFTMAX_RANKS; from += BLOCK) {
        size_t m = n - from < BLOCK ? n - from : BLOCK, within;
        r->above += count_above(&within, x + from, m, r->lo, r->hi);
        for (size_t i = from; within > 0; i++) {
            if (!(x[i] >= r->lo && x[i] <= r->hi)) continue;
            near_keep(r, x[i]);
            within--;
        }
    }
}

static void rank_arrive(SoftmaxRank *r, float own)
{
    r->astray = !(own >= r->lo && own <= r->hi);
    for (size_t i = 0; i < r->n_near; i++) r->above += r->near[i] >= own;
    r->lo = r->hi = own;
}

void softmax_rank_add(SoftmaxRank *r, const float *x, size_t n, size_t first)
{
    size_t within, before = r->at < first ? 0 : r->at - first < n ? r->at - first : n;
    rank_until(r, x, before);
    if (r->at >= first + n) return;
    if (before < n && r->at >= first) rank_arrive(r, x[before]);
    if (r->above < SOFTMAX_RANKS) r->above += count_above(&within, x + before, n - before, r->lo, r->hi);
}

size_t softmax_rank(const SoftmaxRank *r)
{
    return r->above < SOFTMAX_RANKS ? r->above : SOFTMAX_RANKS;
}
