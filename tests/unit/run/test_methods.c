/* Every method of the table as cells of one ledger; prompts with context; several tasks; the defect that an
 * audit must find. */
#include "world.h"

#include "prime/baseline.h"
#include "prime/roc.h"

#include <unistd.h>

#define ALL                                                                                                \
    "methods=base,anchor,uniform,soup,soup-preference,ties,dare,dare-ties,dp-uniform,malicious,"           \
    "bystander,oppu,perpcs,evolved,prime-paper,constrained,matched-random,matched-uniform,random-anchors," \
    "loo,scaled"

/* Everything at once, small. */
static const char *const everything[] = {ALL,
                                         "lambda=0.5",
                                         "seeds=1",
                                         "context.variants=none,rag2",
                                         "perpcs.topk=2",
                                         "search.members=2",
                                         "search.heldout=1",
                                         "anchors.min_heldout=3",
                                         "attack.people=true",
                                         "attack.fingerprint=true",
                                         "attack.signals=true",
                                         "attack.methods=all",
                                         "attack.texts=lowercase,prefix,neighbour",
                                         "attack.shots=1",
                                         "attack.neighbours=2",
                                         "attack.counts=others",
                                         "attack.malicious=8"};
enum { N_EVERYTHING = sizeof everything / sizeof everything[0] };

static Spec spec_of_all(World *w)
{
    return world_spec(w, everything, N_EVERYTHING);
}

static size_t plan_number(const World *w, const char *what)
{
    Str plan = {0};
    size_t n = 0;
    MUST(sweep_plan(&plan, &w->spec, NULL, &e_));
    const char *at = strstr(plan.s, what);
    cr_assert(at != NULL && sscanf(at + strlen(what), ",%zu", &n) == 1, "%s", plan.s);
    str_free(&plan);
    return n;
}

typedef struct {
    size_t n, per_method[32];
} Cells;

static Status count_cell(void *ctx, const LedgerCell *c, Err *e)
{
    (void)e;
    Cells *cells = ctx;
    cells->n++;
    for (size_t i = 0; baseline_at(i) != NULL; i++)
        if (strncmp(c->method, baseline_at(i)->name, strlen(baseline_at(i)->name)) == 0 &&
            strchr("+", c->method[strlen(baseline_at(i)->name)]) != NULL)
            cells->per_method[i]++;
    return OK;
}

static Cells method_counts(const World *w, const char *run)
{
    char path[PATH + 32];
    Cells cells = {0};
    Ledger *l = NULL;
    snprintf(path, sizeof path, "%s/%s/ledger.db", w->dir, run);
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_each_cell(l, NULL, count_cell, &cells, &e_));
    ledger_close(l);
    return cells;
}

Test(methods, all_are_measured_as_planned_whatever_the_threads_and_kills, .timeout = 600)
{
    static const size_t after[] = {5, 17, 33, 50};
    World w = world_open();
    w.spec = spec_of_all(&w);
    Str one = run_text(&w, "one", 1), three = run_text(&w, "three", 3);
    cr_assert_str_eq(one.s, three.s, "the ledger depends on the number of threads");
    Cells cells = method_counts(&w, "one");
    cr_expect_eq(cells.n, plan_number(&w, "cells"), "%zu cells", cells.n);
    for (size_t i = 0; baseline_at(i) != NULL; i++)
        cr_expect_gt(cells.per_method[i], 0, "%s", baseline_at(i)->name);
    check_killed(&w, &one, after, sizeof after / sizeof after[0], false);
    str_free(&one);
    str_free(&three);
    world_close(&w);
}

/* ---- values ---- */

typedef struct {
    const char *metric;
    double sum;
    size_t n;
} Sum;

static Status add_score(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)c;
    (void)e;
    Sum *sum = ctx;
    sum->sum += s->value;
    sum->n++;
    return OK;
}

/* The sum of all scores that match. */
static Sum sum_over(const World *w, const char *run, const LedgerFilter *f)
{
    char path[PATH + 32];
    Sum sum = {0};
    Ledger *l = NULL;
    snprintf(path, sizeof path, "%s/%s/ledger.db", w->dir, run);
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_each_score(l, f, add_score, &sum, &e_));
    ledger_close(l);
    return sum;
}

