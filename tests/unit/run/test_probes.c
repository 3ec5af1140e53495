/* Attacks on more than records: weights, people, canaries; and the self-test of attacks. */
#include "rows.h"

#include "prime/selftest.h"

/* ---- weights ---- */

static void check_fingerprints(const char *op, double tol)
{
    World w = world_open();
    char set[64];
    snprintf(set, sizeof set, "evolve.operator=%s", op);
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){ONE, "methods=uniform,evolved,matched-random,random-anchors",
                                                "attack.fingerprint=true", "evolve.budget=12", set},
                          6);
    static const char *const methods[] = {"uniform", "evolved", "matched-random", "random-anchors"};
    double most = 0, inside = 0, others = 0;
    for (size_t m = 0; m < 4; m++)
        cr_expect_eq(rows_of_metric(&r, methods[m], "fingerprint", "weight"), 2 * 4, "%s: %zu", methods[m],
                     rows_of_metric(&r, methods[m], "fingerprint", "weight"));
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (strcmp(x->kind, "fingerprint") != 0) continue;
        if (strcmp(x->metric, "error") == 0) cr_expect_lt(x->value, tol, "%s %s", x->method, x->unit);
        if (strcmp(x->metric, "weight") == 0) most = fmax(most, fabs(x->value));
        if (strcmp(x->metric, "outside") != 0) continue;
        bool in = !isnan(merge_weight(&r, x->method, x->target, x->unit));
        if (in && merge_weight(&r, x->method, x->target, x->unit) != 0) inside = fmax(inside, x->value);
        if (!in) others = fmax(others, x->value);
    }
    cr_expect_gt(most, 0.1, "no merge had weights");
    cr_expect_gt(inside, 0.01, "without an anchor something is left");
    cr_expect_lt(others, 1e-6, "whoever is not in the merge explains nothing: %g", others);
    free(r.row);
    world_close(&w);
}

Test(attacks, weights_are_read_off_exact_merges, .timeout = 240)
{
    check_fingerprints("exact", 1e-4);
}

Test(attacks, weights_are_read_off_primes_merges, .timeout = 240)
{
    check_fingerprints("prime", 1e-4);
}

/* ---- people ---- */

/* Mean of a record-level metric over the records of a person on one side, times their number. */
static double sum_of_rows(const Rows *r, const Row *like, const char *metric, int label, size_t *n)
{
    double sum = 0;
    *n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const Row *x = &r->row[i];
        if (!row_is(x, like->method, "attack", metric) || strcmp(x->target, like->target) != 0 ||
            strcmp(x->unit, like->unit) != 0 || x->label != label)
            continue;
        sum += x->value;
        (*n)++;
    }
    return sum;
}

Test(attacks, on_people_are_folded_from_their_records, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){ONE, "methods=anchor,uniform", "attack.people=true",
                                                "adapter.epochs=12", "adapter.lr=0.02"},
                          5);
    size_t checked = 0, mia = 0, in = 0, n = 0;
    double right = 0, sources = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (strcmp(x->kind, "person") != 0) continue;
        if (strcmp(x->metric, "source_inference") == 0 && x->label == 1) {
            right += x->value;
            sources++;
        }
        if (row_is(x, "uniform", "person", "prime_mia_auc")) cr_expect(x->value > 0 && x->value < 1);
        if (row_is(x, "uniform", "person", "user_inference")) in += x->label == 1;
        if (!row_is(x, "uniform", "person", "prime_mia") || x->label != 1) continue;
        double sum = sum_of_rows(&r, x, "loss_sum", 1, &n);
        cr_assert_gt(n, 0);
        cr_expect_float_eq(x->value, sum / (double)n, 1e-9, "the mean of -nll of the trained records");
        sum = sum_of_rows(&r, x, "blind_length", 1, &n);
        cr_expect_float_eq(row_like(&r, x, "uniform", "prime_mia_blind")->value, sum / (double)n, 1e-9);
        checked++;
    }
    mia = rows_of_metric(&r, "uniform", "person", "prime_mia");
    cr_expect_eq(checked, 4, "two anchors of each of two targets are in");
    cr_expect_eq(mia, 8, "of four anchors");
    cr_expect_eq(in, 4);
    cr_expect_eq(rows_of_metric(&r, "uniform", "person", "prime_mia_blind_auc"), 2);
    cr_expect_eq(rows_of_metric(&r, "uniform", "person", "prime_mia_base_auc"), 2);
    cr_assert_eq(sources, 4);
    cr_expect_gt(right / sources, 0.6, "trained texts are their owners': %g", right / sources);
    free(r.row);
    world_close(&w);
}

/* user_inference is the mean over held-out records of (loss - base loss) times tokens. */
Test(attacks, user_inference_is_the_mean_ratio_of_heldout_records, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run", (const char *const[]){ONE, "methods=uniform", "attack.people=true"}, 4);
    size_t checked = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        double sum = 0, n = 0;
        if (!row_is(x, "uniform", "person", "user_inference") || x->label != 1) continue;
        for (size_t j = 0; j < r.n; j++) {
            const Row *y = &r.row[j];
            if (!row_is(y, "uniform", "attack", "ref") || strcmp(y->target, x->target) != 0 ||
                strcmp(y->unit, x->unit) != 0 || y->label != 0)
                continue;
            sum += y->value * -row_like(&r, y, "uniform", "blind_length")->value;
            n++;
        }
        cr_assert_gt(n, 0);
        cr_expect_float_eq(x->value, sum / n, 1e-9);
        checked++;
    }
    cr_expect_eq(checked, 4);
    free(r.row);
    world_close(&w);
}

