/* report.h - what a ledger says, as tables: pure functions of the rows, so that the same ledger gives the
 * same bytes. Nothing here prints; text goes into a Str, files are written atomically.
 *
 * The person is the unit: utility intervals resample targets, leakage intervals are clustered by anchor. Rows
 * that rest on fewer than REPORT_MIN_USERS people are marked as not graded. What the columns mean is in
 * schema.csv (and in reports/README.md); how numbers reach the ledger is in run.
 *
 * Read from the ledger: meta `utility_metric.TASK` or `utility_metric` names the metric of the front; without
 * it the first utility metric of a task by name is taken. More of a metric is better, but for those that meta
 * `lower_is_better` names (a list, or `none`); without it for mae and rmse. Scores of kind utility and
 * utility_all (unit = target), attack (unit = anchor, label), norm `attenuation`, weight `w` (unit = anchor),
 * search, fingerprint `weight`, `error` and `outside` (unit = anchor), person (unit = anchor, label; metrics
 * that end in _auc: unit = target), canary `exposure` and `exposure_KIND` (unit = anchor, label), attack_own
 * (unit = the person whose own adapter it is, label). Methods that are known by name: `base` is the model
 * without any adapter, which the others are held against; `anchor` each anchor's adapter alone and `loo` the
 * merges of `evolved` without each anchor, both in loo.csv; `random-anchors` merges of nobody who is
 * attacked, in null.csv. All other methods are what the ledger calls them. Cells whose status is not "ok" are
 * counted but not used. */
#ifndef PRIME_REPORT_H
#define PRIME_REPORT_H

#include "prime/err.h"
#include "prime/ledger.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>

enum { REPORT_MIN_USERS = 3 };

typedef struct Report Report;

/* How to read a ledger. Strings must live as long as the report. */
typedef struct {
    const char *attack; /* the attack behind `leakage`; default ref */
    const char
        *reference; /* METHOD or METHOD@LAMBDA that methods.csv compares with, beside base; NULL: none */
    double volume_utility; /* utility of the reference point of the hypervolume; NAN: 0, or 4 for errors in
                              stars. Its leakage is 1 */
    bool no_provenance;    /* leave out version, machine and times */
} ReportOptions;
ReportOptions report_defaults(void);

/* report_load - read a ledger and compute the front; how NULL: the defaults. The ledger may be closed
 * afterwards.
 * Errors: those of reading; ERR_FORMAT when it holds no finished cell; ERR_ARG the reference is no method of
 * the ledger; ERR_NOMEM.
 * Cost: memory about 50 bytes a score and 8 bytes for each pair of anchors and row of the front; time
 * O(scores log scores + resamples * (targets + anchors^2) * rows of the front). */
Status report_load(Report **r, Ledger *l, const ReportOptions *how, Err *e) PRIME_MUST_USE;
void report_free(Report *r); /* accepts NULL */

/* ---- what may leave the house ----
 *
 * Tables with a column of user ids speak of single people and are never published. The rows of the others are
 * means over groups; one that rests on fewer people than min_group could speak of them, too. */
enum { REPORT_MIN_GROUP = 5 };
/* report_small_groups - append to out each row of a published table that rests on 1 to min_group - 1 people,
 * a line each: file, what names the row, the count. *n: how many. report_publish - write the tables that may
 * be published into dir as CSV, with schema.csv, unless such a row is there. Errors: ERR_ARG min_group < 2;
 * ERR_UNSUP how many rows are too small, and nothing is written; ERR_IO; ERR_NOMEM. */
Status report_small_groups(Str *out, size_t *n, const Report *r, size_t min_group, Err *e) PRIME_MUST_USE;
Status report_publish(const Report *r, const char *dir, size_t min_group, Err *e) PRIME_MUST_USE;

/* One row per output. A format (the word of --format) is one or more outputs. */
typedef struct {
    const char *format;
    const char *file; /* its name in the run's folder; NULL: text for the terminal */
    const char *what;
    Status (*fn)(Str *out, const Report *r, Err *e);
} ReportOutput;
/* report_output_at - the i-th row of the table; NULL past its end. */
const ReportOutput *report_output_at(size_t i);

/* report_write - all outputs of a format: files into dir, text appended to out.
 * Errors: ERR_ARG unknown format (the nearest one is named); ERR_IO; ERR_NOMEM. */
