/* sweep.h - the main job: specification -> plan -> cells -> ledger -> report.
 *
 * Cells: `base` (once a target), `anchor` (each anchor's adapter alone), `uniform` (equal weights 1/K),
 * `evolved` (once a target, seed and lambda), `limited` (once a target, seed and limit, which stands in the
 * place of lambda), `front` (likewise: the place of a point on the front). Each is one transaction in
 * DIR/ledger.db, and so is every generation of a search; what a cell holds does not depend on the order or
 * number of threads, nor on where a run was cut short. */
#ifndef PRIME_SWEEP_H
#define PRIME_SWEEP_H

#include "prime/err.h"
#include "prime/spec.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Who wants to know how far the run is; any of them may be NULL. */
typedef struct {
    void (*begin)(void *ctx, size_t total);
    void (*step)(void *ctx, const char *label); /* one cell is in the ledger, or was there already */
    void (*evaluated)(void *ctx, size_t n);     /* n more candidates of a search are in the ledger */
    /* Whether to end early. Asked between steps of training, adapters, generations and groups of cells, by
     * several threads at once. */
    bool (*stop)(void *ctx);
    void *ctx;
} SweepWatch;

typedef struct {
    bool resume;       /* carry on the ledger that is in the folder, of the same specification */
    const char *reuse; /* folder of another run, or NULL: what it has evaluated is not evaluated again */
    const SweepWatch *watch; /* may be NULL */
} SweepHow;

/* sweep_run - run the plan of spec into the folder dir; how NULL: from the start, unwatched. Without `resume`
 * the folder must not hold a ledger. With `reuse` the rows are those of a run without it: an evaluation is
 * known by all that it depends on (adapters, operator, objective, records, genome, seed), so a run with more
 * lambdas behind the first ones pays for the new ones alone. Reports are made from the ledger afterwards
 * (report.h). Errors: those of loading, training and files; ERR_IO a ledger is there (or, on resume and for
 * reuse, is not), another process writes to the folder; ERR_ARG another specification, or files that changed;
 * ERR_STOPPED the watch asked for an end: what was measured is in the ledger. The ledger stays valid whatever
 * happens. */
Status sweep_run(const Spec *spec, const char *dir, const SweepHow *how, Err *e) PRIME_MUST_USE;

/* How a plan is made. */
typedef struct {
    bool measure; /* rows of speed, seconds and disk, too: they differ from one machine and moment to the next
                   */
    bool json;    /* one object {task: {what: value}} */
} SweepPlanHow;

/* sweep_plan - what sweep_run would do, as CSV rows `task,what,value`, value empty where it is not known.
 * Loads data and base model and chooses people, but trains nothing that it keeps and writes nothing. how
 * NULL: plain CSV, nothing measured. people, cells, evaluations, records   as they will be smallest
 * detectable AUC               power_min_auc (power.h) for the anchors and their mean numbers of records, at
 * the level, power and correlation of the rows above it; empty when none below 1 is bytes of adapters and
 * ledger, roughly tokens                                upper bounds: no evaluation is saved, every answer is
 * as long as may be; gates of perpcs, repeated draws and the merging are not counted tokens a second, seconds
 * measured on the audit's own records (measure) Errors: as sweep_run. */
Status sweep_plan(Str *out, const Spec *spec, const SweepPlanHow *how, Err *e) PRIME_MUST_USE;

#endif
