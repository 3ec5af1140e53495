/* What a search can be told: operators that build their merges, limits on weights, fronts, other optimisers,
 * drawn answers, evaluations of another run. */
#include "world.h"

#include "prime/err.h"
#include "prime/merge.h"
#include "prime/pareto.h"

/* Rows of a run under more settings. */
static Str run_rows_with(World *w, const char *name, const char *const *set, size_t n)
{
    w->spec = world_spec(w, set, n);
    return run_text(w, name, 2);
}

/* The value at the end of a line. */
static double line_value(const char *line)
{
    const char *end = strchr(line, '\n');
    while (end[-1] != '|') end--;
    return strtod(end, NULL);
}

/* Calls fn for every line that holds `part`. */
static size_t lines_with(const Str *rows, const char *part, void (*fn)(const char *line, void *ctx),
                         void *ctx)
{
    size_t n = 0;
    char line[512];
    for (const char *at = rows->s; *at != '\0'; at = strchr(at, '\n') + 1) {
        size_t len = strcspn(at, "\n") + 1;
        cr_assert_lt(len, sizeof line);
        memcpy(line, at, len);
        line[len] = '\0';
        if (strstr(line, part) == NULL) continue;
        fn(line, ctx);
        n++;
    }
    return n;
}

/* What is the same in every one of many runs is small: one target, and what is measured after its search. */
#define BRIEFLY                                                                              \
    "seeds=1", "targets.count=1", "anchors.pool=2", "adapter.epochs=1", "utility.records=2", \
        "attack.members=2", "attack.heldout=2"

/* ---- operators ---- */

/* Every method of the table runs a sweep; those that trim want to know how much. */
Test(search, every_merge_method_can_be_searched, .timeout = 600)
{
    World w = world_open();
    const MergeMethod *m;
    for (size_t i = 0; (m = merge_at(i)) != NULL; i++) {
        char op[64];
        snprintf(op, sizeof op, "evolve.operator=%s", m->name);
        const char *set[] = {op, "lambda=0.5", BRIEFLY, "merge.density=0.6"};
        Str rows = run_rows_with(&w, m->name, set, m->reads & MERGE_DENSITY ? 10 : 9);
        cr_expect_eq(count_lines(&rows, "|search|objective|"), 1, "%s", m->name);
        cr_expect_eq(count_lines(&rows, "|weight|w|"), 4, "%s: evolved and uniform, 2 anchors", m->name);
        str_free(&rows);
    }
    world_close(&w);
}

static void not_negative(const char *line, void *ctx)
{
    (void)ctx;
    cr_expect_geq(line_value(line), 0, "%.80s", line);
}

Test(search, proportions_are_searched_where_they_are, .timeout = 240)
{
    World w = world_open();
    Str rows =
        run_rows_with(&w, "karcher", (const char *const[]){"evolve.operator=karcher", "evolve.sigma=1"}, 2);
    cr_expect_gt(lines_with(&rows, "|weight|w|", not_negative, NULL), 0);
    str_free(&rows);
    world_close(&w);
}

/* What is searched is what is deployed: a merge that is built anew scores as it did in the search. */
Test(search, a_built_merge_is_deployed_as_it_was_searched, .timeout = 240)
{
    World w = world_open();
    Str rows = run_rows_with(
        &w, "ties", (const char *const[]){"evolve.operator=dare_ties", "merge.density=0.5", "lambda=0"}, 3);
    cr_expect_float_eq(sum_of(&rows, "lambda=0|", "|search|objective|"),
                       sum_of(&rows, "lambda=0|", "|search|objective_again|"), 1e-9);
    str_free(&rows);
    world_close(&w);
}

/* ---- limits on weights ---- */

static void within_cap(const char *line, void *ctx)
{
    if (strstr(line, "/evolved/") == NULL) return;
    cr_expect_leq(fabs(line_value(line)), *(const double *)ctx, "%.80s", line);
}

Test(search, caps_hold, .timeout = 240)
{
    World w = world_open();
    double cap = 0.3;
    Str rows = run_rows_with(&w, "cap", (const char *const[]){"evolve.cap=0.3", "evolve.sigma=1"}, 2);
    cr_expect_gt(lines_with(&rows, "|weight|w|", within_cap, &cap), 0);
    str_free(&rows);
    world_close(&w);
}

typedef struct {
    double first;
    bool have;
    size_t pairs;
} Pair;

/* Two anchors of like norm: at least 1.9 effective ones means weights of like size. */
static void alike(const char *line, void *ctx)
{
    Pair *p = ctx;
    if (strstr(line, "/evolved/") == NULL) return;
    double w = fabs(line_value(line));
    if (p->have && (p->first > 0 || w > 0)) {
        double ratio = fmin(w, p->first) / fmax(w, p->first);
        cr_expect_gt(ratio, 0.4, "%g beside %g", w, p->first);
        p->pairs++;
    }
    p->first = w;
    p->have = !p->have;
}

