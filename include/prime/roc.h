/* roc.h - how well scores tell members from non-members: AUC with DeLong and user-clustered intervals, paired
 * comparison, the curve, partial areas, true-positive rate at a fixed false-positive rate, advantage, and
 * tests of no leak at record and at user level.
 *
 * Scores: higher = member. Ties count one half. Infinite scores are ordered like any others, NaN is refused.
 * Rates lie in [0, 1]. Intervals are cut to [0, 1].
 *
 * Which interval: records of one person are not independent. Where users are known take roc_clustered; the
 * record-level interval excludes 0.5 without any leak in 30% to 50% of audits with a handful of users. */
#ifndef PRIME_ROC_H
#define PRIME_ROC_H

#include "prime/err.h"
#include "prime/stats.h"

#include <stdbool.h>
#include <stddef.h>

/* Borrowed views of the scores of members (pos [m]) and non-members (neg [n]). pos_user [m] and neg_user [n]
 * hold user ids below n_users; both are NULL where users are not known. A user may be on both sides. */
typedef struct {
    const double *pos, *neg;
    size_t m, n;
    const size_t *pos_user, *neg_user;
    size_t n_users;
} RocData;

/* An AUC (or a difference of two) with its interval. se, lo, hi and p are NaN where they cannot be given; the
 * counts say why. Too few users is a fact to be seen here (n_clusters, gradable), never a pass. */
typedef struct {
    double value, se, lo, hi;
    double p;          /* two-sided, against 0.5 (against 0 for a difference) */
    double df;         /* of the t quantile; INFINITY: normal quantile */
    size_t m, n;       /* records */
    size_t n_clusters; /* distinct users with a record; 0 for record-level methods */
    size_t n_both;     /* users with records on both sides */
    bool gradable;     /* enough users on each side (or records) for the interval to keep its level */
} RocEst;

/* Below this many users on a side a clustered interval, or a bootstrap one, is given but marked as not
 * gradable. */
enum { ROC_MIN_USERS = 3, ROC_MIN_USERS_BOOT = 20 };

/* roc_auc - P(member scores higher) + P(tie)/2. work [n] is scratch; m, n > 0.
 * Cost: O((m + n) log n). */
double roc_auc(const double *pos, size_t m, const double *neg, size_t n, double *work);

/* roc_delong - AUC with DeLong's variance and the plain Wald interval, normal quantile.
 * Errors: ERR_SHAPE a side is empty; ERR_NUM a score is NaN; ERR_ARG level outside (0, 1) or users given by
 * halves; ERR_NOMEM. m or n of 1 has no variance: se, lo, hi are NaN.
 * Cost: O((m + n) log(m + n)).
 * Source: DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44; Sun and Xu 2014 (fast form). Reference:
 * fixtures/ref/num/delong_single.csv.
 * Differs: at AUC 0 or 1 the variance is 0 and Wald's interval a point. There the bound is the exact one of k
 * disjoint pairs, all ordered alike: A^k = alpha/2 with k = min(m, n). */
Status roc_delong(RocEst *out, const RocData *d, double level, Err *e) PRIME_MUST_USE;

/* roc_clustered - the same AUC with users as units, t quantile. With a_u and b_u the sums over user u of
 * (V10 - A) and (V01 - A), I10 and I01 users on each side and I in all:
 *     var = I10/(I10-1) sum a_u^2 / m^2 + I01/(I01-1) sum b_u^2 / n^2 + 2 I/(I-1) sum a_u b_u / (m n)
 * which is never negative since I is the largest of the three.
 * Degrees of freedom: min(I10, I01) - 1. The source uses the normal quantile. Measured at 95% without any
 * leak (1500 audits, scores with an effect per user): 3 users a side, other people on the other side: normal
 * 15%, t 2%; the same 3 people on both sides: normal 17%, t 4%; 10 users: 5-9% and 3-5%; 50 users: 5% and 4%.
 * Fewer than 2 users on a side: no interval. Fewer than ROC_MIN_USERS: gradable is false.
 * Errors: as roc_delong; ERR_ARG no users given, or an id out of range.
 * Source: Obuchowski 1997, Biometrics 53, sec. 2. Reference: fixtures/ref/num/clustered_scores.csv.
 * Differs: t quantile; at AUC 0 or 1 the exact bound of roc_delong with k = min(I10, I01, I/2) pairs of
 * different people. */
Status roc_clustered(RocEst *out, const RocData *d, double level, Err *e) PRIME_MUST_USE;

/* roc_both - roc_delong (NULL: not wanted) and roc_clustered of the same scores, which are ranked once.
 * Errors: as roc_clustered. */
Status roc_both(RocEst *delong, RocEst *clustered, const RocData *d, double level, Err *e) PRIME_MUST_USE;

/* roc_boot - the same AUC with a bootstrap over users (records, where users are not known), percentile unless
 * o->kind says BCa. Users on one side only, on the other only and on both are resampled within these groups.
 * Needs more users than roc_clustered. Measured at 95% without any leak (400 to 600 audits, percentile and
 * BCa alike): 3 users a side 15% to 27%, 5 users 11%, 10 users 5% to 8%, 25 and more 5%. Fewer than
 * ROC_MIN_USERS_BOOT users (or records) on a side: gradable is false. At AUC 0 or 1 the exact bound of
 * roc_clustered.
 * df is INFINITY and p is NaN. Errors: as roc_clustered and stats_boot. */
Status roc_boot(RocEst *out, const RocData *d, const StatsBoot *o, Err *e) PRIME_MUST_USE;

