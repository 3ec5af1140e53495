#define _XOPEN_SOURCE 700 /* nftw */
#include "folder.h"

#include "prime/str.h"

TestSuite(synth, .init = tmp_make, .fini = tmp_remove);

static DataSynthOpt synth_options(const char *out)
{
    return (DataSynthOpt){.out = below(out),
                          .salt = DATA_SALT,
                          .seed = 7,
                          .users = 12,
                          .records = 16,
                          .canaries = 2,
                          .base = 0.25,
                          .history = 0.5,
                          .query = 0.25};
}

static void synth_make(const DataSynthOpt *o)
{
    Err e = {0};
    cr_assert_eq(data_synth(o, &e), OK, "%s", e.msg);
}

static DataSet *synth_load(const char *dir, const char *task)
{
    DataSet *d = NULL;
    Err e = {0};
    cr_assert_eq(data_load(&d, below(dir), task, &e), OK, "%s", e.msg);
    return d;
}

Test(synth, every_task_has_every_persona)
{
    const char *const tasks[] = {"synth_rating", "synth_tag", "synth_headline", "synth_tweet"};
    DataSynthOpt o = synth_options("s");
    synth_make(&o);
    for (size_t t = 0; t < 4; t++) {
        DataSet *d = synth_load("s", tasks[t]);
        size_t base = 0;
        cr_assert_eq(d->n_users, 12);
        for (size_t u = 0; u < 12; u++) {
            const DataUser *x = &d->user[u];
            base += x->role == DATA_BASE;
            cr_assert_eq(x->n[DATA_HISTORY] + x->n[DATA_QUERY] + x->n[DATA_HELDOUT], 16);
        }
        cr_assert_eq(base, 3);
        data_free(d);
    }
}

/* A persona's style shows in all of its headlines: they are all loud, or none is. */
Test(synth, styles_are_personal)
{
    DataSynthOpt o = synth_options("s");
    o.canaries = 0;
    synth_make(&o);
    DataSet *d = synth_load("s", "synth_headline");
    size_t loud = 0;
    for (size_t u = 0; u < d->n_users; u++) {
        size_t own = 0, n = d->user[u].n[DATA_HISTORY];
        for (size_t i = 0; i < n; i++) own += strchr(d->user[u].rec[DATA_HISTORY][i].output, '!') != NULL;
        cr_assert(own == 0 || own == n);
        loud += own > 0;
    }
    cr_assert(loud > 0 && loud < d->n_users);
    data_free(d);
}

Test(synth, the_same_seed_gives_the_same_bytes_and_another_does_not)
{
    const char *const files[] = {"dataset.json",       "users.csv",       "canaries.csv",
                                 "synth_rating.jsonl", "synth_tag.jsonl", "synth_headline.jsonl",
                                 "synth_tweet.jsonl"};
    DataSynthOpt a = synth_options("a"), b = synth_options("b"), c = synth_options("c");
    c.seed = 8;
    synth_make(&a);
    synth_make(&b);
    synth_make(&c);
    for (size_t i = 0; i < 7; i++) {
        char name[3][64], *text[3];
        for (size_t k = 0; k < 3; k++) {
            snprintf(name[k], sizeof name[k], "%c/%s", "abc"[k], files[i]);
            text[k] = slurp(below(name[k]));
        }
        cr_assert_str_eq(text[0], text[1], "%s", files[i]);
        cr_assert_str_neq(text[0], text[2], "%s", files[i]);
        for (size_t k = 0; k < 3; k++) free(text[k]);
    }
}

