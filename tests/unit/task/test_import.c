#define _XOPEN_SOURCE 700 /* nftw */
#include "folder.h"

#include "prime/import.h"
#include "prime/str.h"

TestSuite(import, .init = tmp_make, .fini = tmp_remove);

static DataImportOpt import_options(const char *format)
{
    return (DataImportOpt){.out = below("d"),
                           .format = format,
                           .task = "LaMP_4",
                           .salt = DATA_SALT,
                           .seed = 1,
                           .heldout = 0.25,
                           .history = 0.5,
                           .query = 0.25};
}

/* Questions and golds of LaMP_4 as texts. */
static DataImportOpt lamp_options(const char *questions, const char *outputs)
{
    DataImportOpt o = import_options("lamp");
    put("q.json", questions);
    if (outputs != NULL) put("o.json", outputs);
    o.file[0] =
        (ImportFile){below("q.json"), outputs != NULL ? below("o.json") : NULL, NULL, DATA_AUDIT, false};
    o.n_files = 1;
    return o;
}

static ImportReport import_fine(const DataImportOpt *o)
{
    ImportReport r = {0};
    Err e = {0};
    cr_assert_eq(data_import(&r, o, &e), OK, "%s", e.msg);
    return r;
}

static const char *import_fails(const DataImportOpt *o, Status want)
{
    static Err e;
    ImportReport r = {0};
    e = (Err){0};
    cr_assert_eq(data_import(&r, o, &e), want, "%s", e.msg);
    return e.msg;
}

static size_t odd_count(const ImportReport *r, const char *name)
{
    for (size_t i = 0; i < r->n_odd; i++)
        if (strcmp(r->odd[i].name, name) == 0) return r->odd[i].n;
    cr_assert_fail("no kind %s", name);
    return 0;
}

/* Nothing was odd but `name`, n times ("" for nothing). */
static void odd_only(const ImportReport *r, const char *name, size_t n)
{
    for (size_t i = 0; i < r->n_odd; i++) {
        size_t want = strcmp(r->odd[i].name, name) == 0 ? n : 0;
        cr_assert_eq(r->odd[i].n, want, "%s: %zu, want %zu", r->odd[i].name, r->odd[i].n, want);
    }
}

static DataSet *import_load(const char *task)
{
    DataSet *d = NULL;
    Err e = {0};
    cr_assert_eq(data_load(&d, below("d"), task, &e), OK, "%s", e.msg);
    Arena a = {0};
    DataInfo info = {0};
    cr_assert_eq(data_info(&info, below("d"), &a, &e), OK, "%s", e.msg);
    cr_assert_eq(info.broken, 0);
    arena_free(&a);
    return d;
}

#define ITEM(id, text, title) "{\"id\":" id ",\"text\":\"" text "\",\"title\":\"" title "\"}"
#define ASK "Generate a headline for the following article: "
#define GOLDS(list) "{\"task\":\"LaMP_4\",\"golds\":[" list "]}"

Test(import, a_question_is_a_person)
{
    DataImportOpt o =
        lamp_options("[{\"id\":7,\"input\":\"" ASK "one\",\"profile\":[" ITEM("1", "two", "B") "]}]",
                     GOLDS("{\"id\":\"7\",\"output\":\"A\"}"));
    ImportReport r = import_fine(&o);
    odd_only(&r, "", 0);
    DataSet *d = import_load("LaMP_4");
    const DataUser *u = &d->user[0];
    cr_assert(d->n_users == 1 && u->n[DATA_HISTORY] == 1 && u->n[DATA_QUERY] == 1 && u->role == DATA_AUDIT);
    cr_assert_str_eq(u->rec[DATA_QUERY][0].input, "one");
    cr_assert_str_eq(u->rec[DATA_QUERY][0].output, "A");
    cr_assert_str_eq(u->rec[DATA_HISTORY][0].input, "two");
    cr_assert_str_eq(d->source, "lamp");
    data_free(d);
}

/* One oddity each. */
Test(import, ids_are_numbers_or_texts)
{
    DataImportOpt o =
        lamp_options("[{\"id\":\"7\",\"input\":\"" ASK
                     "one\",\"profile\":[" ITEM("1", "two", "B") "," ITEM("\"1\"", "three", "C") "]}]",
                     GOLDS("{\"id\":7,\"output\":\"A\"}"));
    ImportReport r = import_fine(&o);
    odd_only(&r, "record_twice", 1);
}

