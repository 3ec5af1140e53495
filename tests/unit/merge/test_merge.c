#include "merge_case.h"

#include "prime/par.h"

enum { SITE = LORA_DOWN, N_DELTA = 60 };

static double distance(const double *x, const double *y, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (x[i] - y[i]) * (x[i] - y[i]);
    return sqrt(s);
}

Test(merge, exact_is_the_weighted_sum_of_updates_whatever_the_ranks)
{
    Lora *l[2] = {case_adapter(2, 3, 1), case_adapter(4, 1, 2)}, *m = NULL;
    double w[2] = {0.7, -1.3};
    Err e = {0};
    cr_assert_eq(merge_run(&m, merge_find("exact"), (const Lora *const *)l, w, 2, &e), OK, "%s", e.msg);
    double *d0 = case_delta(l[0], SITE), *d1 = case_delta(l[1], SITE), *got = case_delta(m, SITE);
    for (size_t i = 0; i < N_DELTA; i++) d0[i] = w[0] * d0[i] + w[1] * d1[i];
    cr_assert_lt(distance(got, d0, N_DELTA), 1e-5);
    free(d0);
    free(d1);
    free(got);
    case_free(l, 2);
    lora_free(m);
}

Test(merge, prime_is_the_product_of_weighted_sums)
{
    Lora *l[3] = {case_adapter(2, 2, 1), case_adapter(2, 2, 2), case_adapter(2, 2, 3)}, *m = NULL;
    double w[3] = {0.5, -0.25, 1.5};
    Err e = {0};
    cr_assert_eq(merge_run(&m, merge_find("prime"), (const Lora *const *)l, w, 3, &e), OK, "%s", e.msg);
    double *got = case_delta(m, SITE), want[N_DELTA] = {0};
    for (size_t i = 0; i < 3; i++) /* sum over pairs, cross terms included */
        for (size_t j = 0; j < 3; j++)
            for (size_t o = 0; o < 6; o++)
                for (size_t c = 0; c < 10; c++)
                    for (size_t r = 0; r < 2; r++)
                        want[o * 10 + c] += w[i] * w[j] * (double)l[i]->site[SITE].b[o * 2 + r] *
                                            (double)l[j]->site[SITE].a[r * 10 + c];
    cr_assert_lt(distance(got, want, N_DELTA), 1e-5);
    free(got);
    case_free(l, 3);
    lora_free(m);
}

/* ---- laws of every method ---- */

Test(merge, weight_one_alone_gives_that_adapter_and_zero_the_base)
{
    Lora *l[2] = {case_adapter(3, 3, 4), case_adapter(3, 3, 5)};
    double one[2] = {0, 1}, zero[2] = {0, 0};
    size_t count = 0;
    for (const MergeMethod *mm; (mm = merge_at(count)) != NULL; count++) {
        MergeOpts o = case_opts(mm, 1);
        MergeReport rep = {0};
        Lora *m = case_build(mm, l, 2, one, &o, &rep);
        cr_expect_lt(case_apart(m, l[1], 1), 2e-6 * lora_norm(l[1]), "%s: %g", mm->name,
                     case_apart(m, l[1], 1));
        cr_expect_lt(rep.cross, 1e-6 * rep.norm, "%s", mm->name);
        cr_expect_eq(rep.share[1], 1);
        cr_expect_eq(rep.effective, 1);
        merge_report_free(&rep);
        lora_free(m);
        m = case_build(mm, l, 2, zero, &o, &rep);
        cr_expect_eq(lora_norm(m), 0, "%s", mm->name);
        cr_expect_eq(rep.effective, 0);
        merge_report_free(&rep);
        lora_free(m);
    }
    cr_assert_eq(count, 22);
    case_free(l, 2);
}

/* Weights with sum 1 give copies back; of methods with another law, those that it asks for. */
Test(merge, copies_of_one_adapter_give_it_back)
{
    static const char *const by_count[] = {"ties_peft", "ties_knots", "knots", "dare_ties"};
    double sum_one[2] = {0.3, 0.7}, ones[2] = {1, 1};
    Lora *l[2] = {case_adapter(3, 5, 6), case_adapter(3, 5, 6)};
    const MergeMethod *mm;
    for (size_t i = 0; (mm = merge_at(i)) != NULL; i++) {
        MergeOpts o = case_opts(mm, 1);
        bool counts = false;
        for (size_t c = 0; c < 4; c++) counts = counts || strcmp(mm->name, by_count[c]) == 0;
        if (strcmp(mm->name, "peft_linear") == 0)
            continue; /* cross terms: sqrt(.3) and sqrt(.7) do not add up */
        Lora *m = case_build(mm, l, 2, counts ? ones : sum_one, &o, NULL);
        cr_expect_lt(case_apart(m, l[0], 1), 2e-6 * lora_norm(l[0]), "%s: %g", mm->name,
                     case_apart(m, l[0], 1));
        lora_free(m);
    }
    case_free(l, 2);
}

