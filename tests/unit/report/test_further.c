/* The tables of attacks on more than records, of merges one by one, of seeds and of the run's null checks, on
 * ledgers whose answers are worked out by hand. */
#include "toy.h"

#include "prime/rng.h"
#include "prime/roc.h"

TestSuite(further, .init = report_folder, .fini = report_folder_gone);

static Ledger *toy_ledger(void)
{
    Ledger *l = NULL;
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    return l;
}

static void end_cell(Ledger *l)
{
    cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK, "%s", err.msg);
}

/* A cell needs nothing but the rows in question. Student's t with 1 degree of freedom: tan(0.475 pi). */
Test(further, weights_that_are_recovered)
{
    static const double error[2][2] = {{0.1, 0.1}, {0.2, 0.4}}; /* by anchor and cell */
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t c = 0; c < 2; c++) {
        begin_cell(l, "soup", c == 0 ? "u1" : "u2");
        if (c == 0) add_row(l, "weight", "w", 0, 0, LEDGER_NO_LABEL, 1); /* in one of two merges */
        for (size_t u = 0; u < 2; u++) {
            add_row(l, "fingerprint", "weight", u, 0, LEDGER_NO_LABEL, (u == 0 ? 0.5 : 0) + error[u][c]);
            add_row(l, "fingerprint", "error", u, 0, LEDGER_NO_LABEL, error[u][c]);
            add_row(l, "fingerprint", "outside", u, 0, LEDGER_NO_LABEL, u == 0 ? 0.5 : 0.25);
        }
        end_cell(l);
    }
    char *text = close_and_report(l, "fingerprint.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 3, "all, and two anchors");
    cr_assert_str_eq(text_at(&t, 0, "anchor"), "");
    cr_assert_float_eq(num_at(&t, 0, "error"), 0.2, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "error_hi"), 0.2 + 0.1 * 12.706204736, 1e-6);
    cr_assert_float_eq(num_at(&t, 0, "error_max"), 0.4, 1e-12);
    cr_assert_eq(num_at(&t, 0, "n_anchors"), 2);
    cr_assert_eq(num_at(&t, 0, "n_points"), 4);
    cr_assert_float_eq(num_at(&t, 1, "weight"), 0.5, 1e-12);
    cr_assert_float_eq(num_at(&t, 1, "recovered"), 0.6, 1e-12);
    cr_assert_float_eq(num_at(&t, 1, "outside"), 0.5, 1e-12);
    cr_assert_str_eq(text_at(&t, 2, "weight"), "", "in no merge");
    cr_assert_float_eq(num_at(&t, 2, "recovered"), 0.3, 1e-12);
    cr_assert_float_eq(num_at(&t, 2, "error"), 0.3, 1e-12);
    free(text);
    arena_free(&a);
}

/* Within the cell of u1 all four pairs are won, within that of u2 three; the level of u2 lies higher, so that
 * pooled 2 + 2 + 3 + 4 of 16 pairs and more are: counted below. The base says nothing (all alike), the length
 * the opposite. */
