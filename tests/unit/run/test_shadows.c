/* Attacks by shadow models, by colluding anchors, and what models write out, in the cells of a run. */
#include "lab.h"

#include "prime/extract.h"
#include "prime/lira.h"
#include "prime/roc.h"
#include "prime/sample.h"
#include "prime/score.h"

enum { SHADOWS = 4 };

#define SHADOWED_BRIEFLY ONE, "attack.shadows=4", "attack.population=16", "attack.extract=true"
#define SHADOWED SHADOWED_BRIEFLY, "adapter.epochs=12"

static World shadow_world(void)
{
    return world_of(30, 16);
}

/* AUC of a method's rows of one metric, pooled. */
static double pooled_auc(const Rows *r, const char *method, const char *metric)
{
    size_t m = 0, n = 0;
    double *x = malloc(3 * r->n * sizeof *x), *in = x, *out = x + r->n;
    cr_assert_not_null(x);
    for (size_t i = 0; i < r->n; i++)
        if (row_is(&r->row[i], method, "attack", metric))
            *(r->row[i].label == 1 ? &in[m++] : &out[n++]) = r->row[i].value;
    cr_assert(m > 0 && n > 0, "%s of %s", metric, method);
    double auc = roc_auc(in, m, out, n, x + 2 * r->n);
    free(x);
    return auc;
}

/* Every merge of anchors has all rows; they find the owner's training in its own adapter, and nothing in
 * merges that the owner is not in. */
Test(shadows, attack_all_merges_of_anchors, .timeout = 300)
{
    static const char *const metric[] = {"lira",         "lira_offline", "rmia",    "rmia_offline",
                                         "lira_remerge", "rmia_remerge", "quantile"};
    static const char *const method[] = {"anchor", "uniform",   "evolved",   "matched-random",
                                         "loo",    "malicious", "bystander", "random-anchors",
                                         "ties"};
    World w = shadow_world();
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){SHADOWED, "anchors.pool=6",
                                                "methods=base,anchor,uniform,evolved,matched-random,loo,"
                                                "malicious,bystander,random-anchors,ties,scaled"},
                          8);
    for (size_t i = 0; i < sizeof method / sizeof method[0]; i++)
        for (size_t k = 0; k < sizeof metric / sizeof metric[0]; k++)
            cr_expect_eq(rows_of_metric(&r, method[i], "attack", metric[k]),
                         rows_of_metric(&r, method[i], "attack", "loss"), "%s of %s", metric[k], method[i]);
    cr_expect_eq(rows_of_metric(&r, "base", "attack", "lira"), 0);
    cr_expect_eq(rows_of_metric(&r, "scaled", "attack", "lira"), 0);
    cr_expect_gt(pooled_auc(&r, "anchor", "lira"), 0.75);
    cr_expect_gt(pooled_auc(&r, "anchor", "rmia"), 0.7);
    cr_expect_gt(pooled_auc(&r, "uniform", "lira"), 0.6);
    cr_expect_lt(fabs(pooled_auc(&r, "random-anchors", "lira") - 0.5), 0.2);
    free(r.row);
    world_close(&w);
}

/* ---- the same by hand, of anchors alone ---- */

static double phi_under(const Lab *lab, const Lora *l, const DataRecord *rec)
{
    Arena a = {0};
    LoraBank *bank = NULL;
    Sample s;
    ScoreOut out;
    float one = 1;
    MUST(lora_bank_view(&bank, l, &e_));
    MUST(sample_make(&s, &a, lab->tok, &lab->m->cfg, rec->task, NULL, rec->input, rec->output, 0, &e_));
    ScoreItem item = {s.ids, s.n, s.skip, 0};
    PassLora pass = {.bank = bank, .op = LORA_EXACT, .w = &one};
    MUST(score_nll(&out, lab->m, &pass, 1, &item, 1, &e_));
    lora_bank_free(bank);
    arena_free(&a);
    return lira_phi(-out.nll_sum / (double)out.n_tokens);
}

static Lora *adapter_of(const World *w, const Lab *lab, const char *name)
{
    char dir[2 * PATH];
    Lora *l = NULL;
    LoraShape shape = model_lora_shape(&lab->m->cfg);
    snprintf(dir, sizeof dir, "%s/run/adapters/synth_tag/%s", w->dir, name);
    MUST(lora_load(&l, dir, &shape, &e_));
    return l;
}