static const char *const trims[] = {"ties_mergekit", "ties_peft", "sce",   "dare_linear", "della",
                                    "breadcrumbs",   "knots",     "slerp", "karcher",     "exact"};

Test(merge, adapters_may_come_in_any_order)
{
    static const size_t turn[] = {2, 0, 3, 1};
    const MergeMethod *mm;
    for (size_t i = 0; (mm = merge_at(i)) != NULL; i++) {
        size_t k = strcmp(mm->name, "slerp") == 0 ? 2 : 4;
        Lora *l[4], *moved[4];
        double w[4] = {0.5, 0.25, 1.25, 0.125}, wm[4];
        for (size_t j = 0; j < 4; j++) l[j] = case_adapter(3, 2, j);
        for (size_t j = 0; j < k; j++) {
            size_t from = k == 2 ? 1 - j : turn[j];
            moved[j] = l[from];
            wm[j] = w[from];
        }
        MergeOpts o = case_opts(mm, 0.4);
        o.seed = 5;
        Lora *a = case_build(mm, l, k, w, &o, NULL), *b = case_build(mm, moved, k, wm, &o, NULL);
        cr_expect_lt(case_apart(a, b, 1), 2e-6 * lora_norm(a), "%s", mm->name);
        if (mm->form == MERGE_DENSE) cr_expect(lora_equal(a, b), "%s", mm->name);
        lora_free(a);
        lora_free(b);
        case_free(l, 4);
    }
}

Test(merge, any_number_of_threads_gives_the_same_bits)
{
    Lora *l[2] = {case_adapter(3, 2, 8), case_adapter(2, 2, 9)};
    double w[2] = {0.5, 0.75};
    for (size_t i = 0; i < sizeof trims / sizeof trims[0]; i++) {
        const MergeMethod *mm = merge_find(trims[i]);
        MergeOpts o = case_opts(mm, 0.3);
        par_set_threads(1);
        Lora *a = case_build(mm, l, 2, w, &o, NULL);
        par_set_threads(4);
        Lora *b = case_build(mm, l, 2, w, &o, NULL);
        par_set_threads(0);
        cr_expect(lora_equal(a, b), "%s", mm->name);
        lora_free(a);
        lora_free(b);
    }
    case_free(l, 2);
}

Test(merge, exact_is_linear)
{
    Lora *l[3] = {case_adapter(2, 2, 1), case_adapter(3, 2, 2), case_adapter(1, 2, 3)}, *part[2];
    static const double u[3] = {0.5, -1, 2}, v[3] = {1.5, 0.25, -0.75}, both[2] = {2, -3};
    const MergeMethod *exact = merge_find("exact");
    MergeOpts o = merge_opts();
    double w[3];
    for (size_t i = 0; i < 3; i++) w[i] = 2 * u[i] - 3 * v[i];
    part[0] = case_build(exact, l, 3, u, &o, NULL);
    part[1] = case_build(exact, l, 3, v, &o, NULL);
    Lora *whole = case_build(exact, l, 3, w, &o, NULL), *sum = case_build(exact, part, 2, both, &o, NULL);
    cr_assert_lt(case_apart(whole, sum, 1), 1e-5 * lora_norm(whole));
    o.lambda = -0.5;
    Lora *half = case_build(merge_find("task_arithmetic"), l, 3, w, &o, NULL);
    cr_assert_lt(case_apart(half, whole, -0.5), 1e-5 * lora_norm(whole));
    lora_free(half);
    lora_free(whole);
    lora_free(sum);
    case_free(part, 2);
    case_free(l, 3);
}

