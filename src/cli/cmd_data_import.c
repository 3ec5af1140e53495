/* cmd_data_import.c - prime data import. */
#include "cmd_data_priv.h"

#include "prime/data.h"
#include "prime/import.h"
#include "prime/table.h"

#include <stdio.h>
#include <string.h>

/* Files by what they are for; which of them a format takes is said in import_files. */
typedef struct {
    const char *questions, *outputs, *base, *base_outputs, *anchors, *test;
    const char *by;
    double base_share;
} ImportArgs;

static void import_file(DataImportOpt *o, const char *path, const char *golds, const char *part,
                        DataRole role, bool share)
{
    if (path != NULL) o->file[o->n_files++] = (ImportFile){path, golds, part, role, share};
}

static const char *import_files_lamp(DataImportOpt *o, const ImportArgs *a)
{
    if (a->questions == NULL || a->anchors != NULL || a->test != NULL)
        return "format lamp wants --questions, and takes --outputs, --base and --base-outputs";
    import_file(o, a->questions, a->outputs, NULL, DATA_AUDIT, a->base == NULL);
    import_file(o, a->base, a->base_outputs, NULL, DATA_BASE, false);
    return NULL;
}

static const char *import_files_perpcs(DataImportOpt *o, const ImportArgs *a)
{
    if (a->questions != NULL || a->outputs != NULL || a->base_outputs != NULL ||
        (a->base == NULL && a->anchors == NULL && a->test == NULL))
        return "format perpcs wants --base, --anchors or --test, and takes --profiles";
    import_file(o, a->base, NULL, "base", DATA_BASE, false);
    import_file(o, a->anchors, NULL, "anchors", DATA_AUDIT, false);
    import_file(o, a->test, NULL, "test", DATA_AUDIT, false);
    return NULL;
}

static const char *import_files_rows(DataImportOpt *o, const ImportArgs *a, const CliList *pos)
{
    if (pos->n != 1 || a->questions != NULL || a->outputs != NULL || a->base != NULL ||
        a->base_outputs != NULL || a->anchors != NULL || a->test != NULL)
        return "formats jsonl and csv want one FILE and --map";
    import_file(o, pos->item[0], NULL, NULL, DATA_AUDIT, true);
    return NULL;
}

/* What is wrong with the arguments, or NULL. */
static const char *import_files(DataImportOpt *o, const ImportArgs *a, const CliList *pos)
{
    if (o->out == NULL || o->format == NULL) return "'prime data import' wants --format and --out DIR";
    if (strcmp(a->by, "time") != 0 && strcmp(a->by, "random") != 0) return "--by wants time or random";
    o->by_time = strcmp(a->by, "time") == 0;
    bool lamp = strcmp(o->format, "lamp") == 0, perpcs = strcmp(o->format, "perpcs") == 0;
    if ((lamp || perpcs) && pos->n > 0) return "formats lamp and perpcs take their files as options";
    if (lamp) return import_files_lamp(o, a);
    if (perpcs) return import_files_perpcs(o, a);
    if (strcmp(o->format, "jsonl") == 0 || strcmp(o->format, "csv") == 0) return import_files_rows(o, a, pos);
    return "--format wants lamp, perpcs, jsonl or csv";
}

static void import_print(const ImportReport *r)
{
    static const char *const col[] = {"what", "count", "first", "meaning"};
    TableOut t;
    table_begin(&t, stdout, NULL, col, 4);
    table_put_str(&t, "people");
    table_put_int(&t, (int64_t)r->users);
    table_put_empty(&t);
    table_put_empty(&t);
    table_end_row(&t);
    for (DataSplit s = 0; s < DATA_SPLITS; s++) {
        table_put_str(&t, data_split_name(s));
        table_put_int(&t, (int64_t)r->records[s]);
        table_put_empty(&t);
        table_put_empty(&t);
        table_end_row(&t);
    }
    for (size_t i = 0; i < r->n_odd; i++) {
        if (r->odd[i].n == 0) continue;
        table_put_str(&t, r->odd[i].name);
        table_put_int(&t, (int64_t)r->odd[i].n);
        table_put_str(&t, r->odd[i].first);
        table_put_str(&t, r->odd[i].what);
        table_end_row(&t);
    }
}

int data_cli_import(const CliVerb *self, int argc, char **argv)
{
    const char *salt_file = NULL;
    char salt[DATA_SALT_MAX + 1];
    DataImportOpt o = {.salt = DATA_SALT, .base = 0.5, .heldout = 0.25, .history = 0.5, .query = 0.25};
    ImportArgs a = {.by = "random"};
    const CliOpt opts[] = {
        {"format", 0, OPT_STR, &o.format, "NAME", "lamp, perpcs, jsonl or csv (required)", 0, 0},
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"task", 't', OPT_STR, &o.task, "NAME", "task; lamp: else what the outputs say", 0, 0},
        {"task-file", 0, OPT_STR, &o.task_file, "FILE", "NAME.task.yaml of a task of one's own", 0, 0},
        {"questions", 0, OPT_STR, &a.questions, "FILE", "lamp: questions of audit users", 0, 0},
        {"outputs", 0, OPT_STR, &a.outputs, "FILE", "lamp: their outputs", 0, 0},
        {"base", 0, OPT_STR, &a.base, "FILE", "questions or people that are base users", 0, 0},
        {"base-outputs", 0, OPT_STR, &a.base_outputs, "FILE", "lamp: their outputs", 0, 0},
        {"anchors", 0, OPT_STR, &a.anchors, "FILE", "perpcs: candidates for anchors, audit users", 0, 0},
        {"test", 0, OPT_STR, &a.test, "FILE", "perpcs: people of the test, audit users", 0, 0},
        {"profiles", 0, OPT_STR, &o.profiles, "FILE",
         "texts that describe people: {id, output}, array or lines", 0, 0},
        {"map", 'm', OPT_STR, &o.map, "K=COL,...",
         "jsonl, csv: columns of user, input, output, id, split, time, past", 0, 0},
        {"base-share", 0, OPT_NUM, &o.base, "P", "share of base users, where no file says who they are (0.5)",
         0, 1},
        {"heldout", 0, OPT_NUM, &o.heldout, "P", "lamp, perpcs: share of an audit user's items (0.25)", 0, 1},
        {"history", 0, OPT_NUM, &o.history, "P", "jsonl, csv without split: share to train on (0.5)", 0, 1},
        {"query", 0, OPT_NUM, &o.query, "P", "jsonl, csv without split: share to search and report on (0.25)",
         0, 1},
        {"by", 0, OPT_STR, &a.by, "HOW", "random, or time: the last ones are held out (random)", 0, 0},
        {"keep-entities", 0, OPT_FLAG, &o.keep_entities, NULL, "leave &amp; and the like as they are", 0, 0},
        {"keep-shared", 0, OPT_FLAG, &o.keep_shared, NULL, "keep texts that several people have", 0, 0},
        DATA_SALT_OPTS(&o.salt, &salt_file),
    };
    CliList pos = {0};
    int code = cli_args(self, "data", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 1);
    const char *wrong = code < 0 ? import_files(&o, &a, &pos) : NULL;
    if (wrong != NULL) code = cli_usage("%s", wrong);
    if (code < 0) {
        ImportReport report = {0};
        Err e = {0};
        o.seed = cli_common.seed;
        bool done = data_cli_salt(&o.salt, salt, salt_file, &e) == OK && data_import(&report, &o, &e) == OK;
        code = done ? EXIT_DONE : cli_fail(&e);
        if (code == EXIT_DONE) import_print(&report);
    }
    cli_list_free(&pos);
    return code;
}
