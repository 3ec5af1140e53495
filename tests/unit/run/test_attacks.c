/* What a run writes of attacks: on records, by weights, on people, counterfactuals; signals and canaries. */
#include "world.h"

#include "prime/attack.h"
#include "prime/sample.h"
#include "prime/score.h"
#include "prime/selftest.h"
#include "prime/signals.h"

/* ---- rows ---- */

typedef struct {
    char method[64], target[32], kind[24], metric[32], unit[32], record[32];
    double lambda, value;
    int label;
} Row;
typedef struct {
    Row *row;
    size_t n, room;
} Rows;

static Status row_added(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    Rows *r = ctx;
    (void)e;
    if (r->n == r->room) {
        r->room = 2 * r->room + 1024;
        r->row = realloc(r->row, r->room * sizeof *r->row);
        cr_assert_not_null(r->row);
    }
    Row *x = &r->row[r->n++];
    snprintf(x->method, sizeof x->method, "%s", c->method);
    snprintf(x->target, sizeof x->target, "%s", c->target);
    snprintf(x->kind, sizeof x->kind, "%s", s->kind);
    snprintf(x->metric, sizeof x->metric, "%s", s->metric);
    snprintf(x->unit, sizeof x->unit, "%s", s->unit);
    snprintf(x->record, sizeof x->record, "%s", s->record);
    x->lambda = c->lambda;
    x->value = s->value;
    x->label = s->label;
    return OK;
}

static Rows rows_load(const World *w, const char *run)
{
    Rows r = {0};
    Ledger *l = NULL;
    char path[PATH + 64];
    snprintf(path, sizeof path, "%s/%s/ledger.db", w->dir, run);
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_each_score(l, NULL, row_added, &r, &e_));
    ledger_close(l);
    return r;
}

static Rows run_and_load(World *w, const char *run, const char *const *set, size_t n)
{
    w->spec = world_spec(w, set, n);
    Str text = run_text(w, run, 2);
    str_free(&text);
    return rows_load(w, run);
}

/* The row that agrees with `like` in cell, kind, unit and record, of another method and metric. */
static const Row *row_like(const Rows *r, const Row *like, const char *method, const char *metric)
{
    for (size_t i = 0; i < r->n; i++) {
        const Row *x = &r->row[i];
        bool lambda = isnan(x->lambda) || x->lambda == like->lambda;
        if (lambda && strcmp(x->method, method) == 0 && strcmp(x->target, like->target) == 0 &&
            strcmp(x->kind, like->kind) == 0 && strcmp(x->metric, metric) == 0 &&
            strcmp(x->unit, like->unit) == 0 && strcmp(x->record, like->record) == 0)
            return x;
    }
    cr_assert_fail("no %s of %s for record %s of %s", metric, method, like->record, like->unit);
    return NULL;
}

static bool row_is(const Row *x, const char *method, const char *kind, const char *metric)
{
    return strcmp(x->method, method) == 0 && strcmp(x->kind, kind) == 0 && strcmp(x->metric, metric) == 0;
}

static size_t rows_of_metric(const Rows *r, const char *method, const char *kind, const char *metric)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += row_is(&r->row[i], method, kind, metric);
    return n;
}

#define ONE "seeds=1", "lambda=0.5"

/* ---- records ---- */

static const DataRecord *record_of(const DataSet *d, const char *unit, const char *record)
{
    const DataUser *u = data_user(d, unit);
    for (size_t s = 0; s < DATA_SPLITS; s++)
        for (size_t i = 0; i < u->n[s]; i++)
            if (strcmp(u->rec[s][i].id, record) == 0) return &u->rec[s][i];
    return NULL;
}