Test(search, a_merge_is_made_of_enough_anchors, .timeout = 240)
{
    World w = world_open();
    Pair p = {0};
    Str rows = run_rows_with(&w, "effective",
                             (const char *const[]){"evolve.min_effective=1.9", "evolve.sigma=1"}, 2);
    lines_with(&rows, "|weight|w|", alike, &p);
    cr_expect_gt(p.pairs, 0);
    str_free(&rows);
    world_close(&w);
}

static void sums(const char *line, void *ctx)
{
    Pair *p = ctx;
    if (strstr(line, "/evolved/") == NULL) return;
    if (p->have) {
        cr_expect_geq(p->first + line_value(line), 0, "%.80s", line);
        p->pairs++;
    }
    p->first = line_value(line);
    p->have = !p->have;
}

/* PriME's operator does not tell w from -w: one of them is searched. */
Test(search, an_even_operator_is_searched_on_one_side, .timeout = 240)
{
    World w = world_open();
    Pair p = {0};
    Str rows =
        run_rows_with(&w, "even", (const char *const[]){"evolve.operator=prime", "evolve.sigma=1.4"}, 2);
    lines_with(&rows, "|weight|w|", sums, &p);
    cr_expect_eq(p.pairs, 12);
    str_free(&rows);
    world_close(&w);
}

/* ---- optimisers and fronts ---- */

Test(search, every_optimiser_can_search, .timeout = 600)
{
    World w = world_open();
    const EvolveMethod *m;
    for (size_t i = 0; (m = evolve_method_at(i)) != NULL; i++) {
        char method[64];
        snprintf(method, sizeof method, "evolve.method=%s", m->name);
        Str rows = run_rows_with(
            &w, m->name,
            (const char *const[]){method, "lambda=0,1", BRIEFLY, "evolve.budget=14", "front=0,1"}, 11);
        cr_expect_eq(count_lines(&rows, "|search|objective|"), 4, "%s", m->name);
        cr_expect_leq(sum_of(&rows, "/lambda=0|", "|search|evaluations|"), 2 * 28, "%s", m->name);
        str_free(&rows);
    }
    world_close(&w);
}

typedef struct {
    double u[2], v[2];
} Ends;

static void front_end(const char *line, void *ctx)
{
    Ends *ends = ctx;
    if (strstr(line, "/front/") == NULL) return;
    const char *at = strstr(line, "/lambda=");
    size_t end = at[8] == '1';
    if (strstr(line, "|search|utility|") != NULL) ends->u[end] = line_value(line);
    if (strstr(line, "|search|agreement|") != NULL) ends->v[end] = line_value(line);
}

/* From the most private point to the most useful one both rise. */
Test(search, a_front_runs_from_private_to_useful, .timeout = 240)
{
    static const char *const methods[] = {"evolve.method=nsga2", "evolve.method=mo-cma", "evolve.method=cma"};
    World w = world_open();
    for (size_t i = 0; i < 3; i++) {
        Ends ends = {0};
        char name[16];
        snprintf(name, sizeof name, "front%zu", i);
        Str rows = run_rows_with(&w, name,
                                 (const char *const[]){methods[i], "evolve.objective=norm",
                                                       "search.score=likelihood", "front=0,0.5,1", "seeds=1",
                                                       "targets.count=1"},
                                 6);
        lines_with(&rows, "/front/", front_end, &ends);
        cr_expect_lt(ends.v[0], ends.v[1], "%s: norm %g to %g", methods[i], ends.v[0], ends.v[1]);
        cr_expect_lt(ends.u[0], ends.u[1], "%s: utility %g to %g", methods[i], ends.u[0], ends.u[1]);
        str_free(&rows);
    }
    world_close(&w);
}

Test(search, the_norm_may_be_a_third_objective, .timeout = 240)
{
    World w = world_open();
    Str rows = run_rows_with(&w, "three",
                             (const char *const[]){"evolve.method=nsga2", "evolve.with_norm=true",
                                                   "evolve.budget=20", "lambda=0", "front=0,1", "seeds=1"},
                             6);
    cr_expect_eq(count_lines(&rows, "|search|objective|"), 2 * 3);
    str_free(&rows);
    world_close(&w);
}

/* ---- noise ---- */

#define DRAWN \
    "search.score=generate", "utility.score=generate", "search.temperature=1.5", "task=synth_headline"

/* Drawn answers: the same rows again, whatever the threads; what is reported is not the draw that was chosen
 * for its value. */
Test(search, drawn_answers_are_evaluated_again, .timeout = 240)
{
    World w = world_open();
    const char *const set[] = {DRAWN, "seeds=1", "lambda=1"};
    Str rows = run_rows_with(&w, "drawn", set, 6);
    Str again = run_text(&w, "again", 1);
    cr_expect_str_eq(rows.s, again.s, "the ledger depends on the number of threads");
    cr_expect_neq(sum_of(&rows, "lambda=1|", "|search|objective|"),
                  sum_of(&rows, "lambda=1|", "|search|objective_again|"), "a fresh draw");
    str_free(&rows);
    str_free(&again);
    world_close(&w);
}

