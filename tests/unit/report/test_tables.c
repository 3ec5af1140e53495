/* The statistics behind the tables, on ledgers whose answers are worked out by hand or by another program. */
#include "toy.h"

TestSuite(tables, .init = report_folder, .fini = report_folder_gone);

#define NOTHING    \
    {              \
        0, 0, 0, 0 \
    }
#define CLEAR      \
    {              \
        4, 3, 2, 1 \
    }

/* Gains over base: 0.1, 0.2, 0.6, -0.1 by target. */
static const Toy gains[] = {
    {"base", "u1", NAN, 0.2, NOTHING, NULL},    {"base", "u2", NAN, 0.3, NOTHING, NULL},
    {"base", "u3", NAN, 0.3, NOTHING, NULL},    {"base", "u4", NAN, 0.4, NOTHING, NULL},
    {"place", "u1", 0.5, 0.3, CLEAR, NULL},     {"place", "u2", 0.5, 0.5, CLEAR, NULL},
    {"place", "u3", 0.5, 0.9, CLEAR, NULL},     {"place", "u4", 0.5, 0.3, CLEAR, NULL},
    {"soup+rag2", "u1", NAN, 0.3, CLEAR, NULL}, {"soup+rag2", "u2", NAN, 0.3, CLEAR, NULL},
    {"soup+rag2", "u3", NAN, 0.9, CLEAR, NULL}, {"soup+rag2", "u4", NAN, 0.4, CLEAR, NULL},
};
enum { N_GAINS = sizeof gains / sizeof gains[0] };

static size_t table_row_of(const Table *t, const char *method, const char *metric)
{
    for (size_t i = 0; i < t->n_rows; i++)
        if (strcmp(text_at(t, i, "method"), method) == 0 &&
            (metric == NULL || strcmp(text_at(t, i, "metric"), metric) == 0))
            return i;
    cr_assert_fail("no row for %s", method);
    return 0;
}

/* Student's distribution with 3 degrees of freedom in closed form, t = 0.2 / (sqrt(0.26 / 3) / 2); the roots
 * of 4 p^3 - 3 p^4 = 0.025 and 1 - p^4 = 0.025. */
Test(tables, a_gain_is_paired_by_target)
{
    Arena a = {0};
    char *text = report_of(gains, N_GAINS, 3, false, "acc", "methods.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 6, "three methods, two metrics");
    size_t i = table_row_of(&t, "place", "acc");
    cr_assert_float_eq(num_at(&t, i, "base_diff"), 0.2, 1e-12);
    cr_assert_float_eq(num_at(&t, i, "base_diff_lo"), -0.2684434, 1e-6);
    cr_assert_float_eq(num_at(&t, i, "base_diff_hi"), 0.6684434, 1e-6);
    cr_assert_float_eq(num_at(&t, i, "base_p"), 0.2673672, 1e-6);
    cr_assert_float_eq(num_at(&t, i, "base_win_rate"), 0.75, 1e-12);
    cr_assert_float_eq(num_at(&t, i, "base_win_rate_lo"), 0.1941204, 1e-6);
    cr_assert_float_eq(num_at(&t, i, "base_win_rate_hi"), 0.9936905, 1e-6);
    cr_assert_str_eq(text_at(&t, i, "reference"), "");
    cr_assert_str_eq(text_at(&t, i, "ref_diff"), "");
    cr_assert_str_eq(text_at(&t, i, "on_front"), "yes");
    cr_assert_str_eq(text_at(&t, table_row_of(&t, "place", "f1"), "on_front"), "no");
    cr_assert_float_eq(num_at(&t, table_row_of(&t, "place", "f1"), "base_diff"), 0.1, 1e-12);
    /* soup: 0.1, 0, 0.6, 0: two wins and two ties. Holm over two methods doubles the smaller p. */
    size_t j = table_row_of(&t, "soup+rag2", "acc");
    cr_assert_float_eq(num_at(&t, j, "base_win_rate"), 0.75, 1e-12);
    double p = fmin(num_at(&t, i, "base_p"), num_at(&t, j, "base_p"));
    double q = fmin(num_at(&t, i, "base_p_holm"), num_at(&t, j, "base_p_holm"));
    cr_assert_float_eq(q, 2 * p, 1e-12);
    cr_assert_str_eq(text_at(&t, table_row_of(&t, "base", "acc"), "base_p_holm"), "");
    free(text);
    arena_free(&a);
}

Test(tables, a_reference_may_be_chosen)
{
    Arena a = {0};
    ReportOptions how = report_defaults();
    const char *names[] = {"soup+rag2", "place", "place@0.5"};
    for (size_t k = 0; k < 3; k++) {
        how.reference = names[k];
        char *text = report_how(gains, N_GAINS, 3, false, "acc", "methods.csv", &how);
        Table t = table_of(&a, text);
        size_t i = table_row_of(&t, k == 0 ? "place" : "soup+rag2", "acc");
        /* place minus soup: 0, 0.2, 0, -0.1 */
        cr_assert_float_eq(num_at(&t, i, "ref_diff"), k == 0 ? 0.025 : -0.025, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "ref_win_rate"), 0.5, 1e-12);
        cr_assert_str_eq(text_at(&t, i, "reference"), names[k]);
        free(text);
    }
    arena_free(&a);
    const char *wrong[] = {"nobody", "place@0.7", "place@", "place@0.5x"};
    for (size_t k = 0; k < 4; k++) {
        Ledger *l = NULL;
        Report *r = NULL;
        err = (Err){0};
        cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
        add_cell(l, &gains[4], 3);
        how.reference = wrong[k];
        cr_assert_eq(report_load(&r, l, &how, &err), ERR_ARG);
        cr_assert_not_null(strstr(err.msg, "want METHOD or METHOD@LAMBDA"), "%s", err.msg);
        ledger_close(l);
        remove(path);
    }
}

