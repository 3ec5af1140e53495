#define _XOPEN_SOURCE 700 /* nftw */
#include "folder.h"

#include "prime/js.h"
#include "prime/str.h"

#define INDEX "invented.example_wood_dists_oak_main_binary-amd64_Packages"
#define ENGLISH "invented.example_wood_dists_oak_main_i18n_Translation-en"

TestSuite(debian, .init = tmp_make, .fini = tmp_remove);

static char *build(const char *out, const char *file)
{
    DataDebianOpt o = debian_options(below(out));
    Err e = {0};
    cr_assert_eq(data_debian(&o, &e), OK, "%s", e.msg);
    char name[64];
    snprintf(name, sizeof name, "%s/%s", out, file);
    return slurp(below(name));
}

/* How often `what` occurs in text. */
static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *s = text; (s = strstr(s, what)) != NULL; s++) n++;
    return n;
}

Test(debian, users_roles_and_splits)
{
    char *users = build("a", "users.csv");
    /* Ada Quill's two addresses are one user with 5 records, Bo Lind has 5; the team and the one with a
     * single record are base users. Ids are those of hash_salted with the default salt. */
    cr_assert_str_eq(users, "user,role,history,query,heldout\n"
                            "u17f1d6f164fc,base,2,1,0\n"
                            "u71d30795d60b,base,1,0,0\n"
                            "u89d0a1ada81a,audit,3,1,1\n"
                            "udee085cdc0cb,audit,3,1,1\n");
    free(users);
}

Test(debian, text_is_cleaned)
{
    char *text = build("a", "deb_synopsis.jsonl");
    cr_assert_eq(count(text, "\n"), 14);
    cr_assert_null(strstr(text, "quill.example"));
    cr_assert_not_null(strstr(text, "Write to or see <url> for all the keys."));
    cr_assert_not_null(strstr(text, "down in them.\\nWrite to"));
    cr_assert_eq(count(text, "contains the documentation for"), 1, "boilerplate stays with the first only");
    cr_assert_eq(count(text, "orders lines of a table"), 1, "twins are dropped");
    cr_assert_eq(count(text, "Quillnote keeps"), 1, "one record per source");
    cr_assert_null(strstr(text, "oddone"));
    cr_assert_null(strstr(text, "a pocket that is left out"));
    free(text);
}

Test(debian, sections_without_kinds_of_package)
{
    char *text = build("a", "dataset.json");
    JsVal *root = NULL;
    Err e = {0};
    cr_assert_eq(js_parse(&root, text, strlen(text), "dataset.json", &e), OK, "%s", e.msg);
    const JsVal *labels = js_get(js_at(js_get(root, "tasks"), 1), "labels");
    cr_assert_eq(js_len(labels), 9);
    for (size_t i = 0; i < 9; i++) cr_assert_str_neq(js_str(js_at(labels, i), NULL), "libs");
    cr_assert_str_eq(js_str(js_at(labels, 0), NULL), "graphics");
    cr_assert_str_eq(js_str(js_get(root, "release"), NULL), "Wood 7 oak");
    cr_assert_str_eq(js_str(js_get(js_at(js_get(root, "inputs"), 0), "name"), NULL),
                     "oak/main/binary-amd64/Packages");
    cr_assert_eq(js_int(js_get(js_get(root, "counts"), "addresses"), 0), 5);
    js_close(root);
    free(text);
}

/* Does the stanza of `name` in the index list `dep` in its Depends? */
static bool depends_on(const char *index, const char *name, const char *dep)
{
    char head[80], want[80];
    snprintf(head, sizeof head, "Package: %s\n", name);
    const char *at = strstr(index, head);
    cr_assert_not_null(at, "%s", name);
    const char *end = strstr(at, "\n\n"), *line = strstr(at, "\nDepends: ");
    if (line == NULL || line > end) return false;
    snprintf(want, sizeof want, " %s", dep);
    for (const char *hit = line; (hit = strstr(hit, want)) != NULL && hit < strchr(line + 1, '\n'); hit++)
        if (strchr(" ,|\n", hit[strlen(want)]) != NULL) return true;
    return false;
}

Test(debian, the_right_answer_is_a_dependency_and_the_wrong_one_is_not)
{
    char *text = build("a", "deb_depends.jsonl");
    char *index = slurp(source_path("fixtures/debian_lists/" INDEX));
    size_t n = 0, ones = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), n++) {
        JsVal *row = NULL;
        Err e = {0};
        cr_assert_eq(js_parse(&row, line, strlen(line), "line", &e), OK, "%s", e.msg);
        char name[64], choice[2][64];
        const char *in = js_str(js_get(row, "input"), NULL);
        cr_assert_eq(sscanf(in, "%63[^\t]\t%*[^\t]\t%63[^\t]\t%63[^\t]", name, choice[0], choice[1]), 3);
        size_t right = strcmp(js_str(js_get(row, "output"), NULL), "[1]") == 0 ? 0 : 1;
        ones += right == 0;
        cr_assert(depends_on(index, name, choice[right]), "%s %s", name, choice[right]);
        cr_assert_not(depends_on(index, name, choice[1 - right]), "%s %s", name, choice[1 - right]);
        js_close(row);
    }
    cr_assert_eq(n, 11);
    cr_assert(ones > 0 && ones < n);
    free(text);
    free(index);
}

