/* Reports over small ledgers whose answers can be worked out by hand; and the properties of a front. */
#include "toy.h"

#include "prime/arena.h"
#include "prime/file.h"
#include "prime/ledger.h"
#include "prime/report.h"
#include "prime/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(report, .init = report_folder, .fini = report_folder_gone);

/* Separated in full: AUC 1. Pairs: (4 > 1, 4 > 3, 2 > 1, 2 < 3): AUC 3/4. All equal: AUC 1/2. */
#define REF_FULL   \
    {              \
        4, 3, 2, 1 \
    }
#define REF_PART   \
    {              \
        4, 2, 1, 3 \
    }
#define REF_NONE   \
    {              \
        0, 0, 0, 0 \
    }

static const Toy toys[] = {
    {"base", "u1", NAN, 0.2, REF_NONE, NULL},   {"base", "u2", NAN, 0.3, REF_NONE, NULL},
    {"base", "u3", NAN, 0.4, REF_NONE, NULL},   {"evolved", "u1", 0, 0.5, REF_FULL, NULL},
    {"evolved", "u2", 0, 0.5, REF_FULL, NULL},  {"evolved", "u3", 0, 0.5, REF_FULL, NULL},
    {"evolved", "u1", 2, 0.4, REF_PART, NULL},  {"evolved", "u2", 2, 0.4, REF_PART, NULL},
    {"evolved", "u3", 2, 0.4, REF_PART, NULL},  {"evolved", "u1", 10, 0.3, REF_PART, NULL},
    {"evolved", "u2", 10, 0.3, REF_PART, NULL}, {"evolved", "u3", 10, 0.3, REF_PART, NULL},
};
static const char *const files[] = {"cells.csv",   "front.csv",       "methods.csv",  "anchors.csv",
                                    "dose.csv",    "attacks.csv",     "merges.csv",   "loo.csv",
                                    "scaling.csv", "fingerprint.csv", "people.csv",   "source.csv",
                                    "canary.csv",  "extract.csv",     "own.csv",      "eaf.csv",
                                    "null.csv",    "volume.csv",      "verdicts.csv", "schema.csv"};
enum { N_FILES = sizeof files / sizeof files[0] };
enum { N_TOYS = sizeof toys / sizeof toys[0] };

Test(report, the_front_by_hand)
{
    Arena a = {0};
    char *text = report_of(toys, N_TOYS, 3, false, NULL, "front.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 4);
    cr_assert_str_eq(text_at(&t, 0, "method"), "base");
    cr_assert_str_eq(text_at(&t, 0, "lambda"), "");
    cr_assert_str_eq(text_at(&t, 3, "lambda"), "10");
    cr_assert_str_eq(text_at(&t, 0, "utility_metric"), "acc");
    const double utility[] = {0.3, 0.5, 0.4, 0.3}, gain[] = {NAN, 0.2, 0.1, 0}, leak[] = {0.5, 1, 0.75, 0.75};
    const char *dominated[] = {"no", "no", "no", "yes"}; /* lambda 10 loses to base and to lambda 2 */
    for (size_t i = 0; i < 4; i++) {
        cr_assert_float_eq(num_at(&t, i, "utility"), utility[i], 1e-12);
        cr_assert(i == 0 ? isnan(num_at(&t, i, "gain")) : fabs(num_at(&t, i, "gain") - gain[i]) < 1e-12);
        cr_assert_float_eq(num_at(&t, i, "leakage"), leak[i], 1e-12);
        cr_assert_float_eq(num_at(&t, i, "auc_loss"), 1 - leak[i], 1e-12);
        cr_assert_float_eq(num_at(&t, i, "auc_blind"), 0.75, 1e-12); /* one member of two stands out */
        cr_assert_float_eq(num_at(&t, i, "excess"), leak[i] - 0.75, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "auc_base"), 0.5, 1e-12);
        cr_assert_float_eq(num_at(&t, i, "attenuation"), 0.25, 1e-12);
        cr_assert_eq(num_at(&t, i, "n_targets"), 3);
        cr_assert_eq(num_at(&t, i, "n_anchors"), 3);
        cr_assert_eq(num_at(&t, i, "n_records"), 12);
        cr_assert_eq(num_at(&t, i, "n_cells"), 3);
        cr_assert_str_eq(text_at(&t, i, "graded"), "yes");
        cr_assert_str_eq(text_at(&t, i, "dominated"), dominated[i]);
        cr_assert_leq(num_at(&t, i, "utility_lo"), utility[i] + 1e-12);
        cr_assert_geq(num_at(&t, i, "utility_hi"), utility[i] - 1e-12);
    }
    /* Three targets at 0.2, 0.3, 0.4: the bootstrap of their mean spans them. */
    cr_assert_float_eq(num_at(&t, 0, "utility_lo"), 0.2, 0.04);
    cr_assert_float_eq(num_at(&t, 0, "utility_hi"), 0.4, 0.04);
    cr_assert_eq(num_at(&t, 1, "tpr_at_fpr_0.01"), 1);
    cr_assert_eq(num_at(&t, 2, "tpr_at_fpr_0.01"), 0.5);
    free(text);
    arena_free(&a);
}