Test(tables, errors_are_better_when_small)
{
    Arena a = {0};
    for (size_t k = 0; k < 2; k++) {
        Ledger *l = NULL;
        Report *r = NULL;
        Str text = {0};
        cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
        if (k == 1) cr_assert_eq(ledger_meta_set(l, "lower_is_better", "wer, acc", &err), OK);
        for (size_t i = 0; i < N_GAINS; i++) add_cell(l, &gains[i], 3);
        cr_assert_eq(report_load(&r, l, NULL, &err), OK, "%s", err.msg);
        ledger_close(l);
        remove(path);
        cr_assert_eq(report_output_at(1)->fn(&text, r, &err), OK);
        Table t = table_of(&a, text.s);
        size_t i = table_row_of(&t, "place", NULL);
        cr_assert_float_eq(num_at(&t, i, "win_rate"), k == 0 ? 0.75 : 0.25, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "gain"), 0.2, 1e-12, "in the units of the metric");
        cr_assert_str_eq(text_at(&t, i, "dominated"), k == 0 ? "no" : "yes");
        str_free(&text);
        report_free(r);
    }
    arena_free(&a);
}

/* Everybody's members lie above their own held-out records, and everybody has a level: pooled 6 of 9 pairs
 * of people count half or less. */
Test(tables, pooling_hides_a_leak_that_the_mean_shows)
{
    Arena a = {0};
    Ledger *l = NULL;
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    begin_cell(l, "soup", "u1");
    for (size_t u = 0; u < 3; u++)
        for (size_t i = 0; i < 4; i++)
            add_row(l, "attack", "ref", u, i, i < 2, 100 * (double)u + (i < 2 ? 10 : 0) + (double)i);
    cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK);
    char *text = close_and_report(l, "front.csv");
    Table t = table_of(&a, text);
    cr_assert_float_eq(num_at(&t, 0, "leakage"), 6.0 / 9, 1e-12); /* (3 + 3) of 3 x 3 pairs of people */
    cr_assert_float_eq(num_at(&t, 0, "leakage_mean"), 1, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "leakage_mean_lo"), pow(0.025, 1.0 / 3), 1e-12);
    cr_assert_eq(num_at(&t, 0, "leakage_mean_hi"), 1);
    free(text);
    arena_free(&a);
}

/* AUC 1/4, 1/2, 3/4, 1 at |w| 1, 2, 3, 4, half of them negative: slope 1/4. Then twice the same anchors in
 * another cell, where everybody's weight is one larger and nobody's AUC differs: within slope 0. */