Test(attacks, of_records_agree_with_each_other, .timeout = 240)
{
    World w = world_open();
    DataSet *d = NULL;
    Rows r = run_and_load(&w, "run", (const char *const[]){ONE, "methods=base,anchor,uniform"}, 3);
    static const char *const usual[] = {"loss",     "loss_sum",    "ref",         "zlib",
                                        "min_k_20", "min_k_pp_20", "blind_length"};
    MUST(data_load(&d, w.data, "synth_tag", &e_));
    size_t rows = rows_of_metric(&r, "uniform", "attack", "loss"), all = 0;
    cr_assert_gt(rows, 0);
    for (size_t k = 0; k < sizeof usual / sizeof usual[0]; k++)
        cr_expect_eq(rows_of_metric(&r, "uniform", "attack", usual[k]), rows, "%s", usual[k]);
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (strcmp(x->kind, "attack") != 0) continue;
        all += strcmp(x->method, "uniform") == 0;
        if (!row_is(x, "uniform", "attack", "loss")) continue;
        const DataRecord *rec = record_of(d, x->unit, x->record);
        size_t bytes = 0;
        MUST(attack_zlib(&bytes, rec->output, strlen(rec->output), &e_));
        double sum = row_like(&r, x, "uniform", "loss_sum")->value,
               tokens = -row_like(&r, x, "uniform", "blind_length")->value,
               base = row_like(&r, x, "base", "loss")->value;
        cr_expect_float_eq(sum / tokens, x->value, 1e-12);
        cr_expect_float_eq(row_like(&r, x, "uniform", "ref")->value, x->value - base, 1e-12);
        cr_expect_float_eq(row_like(&r, x, "uniform", "zlib")->value, x->value / (double)bytes, 1e-12);
        cr_expect_leq(row_like(&r, x, "uniform", "min_k_20")->value, x->value + 1e-12);
    }
    cr_expect_eq(all, rows * sizeof usual / sizeof usual[0], "only what is asked for is written");
    data_free(d);
    free(r.row);
    world_close(&w);
}

Test(attacks, all_means_every_attack_that_one_pass_allows, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run", (const char *const[]){ONE, "methods=uniform", "attack.methods=all"}, 4);
    size_t rows = rows_of_metric(&r, "uniform", "attack", "loss");
    static const char *const more[] = {"min_k_10", "min_k_pp_10", "surp_20",
                                       "ez_mia",   "ez_share",    "blind_zlib"};
    static const char *const not [] = {"ref_loo", "lowercase", "recall", "dc_pdd", "neighbour", "lira"};
    for (size_t k = 0; k < 6; k++) {
        cr_expect_eq(rows_of_metric(&r, "uniform", "attack", more[k]), rows, "%s", more[k]);
        cr_expect_eq(rows_of_metric(&r, "uniform", "attack", not [k]), 0, "%s", not [k]);
    }
    free(r.row);
    world_close(&w);
}

/* ---- merges without an anchor ---- */

/* Of one anchor there is nothing left but the base model. */
Test(attacks, a_merge_of_one_without_it_is_the_base, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(
        &w, "run", (const char *const[]){"seeds=1", "methods=base,evolved,loo", "anchors.per_target=1"}, 3);
    size_t seen = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (row_is(x, "loo", "attack", "ref")) cr_expect_float_eq(x->value, 0, 1e-9);
        if (row_is(x, "loo", "attack", "loss"))
            cr_expect_float_eq(x->value, row_like(&r, x, "base", "loss")->value, 1e-6);
        seen += row_is(x, "loo", "attack", "loss");
        if (!row_is(x, "evolved", "attack", "ref_loo")) continue;
        cr_expect_float_eq(x->value, row_like(&r, x, "evolved", "ref")->value, 1e-6);
        seen++;
    }
    cr_expect_gt(seen, 0);
    cr_expect_eq(rows_of_metric(&r, "loo", "attack", "loss") * 3,
                 rows_of_metric(&r, "evolved", "attack", "ref_loo"), "every lambda, and the first alone");
    free(r.row);
    world_close(&w);
}

typedef struct {
    Model *m;
    Tok *tok;
    DataSet *d;
} Lab;

static Lab lab_open(const World *w)
{
    Lab lab = {0};
    MUST(model_load(&lab.m, w->base, &e_));
    MUST(tok_load(&lab.tok, w->base, &e_));
    MUST(data_load(&lab.d, w->data, "synth_tag", &e_));
    return lab;
}

static void lab_close(Lab *lab)
{
    data_free(lab->d);
    tok_free(lab->tok);
    model_free(lab->m);
}

static double merge_weight(const Rows *r, const char *method, const char *target, const char *unit)
{
    for (size_t i = 0; i < r->n; i++)
        if (row_is(&r->row[i], method, "weight", "w") && strcmp(r->row[i].target, target) == 0 &&
            strcmp(r->row[i].unit, unit) == 0)
            return r->row[i].value;
    return NAN;
}

