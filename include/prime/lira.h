/* lira.h - the likelihood ratio attack: a record's statistic under the attacked model against that under
 * shadow models made with it (in) and without it (out). Where adapters are merged, merges with and without a
 * person are such models, without any training. Source: Carlini et al. 2022, arXiv:2112.03570. Reference:
 * fixtures/ref/attack/lira.json. */
#ifndef PRIME_LIRA_H
#define PRIME_LIRA_H

#include "prime/err.h"

#include <stddef.h>

typedef struct {
    double phi;             /* under the attacked model; larger = better known */
    const double *in, *out; /* [n_in], [n_out], borrowed */
    size_t n_in, n_out;
} LiraRecord;

/* Standard deviations that all records share. */
typedef struct {
    double in, out;
} LiraSd;

/* lira_phi - log p - log(1 - p) of a log-probability < 0: the statistic of the paper, near to normal. */
double lira_phi(double logp);

/* lira_pooled - standard deviation (divisor: number of values) of what is left of phi once each record's
 * median is taken away, over all records, in and out apart: the paper's fixed variance, for few shadow
 * models. Differs: one released script (plot.py) takes the total standard deviation of `in` for both. Errors:
 * ERR_SHAPE no record, or one without a shadow on a side; ERR_NUM a phi that is not finite, or all equal;
 * ERR_NOMEM. */
Status lira_pooled(LiraSd *sd, const LiraRecord *r, size_t n, Err *e) PRIME_MUST_USE;

/* lira_online - score [n] = log N(phi; m_in, s_in) - log N(phi; m_out, s_out), m the median and s the
 * standard deviation with divisor n; sd NULL: each record's own. Errors: as lira_pooled; ERR_SHAPE fewer than
 * 2 shadows on a side without sd. */
Status lira_online(double *score, const LiraRecord *r, size_t n, const LiraSd *sd, Err *e) PRIME_MUST_USE;

/* lira_offline - score [n] = (phi - m_out) / s_out; `in` and sd->in are not read.
 * Differs: the paper's score is the normal distribution function of this, which orders records alike but
 * makes all far ones equal in floating point; the released code's -log N(phi; m_out, s_out) calls a record
 * that is known unusually badly a member too. */
Status lira_offline(double *score, const LiraRecord *r, size_t n, const LiraSd *sd, Err *e) PRIME_MUST_USE;

#endif
