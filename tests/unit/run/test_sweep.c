/* The main job on made-up people and a small random model: what it writes, that it can be killed, and whom it
 * refuses. */
#include "world.h"

#include "prime/power.h"

#include <unistd.h>

/* ---- tests ---- */

/* Killed after any number of cells, or of a search's evaluations, a resumed run ends with the rows of an
 * undisturbed one: what was evaluated is not evaluated again, and the way taken is the same. */
Test(sweep, writes_every_cell_whatever_the_threads_and_kills, .timeout = 600)
{
    static const size_t cells[] = {0, 3, 9, 14}, evaluations[] = {0, 4, 11, 37};
    World w = world_open();
    Str one = run_text(&w, "one", 1), three = run_text(&w, "three", 3);
    cr_assert_str_eq(one.s, three.s, "the ledger depends on the number of threads");
    /* A row that exists once a cell counts the cells: 2 targets, 2 seeds, 3 lambdas. */
    cr_assert_eq(count_lines(&one, "|search|objective|"), 12);
    cr_assert_eq(count_lines(&one, "|norm|attenuation|"), 12 + 2 + 4); /* evolved, uniform, anchors */
    cr_assert_gt(count_lines(&one, "/base/"), 0);
    cr_assert_gt(count_lines(&one, "|attack|ref|"), 0);
    check_killed(&w, &one, cells, sizeof cells / sizeof cells[0], false);
    check_killed(&w, &one, evaluations, sizeof evaluations / sizeof evaluations[0], true);
    str_free(&one);
    str_free(&three);
    world_close(&w);
}

/* Every objective runs; its term falls as lambda rises, and the base costs nothing under those that measure
 * leakage. */
Test(sweep, objectives_beyond_agreement_lower_what_they_weigh, .timeout = 240)
{
    static const char *const objectives[] = {"evolve.objective=membership", "evolve.objective=fingerprint",
                                             "evolve.objective=norm"};
    World w = world_open();
    for (size_t i = 0; i < 3; i++) {
        w.spec = world_spec(&w,
                            (const char *const[]){objectives[i], "search.members=2", "search.heldout=1",
                                                  "anchors.min_heldout=3", "lambda=0,1000"},
                            5);
        Str rows = run_text(&w, objectives[i], 2);
        double free_of = sum_of(&rows, "lambda=0|", "|search|agreement|"),
               dear = sum_of(&rows, "lambda=1000|", "|search|agreement|");
        cr_expect_eq(sum_of(&rows, "lambda=0|", "|search|base_agreement|"), 0, "%s", objectives[i]);
        cr_expect_leq(dear, free_of, "%s: %g, without a price %g", objectives[i], dear, free_of);
        cr_expect_geq(dear, 0);
        str_free(&rows);
    }
    world_close(&w);
}

/* Weights by layer and by module: so many of each anchor, under the name of what they are for. */
Test(sweep, weights_may_be_finer_than_an_anchor, .timeout = 240)
{
    static const struct {
        const char *set, *name;
        size_t groups;
    } cases[] = {{"evolve.granularity=layer", "|layer 1|", 2},
                 {"evolve.granularity=module", "|layer 0 q_proj|", 8} /* those that are trained */};
    World w = world_open();
    for (size_t i = 0; i < 2; i++)
        for (size_t op = 0; op < 2; op++) {
            char run[32];
            snprintf(run, sizeof run, "grain%zu%zu", i, op);
            w.spec =
                world_spec(&w,
                           (const char *const[]){cases[i].set, "lambda=0.5", "seeds=1",
                                                 op == 0 ? "evolve.operator=exact" : "evolve.operator=prime"},
                           4);
            Str rows = run_text(&w, run, 2);
            /* 2 targets, 2 anchors each; beside them uniform, with one weight an anchor */
            cr_expect_eq(count_lines(&rows, "|weight|w|"), 4 * cases[i].groups + 4, "%s", cases[i].set);
            cr_expect_eq(count_lines(&rows, cases[i].name), 4, "%s", cases[i].name);
            cr_expect_eq(count_lines(&rows, "|search|objective|"), 2);
            str_free(&rows);
        }
    world_close(&w);
}

/* Within a limit: a merge that is deployed keeps it, and a looser limit is never worse in what was searched.
 */
