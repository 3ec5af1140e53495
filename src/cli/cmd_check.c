/* cmd_check.c - prime check, compare and baseline: verdicts and their exit codes. The last line on standard
 * output says in words what the exit code says. */
#include "cli_priv.h"
#include "cmd_report.h"

#include "prime/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- from verdict to exit code ---- */

static int verdict_exit(Verdict v, const char *inconclusive)
{
    static const int codes[] = {[VERDICT_PASS] = EXIT_DONE,
                                [VERDICT_INCONCLUSIVE] = EXIT_INCONCLUSIVE,
                                [VERDICT_UNGRADED] = EXIT_FAILED,
                                [VERDICT_BREACHED] = EXIT_BREACHED,
                                [VERDICT_NONE] = EXIT_FAILED};
    if (v != VERDICT_INCONCLUSIVE || inconclusive == NULL) return codes[v];
    if (strcmp(inconclusive, "fail") == 0) return EXIT_BREACHED;
    if (strcmp(inconclusive, "warn") == 0)
        fputs("prime: warning: inconclusive, taken as a pass by --inconclusive warn\n", stderr);
    return EXIT_DONE;
}

/* What --inconclusive made of it, for the last line. */
static const char *verdict_taken(Verdict v, const char *inconclusive)
{
    if (v != VERDICT_INCONCLUSIVE || inconclusive == NULL) return "";
    return strcmp(inconclusive, "fail") == 0 ? "; taken as breached" : "; taken as a pass";
}

static Status verdict_option(const char *inconclusive, Err *e)
{
    static const char *const words[] = {"fail", "warn", "pass"};
    if (inconclusive == NULL) return OK;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(words[i], inconclusive) == 0) return OK;
    FAIL(e, ERR_ARG, "inconclusive = '%s', want fail, warn or pass", inconclusive);
}

/* A gates file, a baseline or an option that is wrong is a matter of usage. */
static int verdict_error(const Err *e)
{
    int code = cli_fail(e);
    return e->code == ERR_ARG || e->code == ERR_FORMAT ? EXIT_USAGE : code;
}

#define INCONCLUSIVE_HELP "exit as fail (4), warn (0, with a warning) or pass (0); default: exit 3"

/* ---- check ---- */

typedef struct {
    const char *gates, *out, *inconclusive;
    ReportOptions how;
} CheckArgs;

