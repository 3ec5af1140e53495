#include "cli_priv.h"
#include "cmd_data_priv.h"

#include "prime/data.h"
#include "prime/js.h"
#include "prime/table.h"

#include <stdio.h>
#include <string.h>

static int data_cli_debian(const CliVerb *self, int argc, char **argv)
{
    const char *salt_file = NULL;
    char salt[DATA_SALT_MAX + 1];
    DataDebianOpt o = {.salt = DATA_SALT, .history = 0.5, .query = 0.25, .min_records = 15};
    const CliOpt opts[] = {
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"lists", 0, OPT_STR, &o.lists, "DIR", "package lists that are already there, instead of apt", 0, 0},
        {"suite", 0, OPT_STR, &o.suite, "NAME", "suite to read; else the largest", 0, 0},
        DATA_SALT_OPTS(&o.salt, &salt_file),
        {"history", 0, OPT_NUM, &o.history, "P", "share of a user's records to train on (0.5)", 0, 1},
        {"query", 0, OPT_NUM, &o.query, "P", "share to search and report on (0.25)", 0, 1},
        {"min-records", 0, OPT_SIZE, &o.min_records, "N", "records that make an audit user (15)", 4, 1e6},
        {"keep-lists", 0, OPT_FLAG, &o.keep_lists, NULL, "leave what apt fetched in DIR/lists", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "data", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    if (o.out == NULL) return cli_usage("'prime data debian' wants --out DIR");
    o.seed = cli_common.seed;
    Err e = {0};
    if (data_cli_salt(&o.salt, salt, salt_file, &e) != OK) return cli_fail(&e);
    if (data_debian(&o, &e) != OK) return cli_fail(&e);
    return EXIT_DONE;
}

static int data_cli_synth(const CliVerb *self, int argc, char **argv)
{
    const char *salt_file = NULL;
    char salt[DATA_SALT_MAX + 1];
    DataSynthOpt o = {
        .salt = DATA_SALT, .users = 40, .records = 24, .base = 0.5, .history = 0.5, .query = 0.25};
    static const char *const kinds[] = {"dataset", "lamp", "perpcs"};
    const char *write = NULL;
    const CliOpt opts[] = {
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"write", 0, OPT_STR, &write, "WHAT", "dataset, or the files that lamp or perpcs publish (dataset)",
         0, 0},
        {"layout", 0, OPT_STR, &o.layout, "NAME",
         "own: rating, tag, headline, tweet; lamp: LaMP's eight tasks (own)", 0, 0},
        {"users", 'n', OPT_SIZE, &o.users, "N", "personas (40)", 1, 100000},
        {"records", 0, OPT_SIZE, &o.records, "N", "records of each persona in each task (24)", 4, 10000},
        {"canaries", 0, OPT_SIZE, &o.canaries, "K", "secrets for each persona, half of them planted (0)", 0,
         10000},
        {"base", 0, OPT_NUM, &o.base, "P", "share of personas that are base users (0.5)", 0, 1},
        DATA_SALT_OPTS(&o.salt, &salt_file),
        {"history", 0, OPT_NUM, &o.history, "P", "share of a user's records to train on (0.5)", 0, 1},
        {"query", 0, OPT_NUM, &o.query, "P", "share to search and report on (0.25)", 0, 1},
    };
    CliList pos = {0};
    int code = cli_args(self, "data", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    if (o.out == NULL) return cli_usage("'prime data synth' wants --out DIR");
    for (size_t i = 0; i < 3; i++)
        if (write != NULL && strcmp(write, kinds[i]) == 0) o.write = (DataSynthWrite)i, write = NULL;
    if (write != NULL) return cli_usage("--write = %s, want dataset, lamp or perpcs", write);
    o.seed = cli_common.seed;
    Err e = {0};
    if (data_cli_salt(&o.salt, salt, salt_file, &e) != OK) return cli_fail(&e);
    if (data_synth(&o, &e) != OK) return cli_fail(&e);
    return EXIT_DONE;
}

static int data_cli_split(const CliVerb *self, int argc, char **argv)
{
    static const char *const by[] = {"random", "time", "user"};
    DataResplitOpt o = {.history = 0.5, .query = 0.25};
    const char *how = NULL;
    const CliOpt opts[] = {
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"by", 0, OPT_STR, &how, "HOW",
         "random: each person's records; time: the latest are held out; user: whole people (random)", 0, 0},
        {"history", 0, OPT_NUM, &o.history, "P", "share to train on (0.5)", 0, 1},
        {"query", 0, OPT_NUM, &o.query, "P", "share to search and report on (0.25)", 0, 1},
    };
    CliList pos = {0};
    int code = cli_args(self, "data", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    for (size_t i = 0; i < 3; i++)
        if (how != NULL && strcmp(how, by[i]) == 0) o.by = (DataResplitBy)i, how = NULL;
    if (code < 0 && o.out == NULL) code = cli_usage("'prime data split' wants --out DIR");
    if (code < 0 && how != NULL) code = cli_usage("--by = %s, want random, time or user", how);
    if (code < 0) {
        Err e = {0};
        o.dir = pos.item[0];
        o.seed = cli_common.seed;
        code = data_resplit(&o, &e) == OK ? EXIT_DONE : cli_fail(&e);
    }
    cli_list_free(&pos);
    return code;
}

static JsVal *data_cli_fact(const DataFact *f)
{
    JsVal *o = js_new_obj();
    js_set(o, "task", js_new_str(f->task));
    js_set(o, "what", js_new_str(f->what));
    js_set(o, "name", js_new_str(f->name));
    js_set(o, "value", js_new_num(f->value));
    return o;
}

static Status data_cli_json(const DataInfo *info, Err *e)
{
    JsVal *root = js_new_arr();
    Str text = {0};
    for (size_t i = 0; i < info->n; i++) js_push(root, data_cli_fact(&info->fact[i]));
    Status s = js_dump(&text, root, 1, e);
    if (s == OK && !text.failed) puts(text.s);
    str_free(&text);
    js_close(root);
    return s;
}

static void data_cli_csv(const DataInfo *info)
{
    static const char *const col[] = {"task", "what", "name", "value"};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 4);
    for (size_t i = 0; i < info->n; i++) {
        table_put_str(&out, info->fact[i].task);
        table_put_str(&out, info->fact[i].what);
        table_put_str(&out, info->fact[i].name);
        table_put_num(&out, info->fact[i].value);
        table_end_row(&out);
    }
}

