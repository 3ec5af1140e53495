/* plan_scale.h - what an audit of a large model would take on machines that are not here: computed from the
 * model's shape and counts of records, never measured.
 *
 * Operations: a token of a forward pass costs 2 for each weight of the layers, 4 L C t of attention over t/2
 * earlier tokens in the mean, and 2 for each weight of the head where it is an answer's. A step of training
 * costs twice that (forward, and the gradients of activations; those of adapters are left out). Candidates
 * are K adapters side by side, so each of their tokens costs 2 K r (n_in + n_out) at every adapted matrix.
 * Time is operations over nodes * cores * rate: no waiting, no reading of files. */
#ifndef PRIME_PLAN_SCALE_H
#define PRIME_PLAN_SCALE_H

#include "prime/err.h"
#include "prime/str.h"

#include <stddef.h>

/* A decoder-only model with gated feed-forward layers and an untied head. */
typedef struct {
    const char *name, *source;
    double layers, hidden, kv, ffn, vocab; /* kv: width of keys, and of values */
} PlanModel;

/* plan_model_at - row i of the table of known sizes; NULL past the end. */
const PlanModel *plan_model_at(size_t i);

/* Every count at least 0; those that divide at least 1. */
typedef struct {
    double targets, anchors, per_target, lambdas, seeds, methods;
    double searches;    /* how many of the methods search */
    double evaluations; /* of one search for one target and seed, all lambdas together */
    double train, epochs, search, query, attacked; /* records of a person: trained on, and how often; that a
                                                      search reads, that utility is measured on, attacked */
    double tokens, answer;                         /* of a record, and of its answer */
    double rank, modules;                   /* of adapters; how many C x C matrices of a layer have one */
    double bytes;                           /* of a stored weight of the base */
    double nodes, cores, processes, gflops; /* processes a node; 1e9 operations a second and core */
} PlanScale;

/* plan_scale_default - the work and the machine that are assumed where nothing else is said. plan_scale_set -
 * "key=value", key a name of a number above. Errors: ERR_ARG an unknown key, or a value below its bound. */
PlanScale plan_scale_default(void);
Status plan_scale_set(PlanScale *p, const char *assignment, Err *e) PRIME_MUST_USE;

/* plan_scale_rows - CSV rows `model,what,value,unit,basis` for each of these models (comma-separated names);
 * basis is always "computed, not measured". Errors: ERR_ARG an unknown name; ERR_NOMEM. */
Status plan_scale_rows(Str *out, const PlanScale *p, const char *models, Err *e) PRIME_MUST_USE;

#endif