Test(debian, the_same_seed_gives_the_same_bytes_and_another_does_not)
{
    const char *const files[] = {"dataset.json", "users.csv", "deb_synopsis.jsonl", "deb_section.jsonl",
                                 "deb_depends.jsonl"};
    for (size_t i = 0; i < 5; i++) {
        char *a = build("a", files[i]), *b = build("b", files[i]);
        cr_assert_str_eq(a, b, "%s", files[i]);
        free(a);
        free(b);
    }
    DataDebianOpt o = debian_options(below("c"));
    o.seed = 2;
    Err e = {0};
    cr_assert_eq(data_debian(&o, &e), OK, "%s", e.msg);
    char *a = slurp(below("a/deb_synopsis.jsonl")), *c = slurp(below("c/deb_synopsis.jsonl"));
    cr_assert_str_neq(a, c);
    free(a);
    free(c);
}

Test(debian, another_salt_gives_other_ids)
{
    DataDebianOpt o = debian_options(below("s"));
    o.salt = "pepper";
    Err e = {0};
    cr_assert_eq(data_debian(&o, &e), OK, "%s", e.msg);
    char *s = slurp(below("s/users.csv")), *json = slurp(below("s/dataset.json"));
    cr_assert_null(strstr(s, "u89d0a1ada81a"));
    cr_assert_null(strstr(json, "pepper"));
    free(s);
    free(json);
}

/* What data_debian says when it fails. */
static const char *complaint(const DataDebianOpt *o, Status want)
{
    static Err e;
    e = (Err){0};
    cr_assert_eq(data_debian(o, &e), want, "%s", e.msg);
    return e.msg;
}

static void make_lists(void)
{
    Err e = {0};
    cr_assert_eq(file_mkdir(below("l"), &e), OK, "%s", e.msg);
}

Test(debian, options_out_of_range)
{
    DataDebianOpt o = debian_options(below("x"));
    o.history = 1.5;
    cr_assert_str_eq(complaint(&o, ERR_ARG), "history = 1.5, want a share in (0, 1)");
    o = debian_options(below("x"));
    o.query = 0;
    cr_assert_str_eq(complaint(&o, ERR_ARG), "query = 0, want a share in (0, 1)");
    o = debian_options(below("x"));
    o.query = 0.6;
    cr_assert_str_eq(complaint(&o, ERR_ARG), "history + query = 1.1, want below 1: the rest is held out");
    o = debian_options(below("x"));
    o.min_records = 3;
    cr_assert_str_eq(complaint(&o, ERR_ARG), "min-records = 3, want at least 4");
    o = debian_options(below("x"));
    o.suite = "elm";
    cr_assert_not_null(strstr(complaint(&o, ERR_ARG), "no package index of suite 'elm'; there is 'oak'"));
    cr_assert_not(file_exists(below("x")), "nothing is written before the input is known to be good");
}

Test(debian, lists_that_are_missing)
{
    DataDebianOpt o = debian_options(below("x"));
    o.lists = below("none");
    cr_assert_not_null(
        strstr(complaint(&o, ERR_IO), "cannot open the folder of package lists: No such file"));
    o.lists = tmp_dir;
    make_lists();
    cr_assert_not_null(strstr(complaint(&o, ERR_IO), "no package index of component main"));
    put("l/" INDEX, "Package: a\nMaintainer: Z <z@z.example>\nDescription: only one line\n\n");
    o.lists = below("l");
    cr_assert_not_null(strstr(complaint(&o, ERR_IO), "the English translation (Translation-en) is missing"));
    put("l/" INDEX, "");
    cr_assert_not_null(strstr(complaint(&o, ERR_FORMAT), "holds no package"));
}

Test(debian, lists_that_are_damaged)
{
    DataDebianOpt o = debian_options(below("x"));
    make_lists();
    put("l/" INDEX, "Package: a\nMaintainer Z\n");
    o.lists = below("l");
    cr_assert_not_null(strstr(complaint(&o, ERR_FORMAT), "Packages, line 2: want 'Field: value'"));
    put("l/" INDEX, "\n\n  continued\n");
    cr_assert_not_null(strstr(complaint(&o, ERR_FORMAT), "Packages, line 3: continues a field"));
    put("l/" INDEX, "Package: a\n\nVersion: 1\n\n");
    cr_assert_not_null(strstr(complaint(&o, ERR_FORMAT), "line 4: the stanza that ends here has no Package"));
    put("l/" INDEX, "Package: a\n");
    put("l/" ENGLISH, "Package: a\nDescription-en: b\n");
    cr_assert_not_null(
        strstr(complaint(&o, ERR_FORMAT), "line 2: the stanza that ends here has no Description-md5"));
    put("l/" ENGLISH, "");
    put("l/" INDEX, "Package: a\nDescription: too short for us\n by far\n");
    cr_assert_not_null(
        strstr(complaint(&o, ERR_FORMAT), "none of 1 source packages has a maintainer and enough text"));
    put("l/" INDEX ".xz", "this is not xz");
    cr_assert_eq(remove(below("l/" INDEX)), 0);
    cr_assert_not_null(strstr(complaint(&o, ERR_IO), "Packages.xz: apt cannot decompress it"));
}

