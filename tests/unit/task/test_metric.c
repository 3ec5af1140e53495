#include "prime/js.h"
#include "prime/metric.h"
#include "prime/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_SCORES = 12 };

static const char *ref_path(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/fixtures/ref/task/%s", getenv("PRIME_SOURCE"), name);
    return path;
}

static RougeAll rouge_as(const char *target, const char *prediction, bool stem)
{
    RougeAll r;
    Arena a = {0};
    Err e = {0};
    cr_assert_eq(metric_rouge(&r, target, prediction, stem, &a, &e), OK, "%s", e.msg);
    arena_free(&a);
    return r;
}

static RougeAll rouge_of(const char *target, const char *prediction)
{
    return rouge_as(target, prediction, false);
}

static void rouge_check(const char *file, size_t rows, bool stem)
{
    Arena a = {0};
    Table t;
    Err e = {0};
    cr_assert_eq(table_load(&t, &a, ref_path(file), &e), OK, "%s", e.msg);
    cr_assert_eq(t.n_rows, rows);
    for (size_t i = 0; i < t.n_rows; i++) {
        RougeAll r = rouge_as(table_str(&t, i, 0), table_str(&t, i, 1), stem);
        const double got[N_SCORES] = {r.r1.p, r.r1.r, r.r1.f, r.r2.p,    r.r2.r,    r.r2.f,
                                      r.rl.p, r.rl.r, r.rl.f, r.rlsum.p, r.rlsum.r, r.rlsum.f};
        for (size_t k = 0; k < N_SCORES; k++) {
            double want = 0;
            cr_assert_eq(table_num(&want, &t, i, 2 + k, &e), OK, "%s", e.msg);
            cr_assert_float_eq(got[k], want, 1e-12, "line %zu, %s: %.17g", t.line[i], t.col[2 + k], got[k]);
        }
    }
    arena_free(&a);
}

Test(metric, rouge_known_answers)
{
    rouge_check("rouge.csv", 33, false);
    rouge_check("rouge_stem.csv", 32, true);
}

/* Words of up to three letters stay, longer ones meet at their stems. */
Test(metric, rouge_of_stems)
{
    cr_assert_float_eq(rouge_as("the cats", "the cat", true).r1.f, 1, 1e-12);
    cr_assert_float_eq(rouge_as("the cats", "the cat", false).r1.f, 0.5, 1e-12);
    cr_assert_float_eq(rouge_as("dy ass", "dying as", true).r1.f, 0, 0);
    cr_assert_float_eq(rouge_as("Dying DIE", "die, dying!", true).r2.f, 1, 1e-12);
}

/* By hand. Target sentences "a b c" and "d e"; prediction sentences "c a b" and "e x". The first shares "a
 * b", the second "e": 3 of 5 words on both sides, while the longest common subsequence of the whole is "a b
 * e". */
Test(metric, rouge_of_several_lines)
{
    RougeAll r = rouge_of("a b c\nd e\n", "c a b\n\ne x");
    cr_assert_float_eq(r.rlsum.f, 0.6, 1e-12);
    cr_assert_float_eq(r.rl.f, 0.6, 1e-12);
    /* The union over sentences may use more than any one of them: "a c" and "b d" together are all of "a b c
     * d". */
    r = rouge_of("a b c d", "c d\na b");
    cr_assert_float_eq(r.rlsum.r, 1.0, 1e-12);
    cr_assert_float_eq(r.rl.r, 0.5, 1e-12);
    /* A word counts no more often than the other side has it. */
    r = rouge_of("a b\na c", "a");
    cr_assert_float_eq(r.rlsum.p, 1.0, 1e-12);
    cr_assert_float_eq(r.rlsum.r, 0.25, 1e-12);
}

Test(metric, rouge_letters)
{
    cr_assert_float_eq(rouge_of("5 K", "5 \xE2\x84\xAA").r1.f, 1, 1e-12);        /* Kelvin sign */
    cr_assert_float_eq(rouge_of("i stanbul", "\xC4\xB0stanbul").r1.f, 1, 1e-12); /* dotted capital I */
    cr_assert_float_eq(rouge_of("\xC3", "\xE2\x84").r1.f, 0, 0);                 /* cut off in a letter */
    cr_assert_float_eq(rouge_of("", "").r1.f, 0, 0);
    cr_assert_float_eq(rouge_of("A-b_C", "a B c").r2.f, 1, 1e-12);
}

