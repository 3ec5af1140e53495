#define _XOPEN_SOURCE 700 /* nftw */
#include "folder.h"

#include "prime/arena.h"
#include "prime/js.h"
#include "prime/plant.h"

#include <dirent.h>

/* Every test starts from eight made-up people, half of them base users, with 12 headlines in each history and
 * 6 held out, in the folder "d". */
static void plant_make(void)
{
    tmp_make();
    DataSynthOpt o = {.out = below("d"),
                      .salt = DATA_SALT,
                      .seed = 2,
                      .users = 8,
                      .records = 24,
                      .base = 0.5,
                      .history = 0.5,
                      .query = 0.25};
    Err e = {0};
    cr_assert_eq(data_synth(&o, &e), OK, "%s", e.msg);
}

TestSuite(plant, .init = plant_make, .fini = tmp_remove);

static DataPlantOpt plant_options(void)
{
    return (DataPlantOpt){.dir = below("d"),
                          .out = below("p"),
                          .task = "synth_headline",
                          .kinds = "digits,random,new,like",
                          .canaries = 2,
                          .seed = 4};
}

static DataPlanted planted(const DataPlantOpt *o)
{
    DataPlanted done = {0};
    Err e = {0};
    cr_assert_eq(data_plant(&done, o, &e), OK, "%s", e.msg);
    return done;
}

typedef struct {
    DataSet *before, *after;
    DataCanary *c;
    size_t n;
    Arena arena;
} Both;

static Both both_open(const DataPlantOpt *o)
{
    Both b = {0};
    Err e = {0};
    cr_assert_eq(data_load(&b.before, o->dir, o->task, &e), OK, "%s", e.msg);
    cr_assert_eq(data_load(&b.after, o->out, o->task, &e), OK, "%s", e.msg);
    cr_assert_eq(data_canaries(&b.c, &b.n, b.after, o->out, &b.arena, &e), OK, "%s", e.msg);
    return b;
}

static void both_close(Both *b)
{
    data_free(b->before);
    data_free(b->after);
    arena_free(&b->arena);
}

static const DataCanary *canary_for(const Both *b, const DataUser *u, const DataRecord *r)
{
    const DataCanary *found = NULL;
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->c[i].user, u->id) != 0 || strcmp(b->c[i].record, r->id) != 0) continue;
        cr_assert_null(found, "two secrets for one record");
        found = &b->c[i];
    }
    return found;
}

/* ---- kinds ---- */

Test(plant, every_kind_is_found_by_its_name)
{
    size_t n = 0;
    const PlantKind *all = plant_kinds(&n);
    cr_assert_eq(n, 4);
    for (size_t i = 0; i < n; i++) cr_expect_eq(plant_kind(all[i].name), &all[i]);
    cr_expect_str_eq(all[0].name, "digits");
    cr_expect_null(plant_kind("digit"));
}

/* The twin: digits one by one from the same stream. */
Test(plant, redrawn_digits)
{
    char text[] = "key 4821, 7 b", want[] = "key 4821, 7 b";
    Rng a = rng_stream(3, "x", 0), b = a;
    cr_assert_eq(plant_redraw(text, plant_kind("digits"), &a), 5);
    for (char *s = want; *s != '\0'; s++)
        if (*s >= '0' && *s <= '9') *s = (char)('0' + (int)rng_below(&b, 10));
    cr_assert_str_eq(text, want);
    cr_assert_str_neq(text, "key 4821, 7 b");
}

/* Everything else stays, the length too; in the long run every character of a kind comes at every place, as
 * often as any other: chi-square over 36 characters, 35 degrees of freedom, 1 in 10,000 is above 75. */
Test(plant, redrawn_letters_are_uniform)
{
    const PlantKind *k = plant_kind("random");
    double seen[256] = {0}, chi = 0;
    char text[] = "aZ9-\xc3\xa9 ";
    Rng rng = rng_stream(5, "letters", 0);
    for (size_t i = 0; i < 7200; i++) {
        cr_assert_eq(plant_redraw(text, k, &rng), 2);
        cr_assert(text[1] == 'Z' && strcmp(text + 3, "-\xc3\xa9 ") == 0);
        seen[(unsigned char)text[0]]++;
    }
    for (const char *c = k->letter; *c != '\0'; c++)
        chi += (seen[(unsigned char)*c] - 200) * (seen[(unsigned char)*c] - 200) / 200;
    cr_assert_lt(chi, 75);
    cr_assert_gt(chi, 10);
}