Test(import, missing_and_null_fields)
{
    DataImportOpt o = lamp_options(
        "[{\"id\":7,\"input\":\"" ASK
        "one\",\"profile\":[{\"id\":1,\"text\":\"x\"},{\"id\":2,\"text\":null,\"title\":\"t\"}," ITEM(
            "3", "two", "B") "]}]",
        GOLDS("{\"id\":7,\"output\":\"A\"}"));
    ImportReport r = import_fine(&o);
    odd_only(&r, "field_missing", 2);
    cr_assert_str_eq(r.odd[2].first, "q.json:1: person 1");
}

Test(import, fields_of_another_type)
{
    DataImportOpt o = lamp_options("[{\"id\":7,\"input\":\"" ASK
                                   "one\",\"profile\":[{\"id\":1,\"text\":\"x\",\"title\":5},3,[{}]]}]",
                                   GOLDS("{\"id\":7,\"output\":\"A\"}"));
    ImportReport r = import_fine(&o);
    odd_only(&r, "field_type", 2);
    cr_assert_eq(r.records[DATA_HISTORY], 1, "a number is a text");
}

Test(import, byte_order_marks_and_crlf)
{
    DataImportOpt o = lamp_options("\xef\xbb\xbf[\r\n{\"id\":7,\r\n\"input\":\"" ASK
                                   "one\\r\\ntwo\",\"profile\":[" ITEM("1", " a\\tb ", "B") "]}\r\n]\r\n",
                                   "\xef\xbb\xbf" GOLDS("{\"id\":7,\"output\":\"A\"}") "\r\n");
    ImportReport r = import_fine(&o);
    odd_only(&r, "", 0);
    DataSet *d = import_load("LaMP_4");
    cr_assert_str_eq(d->user[0].rec[DATA_QUERY][0].input, "one\ntwo");
    cr_assert_str_eq(d->user[0].rec[DATA_HISTORY][0].input, "a b");
    data_free(d);
}

Test(import, entities)
{
    const char *text = "a &amp;&lt;&gt;&quot;&apos; b&nbsp;c &#65;&#x42; &amp;amp; &bogus; & &#0; &#xd800; "
                       "&#1114112; &#x1F600; &#9;";
    Str q = {0};
    str_printf(&q, "[{\"id\":7,\"input\":\"" ASK "%s\",\"profile\":[]}]", text);
    DataImportOpt o = lamp_options(q.s, GOLDS("{\"id\":7,\"output\":\"A\"}"));
    ImportReport r = import_fine(&o);
    odd_only(&r, "profile_empty", 1);
    DataSet *d = import_load("LaMP_4");
    cr_assert_str_eq(d->user[0].rec[DATA_QUERY][0].input,
                     "a &<>\"' b c AB &amp; &bogus; & &#0; &#xd800; &#1114112; \xf0\x9f\x98\x80");
    data_free(d);
    o.keep_entities = true;
    import_fine(&o);
    d = import_load("LaMP_4");
    cr_assert_str_eq(d->user[0].rec[DATA_QUERY][0].input, text);
    data_free(d);
    str_free(&q);
}

Test(import, people_and_texts_that_come_twice)
{
    DataImportOpt o = lamp_options(
        "[{\"id\":7,\"input\":\"" ASK
        "one\",\"profile\":[" ITEM("1", "two", "B") "," ITEM("2", "Two!", "C") "," ITEM(
            "3", "ONE", "D") "]},"
                             "{\"id\":7,\"input\":\"" ASK "x\",\"profile\":[]},"
                             "{\"id\":8,\"input\":\"" ASK
                             "eight\",\"profile\":[" ITEM("1", "two", "B") "," ITEM("2", "nine", "B") "]}]",
        GOLDS("{\"id\":7,\"output\":\"A\"},{\"id\":8,\"output\":\"A\"}"));
    ImportReport r = import_fine(&o);
    cr_assert_eq(odd_count(&r, "text_twice"), 2);
    cr_assert_eq(odd_count(&r, "person_twice"), 1);
    cr_assert_eq(odd_count(&r, "text_shared"), 1);
    cr_assert(r.users == 2 && r.records[DATA_HISTORY] == 2 && r.records[DATA_QUERY] == 2);
    data_free(import_load("LaMP_4"));
    o.keep_shared = true;
    r = import_fine(&o);
    cr_assert(odd_count(&r, "text_shared") == 0 && r.records[DATA_HISTORY] == 3);
}

