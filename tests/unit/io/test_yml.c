#include "prime/yml.h"

#include "prime/file.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum { MERGE_PRIME, MERGE_EXACT, MERGE_TIES } Method;
static const char *const methods[] = {"prime", "exact", "ties", NULL};
static const char *const tasks[] = {"synopsis", "section", NULL};

typedef struct {
    const char *name, *model;
    bool quiet;
    size_t budget;
    uint64_t seed;
    double sigma, density;
    Method method;
    YmlNums lambda;
    YmlSizes ranks;
    YmlStrs tasks;
} Spec;

#define AT(member) offsetof(Spec, member)
static const YmlField fields[] = {
    {"name", YML_STR, AT(name), 0, 0, YML_REQUIRED, NULL, "name of the audit"},
    {"model", YML_STR, AT(model), 0, 0, 0, NULL, NULL},
    {"quiet", YML_BOOL, AT(quiet), 0, 0, 0, NULL, NULL},
    {"seed", YML_U64, AT(seed), 0, 0, 0, NULL, NULL},
    {"lambda", YML_NUMS, AT(lambda), 0, INFINITY, 0, NULL, "privacy weights"},
    {"evolve.budget", YML_SIZE, AT(budget), 1, 1000000, 0, NULL, "evaluations"},
    {"evolve.cma.sigma", YML_NUM, AT(sigma), 0, INFINITY, YML_ABOVE, NULL, NULL},
    {"evolve.cma.ranks", YML_SIZES, AT(ranks), 1, 64, 0, NULL, NULL},
    {"merge.density", YML_NUM, AT(density), 0, 1, YML_ABOVE, NULL, NULL},
    {"merge.method", YML_CHOICE, AT(method), 0, 0, 0, methods, NULL},
    {"tasks", YML_STRS, AT(tasks), 0, 0, 0, tasks, NULL},
};
static const YmlSpec spec = {fields, sizeof fields / sizeof fields[0], sizeof(Spec)};
static const Spec defaults = {
    .model = "base", .budget = 100, .sigma = 0.3, .density = NAN, .method = MERGE_TIES};

static const char *const full = "# an audit\n"
                                "name: \"quick: \\\"start\\\"\"\n"
                                "quiet: true\n"
                                "seed: 18446744073709551615\n"
                                "lambda: [0, 0.1, 1e3]\n"
                                "evolve:\n"
                                "  budget: 2e3\n"
                                "  cma: {sigma: .5, ranks: 8}\n"
                                "merge:\n"
                                "  method: exact\n"
                                "  density: 1\n"
                                "tasks:\n"
                                "  - section\n"
                                "  - 'synopsis'\n";

static Status yml_try(Spec *s, Arena *a, const char *text, const char *set, Err *e)
{
    *s = defaults;
    return yml_parse(s, &spec, a, text, strlen(text), "a.yaml", &set, set != NULL, e);
}

Test(yml, every_type_is_read)
{
    Arena a = {0};
    Spec s;
    Err e = {0};
    cr_assert_eq(yml_try(&s, &a, full, NULL, &e), OK, "%s", e.msg);
    cr_assert_str_eq(s.name, "quick: \"start\"");
    cr_assert_str_eq(s.model, "base", "an absent key keeps its default");
    cr_assert(s.quiet);
    cr_assert_eq(s.seed, UINT64_MAX);
    cr_assert(s.lambda.n == 3 && s.lambda.x[0] == 0 && s.lambda.x[1] == 0.1 && s.lambda.x[2] == 1000);
    cr_assert_eq(s.budget, 2000);
    cr_assert_eq(s.sigma, 0.5);
    cr_assert(s.ranks.n == 1 && s.ranks.x[0] == 8, "one number is a list");
    cr_assert_eq(s.density, 1.0);
    cr_assert_eq(s.method, MERGE_EXACT);
    cr_assert_eq(s.tasks.n, 2);
    cr_assert_str_eq(s.tasks.x[0], "section");
    arena_free(&a);
}