Test(plant, signs_are_whole_characters)
{
    const PlantKind *k = plant_kind("new");
    char text[64] = "\U00010000x\U00010024 \U00010080";
    Rng rng = rng_stream(1, "signs", 0);
    cr_assert_eq(plant_letters(text, k), 2, "U+10080 is an ideogram, none of the kind");
    for (size_t i = 0; i < 200; i++) {
        cr_assert_eq(plant_redraw(text, k, &rng), 2);
        cr_assert_eq(plant_letters(text, k), 2);
        cr_assert_eq(strlen(text), 14);
        cr_assert(text[4] == 'x' && strcmp(text + 9, " \U00010080") == 0);
    }
    cr_assert_eq(plant_letters("plain text", k), 0);
    cr_assert_eq(plant_letters("any text 1", plant_kind("like")), 0);
    cr_assert_eq(plant_redraw(text, plant_kind("like"), &rng), 0);
}

/* ---- the dataset ---- */

/* Two of each kind for each of four audit users, one planted; no other record differs. */
Test(plant, only_named_records_differ_and_half_are_planted)
{
    DataPlantOpt o = plant_options();
    DataPlanted done = planted(&o);
    Both b = both_open(&o);
    cr_assert(done.people == 4 && done.canaries == 32 && done.passed_over == 0);
    cr_assert_eq(b.n, 32);
    size_t changed = 0, mine[2][4];
    for (size_t u = 0; u < b.before->n_users; u++) {
        const DataUser *x = &b.before->user[u], *y = data_user(b.after, x->id);
        memset(mine, 0, sizeof mine);
        for (DataSplit s = 0; s < DATA_SPLITS; s++)
            for (size_t i = 0; i < x->n[s]; i++) {
                const DataCanary *c = canary_for(&b, x, &x->rec[s][i]);
                char want[400];
                bool in = c != NULL && c->included;
                snprintf(want, sizeof want, "%s%s%s", x->rec[s][i].output, in ? " " : "", in ? c->text : "");
                cr_assert_str_eq(y->rec[s][i].output, want);
                cr_assert_str_eq(y->rec[s][i].input, x->rec[s][i].input);
                changed += in;
                if (c == NULL) continue;
                cr_assert(s == DATA_HISTORY && x->role == DATA_AUDIT);
                mine[c->included][c->kind - plant_kind("digits")]++;
            }
        for (size_t k = 0; k < 8; k++) cr_assert_eq(mine[k / 4][k % 4], x->role == DATA_AUDIT);
    }
    cr_assert_eq(changed, 16);
    both_close(&b);
}

static size_t lines_that_differ(const char *a, const char *b)
{
    size_t n = 0;
    while (*a != '\0' && *b != '\0') {
        size_t x = strcspn(a, "\n"), y = strcspn(b, "\n");
        n += x != y || memcmp(a, b, x) != 0;
        a += x + 1;
        b += y + 1;
    }
    cr_assert(*a == '\0' && *b == '\0', "so many lines in one as in the other");
    return n;
}

Test(plant, everything_else_is_the_same_bytes)
{
    static const char *const same[] = {"users.csv", "synth_tag.jsonl", "synth_rating.jsonl",
                                       "synth_tweet.jsonl"};
    DataPlantOpt o = plant_options();
    char from[64], to[64];
    planted(&o);
    for (size_t i = 0; i < 4; i++) {
        snprintf(from, sizeof from, "d/%s", same[i]);
        snprintf(to, sizeof to, "p/%s", same[i]);
        char *a = slurp(below(from)), *b = slurp(below(to));
        cr_expect_str_eq(a, b, "%s", same[i]);
        free(a);
        free(b);
    }
    char *a = slurp(below("d/synth_headline.jsonl")), *b = slurp(below("p/synth_headline.jsonl"));
    cr_expect_eq(lines_that_differ(a, b), 16);
    free(a);
    free(b);
    JsVal *root = NULL;
    Err e = {0};
    cr_assert_eq(js_load(&root, below("p/dataset.json"), &e), OK, "%s", e.msg);
    const JsVal *how = js_get(root, "planted");
    cr_expect_str_eq(js_str(js_get(root, "canaries"), NULL), "canaries.csv");
    cr_expect_str_eq(js_str(js_get(how, "seed"), NULL), "4");
    cr_expect_str_eq(js_str(js_get(root, "seed"), NULL), "2", "that of the splits");
    cr_expect(js_int(js_get(how, "canaries"), 0) == 32 && js_len(js_get(how, "kinds")) == 4);
    js_close(root);
}