Test(import, golds_and_questions_that_miss_each_other)
{
    DataImportOpt o =
        lamp_options("[{\"id\":7,\"input\":\"" ASK "one\",\"profile\":[" ITEM("1", "two", "B") "]}]",
                     GOLDS("{\"id\":8,\"output\":\"A\"},{\"id\":8,\"output\":\"B\"},{\"output\":\"C\"}"));
    ImportReport r = import_fine(&o);
    cr_assert_eq(odd_count(&r, "gold_missing"), 1);
    cr_assert_eq(odd_count(&r, "question_missing"), 1);
    cr_assert_eq(odd_count(&r, "person_twice"), 1);
    cr_assert_eq(odd_count(&r, "field_missing"), 1);
    cr_assert_eq(r.records[DATA_QUERY], 0);
    o.file[0].golds = NULL;
    r = import_fine(&o);
    odd_only(&r, "gold_missing", 1);
}

Test(import, questions_in_other_words)
{
    DataImportOpt o =
        lamp_options("[{\"id\":7,\"input\":\"Say: one\",\"profile\":[" ITEM("1", "two", "B") "]}]",
                     GOLDS("{\"id\":7,\"output\":\"A\"}"));
    ImportReport r = import_fine(&o);
    odd_only(&r, "frame_unknown", 1);
    DataSet *d = import_load("LaMP_4");
    cr_assert_str_eq(d->user[0].rec[DATA_QUERY][0].input, "Say: one");
    data_free(d);
    o = lamp_options("[{\"id\":7,\"input\":\"Choose: "
                     "one\",\"profile\":[{\"id\":1,\"title\":\"t\",\"citation\":[\"c\",\"d\"]}]}]",
                     "{\"golds\":[{\"id\":7,\"output\":\"[1]\"}]}");
    o.task = "LaMP_1";
    r = import_fine(&o);
    odd_only(&r, "frame_unknown", 1);
    cr_assert_eq(r.records[DATA_QUERY], 0, "three fields cannot be guessed");
    d = import_load("LaMP_1");
    cr_assert_str_eq(d->user[0].rec[DATA_HISTORY][0].output, "c; d");
    data_free(d);
}

Test(import, empty_texts_and_unknown_labels)
{
    DataImportOpt o = lamp_options("[{\"id\":7,\"input\":\"" ASK "\",\"profile\":[" ITEM(
                                       "1", " ", "B") "," ITEM("2", "x", "") "," ITEM("3", "y", "z") "]}]",
                                   GOLDS("{\"id\":7,\"output\":\"A\"}"));
    ImportReport r = import_fine(&o);
    odd_only(&r, "text_empty", 3);
    o = lamp_options("[{\"id\":7,\"input\":\"x\",\"profile\":[{\"id\":1,\"text\":\"a\",\"score\":5.0},{"
                     "\"id\":2,\"text\":\"b\",\"score\":\"2\"},{\"id\":3,\"text\":\"c\",\"score\":\"2.5\"},{"
                     "\"id\":4,\"text\":\"d\",\"score\":\"six\"},{\"id\":5,\"text\":\"e\",\"score\":6}]}]",
                     NULL);
    o.task = "LaMP_3";
    r = import_fine(&o);
    cr_assert_eq(odd_count(&r, "label_unknown"), 3);
    cr_assert_eq(r.records[DATA_HISTORY] + r.records[DATA_HELDOUT], 2);
    data_free(import_load("LaMP_3"));
}

Test(import, people_of_whom_nothing_is_left)
{
    DataImportOpt o = lamp_options("[{\"id\":7,\"profile\":[]},{\"id\":8,\"profile\":[" ITEM(
                                       "1", "two", "B") "]},{\"profile\":[" ITEM("1", "three", "B") "]}]",
                                   NULL);
    ImportReport r = import_fine(&o);
    cr_assert(r.users == 1 && odd_count(&r, "person_empty") == 1 && odd_count(&r, "profile_empty") == 1);
    o = lamp_options("[]", NULL);
    cr_assert_not_null(strstr(import_fails(&o, ERR_ARG), "nothing to import: no person with a record"));
}

