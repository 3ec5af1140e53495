/* Where tokens stand in the text, and prompt and answer as one text. */
#include "tok_help.h"

#include "prime/rng.h"

#define MARK "\xe2\x96\x81"
#define LLAMA                                                                           \
    "{'type': 'Sequence', 'normalizers': [{'type': 'Prepend', 'prepend': '" MARK "'}, " \
    "{'type': 'Replace', 'pattern': {'String': ' '}, 'content': '" MARK "'}]}"

/* "id:from-to id:from-to ..." */
static char *spans_text(const Tok *t, const char *text, size_t n)
{
    TokIds ids = {0};
    TokRanges at = {0};
    Str s = {0};
    Err e = {0};
    cr_assert_eq(tok_encode_spans(t, &ids, &at, text, n, true, &e), OK, "%s", e.msg);
    cr_assert_eq(ids.n, at.n);
    str_puts(&s, "");
    for (size_t i = 0; i < ids.n; i++)
        str_printf(&s, "%s%d:%u-%u", i == 0 ? "" : " ", ids.id[i], at.at[i].from, at.at[i].to);
    tok_ids_free(&ids);
    tok_ranges_free(&at);
    return s.s;
}

#define spans_are(t, text, want)                                           \
    do {                                                                   \
        char *got_ = spans_text(t, text, strlen(text));                    \
        cr_expect_str_eq(got_, want, "%s: %s, want %s", text, got_, want); \
        free(got_);                                                        \
    } while (0)

Test(tok_spans, byte_level)
{
    Tok *t =
        tok_help_load((TokParts){.added = "{'id': 20, 'content': '<s>', 'lstrip': true, 'rstrip': true}"});
    spans_are(t, "abcab a", "4:0-3 3:3-5 6:5-7");
    spans_are(t, "a <s> ab", "0:0-1 20:1-6 3:6-8");
    spans_are(t, "e\xcc\x81", "14:0-1 15:1-2 16:2-3"); /* a byte a token: parts of a character */
    spans_are(t, "axb", "3:0-3");                      /* what is dropped parts nothing */
    tok_free(t);
    t = tok_help_load((TokParts){.pre = "{'type': 'ByteLevel', 'add_prefix_space': true}"});
    spans_are(t, "a a", "6:0-1 6:1-3"); /* the space that was put there stands for nothing of its own */
    tok_free(t);
    t = tok_help_load((TokParts){.normalizer = "{'type': 'NFC'}"});
    spans_are(t,
              "ae\xcc\x81"
              "c",
              "0:0-1 17:1-4 2:4-5");
    spans_are(t,
              "a\xc3\xa9"
              "c",
              "0:0-1 17:1-3 2:3-4");
    tok_free(t);
}

Test(tok_spans, through_the_normaliser)
{
    const char *vocab =
        "'" MARK "': 0, 'a': 1, '" MARK "a': 2, '<0xC3>': 3, '<0xA9>': 4, 'b': 5, 'xx': 6, 'x': 7";
    const char *merges = "'" MARK " a', 'x x'", *options = ", 'byte_fallback': true";
    Tok *t = tok_help_load(
        (TokParts){.normalizer = LLAMA, .pre = "null", .vocab = vocab, .merges = merges, .options = options});
    spans_are(t, "a a  b", "2:0-1 2:1-3 0:3-4 0:4-5 5:5-6");
    spans_are(t,
              "\xc3\xa9"
              "a",
              "0:0-2 3:0-1 4:1-2 1:2-3"); /* the mark stands for the first character */
    tok_free(t);
    t = tok_help_load((TokParts){.normalizer =
                                     "{'type': 'Sequence', 'normalizers': [{'type': 'Replace', 'pattern': "
                                     "{'Regex': 'b+'}, 'content': 'xx'}, {'type': 'Strip'}]}",
                                 .pre = "null",
                                 .vocab = vocab,
                                 .merges = merges});
    spans_are(t, "  abbba ", "1:2-3 6:3-6 1:6-7");
    tok_free(t);
    t = tok_help_load((TokParts){
        .pre = "{'type': 'Metaspace', 'replacement': '" MARK "'}", .vocab = vocab, .merges = merges});
    spans_are(t, "a a", "2:0-1 2:1-3");
    tok_free(t);
}

static Tok *spans_fixture(const char *name)
{
    const char *root = getenv("PRIME_SOURCE");
    char *dir = file_join(root != NULL ? root : ".", "fixtures"), *path = file_join(dir, name);
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(tok_load(&t, path, &e), OK, "%s", e.msg);
    free(path);
    free(dir);
    return t;
}

