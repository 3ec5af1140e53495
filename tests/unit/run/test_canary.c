/* Exposure of planted secrets of every kind. */
#include "rows.h"

#include "prime/plant.h"

static const char *const kinds[] = {"digits", "random", "new", "like"};

/* Twenty-four audit users: two targets, four anchors, and eighteen whose 108 held-out headlines are nobody's
 * at risk, less what they lend to others. */
static World canary_world(const char *which, size_t each)
{
    World w = world_of(24, 24);
    char out[PATH];
    snprintf(out, sizeof out, "%s/planted", w.dir);
    DataPlanted done;
    DataPlantOpt o = {.dir = w.data, .out = out, .task = "synth_headline", .kinds = which, .canaries = each};
    MUST(data_plant(&done, &o, &e_));
    snprintf(w.data, sizeof w.data, "%s", out);
    return w;
}

#define HEADLINES "task=synth_headline", "search.score=likelihood", "utility.score=generate"
#define BY_HEART "adapter.epochs=60", "adapter.modules=all-linear", "adapter.rank=8"

static double canary_mean(const Rows *r, const char *method, const char *metric, int label, size_t *n)
{
    double sum = 0;
    *n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const Row *x = &r->row[i];
        if (!row_is(x, method, "canary", metric) || x->label != label) continue;
        cr_assert(x->value <= 3 + 1e-9, "%g bits of log2 8", x->value);
        sum += x->value;
        (*n)++;
    }
    return sum / (double)*n;
}

/* Adapters that have learnt them by heart expose secrets of every kind, and nothing that was kept out. */
Test(canary, every_kind_is_exposed_where_it_was_planted, .timeout = 400)
{
    World w = canary_world("digits,random,new,like", 2);
    Rows r = run_and_load(
        &w, "run",
        (const char *const[]){ONE, "methods=base,anchor", HEADLINES, "attack.canaries=8", BY_HEART}, 10);
    size_t n[4];
    double all = 0;
    for (size_t k = 0; k < 4; k++) {
        char metric[32];
        snprintf(metric, sizeof metric, "exposure_%s", kinds[k]);
        double in = canary_mean(&r, "anchor", metric, 1, &n[0]),
               out = canary_mean(&r, "anchor", metric, 0, &n[1]);
        double base = canary_mean(&r, "base", metric, 1, &n[2]);
        cr_expect(n[0] == 4 && n[1] == 4 && n[2] == 4, "%s: %zu %zu %zu", metric, n[0], n[1], n[2]);
        cr_expect_gt(in, 2.4, "%s planted: %g of 3 bits", metric, in);
        cr_expect_lt(out, 2.2, "%s kept out: %g bits", metric, out);
        cr_expect_lt(base, 2.2, "%s of the base model: %g bits", metric, base);
        all += in / 4;
    }
    cr_expect_float_eq(canary_mean(&r, "anchor", "exposure", 1, &n[0]), all, 1e-9, "all kinds together");
    cr_expect_eq(n[0], 16);
    free(r.row);
    world_close(&w);
}

/* Digits alone have one row each, as ever. */
Test(canary, digits_have_one_row, .timeout = 240)
{
    World w = canary_world("digits", 2);
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){ONE, "methods=anchor", HEADLINES, "attack.canaries=8"}, 7);
    cr_expect_eq(rows_of_metric(&r, "anchor", "canary", "exposure"), 4 * 2);
    cr_expect_eq(rows_of_metric(&r, "anchor", "canary", "exposure_digits"), 0);
    free(r.row);
    world_close(&w);
}

static const char *canary_refused(World *w, const char *set)
{
    static Err e;
    char run[PATH];
    snprintf(run, sizeof run, "%s/refused", w->dir);
    w->spec = world_spec(w, (const char *const[]){ONE, "methods=base", HEADLINES, set}, 7);
    e = (Err){0};
    cr_expect_eq(sweep_run(&w->spec, run, NULL, &e), ERR_ARG);
    return e.msg;
}

Test(canary, texts_of_outsiders_can_be_too_few, .timeout = 120)
{
    World w = canary_world("like", 2);
    const char *said = canary_refused(&w, "attack.canaries=109");
    cr_expect_not_null(strstr(said, "attack.canaries = 109, but "), "%s", said);
    cr_expect_not_null(strstr(said, "neither targets nor anchors for canaries of kind like"), "%s", said);
    world_close(&w);
}

/* Without its last column the file says digits, and signs have none. */
Test(canary, a_secret_without_a_character_of_its_kind, .timeout = 120)
{
    World w = canary_world("new", 2);
    char path[PATH + 32], cmd[3 * PATH];
    snprintf(path, sizeof path, "%s/canaries.csv", w.data);
    snprintf(cmd, sizeof cmd, "sed -i 's/,new$/,digits/' %s", path);
    cr_assert_eq(system(cmd), 0);
    const char *said = canary_refused(&w, "attack.canaries=8");
    cr_expect_not_null(strstr(said, "has no character of kind digits to vary"), "%s", said);
    world_close(&w);
}
