/* kth.c - the k-th largest magnitude among many, exactly. A sample tells between which two magnitudes it very
 * likely lies, one pass gathers those that are there, and buckets of their bits find it among them. When the
 * sample was wrong all are gathered. Magnitudes are in the order of their bits. */
#include "merge_priv.h"

#include "prime/rng.h"
#include "prime/vec.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

static inline uint32_t kth_bits(float m)
{
    uint32_t bits;
    memcpy(&bits, &m, sizeof bits);
    return bits;
}

static inline float kth_float(uint32_t bits)
{
    float m;
    memcpy(&m, &bits, sizeof m);
    return m;
}

/* ---- among few ---- */

enum { BUCKETS = 1024, FEW = 32 };

/* The k-th largest of m [n], few, which is sorted: downwards, by insertion. */
static float select_few(float *m, size_t n, size_t k)
{
    for (size_t i = 1; i < n; i++) {
        float x = m[i];
        size_t at = i;
        for (; at > 0 && m[at - 1] < x; at--) m[at] = m[at - 1];
        m[at] = x;
    }
    return m[k - 1];
}

/* Least and largest bits of m [n], n > 0. */
PRIME_CLONES static void select_range(uint32_t *lo, uint32_t *hi, const float *m, size_t n)
{
    uint32_t least = UINT32_MAX, most = 0;
#pragma omp simd reduction(min : least) reduction(max : most)
    for (size_t i = 0; i < n; i++) {
        uint32_t b = kth_bits(m[i]);
        least = b < least ? b : least;
        most = b > most ? b : most;
    }
    *lo = least;
    *hi = most;
}

/* Only the bucket of m [n] that holds the k-th largest is left, in front; *k is its rank there. Returns how
 * many those are. */
static size_t select_bucket(float *m, size_t n, size_t *k, uint32_t top, unsigned shift)
{
    uint32_t count[BUCKETS] = {0}, b = 0;
    size_t got = 0;
    for (size_t i = 0; i < n; i++) count[(top - kth_bits(m[i])) >> shift]++;
    for (; *k > count[b]; b++) *k -= count[b];
    for (size_t i = 0; i < n; i++) {
        float x = m[i];
        m[got] = x; /* got <= i */
        got += (top - kth_bits(x)) >> shift == b;
    }
    return got;
}

/* ---- a bracket from a sample ---- */

enum { SAMPLE = 1024, SLOTS = 4096, SLOT_SHIFT = 14 }; /* 512 slots for each factor of 2 */

/* The magnitude of a single entry. */
static float sample_entry(const MergeDense *d, size_t j, size_t i)
{
    if (d->tv != NULL) return fabsf(d->tv[j * d->n + i]);
    const LoraSite *x = d->part[j];
    const float *a = x->a + i % d->cols, *b = x->b + i / d->cols * x->r;
    float sum = 0;
    for (size_t q = 0; q < x->r; q++) sum += b[q] * a[q * d->cols];
    return fabsf(x->scale * sum);
}

/* The slot of a magnitude, counted from the largest: the last one takes all that are below 2^-8 of it. */
static uint32_t sample_slot(uint32_t top, float m)
{
    uint32_t slot = (top - kth_bits(m)) >> SLOT_SHIFT;
    return slot < SLOTS ? slot : SLOTS - 1;
}

/* Two magnitudes between which the k-th largest of many very likely lies, given a sample [n] of them of which
 * a share p is as large or larger: ranks in the sample are three standard deviations on either side. */
static void sample_bracket(float *lo, float *hi, const float *sample, size_t n, double p)
{
    size_t seen = 0;
    uint32_t least, top, at = 0;
    uint16_t count[SLOTS] = {0};
    select_range(&least, &top, sample, n);
    for (size_t i = 0; i < n; i++) count[sample_slot(top, sample[i])]++;
    double rank = p * (double)n, wide = 3 * sqrt((double)n * p * (1 - p)) + 2;
    *hi = INFINITY;
    if (rank - wide >= 1) {
        for (; seen + count[at] < (size_t)(rank - wide); at++) seen += count[at];
        *hi = kth_float(top - (at << SLOT_SHIFT)); /* the largest of that slot */
    }
    *lo = 0;
    if (rank + wide >= (double)n) return;
    for (; seen + count[at] < (size_t)(rank + wide); at++) seen += count[at];
    uint32_t below = (at + 1) << SLOT_SHIFT;
    if (at < SLOTS - 1 && below < top) *lo = kth_float(top - below);
}