Test(yml, ranges_of_numbers)
{
    Arena a = {0};
    Spec s;
    cr_assert_eq(yml_try(&s, &a, "{name: x, lambda: 0:1:0.1}", NULL, NULL), OK);
    cr_assert_eq(s.lambda.n, 11);
    cr_assert(s.lambda.x[3] == 0.3 && s.lambda.x[10] == 1.0, "no rounding noise");
    cr_assert_eq(yml_try(&s, &a, "{name: x, lambda: 0.5:2:1}", NULL, NULL), OK);
    cr_assert(s.lambda.n == 2 && s.lambda.x[1] == 1.5, "the last is not passed");
    cr_assert_eq(yml_try(&s, &a, "{name: x, lambda: 2:2:1}", NULL, NULL), OK);
    cr_assert(s.lambda.n == 1 && s.lambda.x[0] == 2);
    arena_free(&a);
}

static void yml_refused(const char *text, const char *set, Status code, const char *part)
{
    Arena a = {0};
    Spec s;
    Err e = {0};
    cr_assert_eq(yml_try(&s, &a, text, set, &e), code, "%s: %s", text, e.msg);
    cr_assert_not_null(strstr(e.msg, part), "%s: %s, want %s", text, e.msg, part);
    cr_assert_eq(memcmp(&s, &defaults, sizeof s), 0, "outputs stay on failure: %s", text);
    arena_free(&a);
}

