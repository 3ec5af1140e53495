/* cmd_report.h - a run's report, for the commands that read one. */
#ifndef PRIME_CMD_REPORT_H
#define PRIME_CMD_REPORT_H

#include "prime/report.h"

/* cli_report_load - the report of the run in folder dir. Errors: ERR_IO, and those of report_load. */
Status cli_report_load(Report **out, const char *dir, const ReportOptions *how, Err *e) PRIME_MUST_USE;
/* cli_report_judge - by the gates named, or by those in the run's folder. Errors: ERR_ARG when they are
 * needed and there are none. */
Status cli_report_judge(Report *r, const char *dir, const char *gates, bool needed, Err *e) PRIME_MUST_USE;

#endif
