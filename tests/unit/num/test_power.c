#include "prime/power.h"

#include "roc_ref.h"

/* The AUC's deviation and the share of intervals above 0.5, by simulation of the model in the header. */
static double power_simulated(double *sd, const PowerPlan *p, double auc, size_t runs)
{
    double x[4096], shift = sqrt(2) * stats_norm_q(auc);
    size_t hits = 0;
    for (size_t t = 0; t < runs; t++) {
        Rng r = rng_stream(77, "power", t);
        RocData d = roc_draw(&r, p->users_pos, p->records_pos, p->icc, shift, p->same_people);
        RocEst est;
        cr_assert_eq(roc_clustered(&est, &d, p->level, NULL), OK);
        x[t] = est.value;
        hits += est.lo > 0.5;
    }
    *sd = stats_sd(x, runs);
    return (double)hits / (double)runs;
}

Test(power, meets_simulation)
{
    static const PowerPlan plan[] = {{10, 10, 30, 30, 0.1, false, 0.95}, {25, 25, 8, 8, 0.3, false, 0.95},
                                     {12, 12, 10, 10, 0.3, true, 0.95},  {30, 30, 1, 1, 0, false, 0.9},
                                     {3, 3, 50, 50, 0.1, true, 0.95},    {4, 4, 50, 50, 0.2, false, 0.95},
                                     {4, 4, 8, 8, 0.1, false, 0.95},     {4, 4, 20, 20, 0.1, true, 0.95},
                                     {5, 5, 20, 20, 0.1, false, 0.95},   {5, 5, 10, 10, 0.05, true, 0.95},
                                     {6, 6, 20, 20, 0.3, false, 0.95},   {6, 6, 5, 5, 0.2, false, 0.95},
                                     {6, 6, 50, 50, 0.1, true, 0.95}};
    enum { RUNS = 1500, PLANS = sizeof plan / sizeof plan[0] };
    double bias = 0;
    for (size_t i = 0; i < PLANS; i++) {
        double auc, sd, power;
        cr_assert_eq(power_min_auc(&auc, &plan[i], 0.8, NULL), OK);
        double seen = power_simulated(&sd, &plan[i], auc, RUNS);
        cr_assert_eq(power_of_auc(&power, &plan[i], auc, NULL), OK);
        cr_log_info("plan %zu: AUC %.3f, power %.3f, simulated %.3f; sd %.4f, simulated %.4f", i, auc, power,
                    seen, power_auc_sd(&plan[i], auc), sd);
        REF_NEAR(power, 0.8, 1e-9, "plan %zu", i);
        REF_NEAR(seen, 0.8, 0.04, "plan %zu at AUC %g", i, auc);
        bias += (seen - power) / PLANS;
        cr_assert(fabs(power_auc_sd(&plan[i], auc) / sd - 1) < 0.08, "plan %zu: %g and %g", i,
                  power_auc_sd(&plan[i], auc), sd);
    }
    cr_assert(fabs(bias) < 0.012, "neither hopeful nor the opposite: %g in the mean", bias);
}

/* One record a user, no correlation, no leak: Mann and Whitney's variance. */
Test(power, deviation_without_a_leak_is_known)
{
    PowerPlan p = {20, 30, 1, 1, 0, false, 0.95};
    REF_NEAR(power_auc_sd(&p, 0.5), roc_null_sd(20, 30, 0), 1e-12, "one record each");
    PowerPlan q = {5, 6, 4, 5, 0, false, 0.95};
    REF_NEAR(power_auc_sd(&q, 0.5), roc_null_sd(20, 30, 0), 1e-12,
             "records of a user are independent at icc 0");
    /* nearly identical records of a person count as one */
    PowerPlan r = {20, 30, 7, 9, 1 - 1e-12, false, 0.95};
    REF_NEAR(power_auc_sd(&r, 0.5), roc_null_sd(20, 30, 0), 1e-5, "icc 1");
}

Test(power, moves_as_it_should)
{
    PowerPlan p = {10, 10, 20, 20, 0.2, false, 0.95};
    double base, x;
    cr_assert_eq(power_min_auc(&base, &p, 0.8, NULL), OK);
    cr_assert(base > 0.5 && base < 0.9);
    PowerPlan more = p, loose = p, alike = p, same = p;
    more.users_pos = more.users_neg = 40;
    loose.icc = 0;
    alike.records_pos = alike.records_neg = 2000;
    same.same_people = true;
    cr_assert_eq(power_min_auc(&x, &more, 0.8, NULL), OK);
    cr_assert_lt(x, base - 0.03, "more users");
    cr_assert_eq(power_min_auc(&x, &loose, 0.8, NULL), OK);
    cr_assert_lt(x, base - 0.03, "independent records");
    cr_assert_eq(power_min_auc(&x, &same, 0.8, NULL), OK);
    cr_assert_lt(x, base, "the same people on both sides");
    cr_assert_eq(power_min_auc(&x, &alike, 0.8, NULL), OK);
    cr_assert(x < base && x > 0.6, "more records do not help for ever: %g", x);
    cr_assert_eq(power_min_auc(&x, &p, 0.95, NULL), OK);
    cr_assert_gt(x, base, "more power");
    cr_assert_eq(power_of_auc(&x, &p, 0.5, NULL), OK);
    REF_NEAR(x, 0.017, 0.01, "without a leak half of the level or less: the interval is wide");
    PowerPlan two = {2, 2, 1, 1, 0, false, 0.9999};
    cr_assert_eq(power_min_auc(&x, &two, 0.8, NULL), OK);
    cr_assert(isnan(x), "no AUC is large enough: %g", x);
}

Test(power, refusals)
{
    const PowerPlan good = {10, 10, 20, 20, 0.2, false, 0.95};
    double x = 7;
    Err e = {0};
    PowerPlan p = good;
    p.users_neg = 1;
    cr_assert_eq(power_min_auc(&x, &p, 0.8, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "users = 10 and 1, want at least 2 on each side");
    p = good, p.records_pos = 0;
    cr_assert_eq(power_min_auc(&x, &p, 0.8, NULL), ERR_ARG);
    p = good, p.icc = 1;
    cr_assert_eq(power_min_auc(&x, &p, 0.8, NULL), ERR_ARG);
    p = good, p.level = 0;
    cr_assert_eq(power_of_auc(&x, &p, 0.8, NULL), ERR_ARG);
    p = good, p.same_people = true, p.users_neg = 11;
    cr_assert_eq(power_of_auc(&x, &p, 0.8, NULL), ERR_ARG);
    cr_assert_eq(power_of_auc(&x, &good, 1, NULL), ERR_ARG);
    cr_assert_eq(power_min_auc(&x, &good, 1, NULL), ERR_ARG);
    cr_assert_eq(x, 7, "outputs are left alone");
}