/* The sample takes one entry of each stretch of even length. Even distances would meet the same few columns
 * over and over. */
static void sample_entries(float *lo, float *hi, const MergeDense *d, size_t j, size_t k)
{
    size_t step = d->n / SAMPLE;
    for (size_t i = 0; i < SAMPLE; i++) d->work[i] = sample_entry(d, j, i * step + rng_mix(i) % step);
    sample_bracket(lo, hi, d->work, SAMPLE, (double)k / (double)d->n);
}

/* ---- one pass ---- */

enum { STRIP = 512, WORD = 64 };

/* Which of x [n], n <= STRIP, lie within [lo, hi], a byte each; returns how many exceed hi. */
PRIME_CLONES static size_t strip_flags(unsigned char *restrict in, const float *restrict x, size_t n,
                                       float lo, float hi)
{
    int above = 0;
#pragma omp simd reduction(+ : above)
    for (size_t i = 0; i < n; i++) {
        float m = fabsf(x[i]);
        above += m > hi ? 1 : 0;
        in[i] = (unsigned char)((m >= lo) & (m <= hi));
    }
    return (size_t)above;
}

/* The flags [WORD], bytes of 0 or 1, as bits: what is to be visited has one branch for many. The product
 * moves the lowest bits of eight bytes side by side; bytes are in the order of little-endian machines. */
static uint64_t strip_word(const unsigned char *in)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < WORD / 8; i++) {
        uint64_t eight;
        memcpy(&eight, in + (size_t)8 * i, sizeof eight);
        word |= ((eight * 0x0102040810204080U) >> 56) << (8 * i);
    }
    return word;
}

static size_t gather_flags(float *work, size_t *got, const float *x, size_t n, float lo, float hi)
{
    size_t above = 0;
    unsigned char in[STRIP];
    for (size_t at = 0; at < n; at += STRIP) {
        size_t m = n - at < STRIP ? n - at : STRIP;
        memset(in, 0, sizeof in);
        above += strip_flags(in, x + at, m, lo, hi);
        for (size_t i = 0; i < m; i += WORD)
            for (uint64_t word = strip_word(in + i); word != 0; word &= word - 1)
                work[(*got)++] = fabsf(x[at + i + (size_t)__builtin_ctzll(word)]);
    }
    return above;
}

/* The same for whole lanes, where the processor packs them itself. */
enum { LANES = 16 };
#ifdef __x86_64__
static size_t gather_lanes(float *work, size_t *got, const float *x, size_t n, float lo, float hi)
    __attribute__((target("avx512f,popcnt")));
static size_t gather_lanes(float *work, size_t *got, const float *x, size_t n, float lo, float hi)
{
    const __m512 least = _mm512_set1_ps(lo), most = _mm512_set1_ps(hi);
    const __m512i one = _mm512_set1_epi32(1);
    __m512i above = _mm512_setzero_si512();
    size_t at = *got;
    for (size_t i = 0; i < n; i += LANES) {
        __m512 m = _mm512_abs_ps(_mm512_loadu_ps(x + i));
        __mmask16 over = _mm512_cmp_ps_mask(m, most, _CMP_GT_OQ);
        __mmask16 in = _mm512_mask_cmp_ps_mask(_mm512_knot(over), m, least, _CMP_GE_OQ);
        above = _mm512_mask_add_epi32(above, over, above, one);
        _mm512_storeu_ps(work + at, _mm512_maskz_compress_ps(in, m)); /* what is too many is written over */
        at += (size_t)__builtin_popcount(in);
    }
    *got = at;
    return (size_t)_mm512_reduce_add_epi32(above);
}
#endif