Test(synth, half_of_the_canaries_is_planted)
{
    DataSynthOpt o = synth_options("s");
    synth_make(&o);
    DataSet *d = synth_load("s", "synth_headline");
    DataCanary *c = NULL;
    size_t n = 0, in = 0;
    Arena a = {0};
    Err e = {0};
    cr_assert_eq(data_canaries(&c, &n, d, below("s"), &a, &e), OK, "%s", e.msg);
    cr_assert_eq(n, 24);
    for (size_t i = 0; i < n; i++) {
        in += c[i].included;
        cr_assert_eq(strlen(c[i].text), 18);
        for (size_t k = 0; k < i; k++) cr_assert_str_neq(c[i].text, c[k].text);
    }
    cr_assert_eq(in, 12);
    char *text = slurp(below("s/synth_headline.jsonl"));
    size_t keys = 0;
    for (const char *s = text; (s = strstr(s, " key ")) != NULL; s++) keys++;
    cr_assert_eq(keys, 12, "no secret stands anywhere else");
    free(text);
    arena_free(&a);
    data_free(d);
}

static const char *canary_complaint(const DataSet *d, const char *rows)
{
    static Err e;
    char text[256];
    DataCanary *c = NULL;
    size_t n = 0;
    Arena a = {0};
    e = (Err){0};
    snprintf(text, sizeof text, "user,record,canary,included\n%s\n", rows);
    put("s/canaries.csv", text);
    cr_assert_eq(data_canaries(&c, &n, d, below("s"), &a, &e), ERR_FORMAT);
    cr_assert_null(c);
    arena_free(&a);
    return e.msg;
}

Test(synth, damaged_canaries)
{
    DataSynthOpt o = synth_options("s");
    o.canaries = 0;
    synth_make(&o);
    DataSet *d = synth_load("s", "synth_headline");
    const DataUser *u = &d->user[0];
    char row[128];
    DataCanary *c = NULL;
    size_t n = 7;
    Arena a = {0};
    cr_assert_eq(data_canaries(&c, &n, d, below("s"), &a, NULL), OK);
    cr_assert_eq(n, 0, "a dataset without the file has none");
    snprintf(row, sizeof row, "%s,%s,key 1,2", u->id, u->rec[DATA_HISTORY][0].id);
    cr_assert_not_null(strstr(canary_complaint(d, row), "canaries.csv:2: included = '2', want 0 or 1"));
    snprintf(row, sizeof row, "%s,%s,key 1,1", u->id, u->rec[DATA_HISTORY][0].id);
    cr_assert_not_null(strstr(canary_complaint(d, row), "does not have the canary"));
    snprintf(row, sizeof row, "%s,%s,,1", u->id, u->rec[DATA_HISTORY][0].id);
    cr_assert_not_null(strstr(canary_complaint(d, row), "canary is empty"));
    snprintf(row, sizeof row, "%s,%s,key 1,0", u->id, u->rec[DATA_QUERY][0].id);
    cr_assert_not_null(strstr(canary_complaint(d, row), "in the history of synth_headline"));
    cr_assert_not_null(strstr(canary_complaint(d, "nobody,r,key 1,0"), "user nobody has no record r"));
    arena_free(&a);
    data_free(d);
}

static const char *synth_complaint(DataSynthOpt o, Status want)
{
    static Err e;
    e = (Err){0};
    cr_assert_eq(data_synth(&o, &e), want, "%s", e.msg);
    return e.msg;
}

Test(synth, options_out_of_range)
{
    DataSynthOpt o = synth_options("s");
    o.users = 0;
    cr_assert_str_eq(synth_complaint(o, ERR_ARG), "users = 0, want 1 to 100000");
    o = synth_options("s");
    o.records = 3;
    cr_assert_str_eq(synth_complaint(o, ERR_ARG), "records = 3, want 4 to 10000");
    o = synth_options("s");
    o.base = 1;
    cr_assert_str_eq(synth_complaint(o, ERR_ARG), "base = 1, want a share in [0, 1)");
    o = synth_options("s");
    o.canaries = 17;
    cr_assert_str_eq(synth_complaint(o, ERR_ARG), "canaries = 17, want at most 16, the records");
    o = synth_options("s");
    o.canaries = 16;
    cr_assert_not_null(strstr(synth_complaint(o, ERR_ARG), "canaries = 16, but user "));
    o = synth_options("s");
    o.history = 0;
    cr_assert_str_eq(synth_complaint(o, ERR_ARG), "history = 0, want a share in (0, 1)");
    cr_assert_not(file_exists(below("s/dataset.json")));
}

