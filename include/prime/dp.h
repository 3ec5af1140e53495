/* dp.h - how much privacy a noisy mechanism promises: epsilon at a given delta.
 *
 * The mechanism is DP-SGD: `steps` times, every record takes part with probability q on its own (Poisson
 * sampling), the sum of contributions of norm at most C gets Gaussian noise of standard deviation sigma C.
 * Neighbours differ by one record that is added or removed ("record" is whatever unit is sampled and clipped
 * as one: a text, or a person's whole history). Only the noise is accounted for: what is chosen by looking at
 * the data (rates, lengths, anchors) is outside.
 *
 * All numbers are upper bounds unless said otherwise. Natural logarithms. */
#ifndef PRIME_DP_H
#define PRIME_DP_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    double q;     /* sampling rate, (0, 1] */
    double sigma; /* noise multiplier, > 0 */
    size_t steps; /* >= 1 */
    double delta; /* (0, 1) */
} DpRun;

typedef struct {
    double epsilon; /* >= 0 */
    double order;   /* the Renyi order that gave it; NaN for other accountants, and at epsilon 0 */
} DpEps;

/* dp_check - whether a run is one. Errors: ERR_ARG a value out of the ranges above, NaN among them. */
Status dp_check(const DpRun *run, Err *e) PRIME_MUST_USE;

/* dp_rdp_step - Renyi divergence of order alpha of one step, log A / (alpha - 1) with
 * A = E_{z ~ N(0, sigma^2)} [((1 - q) + q e^{(2z - 1) / (2 sigma^2)})^alpha].
 * Whole orders by the binomial sum without its first two terms, which cancel against 1; others by the
 * trapezium rule on the part of the integrand that is left when its mean is taken away: every term is
 * positive in both. Accuracy: 1e-10 relative. Errors: ERR_ARG q outside (0, 1], sigma <= 0, alpha outside (1,
 * DP_MAX_ORDER]. Cost: O(alpha) for whole orders, O((alpha + sigma) / min(sigma, sigma^2)) for others.
 * Source: Mironov, Talwar and Zhang 2019, arXiv:1908.10530, sec. 3.
 * Differs: the paper expands the integral for fractional orders into two alternating series. */
enum { DP_MAX_ORDER = 65536 };
Status dp_rdp_step(double *rdp, double q, double sigma, double alpha, Err *e) PRIME_MUST_USE;

/* dp_rdp_to_eps - epsilon from Renyi divergences rdp [n] of orders [n] > 1 of the whole run: the least
 * rdp - (log delta + log a) / (a - 1) + log((a - 1) / a), at least 0; and 0 where delta >= sqrt(1 - e^-rdp),
 * which bounds the total variation.
 * Source: Canonne, Kamath and Steinke 2020, arXiv:2004.00010, prop. 12; Balle et al. 2020, arXiv:1905.09982;
 * Bretagnolle and Huber 1979 for the total variation. */
DpEps dp_rdp_to_eps(const double *rdp, const double *order, size_t n, double delta);

/* dp_rdp_epsilon - the Renyi accountant over its own orders: a - 1 from 0.01 on in steps of 2 %, whole from
 * 64 on, up to 4096. The best order between two of them would be better by less than 1e-4 of epsilon.
 * dp_rdp_epsilon_at - over given orders [n] > 1.
 * Errors: ERR_ARG as dp_check and dp_rdp_step; ERR_NOMEM. */
Status dp_rdp_epsilon(DpEps *out, const DpRun *run, Err *e) PRIME_MUST_USE;
Status dp_rdp_epsilon_at(DpEps *out, const DpRun *run, const double *order, size_t n, Err *e) PRIME_MUST_USE;

/* dp_prv_epsilon - numerical composition of the privacy loss: its distribution in one step is moved to a grid
 * so that the step's delta(epsilon) is met at every grid point and exceeded between them, convolved with
 * itself by FFT, and read off; the worse of adding and removing a record. An upper bound, within about 1e-4
 * of itself at usual settings (the grid's width is a hundredth of the standard deviation of one step's loss,
 * wider where more than 2^22 points were needed). Before the transform the masses are tilted towards the
 * tail that is read, so that rounding is relative to delta: below 1e-6 of it for Gaussians at delta 1e-30 and
 * a million steps. Errors: ERR_ARG as dp_check, or delta < DP_PRV_DELTA; ERR_NUM epsilon above DP_PRV_MAX;
 * ERR_NOMEM. Cost: O(n log n), n about 2000 sqrt(steps). Source: Doroshenko et al. 2022, arXiv:2207.04380
 * (grid); Gopi, Lee and Wutschitz 2021, arXiv:2106.02848, and Koskela et al. 2020, arXiv:1906.03049
 * (composition by FFT). */
#define DP_PRV_DELTA 1e-30
#define DP_PRV_MAX 500.0
Status dp_prv_epsilon(DpEps *out, const DpRun *run, Err *e) PRIME_MUST_USE;

/* dp_step_delta - exact delta of one step at epsilon, the worse of adding and removing a record. */
double dp_step_delta(double q, double sigma, double epsilon);

/* dp_gdp_mu - mu = q sqrt(steps (e^(1/sigma^2) - 1)): in the limit of many steps at small q the run is as
 * hard to see through as N(0, 1) against N(mu, 1). dp_gdp_epsilon - the epsilon of that. NOT a bound: it can
 * lie below the truth.
 * Source: Bu, Dong, Long and Su 2020, arXiv:1911.11607, cor. 2 (Poisson sampling). */
double dp_gdp_mu(const DpRun *run);
Status dp_gdp_epsilon(DpEps *out, const DpRun *run, Err *e) PRIME_MUST_USE;

/* The Gaussian mechanism, exactly: mu = sensitivity / sigma > 0.
 * dp_gauss_delta - Phi(-eps/mu + mu/2) - e^eps Phi(-eps/mu - mu/2) for eps >= 0.
 * dp_gauss_epsilon - the least eps >= 0 with that delta. dp_gauss_sigma - the least sigma at sensitivity 1.
 * Errors: ERR_ARG mu outside (0, 1e6], epsilon < 0 (sigma: <= 0), delta outside (0, 1).
 * Source: Balle and Wang 2018, arXiv:1805.06530, thm. 8; Dong, Roth and Su 2022, arXiv:1905.02383, cor. 1. */
double dp_gauss_delta(double mu, double epsilon);
Status dp_gauss_epsilon(double *epsilon, double mu, double delta, Err *e) PRIME_MUST_USE;
Status dp_gauss_sigma(double *sigma, double epsilon, double delta, Err *e) PRIME_MUST_USE;

/* One row per accountant. */
typedef struct {
    const char *name, *what, *source;
    bool bound; /* whether epsilon is an upper bound */
    Status (*epsilon)(DpEps *out, const DpRun *run, Err *e);
} DpAccountant;
/* dp_accountant_at - the i-th row; NULL past the end. dp_accountant - by name; ERR_ARG when unknown. */
const DpAccountant *dp_accountant_at(size_t i);
Status dp_accountant(const DpAccountant **out, const char *name, Err *e) PRIME_MUST_USE;

/* dp_sigma - the smallest noise multiplier, to 1e-6 of itself and from above, at which the accountant's
 * epsilon is at most `epsilon` > 0; run->sigma is not read. reached: the epsilon there.
 * Errors: ERR_ARG as dp_check; ERR_NUM when no sigma in [0.01, 1e6] will do. Cost: about 30 epsilons. */
Status dp_sigma(double *sigma, double *reached, const DpAccountant *a, const DpRun *run, double epsilon,
                Err *e) PRIME_MUST_USE;

#endif