Test(further, people_within_and_across_cells)
{
    static const double score[2][4] = {{3, 4, 1, 2}, {13, 11, 10, 12}};
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t c = 0; c < 2; c++) {
        const char *target = c == 0 ? "u1" : "u2";
        begin_cell(l, "soup", target);
        for (size_t u = 0; u < 4; u++) {
            add_row(l, "person", "prime_mia", u, 0, u < 2, score[c][u]);
            add_row(l, "person", "prime_mia_base", u, 0, u < 2, 0);
            add_row(l, "person", "prime_mia_blind", u, 0, u < 2, u < 2 ? 0 : 1);
        }
        add(l, "person", "prime_mia_auc", target, "", LEDGER_NO_LABEL, c == 0 ? 0.75 : 0.25);
        end_cell(l);
    }
    char *text = close_and_report(l, "people.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 3);
    cr_assert_str_eq(text_at(&t, 0, "attack"), "prime_mia");
    /* 3, 4 beat 1, 2; 13 beats all of 1, 2, 10, 12; 11 beats 1, 2, 10 */
    cr_assert_float_eq(num_at(&t, 0, "auc"), 11.0 / 16, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "auc_mean"), (1 + 0.75) / 2, 1e-12);
    cr_assert_eq(num_at(&t, 0, "auc_mean_hi"), 1, "cut");
    cr_assert_float_eq(num_at(&t, 0, "auc_records"), 0.5, 1e-12);
    /* the length turned round finds everybody */
    cr_assert_float_eq(num_at(&t, 0, "excess"), 11.0 / 16 - 1, 1e-12);
    cr_assert_eq(num_at(&t, 0, "n_people"), 4);
    cr_assert_eq(num_at(&t, 0, "n_targets"), 2);
    cr_assert_eq(num_at(&t, 0, "n_cells"), 2);
    cr_assert_float_eq(num_at(&t, 1, "auc"), 0.5, 1e-12);
    cr_assert_float_eq(num_at(&t, 2, "auc"), 0, 1e-12);
    for (size_t i = 1; i < 3; i++) {
        cr_assert_str_eq(text_at(&t, i, "p_holm"), "", "a control");
        cr_assert_str_eq(text_at(&t, i, "excess"), "");
        cr_assert_str_eq(text_at(&t, i, "auc_records"), "");
    }
    free(text);
    arena_free(&a);
}

Test(further, whose_text_it_is)
{
    static const double share[2][2] = {{0.5, 0.25}, {0.75, 1}}; /* held out, members */
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t u = 0; u < 2; u++) {
        begin_cell(l, "anchor", u == 0 ? "a0" : "a1");
        for (int k = 0; k < 2; k++) add_row(l, "person", "source_inference", u, 0, k, share[u][k]);
        end_cell(l);
    }
    char *text = close_and_report(l, "source.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 1);
    cr_assert_float_eq(num_at(&t, 0, "members"), 0.625, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "heldout"), 0.625, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "diff"), 0, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "diff_hi"), 0.25 * 12.706204736, 1e-6);
    cr_assert_float_eq(num_at(&t, 0, "chance"), 0.5, 1e-12);
    free(text);
    arena_free(&a);
}

/* Planted 5, 7 | 3, 5 bits, kept out 1 | 2: means 5 and 1.5 over people, differences 5 and 2. */
Test(further, exposure_of_canaries)
{
    Arena a = {0};
    Ledger *l = toy_ledger();
    begin_cell(l, "soup", "u1");
    for (size_t u = 0; u < 2; u++) {
        add_row(l, "canary", "exposure", u, 0, 1, u == 0 ? 5 : 3);
        add_row(l, "canary", "exposure", u, 1, 1, u == 0 ? 7 : 5);
        add_row(l, "canary", "exposure", u, 2, 0, u == 0 ? 1 : 2);
    }
    end_cell(l);
    char *text = close_and_report(l, "canary.csv");
    Table t = table_of(&a, text);
    cr_assert_float_eq(num_at(&t, 0, "planted"), 5, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "kept_out"), 1.5, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "diff"), 3.5, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "diff_hi"), 3.5 + 1.5 * 12.706204736, 1e-6);
    cr_assert_str_eq(text_at(&t, 0, "beyond"), "", "there is no base");
    cr_assert_float_eq(num_at(&t, 0, "auc"), 1, 1e-12);
    cr_assert_eq(num_at(&t, 0, "n_people"), 2);
    cr_assert_eq(num_at(&t, 0, "n_canaries"), 6);
    free(text);
    arena_free(&a);
}

/* Planted beyond kept out by 4 and 2 bits, under the base by 1 and -3 already: 3 and 5 beyond it; and of one
 * kind alone. */
