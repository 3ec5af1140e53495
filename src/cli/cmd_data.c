#include "cli_priv.h"

#include "prime/data.h"

#include <stdio.h>

static int data_cli_debian(const CliVerb *self, int argc, char **argv)
{
    DataDebianOpt o = {.salt = DATA_SALT, .history = 0.5, .query = 0.25, .min_records = 15};
    const CliOpt opts[] = {
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"lists", 0, OPT_STR, &o.lists, "DIR", "package lists that are already there, instead of apt", 0, 0},
        {"suite", 0, OPT_STR, &o.suite, "NAME", "suite to read; else the largest", 0, 0},
        {"salt", 0, OPT_STR, &o.salt, "TEXT", "salt of the ids of users and records", 0, 0},
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
    if (data_debian(&o, &e) != OK) return cli_fail(&e);
    return EXIT_DONE;
}

static const CliVerb verbs[] = {
    {"debian", "", "package descriptions of the distribution, by maintainer", data_cli_debian},
    {0},
};
const CliNoun cli_data = {"data", "make and look at datasets", verbs};
