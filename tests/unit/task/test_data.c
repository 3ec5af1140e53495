#define _XOPEN_SOURCE 700 /* nftw */
#include "folder.h"

#include "prime/str.h"

/* Every test starts from the dataset of the invented lists, in the folder "d". */
static void data_make(void)
{
    tmp_make();
    DataDebianOpt o = debian_options(below("d"));
    Err e = {0};
    cr_assert_eq(data_debian(&o, &e), OK, "%s", e.msg);
}

TestSuite(data, .init = data_make, .fini = tmp_remove);

static DataSet *load(const char *task)
{
    DataSet *d = NULL;
    Err e = {0};
    cr_assert_eq(data_load(&d, below("d"), task, &e), OK, "%s", e.msg);
    return d;
}

Test(data, records_are_grouped_by_user_and_split)
{
    DataSet *d = load("deb_section");
    cr_assert_eq(d->n_users, 4);
    cr_assert_eq(d->n_labels, 9);
    cr_assert_str_eq(d->source, "debian");
    cr_assert_str_eq(d->release, "Wood 7 oak");
    cr_assert_eq(strlen(d->salt_id), 16);
    const DataUser *u = data_user(d, "u89d0a1ada81a");
    cr_assert_not_null(u);
    cr_assert_eq(u->role, DATA_AUDIT);
    cr_assert_eq(u->n[DATA_HISTORY], 3);
    cr_assert_eq(u->n[DATA_QUERY], 0, "its record is a library, which is a kind and no section");
    cr_assert_eq(u->n[DATA_HELDOUT], 1);
    cr_assert_str_eq(u->rec[DATA_HELDOUT][0].output, "text");
    cr_assert_null(data_user(d, "u000000000000"));
    data_free(d);
    data_free(NULL);
}

Test(data, tasks_without_labels)
{
    DataSet *d = load("deb_synopsis");
    cr_assert_eq(d->n_labels, 0);
    cr_assert_str_eq(d->user[0].rec[DATA_HISTORY][0].output, "smallest set of useful functions");
    data_free(d);
}

/* What data_load says after one file was changed: the first `from` became `to`. */
static const char *after(const char *file, const char *from, const char *to, Status want)
{
    static Err e;
    char name[64];
    snprintf(name, sizeof name, "d/%s", file);
    char *text = slurp(below(name)), *at = strstr(text, from);
    cr_assert_not_null(at, "'%s' is not in %s", from, file);
    Str s = {0};
    str_put(&s, text, (size_t)(at - text));
    str_puts(&s, to);
    str_puts(&s, at + strlen(from));
    put(name, s.s);
    DataSet *d = NULL;
    e = (Err){0};
    cr_assert_eq(data_load(&d, below("d"), "deb_section", &e), want, "%s", e.msg);
    cr_assert_null(d);
    put(name, text);
    str_free(&s);
    free(text);
    return e.msg;
}

#define SAYS(msg, part) cr_assert_not_null(strstr((msg), (part)), "%s", (msg))

Test(data, damaged_heads)
{
    SAYS(after("dataset.json", "prime-dataset", "other", ERR_FORMAT),
         "format is 'other', want 'prime-dataset'");
    SAYS(after("dataset.json", "\"version\": 1", "\"version\": 2", ERR_UNSUP), "version is 2, want 1");
    SAYS(after("dataset.json", "\"tasks\"", "\"tusks\"", ERR_FORMAT), "want an array 'tasks'");
    SAYS(after("dataset.json", "deb_section", "deb_sections", ERR_ARG),
         "no task 'deb_section'; there is deb_synopsis, deb_sections, deb_depends");
    SAYS(after("dataset.json", "\"graphics\"", "7", ERR_FORMAT), "label 1 of deb_section is not a text");
    SAYS(after("dataset.json", "{", "", ERR_FORMAT), "dataset.json");
    SAYS(after("dataset.json", "\"history\": 8", "\"history\": 9", ERR_FORMAT),
         "deb_section.jsonl: 8 records in history, dataset.json says 9");
}

