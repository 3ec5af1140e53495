/* Every refusal of a merge, with its sentence. */
#include "merge_case.h"

static Status bad_build(Err *e, const char *method, Lora *const *l, size_t k, const double *w,
                        const MergeOpts *o)
{
    Lora *out = NULL;
    MergeReport rep = {0};
    MergeWeights view = {w, MERGE_BY_ADAPTER};
    *e = (Err){0};
    Status s = merge_build(&out, &rep, merge_find(method), (const Lora *const *)l, k, &view, o, e);
    cr_expect_null(out, "%s", method);
    cr_expect_null(rep.own, "%s", method);
    lora_free(out);
    merge_report_free(&rep);
    return s;
}

static void bad_says(const char *method, const double *w, const MergeOpts *o, Status want, const char *text)
{
    Lora *l[3] = {case_adapter(2, 2, 1), case_adapter(2, 2, 2), case_adapter(2, 2, 3)};
    Err e;
    cr_expect_eq(bad_build(&e, method, l, 3, w, o), want, "%s: %s", method, e.msg);
    cr_expect_not_null(strstr(e.msg, text), "%s: %s", method, e.msg);
    case_free(l, 3);
}

Test(merge_bad, options_out_of_range)
{
    static const double w[3] = {0.5, 0.5, 0.5};
    static const double density[] = {0, -0.1, 1.3, INFINITY};
    for (size_t i = 0; i < 4; i++) {
        MergeOpts o = merge_opts();
        o.density = density[i];
        bad_says("ties_peft", w, &o, ERR_ARG, "want (0, 1]");
    }
    MergeOpts o = merge_opts();
    bad_says("ties_peft", w, &o, ERR_ARG, "the method `ties_peft` wants a density, (0, 1]");
    o.density = 0.5;
    o.gamma = 1;
    bad_says("breadcrumbs", w, &o, ERR_ARG, "gamma = 1, want [0, 1)");
    o.gamma = -0.25;
    bad_says("breadcrumbs", w, &o, ERR_ARG, "gamma = -0.25, want [0, 1)");
    o.gamma = NAN;
    o.epsilon = 0.5;
    bad_says("della", w, &o, ERR_ARG, "epsilon = 0.5, want [0, 0.5)");
    o.density = 0.9;
    o.epsilon = 0.15;
    bad_says("della", w, &o, ERR_ARG, "epsilon = 0.15, want [0, 0.1)");
    o.epsilon = NAN;
    o.lambda = INFINITY;
    bad_says("ties_peft", w, &o, ERR_ARG, "lambda = inf, want a finite number");
    o.lambda = NAN;
    o.rescale = RESCALE_KINDS;
    bad_says("ties_peft", w, &o, ERR_ARG, "rescale = 4 is not known");
    o.rescale = RESCALE_AUTO;
    o.elect = ELECT_KINDS;
    bad_says("ties_peft", w, &o, ERR_ARG, "elect = 3 is not known");
    o.elect = ELECT_AUTO;
    o.mean = MEAN_KINDS;
    bad_says("ties_peft", w, &o, ERR_ARG, "mean = 4 is not known");
}

/* What a method does not read is refused, not passed over. */
Test(merge_bad, options_that_a_method_does_not_have)
{
    static const double w[3] = {0.5, 0.5, 0.5};
    static const struct {
        unsigned bit;
        const char *text;
    } opt[] = {{MERGE_DENSITY, "has no density"}, {MERGE_GAMMA, "has no gamma"},
               {MERGE_EPSILON, "has no epsilon"}, {MERGE_RESCALE, "has no rescale"},
               {MERGE_ELECT, "has no elect"},     {MERGE_MEAN, "has no mean"}};
    const MergeMethod *m;
    for (size_t i = 0; (m = merge_at(i)) != NULL; i++)
        for (size_t b = 0; b < 6; b++) {
            MergeOpts o = case_opts(m, 0.5);
            Err e = {0};
            if (opt[b].bit == MERGE_DENSITY) o.density = 0.5;
            if (opt[b].bit == MERGE_GAMMA) o.gamma = 0.1;
            if (opt[b].bit == MERGE_EPSILON) o.epsilon = 0.1;
            if (opt[b].bit == MERGE_RESCALE) o.rescale = RESCALE_L1;
            if (opt[b].bit == MERGE_ELECT) o.elect = ELECT_TOTAL;
            if (opt[b].bit == MERGE_MEAN) o.mean = MEAN_SUM;
            bool reads = (m->reads & opt[b].bit) != 0;
            cr_expect_eq(merge_check(m, &o, w, 3, &e), reads ? OK : ERR_ARG, "%s %s: %s", m->name,
                         opt[b].text, e.msg);
            if (!reads) cr_expect_not_null(strstr(e.msg, opt[b].text), "%s", e.msg);
        }
}

Test(merge_bad, weights)
{
    static const double nan[3] = {1, NAN, 1}, minus[3] = {0.5, 0.75, -0.25};
    const MergeMethod *m;
    size_t proportions = 0, divide = 0;
    for (size_t i = 0; (m = merge_at(i)) != NULL; i++) {
        MergeOpts o = case_opts(m, 0.5);
        Err e = {0};
        bad_says(m->name, nan, &o, ERR_ARG, "weight 1 is nan, want a finite number");
        if (merge_check(m, &o, minus, 3, &e) == OK) continue;
        proportions += strstr(e.msg, "are proportions, want none below 0") != NULL;
        divide += strstr(e.msg, "divides by the weights that agree, whose sum can vanish") != NULL;
        cr_expect_not_null(strstr(e.msg, "weight 2 is -0.25"), "%s", e.msg);
    }
    cr_assert_eq(proportions, 5);
    cr_assert_eq(divide, 3);
}

