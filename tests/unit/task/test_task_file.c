#define _XOPEN_SOURCE 700 /* nftw */
#include "folder.h"

#include "prime/str.h"

TestSuite(task_file, .init = tmp_make, .fini = tmp_remove);

static Arena the_arena;

#define QUERY                                                                                     \
    "what: report of a fault -> its title\nquery:\n  fields: [product, report]\n  text: report\n" \
    "  prompt: \"Product: {product}\\nReport: {report}\\nTitle:\"\n  metrics: [rouge1, rougeL]\n"

static const Task *task_parsed(const char *text)
{
    const Task *t = NULL;
    Err e = {0};
    cr_assert_eq(task_parse(&t, &the_arena, text, strlen(text), "d/bug.task.yaml", &e), OK, "%s", e.msg);
    return t;
}

Test(task_file, a_short_file)
{
    const Task *t = task_parsed(QUERY);
    cr_assert_str_eq(t->name, "bug");
    cr_assert_str_eq(t->what, "report of a fault -> its title");
    cr_assert_str_eq(t->prompt, "Product: {1}\nReport: {2}\nTitle:");
    cr_assert_str_eq(t->metrics, "rouge1 rougeL");
    cr_assert(t->n_fields == 2 && t->text_field == 2 && t->max_new == 32 && t->words == 0 && !t->labelled);
    cr_assert_eq(task_history(t), t);
    Str out = {0};
    task_prompt(&out, t, "pen\tit  leaks");
    cr_assert_str_eq(out.s, "Product: pen\nReport: it leaks\nTitle:");
    str_clear(&out);
    task_search(&out, t, "pen\tit leaks");
    cr_assert_str_eq(out.s, "it leaks");
    str_free(&out);
    arena_free(&the_arena);
}

Test(task_file, every_key)
{
    const Task *t = task_parsed(
        "what: w\nsource: s\n"
        "query:\n  fields: [a, b]\n  prompt: \"{{{2}} of {labels}: {a}\"\n"
        "  labels: [yes it is, 'no']\n  metrics: [accuracy, f1]\n  max_new: 5\n  words: 7\n"
        "history:\n  fields: []\n  prompt: 'Note:'\n  metrics: [rouge2]\n  max_new: 9\n  words: 2\n"
        "context:\n  shown: 'N {answer}'\n  search: '{b} {a}'\n  document: '{answer}.'\n  words: 3\n");
    const Task *h = task_history(t);
    Str out = {0};
    size_t n = 0;
    cr_assert_str_eq(task_labels(t, &n)[0], "yes it is");
    cr_assert(n == 2 && t->labelled && !h->labelled && t->text_field == 1);
    cr_assert(h->n_fields == 0 && h->text_field == 0 && h->max_new == 9 && h->words == 2);
    cr_assert_str_eq(h->name, "bug/history");
    cr_assert_str_eq(h->metrics, "rouge2");
    task_prompt(&out, t, "A\tB");
    cr_assert_str_eq(out.s, "{B} of yes it is, no: A");
    str_clear(&out);
    task_shown(&out, t, "", "one two three four");
    cr_assert_str_eq(out.s, "N one two three");
    str_clear(&out);
    task_search(&out, t, "A\tB");
    cr_assert_str_eq(out.s, "B A");
    str_clear(&out);
    task_document(&out, t, "", "one");
    cr_assert_str_eq(out.s, "one.");
    str_free(&out);
    arena_free(&the_arena);
}

Test(task_file, a_history_takes_what_it_does_not_say_from_the_query)
{
    const Task *t = task_parsed(
                   QUERY
                   "  words: 11\n  labels: [a, b]\nhistory:\n  prompt: \"{product}:\"\n  labelled: true\n"),
               *h = task_history(t);
    cr_assert(h != t && h->n_fields == 2 && h->text_field == 1 && h->words == 11 && h->max_new == 32);
    cr_assert(h->labelled && h->n_labels == 2);
    cr_assert_str_eq(h->metrics, "rouge1 rougeL");
    arena_free(&the_arena);
}

