/* cmd_report.c - prime report RUN: the tables of a run, made anew from its ledger. */
#include "cli_priv.h"
#include "cmd_report.h"

#include "prime/file.h"
#include "prime/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *formats, *out, *gates;
    bool publish;
    size_t min_group;
    ReportOptions how;
} ReportArgs;

/* Every word of the comma-separated list, in order. */
static Status report_formats(const Report *r, const ReportArgs *args, const char *dir, Str *text, Err *e)
{
    char *list = strdup(args->formats), *rest = NULL;
    if (list == NULL) FAIL(e, ERR_NOMEM, "no memory for --format");
    Status s = OK;
    size_t n = 0;
    for (char *word = strtok_r(list, ",", &rest); word != NULL && s == OK;
         word = strtok_r(NULL, ",", &rest), n++)
        s = report_write(r, word, dir, text, e);
    free(list);
    if (s == OK && n == 0)
        FAIL(e, ERR_ARG, "format = '', want csv, json, html, md, junit, sarif, gates or table");
    return s;
}

static Status report_print(Report *r, const ReportArgs *args, const char *dir, Err *e)
{
    Str text = {0};
    Status s = args->out != NULL ? file_mkdir(args->out, e) : OK;
    if (s == OK) s = report_formats(r, args, args->out != NULL ? args->out : dir, &text, e);
    if (s == OK && text.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the table");
    if (s == OK && text.n > 0) fputs(text.s, stdout);
    str_free(&text);
    return s;
}

Status cli_report_load(Report **out, const char *dir, const ReportOptions *how, Err *e)
{
    if (!file_is_dir(dir)) FAIL(e, ERR_IO, "%s: no such folder, want the folder of a run", dir);
    char *path = file_join(dir, "ledger.db");
    if (path == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", dir);
    Ledger *l = NULL;
    Status s = ledger_open(&l, path, LEDGER_READ, NULL, e);
    if (s == OK) s = report_load(out, l, how, e);
    if (s != OK && strncmp(e->msg, path, strlen(path)) != 0 && e->code != ERR_ARG) err_prefix(e, "%s", path);
    ledger_close(l);
    free(path);
    return s;
}

Status cli_report_judge(Report *r, const char *dir, const char *gates, bool needed, Err *e)
{
    if (gates != NULL) return report_judge(r, gates, e);
    char *path = file_join(dir, "gates.csv");
    if (path == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", dir);
    Status s = OK;
    if (file_exists(path))
        s = report_judge(r, path, e);
    else if (needed)
        s = err_set(e, ERR_ARG, __FILE__, __LINE__, "no --gates, and no %s", path);
    free(path);
    return s;
}

/* Tables of groups only; the rows that are too small are named. */
static Status report_published(const Report *r, const ReportArgs *args, Err *e)
{
    Str small = {0};
    size_t n = 0;
    Status s = report_small_groups(&small, &n, r, args->min_group, e);
    if (s == OK && n > 0) fputs(small.s, stderr);
    str_free(&small);
    if (s == OK && n == 0) s = file_mkdir(args->out, e);
    return s == OK ? report_publish(r, args->out, args->min_group, e) : s;
}

static Status report_of_run(const char *dir, const ReportArgs *args, Err *e)
{
    Report *r = NULL;
    Status s = cli_report_load(&r, dir, &args->how, e);
    if (s == OK && args->publish)
        s = report_published(r, args, e);
    else if (s == OK) {
        s = cli_report_judge(r, dir, args->gates, false, e);
        if (s == OK) s = report_print(r, args, dir, e);
    }
    report_free(r);
    return s;
}

/* The formats there are, for --help. */
static void report_words(char *text, size_t n)
{
    const ReportOutput *o = NULL, *last = NULL;
    size_t at = (size_t)snprintf(text, n, "what to write, of:");
    for (size_t i = 0; (o = report_output_at(i)) != NULL && at < n; last = o, i++)
        if (last == NULL || strcmp(last->format, o->format) != 0)
            at += (size_t)snprintf(text + at, n - at, "%s %s", last != NULL ? "," : "", o->format);
}

static int report_run(const CliVerb *self, int argc, char **argv)
{
    ReportArgs args = {.min_group = REPORT_MIN_GROUP, .how = report_defaults()};
    char words[200];
    report_words(words, sizeof words);
    const CliOpt opts[] = {
        {"format", 'f', OPT_STR, &args.formats, "LIST", words, 0, 0},
        {"out", 'o', OPT_STR, &args.out, "DIR", "folder for the files; default: the run's own", 0, 0},
        {"gates", 'g', OPT_STR, &args.gates, "FILE",
         "gates to judge by; default: RUN/gates.csv if it is there", 0, 0},
        {"attack", 'a', OPT_STR, &args.how.attack, "NAME", "attack behind `leakage`; default ref", 0, 0},
        {"reference", 'r', OPT_STR, &args.how.reference, "METHOD[@LAMBDA]",
         "compare methods with this one, too", 0, 0},
        {"volume-utility", 0, OPT_NUM, &args.how.volume_utility, "U",
         "utility of the hypervolume's reference point", 0, 0},
        {"publish", 0, OPT_FLAG, &args.publish, NULL,
         "only CSV tables of groups, into --out; refused when a row rests on too few people", 0, 0},
        {"min-group", 0, OPT_SIZE, &args.min_group, "K", "people that a published row needs (5)", 2, 1e6},
    };
    CliList pos = {0};
    int code = cli_args(self, "report", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (code < 0 && args.publish && (args.formats != NULL || args.gates != NULL))
        code = cli_usage("--publish writes CSV tables of groups; it takes neither --format nor --gates");
    if (code < 0 && args.publish && args.out == NULL) code = cli_usage("--publish wants --out DIR");
    if (args.formats == NULL) args.formats = "csv,table";
    args.how.no_provenance = cli_common.no_provenance;
    Err e = {0};
    if (code < 0) code = report_of_run(pos.item[0], &args, &e) == OK ? EXIT_DONE : cli_fail(&e);
    if (e.code == ERR_ARG) code = EXIT_USAGE;
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {{"", "RUN", "tables of a run, from its ledger", report_run}, {0}};
const CliNoun cli_report = {"report", "tables of a run, from its ledger", verbs};