/* A lists folder that no tool can write needs no network to fail. */
Test(debian, a_file_where_the_folder_should_be)
{
    make_lists();
    put("l/file", "x");
    DataDebianOpt o = debian_options(below("l/file"));
    cr_assert_not_null(strstr(complaint(&o, ERR_IO), "l/file: cannot make the folder"));
    o.lists = NULL;
    cr_assert_not_null(strstr(complaint(&o, ERR_IO), "cannot make the folder"));
}

Test(debian, apt_that_is_missing)
{
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nonexistent", 1);
    DataDebianOpt o = debian_options(below("x"));
    o.lists = NULL;
    cr_assert_not_null(strstr(complaint(&o, ERR_IO), "cannot run apt-get"));
    cr_assert_not(file_exists(below("x/lists")));
    setenv("PATH", path, 1);
    free(path);
}

/* Put a script in the place of apt-get, and the lists it should fetch into $LISTS. */
static void fake_apt(const char *script)
{
    Err e = {0};
    char path[2048];
    cr_assert_eq(file_mkdir(below("bin"), &e), OK, "%s", e.msg);
    put("bin/apt-get", script);
    cr_assert_eq(chmod(below("bin/apt-get"), 0755), 0);
    char *bin = realpath(below("bin"), NULL);
    snprintf(path, sizeof path, "%s:%s", bin, getenv("PATH"));
    setenv("PATH", path, 1);
    setenv("LISTS", source_path("fixtures/debian_lists"), 1);
    free(bin);
}

/* The configuration that apt is given names a folder below the dataset, English only, and one architecture.
 */
Test(debian, lists_that_apt_fetches)
{
    fake_apt("#!/bin/sh\n"
             "conf=${2#--config-file=}\n"
             "to=$(sed -n 's/^Dir::State::Lists \"\\(.*\\)\";$/\\1/p' \"$conf\")\n"
             "grep -q '^Acquire::Languages { \"en\"; };$' \"$conf\" || exit 100\n"
             "grep -q '^APT::Architectures { \"amd64\"; };$' \"$conf\" || exit 100\n"
             "[ \"$1 $3\" = '-qq update' ] && cp \"$LISTS\"/* \"$to\"\n"
             "echo 'W: some other source is away' >&2; exit 100\n");
    DataDebianOpt o = debian_options(below("f"));
    o.lists = NULL;
    Err e = {0};
    cr_assert_eq(data_debian(&o, &e), OK, "%s", e.msg);
    cr_assert_not(file_exists(below("f/lists")), "what was fetched is gone");
    o.keep_lists = true;
    cr_assert_eq(data_debian(&o, &e), OK, "%s", e.msg);
    cr_assert(file_exists(below("f/lists/" INDEX)));
    char *a = slurp(below("f/deb_synopsis.jsonl")), *b = build("a", "deb_synopsis.jsonl");
    cr_assert_str_eq(a, b);
    free(a);
    free(b);
}

Test(debian, apt_that_cannot_reach_anything)
{
    fake_apt(
        "#!/bin/sh\necho 'W: Failed to fetch the index' >&2\necho 'E: Some files failed to download.' >&2\n");
    DataDebianOpt o = debian_options(below("x"));
    o.lists = NULL;
    const char *msg = complaint(&o, ERR_IO);
    cr_assert_not_null(
        strstr(msg, "apt-get update said 'W: Failed to fetch the index E: Some files failed to download.'"),
        "%s", msg);
    cr_assert_not_null(strstr(msg, "no package index of component main"), "%s", msg);
    cr_assert_not(file_exists(below("x/lists")));
}

Test(debian, apt_that_is_killed)
{
    fake_apt("#!/bin/sh\necho 'E: bad day' >&2\nkill -9 $$\n");
    DataDebianOpt o = debian_options(below("x"));
    o.lists = NULL;
    cr_assert_not_null(strstr(complaint(&o, ERR_IO), "apt-get update failed (code 137): E: bad day"));
}

Test(debian, a_folder_of_somebody_else_is_not_deleted)
{
    Err e = {0};
    cr_assert_eq(file_mkdir(below("x/lists"), &e), OK, "%s", e.msg);
    put("x/lists/mine.txt", "keep me");
    DataDebianOpt o = debian_options(below("x"));
    o.lists = NULL;
    cr_assert_not_null(
        strstr(complaint(&o, ERR_IO), "x/lists: is there already, and not from an earlier run"));
    cr_assert(file_exists(below("x/lists/mine.txt")));
}
