/* report.c - load, the table of outputs, write. */
#include "report_priv.h"

#include "prime/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const ReportOutput outputs[] = {
    {"csv", "cells.csv", "one metric of one cell a row, with its interval", out_cells},
    {"csv", "front.csv", "utility and leakage of each method and lambda", out_front},
    {"csv", "methods.csv", "every utility metric of each method against base and a reference", out_methods},
    {"csv", "anchors.csv", "what each anchor leaks, alone and in merges", out_anchors},
    {"csv", "dose.csv", "how leakage grows with the size of the merge weight", out_dose},
    {"csv", "attacks.csv", "what each attack finds in each method", out_attacks},
    {"csv", "merges.csv", "which anchor leaks from which target's merge", out_merges},
    {"csv", "loo.csv", "each anchor alone, in the merge, and in the merge without it", out_loo},
    {"csv", "scaling.csv", "whether scaling or the other anchors make a merge leak less", out_scaling},
    {"csv", "fingerprint.csv", "merge weights that can be read off the merge", out_fingerprint},
    {"csv", "people.csv", "attacks on whole people", out_people},
    {"csv", "source.csv", "whose adapter a text is told to be from", out_source},
    {"csv", "canary.csv", "exposure of planted secrets", out_canary},
    {"csv", "extract.csv", "records that models write out, and what looks like people's data", out_extract},
    {"csv", "own.csv", "what a person's own adapter gives away about them", out_own},
    {"csv", "eaf.csv", "what a share of the seeds attains", out_eaf},
    {"csv", "null.csv", "false alarms where nothing leaks", out_null},
    {"csv", "volume.csv", "volume that each method dominates", out_volume},
    {"csv", "verdicts.csv", "each gate on each row of the front", out_verdicts},
    {"csv", "schema.csv", "what each column means, and its unit", out_schema},
    {"json", "report.json", "the whole report", out_json},
    {"json", "report.schema.json", "the JSON Schema of report.json", out_json_schema},
    {"html", "report.html", "one page that needs no network", out_html},
    {"md", "report.md", "a summary for a pull request", out_md},
    {"junit", "report.xml", "verdicts as test cases", out_junit},
    {"sarif", "report.sarif", "breaches and leaks as results (SARIF 2.1.0)", out_sarif},
    {"gates", NULL, "the verdicts of the gates as text", out_gates},
    {"table", NULL, "the front and the methods as text", out_text},
};

enum { N_OUTPUTS = sizeof outputs / sizeof outputs[0] };

const ReportOutput *report_output_at(size_t i)
{
    return i < N_OUTPUTS ? &outputs[i] : NULL;
}

ReportOptions report_defaults(void)
{
    return (ReportOptions){.attack = "ref", .volume_utility = NAN};
}

Status report_load(Report **out, Ledger *l, const ReportOptions *how, Err *e)
{
    Report *r = calloc(1, sizeof *r);
    if (r == NULL) FAIL(e, ERR_NOMEM, "no memory for a report");
    r->verdict = VERDICT_NONE;
    r->how = how != NULL ? *how : report_defaults();
    Status s = report_read(r, l, e);
    if (s == OK) s = report_group(r, e);
    if (s == OK) s = attacks_fill(r, e);
    if (s == OK) s = front_fill(r, e);
    if (s == OK) s = volume_fill(r, e);
    if (s == OK) s = reference_find(r, e);
    if (s == OK)
        *out = r;
    else
        report_free(r);
    return s;
}

void report_free(Report *r)
{
    if (r == NULL) return;
    free(r->cell);
    free(r->row);
    free(r->meta);
    names_free(&r->names);
    arena_free(&r->arena);
    free(r);
}

static Status write_file(const ReportOutput *o, const Report *r, const char *dir, Err *e)
{
    Str text = {0};
    char *path = file_join(dir, o->file);
    Status s = o->fn(&text, r, e);
    if (s == OK && (path == NULL || text.failed))
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s/%s: no memory", dir, o->file);
    if (s == OK) s = file_write(path, text.s, text.n, e);
    str_free(&text);
    free(path);
    return s;
}

Status report_write(const Report *r, const char *format, const char *dir, Str *out, Err *e)
{
    const char *names[N_OUTPUTS];
    size_t n_found = 0;
    for (size_t i = 0; i < N_OUTPUTS; i++) {
        names[i] = outputs[i].format;
        if (strcmp(outputs[i].format, format) != 0) continue;
        n_found++;
        TRY(outputs[i].file != NULL ? write_file(&outputs[i], r, dir, e) : outputs[i].fn(out, r, e));
    }
    if (n_found > 0) return OK;
    const char *near = str_nearest(format, names, N_OUTPUTS);
    if (near != NULL) FAIL(e, ERR_ARG, "format = '%s', did you mean '%s'?", format, near);
    FAIL(e, ERR_ARG, "format = '%s', want csv, json, html, md, junit, sarif, gates or table", format);
}