/* ---- splits ---- */

/* A person with n items; texts begin alike in pairs when `pairs`. */
static DataImportOpt many_items(int n, bool pairs)
{
    Str q = {0};
    str_puts(&q, "[{\"id\":7,\"profile\":[");
    for (int i = 0; i < n; i++)
        str_printf(&q,
                   "%s{\"id\":%d,\"date\":\"2020-%02d\",\"title\":\"t\",\"text\":\"%s%c%c one two three four "
                   "five six seven eight nine ten "
                   "eleven %c\"}",
                   i > 0 ? "," : "", i, n - i, "w", pairs ? 'a' + i / 2 % 26 : 'a' + i % 26,
                   pairs ? 'a' + i / 52 : 'a' + i / 26, 'a' + i % 26);
    str_puts(&q, "]}]");
    DataImportOpt o = lamp_options(q.s, NULL);
    str_free(&q);
    return o;
}

Test(import, a_share_is_held_out_of_audit_users_alone)
{
    DataImportOpt o = many_items(40, false);
    ImportReport r = import_fine(&o);
    cr_assert(r.records[DATA_HISTORY] == 30 && r.records[DATA_HELDOUT] == 10);
    data_free(import_load("LaMP_4"));
    o.file[0].role = DATA_BASE;
    r = import_fine(&o);
    cr_assert(r.records[DATA_HISTORY] == 40 && r.records[DATA_HELDOUT] == 0);
    o = many_items(40, false);
    char *first = (import_fine(&o), slurp(below("d/LaMP_4.jsonl")));
    char *same = (import_fine(&o), slurp(below("d/LaMP_4.jsonl")));
    o.seed = 2;
    char *other = (import_fine(&o), slurp(below("d/LaMP_4.jsonl")));
    cr_assert_str_eq(first, same);
    cr_assert_str_neq(first, other);
    free(first);
    free(same);
    free(other);
}

Test(import, by_time_the_last_ones_are_held_out)
{
    DataImportOpt o = many_items(12, false);
    o.by_time = true;
    import_fine(&o);
    DataSet *d = import_load("LaMP_4");
    const DataUser *u = &d->user[0];
    cr_assert_eq(u->n[DATA_HELDOUT], 3);
    for (size_t i = 0; i < 3; i++) cr_assert_geq(strcmp(u->rec[DATA_HELDOUT][i].time, "2020-10"), 0);
    for (size_t i = 0; i < 9; i++) cr_assert_lt(strcmp(u->rec[DATA_HISTORY][i].time, "2020-10"), 0);
    data_free(d);
}

Test(import, what_begins_alike_stays_together)
{
    DataImportOpt o = many_items(40, true);
    ImportReport r = import_fine(&o);
    odd_only(&r, "field_missing", 1); /* the question */
    cr_assert_eq(r.records[DATA_HISTORY] + r.records[DATA_HELDOUT], 40);
    cr_assert(r.records[DATA_HELDOUT] >= 8 && r.records[DATA_HELDOUT] <= 12, "%zu", r.records[DATA_HELDOUT]);
    data_free(import_load("LaMP_4"));
    o.by_time = true;
    o.heldout = 0.1251; /* 35 are history: the 36th begins like the 35th */
    r = import_fine(&o);
    cr_assert_eq(odd_count(&r, "text_straddles"), 1);
    data_free(import_load("LaMP_4"));
}

/* ---- round trips ---- */

typedef struct {
    size_t n;
    const char *text[4096];
} Texts;

static int text_ptr_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every record as text, without ids; of queries and of the rest. */
static void all_texts(Texts *t, const DataSet *d, Arena *a)
{
    t->n = 0;
    for (size_t u = 0; u < d->n_users; u++)
        for (DataSplit s = 0; s < DATA_SPLITS; s++)
            for (size_t i = 0; i < d->user[u].n[s]; i++) {
                Str x = {0};
                str_printf(&x, "%d %s -> %s | %s", s == DATA_QUERY, d->user[u].rec[s][i].input,
                           d->user[u].rec[s][i].output, d->user[u].profile);
                t->text[t->n++] = arena_strdup(a, x.s);
                str_free(&x);
            }
    qsort(t->text, t->n, sizeof *t->text, text_ptr_cmp);
}

