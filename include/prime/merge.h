/* merge.h - adapters and weights in, one adapter out. Knows no transformer.
 *
 * Linear methods carry the LoraOp by which a population of candidates is scored without building any of them;
 * merge_run builds one, to be saved, measured or folded. */
#ifndef PRIME_MERGE_H
#define PRIME_MERGE_H

#include "prime/lora.h"

typedef struct {
    const char *name, *what, *source;
    LoraOp op; /* the same merge on a LoraBank */
    Status (*fn)(Lora **out, const Lora *const *l, const double *w, size_t k, Err *e);
} MergeMethod;

/* merge_at - the i-th row; NULL past the end. merge_find - by name, or NULL. merge_nearest - for messages, or
 * NULL. */
const MergeMethod *merge_at(size_t i);
const MergeMethod *merge_find(const char *name);
const char *merge_nearest(const char *name);

/* merge_run - out = method(l [k], w [k]).
 * Laws: weight 1 on one adapter and 0 on the others gives that adapter's update; all weights 0 gives none.
 * Errors: ERR_ARG k = 0, or a weight that is not finite; ERR_SHAPE adapters of different models; ERR_UNSUP
 * `prime` with unequal ranks or scales; ERR_NOMEM. Cost: O(parameters of all adapters). */
Status merge_run(Lora **out, const MergeMethod *m, const Lora *const *l, const double *w, size_t k,
                 Err *e) PRIME_MUST_USE;

/* merge_attenuation - norm of the merge's update over the mean norm of the adapters' own: 1 keeps an anchor's
 * full strength, 0 is the base model. Sets *merged and *anchor to the two norms unless they are NULL. Errors:
 * those of merge_run; ERR_NUM when all adapters are zero. */
Status merge_attenuation(double *ratio, double *merged, double *anchor, const MergeMethod *m,
                         const Lora *const *l, const double *w, size_t k, Err *e) PRIME_MUST_USE;

#endif
