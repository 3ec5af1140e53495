/* Verdicts: gates on intervals, one run against another, baselines. */
#include "toy.h"

#include "prime/file.h"

static char gates[80];

static void gates_folder(void)
{
    report_folder();
    snprintf(gates, sizeof gates, "%s/gates.csv", dir);
}

static void gates_folder_gone(void)
{
    remove(gates);
    report_folder_gone();
}

TestSuite(gates, .init = gates_folder, .fini = gates_folder_gone);

#define NONE_LEAKS \
    {              \
        0, 0, 0, 0 \
    }
#define ALL_LEAK   \
    {              \
        4, 3, 2, 1 \
    }

static const Toy runs[] = {
    {"base", "u1", NAN, 0.2, NONE_LEAKS, NULL}, {"base", "u2", NAN, 0.3, NONE_LEAKS, NULL},
    {"base", "u3", NAN, 0.4, NONE_LEAKS, NULL}, {"oppu", "u1", 0, 0.5, ALL_LEAK, NULL},
    {"oppu", "u2", 0, 0.6, ALL_LEAK, NULL},     {"oppu", "u3", 0, 0.7, ALL_LEAK, NULL},
    {"oppu", "u1", 1, 0.4, NONE_LEAKS, NULL},   {"oppu", "u2", 1, 0.4, NONE_LEAKS, NULL},
    {"oppu", "u3", 1, 0.7, NONE_LEAKS, NULL},
};
enum { N_RUNS = sizeof runs / sizeof runs[0] };

static Report *report_new(const Toy *t, size_t n, size_t anchors, const char *planned)
{
    Ledger *l = NULL;
    Report *r = NULL;
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    cr_assert_eq(ledger_meta_set(l, "utility_metric", "acc", &err), OK);
    if (planned != NULL) cr_assert_eq(ledger_meta_set(l, "planned_cells", planned, &err), OK);
    for (size_t i = 0; i < n; i++) add_cell(l, &t[i], anchors);
    cr_assert_eq(report_load(&r, l, NULL, &err), OK, "%s", err.msg);
    ledger_close(l);
    remove(path);
    return r;
}

static Status judge(Report *r, const char *rows)
{
    err = (Err){0};
    cr_assert_eq(file_write(gates, rows, strlen(rows), &err), OK, "%s", err.msg);
    return report_judge(r, gates, &err);
}

static Verdict verdict_of(const char *rows, size_t anchors)
{
    Report *r = report_new(runs, N_RUNS, anchors, NULL);
    cr_assert_eq(judge(r, rows), OK, "%s", err.msg);
    Verdict v = report_verdict(r);
    report_free(r);
    return v;
}

/* oppu at lambda 0 leaks in full: pooled AUC 1 with the exact bound 0.025^(2/3) = 0.0855 of 3 people on both
 * sides; the mean of 3 AUCs of 1 has 0.025^(1/3) = 0.2924. At lambda 1 all is 0.5. */
