/* blind.h - baselines that see the texts and no model: what they achieve is how far members and non-members
 * differ to begin with, and leakage is only what goes beyond. */
#ifndef PRIME_BLIND_H
#define PRIME_BLIND_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A word is a run of ASCII letters, digits and bytes from 128 up, ASCII letters in lower case; it counts in
 * the bucket that FNV-1a of its bytes says. A text is the vector of log(1 + count), scaled to length 1. */
typedef struct {
    size_t buckets; /* 0 = 4096 */
    size_t folds;   /* 0 = 5, of people */
    double l2;      /* 0 = 0.1: strength of the penalty l2 |w|^2 / 2 on the summed loss */
    uint64_t seed;  /* which person is in which fold: stream (seed, "blind folds", 0) */
} BlindOpts;

/* blind_words - score [n]: log odds of membership by a logistic regression that was fitted to the texts of
 * other people (folds). person [n] < n_people. Accelerated gradient descent, 400 steps: a function of the
 * input alone. Errors: ERR_ARG a person out of range; ERR_SHAPE the other folds lack members or non-members;
 * ERR_NOMEM. Source: Meeus et al. 2024, arXiv:2406.17975. Differs: logistic regression, folds by person. */
Status blind_words(double *score, const char *const *text, const bool *member, const size_t *person, size_t n,
                   size_t n_people, const BlindOpts *o, Err *e) PRIME_MUST_USE;

/* blind_similarity - score [n]: the cosine of each text with the sum of the target's own texts [m]; 0 for a
 * text without words. Errors: ERR_SHAPE the target's texts hold no word; ERR_NOMEM. */
Status blind_similarity(double *score, const char *const *text, size_t n, const char *const *target, size_t m,
                        const BlindOpts *o, Err *e) PRIME_MUST_USE;

#endif