Test(yml, keys_that_are_wrong_have_a_line_and_a_guess)
{
    static const char *const bad[][2] = {
        {"name: x\nlamda: 1\n", "a.yaml:2: unknown key 'lamda', did you mean 'lambda'?"},
        {"name: x\nevolve:\n  budgt: 1\n",
         "a.yaml:3: unknown key 'evolve.budgt', did you mean 'evolve.budget'?"},
        {"sigma: 1\n", "a.yaml:1: unknown key 'sigma', did you mean 'evolve.cma.sigma'?"},
        {"evolve.budget: 1\n", "a.yaml:1: unknown key 'evolve.budget'"},
        {"evolve: {cma: {zzzzzzzz: 1}}\n", "a.yaml:1: unknown key 'evolve.cma.zzzzzzzz'"},
        {"\"\": 1\n", "a.yaml:1: unknown key ''"},
        {"name: x\nseed: 1\nname: y\n", "a.yaml:3: duplicate key 'name', first in line 1"},
        {"evolve: {budget: 1}\nevolve: {cma: {sigma: 1}}\n",
         "a.yaml:2: duplicate key 'evolve', first in line 1"},
        {"merge: {density: 1,\n density: 1}\n", "a.yaml:2: duplicate key 'merge.density'"},
        {"seed: 1\n", "a.yaml: the key 'name' is missing (name of the audit)"},
        {"[name]: x\n", "a.yaml:1: a key is a list or a mapping"},
        {"evolve: 3\n", "a.yaml:1: evolve wants a mapping, such as {budget: ...}"},
        {"evolve:\n", "a.yaml:1: evolve wants a mapping"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        yml_refused(bad[i][0], NULL, ERR_FORMAT, bad[i][1]);
}

Test(yml, values_that_are_wrong_are_shown_with_their_bounds)
{
    static const char *const bad[][2] = {
        {"name:\n", "a.yaml:1: name has no value, want a text"},
        {"name: ~\n", "a.yaml:1: name has no value"},
        {"name: [a]\n", "a.yaml:1: name is a list, want a text"},
        {"name: {a: b}\n", "a.yaml:1: name is a mapping, want a text"},
        {"name: \"a\\0b\"\n", "a.yaml:1: a text holds a NUL"},
        {"\nquiet: yes\n", "a.yaml:2: quiet = yes, want true or false"},
        {"quiet: \"true\"\n", "a.yaml:1: quiet = \"true\", want true or false"},
        {"seed: -1\n", "a.yaml:1: seed = -1, want a whole number below 2^64"},
        {"seed: 18446744073709551616\n", "a.yaml:1: seed = 18446744073709551616, want"},
        {"seed: 1.0\n", "seed = 1.0, want"},
        {"evolve: {budget: 0}\n", "a.yaml:1: evolve.budget = 0, want a whole number in [1, 1000000]"},
        {"evolve: {budget: 2.5}\n", "evolve.budget = 2.5, want a whole number"},
        {"evolve: {budget: 1000001}\n", "evolve.budget = 1000001, want"},
        {"evolve: {budget: \"5\"}\n", "evolve.budget = \"5\", want"},
        {"evolve: {budget: 0x10}\n", "evolve.budget = 0x10, want"},
        {"evolve: {cma: {sigma: 0}}\n", "evolve.cma.sigma = 0, want a number > 0"},
        {"evolve: {cma: {sigma: .nan}}\n", "evolve.cma.sigma = .nan, want a number > 0"},
        {"evolve: {cma: {sigma: 1e999}}\n", "evolve.cma.sigma = 1e999, want a number > 0"},
        {"evolve: {cma: {ranks: [8, 65]}}\n",
         "evolve.cma.ranks = 65, want a list of whole numbers in [1, 64]"},
        {"merge: {density: 1.3}\n", "merge.density = 1.3, want a number in (0, 1]"},
        {"merge: {density: 0}\n", "merge.density = 0, want a number in (0, 1]"},
        {"merge: {method: tise}\n", "merge.method = 'tise', did you mean 'ties'?"},
        {"merge: {method: zzzzzzz}\n", "merge.method = zzzzzzz, want one of prime, exact, ties"},
        {"tasks: [section, sections]\n", "tasks = 'sections', did you mean 'section'?"},
        {"tasks: [[section]]\n", "tasks: entry 1 is a list or a mapping"},
        {"tasks: [section, ]\nlambda: [1,\n~]\n", "a.yaml:3: lambda: entry 2 has no value"},
        {"lambda: []\n", "a.yaml:1: lambda is an empty list, want a list of numbers >= 0"},
        {"lambda: [1,\n-1]\n", "a.yaml:2: lambda = -1, want a list of numbers >= 0"},
        {"lambda: 0:1\n", "lambda = 0:1, want FIRST:LAST:STEP"},
        {"lambda: 0:1:0.1:2\n", "want FIRST:LAST:STEP"},
        {"lambda: 1:0:0.1\n", "want FIRST:LAST:STEP"},
        {"lambda: 0:1:0\n", "want FIRST:LAST:STEP"},
        {"lambda: -1:1:1\n", "lambda = -1:1:1, want a list of numbers >= 0"},
        {"lambda: 0:1:1e-300\n", "numbers, want at most 10000"},
        {"lambda: 0:1e308:1e-300\n", "numbers, want at most 10000"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        yml_refused(bad[i][0], NULL, ERR_FORMAT, bad[i][1]);
}

Test(yml, texts_that_are_not_one_plain_document_are_refused)
{
    static const char *const bad[][2] = {
        {"", "a.yaml: empty"},
        {"# nothing\n", "a.yaml: empty"},
        {"---\n", "want a mapping"},
        {"- a\n", "a.yaml:1: want a mapping"},
        {"name: x\n---\nname: y\n", "a.yaml:2: a second document"},
        {"name: &a x\n", "a.yaml:1: an anchor"},
        {"name: x\nmodel: *a\n", "a.yaml:2: an alias"},
        {"evolve: &e {budget: 1}\n", "a.yaml:1: an anchor"},
        {"name: !!str x\n", "a.yaml:1: a tag"},
        {"name: x\n  bad: [\n", "a.yaml:2: not YAML"},
        {"name: \"x\n", "a.yaml:2: not YAML"},
        {"name: x\nseed: \t@\n", "a.yaml:2: not YAML"},
        {"name: x\nmodel: \xff\n", "a.yaml:2: byte 0xff is not UTF-8"},
        {"name: x\nmodel: \x01\n", "not YAML: control characters"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        yml_refused(bad[i][0], NULL, ERR_FORMAT, bad[i][1]);
    Arena a = {0};
    Spec s = defaults;
    Err e = {0};
    cr_assert_eq(yml_parse(&s, &spec, &a, "name: \0", 7, "a.yaml", NULL, 0, &e), ERR_FORMAT);
    cr_assert_not_null(strstr(e.msg, "a.yaml:1: holds a NUL byte"), "%s", e.msg);
    e = (Err){0};
    cr_assert_eq(yml_parse(&s, &spec, &a, full, YML_MAX_BYTES + 1, "a.yaml", NULL, 0, &e), ERR_FORMAT);
    cr_assert_str_eq(e.msg, "a.yaml: 1048577 bytes, want at most 1048576");
    arena_free(&a);
}

Test(yml, deep_and_long_texts_end_well)
{
    enum { N = 1000000 };
    char *text = malloc(N + 1);
    cr_assert_not_null(text);
    memset(text, '[', N);
    memcpy(text, "name: ", 6);
    text[N] = '\0';
    yml_refused(text, NULL, ERR_FORMAT, "a.yaml:1: ");
    memset(text, '{', N);
    yml_refused(text, NULL, ERR_FORMAT, "a.yaml:1: ");
    memset(text, ' ', N);
    memcpy(text, "lambda: [", 9);
    for (int i = 9; i + 2 < N; i += 2) memcpy(text + i, "1,", 2);
    yml_refused(text, NULL, ERR_FORMAT, "lambda has more than 10000 entries");
    free(text);
}

Test(yml, assignments_follow_the_same_rules)
{
    Arena a = {0};
    Spec s;
    Err e = {0};
    cr_assert_eq(yml_try(&s, &a, "seed: 1\n", "name=a: b = c", &e), OK, "%s", e.msg);
    cr_assert_str_eq(s.name, "a: b = c", "a text is taken as it stands, and the required key is there");
    cr_assert_eq(yml_try(&s, &a, full, "name=", &e), OK, "%s", e.msg);
    cr_assert_str_eq(s.name, "");
    cr_assert_eq(yml_set(&s, &spec, &a, "lambda=0:1:0.25", &e), OK, "%s", e.msg);
    cr_assert(s.lambda.n == 5 && s.lambda.x[3] == 0.75);
    cr_assert_eq(yml_set(&s, &spec, &a, "lambda=1, 2,3", &e), OK, "%s", e.msg);
    cr_assert(s.lambda.n == 3 && s.lambda.x[2] == 3);
    cr_assert_eq(yml_set(&s, &spec, &a, "tasks=[ section ]", &e), OK, "%s", e.msg);
    cr_assert(s.tasks.n == 1 && strcmp(s.tasks.x[0], "section") == 0);
    cr_assert_eq(yml_set(&s, &spec, &a, "tasks=[]", &e), OK, "%s", e.msg);
    cr_assert_eq(s.tasks.n, 0);
    cr_assert_eq(yml_set(&s, &spec, &a, "merge.method=prime", &e), OK, "%s", e.msg);
    cr_assert_eq(s.method, MERGE_PRIME);
    cr_assert_eq(yml_set(&s, &spec, &a, "evolve.budget=0", &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "--set evolve.budget=0: evolve.budget = 0, want a whole number in [1, 1000000]");
    cr_assert_eq(s.budget, 2000);
    Str many = {0};
    Err long_list = {0};
    str_puts(&many, "lambda=0");
    for (int i = 0; i < YML_MAX_LIST; i++) str_puts(&many, ",0");
    cr_assert_eq(yml_set(&s, &spec, &a, many.s, &long_list), ERR_ARG);
    cr_assert_not_null(strstr(long_list.msg, "lambda has 10001 entries, want at most 10000"), "%s",
                       long_list.msg);
    str_free(&many);
    static const char *const bad[][2] = {
        {"evolve.budgt=1", "--set evolve.budgt=1: unknown key 'evolve.budgt', did you mean 'evolve.budget'?"},
        {"sigma=1", "did you mean 'evolve.cma.sigma'?"},
        {"evolve=1", "unknown key 'evolve'"},
        {"seed", "--set seed: want KEY=VALUE"},
        {"=1", "want KEY=VALUE"},
        {"seed=", "seed has no value"},
        {"lambda=", "lambda has no value"},
        {"lambda=1,,2", "lambda: entry 2 has no value"},
        {"lambda=[]", "lambda is an empty list"},
        {"name=\xff", "not UTF-8"},
        {"quiet=1", "quiet = 1, want true or false"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) yml_refused(full, bad[i][0], ERR_ARG, bad[i][1]);
    arena_free(&a);
}

Test(yml, the_dump_reads_back)
{
    Arena a = {0};
    Spec s, back;
    Str one = {0}, two = {0};
    Err e = {0};
    cr_assert_eq(yml_try(&s, &a, full, "model=a\tb\x01\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\xc3\xa9\\", &e), OK,
                 "%s", e.msg);
    yml_dump(&one, &spec, &s);
    cr_assert_str_eq(one.s, "name: \"quick: \\\"start\\\"\"\n"
                            "model: \"a\\tb\\u0001\\u0085\\u2028\\ufeff\xc3\xa9\\\\\"\n"
                            "quiet: true\n"
                            "seed: 18446744073709551615\n"
                            "lambda: [0, 0.1, 1000]\n"
                            "evolve:\n"
                            "  budget: 2000\n"
                            "  cma:\n"
                            "    sigma: 0.5\n"
                            "    ranks: [8]\n"
                            "merge:\n"
                            "  density: 1\n"
                            "  method: \"exact\"\n"
                            "tasks: [\"section\", \"synopsis\"]\n");
    cr_assert_eq(yml_try(&back, &a, one.s, NULL, &e), OK, "%s", e.msg);
    cr_assert_str_eq(back.model, s.model);
    yml_dump(&two, &spec, &back);
    cr_assert_str_eq(two.s, one.s);
    str_clear(&one);
    yml_dump(&one, &spec, &defaults);
    cr_assert_not_null(strstr(one.s, "tasks: []\n"));
    cr_assert_null(strstr(one.s, "name"), "what is not given is left out");
    cr_assert_null(strstr(one.s, "density"), "neither is a number that is none");
    str_clear(&one);
    YmlSpec first = {fields, 1, sizeof(Spec)};
    yml_dump(&one, &first, &defaults);
    cr_assert_str_eq(one.s, "{}\n");
    str_free(&one);
    str_free(&two);
    arena_free(&a);
}

Test(yml, files_and_help)
{
    char path[] = "test_yml_XXXXXX";
    Arena a = {0};
    Spec s = defaults;
    Err e = {0};
    Str help = {0};
    close(mkstemp(path));
    cr_assert_eq(file_write(path, "\xef\xbb\xbfname: x\r\nseed: 3\r\n", 21, &e), OK, "%s", e.msg);
    cr_assert_eq(yml_load(&s, &spec, &a, path, NULL, 0, &e), OK, "%s", e.msg);
    cr_assert_str_eq(s.name, "x");
    cr_assert_eq(s.seed, 3);
    cr_assert_eq(truncate(path, YML_MAX_BYTES + 1), 0);
    cr_assert_eq(yml_load(&s, &spec, &a, path, NULL, 0, &e), ERR_FORMAT);
    unlink(path);
    cr_assert_eq(yml_load(&s, &spec, &a, path, NULL, 0, NULL), ERR_IO);
    yml_help(&help, &spec);
    cr_assert_not_null(strstr(help.s, "name: a text; name of the audit (required)\n"), "%s", help.s);
    cr_assert_not_null(strstr(help.s, "merge.method: one of prime, exact, ties; \n"), "%s", help.s);
    str_free(&help);
    arena_free(&a);
}