/* Mean log-likelihood of a record under `weight` times one anchor's adapter, read back from the run. */
static double loss_under(const World *w, const Lab *lab, const char *run, const char *anchor, double weight,
                         const Row *x)
{
    char dir[2 * PATH];
    LoraShape shape = model_lora_shape(&lab->m->cfg);
    Lora *l = NULL;
    LoraBank *bank = NULL;
    Arena a = {0};
    Sample s;
    ScoreOut out;
    float one = (float)weight;
    snprintf(dir, sizeof dir, "%s/%s/adapters/synth_tag/%s.seed1", w->dir, run, anchor);
    MUST(lora_load(&l, dir, &shape, &e_));
    MUST(lora_bank_view(&bank, l, &e_));
    const DataRecord *rec = record_of(lab->d, x->unit, x->record);
    MUST(sample_make(&s, &a, lab->tok, &lab->m->cfg, rec->task, NULL, rec->input, rec->output, 0, &e_));
    ScoreItem item = {s.ids, s.n, s.skip, 0};
    PassLora pass = {.bank = bank, .op = LORA_EXACT, .w = &one};
    MUST(score_nll(&out, lab->m, &pass, 1, &item, 1, &e_));
    lora_bank_free(bank);
    lora_free(l);
    arena_free(&a);
    return -out.nll_sum / (double)out.n_tokens;
}

/* Of two anchors the other one is left, with its own weight. */
Test(attacks, a_merge_of_two_without_one_is_the_other, .timeout = 240)
{
    World w = world_open();
    Rows r =
        run_and_load(&w, "run", (const char *const[]){ONE, "methods=evolved,loo", "evolve.budget=12"}, 4);
    Lab lab = lab_open(&w);
    size_t seen = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (row_is(x, "evolved", "attack", "ref_loo")) {
            double without = row_like(&r, x, "loo", "loss")->value;
            cr_expect_float_eq(x->value, row_like(&r, x, "evolved", "loss")->value - without, 1e-12);
        }
        if (!row_is(x, "loo", "attack", "loss")) continue;
        const char *other = NULL;
        for (size_t j = 0; j < r.n; j++)
            if (row_is(&r.row[j], "evolved", "weight", "w") && strcmp(r.row[j].target, x->target) == 0 &&
                strcmp(r.row[j].unit, x->unit) != 0)
                other = r.row[j].unit;
        cr_assert_not_null(other);
        double weight = merge_weight(&r, "evolved", x->target, other);
        seen += weight != 0;
        cr_expect_float_eq(x->value, loss_under(&w, &lab, "run", other, weight, x), 1e-5);
    }
    cr_expect_gt(seen, 0, "no merge with weights was found: nothing was tested");
    lab_close(&lab);
    free(r.row);
    world_close(&w);
}

Test(attacks, random_anchors_are_others_with_the_same_weights, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run", (const char *const[]){ONE, "methods=evolved,random-anchors"}, 3);
    double own = 0, others = 0;
    size_t weights = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (row_is(x, "evolved", "weight", "w")) own += fabs(x->value);
        if (!row_is(x, "random-anchors", "weight", "w")) continue;
        weights++;
        others += fabs(x->value);
        cr_expect(isnan(merge_weight(&r, "evolved", x->target, x->unit)), "%s is an anchor of %s", x->unit,
                  x->target);
    }
    cr_expect_eq(weights, 4);
    cr_expect_float_eq(own, others, 1e-12);
    cr_expect_eq(rows_of_metric(&r, "random-anchors", "attack", "ref"),
                 rows_of_metric(&r, "evolved", "attack", "ref"));
    for (size_t i = 0; i < r.n; i++)
        if (row_is(&r.row[i], "random-anchors", "attack", "ref"))
            (void)row_like(&r, &r.row[i], "evolved", "ref"); /* the same people are attacked */
    free(r.row);
    world_close(&w);
}

/* ---- what is refused ---- */