Test(tables, dose_and_response)
{
    static const double scores[4][4] = {{1, 4, 3, 5}, {1, 4, 2, 3}, {2, 4, 1, 3}, {3, 4, 1, 2}};
    static const double auc[4] = {0.25, 0.5, 0.75, 1};
    Arena a = {0};
    for (size_t cells = 1; cells <= 2; cells++) {
        Ledger *l = NULL;
        cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
        for (size_t c = 0; c < cells; c++) {
            begin_cell(l, "soup", c == 0 ? "u1" : "u2");
            for (size_t u = 0; u < 4; u++) {
                for (size_t i = 0; i < 4; i++) add_row(l, "attack", "ref", u, i, i < 2, scores[u][i]);
                double w = (double)(u + 1 + c);
                add_row(l, "weight", "w", u, 0, LEDGER_NO_LABEL, u % 2 == 0 ? -w : w);
            }
            cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK);
        }
        if (cells == 1) {
            char *text = close_and_report(l, "anchors.csv");
            Table t = table_of(&a, text);
            for (size_t u = 0; u < 4; u++) {
                cr_assert_float_eq(num_at(&t, u, "auc"), auc[u], 1e-12);
                cr_assert_eq(num_at(&t, u, "weight_rank"), 4 - (double)u);
                cr_assert_float_eq(num_at(&t, u, "weight_abs"), fabs(num_at(&t, u, "weight")), 1e-12);
                cr_assert_geq(num_at(&t, u, "p_holm"), num_at(&t, u, "p_bh"));
                cr_assert_geq(num_at(&t, u, "p_bh"), num_at(&t, u, "p"));
            }
            cr_assert_eq(num_at(&t, 0, "weight"), -1);
            free(text);
            continue;
        }
        char *text = close_and_report(l, "dose.csv");
        Table t = table_of(&a, text);
        /* Sums over both cells: Sxy 2.5, Sxx 12. */
        cr_assert_float_eq(num_at(&t, 0, "slope"), 2.5 / 12, 1e-12);
        cr_assert_float_eq(num_at(&t, 0, "slope_within"), 0, 1e-12);
        cr_assert_float_eq(num_at(&t, 0, "spearman"), 1, 1e-12, "in the same order");
        cr_assert_eq(num_at(&t, 0, "n_anchors"), 4);
        cr_assert_eq(num_at(&t, 0, "n_points"), 8);
        free(text);
    }
    arena_free(&a);
}

/* Nobody is accused at 1%: half of the members of each anchor lie above all held-out records, so that all
 * anchors agree and records count in full: Clopper-Pearson for 20 of 40. With all or none within one person
 * the interval is that of the people. */
Test(tables, the_interval_of_a_rate_knows_people)
{
    Arena a = {0};
    for (size_t clustered = 0; clustered < 2; clustered++) {
        Ledger *l = NULL;
        cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
        begin_cell(l, "soup", "u1");
        for (size_t u = 0; u < 4; u++)
            for (size_t i = 0; i < 20; i++) {
                bool hit = clustered == 1 ? u < 2 : i < 5;
                add_row(l, "attack", "ref", u, i, i < 10, i >= 10 ? 5 : hit ? 9 : 1);
            }
        cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK);
        char *text = close_and_report(l, "attacks.csv");
        Table t = table_of(&a, text);
        double lo = 0, hi = 0;
        cr_assert_float_eq(num_at(&t, 0, "tpr_at_fpr_0.01"), 0.5, 1e-12);
        if (clustered == 0) {
            cr_assert_float_eq(num_at(&t, 0, "tpr_at_fpr_0.01_lo"), 0.3380178, 1e-6);
            cr_assert_float_eq(num_at(&t, 0, "tpr_at_fpr_0.01_hi"), 0.6619822, 1e-6);
        } else { /* worth 1.2 records: all that can be said is next to nothing */
            lo = num_at(&t, 0, "tpr_at_fpr_0.01_lo");
            hi = num_at(&t, 0, "tpr_at_fpr_0.01_hi");
            cr_assert(lo < 0.05 && hi > 0.95, "%g %g", lo, hi);
        }
        free(text);
    }
    arena_free(&a);
}

