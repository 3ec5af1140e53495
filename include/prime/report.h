/* report.h - what a ledger says, as tables: pure functions of the rows, so that the same ledger gives the
 * same bytes. Nothing here prints; text goes into a Str, files are written atomically.
 *
 * The person is the unit: utility intervals resample targets, leakage intervals are clustered by anchor. Rows
 * that rest on fewer than REPORT_MIN_USERS people are marked as not graded. What the columns mean is in
 * schema.csv (and in reports/README.md); how numbers reach the ledger is in run.
 *
 * Read from the ledger: meta `utility_metric.TASK` or `utility_metric` names the metric of the front; without
 * it the first utility metric of a task by name is taken. More of a metric is better, but for mae, rmse and
 * what meta `lower_is_better` names (a list). Scores of kind utility and utility_all (unit = target), attack
 * (unit = anchor, label), norm `attenuation`, weight `w` (unit = anchor), search. Method `base` is the model
 * without any adapter, which the others are held against; all other methods are what the ledger calls them.
 * Cells whose status is not "ok" are counted but not used. */
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

#endif