Test(report, order_of_completion_does_not_matter)
{
    for (size_t i = 0; i <= N_FILES; i++) {
        const char *file = i < N_FILES ? files[i] : NULL;
        char *one = report_of(toys, N_TOYS, 3, false, NULL, file);
        char *two = report_of(toys, N_TOYS, 3, true, NULL, file);
        cr_assert_str_eq(one, two);
        free(one);
        free(two);
    }
}

Test(report, too_few_people_are_not_graded)
{
    Arena a = {0};
    char *text = report_of(toys, N_TOYS, 2, false, NULL, "front.csv");
    Table t = table_of(&a, text);
    for (size_t i = 0; i < t.n_rows; i++) cr_assert_str_eq(text_at(&t, i, "graded"), "no");
    free(text);
    text = report_of(toys, N_TOYS, 2, false, NULL, NULL);
    cr_assert_not_null(strstr(text, "cannot grade: 2 anchors, want 3"), "%s", text);
    free(text);
    text = report_of(toys, 2, 3, false, NULL, NULL);
    cr_assert_not_null(strstr(text, "cannot grade: 2 targets, want 3"), "%s", text);
    free(text);
    text = report_of(toys, N_TOYS, 0, false, NULL, "front.csv");
    t = table_of(&a, text);
    cr_assert_str_eq(text_at(&t, 0, "leakage"), "", "no attack, no number");
    cr_assert_str_eq(text_at(&t, 0, "dominated"), "");
    cr_assert_str_eq(text_at(&t, 0, "graded"), "no");
    free(text);
    arena_free(&a);
}

Test(report, the_run_names_the_utility_metric)
{
    Arena a = {0};
    char *text = report_of(toys, N_TOYS, 3, false, "f1", "front.csv");
    Table t = table_of(&a, text);
    cr_assert_str_eq(text_at(&t, 1, "utility_metric"), "f1");
    cr_assert_float_eq(num_at(&t, 1, "utility"), 0.25, 1e-12);
    free(text);
    text = report_of(toys, N_TOYS, 3, false, "unheard", "front.csv");
    t = table_of(&a, text);
    cr_assert_str_eq(text_at(&t, 1, "utility"), "");
    free(text);
    arena_free(&a);
}

Test(report, failed_cells_are_counted_and_left_out)
{
    Toy some[4] = {toys[0], toys[1], toys[2], toys[3]};
    some[3].status = "out of memory";
    char *text = report_of(some, 4, 3, false, NULL, NULL);
    cr_assert_not_null(strstr(text, "1 cells failed"), "%s", text);
    cr_assert_null(strstr(text, "evolved"), "%s", text);
    free(text);
}

static Status load_of(const Toy *t, size_t n)
{
    Ledger *l = NULL;
    Report *r = NULL;
    err = (Err){0};
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    for (size_t i = 0; i < n; i++) add_cell(l, &t[i], 1);
    Status s = report_load(&r, l, NULL, &err);
    ledger_close(l);
    remove(path);
    report_free(r);
    return s;
}

Test(report, a_ledger_without_finished_cells)
{
    cr_assert_eq(load_of(NULL, 0), ERR_FORMAT);
    cr_assert_str_eq(err.msg, "the ledger holds no finished cell (0 failed)");
    Toy failed = toys[0];
    failed.status = "no";
    cr_assert_eq(load_of(&failed, 1), ERR_FORMAT);
    cr_assert_str_eq(err.msg, "the ledger holds no finished cell (1 failed)");
}