static Status check_print(const Report *r, const CheckArgs *args, Err *e)
{
    Str text = {0};
    Status s = args->out != NULL ? file_mkdir(args->out, e) : OK;
    if (s == OK && args->out != NULL) s = report_write(r, "csv", args->out, &text, e);
    if (s == OK) s = report_write(r, "gates", NULL, &text, e);
    str_puts(&text, "verdict: ");
    report_sentence(&text, r);
    str_puts(&text, verdict_taken(report_verdict(r), args->inconclusive));
    if (s == OK && text.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the verdict");
    if (s == OK) puts(text.s);
    str_free(&text);
    return s;
}

/* A ledger that cannot be read or holds nothing cannot be graded; what is wrong in the call is usage. */
static int check_run_folder(const char *dir, const CheckArgs *args)
{
    Err e = {0};
    Report *r = NULL;
    if (verdict_option(args->inconclusive, &e) != OK) return verdict_error(&e);
    if (cli_report_load(&r, dir, &args->how, &e) != OK) {
        int code = cli_fail(&e);
        puts("verdict: cannot grade: the run cannot be read");
        return e.code == ERR_ARG ? EXIT_USAGE : code;
    }
    Status s = cli_report_judge(r, dir, args->gates, true, &e);
    if (s == OK) s = check_print(r, args, &e);
    int code = s == OK ? verdict_exit(report_verdict(r), args->inconclusive) : verdict_error(&e);
    report_free(r);
    return code;
}

static int check_run(const CliVerb *self, int argc, char **argv)
{
    CheckArgs args = {.how = report_defaults()};
    const CliOpt opts[] = {
        {"gates", 'g', OPT_STR, &args.gates, "FILE", "CSV of gates; default: RUN/gates.csv", 0, 0},
        {"attack", 'a', OPT_STR, &args.how.attack, "NAME", "attack of gates that name none; default ref", 0,
         0},
        {"inconclusive", 0, OPT_STR, &args.inconclusive, "WORD", INCONCLUSIVE_HELP, 0, 0},
        {"out", 'o', OPT_STR, &args.out, "DIR", "write the tables, verdicts.csv among them, into a folder", 0,
         0},
    };
    CliList pos = {0};
    int code = cli_args(self, "check", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (code < 0) code = check_run_folder(pos.item[0], &args);
    cli_list_free(&pos);
    return code;
}

/* ---- compare ---- */

typedef struct {
    const char *out, *inconclusive;
    CompareHow how;
} CompareArgs;

/* A folder is a run, anything else a baseline file. */
static Status series_open(Series **s, const char *path, Err *e)
{
    if (!file_is_dir(path)) return series_load(s, path, e);
    Report *r = NULL;
    TRY(cli_report_load(&r, path, NULL, e));
    Status st = series_of_report(s, r, e);
    report_free(r);
    return st;
}

static Status compare_print(Verdict *v, const Series *a, const Series *b, const CompareArgs *args, Err *e)
{
    Str text = {0}, table = {0};
    Status s = series_compare(v, &text, args->out != NULL ? &table : NULL, a, b, &args->how, e);
    if (s == OK && (text.failed || table.failed))
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the comparison");
    if (s == OK && args->out != NULL) s = file_write(args->out, table.s, table.n, e);
    if (s == OK) printf("%sverdict: %s%s\n", text.s, verdict_name(*v), verdict_taken(*v, args->inconclusive));
    str_free(&text);
    str_free(&table);
    return s;
}

static int compare_runs(const char *first, const char *second, const CompareArgs *args)
{
    Err e = {0};
    Series *a = NULL, *b = NULL;
    Verdict v = VERDICT_NONE;
    Status s = verdict_option(args->inconclusive, &e);
    if (s == OK) s = series_open(&a, first, &e);
    if (s == OK) s = series_open(&b, second, &e);
    if (s == OK) s = compare_print(&v, a, b, args, &e);
    series_free(a);
    series_free(b);
    return s == OK ? verdict_exit(v, args->inconclusive) : verdict_error(&e);
}

static int compare_verb(const CliVerb *self, int argc, char **argv)
{
    CompareArgs args = {.how = compare_defaults()};
    const CliOpt opts[] = {
        {"confidence", 0, OPT_NUM, &args.how.confidence, "C", "of the intervals; default 0.95", 0, 0},
        {"margin-utility", 0, OPT_NUM, &args.how.margin_utility, "X",
         "how much worse a utility may be, in its units; default 0.02", 0, 0},
        {"margin-leakage", 0, OPT_NUM, &args.how.margin_leakage, "X",
         "how much larger an AUC may be; default 0.05", 0, 0},
        {"inconclusive", 0, OPT_STR, &args.inconclusive, "WORD", INCONCLUSIVE_HELP, 0, 0},
        {"out", 'o', OPT_STR, &args.out, "FILE", "write the comparison as CSV", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "compare", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 2, 2);
    if (code < 0) code = compare_runs(pos.item[0], pos.item[1], &args);
    cli_list_free(&pos);
    return code;
}

/* ---- baseline ---- */

typedef struct {
    const char *reason, *out;
} BaselineArgs;

static void baseline_date(char date[32])
{
    time_t now = time(NULL);
    struct tm tm;
    date[0] = '\0';
    if (cli_common.no_provenance || gmtime_r(&now, &tm) == NULL) return;
    strftime(date, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static Status baseline_write(const char *dir, const BaselineArgs *args, Err *e)
{
    if (args->reason == NULL || args->reason[0] == '\0')
        FAIL(e, ERR_ARG, "no --reason: a baseline says why it was moved");
    char date[32];
    Str text = {0};
    Series *s = NULL;
    if (!file_is_dir(dir)) FAIL(e, ERR_IO, "%s: no such folder, want the folder of a run", dir);
    TRY(series_open(&s, dir, e));
    baseline_date(date);
    series_write(&text, s, args->reason, date);
    Status st = text.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the baseline")
                            : file_write(args->out, text.s, text.n, e);
    if (st == OK && !cli_common.quiet) printf("%s: written\n", args->out);
    str_free(&text);
    series_free(s);
    return st;
}

static int baseline_update(const CliVerb *self, int argc, char **argv)
{
    BaselineArgs args = {.out = "baseline.csv"};
    const CliOpt opts[] = {
        {"reason", 'r', OPT_STR, &args.reason, "TEXT", "why the baseline is moved; required", 0, 0},
        {"out", 'o', OPT_STR, &args.out, "FILE", "the baseline; default: baseline.csv", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "baseline", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    Err e = {0};
    if (code < 0) code = baseline_write(pos.item[0], &args, &e) == OK ? EXIT_DONE : cli_fail(&e);
    if (e.code == ERR_ARG) code = EXIT_USAGE;
    cli_list_free(&pos);
    return code;
}

static const CliVerb check_verbs[] = {{"", "RUN", "hold a run against its gates", check_run}, {0}};
const CliNoun cli_check = {"check", "hold a run against its gates; the exit code is the verdict",
                           check_verbs};

static const CliVerb compare_verbs[] = {
    {"", "RUN_A RUN_B", "what became worse from A to B; either may be a baseline file", compare_verb}, {0}};
const CliNoun cli_compare = {"compare", "what became worse between two runs; the exit code is the verdict",
                             compare_verbs};

static const CliVerb baseline_verbs[] = {
    {"update", "RUN", "keep a run's numbers as the baseline for compare", baseline_update}, {0}};
const CliNoun cli_baseline = {"baseline", "the numbers that later runs are compared with", baseline_verbs};
