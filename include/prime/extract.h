/* extract.h - whether a model writes out what it was trained on: by probability, without sampling, and in
 * texts that it wrote. */
#ifndef PRIME_EXTRACT_H
#define PRIME_EXTRACT_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* extract_greedy - whether greedy decoding behind the true prefix writes the true suffix: every token is the
 * argmax. rank [n] as in signals: 0 where it is. n = 0: false. Source: Carlini et al. 2023, arXiv:2202.07646
 * (discoverable extraction). */
bool extract_greedy(const int32_t *rank, size_t n);

/* extract_np - probability that at least one of `tries` samples is the suffix, whose log-probability under
 * the sampling scheme is logp (nats, <= 0): 1 - (1 - p)^tries, without cancellation for small p.
 * extract_tries - the smallest number of tries with probability >= p in (0, 1): log(1 - p)/log(1 - p_z),
 * rounded up; INFINITY for logp = -INFINITY, 1 for 0. Source: Hayes et al. 2025, arXiv:2410.19482. Reference:
 * fixtures/ref/attack/extraction_np.csv. */
double extract_np(double logp, double tries);
double extract_tries(double logp, double p);

typedef struct {
    double temperature; /* > 0 */
    size_t top_k;       /* 0: all */
    double top_p;       /* (0, 1]; 1: all */
} ExtractSampling;

/* extract_logp - log-probability of token `target` when it is sampled from logits z [n]: divided by the
 * temperature, cut to the top_k largest, then to the fewest of these that hold top_p of what is left;
 * -INFINITY where it is cut off. Entries equal to the last one kept are kept too. work [2 n] is scratch;
 * target < n (asserted). Reference: fixtures/ref/attack/extraction_sampling_logits.json. */
double extract_logp(const double *z, size_t n, size_t target, const ExtractSampling *s, double *work);

/* What looks like a person's data in a text: one row per kind. */
typedef struct {
    const char *name, *what, *source;
    const char *pattern; /* for rx.h */
} ExtractKind;
const ExtractKind *extract_kind_at(size_t i);

/* extract_emissions - count [kinds]: matches of every kind in one text, without overlap. The texts themselves
 * go nowhere. Errors: ERR_UNSUP a text that takes a pattern too many steps, or is not UTF-8; ERR_NOMEM. */
Status extract_emissions(size_t *count, const char *text, Err *e) PRIME_MUST_USE;

#endif