/* roc_compare - AUC(a) - AUC(b) of two scores of the same records, paired: DeLong at record level, clustered
 * by user where a has users (b's users are not read). a and b must agree in m and n (ERR_SHAPE).
 * Both AUCs equal in every component: se = 0 and p = 1.
 * Reference: fixtures/ref/num/delong_paired.csv. */
Status roc_compare(RocEst *out, const RocData *a, const RocData *b, double level, Err *e) PRIME_MUST_USE;

/* A point of the ROC curve. */
typedef struct {
    double tpr, lo, hi; /* lo, hi: Clopper-Pearson for tp of m */
    double fpr;         /* the false-positive rate really reached, <= the one asked for */
    double threshold;   /* scores >= threshold are called members; INFINITY: none is */
    size_t tp, fp;
} RocPoint;

/* roc_tpr_at - the highest true-positive rate over thresholds whose false-positive rate is <= fpr. Thresholds
 * are observed scores, nothing is interpolated: with fewer than 1/fpr non-members this is the rate at zero
 * false positives. The interval takes the threshold as given and the records as independent.
 * Errors: as roc_delong; ERR_ARG fpr outside [0, 1]. */
Status roc_tpr_at(RocPoint *out, const RocData *d, double fpr, double level, Err *e) PRIME_MUST_USE;

/* roc_advantage - the largest TPR - FPR over all thresholds, at least 0. Biased upwards in small samples, so
 * it comes without an interval. Errors: as roc_delong. */
Status roc_advantage(double *out, const RocData *d, Err *e) PRIME_MUST_USE;

/* roc_curve - all operating points, one per distinct score, from (0, 0) at threshold INFINITY to (1, 1).
 *   out [m + n + 1]   written; lo and hi are NaN
 *   n_out             how many points
 * Errors: as roc_delong. Cost: O((m + n) log(m + n)).
 * Differs: no point is dropped because it lies on a line, and nothing is replaced by the convex hull. */
Status roc_curve(RocPoint *out, size_t *n_out, const RocData *d, Err *e) PRIME_MUST_USE;

/* roc_partial - area under the curve for false-positive rates in [0, f], f = max_fpr, points joined by
 * straight lines, and the same area mapped so that chance is 0.5 and perfection 1:
 *     corrected = (1 + (area - f^2/2) / (f - f^2/2)) / 2
 * Errors: as roc_delong; ERR_ARG max_fpr outside (0, 1].
 * Source: McClish 1989, Medical Decision Making 9. Reference: fixtures/ref/num/partial_auc.csv. */
Status roc_partial(double *area, double *corrected, const RocData *d, double max_fpr, Err *e) PRIME_MUST_USE;

/* A test of "no leak". p_greater speaks for AUC > 0.5, p_less for AUC < 0.5, p = min(1, 2 min(both)). */
typedef struct {
    double auc;
    double p, p_greater, p_less;
    double p_min; /* the smallest one-sided p that an exact or drawn test can give with these counts */
    double draws; /* arrangements looked at: all of them if exact, 0 for the normal approximation */
    size_t m, n;  /* units on each side */
    bool exact;
} RocTest;

/* roc_null_sd - standard deviation of the AUC of m against n independent scores without a leak; ties is
 * the sum of t^3 - t over groups of t equal scores (rank_mid2). m, n > 0.
 * Source: Mann and Whitney 1947; Lehmann 1975, sec. 1.4 (ties). */
double roc_null_sd(size_t m, size_t n, double ties);

typedef enum {
    ROC_RECORDS, /* null: all scores are independent and alike. Wrong where a person has several records */
    ROC_USERS    /* null: users' mean scores are alike; unit = user, its records become their mean */
} RocUnit;

/* roc_mann_whitney - the rank-sum test. Exact over all arrangements, ties included, where these can be
 * counted in 1e8 steps (about 50 against 50); else, or if `normal`, the normal approximation with tie
 * and continuity correction.
 * Errors: as roc_delong; for ROC_USERS ERR_ARG no users given, or a user on both sides (take
 * roc_permute).
 * Source: Mann and Whitney 1947. Reference: fixtures/ref/num/mann_whitney.csv. */
Status roc_mann_whitney(RocTest *out, const RocData *d, RocUnit unit, bool normal, Err *e) PRIME_MUST_USE;

typedef enum {
    ROC_WHOLE, /* null: which users are members has nothing to do with their records. Each user keeps its
                * records together and changes sides as a whole; statistic: the pooled AUC */
    ROC_WITHIN /* null: within each user, which of its records are members has nothing to do with their
                * scores. Users on one side only say nothing. Statistic: the users' own AUCs, weighted by
                * their pairs. Free of differences between people; auc holds this statistic, not the pooled
                * AUC */
} RocPermute;

typedef struct {
    size_t reps;   /* Monte Carlo arrangements, 0 = 10000 */
    uint64_t seed; /* arrangement r draws from the stream (seed, "roc_permute", r) */
} RocPermuteOpts;

/* roc_permute - permutation test with users kept together. Exact where there are at most 2^20 arrangements of
 * users (ROC_WHOLE) or the sums can be counted in 2e8 steps (ROC_WITHIN); else Monte Carlo with
 * p = (1 + hits) / (1 + reps).
 * Errors: as roc_delong; ERR_ARG no users given, reps < 100, or a user on both sides (ROC_WHOLE);
 * ERR_SHAPE no user on both sides (ROC_WITHIN).
 * Cost: a sort, then O(users) an arrangement; drawn within users O(m + n).
 * Source: Good 2005, Permutation Tests, ch. 3; Phipson and Smyth 2010 (the 1 +). */
Status roc_permute(RocTest *out, const RocData *d, RocPermute kind, const RocPermuteOpts *o,
                   Err *e) PRIME_MUST_USE;

#endif
