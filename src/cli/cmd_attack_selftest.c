/* cmd_attack_selftest.c - `prime attack selftest`: do the attacks see what is there, and nothing else? */
#include "cmd_attack_priv.h"

#include "prime/selftest.h"

#include <stdio.h>

static const char *const verdict_word[] = {[SELFTEST_NO_LIMIT] = "",
                                           [SELFTEST_PASS] = "pass",
                                           [SELFTEST_BREACHED] = "breached",
                                           [SELFTEST_UNGRADED] = "cannot grade"};

static void selftest_print(const Selftest *t)
{
    static const char *const col[] = {"check", "attack", "value", "lo", "hi", "limit", "verdict"};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 7);
    for (size_t i = 0; i < t->n; i++) {
        const SelftestRow *r = &t->row[i];
        table_put_str(&out, r->check);
        table_put_str(&out, r->attack);
        table_put_num(&out, r->value);
        table_put_num(&out, r->lo);
        table_put_num(&out, r->hi);
        table_put_num(&out, r->limit);
        table_put_str(&out, verdict_word[r->verdict]);
        table_end_row(&out);
    }
}

static int selftest_go(const SelftestOpts *o)
{
    Selftest t;
    Err e = {0};
    if (selftest_run(&t, o, &e) != OK) return cli_fail(&e);
    selftest_print(&t);
    SelftestVerdict v = selftest_verdict(&t);
    selftest_free(&t);
    return v == SELFTEST_PASS ? EXIT_DONE : v == SELFTEST_BREACHED ? EXIT_BREACHED : EXIT_FAILED;
}

int attack_selftest_run(const CliVerb *self, int argc, char **argv)
{
    SelftestOpts o = selftest_default();
    o.model = "fixtures/base";
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &o.model, "DIR", "base model (fixtures/base)", 0, 0},
        {"people", 0, OPT_SIZE, &o.people, "N", "people with an adapter each (10)", 2, 1000},
        {"records", 0, OPT_SIZE, &o.records, "N", "records of each (40)", 10, 10000},
        {"repeats", 0, OPT_SIZE, &o.repeats, "N", "draws of labels without a leak (1000)", 1, 1e6},
        {"epochs", 0, OPT_SIZE, &o.epochs, "N", "passes of training (20)", 1, 1000},
        {"lr", 0, OPT_NUM, &o.lr, "X", "learning rate (0.01)", 0, 1},
    };
    CliList pos = {0};
    int code = cli_args(self, "attack", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 0);
    o.seed = cli_common.seed;
    if (code < 0) code = selftest_go(&o);
    cli_list_free(&pos);
    return code;
}