Test(merge_bad, adapters_that_do_not_fit)
{
    Lora *l[3] = {case_adapter(2, 2, 1), case_adapter(3, 2, 2), case_adapter(2, 4, 3)};
    double w[3] = {1, 1, 1};
    MergeOpts o = merge_opts();
    Err e;
    cr_assert_eq(bad_build(&e, "exact", l, 0, w, &o), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "a merge of 0 adapters"), "%s", e.msg);
    cr_assert_eq(bad_build(&e, "prime", l, 2, w, &o), ERR_UNSUP);
    cr_assert_not_null(strstr(e.msg, "needs equal ranks and scales; adapters 0 and 1 differ"), "%s", e.msg);
    cr_assert_eq(bad_build(&e, "peft_linear", l, 2, w, &o), ERR_UNSUP);
    cr_assert_not_null(strstr(e.msg, "adapters 0 and 1 have 2 and 3"), "%s", e.msg);
    cr_assert_eq(bad_build(&e, "slerp", l, 3, w, &o), ERR_UNSUP);
    cr_assert_not_null(strstr(e.msg, "joins two adapters, not 3"), "%s", e.msg);
    Lora *t = l[1];
    l[1] = l[2];
    l[2] = t;
    cr_assert_eq(bad_build(&e, "prime", l, 2, w, &o), ERR_UNSUP); /* equal ranks, another scale */
    l[1]->shape.n_layers = 1;
    cr_assert_eq(bad_build(&e, "exact", l, 3, w, &o), ERR_SHAPE);
    cr_assert_not_null(strstr(e.msg, "adapter 1 is for a model of another shape than adapter 0"), "%s",
                       e.msg);
    l[1]->shape.n_layers = 2;
    case_free(l, 3);
}

/* peft_linear takes adapters of which one lacks a module; prime does not. */
Test(merge_bad, modules_that_one_lacks)
{
    Lora *l[2] = {case_kinds(&case_shape, 1U << LORA_Q | 1U << LORA_V, 2, 2, 1),
                  case_kinds(&case_shape, 1U << LORA_Q, 2, 2, 2)};
    double w[2] = {1, 1};
    MergeOpts o = merge_opts();
    Err e;
    cr_assert_eq(bad_build(&e, "prime", l, 2, w, &o), ERR_UNSUP);
    Lora *m = case_build(merge_find("peft_linear"), l, 2, w, &o, NULL);
    double *got = case_delta(m, LORA_V), *own = case_delta(l[0], LORA_V);
    for (size_t i = 0; i < case_size(m, LORA_V); i++) cr_expect_float_eq(got[i], own[i], 1e-5);
    free(got);
    free(own);
    lora_free(m);
    case_free(l, 2);
}

Test(merge_bad, directions_that_cancel)
{
    static const char *const name[] = {"multislerp", "karcher"};
    Lora *l[2] = {case_adapter(2, 2, 1), case_adapter(2, -2, 1)};
    double w[2] = {0.5, 0.5};
    MergeOpts o = merge_opts();
    Err e;
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(bad_build(&e, name[i], l, 2, w, &o), ERR_NUM);
        cr_assert_not_null(strstr(e.msg, "the directions of 2 adapters cancel at a site"), "%s", e.msg);
    }
    case_free(l, 2);
}

Test(merge_bad, numbers_that_are_not_finite)
{
    Lora *l[1] = {case_adapter(2, 2, 1)};
    double w[1] = {1};
    MergeOpts o = merge_opts();
    Err e;
    l[0]->site[LORA_Q].a[3] = INFINITY;
    o.rank = 1;
    cr_assert_eq(bad_build(&e, "svd", l, 1, w, &o), ERR_NUM);
    cr_assert_not_null(strstr(e.msg, "want finite numbers"), "%s", e.msg);
    o.density = 0.5;
    cr_assert_eq(bad_build(&e, "ties_peft", l, 1, w, &o), ERR_NUM);
    cr_assert_eq(bad_build(&e, "knots", l, 1, w, &o), ERR_NUM);
    case_free(l, 1);
}

Test(merge_bad, attenuation_of_nothing_and_names)
{
    Lora *l[1] = {case_adapter(2, 2, 1)};
    double w[1] = {1}, ratio;
    Err e = {0};
    memset(l[0]->data, 0, l[0]->n_params * sizeof *l[0]->data);
    Lora *sum = NULL;
    cr_assert_eq(merge_run(&sum, merge_find("exact"), (const Lora *const *)l, w, 1, &e), OK);
    cr_assert_eq(merge_attenuation(&ratio, NULL, NULL, sum, (const Lora *const *)l, 1, &e), ERR_NUM);
    lora_free(sum);
    cr_assert_null(merge_find("tise"));
    cr_assert_str_eq(merge_nearest("exakt"), "exact");
    cr_assert_str_eq(merge_nearest("karchr"), "karcher");
    case_free(l, 1);
}