Test(attacks, mistakes_are_named)
{
    static const struct {
        const char *set[2], *want;
    } cases[] = {
        {{"attack.methods=losss"}, "attack.methods: losss is not known, did you mean loss"},
        {{"attack.methods=loss,loss"}, "attack.methods: loss is there twice"},
        {{"attack.methods=[]"}, "attack.methods is empty"},
        {{"attack.methods=recall"}, "attack.methods: recall needs more than one pass"},
        {{"attack.methods=ref_loo"}, "attack.methods: ref_loo needs the merges of method loo"},
        {{"methods=loo"}, "loo is measured beside evolved"},
        {{"methods=evolved,random-anchors", "anchors.pool=3"}, "random-anchors wants 4 anchors"},
    };
    World w = world_open();
    char path[PATH];
    snprintf(path, sizeof path, "%s/audit.yaml", w.dir);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Spec s;
        Err e = {0};
        cr_expect_eq(spec_load(&s, &w.arena, path, cases[i].set, cases[i].set[1] != NULL ? 2 : 1, &e),
                     ERR_ARG, "case %zu", i);
        cr_expect_not_null(strstr(e.msg, cases[i].want), "case %zu: %s", i, e.msg);
    }
    world_close(&w);
}

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
    o.people = 5;
    o.records = 20;
    o.epochs = 60;
    o.lr = 0.02;
    o.repeats = 200;
    return o;
}

Test(attacks, selftest_passes_with_power_and_says_so_without, .timeout = 240)
{
    World w = world_open();
    SelftestOpts o = small_selftest(&w);
    Selftest t;
    MUST(selftest_run(&t, &o, &e_));
    const SelftestRow *power = self_row_of(&t, "power", SELFTEST_PASS);
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

/* ---- signals on disk ---- */

static Signals kept(const World *w, Arena *a, const char *run, const char *name)
{
    char path[2 * PATH];
    Signals s;
    snprintf(path, sizeof path, "%s/%s/signals/synth_tag/%s.safetensors", w->dir, run, name);
    MUST(signals_load(&s, path, a, &e_));
    return s;
}

/* Every row of one cell again, from files alone. */
static size_t check_kept(const Rows *r, const Signals *s, const SignalsMore *more, const char *method,
                         const char *target, double lambda, Arena *a)
{
    AttackSignal *x = NULL;
    size_t seen = 0;
    MUST(signals_attack(&x, s, more, a, &e_));
    for (size_t i = 0; i < r->n; i++) {
        const Row *row = &r->row[i];
        if (strcmp(row->kind, "attack") != 0 || strcmp(row->method, method) != 0 ||
            strcmp(row->target, target) != 0 || !(row->lambda == lambda || isnan(lambda)))
            continue;
        size_t k = 0;
        double got;
        while (k < s->n && strcmp(s->record[k].id, row->record) != 0) k++;
        cr_assert_lt(k, s->n, "%s", row->record);
        cr_expect_eq(s->record[k].label, row->label);
        cr_expect_str_eq(s->record[k].unit, row->unit);
        MUST(attack_score(&got, &x[k], 1, row->metric, &e_));
        cr_expect_eq(got, row->value, "%s of %s: %g, want %g", row->metric, row->record, got, row->value);
        seen++;
    }
    return seen;
}

Test(attacks, signals_on_disk_give_the_same_scores, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){ONE, "methods=anchor,evolved,loo,oppu", "attack.signals=true",
                                                "attack.methods=all", "context.variants=none,rag1"},
                          6);
    Arena a = {0};
    const Row *row = NULL, *own = NULL;
    char name[128];
    for (size_t i = 0; i < r.n; i++) {
        if (row == NULL && row_is(&r.row[i], "evolved", "attack", "ref")) row = &r.row[i];
        if (own == NULL && row_is(&r.row[i], "anchor", "attack", "ref")) own = &r.row[i];
    }
    cr_assert(row != NULL && own != NULL);
    Signals base = kept(&w, &a, "run", "base");
    snprintf(name, sizeof name, "evolved.%s.seed1.lambda0.5", row->target);
    Signals merged = kept(&w, &a, "run", name);
    snprintf(name, sizeof name, "loo.%s.seed1.lambda0.5", row->target);
    Signals loo = kept(&w, &a, "run", name);
    snprintf(name, sizeof name, "anchor.%s.seed1", own->target);
    Signals anchor = kept(&w, &a, "run", name);
    SignalsMore more = {.ref = &base, .loo = &loo}, plain = {.ref = &base};
    cr_expect_gt(check_kept(&r, &merged, &more, "evolved", row->target, 0.5, &a), merged.n);
    cr_expect_gt(check_kept(&r, &loo, &plain, "loo", row->target, 0.5, &a), loo.n);
    cr_expect_gt(check_kept(&r, &anchor, &plain, "anchor", own->target, NAN, &a), anchor.n);
    arena_free(&a);
    free(r.row);
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