/* How many magnitudes of x [n] exceed hi; those within [lo, hi], few, go to work from *got on. */
static size_t bracket_gather(float *work, size_t *got, const float *x, size_t n, float lo, float hi)
{
    size_t done = 0, above = 0;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        done = n / LANES * LANES;
        above = gather_lanes(work, got, x, done, lo, hi);
    }
#endif
    return above + gather_flags(work, got, x + done, n - done, lo, hi);
}

/* ---- among those that were gathered ---- */

enum { FEWER = 512 }; /* of a second sample */

/* m [n] without those that a second sample puts aside; *k is the rank among what is left, which lies behind
 * them, [room] at most. All of m where few are put aside or the sample was wrong. at->above counts as below.
 */
static float *select_narrow(TrimPlace *at, float *m, size_t *n, size_t *k, size_t room)
{
    float sample[FEWER], lo, hi;
    size_t step = *n / FEWER, got = 0;
    if (*n < 8 * FEWER || *n > room) return m;
    for (size_t i = 0; i < FEWER; i++) sample[i] = m[i * step + rng_mix(i) % step];
    sample_bracket(&lo, &hi, sample, FEWER, (double)*k / (double)*n);
    size_t above = bracket_gather(m + *n, &got, m, *n, lo, hi);
    if (above >= *k || *k > above + got) return m;
    m += *n;
    at->above += above;
    *n = got;
    *k -= above;
    return m;
}

/* The k-th largest of m [n], which is not left as it was, and behind which there is room. at->above counts
 * what is larger on top of what it was. */
static float select_kth(TrimPlace *at, float *m, size_t n, size_t k, size_t room)
{
    uint32_t lo = 0, hi = 1;
    m = select_narrow(at, m, &n, &k, room);
    size_t rank = k;
    while (n > FEW) {
        unsigned shift = 0;
        select_range(&lo, &hi, m, n);
        if (lo == hi) break;
        while ((hi - lo) >> shift >= BUCKETS) shift++;
        n = select_bucket(m, n, &rank, hi, shift);
    }
    float kth = lo == hi ? m[0] : select_few(m, n, rank);
    at->above += k - rank;
    at->equal = 0;
    for (size_t i = 0; i < n; i++) {
        at->above += m[i] > kth;
        at->equal += m[i] == kth;
    }
    return kth;
}

/* ---- all of an adapter's ---- */

static size_t bracket_pass(size_t *inside, const MergeDense *d, size_t j, float lo, float hi)
{
    size_t above = 0;
    *inside = 0;
    for (size_t at = 0; at < d->n; at += d->tile)
        above +=
            bracket_gather(d->work, inside, dense_tile(d, d->strip, j, at), dense_tile_size(d, at), lo, hi);
    return above;
}

float kth_dense(TrimPlace *at, const MergeDense *d, size_t j, size_t k)
{
    size_t inside = 0, above = 0;
    bool found = false;
    assert(k >= 1 && k <= d->n);
    if (d->n >= 16 * SAMPLE) {
        float lo, hi;
        sample_entries(&lo, &hi, d, j, k);
        above = bracket_pass(&inside, d, j, lo, hi);
        found = above < k && k <= above + inside;
    }
    if (!found) above = bracket_pass(&inside, d, j, 0, INFINITY);
    *at = (TrimPlace){above, 0};
    if (k > above + inside) return 0; /* what is not a number is nowhere */
    return select_kth(at, d->work, inside, k - above, d->n - inside);
}

float trim_kth(const float *x, size_t n, size_t k, float *work, TrimPlace *at)
{
    MergeDense d = {.tv = (float *)(uintptr_t)x, .n = n, .k = 1, .cols = n, .tile = n, .work = work};
    return kth_dense(at, &d, 0, k);
}

size_t kth_index(const MergeDense *d, size_t j, float magnitude, size_t before)
{
    for (size_t at = 0; at < d->n; at += d->tile) {
        const float *x = dense_tile(d, d->strip, j, at);
        for (size_t i = 0, n = dense_tile_size(d, at); i < n; i++) {
            if (fabsf(x[i]) != magnitude) continue;
            if (before == 0) return at + i;
            before--;
        }
    }
    return d->n;
}