Test(merge, lambda_and_the_sum_of_proportions_are_strength)
{
    Lora *l[2] = {case_adapter(3, 2, 8), case_adapter(3, 2, 9)};
    const MergeMethod *mm;
    for (size_t i = 0; (mm = merge_at(i)) != NULL; i++) {
        MergeOpts o = case_opts(mm, 0.5), more = o;
        double w[2] = {0.25, 0.75}, twice[2] = {0.5, 1.5};
        more.lambda = 3;
        MergeReport rep = {0}, rep3 = {0};
        Lora *a = case_build(mm, l, 2, w, &o, &rep), *b = case_build(mm, l, 2, w, &more, &rep3);
        cr_expect_lt(case_apart(b, a, 3), 1e-5 * lora_norm(b), "%s", mm->name);
        cr_expect_float_eq(rep3.norm, 3 * rep.norm, 1e-5 * rep3.norm, "%s", mm->name);
        if (mm->positive) {
            Lora *c = case_build(mm, l, 2, twice, &o, NULL);
            cr_expect_lt(case_apart(c, a, 2), 1e-5 * lora_norm(c), "%s", mm->name);
            lora_free(c);
        }
        merge_report_free(&rep);
        merge_report_free(&rep3);
        lora_free(a);
        lora_free(b);
    }
    case_free(l, 2);
}

/* PEFT's own test: a weight of -1 negates, 1 and -1 of the same cancel. */
Test(merge, negative_weights_negate)
{
    static const char *const name[] = {"exact",           "svd",       "peft_linear",
                                       "magnitude_prune", "ties_peft", "knots"};
    double minus = -1, pair[2] = {1, -1};
    Lora *l[2] = {case_adapter(3, 2, 8), case_adapter(3, 2, 8)};
    for (size_t i = 0; i < 6; i++) {
        const MergeMethod *mm = merge_find(name[i]);
        MergeOpts o = case_opts(mm, 1);
        Lora *a = case_build(mm, l, 1, &minus, &o, NULL);
        cr_expect_lt(case_apart(a, l[0], -1), 2e-6 * lora_norm(a), "%s", name[i]);
        lora_free(a);
        if (strcmp(name[i], "ties_peft") == 0 || strcmp(name[i], "knots") == 0) continue;
        if (strcmp(name[i], "peft_linear") == 0) continue; /* the sign is on A alone: B adds up, A cancels */
        a = case_build(mm, l, 2, pair, &o, NULL);
        cr_expect_lt(lora_norm(a), 1e-5, "%s: %g", name[i], lora_norm(a));
        lora_free(a);
    }
    case_free(l, 2);
}

Test(merge, sign_symmetry_of_prime_and_its_quarter_strength)
{
    Lora *l[1] = {case_adapter(2, 2, 6)};
    double ratio, half = 0.5, minus = -1;
    Err e = {0};
    const double *w[2] = {&half, &minus}, want[2] = {0.25, 1};
    for (size_t i = 0; i < 2; i++) {
        Lora *sum = NULL;
        cr_assert_eq(merge_run(&sum, merge_find("prime"), (const Lora *const *)l, w[i], 1, &e), OK);
        cr_assert_eq(merge_attenuation(&ratio, NULL, NULL, sum, (const Lora *const *)l, 1, &e), OK);
        cr_assert_float_eq(ratio, want[i], 1e-5);
        lora_free(sum);
    }
    lora_free(l[0]);
}

/* ---- ranks, cuts and reports ---- */

Test(merge, what_a_cut_loses_is_what_is_missing)
{
    Lora *l[3] = {case_adapter(2, 2, 1), case_adapter(3, 4, 2), case_adapter(1, 2, 3)};
    double w[3] = {0.5, 1, 0.75};
    const MergeMethod *mm;
    for (size_t i = 0; (mm = merge_at(i)) != NULL; i++) {
        if (mm->form == MERGE_FACTORS || strcmp(mm->name, "slerp") == 0) continue;
        MergeOpts o = case_opts(mm, 0.7), plain = merge_opts();
        o.rank = MERGE_RANK_FULL;
        MergeReport rep = {0}, cut = {0};
        Lora *full = case_build(mm, l, 3, w, &o, &rep);
        Lora *exact = case_build(merge_find("exact"), l, 3, w, &plain, NULL);
        cr_expect_lt(rep.cut, 1e-5 * rep.norm, "%s", mm->name);
        cr_expect_leq(rep.rank, 6, "%s: %zu", mm->name, rep.rank);
        cr_expect_float_eq(rep.norm, lora_norm(full), 1e-5 * rep.norm, "%s", mm->name);
        cr_expect_float_eq(rep.exact, lora_norm(exact), 1e-5 * rep.exact, "%s", mm->name);
        cr_expect_float_eq(rep.cross, case_apart(full, exact, 1), 1e-5 * rep.exact, "%s", mm->name);
        for (size_t r = 1; r <= 3; r++) {
            o.rank = r;
            Lora *some = case_build(mm, l, 3, w, &o, &cut);
            cr_expect_leq(cut.rank, r);
            cr_expect_float_eq(cut.cut, case_apart(some, full, 1), 1e-5 * rep.norm, "%s rank %zu", mm->name,
                               r);
            cr_expect_float_eq(cut.norm, lora_norm(some), 1e-5 * rep.norm, "%s rank %zu", mm->name, r);
            cr_expect_float_eq(cut.cross, rep.cross, 1e-5 * rep.exact, "%s rank %zu", mm->name, r);
            merge_report_free(&cut);
            lora_free(some);
        }
        merge_report_free(&rep);
        lora_free(full);
        lora_free(exact);
    }
    case_free(l, 3);
}