/* ---- selftest ---- */

static const SelftestRow *self_row_of(const Selftest *t, const char *check, SelftestVerdict v)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->row[i].check, check) == 0 && t->row[i].verdict == v) return &t->row[i];
    return NULL;
}

static SelftestOpts small_selftest(const World *w)
{
    SelftestOpts o = selftest_default();
    o.model = w->base;
    o.people = 8;
    o.records = 20;
    o.epochs = 60;
    o.lr = 0.02;
    return o;
}

Test(attacks, selftest_passes_with_power_and_says_so_without, .timeout = 240)
{
    World w = world_open();
    SelftestOpts o = small_selftest(&w);
    Selftest t;
    MUST(selftest_run(&t, &o, &e_));
    const SelftestRow *power = self_row_of(&t, "power", SELFTEST_PASS);
    for (size_t i = 0; i < t.n; i++)
        cr_expect_leq(t.row[i].verdict, SELFTEST_PASS, "%s of %s: %g, limit %g", t.row[i].check,
                      t.row[i].attack, t.row[i].value, t.row[i].limit);
    cr_expect_eq(selftest_verdict(&t), SELFTEST_PASS);
    cr_assert_not_null(power);
    cr_expect_geq(power->value, SELFTEST_POWER);
    cr_expect_not_null(self_row_of(&t, "fingerprint", SELFTEST_PASS));
    cr_expect_not_null(self_row_of(&t, "null", SELFTEST_PASS));
    selftest_free(&t);
    o.lr = 1e-9; /* nothing is learnt: the attacks cannot find it */
    o.epochs = 1;
    MUST(selftest_run(&t, &o, &e_));
    cr_expect_not_null(self_row_of(&t, "power", SELFTEST_BREACHED));
    cr_expect_eq(selftest_verdict(&t), SELFTEST_BREACHED);
    selftest_free(&t);
    world_close(&w);
}

Test(attacks, selftest_of_too_few_cannot_be_graded, .timeout = 240)
{
    World w = world_open();
    SelftestOpts o = small_selftest(&w);
    Selftest t;
    Err e = {0};
    o.people = 2;
    o.repeats = 20;
    MUST(selftest_run(&t, &o, &e_));
    cr_expect_not_null(self_row_of(&t, "null", SELFTEST_UNGRADED));
    selftest_free(&t);
    o.people = 1;
    cr_expect_eq(selftest_run(&t, &o, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "people = 1"));
    o = small_selftest(&w);
    o.records = 9;
    e = (Err){0};
    cr_expect_eq(selftest_run(&t, &o, &e), ERR_ARG);
    o = small_selftest(&w);
    o.repeats = 0;
    e = (Err){0};
    cr_expect_eq(selftest_run(&t, &o, &e), ERR_ARG);
    o = small_selftest(&w);
    o.model = "nowhere";
    e = (Err){0};
    cr_expect_eq(selftest_run(&t, &o, &e), ERR_IO);
    world_close(&w);
}

/* ---- canaries ---- */

static void plant(World *w, size_t canaries)
{
    snprintf(w->data, sizeof w->data, "%s/planted", w->dir);
    DataSynthOpt o = {.out = w->data,
                      .salt = DATA_SALT,
                      .seed = 5,
                      .history = 0.5,
                      .query = 0.25,
                      .users = 8,
                      .records = 24,
                      .canaries = canaries};
    MUST(data_synth(&o, &e_));
}

static double mean_exposure(const Rows *r, const char *method, int label, size_t *n)
{
    double sum = 0;
    *n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (!row_is(&r->row[i], method, "canary", "exposure") || r->row[i].label != label) continue;
        sum += r->row[i].value;
        (*n)++;
    }
    return sum / (double)*n;
}

/* Own adapters that have learnt them by heart expose what was planted, and nothing that was kept out; the
 * base model exposes neither. */
Test(attacks, canaries_are_exposed_where_they_were_planted, .timeout = 240)
{
    World w = world_open();
    size_t n[4];
    plant(&w, 4);
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){ONE, "methods=base,anchor", "task=synth_headline",
                                                "search.score=likelihood", "utility.score=generate",
                                                "attack.canaries=63", "adapter.epochs=60",
                                                "adapter.modules=all-linear", "adapter.rank=8"},
                          9);
    double in = mean_exposure(&r, "anchor", 1, &n[0]), out = mean_exposure(&r, "anchor", 0, &n[1]),
           base_in = mean_exposure(&r, "base", 1, &n[2]), base_out = mean_exposure(&r, "base", 0, &n[3]);
    cr_expect_eq(n[0] + n[1], 4 * 4, "four of each of four anchors");
    cr_expect_eq(n[2] + n[3], 2 * 2 * 4, "of two anchors of each target");
    cr_expect_gt(in, 5.5, "planted: %g of 6 bits", in);
    cr_expect_lt(out, 3, "kept out: %g bits", out);
    cr_expect_lt(base_in, 3, "%g", base_in);
    cr_expect_lt(base_out, 3, "%g", base_out);
    free(r.row);
    world_close(&w);
}

Test(attacks, canaries_must_be_there, .timeout = 60)
{
    World w = world_open();
    char run[PATH];
    Err e = {0};
    snprintf(run, sizeof run, "%s/run", w.dir);
    w.spec = world_spec(&w, (const char *const[]){"attack.canaries=10"}, 1);
    cr_expect_eq(sweep_run(&w.spec, run, NULL, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "has no canaries"), "%s", e.msg);
    world_close(&w);
}