Test(further, exposure_beyond_the_base)
{
    Arena a = {0};
    Ledger *l = toy_ledger();
    static const double planted[2][2] = {{2, 1}, {5, 6}};
    for (size_t c = 0; c < 2; c++) {
        begin_cell(l, c == 0 ? "base" : "soup", "u1");
        for (size_t u = 0; u < 2; u++) {
            add_row(l, "canary", "exposure", u, 0, 1, planted[c][u]);
            add_row(l, "canary", "exposure", u, 1, 0, u == 0 ? 1 : 4);
            add_row(l, "canary", "exposure_new", u, 0, 1, planted[c][u]);
        }
        end_cell(l);
    }
    char *text = close_and_report(l, "canary.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 4);
    cr_assert_str_eq(text_at(&t, 0, "beyond"), "", "the base itself");
    cr_assert_str_eq(text_at(&t, 2, "kind"), "all");
    cr_assert_float_eq(num_at(&t, 2, "diff"), 3, 1e-12);
    cr_assert_float_eq(num_at(&t, 2, "beyond"), 4, 1e-12);
    cr_assert_float_eq(num_at(&t, 2, "beyond_lo"), 4 - 12.706204736, 1e-6);
    cr_assert_str_eq(text_at(&t, 3, "kind"), "new");
    cr_assert_str_eq(text_at(&t, 3, "beyond"), "", "nothing was kept out");
    free(text);
    arena_free(&a);
}

/* Two people, 1 and 1/2 of whose members are written out and none of the others; 3 and 1 addresses an answer.
 */
Test(further, what_models_write_out)
{
    Arena a = {0};
    Ledger *l = toy_ledger();
    begin_cell(l, "soup", "u1");
    for (size_t u = 0; u < 2; u++) {
        add_row(l, "extract", "greedy", u, 0, 1, 1);
        add_row(l, "extract", "greedy", u, 1, 1, u == 0 ? 1 : 0);
        add_row(l, "extract", "greedy", u, 2, 0, 0);
        add_row(l, "emission", "mail", u, 0, 1, u == 0 ? 3 : 1);
        add_row(l, "emission", "mail", u, 1, 0, 1);
    }
    end_cell(l);
    char *text = close_and_report(l, "extract.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 2);
    cr_assert_str_eq(table_str(&t, 0, table_col(&t, "what")), "greedy");
    cr_assert_float_eq(num_at(&t, 0, "members"), 0.75, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "heldout"), 0, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "diff_hi"), 0.75 + 0.25 * 12.706204736, 1e-6);
    cr_assert_str_eq(table_str(&t, 1, table_col(&t, "what")), "mail");
    cr_assert_float_eq(num_at(&t, 1, "members"), 2, 1e-12);
    cr_assert_float_eq(num_at(&t, 1, "diff"), 1, 1e-12);
    cr_assert_eq(num_at(&t, 1, "n_people"), 2);
    free(text);
    arena_free(&a);
}

/* Two people, of whom one is found altogether and the other not at all; pooled 4 of 16 pairs. */
Test(further, own_adapters)
{
    static const double score[2][4] = {{3, 4, 1, 2}, {-1, 0, 5, 6}};
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t u = 0; u < 2; u++) {
        begin_cell(l, "oppu", u == 0 ? "a0" : "a1");
        for (size_t i = 0; i < 4; i++) add_row(l, "attack_own", "ref", u, i, i < 2, score[u][i]);
        end_cell(l);
    }
    char *text = close_and_report(l, "own.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 1);
    cr_assert_float_eq(num_at(&t, 0, "auc"), 4.0 / 16, 1e-12); /* 3 and 4 beat 1 and 2 */
    cr_assert_float_eq(num_at(&t, 0, "auc_mean"), 0.5, 1e-12);
    cr_assert_eq(num_at(&t, 0, "n_people"), 2);
    cr_assert_eq(num_at(&t, 0, "n_records"), 8);
    free(text);
    arena_free(&a);
}