/* Text and message. The line is that of the key that is wrong. */
static const struct {
    const char *text, *msg;
} bad[] = {
    {"", "d/bug.task.yaml: empty"},
    {"what: x\n", "d/bug.task.yaml:1: query.prompt is missing"},
    {"query:\n  fields: [a]\n", "d/bug.task.yaml:1: query.prompt is missing"},
    {"query:\n  fields: [a]\n  prompts: x\n",
     "d/bug.task.yaml:3: unknown key 'query.prompts', did you mean 'query.prompt'?"},
    {"query:\n  fields: []\n  prompt: x\n  metrics: [exact]\n",
     "d/bug.task.yaml:2: query.fields has 0 names, want 1 to 9"},
    {"query:\n  prompt: x\n  metrics: [exact]\n", "d/bug.task.yaml:1: query.fields has 0 names, want 1 to 9"},
    {"query:\n  fields: [a,b,c,d,e,f,g,h,i,j]\n  prompt: x\n  metrics: [exact]\n",
     "d/bug.task.yaml:2: query.fields has 10 names, want 1 to 9"},
    {"query:\n  prompt: x\n  fields: [a, answer]\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.fields: 'answer' is no name for a field (letters, digits, _ and -; not answer "
     "or "
     "labels)"},
    {"query:\n  prompt: x\n  fields: [a, 1]\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.fields: '1' is no name for a field (letters, digits, _ and -; not answer or "
     "labels)"},
    {"query:\n  prompt: x\n  fields: [a, b, a]\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.fields: 'a' is there twice"},
    {"query:\n  prompt: x\n  fields: [a, b]\n  text: c\n  metrics: [exact]\n",
     "d/bug.task.yaml:4: query.text = 'c', which is none of the fields"},
    {"query:\n  fields: [a]\n  prompt: 'A: {b}'\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.prompt: '{b}' is no field of the template; a brace by itself is {{"},
    {"query:\n  fields: [a]\n  prompt: 'A: {a'\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.prompt: '{a' is no field of the template; a brace by itself is {{"},
    {"query:\n  fields: [a]\n  prompt: 'A: {2}'\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.prompt: '{2}' is no field of the template; a brace by itself is {{"},
    {"query:\n  fields: [a]\n  prompt: 'A: {answer}'\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.prompt: '{answer}' is no field of the template; a brace by itself is {{"},
    {"query:\n  fields: [a]\n  prompt: 'A: {labels}'\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.prompt: '{labels}' is no field of the template; a brace by itself is {{"},
    {"query:\n  fields: [a]\n  prompt: ''\n  metrics: [exact]\n", "d/bug.task.yaml:3: query.prompt is empty"},
    {"query:\n  fields: [a]\n  prompt: 'A: '\n  metrics: [exact]\n",
     "d/bug.task.yaml:3: query.prompt ends in white space, which belongs to what follows"},
    {"query:\n  fields: [a]\n  prompt: 'A:'\n  metrics: [exat]\n", "d/bug.task.yaml:4: query.metrics"},
    {"query:\n  fields: [a]\n  prompt: 'A:'\n", "d/bug.task.yaml:1: query.metrics has 0 names, want 1 to 4"},
    {"query:\n  fields: [a]\n  prompt: 'A:'\n  metrics: [exact, mae, rmse, rouge1, rouge2]\n",
     "d/bug.task.yaml:4: query.metrics has 5 names, want 1 to 4"},
    {"query:\n  fields: [a]\n  prompt: 'A:'\n  metrics: [exact, f1]\n",
     "d/bug.task.yaml:4: query.metrics: f1 needs labels, and there are none"},
    {"query:\n  fields: [a]\n  prompt: 'A:'\n  metrics: [f1]\n  labels: [x]\n",
     "d/bug.task.yaml:5: query.labels has 1 label, want at least 2"},
    {"query:\n  fields: [a]\n  prompt: 'A:'\n  metrics: [f1]\n  labels: [x, y, x]\n",
     "d/bug.task.yaml:5: query.labels: 'x' is there twice"},
    {"query:\n  fields: [a]\n  prompt: 'A:'\n  metrics: [f1]\n  labels: [x, ' y']\n",
     "d/bug.task.yaml:5: query.labels: label 2 is empty or has white space at its ends"},
    {"query:\n  fields: [a]\n  prompt: 'A:'\n  metrics: [exact]\n  max_new: 0\n",
     "d/bug.task.yaml:5: query.max_new = 0"},
    {QUERY "history:\n  fields: []\n", "d/bug.task.yaml:7: history.prompt is missing"},
    {QUERY "history:\n  prompt: x\n  labelled: true\n",
     "d/bug.task.yaml:9: history.labelled = true, but there is no query.labels"},
    {QUERY "history:\n  prompt: '{product}'\n  fields: [report]\n",
     "d/bug.task.yaml:8: history.prompt: '{product}' is no field of the template; a brace by itself is {{"},
    {QUERY "history:\n  prompt: x\n  text: y\n",
     "d/bug.task.yaml:9: history.text = 'y', which is none of the fields"},
    {QUERY "history:\n  fields: [report]\n  prompt: x\ncontext:\n  shown: '{product}'\n",
     "d/bug.task.yaml:11: context.shown: '{product}' is no field"},
    {QUERY "context:\n  search: '{answer}'\n", "d/bug.task.yaml:8: context.search: '{answer}' is no field"},
    {QUERY "context:\n  document: '{x}'\n", "d/bug.task.yaml:8: context.document: '{x}' is no field"},
};