Test(merge, ranks_that_are_taken_by_default)
{
    Lora *l[2] = {case_adapter(1, 2, 1), case_adapter(2, 4, 2)};
    static const struct {
        const char *name;
        size_t rank;
    } want[] = {{"exact", 3}, {"svd", 2}, {"ties_peft", 3}, {"knots", 3}, {"karcher", 3}};
    double w[2] = {0.5, 1};
    for (size_t i = 0; i < 5; i++) {
        const MergeMethod *mm = merge_find(want[i].name);
        MergeOpts o = case_opts(mm, 0.5);
        MergeReport rep = {0};
        Lora *m = case_build(mm, l, 2, w, &o, &rep);
        cr_expect_eq(rep.rank, want[i].rank, "%s: %zu", mm->name, rep.rank);
        merge_report_free(&rep);
        lora_free(m);
    }
    case_free(l, 2);
}

/* Sites that only one adapter has take that one alone; slerp and its like do not count the absent one. */
Test(merge, adapters_with_different_modules)
{
    Lora *l[2] = {case_kinds(&case_shape, 1U << LORA_Q | 1U << LORA_V, 2, 2, 1),
                  case_kinds(&case_shape, 1U << LORA_V | 1U << LORA_O, 3, 2, 2)};
    double w[2] = {0.5, 0.5};
    const MergeMethod *mm;
    for (size_t i = 0; (mm = merge_at(i)) != NULL; i++) {
        MergeOpts o = case_opts(mm, 1);
        if (mm->form == MERGE_FACTORS) continue; /* refused where ranks differ: see test_merge_bad.c */
        o.rank = MERGE_RANK_FULL;
        Lora *m = case_build(mm, l, 2, w, &o, NULL);
        cr_expect_eq(m->site[LORA_K].r, 0);
        double *q = case_delta(m, LORA_Q), *own = case_delta(l[0], LORA_Q);
        bool mean = strstr(mm->name, "mergekit") != NULL; /* divides by the weights, here one */
        if (strcmp(mm->name, "della") == 0) mean = true;
        for (size_t v = 0; v < case_size(m, LORA_Q); v++)
            cr_expect_float_eq(q[v], (mean ? 1 : 0.5) * own[v], 1e-5, "%s", mm->name);
        free(q);
        free(own);
        lora_free(m);
    }
    case_free(l, 2);
}

Test(merge, shares_signs_and_effective_adapters)
{
    Lora *l[2] = {case_adapter(2, 2, 1), case_adapter(2, 2, 2)};
    double w[2] = {0.5, -1.5}, n[2] = {lora_norm(l[0]), lora_norm(l[1])};
    MergeOpts o = merge_opts();
    MergeReport rep = {0};
    Lora *m = case_build(merge_find("exact"), l, 2, w, &o, &rep);
    double sum = 0.5 * n[0] + 1.5 * n[1], p = 0.5 * n[0] / sum;
    cr_assert_float_eq(rep.own[0], n[0], 1e-9 * n[0]);
    cr_assert_float_eq(rep.share[0], p, 1e-9);
    cr_assert_float_eq(rep.share[1], 1 - p, 1e-9);
    cr_assert_float_eq(rep.sign[1], -1.5, 1e-9);
    cr_assert_float_eq(rep.effective, 1 / (p * p + (1 - p) * (1 - p)), 1e-9);
    cr_assert_eq(rep.cross, 0);
    merge_report_free(&rep);
    lora_free(m);
    case_free(l, 2);
}