Test(data, damaged_people)
{
    SAYS(after("users.csv", "role", "part", ERR_FORMAT), "users.csv");
    SAYS(after("users.csv", "base", "bass", ERR_FORMAT), "users.csv:2: role = 'bass', want base or audit");
    SAYS(after("users.csv", ",2,1,0", ",2,-1,0", ERR_FORMAT), "users.csv:2: query = '-1'");
    SAYS(after("users.csv", ",1,0,0", ",0,0,0", ERR_FORMAT), "users.csv:3: user u71d30795d60b has no record");
    SAYS(after("users.csv", "u71d30795d60b", "u17f1d6f164fc", ERR_FORMAT), "user u17f1d6f164fc comes twice");
    SAYS(after("users.csv", "u71d30795d60b", "", ERR_FORMAT), "users.csv:3: user is empty");
    /* An id names files of a run: none may lead out of its folder, or be cut to another's. */
    SAYS(after("users.csv", "u71d30795d60b", "../../etc/x", ERR_FORMAT),
         "users.csv:3: user = '../../etc/x', want");
    SAYS(after("users.csv", "u71d30795d60b", ".u", ERR_FORMAT), "users.csv:3: user = '.u', want");
    SAYS(after("users.csv", "u71d30795d60b", "a b", ERR_FORMAT), "users.csv:3: user = 'a b', want");
    SAYS(after("users.csv", "u71d30795d60b", "u23456789012345678901", ERR_FORMAT),
         "users.csv:3: user = 'u23456789012345678901', want 1 to 20 of");
    SAYS(after("users.csv", "audit,3,1,1", "audit,2,1,1", ERR_FORMAT),
         "user u89d0a1ada81a has 3 records in history, users.csv says 2");
}

Test(data, damaged_lines)
{
    const char *f = "deb_section.jsonl";
    SAYS(after(f, "\"split\"", "\"spilt\"", ERR_FORMAT), "deb_section.jsonl:1");
    SAYS(after(f, "\"history\"", "\"past\"", ERR_FORMAT),
         "deb_section.jsonl:1: split = 'past', want history, query or heldout");
    SAYS(after(f, "u71d30795d60b", "u71d30795d60c", ERR_FORMAT),
         "deb_section.jsonl:3: user u71d30795d60c is not in users.csv");
    SAYS(after(f, "\"output\": \"x11\"", "\"output\": \"x12\"", ERR_FORMAT),
         "deb_section.jsonl:1: output = 'x12' is not a label");
    SAYS(after(f, "\"output\": \"x11\"", "\"output\": \"\"", ERR_FORMAT),
         "deb_section.jsonl:1: 'output' is empty");
    SAYS(after(f, "Tidy-desk ", "Tidy\\tdesk", ERR_FORMAT),
         "deb_section.jsonl:1: input has 2 fields, deb_section wants 1");
    SAYS(after(f, "Tidy-desk ", "Tidy\\u0000desk", ERR_FORMAT), "deb_section.jsonl:1");
    SAYS(after(f, "r8a1b5de43aa3", "r6c08a8fa6936", ERR_FORMAT),
         "deb_section.jsonl:2: record r6c08a8fa6936 is in two splits: query, and history in line 1");
    SAYS(after(f, "r95dabe4974d3", "rd417149d8cde", ERR_FORMAT),
         "deb_section.jsonl:5: record rd417149d8cde comes twice, first in line 4");
}

Test(data, files_that_are_cut_off_or_missing)
{
    char *text = slurp(below("d/deb_section.jsonl"));
    DataSet *d = NULL;
    Err e = {0};
    text[strlen(text) - 20] = '\0';
    put("d/deb_section.jsonl", text);
    cr_assert_eq(data_load(&d, below("d"), "deb_section", &e), ERR_FORMAT);
    SAYS(e.msg, "deb_section.jsonl:12: the last line is cut off");
    strrchr(text, '\n')[1] = '\0'; /* at the end of a line, only the counts can tell */
    put("d/deb_section.jsonl", text);
    e = (Err){0};
    cr_assert_eq(data_load(&d, below("d"), "deb_section", &e), ERR_FORMAT);
    SAYS(e.msg, "1 records in heldout, dataset.json says 2");
    put("d/deb_section.jsonl", "");
    e = (Err){0};
    cr_assert_eq(data_load(&d, below("d"), "deb_section", &e), ERR_FORMAT);
    cr_assert_eq(remove(below("d/deb_section.jsonl")), 0);
    e = (Err){0};
    cr_assert_eq(data_load(&d, below("d"), "deb_section", &e), ERR_IO);
    e = (Err){0};
    cr_assert_eq(data_load(&d, tmp_dir, "deb_section", &e), ERR_IO);
    SAYS(e.msg, "no dataset here (want a folder with dataset.json)");
    free(text);
}