Test(task_file, bad_files_are_refused_with_their_line)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const Task *t = NULL;
        Err e = {0};
        cr_assert_eq(task_parse(&t, &the_arena, bad[i].text, strlen(bad[i].text), "d/bug.task.yaml", &e),
                     ERR_FORMAT, "%zu: %s", i, bad[i].msg);
        cr_assert(strncmp(e.msg, bad[i].msg, strlen(bad[i].msg)) == 0, "got  %s\nwant %s", e.msg, bad[i].msg);
        cr_assert_null(t);
    }
    arena_free(&the_arena);
}

Test(task_file, the_name_is_that_of_the_file)
{
    const Task *t = NULL;
    Err e = {0};
    cr_assert_eq(task_parse(&t, &the_arena, QUERY, strlen(QUERY), "d/bug.yaml", &e), ERR_FORMAT);
    cr_assert_str_eq(e.msg, "d/bug.yaml: want a file NAME.task.yaml");
    e = (Err){0};
    cr_assert_eq(task_load(&t, &the_arena, below("none.task.yaml"), &e), ERR_IO);
    arena_free(&the_arena);
}

Test(task_file, tasks_of_the_table_and_of_the_folder)
{
    const Task *t = NULL;
    Err e = {0};
    put("bug.task.yaml", QUERY);
    cr_assert_eq(task_in(&t, &the_arena, tmp_dir, "bug", &e), OK, "%s", e.msg);
    cr_assert_str_eq(t->name, "bug");
    cr_assert_eq(task_in(&t, &the_arena, NULL, "bug", &e), OK);
    cr_assert_null(t);
    cr_assert_eq(task_in(&t, &the_arena, tmp_dir, "../x", &e), OK);
    cr_assert_null(t);
    cr_assert_eq(task_in(&t, &the_arena, tmp_dir, "LaMP_4", &e), OK);
    cr_assert_eq(t, task_find("LaMP_4"));
    put("synth_tweet.task.yaml", "query:\n  fields: [m]\n  prompt: \"Message: {m}\\nTweet:\"\n  max_new: 32\n"
                                 "  words: 64\n  metrics: [rouge1, rougeL]\n");
    cr_assert_eq(task_in(&t, &the_arena, tmp_dir, "synth_tweet", &e), OK, "%s", e.msg);
    cr_assert_eq(t, task_find("synth_tweet"), "the same in other words");
    put("synth_tweet.task.yaml", "query:\n  fields: [m]\n  prompt: \"Say: {m}\\nTweet:\"\n  max_new: 32\n"
                                 "  words: 64\n  metrics: [rouge1, rougeL]\n");
    cr_assert_eq(task_in(&t, &the_arena, tmp_dir, "synth_tweet", &e), ERR_FORMAT);
    cr_assert_not_null(strstr(e.msg, "synth_tweet.task.yaml: 'synth_tweet' is a task of this program"), "%s",
                       e.msg);
    arena_free(&the_arena);
}

/* A dataset that is written by hand, with a task of its own. */
static void put_dataset(const char *labels)
{
    Str head = {0};
    str_printf(&head,
               "{\"format\":\"prime-dataset\",\"version\":1,\"source\":\"mine\",\"salt_id\":\"0\",\"tasks\":["
               "{\"name\":"
               "\"bug\",\"labels\":%s,\"users\":1,\"records\":{\"history\":2,\"query\":1,\"heldout\":0}}]}",
               labels);
    put("dataset.json", head.s);
    put("users.csv", "user,role,history,query,heldout\nu1,audit,2,1,0\n");
    put("bug.task.yaml",
        "query:\n  fields: [a, b]\n  prompt: '{a} or {b}:'\n  labels: ['yes', 'no']\n  metrics: [accuracy]\n"
        "history:\n  fields: []\n  prompt: 'Note:'\n  metrics: [rouge1]\n");
    put("bug.jsonl",
        "{\"id\":\"r1\",\"user\":\"u1\",\"split\":\"history\",\"input\":\"\",\"output\":\"tea\"}\n"
        "{\"id\":\"r2\",\"user\":\"u1\",\"split\":\"history\",\"input\":\"\",\"output\":\"ale\"}\n"
        "{\"id\":\"r3\",\"user\":\"u1\",\"split\":\"query\",\"input\":\"p\\tq\",\"output\":\"no\"}\n");
    str_free(&head);
}

static const char *load_says(void)
{
    static Err e;
    DataSet *d = NULL;
    e = (Err){0};
    if (data_load(&d, tmp_dir, "bug", &e) == OK) strcpy(e.msg, "fine");
    data_free(d);
    return e.msg;
}