/* One anchor's two members and two held-out records. */
static void add_scores(Ledger *l, size_t unit, const double score[4])
{
    for (size_t i = 0; i < 4; i++) add_row(l, "attack", "ref", unit, i, i < 2, score[i]);
}

/* Alone 4 of 4 pairs, in the merge 3, in the merge without it 2. u2 has no merge without anchors, and the
 * merge of its own seed alone is held against the anchor's. */
Test(further, alone_merged_left_out)
{
    static const double all[4] = {3, 4, 1, 2}, most[4] = {2, 4, 1, 3}, half[4] = {1, 4, 2, 3};
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t u = 0; u < 3; u++) {
        char id[8];
        snprintf(id, sizeof id, "a%zu", u);
        begin_cell(l, "anchor", id);
        add_scores(l, u, all);
        end_cell(l);
    }
    for (size_t c = 0; c < 2; c++) {
        begin_cell_of(l, "evolved", c == 0 ? "u1" : "u2", 0, 1 + c);
        for (size_t u = 0; u < 3; u++) {
            add_scores(l, u, most);
            add_row(l, "weight", "w", u, 0, LEDGER_NO_LABEL, -0.5);
        }
        end_cell(l);
    }
    begin_cell_of(l, "loo", "u1", 0, 1);
    for (size_t u = 0; u < 3; u++) add_scores(l, u, half);
    end_cell(l);
    begin_cell_of(l, "limited", "u1", 0, 1);
    for (size_t u = 0; u < 3; u++) add_scores(l, u, most);
    end_cell(l);
    char *text = close_and_report(l, "loo.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 6, "evolved and limited");
    for (size_t i = 0; i < 6; i++) {
        bool evolved = strcmp(text_at(&t, i, "method"), "evolved") == 0;
        cr_assert_float_eq(num_at(&t, i, "auc_alone"), 1, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "auc_merge"), 0.75, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "alone_diff"), -0.25, 1e-12);
        if (!evolved) {
            cr_assert_str_eq(text_at(&t, i, "auc_loo"), "", "loo stands beside evolved alone");
            continue;
        }
        cr_assert_float_eq(num_at(&t, i, "auc_loo"), 0.5, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "loo_diff"), 0.25, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "weight_abs"), 0.5, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "loo_p_holm"), fmin(1, 3 * num_at(&t, i, "loo_p")), 1e-12);
        cr_assert_eq(num_at(&t, i, "n_records"), 4);
    }
    free(text);
    arena_free(&a);
}

/* Own 4 of 4 pairs. Of u1's anchors scaling takes one pair from a1 alone, the merge one from each and another
 * from a2; u2 lacks the cell at its weight and does not count. Losses in the merge 1/4, 1/4, 1/2: mean 1/3;
 * by scaling 0, 1/4, 0: mean 1/12, a quarter of it. */
Test(further, scaled_down_or_hidden_by_others)
{
    static const double all[4] = {3, 4, 1, 2}, most[4] = {2, 4, 1, 3}, half[4] = {1, 4, 2, 3};
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t u = 0; u < 3; u++) {
        char id[8];
        snprintf(id, sizeof id, "a%zu", u);
        begin_cell(l, "anchor", id);
        add_scores(l, u, all);
        end_cell(l);
    }
    for (size_t c = 0; c < 2; c++) {
        begin_cell_of(l, "evolved", c == 0 ? "u1" : "u2", 0, 1);
        for (size_t u = 0; u < 3; u++) add_scores(l, u, u == 2 ? half : most);
        end_cell(l);
    }
    begin_cell_of(l, "scaled", "u1", 0, 1);
    for (size_t u = 0; u < 3; u++) add_scores(l, u, u == 1 ? most : all);
    end_cell(l);
    char *text = close_and_report(l, "scaling.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 1);
    cr_assert_float_eq(num_at(&t, 0, "auc_anchor"), 1, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "auc_scaled"), 11.0 / 12, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "auc_merge"), 2.0 / 3, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "lost"), 1.0 / 3, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "by_scaling"), 1.0 / 12, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "by_others"), 0.25, 1e-12);
    /* Student's t with 2 degrees of freedom, 4.302652730; the losses' standard error is 1/12 */
    cr_assert_float_eq(num_at(&t, 0, "lost_lo"), 1.0 / 3 - 4.302652730 / 12, 1e-6);
    cr_assert_float_eq(num_at(&t, 0, "by_scaling_hi"), 1.0 / 12 + 4.302652730 / 12, 1e-6);
    cr_assert_str_eq(text_at(&t, 0, "share"), "", "that anything is lost is not sure");
    cr_assert_eq(num_at(&t, 0, "n_anchors"), 3);
    cr_assert_eq(num_at(&t, 0, "n_pairs"), 3);
    free(text);
    arena_free(&a);
}