Test(plant, other_files_of_a_dataset_come_along)
{
    DataPlantOpt o = plant_options();
    static const char profile[] = "{\"user\": \"NOBODY\", \"text\": \"likes towns\"}\n";
    char *users = slurp(below("d/users.csv")), text[200];
    snprintf(text, sizeof text, "{\"user\": \"%.13s\", \"text\": \"likes towns\"}\n",
             strchr(users, '\n') + 1);
    cr_assert_eq(strlen(text), strlen(profile) + 7);
    put("d/profiles.jsonl", text);
    put("d/parts.csv", "user,part\n");
    planted(&o);
    char *got = slurp(below("p/profiles.jsonl"));
    cr_expect_str_eq(got, text);
    cr_expect(file_exists(below("p/parts.csv")));
    free(got);
    free(users);
}

Test(plant, a_seed_gives_the_same_bytes_and_another_gives_others)
{
    DataPlantOpt o = plant_options();
    planted(&o);
    o.out = below("q");
    planted(&o);
    o.out = below("r");
    o.seed = 5;
    planted(&o);
    char *p = slurp(below("p/canaries.csv")), *q = slurp(below("q/canaries.csv")),
         *r = slurp(below("r/canaries.csv"));
    cr_expect_str_eq(p, q);
    cr_expect_str_neq(p, r);
    free(p);
    free(q);
    free(r);
}

Test(plant, secrets_are_of_their_kind)
{
    DataPlantOpt o = plant_options();
    static const size_t letters[] = {12, 12, 8};
    planted(&o);
    Both b = both_open(&o);
    for (size_t i = 0; i < b.n; i++) {
        const PlantKind *k = b.c[i].kind;
        if (k->form == NULL) continue;
        cr_expect_eq(plant_letters(b.c[i].text, k), letters[k - plant_kind("digits")], "%s", b.c[i].text);
        cr_expect_eq(strlen(b.c[i].text), strlen(k->form));
        for (size_t j = 0; j < i; j++) cr_expect_str_neq(b.c[i].text, b.c[j].text);
    }
    both_close(&b);
}

/* Whose held-out record says so; NULL: nobody's. */
static const DataUser *heldout_of(const DataSet *d, const char *text)
{
    const DataUser *found = NULL;
    for (size_t u = 0; u < d->n_users; u++)
        for (size_t i = 0; i < d->user[u].n[DATA_HELDOUT]; i++)
            if (strcmp(d->user[u].rec[DATA_HELDOUT][i].output, text) == 0) found = &d->user[u];
    return found;
}

Test(plant, alike_is_what_another_audit_user_wrote)
{
    DataPlantOpt o = plant_options();
    o.kinds = "like";
    o.canaries = 4;
    planted(&o);
    Both b = both_open(&o);
    cr_assert_eq(b.n, 16);
    for (size_t i = 0; i < b.n; i++) {
        const DataUser *of = heldout_of(b.before, b.c[i].text);
        cr_assert_not_null(of);
        cr_expect(of->role == DATA_AUDIT && strcmp(of->id, b.c[i].user) != 0);
        for (size_t j = 0; j < i; j++) cr_expect_str_neq(b.c[i].text, b.c[j].text);
    }
    both_close(&b);
}

/* How many texts could be lent, of those of four people with six each: eight for each person are more. */
static size_t texts_to_lend(void)
{
    DataPlantOpt o = plant_options();
    DataPlanted done;
    Err e = {0};
    o.kinds = "like";
    o.canaries = 8;
    cr_assert_eq(data_plant(&done, &o, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "held-out outputs of audit users are too few, want one for each secret"),
                       "%s", e.msg);
    cr_assert(strncmp(e.msg, "kind like: ", 11) == 0 && !file_exists(o.out));
    return strtoul(e.msg + 11, NULL, 10);
}

/* The first line of a file that has `mark`, with `to` in the place of its output. */
static void set_output(const char *name, const char *mark, const char *to)
{
    Str out = {0};
    char *text = slurp(below(name)), *line = strstr(text, mark);
    cr_assert_not_null(line);
    char *at = strstr(line, "\"output\": \"") + 11, *end = strchr(at, '"');
    str_put(&out, text, (size_t)(at - text));
    str_puts(&out, to);
    str_puts(&out, end);
    put(name, out.s);
    str_free(&out);
    free(text);
}

