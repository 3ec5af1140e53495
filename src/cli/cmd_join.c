/* cmd_join.c - prime merge-ledgers: parts of a sweep that were measured apart become one run. */
#include "cli_priv.h"

#include "prime/join.h"

#include <stdio.h>

static int join_main(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    JoinCount n = {0};
    Err e = {0};
    int code = cli_args(self, "merge-ledgers", NULL, 0, argc, argv, &pos, 2, 100000);
    if (code < 0) {
        Status s = join_runs(pos.item[0], pos.item + 1, pos.n - 1, &n, &e);
        if (s == OK) printf("%zu runs, %zu cells, %zu rows: %s\n", n.runs, n.cells, n.scores, pos.item[0]);
        code = s == OK ? EXIT_DONE : cli_fail(&e);
    }
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {
    {"", "OUT RUN...", "one run from the parts that 'prime sweep --shard' has measured", join_main}, {0}};
const CliNoun cli_join = {"merge-ledgers", "join the parts of a sweep", verbs};