/* The same share for every anchor has no interval to speak of. */
Test(further, a_share_where_something_is_lost)
{
    static const double all[4] = {3, 4, 1, 2}, most[4] = {2, 4, 1, 3}, half[4] = {1, 4, 2, 3};
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t k = 0; k < 3; k++) {
        if (k < 2) begin_cell_of(l, k == 0 ? "scaled" : "evolved", "u1", 0, 1);
        for (size_t u = 0; u < 3; u++) {
            char id[8];
            snprintf(id, sizeof id, "a%zu", u);
            if (k == 2) begin_cell(l, "anchor", id);
            add_scores(l, u, k == 2 ? all : k == 0 ? most : half);
            if (k == 2) end_cell(l);
        }
        if (k < 2) end_cell(l);
    }
    char *text = close_and_report(l, "scaling.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 1);
    cr_assert_float_eq(num_at(&t, 0, "share"), 0.5, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "share_lo"), 0.5, 1e-12);
    cr_assert_float_eq(num_at(&t, 0, "share_hi"), 0.5, 1e-12);
    free(text);
    arena_free(&a);
}

/* What two paired scores of the same records differ by is what roc_compare says of them. */
Test(further, differences_are_paired_by_record)
{
    Arena a = {0};
    Ledger *l = toy_ledger();
    double x[2][20], y[20];
    size_t user[20];
    Rng r = rng_stream(8, "further", 0);
    for (size_t i = 0; i < 20; i++) {
        x[0][i] = rng_normal(&r) + (i < 10);
        x[1][i] = x[0][i] + 0.5 * rng_normal(&r);
        user[i] = i;
    }
    for (size_t k = 0; k < 2; k++) {
        begin_cell_of(l, k == 0 ? "evolved" : "loo", "u1", 0, 1);
        for (size_t u = 0; u < 2; u++)
            for (size_t i = 0; i < 20; i++) /* in another order */
                add_row(l, "attack", "ref", u, k == 0 ? i : 19 - i, (k == 0 ? i : 19 - i) < 10,
                        x[k][k == 0 ? i : 19 - i]);
        end_cell(l);
    }
    memcpy(y, x[1], sizeof y);
    RocData p = {x[0], x[0] + 10, 10, 10, user, user + 10, 20}, q = {y, y + 10, 10, 10, user, user + 10, 20};
    RocEst want;
    cr_assert_eq(roc_compare(&want, &p, &q, 0.95, &err), OK);
    char *text = close_and_report(l, "loo.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 2);
    cr_assert_float_eq(num_at(&t, 1, "loo_diff"), want.value, 1e-12);
    cr_assert_float_eq(num_at(&t, 1, "loo_diff_lo"), want.lo, 1e-12);
    cr_assert_float_eq(num_at(&t, 1, "loo_diff_hi"), want.hi, 1e-12);
    cr_assert_float_eq(num_at(&t, 1, "loo_p"), want.p, 1e-12);
    free(text);
    arena_free(&a);
}

/* One row for each anchor and target: seeds pooled, weights of that target alone. */
Test(further, merges_one_by_one)
{
    static const double all[4] = {3, 4, 1, 2}, half[4] = {1, 4, 2, 3};
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t c = 0; c < 4; c++) {
        begin_cell_of(l, "soup", c < 2 ? "u1" : "u2", NAN, 1 + c % 2);
        for (size_t u = 0; u < 2; u++) {
            add_scores(l, u, c < 2 ? all : half);
            add_row(l, "weight", "w", u, 0, LEDGER_NO_LABEL, c == 0 ? -1 : c == 1 ? 2 : 4);
        }
        end_cell(l);
    }
    char *text = close_and_report(l, "merges.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 4);
    for (size_t i = 0; i < 4; i++) {
        bool first = strcmp(text_at(&t, i, "target"), "u1") == 0;
        cr_assert_float_eq(num_at(&t, i, "auc"), first ? 1 : 0.5, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "weight"), first ? 0.5 : 4, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "weight_abs"), first ? 1.5 : 4, 1e-12);
        cr_assert_eq(num_at(&t, i, "n_cells"), 2);
        cr_assert_eq(num_at(&t, i, "n_records"), 4);
        cr_assert_geq(num_at(&t, i, "p_holm"), num_at(&t, i, "p"));
        cr_assert_str_eq(text_at(&t, i, "attack"), "ref");
    }
    free(text);
    arena_free(&a);
}