Test(search, noise_handling_runs_where_values_are_noisy, .timeout = 240)
{
    World w = world_open();
    static const char *const kinds[] = {"evolve.noise=repeat", "evolve.noise=rate"};
    for (size_t i = 0; i < 2; i++) {
        Str rows = run_rows_with(&w, kinds[i], (const char *const[]){DRAWN, kinds[i], "seeds=1"}, 6);
        cr_expect_eq(count_lines(&rows, "|search|objective|"), 6, "%s", kinds[i]);
        str_free(&rows);
    }
    world_close(&w);
}

/* Repeated evaluations too are in the ledger as they are made. */
Test(search, a_search_on_drawn_answers_resumes_to_the_same_rows, .timeout = 240)
{
    World w = world_open();
    static const size_t after[] = {3, 16};
    w.spec = world_spec(&w, (const char *const[]){DRAWN, "seeds=1", "lambda=0,1", "evolve.method=nsga2"}, 7);
    Str whole = run_text(&w, "whole", 2);
    check_killed(&w, &whole, after, 2, true);
    str_free(&whole);
    world_close(&w);
}

/* ---- another run's evaluations ---- */

static void count_evaluated(void *ctx, size_t n)
{
    *(size_t *)ctx += n;
}

/* One lambda more costs its own evaluations; the rows are those of a run from nothing. */
Test(search, another_runs_evaluations_are_taken_over, .timeout = 240)
{
    World w = world_open();
    char old[PATH], fresh[PATH];
    size_t all = 0;
    Str first = run_rows_with(&w, "first", (const char *const[]){"lambda=0,0.5"}, 1);
    w.spec = world_spec(&w, (const char *const[]){"lambda=0,0.5,4"}, 1);
    Str plain = run_text(&w, "plain", 2);
    snprintf(old, sizeof old, "%s/first", w.dir);
    snprintf(fresh, sizeof fresh, "%s/fresh", w.dir);
    SweepWatch watch = {.evaluated = count_evaluated, .ctx = &all};
    MUST(sweep_run(&w.spec, fresh, &(SweepHow){.reuse = old, .watch = &watch}, &e_));
    Str rows = run_rows(fresh, NULL);
    cr_expect_str_eq(rows.s, plain.s);
    cr_expect_gt(all, 0);
    Err e = {0};
    snprintf(fresh, sizeof fresh, "%s/none", w.dir);
    cr_expect_eq(sweep_run(&w.spec, fresh, &(SweepHow){.reuse = "no such run"}, &e), ERR_IO);
    cr_expect_not_null(strstr(e.msg, "no such run"), "%s", e.msg);
    str_free(&first);
    str_free(&plain);
    str_free(&rows);
    world_close(&w);
}

/* ---- what does not go together ---- */

Test(search, settings_that_contradict_are_refused)
{
    static const struct {
        const char *set[3];
        size_t n;
        const char *want;
    } cases[] = {
        {{"evolve.operator=tiess_peft"}, 1, "did you mean ties_peft"},
        {{"evolve.operator=ties_peft"}, 1, "wants a density"},
        {{"merge.density=0.5"}, 1, "does not trim"},
        {{"merge.rank=4"}, 1, "without being built"},
        {{"evolve.method=simplex"}, 1, "see 'prime list optimiser'"},
        {{"evolve.preset=best"}, 1, "want prime or prime-paper"},
        {{"evolve.with_norm=true"}, 1, "cma has one objective"},
        {{"evolve.noise=rate"}, 1, "values are exact"},
        {{"search.temperature=1"}, 1, "only search.score = generate draws"},
        {{"search.temperature=1", "search.score=generate", "evolve.min_effective=3"},
         3,
         "want at most anchors.per_target = 2"},
        {{"front=0.5,0.5"}, 1, "front: 0.5 is there twice"},
    };
    World w = world_open();
    char path[PATH];
    snprintf(path, sizeof path, "%s/audit.yaml", w.dir);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Spec s;
        Err e = {0};
        cr_expect_eq(spec_load(&s, &w.arena, path, cases[i].set, cases[i].n, &e), ERR_ARG, "case %zu", i);
        cr_expect_not_null(strstr(e.msg, cases[i].want), "case %zu: %s", i, e.msg);
    }
    Spec s;
    Err e = {0};
    const char *const once[] = {"evolve.noise=repeat", "search.temperature=1", "search.score=generate",
                                "search.repeats=1"};
    cr_expect_eq(spec_load(&s, &w.arena, path, once, 4, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "but search.repeats = 1"), "%s", e.msg);
    world_close(&w);
}
