/* Races inside a generation: who stays has the values of a search without races, and a run that was cut short
 * takes the same way again. */
#include "world.h"

enum { MORE = 6 };

static Spec race_spec(World *w, const char *race, const char *score)
{
    const char *set[MORE + 2] = {"evolve.popsize=8",
                                 "evolve.budget=8",
                                 "search.records=8",
                                 "lambda=0.5",
                                 "evolve.sigma=1",
                                 "targets.min_search=8",
                                 race,
                                 score};
    return world_spec(w, set, MORE + 2);
}

/* Of every target and seed: the value of one row of the search. */
static size_t search_values(double *out, const Str *rows, const char *what)
{
    size_t n = 0;
    for (const char *line = rows->s; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *at = strstr(line, what);
        if (at == NULL || at > end) continue;
        cr_assert_lt(n, 16);
        while (end[-1] != '|') end--;
        out[n++] = strtod(end, NULL);
    }
    cr_assert_gt(n, 0);
    return n;
}

/* Of 8 candidates 6 hear more than 2 records, 4 more than 4. These are worth what they are without a race, so
 * the best of them cannot beat the best of all. */
Test(race, who_stays_has_the_values_of_a_whole_search, .timeout = 240)
{
    static const char *const scores[] = {"search.score=labels", "search.score=likelihood"};
    World w = world_of(10, 24);
    for (size_t i = 0; i < 2; i++) {
        char name[2][16];
        double all[16], raced[16], again[16], count[16];
        for (size_t r = 0; r < 2; r++) snprintf(name[r], sizeof name[r], "run%zu%zu", i, r);
        w.spec = race_spec(&w, "evolve.race=false", scores[i]);
        Str plain = run_text(&w, name[0], 2);
        w.spec = race_spec(&w, "evolve.race=true", scores[i]);
        Str race = run_text(&w, name[1], 2);
        size_t n = search_values(all, &plain, "|search|objective|"), equal = 0;
        cr_assert_eq(search_values(raced, &race, "|search|objective|"), n);
        cr_assert_eq(search_values(again, &race, "|search|objective_again|"), n);
        cr_assert_eq(search_values(count, &race, "|search|evaluations|"), n);
        for (size_t k = 0; k < n; k++) {
            cr_expect_float_eq(raced[k], again[k], 1e-6, "%s: heard in parts, and whole", scores[i]);
            cr_expect_geq(raced[k], all[k] - 1e-6, "%s", scores[i]);
            cr_expect_eq(count[k], 4, "%s: %g were heard to the end", scores[i], count[k]);
            equal += fabs(raced[k] - all[k]) < 1e-6;
        }
        cr_expect_gt(equal, 0, "%s: the best of a generation is not always out", scores[i]);
        str_free(&plain);
        str_free(&race);
    }
    world_close(&w);
}

Test(race, a_search_with_races_resumes_and_does_not_know_its_threads, .timeout = 240)
{
    World w = world_of(10, 24);
    w.spec = world_spec(&w,
                        (const char *const[]){"evolve.race=true", "evolve.popsize=6", "evolve.budget=15",
                                              "search.records=8", "lambda=0,1", "targets.min_search=8"},
                        6);
    Str one = run_text(&w, "one", 1), three = run_text(&w, "three", 3);
    cr_expect_str_eq(one.s, three.s);
    const size_t after[] = {5, 11, 20, 47};
    check_killed(&w, &one, after, sizeof after / sizeof after[0], true);
    str_free(&one);
    str_free(&three);
    world_close(&w);
}

/* More lambdas on another run's evaluations: nothing of the first is measured again, rows are the same. */
Test(race, races_of_another_run_are_not_held_again, .timeout = 240)
{
    World w = world_of(10, 24);
    char from[PATH], to[PATH];
    const char *set[] = {"evolve.race=true", "evolve.popsize=6", "evolve.budget=12", "lambda=0.5"};
    w.spec = world_spec(&w, set, 4);
    Str whole = run_text(&w, "from", 2);
    snprintf(from, sizeof from, "%s/from", w.dir);
    snprintf(to, sizeof to, "%s/to", w.dir);
    MUST(sweep_run(&w.spec, to, &(SweepHow){.reuse = from}, &e_));
    Str again = run_rows(to, NULL);
    cr_expect_str_eq(again.s, whole.s);
    str_free(&whole);
    str_free(&again);
    world_close(&w);
}

Test(race, what_cannot_race_is_refused)
{
    static const struct {
        const char *set[3], *want;
        size_t n;
    } cases[] = {
        {{"evolve.race=true", "evolve.method=es"}, "evolve.race: es reads more than the ranks", 2},
        {{"evolve.race=true", "evolve.method=nsga2"}, "evolve.race: nsga2 reads more", 2},
        {{"evolve.race=true", "search.temperature=1", "search.score=generate"}, "answers are drawn", 3},
        {{"evolve.race=true", "evolve.objective=norm"}, "evolve.objective = norm is not measured", 2},
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
    world_close(&w);
}