/* Seed 1 reaches (0.5, 0.5) and (0.9, 1), seed 2 (0.7, 0.75): half of the seeds attain all three, both seeds
 * only what the worse has: 0.5 at 0.75, 0.7 at 1. */
Test(further, what_seeds_attain)
{
    static const double half[4] = {1, 4, 2, 3}, most[4] = {2, 4, 1, 3}, all[4] = {3, 4, 1, 2};
    static const struct {
        double lambda, utility;
        uint64_t seed;
        const double *score;
    } point[] = {{1, 0.5, 1, half}, {0, 0.9, 1, all}, {0, 0.7, 2, most}};
    static const double want[5][4] = {
        {0.5, 1, 0.9, 1}, {0.5, 1, 0.7, 0.75}, {0.5, 1, 0.5, 0.5}, {1, 2, 0.7, 1}, {1, 2, 0.5, 0.75}};
    Arena a = {0};
    Ledger *l = toy_ledger();
    for (size_t k = 0; k < 3; k++) {
        begin_cell_of(l, "evolved", "u1", point[k].lambda, point[k].seed);
        add(l, "utility", "acc", "u1", "q", LEDGER_NO_LABEL, point[k].utility);
        for (size_t u = 0; u < 2; u++) add_scores(l, u, point[k].score);
        end_cell(l);
    }
    char *text = close_and_report(l, "eaf.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_float_eq(num_at(&t, i, "share"), want[i][0], 1e-12, "%zu", i);
        cr_assert_float_eq(num_at(&t, i, "n_attain"), want[i][1], 1e-12, "%zu", i);
        cr_assert_float_eq(num_at(&t, i, "utility"), want[i][2], 1e-12, "%zu", i);
        cr_assert_float_eq(num_at(&t, i, "leakage"), want[i][3], 1e-12, "%zu", i);
    }
    free(text);
    arena_free(&a);
}

static void add_person(Ledger *l, Rng *r, const char *attack, size_t unit, double leak)
{
    for (size_t i = 0; i < 20; i++)
        add_row(l, "attack", attack, unit, i, i < 10, leak * (i < 10) + rng_normal(r));
}

/* Merges leak altogether, so permuted labels must bring the share down to about the nominal one. The base has
 * a difference that is none of the model's, in one cell of two; that of two people is left out. */
