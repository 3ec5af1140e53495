/* sweep.h - the main job: specification -> plan -> cells -> ledger -> report.
 *
 * Cells: the methods of baseline.h, among them `base` (once a target), `anchor` (each anchor's adapter
 * alone), `uniform` (equal weights 1/K), `malicious` (uniform with an attacker's adapter among the anchors')
 * and `bystander` (with anybody's), `evolved` (once a target, seed and lambda), `limited` (once a target,
 * seed and limit, which stands in the place of lambda), `front` (likewise: the place of a point on the
 * front). Each is one transaction in DIR/ledger.db, and so is every generation of a search; what a cell holds
 * does not depend on the order or number of threads, nor on where a run was cut short.
 *
 * Rows of attacks, by kind; label is -1 where none is said.
 *
 * attack: metric a row of attack.h, unit the anchor, record, label 1 trained on or 0 held out: the scores
 * that attack.methods asks for and that the passes over the records allow: the plain one, and those over the
 * texts of attack.texts (lower case, behind a prefix, neighbours). With method `loo` also ref_loo in the
 * cells of evolved, limited and front: against the same merge without the record's owner. In cells of `loo`
 * the records of each anchor are scored under the merge without it, in those of `random-anchors` under a
 * merge that has none of the target's anchors.
 *
 * attack_own: the same, of the person whose own adapter it is (oppu).
 *
 * fingerprint: unit every anchor of the audit; the merge is fitted by the adapters of all of them. `weight`
 * is what least squares gives (fingerprint.h), of PriME's operator by the A factors, of all others by
 * updates; 0 where nothing was merged. `error` is its distance from the weight it was merged with (0 for all
 * who are not in it, the mean over modules for perpcs); left out where an anchor has several weights.
 * `outside` is the share of the merge's squared norm that all others leave unexplained.
 *
 * person, of a merge, unit every anchor of the audit, label 1 in the merge's list or 0 not: `user_inference`,
 * mean log-likelihood ratio to the base, nats a text, held-out records; `user_inference_token`, the same,
 * nats a token; `prime_mia`, PriME's rule: mean of minus the summed loss of the records that the anchor's
 * adapter was trained on; `prime_mia_base`, the same under the base model: what likeness alone gives;
 * `prime_mia_blind`, minus the answers' tokens, in the mean: what length alone gives; `dataset_inference`,
 * Welch's t of anchor_dataset over loss, ref, min_k_pp_20 and ez_share, and `dataset_inference_p`, its
 * one-sided p without a label (both left out for people with fewer than four records on a side);
 * `overlap_reads` and `overlap_writes`, subspace_overlap of the merge with the anchor's adapter, rows of A
 * and columns of B.
 *
 * person, of a merge, unit the target: `prime_mia_auc`, `prime_mia_base_auc`, `prime_mia_blind_auc`, the AUC
 * of all these records pooled, as PriME has it; left out where everybody is merged.
 *
 * person, of an anchor's own adapter (cells of `anchor`), unit the anchor, label 1 trained on, 0 held out:
 * `source_inference`, share of its records that its own adapter finds likeliest of all.
 *
 * attack, with attack.shadows: also lira, lira_offline, rmia, rmia_offline, quantile and, against re-merges,
 * lira_remerge and rmia_remerge, of every merge of anchors and of anchors alone, in cells of `loo` and
 * `random-anchors`, too. With attack.collusion also ref_collusion where ref_loo is: the merge without the
 * other anchor of the largest weight, which is what this anchor has left when it takes its own part out.
 *
 * extract, emission, with attack.extract: see cell_extract.c; label as of attacks. extract: unit the anchor,
 * one row a record; emission: metric a kind of extract.h, matches an answer.
 *
 * canary: `exposure` in bits, unit the anchor, record that of the canary, label 1 planted or 0 kept out; of
 * all cells but those of loo. Where not all canaries are digits each has a second row `exposure_KIND`.
 *
 * With attack.signals, DIR/signals/TASK holds what these scores were computed from (signals.h), but for the
 * texts of attack.texts and the counts of attack.counts: base.safetensors with everybody's records under the
 * base model, and METHOD.PERSON.seedS[.lambdaL].safetensors for each cell with an adapter, written before the
 * cell is. Contexts share one file. */
#ifndef PRIME_SWEEP_H
#define PRIME_SWEEP_H

#include "prime/crew.h"
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
    /* Part `shard`, from 1, of `shards` of about the same cost; 0: all. Each part has a folder of its own;
     * join_runs (join.h) makes one ledger of them. */
    size_t shard, shards;
    const char *adapters; /* folder of a run whose adapters are read, none is trained; NULL: this run's own */
    bool train_only;      /* end when all adapters are trained */
    /* All processes of a crew call sweep_run with the same arguments, and get the same result; the first one
     * writes the ledger and tells the watch, the others only ask it whether to stop. NULL: one process. */
    Crew *crew;
} SweepHow;

/* sweep_run - run the plan of spec into the folder dir; how NULL: from the start, unwatched. Without `resume`
 * the folder must not hold a ledger. With `reuse` the rows are those of a run without it: an evaluation is
 * known by all that it depends on (adapters, operator, objective, records, genome, seed), so a run with more
 * lambdas behind the first ones pays for the new ones alone. Rows do not depend on the number of processes,
 * nor on the parts that a run is cut into. Reports are made from the ledger afterwards
 * (report.h). Errors: those of loading, training and files; ERR_IO a ledger is there (or, on resume and for
 * reuse, is not), another process writes to the folder; ERR_ARG another specification, or files that changed;
 * ERR_ARG a shard that is not one of `shards`, or together with a crew;
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