static double norm_of_method(const World *w, const char *method)
{
    Sum s = sum_over(w, "run", &(LedgerFilter){.method = method, .kind = "norm", .metric = "merged"});
    cr_assert_gt(s.n, 0, "%s", method);
    return s.sum;
}

Test(methods, controls_are_as_strong_as_what_they_control, .timeout = 240)
{
    World w = world_open();
    w.spec = world_spec(
        &w, (const char *const[]){"methods=evolved,matched-random,matched-uniform", "evolve.objective=norm"},
        2);
    Str rows = run_text(&w, "run", 2);
    double evolved = norm_of_method(&w, "evolved");
    cr_expect_gt(evolved, 0);
    cr_expect_float_eq(norm_of_method(&w, "matched-random"), evolved, 1e-5 * evolved);
    cr_expect_float_eq(norm_of_method(&w, "matched-uniform"), evolved, 1e-5 * evolved);
    str_free(&rows);
    world_close(&w);
}

/* ---- context ---- */

Test(methods, context_changes_answers_and_not_leakage, .timeout = 240)
{
    World w = world_open();
    w.spec = world_spec(&w,
                        (const char *const[]){"methods=base,uniform", "context.variants=none,rag1,rag4",
                                              "task=synth_headline", "search.score=generate",
                                              "utility.score=generate", "context.tokens=60"},
                        6);
    Str rows = run_text(&w, "run", 2);
    static const char *const with[] = {"uniform+rag1", "uniform+rag4"};
    LedgerFilter f = {.method = "uniform", .kind = "attack"}, u = {.method = "uniform", .kind = "utility"};
    Sum plain = sum_over(&w, "run", &f), plain_u = sum_over(&w, "run", &u);
    for (size_t i = 0; i < 2; i++) {
        f.method = u.method = with[i];
        Sum leak = sum_over(&w, "run", &f), util = sum_over(&w, "run", &u);
        cr_expect_eq(leak.n, plain.n);
        cr_expect_eq(leak.sum, plain.sum, "what is attacked is the adapter");
        cr_expect_eq(util.n, plain_u.n);
    }
    str_free(&rows);
    world_close(&w);
}

/* Prompts as the model gets them. */
Test(methods, descriptions_come_from_the_dataset_or_the_model, .timeout = 240)
{
    World w = world_open();
    char run[PATH];
    Err e = {0};
    snprintf(run, sizeof run, "%s/none", w.dir);
    w.spec = world_spec(&w, (const char *const[]){"methods=base", "context.variants=none,pag1"}, 2);
    cr_expect_eq(sweep_run(&w.spec, run, NULL, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "the dataset has no description of target"), "%s", e.msg);
    w.spec = world_spec(
        &w, (const char *const[]){"methods=base", "context.variants=none,pag1", "context.profiles=model"}, 3);
    Str rows = run_text(&w, "model", 2);
    cr_expect_gt(count_lines(&rows, "/base+pag1/"), 0);
    str_free(&rows);
    world_close(&w);
}

/* ---- tasks ---- */

Test(methods, several_tasks_in_one_ledger_are_as_each_alone, .timeout = 240)
{
    World w = world_open();
    static const char *const tasks[] = {"task=synth_tag,synth_rating", "task=synth_tag", "task=synth_rating"};
    Str rows[3];
    for (size_t i = 0; i < 3; i++) {
        w.spec = world_spec(
            &w, (const char *const[]){tasks[i], "search.score=auto", "utility.score=auto", "lambda=0"}, 4);
        rows[i] = run_text(&w, tasks[i], 2);
    }
    cr_assert_eq(rows[0].n, rows[1].n + rows[2].n);
    cr_expect_not_null(strstr(rows[0].s, rows[1].s));
    cr_expect_not_null(strstr(rows[0].s, rows[2].s));
    for (size_t i = 0; i < 3; i++) str_free(&rows[i]);
    world_close(&w);
}

/* ---- the planted defect ---- */

typedef struct {
    double in[512], out[512];
    size_t n_in, n_out;
} Scores;

static Status add_labelled(void *ctx, const LedgerCell *c, const LedgerScore *s, Err *e)
{
    (void)c;
    (void)e;
    Scores *x = ctx;
    cr_assert(x->n_in < 512 && x->n_out < 512);
    if (s->label == 1) x->in[x->n_in++] = s->value;
    if (s->label == 0) x->out[x->n_out++] = s->value;
    return OK;
}