/* Records of one person: their rows of `loss` in cells of anchor, members first. */
static size_t rows_of_person(const Row **out, const Rows *r, const char *unit)
{
    size_t n = 0;
    for (int label = 1; label >= 0; label--)
        for (size_t i = 0; i < r->n; i++)
            if (row_is(&r->row[i], "anchor", "attack", "loss") && strcmp(r->row[i].unit, unit) == 0 &&
                r->row[i].label == label)
                out[n++] = &r->row[i];
    return n;
}

static const DataRecord *record_found(const DataSet *d, const char *unit, const char *id)
{
    const DataUser *u = data_user(d, unit);
    for (size_t s = 0; s < DATA_SPLITS; s++)
        for (size_t i = 0; i < u->n[s]; i++)
            if (strcmp(u->rec[s][i].id, id) == 0) return &u->rec[s][i];
    return NULL;
}

static void check_person(const World *w, const Lab *lab, const Rows *r, const char *unit)
{
    enum { MOST = 64 };
    const Row *row[MOST];
    static double in[MOST][SHADOWS], out[MOST][SHADOWS];
    LiraRecord x[MOST];
    double online[MOST], offline[MOST];
    char name[80];
    size_t n = rows_of_person(row, r, unit), half = SHADOWS / 2;
    cr_assert(n > 0 && n <= MOST);
    snprintf(name, sizeof name, "%s.seed1", unit);
    Lora *own = adapter_of(w, lab, name), *shadow[SHADOWS];
    for (size_t j = 0; j < SHADOWS; j++) {
        snprintf(name, sizeof name, "shadow.%s.%zu", unit, j);
        shadow[j] = adapter_of(w, lab, name);
    }
    for (size_t i = 0; i < n; i++) {
        size_t slot[SHADOWS] = {0, 1, 2, 3};
        const DataRecord *rec = record_found(lab->d, unit, row[i]->record);
        Rng rng = rng_stream(0, rec->id, 2000);
        rng_shuffle(&rng, slot, SHADOWS);
        for (size_t j = 0; j < half; j++) {
            in[i][j] = phi_under(lab, shadow[slot[j]], rec);
            out[i][j] = phi_under(lab, shadow[slot[half + j]], rec);
        }
        x[i] = (LiraRecord){phi_under(lab, own, rec), in[i], out[i], half, half};
    }
    LiraSd sd;
    MUST(lira_pooled(&sd, x, n, &e_));
    MUST(lira_online(online, x, n, &sd, &e_));
    MUST(lira_offline(offline, x, n, &sd, &e_));
    for (size_t i = 0; i < n; i++) {
        double got = row_like(r, row[i], "anchor", "lira")->value,
               off = row_like(r, row[i], "anchor", "lira_offline")->value;
        cr_expect_float_eq(got, online[i], 1e-3 * (1 + fabs(online[i])), "%g, want %g", got, online[i]);
        cr_expect_float_eq(off, offline[i], 1e-3 * (1 + fabs(offline[i])), "%g, want %g", off, offline[i]);
    }
    for (size_t j = 0; j < SHADOWS; j++) lora_free(shadow[j]);
    lora_free(own);
}

Test(shadows, agree_with_models_read_back, .timeout = 300)
{
    World w = shadow_world();
    Rows r = run_and_load(&w, "run", (const char *const[]){SHADOWED, "methods=anchor"}, 7);
    Lab lab = lab_open(&w);
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        bool first = row_is(x, "anchor", "attack", "loss");
        for (size_t j = 0; j < i; j++)
            first = first &&
                    !(row_is(&r.row[j], "anchor", "attack", "loss") && strcmp(r.row[j].unit, x->unit) == 0);
        if (first) check_person(&w, &lab, &r, x->unit);
    }
    lab_close(&lab);
    free(r.row);
    world_close(&w);
}

/* Adapters that learnt nothing: all models agree on every record. */
Test(shadows, that_agree_say_nothing, .timeout = 300)
{
    static const char *const metric[] = {"lira", "lira_offline", "lira_remerge", "rmia"};
    World w = shadow_world();
    Rows r = run_and_load(
        &w, "run",
        (const char *const[]){ONE, "attack.shadows=4", "adapter.lr=1e-30", "methods=anchor,uniform"}, 5);
    cr_assert_gt(rows_of_metric(&r, "uniform", "attack", "lira"), 0);
    for (size_t i = 0; i < r.n; i++)
        if (row_is(&r.row[i], r.row[i].method, "attack", "lira")) cr_expect_eq(r.row[i].value, 0);
    for (size_t k = 0; k < sizeof metric / sizeof metric[0]; k++)
        cr_expect_eq(pooled_auc(&r, "uniform", metric[k]), 0.5, "%s", metric[k]);
    free(r.row);
    world_close(&w);
}

