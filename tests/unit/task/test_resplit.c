#define _XOPEN_SOURCE 700 /* nftw */
#include "folder.h"

#include "prime/js.h"
#include "prime/str.h"

TestSuite(resplit, .init = tmp_make, .fini = tmp_remove);

static DataResplitOpt resplit_options(DataResplitBy by)
{
    return (DataResplitOpt){
        .dir = below("d"), .out = below("e"), .by = by, .seed = 3, .history = 0.25, .query = 0.5};
}

static void resplit_synth(const char *layout)
{
    DataSynthOpt o = {.out = below("d"),
                      .layout = layout,
                      .salt = DATA_SALT,
                      .seed = 2,
                      .users = 10,
                      .records = 12,
                      .base = 0.3,
                      .history = 0.5,
                      .query = 0.25};
    Err e = {0};
    cr_assert_eq(data_synth(&o, &e), OK, "%s", e.msg);
}

static void resplit_fine(const DataResplitOpt *o)
{
    Err e = {0};
    Arena a = {0};
    DataInfo info = {0};
    cr_assert_eq(data_resplit(o, &e), OK, "%s", e.msg);
    cr_assert_eq(data_info(&info, o->out, &a, &e), OK, "%s", e.msg);
    cr_assert_eq(info.broken, 0);
    arena_free(&a);
    JsVal *root = NULL;
    cr_assert_eq(js_load(&root, below("e/dataset.json"), &e), OK);
    cr_assert_eq(js_len(js_get(root, "checks")), 5);
    cr_assert_eq(js_num(js_get(js_get(root, "splits"), "history"), 0), o->history);
    js_close(root);
}

static DataSet *resplit_load_task(const char *dir, const char *task)
{
    DataSet *d = NULL;
    Err e = {0};
    cr_assert_eq(data_load(&d, below(dir), task, &e), OK, "%s", e.msg);
    return d;
}

/* The split of a record, DATA_SPLITS when it is not there. */
static DataSplit split_in(const DataUser *u, const char *id)
{
    for (DataSplit s = 0; s < DATA_SPLITS; s++)
        for (size_t i = 0; i < u->n[s]; i++)
            if (strcmp(u->rec[s][i].id, id) == 0) return s;
    return DATA_SPLITS;
}

/* Every record is there again; how many changed sides, and how many of those were or became queries. */
static void resplit_compare(const char *task, size_t *moved, size_t *queries, size_t n[DATA_SPLITS])
{
    DataSet *d = resplit_load_task("d", task), *x = resplit_load_task("e", task);
    *moved = *queries = 0;
    memset(n, 0, DATA_SPLITS * sizeof *n);
    cr_assert_eq(d->n_users, x->n_users);
    cr_assert_str_eq(d->salt_id, x->salt_id);
    cr_assert_str_eq(d->source, x->source);
    for (size_t u = 0; u < d->n_users; u++) {
        cr_assert_str_eq(d->user[u].id, x->user[u].id);
        cr_assert_eq(d->user[u].role, x->user[u].role);
        if (d->user[u].profile != NULL) cr_assert_str_eq(d->user[u].profile, x->user[u].profile);
        for (DataSplit s = 0; s < DATA_SPLITS; s++)
            for (size_t i = 0; i < d->user[u].n[s]; i++) {
                DataSplit now = split_in(&x->user[u], d->user[u].rec[s][i].id);
                cr_assert_neq(now, DATA_SPLITS);
                n[now]++;
                *moved += now != s;
                *queries += now != s && (now == DATA_QUERY || s == DATA_QUERY);
            }
    }
    data_free(d);
    data_free(x);
}

Test(resplit, at_random)
{
    size_t moved, queries, n[DATA_SPLITS], all[DATA_SPLITS] = {0};
    const char *const tasks[] = {"synth_rating", "synth_tag", "synth_headline", "synth_tweet"};
    DataResplitOpt o = resplit_options(RESPLIT_RANDOM);
    resplit_synth(NULL);
    resplit_fine(&o);
    for (size_t t = 0; t < 4; t++) {
        resplit_compare(tasks[t], &moved, &queries, n);
        cr_assert_gt(moved, 20);
        for (int s = 0; s < DATA_SPLITS; s++) all[s] += n[s];
    }
    cr_assert(all[DATA_HISTORY] == 120 && all[DATA_QUERY] == 240 && all[DATA_HELDOUT] == 120);
}