Test(task_file, a_dataset_with_a_task_of_its_own)
{
    DataSet *d = NULL;
    Err e = {0};
    put_dataset("[\"yes\",\"no\"]");
    cr_assert_eq(data_load(&d, tmp_dir, "bug", &e), OK, "%s", e.msg);
    const DataUser *u = &d->user[0];
    cr_assert_eq(u->rec[DATA_HISTORY][0].task, task_history(d->task));
    cr_assert_eq(u->rec[DATA_QUERY][0].task, d->task);
    data_free(d);
    Arena a = {0};
    DataInfo info = {0};
    cr_assert_eq(data_info(&info, tmp_dir, &a, &e), OK, "%s", e.msg);
    cr_assert_eq(info.broken, 0, "an empty input is no text that two records share");
    arena_free(&a);
    put_dataset("[\"no\",\"yes\"]");
    cr_assert_not_null(strstr(load_says(), "label 1 of bug is 'no', want the task's own 'yes'"), "%s",
                       load_says());
    put_dataset("[]");
    cr_assert_not_null(strstr(load_says(), "0 labels of bug, want the task's own 2"), "%s", load_says());
    put_dataset("[\"yes\",\"no\"]");
    put("bug.jsonl",
        "{\"id\":\"r1\",\"user\":\"u1\",\"split\":\"history\",\"input\":\"x\",\"output\":\"tea\"}\n");
    cr_assert_not_null(strstr(load_says(), "bug.jsonl:1: input has 1 fields, bug/history wants 0"), "%s",
                       load_says());
    put("bug.jsonl",
        "{\"id\":\"r1\",\"user\":\"u1\",\"split\":\"query\",\"input\":\"\",\"output\":\"no\"}\n");
    cr_assert_not_null(strstr(load_says(), "bug.jsonl:1: input has 0 fields, bug wants 2"), "%s",
                       load_says());
    put("bug.task.yaml", "query:\n  fields: [a]\n");
    cr_assert_not_null(strstr(load_says(), "bug.task.yaml:1: query.prompt is missing"), "%s", load_says());
}

/* ---- texts that describe people ---- */

static const char *profile_of(void)
{
    static char text[64];
    DataSet *d = NULL;
    Err e = {0};
    cr_assert_eq(data_load(&d, tmp_dir, "bug", &e), OK, "%s", e.msg);
    snprintf(text, sizeof text, "%s", d->user[0].profile != NULL ? d->user[0].profile : "(none)");
    data_free(d);
    return text;
}

Test(task_file, profiles_of_a_task_come_before_those_of_all)
{
    put_dataset("[\"yes\",\"no\"]");
    cr_assert_str_eq(profile_of(), "(none)");
    put("profiles.jsonl", "{\"user\":\"u1\",\"text\":\"terse\"}\n");
    cr_assert_str_eq(profile_of(), "terse");
    put("profiles.jsonl", "{\"user\":\"u1\",\"task\":\"other\",\"text\":\"loud\"}\n");
    cr_assert_str_eq(profile_of(), "(none)");
    put("profiles.jsonl",
        "{\"user\":\"u1\",\"text\":\"terse\"}\n{\"user\":\"u1\",\"task\":\"bug\",\"text\":\"exact\"}\n");
    cr_assert_str_eq(profile_of(), "exact");
    put("profiles.jsonl",
        "{\"user\":\"u1\",\"task\":\"bug\",\"text\":\"exact\"}\n{\"user\":\"u1\",\"text\":\"terse\"}\n");
    cr_assert_str_eq(profile_of(), "exact");
}

Test(task_file, damaged_profiles)
{
    put_dataset("[\"yes\",\"no\"]");
    put("profiles.jsonl", "{\"user\":\"u2\",\"text\":\"terse\"}\n");
    cr_assert_not_null(strstr(load_says(), "profiles.jsonl:1: user u2 is not in users.csv"), "%s",
                       load_says());
    put("profiles.jsonl", "{\"user\":\"u1\",\"text\":\"\"}\n");
    cr_assert_not_null(strstr(load_says(), "profiles.jsonl:1: 'text' is empty"), "%s", load_says());
    put("profiles.jsonl", "{\"user\":\"u1\",\"text\":\"a\"}\n{\"user\":\"u1\",\"text\":\"a\"}\n");
    cr_assert_not_null(strstr(load_says(), "profiles.jsonl:2: user u1 has a text in line 1 already"), "%s",
                       load_says());
    put("profiles.jsonl", "{\"user\":\"u1\",\"text\":\"a\"}");
    cr_assert_not_null(strstr(load_says(), "profiles.jsonl:1: the last line is cut off"), "%s", load_says());
}
