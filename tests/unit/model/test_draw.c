/* Drawn tokens have the probabilities that temperature, top-k and top-p give them. */
#include <math.h>

#include "engine_case.h"

#include "prime/draw.h"
#include "prime/par.h"

static const float draw_z[] = {0.3F, 2.0F, -1.2F, 2.0F, 0.9F, -0.4F};
enum { DRAW_N = 6, DRAWS = 40000 };

/* Expected probabilities by the definition, over the tokens in `kept`. */
static void draw_want(double p[DRAW_N], const bool *kept, double temperature)
{
    double sum = 0;
    for (size_t i = 0; i < DRAW_N; i++) sum += p[i] = kept[i] ? exp((double)draw_z[i] / temperature) : 0;
    for (size_t i = 0; i < DRAW_N; i++) p[i] /= sum;
}

static void draw_case(DrawOpts o, const bool *kept)
{
    DrawEntry work[DRAW_N];
    double want[DRAW_N];
    size_t count[DRAW_N] = {0};
    Rng rng = rng_stream(11, "test draw", 0);
    draw_want(want, kept, o.temperature);
    for (size_t i = 0; i < DRAWS; i++) count[draw_token(draw_z, DRAW_N, &o, &rng, work)]++;
    for (size_t i = 0; i < DRAW_N; i++) { /* five standard errors */
        double se = sqrt(want[i] * (1 - want[i]) / DRAWS), got = (double)count[i] / DRAWS;
        cr_expect_float_eq(got, want[i], 5 * se + 1e-12, "token %zu: %g, want %g", i, got, want[i]);
    }
}

Test(draw, frequencies_follow_the_definition)
{
    const bool all[DRAW_N] = {1, 1, 1, 1, 1, 1};
    draw_case((DrawOpts){.temperature = 1, .top_p = 1}, all);
    draw_case((DrawOpts){.temperature = 0.7, .top_p = 1}, all);
    draw_case((DrawOpts){.temperature = 3, .top_p = 1, .top_k = 100}, all);
    draw_case((DrawOpts){.temperature = 1, .top_p = 1, .top_k = 3}, (const bool[]){0, 1, 0, 1, 1, 0});
    draw_case((DrawOpts){.temperature = 1, .top_p = 1, .top_k = 1}, (const bool[]){0, 1, 0, 0, 0, 0});
    /* Of all, the two of 2.0 have 0.38 each, 0.9 brings 0.88: two are enough for 0.7, three for 0.8. */
    draw_case((DrawOpts){.temperature = 1, .top_p = 0.7}, (const bool[]){0, 1, 0, 1, 0, 0});
    draw_case((DrawOpts){.temperature = 1, .top_p = 0.8}, (const bool[]){0, 1, 0, 1, 1, 0});
    draw_case((DrawOpts){.temperature = 1, .top_p = 1e-9}, (const bool[]){0, 1, 0, 0, 0, 0});
    /* The share is taken of what top-k leaves: of three, 0.857 belongs to the first two. */
    draw_case((DrawOpts){.temperature = 1, .top_p = 0.84, .top_k = 3}, (const bool[]){0, 1, 0, 1, 0, 0});
}

typedef struct {
    Model *m;
    JsVal *cases;
    int32_t *ids, *want;
    size_t n, n_want;
} DrawWorld;

static DrawWorld draw_world(void)
{
    char path[CASE_PATH];
    DrawWorld w = {0};
    case_path(path, "llama_gqa", "");
    MUST(model_load(&w.m, path, &e_));
    case_path(path, "llama_gqa", "cases.json");
    MUST(js_load(&w.cases, path, &e_));
    w.ids = case_ids(js_get(js_get(w.cases, "greedy"), "prompt"), &w.n);
    w.want = case_ids(js_get(js_get(w.cases, "greedy"), "new"), &w.n_want);
    return w;
}

static void draw_world_free(DrawWorld *w)
{
    model_free(w->m);
    js_close(w->cases);
    free(w->ids);
    free(w->want);
}

enum { NEW = 40, TEXTS = 5 };