Test(report, cells_by_hand)
{
    Arena a = {0};
    char *text = report_of(&toys[6], 1, 3, false, NULL, "cells.csv");
    Table t = table_of(&a, text);
    const char *metric[] = {"acc",
                            "f1",
                            "blind_length_auc",
                            "blind_length_auc",
                            "blind_length_tpr_at_fpr_0.01",
                            "loss_auc",
                            "loss_auc",
                            "loss_tpr_at_fpr_0.01",
                            "ref_auc",
                            "ref_auc",
                            "ref_tpr_at_fpr_0.01",
                            "attenuation"};
    const double value[] = {0.4, 0.2, 0.75, 0.75, 0.5, 0.25, 0.25, 0, 0.75, 0.75, 0.5, 0.25};
    cr_assert_eq(t.n_rows, 12);
    for (size_t i = 0; i < 12; i++) {
        cr_assert_str_eq(text_at(&t, i, "metric"), metric[i]);
        cr_assert_float_eq(num_at(&t, i, "value"), value[i], 1e-12, "row %zu", i);
    }
    cr_assert_str_eq(text_at(&t, 0, "ci_method"), "t_records");
    cr_assert_str_eq(text_at(&t, 2, "ci_method"), "delong");
    cr_assert_str_eq(text_at(&t, 3, "ci_method"), "clustered");
    cr_assert_eq(num_at(&t, 3, "n_users"), 3);
    cr_assert_eq(num_at(&t, 3, "n_records"), 12);
    cr_assert_str_eq(text_at(&t, 11, "ci_method"), "");
    cr_assert_str_eq(text_at(&t, 11, "lo"), "");
    free(text);
    arena_free(&a);
}

Test(report, anchors_by_hand)
{
    Arena a = {0};
    char *text = report_of(&toys[6], 3, 2, false, NULL, "anchors.csv");
    Table t = table_of(&a, text);
    cr_assert_eq(t.n_rows, 6);
    cr_assert_str_eq(text_at(&t, 5, "anchor"), "a1");
    cr_assert_str_eq(text_at(&t, 5, "attack"), "ref");
    cr_assert_float_eq(num_at(&t, 5, "auc"), 0.75, 1e-12);
    cr_assert_eq(num_at(&t, 5, "n_records"), 4, "the same records in three cells");
    cr_assert_eq(num_at(&t, 5, "n_cells"), 3);
    free(text);
    arena_free(&a);
}

Test(report, the_schema_describes_every_column)
{
    Arena a = {0};
    char *schema = report_of(toys, 1, 1, false, NULL, "schema.csv");
    Table s = table_of(&a, schema);
    size_t described = 0;
    for (size_t f = 0; f < N_FILES; f++) {
        char *text = report_of(toys, 1, 1, false, NULL, files[f]);
        Table t = table_of(&a, text);
        /* of two runs, not of one */
        while (strcmp(text_at(&s, described, "file"), "compare.csv") == 0) described++;
        for (size_t c = 0; c < t.n_cols; c++, described++) {
            cr_assert_str_eq(text_at(&s, described, "file"), files[f]);
            cr_assert_str_eq(text_at(&s, described, "column"), t.col[c]);
            cr_assert_gt(strlen(text_at(&s, described, "unit")), 0);
            cr_assert_gt(strlen(text_at(&s, described, "meaning")), 0);
        }
        free(text);
    }
    cr_assert_eq(described, s.n_rows);
    free(schema);
    arena_free(&a);
}

Test(report, files_are_written_whole_or_not_at_all)
{
    Ledger *l = NULL;
    Report *r = NULL;
    Str text = {0};
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    add_cell(l, &toys[0], 3);
    cr_assert_eq(report_load(&r, l, NULL, &err), OK);
    ledger_close(l);
    cr_assert_eq(report_write(r, "csv", "prime_no_such_folder", &text, &err), ERR_IO);
    cr_assert_not_null(strstr(err.msg, "prime_no_such_folder/cells.csv: cannot create"), "%s", err.msg);
    err = (Err){0};
    cr_assert_eq(report_write(r, "tabel", dir, &text, &err), ERR_ARG);
    cr_assert_not_null(strstr(err.msg, "did you mean 'table'"), "%s", err.msg);
    err = (Err){0};
    cr_assert_eq(report_write(r, "xlsx", dir, &text, &err), ERR_ARG);
    cr_assert_eq(text.n, 0);
    err = (Err){0};
    cr_assert_eq(report_write(r, "csv", dir, &text, &err), OK, "%s", err.msg);
    for (size_t i = 0; i < N_FILES; i++) {
        char *name = file_join(dir, files[i]);
        cr_assert(file_exists(name), "%s", name);
        remove(name);
        free(name);
    }
    report_free(r);
}
