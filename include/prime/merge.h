/* merge.h - adapters and weights in, one adapter out. Knows no transformer.
 *
 * dW_i = scale_i B_i A_i is adapter i's update at a site. A merge works site by site; an adapter takes part
 * at a site when it has an update there and its weight is not 0. Methods differ in what they work on:
 *   MERGE_FACTORS  A and B apart: the result has the adapters' own rank and cross terms B_i A_j
 *   MERGE_SPAN     dW as a whole: sum c_i dW_i, where the c_i depend on w and on inner products of the dW_i;
 *                  dW is not formed, ranks add up
 *   MERGE_DENSE    every entry of dW by itself: dW is formed one site at a time, the result has full rank
 * What comes out is an adapter again. A rank that is asked for cuts the result to its best approximation; how
 * much was lost is reported.
 *
 * Linear methods carry the LoraOp by which a population of candidates is scored without building any of them;
 * the others materialise one adapter for each candidate. */
#ifndef PRIME_MERGE_H
#define PRIME_MERGE_H

#include "prime/lora.h"

typedef enum { MERGE_FACTORS, MERGE_SPAN, MERGE_DENSE } MergeForm;

/* Options that a method reads, as bits of MergeMethod.reads. */
enum {
    MERGE_DENSITY = 1,
    MERGE_GAMMA = 2,
    MERGE_EPSILON = 4,
    MERGE_SEED = 8,
    MERGE_RESCALE = 16,
    MERGE_ELECT = 32,
    MERGE_MEAN = 64
};

typedef struct {
    const char *name, *what, *source;
    MergeForm form;
    bool linear; /* the update is a fixed function of w and the factors, scored by `op` on a LoraBank */
    LoraOp op;   /* the same merge on a LoraBank; has a meaning where `linear` only */
    unsigned reads;
    bool positive; /* weights must be >= 0: they are proportions, and their sum is the strength */
    const struct MergeRecipe *recipe; /* private to the room */
} MergeMethod;

/* merge_at - the i-th row; NULL past the end. merge_find - by name, or NULL. merge_nearest - for messages, or
 * NULL. */
const MergeMethod *merge_at(size_t i);
const MergeMethod *merge_find(const char *name);
const char *merge_nearest(const char *name);

/* How entries that survive a random trim are scaled back: not at all, by 1/(probability of being kept)
 * (DARE's and DELLA's papers, PEFT), so that the sum of magnitudes is what it was (mergekit). */
typedef enum { RESCALE_AUTO, RESCALE_NONE, RESCALE_INVERSE, RESCALE_L1, RESCALE_KINDS } MergeRescale;
/* What votes for the sign of an entry: values, or one voice each. */
typedef enum { ELECT_AUTO, ELECT_TOTAL, ELECT_FREQUENCY, ELECT_KINDS } MergeElect;
/* What the sum of the entries that agree is divided by: 1, how many they are, the sum of their weights. */
typedef enum { MEAN_AUTO, MEAN_SUM, MEAN_COUNT, MEAN_WEIGHTS, MEAN_KINDS } MergeMean;

/* Names for options, NULL at the end; "auto" is the first: what the method's source does. */
extern const char *const merge_rescale_names[], *const merge_elect_names[], *const merge_mean_names[];

enum { MERGE_RANK_AUTO = 0 };
#define MERGE_RANK_FULL ((size_t)-1)

/* NAN and AUTO stand for "not given". What is given to a method that does not read it is refused. */
typedef struct {
    double density; /* share of the entries that is kept, (0, 1]; methods that read it want it */
    double gamma;   /* breadcrumbs: share of the largest entries that is dropped too, [0, 1); 0.01 */
    double epsilon; /* della: keep probabilities run from density - epsilon to density + epsilon;
                       0.15, or half of the way from density to 0 or 1 where that is less */
    double lambda;  /* the merged update is multiplied by it; 1 */
    /* rank - at a site, at most. MERGE_RANK_AUTO: `svd` the largest of its adapters' ranks; MERGE_DENSE
     * methods the sum of them; others are not cut. MERGE_RANK_FULL: whatever it takes to lose nothing, at
     * most min(n_in, n_out). */
    size_t rank;
    uint64_t seed; /* of random trims */
    MergeRescale rescale;
    MergeElect elect;
    MergeMean mean;
} MergeOpts;
MergeOpts merge_opts(void);

/* ---- weights ---- */

/* Weights of each adapter for: everything, a layer, a kind of module (q_proj ...), a module of a layer. */
typedef enum { MERGE_BY_ADAPTER, MERGE_BY_LAYER, MERGE_BY_KIND, MERGE_BY_MODULE, MERGE_BYS } MergeBy;
extern const char *const merge_by_names[]; /* adapter, layer, kind, module; NULL */

/* A view: w [K, groups], those of one adapter side by side. */
typedef struct {
    const double *w;
    MergeBy by;
} MergeWeights;

/* merge_groups - how many weights an adapter has. merge_group - the group of site layer * LORA_KINDS + kind;
 * the kind must be one that the model has. merge_group_name - "all", "layer 3", "q_proj", "layer 3 q_proj".
 */
