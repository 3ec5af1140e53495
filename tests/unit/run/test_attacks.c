/* Attacks on records in the cells of a run, the merges they are compared with, and signals on disk. */
#include "lab.h"

#include "prime/attack.h"
#include "prime/blind.h"
#include "prime/sample.h"
#include "prime/score.h"
#include "prime/signals.h"

/* ---- records ---- */

static const DataRecord *record_of(const DataSet *d, const char *unit, const char *record)
{
    const DataUser *u = data_user(d, unit);
    for (size_t s = 0; s < DATA_SPLITS; s++)
        for (size_t i = 0; i < u->n[s]; i++)
            if (strcmp(u->rec[s][i].id, record) == 0) return &u->rec[s][i];
    return NULL;
}

/* Of the record's answer with all answers of the target's history. */
static void check_similarity(const DataSet *d, const Row *x, const DataRecord *rec)
{
    const char *own[256];
    const DataUser *u = data_user(d, x->target);
    size_t m = u->n[DATA_HISTORY];
    double want;
    BlindOpts o = {0};
    cr_assert_leq(m, 256);
    for (size_t i = 0; i < m; i++) own[i] = u->rec[DATA_HISTORY][i].output;
    MUST(blind_similarity(&want, (const char *const[]){rec->output}, 1, own, m, &o, &e_));
    cr_expect_float_eq(x->value, want, 1e-12);
}

Test(attacks, of_records_agree_with_each_other, .timeout = 240)
{
    World w = world_open();
    DataSet *d = NULL;
    Rows r = run_and_load(&w, "run", (const char *const[]){ONE, "methods=base,anchor,uniform"}, 3);
    static const char *const usual[] = {"loss",         "loss_sum",    "ref",
                                        "zlib",         "min_k_20",    "min_k_pp_20",
                                        "blind_length", "blind_words", "blind_similarity"};
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
        cr_expect_eq(row_like(&r, x, "uniform", "blind_words")->value,
                     row_like(&r, x, "base", "blind_words")->value, "no model has a say");
        check_similarity(d, row_like(&r, x, "uniform", "blind_similarity"), rec);
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

/* Of two anchors the other one is left, with its own weight; and alone each has its own. */
Test(attacks, a_merge_of_two_without_one_is_the_other, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){ONE, "methods=evolved,loo,scaled", "evolve.budget=12"}, 4);
    Lab lab = lab_open(&w);
    size_t seen = 0, alone = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (row_is(x, "evolved", "attack", "ref_loo")) {
            double without = row_like(&r, x, "loo", "loss")->value;
            cr_expect_float_eq(x->value, row_like(&r, x, "evolved", "loss")->value - without, 1e-12);
        }
        if (row_is(x, "scaled", "attack", "loss")) {
            double own = merge_weight(&r, "evolved", x->target, x->unit);
            cr_expect_float_eq(x->value, loss_under(&w, &lab, "run", x->unit, own, x), 1e-5);
            alone++;
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
    cr_expect_eq(alone, rows_of_metric(&r, "loo", "attack", "loss"));
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
        {{"attack.methods=recall"}, "attack.methods: recall needs attack.texts: prefix"},
        {{"attack.methods=lowercase"}, "lowercase needs attack.texts: lowercase, which is not there"},
        {{"attack.methods=neighbour"}, "neighbour needs attack.texts: neighbour"},
        {{"attack.methods=dc_pdd"}, "dc_pdd needs attack.counts, which is not there"},
        {{"attack.methods=lira"}, "lira is no function of one record's passes"},
        {{"attack.texts=upper"}, "attack.texts: upper is not known, want lowercase, prefix or neighbour"},
        {{"attack.texts=prefix,prefix"}, "attack.texts: prefix is there twice"},
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
        if (strcmp(row->metric, "blind_words") == 0 || strcmp(row->metric, "blind_similarity") == 0)
            continue; /* of many texts */
        MUST(attack_score(&got, &x[k], 1, row->metric, &e_));
        cr_expect_eq(got, row->value, "%s of %s: %g, want %g", row->metric, row->record, got, row->value);
        seen++;
    }
    return seen;
}

/* The base's is that of its folder (nothing was adapted); an anchor's follows from it and its adapter. */
static void check_hashes(const World *w, const Signals *base, const Signals *anchor, const char *id)
{
    char want[HASH_HEX], hex[HASH_HEX], dir[2 * PATH], text[2 * HASH_HEX];
    Lab lab = lab_open(w);
    LoraShape shape = model_lora_shape(&lab.m->cfg);
    Lora *l = NULL;
    MUST(model_hash(want, w->base, &e_));
    cr_expect_str_eq(base->model_sha256, want);
    snprintf(dir, sizeof dir, "%s/run/adapters/synth_tag/%s.seed1", w->dir, id);
    MUST(lora_load(&l, dir, &shape, &e_));
    MUST(lora_hash(hex, l, &e_));
    int n = snprintf(text, sizeof text, "%s %s", want, hex);
    hash_bytes(want, text, (size_t)n);
    cr_expect_str_eq(anchor->model_sha256, want);
    l->data[0] += 1;
    MUST(lora_hash(want, l, &e_));
    cr_expect_str_neq(want, hex);
    lora_free(l);
    lab_close(&lab);
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
    check_hashes(&w, &base, &anchor, own->target);
    cr_expect_str_neq(merged.model_sha256, base.model_sha256);
    cr_expect_str_neq(merged.model_sha256, loo.model_sha256);
    cr_expect_gt(check_kept(&r, &merged, &more, "evolved", row->target, 0.5, &a), merged.n);
    cr_expect_gt(check_kept(&r, &loo, &plain, "loo", row->target, 0.5, &a), loo.n);
    cr_expect_gt(check_kept(&r, &anchor, &plain, "anchor", own->target, NAN, &a), anchor.n);
    arena_free(&a);
    free(r.row);
    world_close(&w);
}