/* place: utility 0.5, leakage 1: adds nothing below leakage 1. base: 0.3 x (1 - 0.5). */
Test(tables, volume_by_hand)
{
    Arena a = {0};
    char *text = report_of(gains, N_GAINS, 3, false, "acc", "volume.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 3);
    cr_assert_str_eq(text_at(&t, 0, "method"), "");
    cr_assert_float_eq(num_at(&t, 0, "volume"), 0.3 * 0.5, 1e-12);
    cr_assert_float_eq(num_at(&t, 1, "volume"), 0, 1e-12);
    cr_assert_eq(num_at(&t, 0, "ref_utility"), 0);
    cr_assert_eq(num_at(&t, 0, "ref_leakage"), 1);
    cr_assert_leq(num_at(&t, 0, "volume_lo"), 0.15);
    cr_assert_geq(num_at(&t, 0, "volume_hi"), 0.15);
    free(text);
    ReportOptions how = report_defaults();
    how.volume_utility = 0.1;
    text = report_how(gains, N_GAINS, 3, false, "acc", "volume.csv", &how);
    t = table_of(&a, text);
    cr_assert_float_eq(num_at(&t, 0, "volume"), 0.2 * 0.5, 1e-12);
    free(text);
    arena_free(&a);
}

/* 5 anchors with 2 records each: AUC from the scores, not from a table of 25 pairs. The members 1.5, 2.5, ..,
 * 5.5 against 1, 2, .., 5 win 1 + 2 + .. + 5 of 25. The same with another 20 records each that tie with all
 * others of theirs changes nothing but the way. */
Test(tables, both_ways_to_a_resampled_auc)
{
    Arena a = {0};
    double lo[2], hi[2], p[2];
    for (size_t k = 0; k < 2; k++) {
        Ledger *l = NULL;
        cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
        begin_cell(l, "soup", "u1");
        for (size_t t = 0; t < 4; t++)
            add(l, "utility", "acc", t % 2 == 0 ? "u1" : "u2", "q", LEDGER_NO_LABEL, 0.5);
        for (size_t u = 0; u < 5; u++)
            for (size_t i = 0; i < (k == 0 ? 1 : 6); i++) {
                add_row(l, "attack", "ref", u, i, 1, 1.5 + (double)u);
                add_row(l, "attack", "ref", u, 10 + i, 0, 1 + (double)u);
            }
        cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK);
        char *text = close_and_report(l, "volume.csv");
        Table t = table_of(&a, text);
        cr_assert_float_eq(num_at(&t, 0, "volume"), 0.5 * (1 - 15.0 / 25), 1e-12);
        lo[k] = num_at(&t, 0, "volume_lo");
        hi[k] = num_at(&t, 0, "volume_hi");
        p[k] = (double)t.n_rows;
        free(text);
    }
    cr_assert_float_eq(lo[0], lo[1], 1e-12);
    cr_assert_float_eq(hi[0], hi[1], 1e-12);
    cr_assert(lo[0] < hi[0]);
    cr_assert_eq(p[0], p[1]);
    arena_free(&a);
}

Test(tables, the_front_is_certain_where_nothing_competes)
{
    Arena a = {0};
    char *text = report_of(gains, N_GAINS, 3, false, "acc", "front.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(num_at(&t, table_row_of(&t, "base", NULL), "p_front"), 1, "nothing leaks less");
    double place = num_at(&t, table_row_of(&t, "place", NULL), "p_front");
    double soup = num_at(&t, table_row_of(&t, "soup+rag2", NULL), "p_front");
    cr_assert(place > 0.5 && place < 1, "%g", place);
    cr_assert(soup > 0 && soup < 0.5, "%g", soup);
    cr_assert_geq(place + soup, 0.9, "one of both is the more useful, unless base is");
    for (size_t i = 0; i < t.n_rows; i++)
        cr_assert_neq(strcmp(text_at(&t, i, "dominated"), text_at(&t, i, "on_front")), 0);
    free(text);
    text = report_how(gains, N_GAINS, 3, false, "acc", "front.csv",
                      &(ReportOptions){.attack = "loss", .volume_utility = NAN});
    t = table_of(&a, text);
    cr_assert_float_eq(num_at(&t, table_row_of(&t, "place", NULL), "leakage"), 0, 1e-12, "another attack");
    free(text);
    arena_free(&a);
}

static const char *const hostile[] = {"=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-x", "\tx", "plain"};

Test(tables, no_cell_is_a_formula)
{
    Arena a = {0};
    Ledger *l = NULL;
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    begin_cell(l, "soup", "u1");
    for (size_t u = 0; u < 6; u++)
        for (int i = 0; i < 2; i++) add(l, "attack", "ref", hostile[u], i == 1 ? "m" : "h", i, -1.5 * i);
    cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK);
    char *text = close_and_report(l, "anchors.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 6);
    for (size_t i = 0; i < t.n_rows; i++) {
        const char *id = text_at(&t, i, "anchor");
        cr_assert(id[0] == '\'' || strcmp(id, "plain") == 0 || strcmp(id, "<U+0009>x") == 0, "%s", id);
        cr_assert_eq(num_at(&t, i, "auc"), 0);
    }
    free(text);
    arena_free(&a);
}