Test(draw, cold_draws_are_the_reference_greedy_answer)
{
    DrawWorld w = draw_world();
    int32_t out[NEW];
    size_t len = 0;
    ScoreItem item = {w.ids, w.n, w.n, 0};
    cr_assert_eq(w.n_want, NEW);
    DrawOpts cold = {.temperature = 1e-4, .top_p = 1}, first = {.temperature = 5, .top_p = 1, .top_k = 1};
    MUST(draw_texts(out, &len, w.m, NULL, &item, 1, NEW, -1, &cold, &e_));
    cr_assert_eq(len, NEW);
    cr_expect_arr_eq(out, w.want, sizeof out);
    MUST(draw_texts(out, &len, w.m, NULL, &item, 1, NEW, -1, &first, &e_));
    cr_expect_arr_eq(out, w.want, sizeof out);
    MUST(draw_texts(out, &len, w.m, NULL, &item, 1, NEW, w.want[5], &cold, &e_));
    cr_expect_lt(len, 6, "stops before the end token");
    draw_world_free(&w);
}

Test(draw, a_text_depends_on_seed_and_index_alone)
{
    DrawWorld w = draw_world();
    int32_t a[TEXTS][NEW] = {0}, b[TEXTS][NEW] = {0};
    size_t la[TEXTS], lb[TEXTS];
    ScoreItem item[TEXTS];
    for (size_t i = 0; i < TEXTS; i++) item[i] = (ScoreItem){w.ids, w.n, w.n, 0};
    DrawOpts o = {.temperature = 1, .top_p = 0.95, .seed = 3};
    par_set_threads(1);
    MUST(draw_texts(a[0], la, w.m, NULL, item, TEXTS, NEW, -1, &o, &e_));
    par_set_threads(4);
    MUST(draw_texts(b[0], lb, w.m, NULL, item, TEXTS, NEW, -1, &o, &e_));
    par_set_threads(0);
    cr_expect_arr_eq(a, b, sizeof a);
    cr_expect_neq(memcmp(a[0], a[1], sizeof a[0]), 0, "two texts of one prompt differ");
    o.seed = 4;
    MUST(draw_texts(b[0], lb, w.m, NULL, item, TEXTS, NEW, -1, &o, &e_));
    cr_expect_neq(memcmp(a, b, sizeof a), 0, "another seed, other texts");
    draw_world_free(&w);
}

Test(draw, bad_options_and_full_positions)
{
    DrawWorld w = draw_world();
    int32_t out[NEW], *many = calloc(w.m->cfg.max_len, sizeof *many);
    size_t len = 9;
    ScoreItem item = {w.ids, w.n, w.n, 0}, full = {many, w.m->cfg.max_len, 1, 0};
    const struct {
        DrawOpts o;
        const char *message;
    } bad[] = {
        {{.temperature = 0, .top_p = 1}, "temperature = 0, want above 0"},
        {{.temperature = NAN, .top_p = 1}, "temperature = nan, want above 0"},
        {{.temperature = INFINITY, .top_p = 1}, "temperature = inf"},
        {{.temperature = 1, .top_p = 0}, "top_p = 0, want (0, 1]"},
        {{.temperature = 1, .top_p = 1.5}, "top_p = 1.5, want (0, 1]"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err e = {0};
        cr_expect_eq(draw_texts(out, &len, w.m, NULL, &item, 1, NEW, -1, &bad[i].o, &e), ERR_ARG);
        cr_expect_not_null(strstr(e.msg, bad[i].message), "%s", e.msg);
    }
    DrawOpts o = {.temperature = 1, .top_p = 1};
    Err e = {0};
    cr_expect_eq(draw_texts(out, &len, w.m, NULL, &item, 1, 0, -1, &o, &e), ERR_ARG);
    w.ids[2] = 131;
    e = (Err){0};
    cr_expect_eq(draw_texts(out, &len, w.m, NULL, &item, 1, NEW, -1, &o, &e), ERR_ARG);
    cr_expect_str_eq(e.msg, "text 0: token id 131 at position 2, want 0 to 130");
    MUST(draw_texts(out, &len, w.m, NULL, &full, 1, NEW, -1, &o, &e_));
    cr_expect_eq(len, 1, "the last position predicts one more token");
    free(many);
    draw_world_free(&w);
}