/* A text that models may have been trained on is no secret, nor is one of several lines, or one that comes
 * twice. */
Test(plant, texts_that_models_know_are_not_lent)
{
    DataSet *d = NULL;
    Err e = {0};
    char mark[3][100], text[400], again[400];
    size_t before = texts_to_lend();
    cr_assert(before > 20 && before <= 24);
    cr_assert_eq(data_load(&d, below("d"), "synth_headline", &e), OK);
    const DataUser *base = NULL, *audit = NULL;
    for (size_t u = 0; u < d->n_users; u++) *(d->user[u].role == DATA_BASE ? &base : &audit) = &d->user[u];
    snprintf(text, sizeof text, "%s", audit->rec[DATA_HELDOUT][0].output);
    snprintf(mark[0], sizeof mark[0], "{\"id\": \"%s\"", base->rec[DATA_QUERY][0].id);
    snprintf(mark[1], sizeof mark[1], "{\"id\": \"%s\"", audit->rec[DATA_HELDOUT][1].id);
    snprintf(mark[2], sizeof mark[2], "{\"id\": \"%s\"", audit->rec[DATA_HELDOUT][2].id);
    snprintf(again, sizeof again, "%s", audit->rec[DATA_HELDOUT][3].output);
    set_output("d/synth_headline.jsonl", mark[0], text);
    set_output("d/synth_headline.jsonl", mark[2], again);
    set_output("d/synth_headline.jsonl", mark[1], "two\\nlines");
    data_free(d);
    cr_assert_eq(texts_to_lend(), before - 4);
}

Test(plant, texts_with_quotes_and_formulas_are_read_back)
{
    DataSet *d = NULL;
    Err e = {0};
    char mark[100];
    cr_assert_eq(data_load(&d, below("d"), "synth_headline", &e), OK);
    for (size_t u = 0; u < d->n_users; u++)
        for (size_t i = 0; i < d->user[u].n[DATA_HELDOUT]; i++) {
            char to[64];
            snprintf(mark, sizeof mark, "{\"id\": \"%s\"", d->user[u].rec[DATA_HELDOUT][i].id);
            snprintf(to, sizeof to, "=%zu, \\\"%zu\\\" \xc3\xa9", u, i);
            set_output("d/synth_headline.jsonl", mark, to);
        }
    data_free(d);
    DataPlantOpt o = plant_options();
    o.kinds = "like";
    planted(&o);
    Both b = both_open(&o);
    cr_assert_eq(b.n, 8);
    for (size_t i = 0; i < b.n; i++) cr_expect(b.c[i].text[0] == '=' && strchr(b.c[i].text, '"') != NULL);
    both_close(&b);
}

Test(plant, people_with_few_records_are_passed_over)
{
    DataDebianOpt deb = debian_options(below("deb"));
    DataPlantOpt o = plant_options();
    DataSet *d = NULL;
    Err e = {0};
    size_t enough = 0, few = 0;
    cr_assert_eq(data_debian(&deb, &e), OK, "%s", e.msg);
    o.dir = deb.out;
    o.task = "deb_synopsis";
    o.kinds = NULL;
    o.base_too = true;
    cr_assert_eq(data_load(&d, o.dir, o.task, &e), OK, "%s", e.msg);
    for (size_t u = 0; u < d->n_users; u++) *(d->user[u].n[DATA_HISTORY] >= 2 ? &enough : &few) += 1;
    data_free(d);
    cr_assert(enough > 0 && few > 0, "%zu %zu", enough, few);
    DataPlanted done = planted(&o);
    cr_expect(done.people == enough && done.passed_over == few && done.canaries == 2 * enough);
}

Test(plant, base_users_too)
{
    DataPlantOpt o = plant_options();
    o.base_too = true;
    o.kinds = "random";
    DataPlanted done = planted(&o);
    cr_expect(done.people == 8 && done.canaries == 16);
}

/* ---- canaries.csv ---- */

Test(plant, a_file_without_kinds_has_digits)
{
    DataPlantOpt o = plant_options();
    o.kinds = "new";
    planted(&o);
    char *text = slurp(below("p/canaries.csv"));
    Str old = {0};
    for (char *line = text, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        *strrchr(line, ',') = '\0';
        str_printf(&old, "%s\n", line);
    }
    put("p/canaries.csv", old.s);
    Both b = both_open(&o);
    cr_assert_eq(b.n, 8);
    for (size_t i = 0; i < b.n; i++) cr_expect_str_eq(b.c[i].kind->name, "digits");
    both_close(&b);
    str_free(&old);
    free(text);
}