Test(gates, the_verdict_is_on_the_interval)
{
    static const struct {
        const char *rows;
        Verdict want;
    } cases[] = {
        {"metric,limit,direction\nauc,1,max\n", VERDICT_PASS},
        {"metric,limit,direction\nauc,0.9,max\n", VERDICT_INCONCLUSIVE},
        {"metric,limit,direction,lambda\nauc,0.5,max,1\n", VERDICT_PASS},
        {"metric,limit,direction,lambda\nauc,0.5,min,1\n", VERDICT_PASS},
        {"metric,limit,direction,lambda\nauc,0.4999,max,1\n", VERDICT_BREACHED},
        {"metric,limit,direction,lambda\nauc,0.5001,min,1\n", VERDICT_BREACHED},
        {"metric,scope,limit,direction,lambda\nauc,mean,0.2925,max,0\n", VERDICT_INCONCLUSIVE},
        {"metric,scope,limit,direction,lambda\nauc,mean,0.2923,max,0\n", VERDICT_BREACHED},
        {"metric,scope,limit,direction,lambda\nauc,worst,0.5,max,1\n", VERDICT_PASS},
        {"metric,scope,limit,direction\nauc,worst,0.9,max\n", VERDICT_INCONCLUSIVE},
        {"metric,scope,limit,direction\nauc,anchor:a1,1,max\n", VERDICT_PASS},
        {"metric,scope,limit,direction\nauc,anchor:nobody,1,max\n", VERDICT_UNGRADED},
        {"metric,limit,direction,min_users\nauc,1,max,4\n", VERDICT_UNGRADED},
        {"metric,limit,direction,method\nauc,1,max,soup\n", VERDICT_UNGRADED},
        {"metric,limit,direction,task\nauc,1,max,other\n", VERDICT_UNGRADED},
        {"metric,limit,direction,attack\nauc,1,max,unheard\n", VERDICT_UNGRADED},
        {"metric,limit,direction,method\nauc,0.4,max,base\n", VERDICT_BREACHED},
        {"metric,limit,direction\nutility,0.1,min\n", VERDICT_PASS},
        {"metric,limit,direction\nutility,0.9,min\n", VERDICT_BREACHED},
        {"metric,limit,direction,lambda\ngain,0.25,min,0\n", VERDICT_PASS},
        {"metric,limit,direction,lambda\ngain,0.25,min,1\n", VERDICT_INCONCLUSIVE},
        {"metric,limit,direction\ntpr_at_fpr_0.5,1,max\n", VERDICT_PASS},
        {"metric,limit,direction,lambda\ntpr_at_fpr_0.5,0.1,max,0\n", VERDICT_BREACHED},
        {"metric,scope,limit,direction,lambda\ntpr_at_fpr_0.5,anchor:a0,0.1,max,0\n", VERDICT_BREACHED},
        {"metric,limit,direction\nexcess,1,max\n", VERDICT_PASS},
        {"metric,limit,direction\nexcess,-1,max\n", VERDICT_BREACHED},
        /* the worst of all counts */
        {"metric,limit,direction,lambda\nauc,1,max,\nauc,0.4,max,1\n", VERDICT_BREACHED},
        {"metric,limit,direction,min_users\nauc,1,max,9\nauc,0.4,max,\n", VERDICT_BREACHED},
        {"metric,limit,direction,min_users\nauc,1,max,9\nauc,0.9,max,\n", VERDICT_UNGRADED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(verdict_of(cases[i].rows, 3), cases[i].want, "%s: %s", cases[i].rows,
                     verdict_name(verdict_of(cases[i].rows, 3)));
}

/* A gate without a method is on merges alone: not on the base with retrieval, nor on one anchor's adapter. */
Test(gates, what_is_a_merge)
{
    Toy some[4] = {runs[3], runs[3], runs[3], runs[3]};
    some[1].method = "base+rag2";
    some[2].method = "base";
    some[3].method = "basement";
    Report *r = report_new(some, 4, 3, NULL);
    cr_assert_eq(judge(r, "metric,limit,direction\nauc,1,max\n"), OK, "%s", err.msg);
    Str text = {0};
    report_sentence(&text, r);
    cr_assert_not_null(strstr(text.s, "of 2 verdicts"), "oppu and basement: %s", text.s);
    str_free(&text);
    report_free(r);
    r = report_new(some, 4, 1, NULL);
    cr_assert_eq(judge(r, "metric,limit,direction,min_users\nauc,1,max,1\n"), OK, "%s", err.msg);
    cr_assert_eq(report_verdict(r), VERDICT_UNGRADED, "nobody's but one person's adapter");
    report_free(r);
}

Test(gates, too_few_people_are_no_pass)
{
    cr_assert_eq(verdict_of("metric,limit,direction\nauc,1,max\n", 2), VERDICT_UNGRADED);
    cr_assert_eq(verdict_of("metric,limit,direction,min_users\nauc,1,max,2\n", 2), VERDICT_PASS);
}

Test(gates, failed_and_missing_cells_are_no_pass)
{
    Toy some[N_RUNS];
    memcpy(some, runs, sizeof some);
    const char *gate = "metric,limit,direction\nauc,1,max\n";
    for (size_t k = 0; k < 3; k++) {
        some[8].status = k == 1 ? "out of memory" : NULL;
        Report *r = report_new(some, N_RUNS, 3, k == 2 ? "10" : "9");
        Str text = {0};
        cr_assert_eq(report_verdict(r), VERDICT_NONE);
        cr_assert_eq(judge(r, gate), OK, "%s", err.msg);
        cr_assert_eq(report_verdict(r), k == 0 ? VERDICT_PASS : VERDICT_UNGRADED);
        report_sentence(&text, r);
        cr_assert_eq(strstr(text.s, "1 cell failed or missing") != NULL, k > 0, "%s", text.s);
        str_free(&text);
        report_free(r);
    }
}

static char *report_text_of(const Report *r, const char *format)
{
    Str text = {0};
    err = (Err){0};
    cr_assert_eq(report_write(r, format, dir, &text, &err), OK, "%s", err.msg);
    return text.s;
}

/* Lost from lambda 0 to 1: 0.1, 0.2, 0: mean 0.1, t interval 0.1 -+ 4.302653 * 0.1 / sqrt(3). */
Test(gates, the_smallest_lambda_and_its_price)
{
    static const char *const rows[] = {"metric,limit,direction\nauc,0.9,max\n",
                                       "metric,limit,direction\nauc,1,max\n",
                                       "metric,limit,direction\nutility,0.9,min\n"};
    static const char *const want[] = {
        "toy, oppu: the smallest lambda that passes every gate is 1; against lambda 0 it costs 0.100 "
        "[-0.148, 0.348] of acc\n",
        "toy, oppu: the smallest lambda that passes every gate is 0, the smallest there is: it costs "
        "nothing\n",
        "toy, oppu: none of its lambdas passes every gate\n"};
    for (size_t i = 0; i < 3; i++) {
        Report *r = report_new(runs, N_RUNS, 3, NULL);
        cr_assert_eq(judge(r, rows[i]), OK, "%s", err.msg);
        char *text = report_text_of(r, "gates");
        cr_assert_not_null(strstr(text, want[i]), "%s", text);
        free(text);
        report_free(r);
    }
}

Test(gates, what_is_wrong_in_a_file)
{
    static const char *const cases[][2] = {
        {"metric,limit,direction\n", "no gates, want at least one row"},
        {"metric,limit\nauc,1\n", "direction"},
        {"metric,limit,direction,colour\nauc,1,max,red\n", "unknown column 'colour'"},
        {"metric,limit,direction,scop\nauc,1,max,\n", "did you mean 'scope'?"},
        {"metric,limit,direction\nauk,1,max\n", "2: metric = 'auk', want auc, excess"},
        {"metric,limit,direction\ntpr_at_fpr_2,1,max\n", "metric = 'tpr_at_fpr_2'"},
        {"metric,limit,direction\ntpr_at_fpr_,1,max\n", "metric = 'tpr_at_fpr_'"},
        {"metric,limit,direction\nauc,high,max\n", "limit = 'high', want a finite number"},
        {"metric,limit,direction\nauc,1,up\n", "direction = 'up', want max or min"},
        {"metric,limit,direction,scope\nauc,1,max,best\n", "scope of auc = 'best', want pooled, mean"},
        {"metric,limit,direction,scope\nauc,1,max,anchor:\n", "scope of auc = 'anchor:'"},
        {"metric,limit,direction,scope\nexcess,1,max,mean\n", "want pooled, worst or anchor:ID"},
        {"metric,limit,direction,scope\ngain,1,max,worst\n", "want mean"},
        {"metric,limit,direction,attack\ngain,1,max,ref\n", "attack = 'ref', want none with gain"},
        {"metric,limit,direction,confidence\nauc,1,max,1\n", "confidence = 1, want (0, 1)"},
        {"metric,limit,direction,confidence\nauc,1,max,0\n", "confidence = 0, want (0, 1)"},
        {"metric,limit,direction,min_users\nauc,1,max,0\n", "min_users = 0, want a whole number from 1"},
        {"metric,limit,direction,min_users\nauc,1,max,2.5\n", "min_users = 2.5"},
    };
    Report *r = report_new(runs, N_RUNS, 3, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(judge(r, cases[i][0]), ERR_FORMAT, "%s", cases[i][0]);
        cr_assert_not_null(strstr(err.msg, cases[i][1]), "%s", err.msg);
        cr_assert_not_null(strstr(err.msg, "gates.csv"), "%s", err.msg);
    }
    err = (Err){0};
    cr_assert_eq(report_judge(r, "prime_no_such.csv", &err), ERR_IO);
    cr_assert_eq(report_verdict(r), VERDICT_NONE);
    report_free(r);
}

/* ---- two runs ---- */

static Series *series_new(const Toy *t, size_t n, size_t anchors)
{
    Report *r = report_new(t, n, anchors, NULL);
    Series *s = NULL;
    cr_assert_eq(series_of_report(&s, r, &err), OK, "%s", err.msg);
    report_free(r);
    return s;
}

static size_t compare_find(const Table *t, const char *method, double lambda, const char *metric)
{
    for (size_t i = 0; i < t->n_rows; i++)
        if (strcmp(text_at(t, i, "method"), method) == 0 && strcmp(text_at(t, i, "metric"), metric) == 0 &&
            (isnan(lambda) || num_at(t, i, "lambda") == lambda))
            return i;
    cr_assert_fail("no row for %s %s", method, metric);
    return 0;
}

/* In the second run oppu at lambda 1 leaks in full, and serves u1 worse by 0.1, u2 by 0.2, u3 by 0.3. */
static void worse_runs(Toy out[N_RUNS])
{
    memcpy(out, runs, N_RUNS * sizeof *out);
    for (size_t i = 6; i < 9; i++) {
        memcpy(out[i].ref, runs[3].ref, sizeof out[i].ref);
        out[i].utility -= 0.1 * (double)(i - 5);
    }
}

Test(gates, what_became_worse)
{
    Toy after[N_RUNS];
    worse_runs(after);
    Series *a = series_new(runs, N_RUNS, 12), *b = series_new(after, N_RUNS, 12);
    CompareHow how = compare_defaults();
    Verdict v = VERDICT_NONE;
    Str csv = {0}, text = {0};
    Arena m = {0};
    cr_assert_eq(series_compare(&v, &text, &csv, a, b, &how, &err), OK, "%s", err.msg);
    cr_assert_eq(v, VERDICT_BREACHED);
    cr_assert_not_null(strstr(text.s, "breached     leakage toy"), "%s", text.s);
    Table t = table_of(&m, csv.s);
    cr_assert_eq(t.n_rows, 12, "3 rows of the front, 2 metrics and 2 attacks that see the model");
    size_t i = compare_find(&t, "oppu", 1, "ref");
    cr_assert_float_eq(num_at(&t, i, "worse"), 0.5, 1e-12);
    cr_assert_eq(num_at(&t, i, "n"), 12);
    cr_assert_float_eq(num_at(&t, i, "p"), exp2(-11), 1e-12, "all alike: the sign test");
    cr_assert_float_eq(num_at(&t, i, "p_holm"), 12 * exp2(-11), 1e-12);
    cr_assert_str_eq(text_at(&t, i, "verdict"), "breached");
    i = compare_find(&t, "oppu", 1, "acc");
    cr_assert_float_eq(num_at(&t, i, "worse"), 0.2, 1e-12);
    cr_assert_float_eq(num_at(&t, i, "worse_lo"), 0.2 - 4.30265273 * 0.1 / sqrt(3), 1e-7);
    cr_assert_str_eq(text_at(&t, compare_find(&t, "oppu", 0, "ref"), "verdict"), "pass");
    arena_free(&m);
    str_free(&csv);
    str_free(&text);
    /* The other way round nothing is worse, and a run is not worse than itself. */
    cr_assert_eq(series_compare(&v, NULL, NULL, b, b, &how, &err), OK);
    cr_assert_eq(v, VERDICT_PASS);
    series_free(a);
    series_free(b);
}

Test(gates, too_few_in_common_or_missing)
{
    Series *a = series_new(runs, N_RUNS, 3), *few = series_new(runs, N_RUNS, 2),
           *half = series_new(runs, 6, 3);
    CompareHow how = compare_defaults();
    Verdict v = VERDICT_NONE;
    Str text = {0};
    cr_assert_eq(series_compare(&v, &text, NULL, a, few, &how, &err), OK);
    cr_assert_eq(v, VERDICT_UNGRADED);
    cr_assert_not_null(strstr(text.s, "n=2, 1 lost, want 3"), "%s", text.s);
    str_clear(&text);
    cr_assert_eq(series_compare(&v, &text, NULL, a, half, &how, &err), OK);
    cr_assert_eq(v, VERDICT_UNGRADED, "lambda 1 is not there");
    cr_assert_not_null(strstr(text.s, "nobody in common"), "%s", text.s);
    cr_assert_eq(series_compare(&v, NULL, NULL, half, a, &how, &err), OK);
    cr_assert_eq(v, VERDICT_PASS, "what is new does no harm");
    how.confidence = 1;
    cr_assert_eq(series_compare(&v, NULL, NULL, a, a, &how, &err), ERR_ARG);
    how = compare_defaults();
    how.margin_leakage = -1;
    err = (Err){0};
    cr_assert_eq(series_compare(&v, NULL, NULL, a, a, &how, &err), ERR_ARG);
    str_free(&text);
    series_free(a);
    series_free(few);
    series_free(half);
}

Test(gates, a_baseline_is_as_good_as_a_run)
{
    Toy odd[N_RUNS], after[N_RUNS];
    memcpy(odd, runs, sizeof odd);
    worse_runs(after);
    for (size_t i = 0; i < N_RUNS; i++) odd[i].method = after[i].method = i < 3 ? "base" : "=cmd()";
    Series *a = series_new(odd, N_RUNS, 3), *b = series_new(after, N_RUNS, 3), *kept = NULL;
    CompareHow how = compare_defaults();
    Verdict v = VERDICT_NONE;
    Str text = {0}, one = {0}, two = {0};
    series_write(&text, a, "because", "2026-01-01");
    cr_assert_not_null(strstr(text.s, "reason,,,,because"), "%s", text.s);
    cr_assert_not_null(strstr(text.s, "date,,,,2026-01-01"), "%s", text.s);
    cr_assert_not_null(strstr(text.s, "'=cmd()"), "no formula: %s", text.s);
    cr_assert_eq(file_write(gates, text.s, text.n, &err), OK);
    cr_assert_eq(series_load(&kept, gates, &err), OK, "%s", err.msg);
    cr_assert_eq(series_compare(&v, &one, NULL, a, b, &how, &err), OK);
    cr_assert_eq(series_compare(&v, &two, NULL, kept, b, &how, &err), OK);
    cr_assert_str_eq(one.s, two.s);
    cr_assert_eq(series_compare(&v, NULL, NULL, kept, a, &how, &err), OK);
    cr_assert_eq(v, VERDICT_PASS);
    str_free(&text);
    str_free(&one);
    str_free(&two);
    series_free(a);
    series_free(b);
    series_free(kept);
}

Test(gates, what_is_wrong_in_a_baseline)
{
#define HEAD "kind,task,method,lambda,metric,better,unit,value,text\n"
    static const char *const cases[][2] = {
        {HEAD, "holds no numbers"},
        {HEAD "meta,,,,reason,,,,x\n", "holds no numbers"},
        {"kind,task\nutility,t\n", "method"},
        {HEAD "gain,t,m,,acc,higher,u,1,\n", "kind = 'gain', want meta, utility or leakage"},
        {HEAD "utility,t,m,,acc,more,u,1,\n", "better = 'more', want higher or lower"},
        {HEAD "utility,t,m,x,acc,higher,u,1,\n", "lambda = 'x'"},
        {HEAD "utility,t,m,,acc,higher,u,nan,\n", "value = 'nan'"},
        {HEAD "utility,t,m,,acc,higher,u,1,\nutility,t,m,,acc,higher,u,2,\n", "is there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Series *s = NULL;
        err = (Err){0};
        cr_assert_eq(file_write(gates, cases[i][0], strlen(cases[i][0]), &err), OK);
        cr_assert_eq(series_load(&s, gates, &err), ERR_FORMAT, "%s", cases[i][0]);
        cr_assert_not_null(strstr(err.msg, cases[i][1]), "%s", err.msg);
    }
    Series *s = NULL;
    err = (Err){0};
    cr_assert_eq(series_load(&s, "prime_no_such.csv", &err), ERR_IO);
}