static const char *const lamp_names[] = {"LaMP_1", "LaMP_2M", "LaMP_2N", "LaMP_3",
                                         "LaMP_4", "LaMP_5",  "LaMP_6",  "LaMP_7"};

static void synth_files(DataSynthWrite write, const char *out)
{
    DataSynthOpt o = {.out = below(out),
                      .layout = "lamp",
                      .write = write,
                      .salt = "s",
                      .seed = 4,
                      .users = 9,
                      .records = 8,
                      .base = 0.34,
                      .history = 0.5,
                      .query = 0.13};
    Err e = {0};
    cr_assert_eq(data_synth(&o, &e), OK, "%s", e.msg);
}

static const char *part_file(const char *dir, const char *task, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s/%s", dir, task, name);
    return below(path);
}

static void same_records(const char *task)
{
    static Texts want, got;
    Arena a = {0};
    Err e = {0};
    DataSet *d = NULL, *x = import_load(task);
    cr_assert_eq(data_load(&d, below("s"), task, &e), OK, "%s", e.msg);
    all_texts(&want, d, &a);
    all_texts(&got, x, &a);
    cr_assert_eq(want.n, got.n, "%s: %zu and %zu", task, want.n, got.n);
    for (size_t i = 0; i < want.n; i++) cr_assert_str_eq(want.text[i], got.text[i]);
    for (size_t r = 0; r < 2; r++) {
        size_t n[2] = {0};
        for (size_t u = 0; u < d->n_users; u++) n[0] += d->user[u].role == (DataRole)r;
        for (size_t u = 0; u < x->n_users; u++) n[1] += x->user[u].role == (DataRole)r;
        cr_assert_eq(n[0], n[1]);
    }
    data_free(d);
    data_free(x);
    arena_free(&a);
}

/* People with a query, who are those of LaMP's layout, and their items. */
static void count_asked(size_t *people, size_t *items, const char *task)
{
    DataSet *d = NULL;
    Err e = {0};
    cr_assert_eq(data_load(&d, below("s"), task, &e), OK, "%s", e.msg);
    for (size_t u = 0; u < d->n_users; u++) {
        if (d->user[u].n[DATA_QUERY] == 0) continue;
        ++*people;
        *items += d->user[u].n[DATA_HISTORY] + d->user[u].n[DATA_HELDOUT];
    }
    data_free(d);
}

Test(import, made_up_people_come_back_from_both_layouts)
{
    synth_files(SYNTH_DATASET, "s");
    synth_files(SYNTH_LAMP, "l");
    synth_files(SYNTH_PERPCS, "p");
    for (size_t t = 0; t < 8; t++) {
        const char *task = lamp_names[t];
        DataImportOpt o = import_options("perpcs");
        o.task = task;
        o.n_files = 3;
        o.file[0] = (ImportFile){part_file("p", task, "user_base_LLM.json"), NULL, "base", DATA_BASE, false};
        o.file[1] = (ImportFile){part_file("p", task, "user_anchor_candidate.json"), NULL, "anchors",
                                 DATA_AUDIT, false};
        o.file[2] = (ImportFile){part_file("p", task, "user_test.json"), NULL, "test", DATA_AUDIT, false};
        o.profiles = part_file("p", task, "profiles.jsonl");
        ImportReport r = import_fine(&o);
        odd_only(&r, "", 0);
        same_records(task);
        o = import_options("lamp");
        o.task = NULL;
        o.n_files = 1;
        o.base = 0.5;
        o.file[0] = (ImportFile){part_file("l", task, "questions.json"), part_file("l", task, "outputs.json"),
                                 NULL, DATA_AUDIT, false};
        o.profiles = part_file("l", task, "profiles.jsonl");
        r = import_fine(&o);
        size_t people = 0, items = 0;
        count_asked(&people, &items, task);
        cr_assert_eq(odd_count(&r, "abstract_as_reference"), t == 0 ? items : 0);
        cr_assert_eq(odd_count(&r, "description_unused"), 9 - people);
        cr_assert(r.users == people && r.records[DATA_QUERY] == people &&
                  r.records[0] + r.records[2] == items);
    }
}

