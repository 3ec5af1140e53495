/* collusion.h - an anchor who takes its own share out of a merge sees the others more clearly. */
#ifndef PRIME_COLLUSION_H
#define PRIME_COLLUSION_H

#include "prime/lora.h"

/* collusion_rest - an adapter whose update is dW_merged - sum_i w_i dW_i over n colluders, exactly: factors
 * side by side, scale 1. Attack it, or the model under it, as any merge. For merges that weight factors
 * (PriME's operator) cross terms with the others remain. Weights may come from fingerprint.h. Errors:
 * ERR_SHAPE a colluder of another model; ERR_NUM a weight that is not finite; ERR_ARG; ERR_NOMEM. */
Status collusion_rest(Lora **rest, const Lora *merged, const Lora *const *own, const double *w, size_t n,
                      Err *e) PRIME_MUST_USE;

#endif