Test(further, the_runs_own_null_checks)
{
    Arena a = {0};
    Ledger *l = toy_ledger();
    Rng r = rng_stream(9, "further", 0);
    for (size_t c = 0; c < 30; c++) {
        char target[8];
        snprintf(target, sizeof target, "u%zu", c);
        begin_cell(l, "soup", target);
        for (size_t u = 0; u < 8; u++) add_person(l, &r, "ref", u, 4);
        end_cell(l);
        if (c > 2) continue;
        begin_cell(l, "base", target);
        for (size_t u = 0; u < (c == 2 ? 2 : 8); u++)
            for (size_t i = 0; i < 20; i++)
                add_row(l, "attack", "ref", u, i, i < 10,
                        c == 0 ? (i < 10 ? 9 : 0) + (double)(i + u) : (double)(i % 10));
        end_cell(l);
    }
    char *text = close_and_report(l, "null.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 2);
    cr_assert_str_eq(text_at(&t, 0, "check"), "permuted labels");
    cr_assert_eq(num_at(&t, 0, "n"), 200);
    cr_assert_eq(num_at(&t, 0, "n_cells"), 15, "every second of 30");
    cr_assert_eq(num_at(&t, 0, "n_people"), 8);
    cr_assert_leq(num_at(&t, 0, "share"), 0.11);
    cr_assert_float_eq(num_at(&t, 0, "share"), num_at(&t, 0, "excluded") / 200, 1e-12);
    cr_assert_str_eq(text_at(&t, 1, "check"), "base");
    cr_assert_eq(num_at(&t, 1, "n"), 2);
    cr_assert_eq(num_at(&t, 1, "excluded"), 1);
    cr_assert_float_eq(num_at(&t, 1, "share_hi"), 0.98742, 1e-4, "Clopper and Pearson's of 1 in 2");
    free(text);
    arena_free(&a);
}

/* 1,100 anchors under two attacks, alone and merged: the chart's numbers are those of the report's attack. */
Test(further, a_page_of_many_anchors_alone)
{
    Ledger *l = toy_ledger();
    for (size_t u = 0; u < 1100; u++) {
        char id[8];
        snprintf(id, sizeof id, "a%zu", u);
        begin_cell(l, "anchor", id);
        for (int i = 0; i < 2; i++) add_row(l, "attack", "ref", u, (size_t)i, i, i);
        for (int i = 0; i < 2; i++) add_row(l, "attack", "loss", u, (size_t)i, i, i);
        end_cell(l);
    }
    begin_cell(l, "soup", "u1");
    for (size_t u = 0; u < 1100; u++)
        for (int i = 0; i < 2; i++) {
            add_row(l, "attack", "ref", u, (size_t)i, i, i);
            add_row(l, "attack", "loss", u, (size_t)i, i, i);
        }
    end_cell(l);
    char *text = close_and_report(l, "report.html");
    cr_assert_not_null(strstr(text, "1800 more rows are in loo.csv"));
    const char *from = strstr(text, "\"loo\": ["), *to = from != NULL ? strstr(from, "]") : NULL;
    cr_assert_not_null(to);
    size_t rows = 0;
    for (const char *at = from; (at = strstr(at, "auc_alone")) != NULL && at < to; at++) rows++;
    cr_assert_eq(rows, 1100);
    cr_assert_lt(strlen(text), 2000000);
    free(text);
}

/* Nothing of all this in a ledger without such rows: headers alone. */
Test(further, tables_may_be_empty)
{
    static const char *const file[] = {"merges.csv",  "loo.csv",    "fingerprint.csv", "people.csv",
                                       "source.csv",  "canary.csv", "own.csv",         "eaf.csv",
                                       "extract.csv", "null.csv",   "scaling.csv"};
    for (size_t k = 0; k < sizeof file / sizeof file[0]; k++) {
        Arena a = {0};
        Ledger *l = toy_ledger();
        begin_cell(l, "soup", "u1");
        add(l, "utility", "acc", "u1", "q", LEDGER_NO_LABEL, 0.5);
        end_cell(l);
        char *text = close_and_report(l, file[k]);
        Table t = table_of(&a, text);
        cr_assert_eq(t.n_rows, 0, "%s", file[k]);
        free(text);
        arena_free(&a);
    }
}
