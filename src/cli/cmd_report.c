/* cmd_report.c - prime report RUN: the tables of a run, made anew from its ledger. */
#include "cli_priv.h"

#include "prime/file.h"
#include "prime/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *formats, *out;
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
    if (s == OK && n == 0) FAIL(e, ERR_ARG, "format = '', want csv or table");
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

static Status report_of_run(const char *dir, const ReportArgs *args, Err *e)
{
    if (!file_is_dir(dir)) FAIL(e, ERR_IO, "%s: no such folder, want the folder of a run", dir);
    char *path = file_join(dir, "ledger.db");
    if (path == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", dir);
    Ledger *l = NULL;
    Report *r = NULL;
    Status s = ledger_open(&l, path, LEDGER_READ, NULL, e);
    if (s == OK) s = report_load(&r, l, NULL, e);
    if (s != OK && strncmp(e->msg, path, strlen(path)) != 0) err_prefix(e, "%s", path);
    ledger_close(l);
    if (s == OK) s = report_print(r, args, dir, e);
    report_free(r);
    free(path);
    return s;
}

static int report_run(const CliVerb *self, int argc, char **argv)
{
    ReportArgs args = {.formats = "csv,table"};
    const CliOpt opts[] = {
        {"format", 'f', OPT_STR, &args.formats, "LIST", "what to write: csv (files), table (standard output)",
         0, 0},
        {"out", 'o', OPT_STR, &args.out, "DIR", "folder for the files; default: the run's own", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "report", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    Err e = {0};
    if (code < 0) code = report_of_run(pos.item[0], &args, &e) == OK ? EXIT_DONE : cli_fail(&e);
    if (e.code == ERR_ARG) code = EXIT_USAGE;
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {{"", "RUN", "tables of a run, from its ledger", report_run}, {0}};
const CliNoun cli_report = {"report", "tables of a run, from its ledger", verbs};