/* A query of LaMP_1 has three fields, a paper one: it cannot become the other. */
Test(resplit, queries_with_a_form_of_their_own_stay)
{
    size_t moved, queries, n[DATA_SPLITS];
    DataResplitOpt o = resplit_options(RESPLIT_RANDOM);
    resplit_synth("lamp");
    resplit_fine(&o);
    resplit_compare("LaMP_1", &moved, &queries, n);
    cr_assert(moved > 5 && queries == 0);
    cr_assert(n[DATA_HISTORY] > n[DATA_HELDOUT] / 3 && n[DATA_HELDOUT] > n[DATA_HISTORY] / 3,
              "a half each: %zu, %zu", n[DATA_HISTORY], n[DATA_HELDOUT]);
    resplit_compare("LaMP_3", &moved, &queries, n);
    cr_assert(moved > 5 && queries > 5);
    o.by = RESPLIT_USER;
    resplit_fine(&o);
    resplit_compare("LaMP_7", &moved, &queries, n);
    cr_assert_eq(queries, 0);
}

Test(resplit, by_user_nobody_is_on_two_sides)
{
    size_t moved, queries, n[DATA_SPLITS], people[DATA_SPLITS] = {0};
    DataResplitOpt o = resplit_options(RESPLIT_USER);
    resplit_synth(NULL);
    resplit_fine(&o);
    resplit_compare("synth_tag", &moved, &queries, n);
    DataSet *x = resplit_load_task("e", "synth_tag");
    for (size_t u = 0; u < x->n_users; u++) {
        size_t sides = 0;
        for (DataSplit s = 0; s < DATA_SPLITS; s++) {
            sides += x->user[u].n[s] > 0;
            people[s] += x->user[u].n[s] > 0;
        }
        cr_assert_eq(sides, 1);
    }
    cr_assert(people[0] == 3 && people[1] == 5 && people[2] == 2, "of ten: a quarter, a half, the rest");
    data_free(x);
}

/* A package is a record in three tasks. */
Test(resplit, a_record_keeps_its_split_in_all_tasks)
{
    DataDebianOpt d = debian_options(below("d"));
    DataResplitOpt o = resplit_options(RESPLIT_RANDOM);
    size_t moved, queries, n[DATA_SPLITS];
    Err e = {0};
    cr_assert_eq(data_debian(&d, &e), OK, "%s", e.msg);
    resplit_fine(&o); /* one_split is among the checks */
    resplit_compare("deb_synopsis", &moved, &queries, n);
    cr_assert_gt(moved, 0);
    o.seed = 4;
    char *first = slurp(below("e/deb_synopsis.jsonl"));
    resplit_fine(&o);
    char *other = slurp(below("e/deb_synopsis.jsonl"));
    cr_assert_str_neq(first, other);
    free(first);
    free(other);
}

Test(resplit, what_is_refused)
{
    DataResplitOpt o = resplit_options(RESPLIT_TIME);
    Err e = {0};
    cr_assert_eq(data_resplit(&o, &e), ERR_IO, "no dataset");
    resplit_synth(NULL);
    e = (Err){0};
    cr_assert_eq(data_resplit(&o, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "has no time to split by"));
    o = resplit_options(RESPLIT_RANDOM);
    o.query = 0.8;
    e = (Err){0};
    cr_assert_eq(data_resplit(&o, &e), ERR_ARG);
    o = resplit_options(RESPLIT_RANDOM);
    o.out = o.dir;
    e = (Err){0};
    cr_assert_eq(data_resplit(&o, &e), ERR_ARG);
    put("d/canaries.csv", "user,record,canary,included\n");
    o.out = below("e");
    e = (Err){0};
    cr_assert_eq(data_resplit(&o, &e), ERR_UNSUP);
}