Status report_write(const Report *r, const char *format, const char *dir, Str *out, Err *e) PRIME_MUST_USE;

/* ---- gates: a verdict on an interval, never on a point ----
 *
 * A gates file is a CSV table, one gate a row, with the columns:
 *
 * - metric: auc; excess (auc minus that of the strongest blind attack); tpr_at_fpr_RATE, RATE in (0, 1);
 * utility or gain (over base, paired by target) of the task's utility metric
 * - limit: a number
 * - direction: max, at most the limit is fine; min, at least
 *
 * and, where wanted (an empty cell is the default):
 *
 * - attack: the report's (ref); not for utility and gain
 * - scope: of auc pooled (default), mean (of the anchors' own AUCs), worst (the worst anchor), anchor:ID; of
 *   excess and tpr pooled, worst, anchor:ID; of utility and gain mean
 * - confidence: coverage of the two-sided interval, in (0, 1); 0.95
 * - min_users: people that must be behind the value, for anchor:ID distinct records; REPORT_MIN_USERS
 * - task, method, lambda: only these rows of the front. Without a method every merge, that is every method
 * but base, base+... and adapters of one person alone
 *
 * Other columns are refused. Verdict for max: breached when the interval lies above the limit, pass when it
 * lies at or below it, else inconclusive; cannot grade with too few people, no interval, or no such row.
 * `worst` bounds the largest (smallest) of the anchors' values: each has an interval by record of confidence
 * 1 - (1 - confidence) / anchors, so that all hold together. */
typedef enum {
    VERDICT_PASS,
    VERDICT_INCONCLUSIVE,
    VERDICT_UNGRADED,
    VERDICT_BREACHED,
    VERDICT_NONE /* there was nothing to judge */
} Verdict;
/* verdict_name - "pass", "inconclusive", "cannot grade", "breached", "not judged". */
const char *verdict_name(Verdict v);

/* report_judge - hold the report against a gates file; once, before the outputs that show verdicts. The whole
 * is as bad as its worst gate (in the order of Verdict), and not better than `cannot grade` when a cell
 * failed or is missing (meta `planned_cells`), or no gate has a row to judge. Errors: ERR_IO; ERR_FORMAT what
 * is wrong in the file, with its line; ERR_NOMEM. */
Status report_judge(Report *r, const char *gates, Err *e) PRIME_MUST_USE;
Verdict report_verdict(const Report *r);
/* report_sentence - append the verdict of the whole in words, one line without its end. */
void report_sentence(Str *out, const Report *r);

/* ---- two runs ----
 *
 * What a run says about each person: utility of each target under each metric, AUC of each anchor under each
 * attack that sees the model, for each task, method and lambda. It is kept as a baseline file (CSV), so that
 * later runs can be held against it. */
typedef struct Series Series;

/* series_of_report - the numbers of a report; series_load - those of a baseline file; series_write - as text
 * of such a file, with reason and date ("" to leave it out) and the facts of the run. Errors: ERR_IO;
 * ERR_FORMAT with the line; ERR_NOMEM. */
Status series_of_report(Series **s, const Report *r, Err *e) PRIME_MUST_USE;
Status series_load(Series **s, const char *path, Err *e) PRIME_MUST_USE;
void series_write(Str *out, const Series *s, const char *reason, const char *date);
void series_free(Series *s); /* accepts NULL */

typedef struct {
    double confidence;     /* of the paired t interval over people, in (0, 1) */
    double margin_utility; /* how much worse is still fine, in units of the metric, >= 0 */
    double margin_leakage; /* the same, of the AUC */
} CompareHow;
CompareHow compare_defaults(void); /* 0.95, 0.02, 0.05 */

/* series_compare - b against a, person by person, matched by task, method, lambda, metric. worse is the mean
 * worsening. Breached: Holm's p over all pairs <= 1 - confidence, it is worse, and the interval exceeds the
 * margin. Pass: the interval lies at or below the margin. Cannot grade: fewer than REPORT_MIN_USERS people in
 * common, or missing in b. Appends a table (text) and the CSV of the same (either may be NULL).
 * Errors: ERR_ARG confidence or a margin out of range; ERR_NOMEM. */
Status series_compare(Verdict *verdict, Str *text, Str *table, const Series *a, const Series *b,
                      const CompareHow *how, Err *e) PRIME_MUST_USE;

#endif
