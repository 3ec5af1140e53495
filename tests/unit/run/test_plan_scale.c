/* Arithmetic on models that are not here: known numbers of weights, proportions, every documented error. */
#include "prime/plan_scale.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double number(const PlanScale *p, const char *model, const char *what)
{
    Str text = {0};
    Err e = {0};
    char start[96];
    cr_assert_eq(plan_scale_rows(&text, p, model, &e), OK, "%s", e.msg);
    snprintf(start, sizeof start, "\n%s,\"%s\",", model, what);
    const char *at = strstr(text.s, start);
    cr_assert_not_null(at, "%s", start);
    cr_assert_not_null(strstr(at + 1, "computed, not measured"));
    double x = strtod(at + strlen(start), NULL);
    str_free(&text);
    return x;
}

/* 6,738,415,616 and 68,976,648,192 weights are published; norms, 2 a layer and one, are left out here. */
Test(plan_scale, weights_are_those_of_the_published_models)
{
    PlanScale p = plan_scale_default();
    cr_expect_eq(number(&p, "7B", "weights of the base"), 6738415616.0 - 65 * 4096);
    cr_expect_eq(number(&p, "13B", "weights of the base"), 13015864320.0 - 81 * 5120);
    cr_expect_eq(number(&p, "70B", "weights of the base"), 68976648192.0 - 161 * 8192);
    cr_expect_eq(number(&p, "7B", "memory, weights, once a node"), 2 * (6738415616.0 - 65 * 4096) / 1e9);
}

/* 1,000 anchors of rank 8 at two 4096 x 4096 matrices in 32 layers: 4,194,304 numbers each, as PEFT counts
 * for q_proj and v_proj. */
Test(plan_scale, adapters_are_counted_as_peft_does)
{
    PlanScale p = plan_scale_default();
    p.seeds = 1;
    cr_expect_eq(number(&p, "7B", "disk, adapters"), 4194304.0 * 4 * 1000 / 1e9);
}

Test(plan_scale, time_follows_work_and_machine)
{
    PlanScale p = plan_scale_default(), q = p;
    double one = number(&p, "7B", "time, all"), cells = number(&p, "7B", "cells");
    cr_expect_eq(cells, 60000);
    q.nodes = 4;
    q.gflops = p.gflops / 2;
    cr_expect_float_eq(number(&q, "7B", "time, all"), one / 2, 1e-9 * one);
    q = p;
    q.targets *= 2;
    cr_expect_float_eq(number(&q, "7B", "time, search"), 2 * number(&p, "7B", "time, search"), 1e-9 * one);
    cr_expect_eq(number(&q, "7B", "time, training"), number(&p, "7B", "time, training"));
    /* By hand: 20 * 60,000 records of 200 tokens, 20 of them answers, under an adapter. */
    double layers = 32.0 * 4096 * (4 * 4096 + 3 * 11008),
           token = 2 * layers + 2.0 * 32 * 4096 * 200 + 4.0 * 8 * 32 * 2 * 4096,
           want = 20.0 * 60000 * (200 * token + 2.0 * 20 * 32000 * 4096);
    cr_expect_float_eq(number(&p, "7B", "operations, utility"), want, 1e-12 * want);
}

Test(plan_scale, what_is_not_known_is_named)
{
    static const struct {
        const char *set, *why;
    } bad[] = {{"targts=3", "did you mean targets"},
               {"targets=0", "want a number of at least 1"},
               {"targets", "want a number of at least 1"},
               {"targets=3x", "want a number of at least 1"},
               {"gflops=nan", "want a number of at least 0.001"}};
    PlanScale p = plan_scale_default();
    Str text = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err e = {0};
        cr_expect_eq(plan_scale_set(&p, bad[i].set, &e), ERR_ARG);
        cr_expect_not_null(strstr(e.msg, bad[i].why), "%s", e.msg);
    }
    Err e = {0};
    cr_expect_eq(plan_scale_set(&p, "targets=7", &e), OK);
    cr_expect_eq(p.targets, 7);
    cr_expect_eq(plan_scale_rows(&text, &p, "7B,8B", &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "model 8B is not known"), "%s", e.msg);
    str_free(&text);
}
