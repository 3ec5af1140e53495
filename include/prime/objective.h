/* objective.h - PriME's trade between utility and agreement with the anchors, as pure functions of numbers.
 */
#ifndef PRIME_OBJECTIVE_H
#define PRIME_OBJECTIVE_H

#include <stdbool.h>
#include <stddef.h>

/* objective_mean - mean agreement of v [k]; 0 for k = 0 (no anchor, no penalty). */
double objective_mean(const double *v, size_t k);

/* objective_prime - the value to be minimised: -(u - lambda * mean v), or +(u - lambda * mean v) when the
 * task's metric is an error (MAE, RMSE), which turns the agreement term into an error to be enlarged.
 *   u       utility: the task's metric of the merged model against the target's golds
 *   v [k]   agreement: the same metric against each anchor model's outputs
 *   lambda  privacy weight >= 0 (the source's alpha, --sim_penalty)
 * Source: PriME (arXiv:2503.18008), released code, lora_composition_evo.py. Reference:
 * fixtures/ref/evolve/prime_objective.csv. */
double objective_prime(double u, const double *v, size_t k, double lambda, bool minimise);

#endif
