/* report.h - what a ledger says, as tables: pure functions of the rows, so that the same ledger gives the
 * same bytes. Nothing here prints; text goes into a Str, files are written atomically.
 *
 * The person is the unit: utility intervals resample targets, leakage intervals are clustered by anchor. Rows
 * that rest on fewer than REPORT_MIN_USERS people are marked as not graded. What the columns mean is in
 * schema.csv (and in reports/README.md); how numbers reach the ledger is in run.
 *
 * Read from the ledger: meta `utility_metric` (or `utility_metric.TASK`) names the metric of the front;
 * without it the first utility metric of a task is taken. Scores of kind utility and utility_all (unit =
 * target), attack (unit = anchor, label), norm `attenuation`, weight `w` (unit = anchor), search. Cells whose
 * status is not "ok" are counted but not used. */
#ifndef PRIME_REPORT_H
#define PRIME_REPORT_H

#include "prime/err.h"
#include "prime/ledger.h"
#include "prime/str.h"

#include <stddef.h>

enum { REPORT_MIN_USERS = 3 };

typedef struct Report Report;

/* report_load - read a ledger and compute the front. The ledger may be closed afterwards.
 * Errors: those of reading; ERR_FORMAT when it holds no finished cell; ERR_NOMEM.
 * Cost: memory about 50 bytes a score; time O(scores log scores + resamples * targets). */
Status report_load(Report **r, Ledger *l, Err *e) PRIME_MUST_USE;
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