/* ---- collusion, and what is written out ---- */

/* Of two, whoever takes its own part out sees the other alone. */
Test(shadows, of_two_a_colluder_sees_the_other_alone, .timeout = 300)
{
    World w = shadow_world();
    Rows r = run_and_load(
        &w, "run", (const char *const[]){ONE, "attack.collusion=true", "methods=base,evolved,loo,scaled"}, 4);
    size_t seen = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (!row_is(x, "evolved", "attack", "ref_collusion")) continue;
        cr_expect_float_eq(x->value, row_like(&r, x, "scaled", "ref")->value, 1e-6);
        seen++;
    }
    cr_expect_eq(seen, rows_of_metric(&r, "evolved", "attack", "ref"));
    cr_expect_gt(seen, 0);
    cr_expect_eq(rows_of_metric(&r, "loo", "attack", "ref_collusion"), 0);
    free(r.row);
    world_close(&w);
}

Test(shadows, what_is_written_out_agrees_with_the_likelihood, .timeout = 300)
{
    World w = shadow_world();
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){ONE, "attack.extract=true", "adapter.epochs=30",
                                                "methods=base,anchor,uniform,loo,evolved"},
                          4);
    size_t seen = 0, written = 0;
    for (size_t i = 0; i < r.n; i++) {
        Row x = r.row[i];
        if (strcmp(x.kind, "extract") != 0 || strcmp(x.metric, "np_100") != 0) continue;
        double greedy = row_like(&r, &x, x.method, "greedy")->value,
               half = row_like(&r, &x, x.method, "completion")->value;
        cr_expect(greedy <= half, "a whole answer has its second half");
        snprintf(x.kind, sizeof x.kind, "attack");
        double logp = row_like(&r, &x, x.method, "loss_sum")->value;
        cr_expect_float_eq(x.value, extract_np(logp, 100), 1e-6);
        written += greedy > 0;
        seen++;
    }
    cr_expect_gt(seen, 0);
    cr_expect_gt(written, 0, "overfitted anchors write something out");
    cr_expect_gt(rows_of_metric(&r, "uniform", "emission", "mail"), 0);
    cr_expect_eq(rows_of_metric(&r, "loo", "emission", "mail"), 0);
    free(r.row);
    world_close(&w);
}

/* ---- runs ---- */

Test(shadows, rows_do_not_depend_on_threads_or_kills, .timeout = 400)
{
    World w = shadow_world();
    w.spec = world_spec(&w,
                        (const char *const[]){SHADOWED_BRIEFLY, "attack.collusion=true", "attack.people=true",
                                              "methods=anchor,uniform,evolved,loo"},
                        8);
    Str one = run_text(&w, "one", 1), three = run_text(&w, "three", 3);
    cr_expect_str_eq(one.s, three.s);
    check_killed(&w, &one, (const size_t[]){0, 3, 6}, 3, false);
    str_free(&one);
    str_free(&three);
    world_close(&w);
}

static void check_refused(World *w, const char *const *set, size_t n, const char *part)
{
    Err e = {0};
    char run[PATH], path[PATH], data[PATH + 8], base[PATH + 8];
    const char *all[16] = {data, base};
    Spec s;
    snprintf(path, sizeof path, "%s/audit.yaml", w->dir);
    snprintf(run, sizeof run, "%s/refused", w->dir);
    snprintf(data, sizeof data, "data=%s", w->data);
    snprintf(base, sizeof base, "base=%s", w->base);
    for (size_t i = 0; i < n; i++) all[2 + i] = set[i];
    Status st = spec_load(&s, &w->arena, path, all, n + 2, &e);
    if (st == OK) st = sweep_run(&s, run, NULL, &e);
    cr_expect_eq(st, ERR_ARG, "%s", part);
    cr_expect_not_null(strstr(e.msg, part), "%s", e.msg);
}

Test(shadows, refused_with_the_reason, .timeout = 120)
{
    World w = world_open();
    check_refused(&w, (const char *const[]){"attack.shadows=3"}, 1,
                  "attack.shadows = 3, want an even number");
    check_refused(&w, (const char *const[]){"attack.shadows=2"}, 1,
                  "attack.shadows = 2, want 0 or at least 4");
    check_refused(&w, (const char *const[]){"attack.collusion=true"}, 1, "needs the merges of method loo");
    check_refused(&w, (const char *const[]){"attack.shadows=4", "attack.population=8", "anchors.pool=5"}, 3,
                  "attack.shadows wants at least 8 held-out records");
    world_close(&w);
}