Test(sweep, a_limit_is_kept, .timeout = 240)
{
    World w = world_open();
    w.spec = world_spec(&w, (const char *const[]){"evolve.objective=norm", "limit=0.2,0.6", "lambda=0"}, 3);
    Str rows = run_text(&w, "limits", 2);
    double low = sum_of(&rows, "lambda=0.20000000000000001|", "|search|objective_again|"),
           high = sum_of(&rows, "lambda=0.59999999999999998|", "|search|objective_again|"), v = NAN;
    size_t cells = 0, kept = 0;
    cr_expect_leq(high, low + 1e-12, "%g within 0.6, %g within 0.2", high, low);
    for (char *line = strtok(rows.s, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const char *value = strrchr(line, '|') + 1, *limit = strstr(line, "/limited/");
        if (limit == NULL) continue;
        if (strstr(line, "|search|agreement|") != NULL) v = strtod(value, NULL);
        if (strstr(line, "|search|reverted|") == NULL) continue;
        cells++;
        if (strtod(value, NULL) == 1.0) continue; /* the base, whose norm is 0 */
        cr_expect_leq(v, strtod(strstr(line, "lambda=") + 7, NULL), "%s", line);
        kept++;
    }
    cr_expect_eq(cells, 8, "2 targets, 2 seeds, 2 limits");
    cr_expect_gt(kept, 0, "a merge within its limit was found at least once");
    str_free(&rows);
    world_close(&w);
}

/* What an objective reads of the anchors' people no attack looks at; where that cannot be, the audit is
 * refused. */
Test(sweep, records_that_a_search_has_seen_are_not_attacked, .timeout = 240)
{
    World w = world_open();
    const char *const set[] = {"evolve.objective=membership", "search.members=3", "search.heldout=2",
                               "anchors.min_heldout=4"};
    Str plain = run_text(&w, "plain", 2);
    w.spec = world_spec(&w, set, 4);
    Str rows = run_text(&w, "membership", 2);
    size_t all = count_lines(&plain, "/anchor/"), fewer = count_lines(&rows, "/anchor/");
    cr_expect_gt(all, fewer, "%zu rows of anchors, %zu when a search has its own records", all, fewer);
    w.spec = world_spec(&w, (const char *const[]){"evolve.objective=membership", "search.heldout=400"}, 2);
    char run[PATH];
    Err e = {0};
    snprintf(run, sizeof run, "%s/refused", w.dir);
    cr_expect_eq(sweep_run(&w.spec, run, NULL, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "which must not see what the search saw"), "%s", e.msg);
    str_free(&plain);
    str_free(&rows);
    world_close(&w);
}

Test(sweep, the_search_never_sees_what_is_reported, .timeout = 240)
{
    World w = world_open();
    DataSet *d = NULL;
    MUST(data_load(&d, w.data, "synth_tag", &e_));
    Str rows = run_text(&w, "run", 2);
    /* Utility comes from query records, attacks from history (members) and held-out ones. */
    size_t utility = 0, attack = 0;
    for (char *line = strtok(rows.s, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char kind[32], unit[64], record[64];
        int label;
        if (sscanf(line, "%*[^|]|%31[^|]|%*[^|]|%63[^|]|%63[^|]|%d|", kind, unit, record, &label) != 4)
            continue;
        const DataUser *u = data_user(d, unit);
        DataSplit want = strcmp(kind, "utility") == 0 ? DATA_QUERY : label == 1 ? DATA_HISTORY : DATA_HELDOUT;
        bool found = false;
        for (size_t i = 0; u != NULL && i < u->n[want]; i++)
            found = found || strcmp(u->rec[want][i].id, record) == 0;
        cr_assert(found, "%s is not in split %s of %s", record, data_split_name(want), unit);
        utility += want == DATA_QUERY;
        attack += want != DATA_QUERY;
    }
    cr_assert(utility > 0 && attack > 0);
    data_free(d);
    str_free(&rows);
    world_close(&w);
}

Test(sweep, generation_and_likelihood_and_the_paper_preset_work, .timeout = 240)
{
    static const char *const sets[2][4] = {
        {"search.score=generate", "utility.score=generate", "evolve.preset=prime-paper",
         "evolve.operator=prime"},
        {"search.score=likelihood", "adapter.retrain=true", "lambda=0,2", "seeds=7,8"}};
    World w = world_open();
    for (size_t i = 0; i < 2; i++) {
        char name[16];
        w.spec = world_spec(&w, sets[i], 4);
        snprintf(name, sizeof name, "mode%zu", i);
        Str rows = run_text(&w, name, 2);
        cr_assert_gt(count_lines(&rows, "|search|reverted|"), 0);
        str_free(&rows);
    }
    world_close(&w);
}

Test(sweep, what_is_deployed_is_evaluated_again_and_never_worse_than_the_base, .timeout = 240)
{
    World w = world_open();
    Str rows = run_text(&w, "run", 2);
    double objective = NAN, again = NAN, base = NAN;
    size_t checked = 0;
    for (char *line = strtok(rows.s, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const char *value = strrchr(line, '|') + 1;
        if (strstr(line, "|search|objective|") != NULL) objective = strtod(value, NULL);
        if (strstr(line, "|search|objective_again|") != NULL) again = strtod(value, NULL);
        if (strstr(line, "|search|base_objective|") != NULL) base = strtod(value, NULL);
        if (strstr(line, "|search|reverted|") == NULL) continue;
        bool reverted = strtod(value, NULL) == 1.0;
        cr_assert_eq(reverted, base < objective);
        cr_assert_float_eq(again, reverted ? base : objective, 1e-9);
        checked++;
    }
    cr_assert_eq(checked, 12);
    str_free(&rows);
    world_close(&w);
}

Test(sweep, an_existing_run_is_not_overwritten_and_another_specification_is_not_mixed_in, .timeout = 240)
{
    World w = world_open();
    char run[PATH];
    snprintf(run, sizeof run, "%s/run", w.dir);
    Err none = {0}, there = {0}, other = {0};
    cr_assert_eq(sweep_run(&w.spec, run, &(SweepHow){.resume = true}, &none), ERR_IO);
    cr_assert_not_null(strstr(none.msg, "ledger.db"), "%s", none.msg);
    MUST(sweep_run(&w.spec, run, NULL, &e_));
    cr_assert_eq(sweep_run(&w.spec, run, NULL, &there), ERR_IO);
    cr_assert_not_null(strstr(there.msg, "--resume"), "%s", there.msg);
    w.spec = world_spec(&w, (const char *const[]){"evolve.budget=6"}, 1);
    cr_assert_eq(sweep_run(&w.spec, run, &(SweepHow){.resume = true}, &other), ERR_ARG);
    world_close(&w);
}

/* ---- whom it refuses ---- */

static void write_users(const World *w, const DataSet *d, size_t n, const char *salt)
{
    char path[PATH + 32], recipe[PATH + 32], text[128];
    Str s = {0};
    for (size_t i = 0; i < n; i++) str_printf(&s, "%s\n", d->user[i].id);
    snprintf(path, sizeof path, "%s/users.txt", w->base);
    snprintf(recipe, sizeof recipe, "%s/recipe.json", w->base);
    MUST(file_write(path, s.s, s.n, &e_));
    int len = snprintf(text, sizeof text, "{\"salt_id\": \"%s\"}", salt);
    MUST(file_write(recipe, text, (size_t)len, &e_));
    str_free(&s);
}

/* The same dataset, said to be of real people: then the base model's list counts. */
static void call_it_real(const World *w)
{
    char path[PATH + 32];
    char *text = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/dataset.json", w->data);
    MUST(file_read(&text, &n, path, &e_));
    char *at = strstr(text, "\"synth\"");
    cr_assert_not_null(at);
    memcpy(at, "\"other\"", 7);
    MUST(file_write(path, text, n, &e_));
    free(text);
}

Test(sweep, people_the_base_has_read_are_refused, .timeout = 240)
{
    World w = world_open();
    DataSet *d = NULL;
    call_it_real(&w);
    MUST(data_load(&d, w.data, "synth_tag", &e_));
    Str plan = {0};
    char named[64];
    write_users(&w, d, 3, d->salt_id);
    snprintf(named, sizeof named, "targets.users=%s", d->user[1].id);
    w.spec = world_spec(&w, (const char *const[]){named}, 1);
    Err e = {0};
    cr_assert_eq(sweep_plan(&plan, &w.spec, NULL, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "the base model has read user"), "%s", e.msg);
    /* Unnamed, they are passed over: 10 people less 3 read and 2 targets leave 5 at most. */
    w.spec = world_spec(&w, NULL, 0);
    MUST(sweep_plan(&plan, &w.spec, NULL, &e_));
    size_t qualify = 0;
    const char *at = strstr(plan.s, "people who qualify as anchors,");
    cr_assert(at != NULL && sscanf(at, "people who qualify as anchors,%zu", &qualify) == 1);
    cr_assert(qualify >= 4 && qualify <= 5, "%zu", qualify);
    write_users(&w, d, 9, d->salt_id);
    Err few = {0};
    cr_assert_eq(sweep_plan(&plan, &w.spec, NULL, &few), ERR_ARG);
    cr_assert_not_null(strstr(few.msg, "targets.count = 2, but only 1 people"), "%s", few.msg);
    write_users(&w, d, 3, "0000000000000000");
    Err salt = {0};
    cr_assert_eq(sweep_plan(&plan, &w.spec, NULL, &salt), ERR_ARG);
    cr_assert_not_null(strstr(salt.msg, "salt"), "%s", salt.msg);
    str_free(&plan);
    data_free(d);
    world_close(&w);
}

Test(spec, mistakes_are_named_with_their_line)
{
    World w = {.dir = "prime_spec_XXXXXX"};
    cr_assert_not_null(mkdtemp(w.dir));
    char path[PATH];
    snprintf(path, sizeof path, "%s/audit.yaml", w.dir);
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"task: deb_synopsis\ndata: d\nbase: b\nlamda: [1]\n",
         "audit.yaml:4: unknown key 'lamda', did you mean 'lambda'?"},
        {"task: deb_synopsys\ndata: d\nbase: b\n", "did you mean deb_synopsis"},
        {"task: deb_synopsis\ndata: d\n", "base"},
        {"task: deb_synopsis\ndata: d\nbase: b\nlambda: [1, 1]\n", "lambda: 1 is there twice"},
        {"task: deb_synopsis\ndata: d\nbase: b\nseeds: [2, 2]\n", "seeds: 2 is there twice"},
        {"task: deb_synopsis\ndata: d\nbase: b\nlambda: [-1]\n", "audit.yaml:4"},
        {"task: deb_synopsis\ndata: d\nbase: b\nutility: {score: labels}\n", "no closed set of labels"},
        {"task: deb_section\ndata: d\nbase: b\nutility: {score: likelihood}\n", "want generate or labels"},
        {"task: deb_synopsis\ndata: d\nbase: b\nanchors: {pool: 2, per_target: 3}\n",
         "want at most anchors.pool = 2"},
        {"task: deb_synopsis\ndata: d\nbase: b\nadapter: {modules: []}\n", "adapter.modules is empty"},
        {"", "audit.yaml"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Spec s;
        Err e = {0};
        MUST(file_write(path, cases[i].text, strlen(cases[i].text), &e_));
        cr_assert_neq(spec_load(&s, &w.arena, path, NULL, 0, &e), OK, "case %zu", i);
        cr_assert_not_null(strstr(e.msg, cases[i].want), "case %zu: %s", i, e.msg);
    }
    world_close(&w);
}

/* Modules are known by the model's own names, so they are looked up when it is there. */
Test(spec, modules_are_those_of_the_model)
{
    static const char *const names[] = {"c_attn", "mlp.c_proj"}, *const other[] = {"q_proj"};
    LoraShape shape = {.n_layers = 1, .names = lora_names("gpt2")};
    for (size_t k = 0; k < LORA_KINDS; k++)
        if (shape.names->module[k] != NULL) shape.n_in[k] = shape.n_out[k] = 4;
    unsigned kinds = 0;
    Err e = {0};
    Spec s = spec_default();
    MUST(spec_kinds(&kinds, &s, &shape, &e_));
    cr_expect_eq(kinds, 1U << LORA_QKV | 1U << LORA_O, "attention is the default");
    s.adapter.modules = (YmlStrs){names, 2};
    MUST(spec_kinds(&kinds, &s, &shape, &e_));
    cr_expect_eq(kinds, 1U << LORA_QKV | 1U << LORA_DOWN);
    s.adapter.modules = (YmlStrs){other, 1};
    cr_expect_eq(spec_kinds(&kinds, &s, &shape, &e), ERR_ARG);
    cr_expect_str_eq(e.msg, "adapter.modules: target module 'q_proj' is not one of the model's: attn.c_attn, "
                            "attn.c_proj, mlp.c_fc, mlp.c_proj; or attention, mlp, all-linear");
}

/* ---- plans ---- */

static double planned(const Str *plan, const char *what)
{
    const char *at = strstr(plan->s, what);
    cr_assert_not_null(at, "no '%s' in %s", what, plan->s);
    return strtod(at + strlen(what), NULL);
}

/* What is counted by hand, and what the run then takes. */
Test(plan, agrees_with_the_run, .timeout = 240)
{
    World w = world_open();
    Str plan = {0};
    MUST(sweep_plan(&plan, &w.spec, &(SweepPlanHow){.measure = true}, &e_));
    PowerPlan p = {.users_pos = 4,
                   .users_neg = 4,
                   .records_pos = (size_t)planned(&plan, "member records,") / 4,
                   .records_neg = (size_t)planned(&plan, "held-out records,") / 4,
                   .icc = planned(&plan, "\"correlation within a person, assumed\","),
                   .same_people = true,
                   .level = 0.95};
    double auc = 0;
    MUST(power_min_auc(&auc, &p, planned(&plan, "power wanted,"), &e_));
    cr_assert_eq(planned(&plan, "smallest detectable AUC,"), auc);
    double sum = 0;
    static const char *const parts[] = {"training", "search", "utility", "attack"};
    for (size_t i = 0; i < 4; i++) {
        char what[64];
        snprintf(what, sizeof what, "\"tokens, %s\",", parts[i]);
        cr_assert_gt(planned(&plan, what), 0);
        snprintf(what, sizeof what, "\"seconds, %s\",", parts[i]);
        cr_assert_gt(planned(&plan, what), 0);
        sum += planned(&plan, what);
    }
    cr_assert_float_eq(planned(&plan, "seconds in all,"), sum, 1e-9 * sum);
    cr_assert_gt(planned(&plan, "free disk bytes here,"), 0);
    /* Search: 3 lambdas of 5 evaluations, 2 seeds, 2 targets with 4 records each. */
    cr_assert_eq(planned(&plan, "evaluations in all,"), 60);
    char run[PATH], path[PATH + 16];
    snprintf(run, sizeof run, "%s/run", w.dir);
    snprintf(path, sizeof path, "%s/ledger.db", run);
    MUST(sweep_run(&w.spec, run, NULL, &e_));
    char *text = NULL;
    size_t bytes = 0;
    MUST(file_read(&text, &bytes, path, &e_));
    free(text);
    double factor = planned(&plan, "\"bytes, ledger\",") / (double)bytes;
    cr_assert(factor > 0.5 && factor < 2, "ledger: planned / taken = %g", factor);
    str_free(&plan);
    world_close(&w);
}

/* Every record and label counted anew; JSON has the same numbers; without measuring, they are the same
 * always. */
Test(plan, tokens_are_those_of_the_records, .timeout = 240)
{
    World w = world_open();
    Str plan = {0}, again = {0}, json = {0};
    w.spec = world_spec(&w, (const char *const[]){"search.score=likelihood", "search.records=3"}, 2);
    MUST(sweep_plan(&plan, &w.spec, NULL, &e_));
    MUST(sweep_plan(&again, &w.spec, NULL, &e_));
    cr_assert_str_eq(plan.s, again.s);
    cr_assert_null(strstr(plan.s, "seconds"));
    double search = planned(&plan, "\"tokens, search\","), train = planned(&plan, "\"tokens, training\",");
    /* Twice the epochs and lambdas are twice the tokens; a third anchor is a third privacy term beside two.
     */
    w.spec =
        world_spec(&w,
                   (const char *const[]){"search.score=likelihood", "search.records=3", "adapter.epochs=4",
                                         "lambda=0,1,2,3,4,5", "anchors.per_target=3"},
                   5);
    str_clear(&again);
    MUST(sweep_plan(&again, &w.spec, NULL, &e_));
    cr_assert_eq(planned(&again, "\"tokens, training\","), 2 * train);
    cr_assert_float_eq(planned(&again, "\"tokens, search\","), 2 * search * 4 / 3, 1e-6);
    MUST(sweep_plan(&json, &w.spec, &(SweepPlanHow){.json = true}, &e_));
    char want[64];
    snprintf(want, sizeof want, "\"tokens, training\": %.0f", 2 * train);
    cr_assert_not_null(strstr(json.s, want), "%s", json.s);
    str_free(&plan);
    str_free(&again);
    str_free(&json);
    world_close(&w);
}