static int data_cli_facts(const char *dir)
{
    Arena a = {0};
    DataInfo info = {0};
    Err e = {0};
    Status s = data_info(&info, dir, &a, &e);
    if (s == OK && cli_common.json) s = data_cli_json(&info, &e);
    if (s == OK && !cli_common.json) data_cli_csv(&info);
    if (s == OK && info.broken > 0)
        s = err_set(&e, ERR_FORMAT, __FILE__, __LINE__, "%s: %zu of the checks found violations", dir,
                    info.broken);
    arena_free(&a);
    return s == OK ? EXIT_DONE : cli_fail(&e);
}

static int data_cli_info(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    int code = cli_args(self, "data", NULL, 0, argc, argv, &pos, 1, 1);
    if (code < 0) code = data_cli_facts(pos.item[0]);
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {
    {"debian", "", "package descriptions of the distribution, by maintainer", data_cli_debian},
    {"synth", "", "records of seeded personas, with planted secrets if asked", data_cli_synth},
    {"import", "[FILE]", "data as others publish it, or a table of one's own", data_cli_import},
    {"split", "DIR", "another split of a dataset: by user, by time or at random", data_cli_split},
    {"plant", "DIR", "a copy of a dataset with secrets in it, and half of them kept out", data_cli_plant},
    {"info", "DIR", "users, records, labels and checks of a dataset", data_cli_info},
    {0},
};
const CliNoun cli_data = {"data", "make and look at datasets", verbs};