/* ---- lines and rows ---- */

static DataImportOpt rows_options(const char *format, const char *text, const char *map)
{
    DataImportOpt o = import_options(format);
    put("rows", text);
    o.file[0] = (ImportFile){below("rows"), NULL, NULL, DATA_AUDIT, false};
    o.n_files = 1;
    o.map = map;
    return o;
}

Test(import, lines_with_splits_and_a_history_of_another_form)
{
    DataImportOpt o = rows_options(
        "jsonl",
        "{\"u\":1,\"s\":\"train\",\"o\":\"a tweet\"}\n{\"u\":1,\"s\":\"test\",\"i\":\"say\",\"o\":\"said\"}\n"
        "{\"u\":1,\"s\":\"heldout\",\"o\":\"another\"}\n{\"u\":1,\"s\":\"test\",\"o\":\"no "
        "input\"}\n{\"u\":1,\"s\":\"dev\",\"o\":\"x\"}\n{\"u\":1,\"o\":\"y\"}\n",
        "user=u,input=i,output=o,split=s");
    o.task = "LaMP_7";
    ImportReport r = import_fine(&o);
    cr_assert(r.records[0] == 1 && r.records[1] == 1 && r.records[2] == 1);
    cr_assert_eq(odd_count(&r, "field_missing"), 2);
    cr_assert_eq(odd_count(&r, "split_unknown"), 1);
    data_free(import_load("LaMP_7"));
}

Test(import, labels_that_the_data_says)
{
    DataImportOpt o = rows_options("csv", "u,i,o\n1,one,wool\n2,two,bread\n1,three,bread\n1,four,wool\n",
                                   "user=u,input=i,output=o");
    o.task = "synth_tag";
    import_fine(&o);
    DataSet *d = import_load("synth_tag");
    cr_assert(d->n_labels == 2 && strcmp(d->label[0], "bread") == 0);
    data_free(d);
}

Test(import, mistakes_that_end_an_import)
{
    DataImportOpt o = lamp_options("[{\"id\":7,\"profile\":[" ITEM("1", "two", "B"), NULL);
    cr_assert_not_null(
        strstr(import_fails(&o, ERR_FORMAT), "q.json:1: not JSON: the text ends where a comma should be"));
    o = lamp_options("{\"id\":7}", NULL);
    cr_assert_not_null(
        strstr(import_fails(&o, ERR_FORMAT), "q.json:1: want an array of people or questions"));
    o = lamp_options("[]", "[]");
    cr_assert_not_null(strstr(import_fails(&o, ERR_FORMAT), "o.json:1: want an object with 'golds'"));
    o.task = NULL;
    put("o.json", "{\"golds\":[]}");
    cr_assert_not_null(strstr(import_fails(&o, ERR_ARG), "no 'task' in it"));
    put("o.json", "{\"task\":\"LaMP_9\"}");
    cr_assert_not_null(strstr(import_fails(&o, ERR_ARG), "task 'LaMP_9' is not known"));
    o.base = 1;
    cr_assert_str_eq(import_fails(&o, ERR_ARG), "base = 1, want a share in [0, 1)");
    o.base = 0;
    o.heldout = -0.5;
    cr_assert_str_eq(import_fails(&o, ERR_ARG), "heldout = -0.5, want a share in [0, 1)");
    o = rows_options("csv", "u,i,o\n1,\"x,2\n", "user=u,input=i,output=o");
    cr_assert_not_null(
        strstr(import_fails(&o, ERR_FORMAT), "rows:2: a quote is not closed before the end of the file"));
    o.task_file = source_path("fixtures/lamp/fault.task.yaml");
    cr_assert_not_null(strstr(import_fails(&o, ERR_ARG), "task = LaMP_4, but"));
}