static double fact_of(const DataInfo *info, const char *task, const char *what, const char *name)
{
    for (size_t i = 0; i < info->n; i++) {
        const DataFact *f = &info->fact[i];
        if (strcmp(f->task, task) == 0 && strcmp(f->what, what) == 0 && strcmp(f->name, name) == 0)
            return f->value;
    }
    cr_assert_fail("no fact %s %s %s", task, what, name);
    return 0;
}

static DataInfo info_of(Arena *a)
{
    DataInfo info = {0};
    Err e = {0};
    cr_assert_eq(data_info(&info, below("s"), a, &e), OK, "%s", e.msg);
    return info;
}

Test(synth, info_counts_and_finds_nothing)
{
    DataSynthOpt o = synth_options("s");
    Arena a = {0};
    synth_make(&o);
    DataInfo info = info_of(&a);
    double labels = 0, records = 0;
    cr_assert_eq(info.broken, 0);
    cr_assert_float_eq(fact_of(&info, "", "users", "audit"), 9, 0);
    for (size_t i = 0; i < info.n; i++) {
        const DataFact *f = &info.fact[i];
        if (strcmp(f->task, "synth_tag") != 0) continue;
        if (strcmp(f->what, "label") == 0) labels += f->value;
        if (strcmp(f->what, "records") == 0) records += f->value;
    }
    cr_assert_float_eq(labels, 12 * 16, 0);
    cr_assert_float_eq(records, 12 * 16, 0);
    arena_free(&a);
}

/* Replace the first `from` in a file of the dataset. */
static void synth_edit(const char *name, const char *from, const char *to)
{
    char *text = slurp(below(name)), *at = strstr(text, from);
    cr_assert_not_null(at);
    Str s = {0};
    str_put(&s, text, (size_t)(at - text));
    str_puts(&s, to);
    str_puts(&s, at + strlen(from));
    put(name, s.s);
    str_free(&s);
    free(text);
}

/* The same text for two people, and for one person on both sides of a split. */
Test(synth, info_finds_texts_that_leak)
{
    DataSynthOpt o = synth_options("s");
    Arena a = {0};
    synth_make(&o);
    DataSet *d = synth_load("s", "synth_tag");
    const DataUser *u = &d->user[0], *v = &d->user[1];
    synth_edit("s/synth_tag.jsonl", u->rec[DATA_QUERY][0].input, u->rec[DATA_HISTORY][0].input);
    synth_edit("s/synth_tag.jsonl", v->rec[DATA_QUERY][0].input, u->rec[DATA_HISTORY][1].input);
    data_free(d);
    DataInfo info = info_of(&a);
    cr_assert_float_eq(fact_of(&info, "", "check", "text_split"), 1, 0);
    cr_assert_float_eq(fact_of(&info, "", "check", "head_split"), 1, 0);
    cr_assert_float_eq(fact_of(&info, "", "check", "own_text"), 1, 0);
    cr_assert_float_eq(fact_of(&info, "", "check", "one_user"), 0, 0);
    cr_assert_eq(info.broken, 3);
    arena_free(&a);
}

/* A record that another task has for another person, or in another split. */
Test(synth, info_finds_records_that_move)
{
    DataSynthOpt o = synth_options("s");
    Arena a = {0};
    synth_make(&o);
    DataSet *d = synth_load("s", "synth_tag"), *h = synth_load("s", "synth_tweet");
    synth_edit("s/synth_tag.jsonl", d->user[0].rec[DATA_QUERY][0].id, h->user[0].rec[DATA_HISTORY][0].id);
    synth_edit("s/synth_tag.jsonl", d->user[1].rec[DATA_QUERY][0].id, h->user[2].rec[DATA_QUERY][0].id);
    data_free(d);
    data_free(h);
    DataInfo info = info_of(&a);
    cr_assert_float_eq(fact_of(&info, "", "check", "one_split"), 1, 0);
    cr_assert_float_eq(fact_of(&info, "", "check", "one_user"), 1, 0);
    cr_assert_eq(info.broken, 2);
    arena_free(&a);
}