/* AUC of the base-calibrated attack on the records of one person, by the adapter of a target. */
static double auc_of(const World *w, const char *run, const char *kind, const char *target, const char *unit)
{
    char path[PATH + 32];
    double work[1024];
    Scores x = {0};
    Ledger *l = NULL;
    LedgerFilter f = {.method = "oppu", .target = target, .kind = kind, .metric = "ref", .unit = unit};
    snprintf(path, sizeof path, "%s/%s/ledger.db", w->dir, run);
    MUST(ledger_open(&l, path, LEDGER_READ, NULL, &e_));
    MUST(ledger_each_score(l, &f, add_labelled, &x, &e_));
    ledger_close(l);
    cr_assert(x.n_in > 0 && x.n_out > 0);
    return roc_auc(x.in, x.n_in, x.out, x.n_out, work);
}

/* Adapters that are not reset between targets hold the records of the targets before: the audit sees it.
 * Reset, they give away their own person alone. */
Test(methods, adapters_that_are_not_reset_are_found_out, .timeout = 240)
{
    World w = world_of(10, 40);
    DataSet *d = NULL;
    char users[64];
    MUST(data_load(&d, w.data, "synth_headline", &e_));
    snprintf(users, sizeof users, "targets.users=%s,%s", d->user[0].id, d->user[1].id);
    const char *set[] = {"methods=oppu",
                         "seeds=1",
                         "adapter.lr=0.01",
                         "adapter.epochs=30",
                         "adapter.modules=all-linear",
                         "task=synth_headline",
                         "search.score=likelihood",
                         "utility.score=generate",
                         users,
                         "adapter.rank=8",
                         "anchors.pool=2",
                         "oppu.accumulate=false"};
    w.spec = world_spec(&w, set, 12);
    Str clean = run_text(&w, "clean", 2);
    set[11] = "oppu.accumulate=true";
    w.spec = world_spec(&w, set, 12);
    Str defect = run_text(&w, "defect", 2);
    const char *first = d->user[0].id, *second = d->user[1].id;
    double own = auc_of(&w, "clean", "attack_own", second, second),
           reset = auc_of(&w, "clean", "attack", second, first),
           kept = auc_of(&w, "defect", "attack", second, first),
           before = auc_of(&w, "defect", "attack", first, second);
    cr_expect_gt(own, 0.8, "their own: %g", own);
    cr_expect_lt(fabs(reset - 0.5), 0.15, "the one before, reset: %g", reset);
    cr_expect_lt(fabs(before - 0.5), 0.15, "the one after: %g", before);
    cr_expect_gt(kept, 0.7, "the one before, not reset: %g", kept);
    data_free(d);
    str_free(&clean);
    str_free(&defect);
    world_close(&w);
}

/* ---- what is refused ---- */

Test(methods, mistakes_are_named)
{
    static const struct {
        const char *set, *want;
    } cases[] = {
        {"methods=bas", "methods: bas is not known, did you mean base"},
        {"methods=base,base", "methods: base is there twice"},
        {"methods=[]", "methods is empty"},
        {"methods=matched-random", "matched-random is measured beside evolved"},
        {"methods=perpcs", "perpcs.topk = 3, want at most anchors.per_target = 2"},
        {"context.variants=none,rag0", "context.variants: rag0, want none"},
        {"context.variants=none,none", "context.variants: none is there twice"},
        {"context.variants=[]", "context.variants: 0 of them"},
        {"task=synth_tag,synth_tag", "task: synth_tag is there twice"},
        {"task=[]", "task is empty"},
    };
    World w = world_open();
    char path[PATH];
    snprintf(path, sizeof path, "%s/audit.yaml", w.dir);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Spec s;
        Err e = {0};
        cr_expect_eq(spec_load(&s, &w.arena, path, &cases[i].set, 1, &e), ERR_ARG, "case %zu", i);
        cr_expect_not_null(strstr(e.msg, cases[i].want), "case %zu: %s", i, e.msg);
    }
    Spec one;
    Err e = {0};
    w.spec = world_spec(&w, NULL, 0);
    cr_expect_eq(spec_for(&one, &w.spec, "LaMP_9", &e), ERR_ARG);
    cr_expect_str_eq(e.msg, "task = LaMP_9 is none of this audit's");
    world_close(&w);
}