/* Without a normaliser the tokens tile the text, and each one's bytes are those it stands for. */
Test(tok_spans, tokens_tile_the_text)
{
    Tok *t = spans_fixture("tok/tiny");
    Rng r = rng_stream(7, "tok spans", 0);
    for (size_t round = 0; round < 200; round++) {
        Str text = {0};
        for (size_t i = 0, n = 1 + rng_below(&r, 80); i < n; i++) {
            static const char *const parts[] = {"the ", "merge", "\xc3\xa9", "\xff",
                                                "12",   "\n\n",  "<|end|>",  "d a"};
            str_puts(&text, parts[rng_below(&r, 8)]);
        }
        TokIds ids = {0};
        TokRanges at = {0};
        cr_assert_eq(tok_encode_spans(t, &ids, &at, text.s, text.n, true, NULL), OK);
        size_t done = 0;
        for (size_t i = 0; i < ids.n; i++) {
            cr_assert_eq(at.at[i].from, done);
            done = at.at[i].to;
            size_t n = 0;
            const char *name = tok_content(t, ids.id[i], &n);
            if (name[0] == '<') cr_assert_eq(memcmp(text.s + at.at[i].from, name, n), 0);
        }
        cr_assert_eq(done, text.n);
        tok_ids_free(&ids);
        tok_ranges_free(&at);
        str_free(&text);
    }
    tok_free(t);
}

Test(tok_spans, prompt_and_answer_are_one_text)
{
    Tok *t = tok_help_load((TokParts){0});
    static const struct {
        const char *prompt, *answer, *ids;
        size_t skip;
        bool straddles;
    } cases[] = {
        {"abc", "ab", "4 3", 1, false}, {"ab", "cab", "4 3", 0, true}, /* "abc" is one token, and it holds
                                                                          part of the answer */
        {"a", " a", "0 6", 1, false},   {"a ", "a", "0 6", 1, true},   {"", "ab", "3", 0, false},
        {"ab", "", "3", 1, false},      {"", "", "", 0, false},        {"\xc3", "\xa9", "17", 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TokIds ids = {0};
        TokJoint how = {0};
        cr_assert_eq(tok_encode_joint(t, &ids, &how, cases[i].prompt, strlen(cases[i].prompt),
                                      cases[i].answer, strlen(cases[i].answer), false, NULL),
                     OK);
        Str s = {0};
        str_puts(&s, "");
        for (size_t k = 0; k < ids.n; k++) str_printf(&s, k == 0 ? "%d" : " %d", ids.id[k]);
        cr_expect_str_eq(s.s, cases[i].ids, "case %zu: %s", i, s.s);
        cr_expect_eq(how.skip, cases[i].skip, "case %zu: %zu", i, how.skip);
        cr_expect_eq(how.straddles, cases[i].straddles, "case %zu", i);
        str_free(&s);
        tok_ids_free(&ids);
    }
    tok_free(t);
}

/* Cut a text anywhere: its ids stay, every token before `skip` ends in the prompt, the next one does not. */
Test(tok_spans, a_cut_moves_no_token)
{
    Tok *t = spans_fixture("base");
    static const char text[] = "Caf\xc3\xa9 merging: 12 adapters were counted,\n and 2024 stayed.";
    size_t n = sizeof text - 1, straddled = 0;
    TokIds all = {0};
    TokRanges at = {0};
    cr_assert_eq(tok_encode_spans(t, &all, &at, text, n, false, NULL), OK);
    for (size_t cut = 0; cut <= n; cut++) {
        TokIds ids = {0};
        TokJoint how;
        cr_assert_eq(tok_encode_joint(t, &ids, &how, text, cut, text + cut, n - cut, false, NULL), OK);
        cr_assert(ids.n == all.n && memcmp(ids.id, all.id, all.n * sizeof *all.id) == 0);
        cr_assert(how.skip == 0 || at.at[how.skip - 1].to <= cut);
        cr_assert(how.skip == all.n || at.at[how.skip].to > cut);
        cr_assert_eq(how.straddles, how.skip < all.n && at.at[how.skip].from < cut);
        straddled += how.straddles;
        tok_ids_free(&ids);
    }
    cr_assert_gt(straddled, 10);
    tok_ids_free(&all);
    tok_ranges_free(&at);
    tok_free(t);
}

Test(tok_spans, failures_leave_the_lists)
{
    Tok *t = tok_help_load((TokParts){0});
    TokIds ids = {0};
    TokRanges at = {0};
    TokJoint how = {7, true};
    Err e = {0};
    cr_assert_eq(tok_encode_joint(t, &ids, &how, "x", (size_t)1 << 30, "y", (size_t)1 << 30, true, &e),
                 ERR_ARG);
    cr_assert_str_eq(e.msg,
                     "a prompt of 1073741824 bytes and an answer of 1073741824, want at most 1073741823 "
                     "together");
    cr_assert(how.skip == 7 && how.straddles && ids.n == 0);
    tok_free(t);
    t = tok_help_load(
        (TokParts){.pre = "{'type': 'Sequence', 'pretokenizers': [{'type': 'Split', 'pattern': "
                          "{'Regex': '(a+a+)+[bc]'}, 'behavior': 'Isolated'}, {'type': 'ByteLevel'}]}"});
    char text[200];
    memset(text, 'a', sizeof text);
    cr_assert_eq(tok_encode_spans(t, &ids, &at, "a", 1, true, NULL), OK);
    cr_assert_eq(tok_encode_spans(t, &ids, &at, text, sizeof text, true, NULL), ERR_UNSUP);
    cr_assert(ids.n == 1 && at.n == 1);
    tok_ids_free(&ids);
    tok_ranges_free(&at);
    tok_free(t);
}