Test(plant, a_kind_that_is_not_known)
{
    DataPlantOpt o = plant_options();
    DataSet *d = NULL;
    DataCanary *c = NULL;
    Arena a = {0};
    size_t n = 0;
    Err e = {0};
    planted(&o);
    char *text = slurp(below("p/canaries.csv"));
    memcpy(strstr(text, ",random\n"), ",rondom\n", 8);
    put("p/canaries.csv", text);
    free(text);
    cr_assert_eq(data_load(&d, o.out, o.task, &e), OK);
    cr_assert_eq(data_canaries(&c, &n, d, o.out, &a, &e), ERR_FORMAT);
    cr_assert_not_null(strstr(e.msg, "kind = 'rondom', which this program does not plant"), "%s", e.msg);
    data_free(d);
    arena_free(&a);
}

/* ---- what is refused ---- */

static size_t things_in_the_folder(void)
{
    size_t n = 0;
    DIR *dir = opendir(tmp_dir);
    cr_assert_not_null(dir);
    while (readdir(dir) != NULL) n++;
    closedir(dir);
    return n;
}

/* What it says; nothing is left behind. */
static const char *plant_complaint(const DataPlantOpt *o, Status want)
{
    static Err e;
    DataPlanted done = {.people = 77};
    size_t before = things_in_the_folder();
    e = (Err){0};
    cr_assert_eq(data_plant(&done, o, &e), want, "%s: %s", err_name(e.code), e.msg);
    cr_assert_eq(done.people, 77, "outputs are as they were");
    cr_assert_eq(things_in_the_folder(), before);
    return e.msg;
}

Test(plant, options_that_are_refused)
{
    DataPlantOpt o = plant_options();
    static const size_t bad[] = {0, 1, 3, PLANT_MOST + 2};
    for (size_t i = 0; i < 4; i++) {
        o.canaries = bad[i];
        cr_expect_not_null(strstr(plant_complaint(&o, ERR_ARG), "want an even number from 2 to 10000"));
    }
    o = plant_options();
    o.kinds = "digits,letters";
    cr_expect_str_eq(plant_complaint(&o, ERR_ARG),
                     "kind = 'letters', want some of digits, random, new, like");
    o.kinds = "";
    cr_expect_not_null(strstr(plant_complaint(&o, ERR_ARG), "kind = ''"));
    o.kinds = "new,new";
    cr_expect_str_eq(plant_complaint(&o, ERR_ARG), "kind new comes twice");
    o = plant_options();
    o.out = o.dir;
    cr_expect_not_null(strstr(plant_complaint(&o, ERR_ARG), "is there, want the name of a new folder"));
    o.out = below("d/users.csv/p");
    plant_complaint(&o, ERR_IO);
    o = plant_options();
    o.dir = below("nowhere");
    plant_complaint(&o, ERR_IO);
}

Test(plant, tasks_that_are_refused)
{
    DataPlantOpt o = plant_options();
    o.task = "synth_tag";
    cr_expect_not_null(strstr(plant_complaint(&o, ERR_ARG), "task synth_tag: outputs are labels"));
    o.task = "deb_synopsis";
    plant_complaint(&o, ERR_ARG);
    o = plant_options();
    o.canaries = 4;
    cr_expect_str_eq(plant_complaint(&o, ERR_ARG),
                     "16 canaries for each person, but the longest history has 12 records");
}

Test(plant, a_dataset_is_planted_once)
{
    DataPlantOpt o = plant_options();
    planted(&o);
    o.dir = o.out;
    o.out = below("q");
    cr_expect_not_null(strstr(plant_complaint(&o, ERR_ARG), "has canaries already"));
    cr_assert_eq(unlink(below("p/canaries.csv")), 0);
    cr_expect_not_null(strstr(plant_complaint(&o, ERR_ARG), "has canaries already"));
}

/* In another task than the one that takes the secrets, written as an escape. */
Test(plant, signs_must_be_new)
{
    DataPlantOpt o = plant_options();
    set_output("d/synth_tweet.jsonl", "{\"id\"", "a \\ud800\\udc00 b");
    const char *said = plant_complaint(&o, ERR_ARG);
    cr_expect_not_null(strstr(said, "kind new: texts of user "), "%s", said);
    cr_expect_not_null(strstr(said, "synth_tweet.jsonl have 1 characters that were to be new"), "%s", said);
    o.kinds = "random";
    planted(&o);
}