/* Swapping the sides swaps precision and recall; a text is its own best prediction. */
Test(metric, rouge_is_symmetric_in_f)
{
    const char *a = "one tool to sort the long lists\nand keep the lists",
               *b = "to keep one list or the other sorted lists";
    RougeAll x = rouge_of(a, b), y = rouge_of(b, a), z = rouge_of(a, a);
    cr_assert_float_eq(x.r1.p, y.r1.r, 1e-12);
    cr_assert_float_eq(x.r2.f, y.r2.f, 1e-12);
    cr_assert_float_eq(x.rl.p, y.rl.r, 1e-12);
    cr_assert_float_eq(z.rlsum.f, 1, 1e-12);
    cr_assert_lt(x.r1.f, 1);
    cr_assert_gt(x.r1.f, x.r2.f);
}

Test(metric, rouge_refuses_what_is_too_long)
{
    size_t n = METRIC_MAX_TOKENS + 1;
    char *s = malloc(2 * n + 1);
    for (size_t i = 0; i < n; i++) memcpy(s + 2 * i, "a ", 2);
    s[2 * n] = '\0';
    RougeAll r = {.r1.f = 7};
    Arena a = {0};
    Err e = {0};
    cr_assert_eq(metric_rouge(&r, "x", s, false, &a, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "a text of 65537 tokens, want at most 65536");
    s[20000] = '\0';
    e = (Err){0};
    cr_assert_eq(metric_rouge(&r, s, s, false, &a, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "two sentences make a table of 100020001 entries, want at most 67108864");
    cr_assert_float_eq(r.r1.f, 7, 0, "outputs are untouched on failure");
    arena_free(&a);
    free(s);
}

static const char **texts_of(const JsVal *arr)
{
    const char **s = malloc((js_len(arr) + 1) * sizeof *s);
    for (size_t i = 0; i < js_len(arr); i++) s[i] = js_str(js_at(arr, i), NULL);
    return s;
}

Test(metric, lamp_known_answers)
{
    JsVal *root = NULL;
    Err e = {0};
    cr_assert_eq(js_load(&root, ref_path("lamp_metrics.json"), &e), OK, "%s", e.msg);
    size_t checked = 0;
    cr_assert_eq(js_len(root), 10);
    for (size_t i = 0; i < js_len(root); i++) {
        const JsVal *x = js_at(root, i);
        /* The reference fails on "nan" and "inf"; here they are no ratings, and 5 is as far from 3 as 1. */
        bool fails = js_get(x, "error") != NULL;
        const MetricLamp *task = metric_lamp(js_str(js_get(x, "task"), NULL));
        cr_assert_not_null(task);
        const char **gold = texts_of(js_get(x, "golds")), **pred = texts_of(js_get(x, "predictions"));
        MetricPairs p = {gold, pred, js_len(js_get(x, "golds")), task->label, task->n_labels};
        for (size_t k = 0; k < 2; k++) {
            double got = 0, want = fails ? 2 : js_num(js_get(js_get(x, "want"), task->reported[k]), NAN);
            cr_assert_eq(metric_corpus(&got, metric_find(task->metric[k]), &p, &e), OK, "%s", e.msg);
            cr_assert_float_eq(got, want, 1e-12, "%s %s: %.17g, want %.17g", task->name, task->reported[k],
                               got, want);
            checked++;
        }
        free(gold);
        free(pred);
    }
    cr_assert_eq(checked, 20);
    js_close(root);
}

/* Every row names metrics that there are, and has labels where they need them. */
Test(metric, lamp_tasks)
{
    static const char *const want[] = {"LaMP_1", "LaMP_2N", "LaMP_2M", "LaMP_3",
                                       "LaMP_4", "LaMP_5",  "LaMP_6",  "LaMP_7"};
    static const size_t labels[] = {2, 15, 15, 0, 0, 0, 0, 0};
    cr_assert_eq(metric_lamp_count(), 8);
    for (size_t i = 0; i < metric_lamp_count(); i++) {
        const MetricLamp *t = metric_lamp_at(i);
        cr_assert_str_eq(t->name, want[i]);
        cr_assert_eq(metric_lamp(want[i]), t);
        cr_assert_eq(t->n_labels, labels[i]);
        for (size_t k = 0; k < 2; k++) {
            const Metric *m = metric_find(t->metric[k]);
            cr_assert_not_null(m, "%s", t->metric[k]);
            cr_assert_eq(m->needs_labels, t->n_labels > 0);
        }
        for (size_t k = 0; k < t->n_labels; k++)
            for (size_t l = 0; l < k; l++) cr_assert_str_neq(t->label[k], t->label[l]);
    }
}

/* By hand. What is not in the list has no place and agrees with another such answer; labels that never occur
 * count in the mean: of 15 tags one has F 2/3 and one 0. */
Test(metric, labels_by_hand)
{
    const MetricLamp *t = metric_lamp("LaMP_2M");
    const char *gold[] = {"comedy", "action", "no tag"}, *pred[] = {"\xC2\xA0"
                                                                    "comedy\n",
                                                                    "comedy", "other"};
    MetricPairs p = {gold, pred, 3, t->label, t->n_labels};
    double f1 = 0, accuracy = 0;
    cr_assert_eq(metric_corpus(&f1, metric_find("f1"), &p, NULL), OK);
    cr_assert_eq(metric_corpus(&accuracy, metric_find("accuracy"), &p, NULL), OK);
    cr_assert_float_eq(f1, 2 / 3.0 / 15, 1e-15);
    cr_assert_float_eq(accuracy, 2 / 3.0, 1e-15);
}

Test(metric, ratings)
{
    cr_assert_float_eq(metric_rating("2", " 4.5\n"), 4.5, 0);
    cr_assert_float_eq(metric_rating("2", "great"), 5, 0);
    cr_assert_float_eq(metric_rating("3", ""), 5, 0, "a tie goes up");
    cr_assert_float_eq(metric_rating("4", "0x4"), 1, 0, "no hexadecimal");
    cr_assert_float_eq(metric_rating("4", "nan"), 1, 0);
    cr_assert_float_eq(metric_rating("4", "-inf"), 1, 0);
    cr_assert_float_eq(metric_rating("4", "1e101"), 1, 0);
    cr_assert_float_eq(metric_rating("none", "4 stars"), 2.5, 0);
}

/* The fold of the records' values is the value of the corpus, for every metric that has both. */
Test(metric, records_fold_to_the_corpus)
{
    const char *gold[] = {"1", "3", "5", "2"}, *pred[] = {"1", "5", "five", "3"},
               *label[] = {"1", "2", "3", "4", "5"};
    MetricPairs p = {gold, pred, 4, label, 5};
    for (size_t i = 0; i < metric_count(); i++) {
        const Metric *m = metric_at(i);
        double v[4], mean = 0, all = 0;
        Err e = {0};
        cr_assert_eq(metric_find(m->name), m);
        cr_assert_eq(metric_corpus(&all, m, &p, &e), OK, "%s", e.msg);
        if (m->records == NULL) {
            cr_assert_eq(metric_records(v, m, &p, &e), ERR_UNSUP);
            cr_assert_str_eq(e.msg, "f1 has no values of records");
            continue;
        }
        cr_assert_eq(metric_records(v, m, &p, &e), OK, "%s", e.msg);
        if (m->fold == FOLD_NONE) continue;
        for (size_t k = 0; k < 4; k++) mean += v[k] / 4;
        cr_assert_float_eq(all, m->fold == FOLD_ROOT_MEAN ? sqrt(mean) : mean, 1e-12, "%s", m->name);
    }
    double rmse = 0;
    cr_assert_eq(metric_corpus(&rmse, metric_find("rmse"), &p, NULL), OK);
    cr_assert_float_eq(rmse, sqrt((0 + 4 + 16 + 1) / 4.0), 1e-12);
}

Test(metric, errors)
{
    const char *gold[] = {"x"}, *pred[] = {"1"};
    MetricPairs p = {gold, pred, 0, NULL, 0};
    double v = 7;
    Err e = {0};
    cr_assert_eq(metric_corpus(&v, metric_find("exact"), &p, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "exact of no pairs");
    p.n = 1;
    e = (Err){0};
    cr_assert_eq(metric_corpus(&v, metric_find("f1"), &p, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "f1 needs a list of labels");
    e = (Err){0};
    cr_assert_eq(metric_corpus(&v, metric_find("mae"), &p, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "gold 1 = 'x', want a number");
    cr_assert_float_eq(v, 7, 0);
    cr_assert_null(metric_find("rouge3"));
    cr_assert_str_eq(metric_nearest("rouge3"), "rouge1");
    cr_assert_null(metric_lamp("LaMP_2"));
}
