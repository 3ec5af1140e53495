/* rmia.h - the robust membership inference attack: how much likelier the attacked model makes a record than
 * reference models do, beside the same for texts of a population.
 * Source: Zarifzadeh et al. 2024, arXiv:2312.03262. Reference: fixtures/ref/attack/rmia.json. */
#ifndef PRIME_RMIA_H
#define PRIME_RMIA_H

#include "prime/err.h"

#include <stddef.h>

/* rmia_prior - p(x): the mean of p [n] over reference models, half of them with the record where the attack
 * is online. rmia_prior_offline - from models without the record alone: ((1 + a) mean + 1 - a) / 2, a in [0,
 * 1] tuned on a model of one's own. Probabilities of texts: exp of the mean log-likelihood per token. n > 0
 * (asserted). */
double rmia_prior(const double *p, size_t n);
double rmia_prior_offline(const double *p_out, size_t n, double a);

/* rmia_scores - score [n]: the share of z with ratio(x) >= gamma ratio(z), ratio = p_theta / prior.
 *   x [n], z [m]  ratios of the records and of the population, > 0
 * Differs: one released program counts ratio(x)/ratio(z) > 1 and takes the largest reference probabilities
 * instead of all; the paper's definition is kept.
 * Errors: ERR_SHAPE m = 0; ERR_ARG gamma <= 0; ERR_NUM a ratio that is not positive and finite; ERR_NOMEM.
 * Cost: O((n + m) log m). */
Status rmia_scores(double *score, const double *x, size_t n, const double *z, size_t m, double gamma,
                   Err *e) PRIME_MUST_USE;

#endif