/* What the command line checks first, a caller of the library may still ask for. */
Test(import, options_that_do_not_fit)
{
    static const struct {
        const char *format, *task, *map, *task_file, *message;
        size_t n_files;
    } bad[] = {
        {"lump", "LaMP_4", NULL, NULL, "format = lump, want lamp, perpcs, jsonl or csv", 1},
        {"csv", "LaMP_4", "user=u", NULL, "no file to import", 0},
        {"csv", "LaMP_4", NULL, NULL, "format csv wants a map", 1},
        {"lamp", "LaMP_4", "user=u", NULL, "format lamp takes no map", 1},
        {"perpcs", NULL, NULL, NULL, "format perpcs wants a task", 1},
        {"perpcs", "LaMP_44", NULL, NULL, "task = LaMP_44 is not known, did you mean LaMP_4", 1},
        {"lamp", "synth_tag", NULL, NULL, "task = synth_tag, want one of LaMP's for this format", 1},
        {"lamp", NULL, NULL, NULL, "without outputs the task must be named", 1},
        {"csv", "LaMP_4", "user", NULL, "map: 'user', want KEY=COLUMN", 1},
        {"csv", "LaMP_4", "user=u,user=v", NULL, "map: user is there twice", 1},
        {"csv", "LaMP_4", "user=u,hue=v", NULL,
         "map: 'hue' is not user, input, output, id, split, time or past", 1},
        {"csv", "LaMP_4", "user=u,input=i", NULL, "map: want user and output", 1},
        {"csv", "LaMP_4", "input=1,input=2,input=3,input=4,input=5,input=6,input=7,input=8,input=9,input=10",
         NULL, "map: more than 9 columns of input", 1},
        {"csv", "LaMP_4", "user=u,output=o", NULL, "map: 0 columns of input, LaMP_4 wants 1", 1},
        {"csv", "LaMP_4", "user=u,output=o,input=i,past=p", NULL,
         "map: past, but the history of LaMP_4 has the", 1},
        {"csv", "LaMP_7", "user=u,output=o,input=i,past=p", NULL, "map: 1 columns of past, ", 1},
        {"csv", "LaMP_7", "user=u,output=o,input=i", NULL,
         "map: no split, and a record of LaMP_7 may be a query", 1},
        {"csv", NULL, "user=u,output=o,input=i", "LaMP_4.task.yaml",
         "'LaMP_4' is a task of this program; choose another name", 1},
        {"csv", "LaMP_4", "user=u,output=o,input=i", NULL, "2 files, want one", 2},
    };
    put("LaMP_4.task.yaml",
        "what: x\nquery:\n  fields: [a]\n  text: a\n  prompt: \"{a}\"\n  metrics: [rouge1]\n  max_new: 4\n");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        DataImportOpt o = rows_options(bad[i].format, "u,i,o\n1,one,two\n", bad[i].map);
        o.task = bad[i].task;
        o.n_files = bad[i].n_files;
        o.file[1] = o.file[0];
        if (bad[i].task_file != NULL) o.task_file = below(bad[i].task_file);
        const char *said = import_fails(&o, ERR_ARG);
        cr_expect_not_null(strstr(said, bad[i].message), "%s, want %s", said, bad[i].message);
    }
    DataImportOpt o = rows_options("csv", "u,i,o\n1,one,two\n", "user=u,output=o,input=i");
    o.by_time = true;
    cr_expect_str_eq(import_fails(&o, ERR_ARG), "map: no time to split by");
    o = rows_options("csv", "u,i,o\n1,one,two\n", "user=u,output=o,input=title");
    cr_expect_not_null(strstr(import_fails(&o, ERR_FORMAT), "rows:1: no column 'title'"));
}

Test(import, lines_that_are_no_objects)
{
    DataImportOpt o =
        rows_options("jsonl", "5\n{\"u\":1,\"i\":\"one\",\"o\":\"two\"}\n{\"u\":1,\"i\":\"x\",\"o\":\"y\"}\n",
                     "user=u,input=i,output=o");
    ImportReport r = import_fine(&o);
    cr_assert_eq(r.users, 1);
}

Test(import, too_many_answers_are_no_labels)
{
    Str rows = {0};
    str_puts(&rows, "u,i,o\n");
    for (int i = 0; i <= 1000; i++) str_printf(&rows, "1,text %d,answer %d\n", i, i);
    DataImportOpt o = rows_options("csv", rows.s, "user=u,input=i,output=o");
    o.task = "synth_tag";
    cr_assert_str_eq(import_fails(&o, ERR_FORMAT),
                     "more than 1000 different answers: synth_tag wants labels");
    str_free(&rows);
}