size_t merge_groups(MergeBy by, const LoraShape *shape);
size_t merge_group(MergeBy by, const LoraShape *shape, size_t site);
enum { MERGE_GROUP_NAME = 96 };
const char *merge_group_name(char buf[MERGE_GROUP_NAME], MergeBy by, const LoraShape *shape, size_t group);

/* merge_group_norms - norm [K, groups]: Frobenius norm of each adapter's update in each group. */
void merge_group_norms(double *norm, const Lora *const *l, size_t k, MergeBy by);

/* merge_effective - how many adapters a group is made of: 1 / sum p_i^2 with p_i the shares of |w_i| norm_i,
 * the order-2 diversity of Hill 1973. 0 when all are 0. Arrays with distance `step` between adapters. */
double merge_effective(const double *w, const double *norm, size_t k, size_t step);

typedef struct {
    double cap;           /* |w| <= cap; INFINITY: none */
    double min_effective; /* effective adapters of every group in which any weight counts; 0: none */
} MergeLimits;

/* merge_limits_check - whether w [K, groups] keeps the limits, given merge_group_norms. Errors: ERR_ARG names
 * adapter or group, value and bound, also for limits that make no sense.
 * merge_limits_project - the nearest way to keep them: weights are clipped to [-cap, cap], then shares are
 * drawn towards equal ones just as far as it takes; signs and the sum of |w_i| norm_i stay. Errors: ERR_ARG
 * when that breaks the cap again, or fewer adapters have an update in a group than are wanted: the limits
 * contradict each other there. w is untouched on failure. */
Status merge_limits_check(const MergeLimits *lim, const double *w, const double *norm, size_t k,
                          const LoraShape *shape, MergeBy by, Err *e) PRIME_MUST_USE;
Status merge_limits_project(double *w, const MergeLimits *lim, const double *norm, size_t k,
                            const LoraShape *shape, MergeBy by, Err *e) PRIME_MUST_USE;

/* ---- merging ---- */

/* What a merge did. Norms are Frobenius norms over all sites. */
typedef struct {
    size_t k, rank; /* adapters; largest rank of a site */
    double norm;    /* of the update that comes out */
    double exact;   /* of the exact sum of w_i dW_i */
    double cross;   /* of the difference between the method's update, before any cut, and the exact sum: cross
                       terms of `prime` and `peft_linear`, what other methods add or leave out */
    double cut;     /* of what was lost by cutting to a rank */
    double effective;           /* merge_effective of the whole */
    double *own, *share, *sign; /* [k]: norm of dW_i; share of |w_i| dW_i in the sum of such norms; weight
                                   with its sign, averaged over groups by ||dW_i||^2 */
} MergeReport;
void merge_report_free(MergeReport *r); /* accepts one that is zero */

/* merge_build - *out = the merge of l [k] with weights w; *rep, unless NULL, says what it did.
 * Laws: weights of 0 give no update; permuting adapters with their weights changes nothing (random trims
 * belong to an adapter's content, not to its place); with density 1 and no negative weight, weight 1 on one
 * adapter and 0 on the others gives that adapter. Copies of one adapter give it back for weights with sum 1
 * (PEFT's means by count: weights 1; `prime`: weights with sum 1 or -1; `peft_linear`: sum of sqrt(w) 1;
 * means by weights: any). Errors: ERR_ARG k = 0, a weight that is not finite, or negative where the method
 * takes proportions or divides by weights, options out of range, missing, or not read by the method;
 * ERR_SHAPE adapters of different models; ERR_UNSUP `prime` and `peft_linear` with unequal ranks, `prime`
 * with unequal scales, `slerp` of more than two; ERR_NUM directions that cancel; ERR_NOMEM. Cost:
 * O(parameters) for MERGE_FACTORS; + (sum of ranks)^2 (n_in + n_out) a site for MERGE_SPAN; K n_in n_out a
 * site for MERGE_DENSE, whose memory is K + 3 times the largest dW for each thread; cuts as in svd.h. Sites
 * are spread over par_threads(); the result does not depend on how many. */
Status merge_build(Lora **out, MergeReport *rep, const MergeMethod *m, const Lora *const *l, size_t k,
                   const MergeWeights *w, const MergeOpts *o, Err *e) PRIME_MUST_USE;

/* merge_check - the errors of options and weights alone, before any work. n_w weights. */
Status merge_check(const MergeMethod *m, const MergeOpts *o, const double *w, size_t n_w,
                   Err *e) PRIME_MUST_USE;

/* merge_run - merge_build with a weight an adapter and options as they are by default. */
Status merge_run(Lora **out, const MergeMethod *m, const Lora *const *l, const double *w, size_t k,
                 Err *e) PRIME_MUST_USE;

/* merge_attenuation - norm of a merge's update over the mean norm of the adapters' own: 1 keeps an anchor's
 * full strength, 0 is the base model. Sets *norm and *anchor to the two norms unless they are NULL. Errors:
 * ERR_NUM when all adapters are zero. */
Status merge_attenuation(double *ratio, double *norm, double *anchor, const Lora *merged,
                         const Lora *const *l, size_t k, Err *e) PRIME_MUST_USE;

#endif
