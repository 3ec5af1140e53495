#include "tok_help.h"

#include "prime/js.h"
#include "prime/par.h"
#include "prime/rng.h"

Test(tok, merges_by_rank_and_then_from_the_left)
{
    Tok *t = tok_help_load((TokParts){0});
    tok_expect(t, "", "");
    tok_expect(t, "abcab", "4 3");
    tok_expect(t, "aab a", "0 3 6");
    tok_expect(t, "  a", "5 6");
    tok_expect(t, "a.c", "0 10 2"); /* the pre-tokenizer parts them */
    cr_assert_eq(tok_vocab_size(t), 20);
    cr_assert_eq(tok_id(t, "abc"), 4);
    cr_assert_eq(tok_id(t, "abcd"), -1);
    tok_free(t);
    /* Rank decides, not place: "bc" first, although "ab" comes first in the text; and of "a a" "aa a" in
     * "aaaaa" the left ones. */
    t = tok_help_load((TokParts){.vocab = "'a': 0, 'b': 1, 'c': 2, 'ab': 3, 'bc': 4, 'aa': 5, 'aaa': 6",
                                 .merges = "['b', 'c'], ['a', 'b'], ['a', 'a'], ['aa', 'a']"});
    tok_expect(t, "abc", "0 4");
    tok_expect(t, "aaaaa", "5 6");
    tok_free(t);
}

Test(tok, bytes_without_a_token)
{
    const char *vocab = "'<u>': 0, 'a': 1, 'b': 2, 'ab': 3", *merges = "'a b'";
    Tok *t = tok_help_load((TokParts){.vocab = vocab, .merges = merges});
    tok_expect(t, "axxb", "3"); /* dropped; what is left are neighbours */
    tok_free(t);
    t = tok_help_load((TokParts){.vocab = vocab, .merges = merges, .options = ", 'unk_token': '<u>'"});
    tok_expect(t, "axxb", "1 0 0 2");
    tok_free(t);
    t = tok_help_load(
        (TokParts){.vocab = vocab, .merges = merges, .options = ", 'unk_token': '<u>', 'fuse_unk': true"});
    tok_expect(t, "axxbx", "1 0 2 0");
    tok_free(t);
}

Test(tok, ignore_merges_takes_whole_words)
{
    const char *vocab = "'a': 0, 'b': 1, 'ab': 2, 'ba': 3, 'aba': 4, '\u0120': 5, '\u0120aba': 6";
    Tok *t = tok_help_load((TokParts){.vocab = vocab, .merges = "'a b'"});
    tok_expect(t, "aba aba", "2 0 5 2 0");
    tok_free(t);
    t = tok_help_load((TokParts){.vocab = vocab, .merges = "'a b'", .options = ", 'ignore_merges': true"});
    tok_expect(t, "aba aba abab", "4 6 5 2 2");
    tok_free(t);
}

#define SEQ(parts) "{'type': 'Sequence', 'pretokenizers': [" parts "]}"
#define BYTES "{'type': 'ByteLevel', 'add_prefix_space': false, 'use_regex': false}"
#define SPLIT(p, how, inv) \
    "{'type': 'Split', 'pattern': {'Regex': '" p "'}, 'behavior': '" how "', 'invert': " inv "}"

Test(tok, pre_tokenizers)
{
    static const struct {
        const char *pre, *text, *ids;
    } cases[] = {
        {BYTES, "a 12.c", "0 5 9 19"},
        {"{'type': 'ByteLevel', 'add_prefix_space': true}", "a a", "6 6"},
        {"{'type': 'ByteLevel', 'add_prefix_space': true}", " a", "6"},
        {SEQ("{'type': 'Digits', 'individual_digits': true}, " BYTES), "12.c", "7 8 19"},
        {SEQ("{'type': 'Digits', 'individual_digits': false}, " BYTES), "a12.c", "0 9 19"},
        {SEQ(SPLIT("[.]", "Isolated", "false") ", " BYTES), "ab.c", "3 10 2"},
        {SEQ(SPLIT("[.]", "Removed", "false") ", " BYTES), "ab.c", "3 2"},
        {SEQ(SPLIT("[.]", "Removed", "true") ", " BYTES), "ab.c", "10"},
        {SEQ("{'type': 'Split', 'pattern': {'String': '.'}, 'behavior': 'Isolated'}, " BYTES), "ab.c",
         "3 10 2"},
        {SEQ(SPLIT("(?=b)", "Isolated", "false") ", " BYTES), "abab", "0 1 0 1"}, /* empty matches cut too */
        {SEQ(SPLIT("c*", "Isolated", "false") ", " BYTES), "abcc", "0 1 2 2"},
        {SEQ(SPLIT("\\\\w", "Isolated", "false") ", " BYTES), "ab", "0 1"},
        {SEQ(SPLIT("\\\\s+", "Removed", "false") ", " BYTES), "a\nb", "0 1"},
        {SEQ(SPLIT("(?i:AB)", "Removed", "false") ", " BYTES), "abc", "2"},
        {SEQ(SPLIT("\\\\u0061", "Isolated", "false") ", " BYTES), "ab", "0 1"},
        {SEQ(SEQ(SPLIT("[.]", "Isolated", "false")) ", " BYTES), ".c", "10 2"},
        {SEQ(SPLIT("\\\\p{L}", "Isolated", "false") ", {'type': 'ByteLevel', 'add_prefix_space': true}"),
         "aa", "6 6"}, /* the space goes before every piece */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Tok *t = tok_help_load((TokParts){.pre = cases[i].pre});
        tok_expect(t, cases[i].text, cases[i].ids);
        tok_free(t);
    }
}

Test(tok, nfc_composes)
{
    Tok *t = tok_help_load((TokParts){0});
    tok_expect(t, "\xc3\xa9", "17");
    tok_expect(t, "e\xcc\x81", "14 15 16");
    tok_free(t);
    t = tok_help_load((TokParts){.normalizer = "{'type': 'Sequence', 'normalizers': [{'type': 'NFC'}]}"});
    tok_expect(t, "ae\xcc\x81", "0 17");
    tok_expect_n(t,
                 "e\xcc\x81\xff"
                 "e\xcc\x81",
                 7, true, "17 17"); /* FF has no token here */
    tok_free(t);
}

#define ADDED(id, text, more) "{'id': " id ", 'content': '" text "'" more "}"

Test(tok, added_tokens_are_found_longest_first)
{
    Tok *t = tok_help_load(
        (TokParts){.added = ADDED("20", "<s>", ", 'special': true") ", " ADDED(
                       "21", "<s><s>", ", 'special': true") ", " ADDED("22", "bb", ", 'normalized': false")});
    tok_expect(t, "a<s>b", "0 20 1");
    tok_expect(t, "<s><s><s>", "21 20");
    tok_expect(t, "abbb", "0 22 1");
    tok_expect_n(t, "a<s>bb", 6, false, "0 22"); /* no byte of <s> has a token but s, and that has none */
    const int32_t ids[] = {0, 20, 22, 4};
    Str all = {0}, some = {0};
    cr_assert_eq(tok_decode(t, &all, ids, 4, false, NULL), OK);
    cr_assert_eq(tok_decode(t, &some, ids, 4, true, NULL), OK);
    cr_assert_str_eq(all.s, "a<s>bbabc");
    cr_assert_str_eq(some.s, "abbabc");
    str_free(&all);
    str_free(&some);
    tok_free(t);
}

Test(tok, added_tokens_take_spaces_and_respect_words)
{
    Tok *t = tok_help_load((TokParts){
        .normalizer = "{'type': 'NFC'}",
        .added =
            ADDED("20", "<l>", ", 'lstrip': true") ", " ADDED("21", "<r>", ", 'rstrip': true") ", " ADDED(
                "22", "cab", ", 'single_word': true") ", " ADDED("23", "e\u0301c", ", 'normalized': true")});
    tok_expect(t, "a \n<l> a", "0 20 6");
    tok_expect(t, "a <r> \xe3\x80\x80 <l>a", "0 5 21 20 0"); /* the spaces were taken already */
    tok_expect(t, "cab.cab", "22 10 22");
    tok_expect(t, "acab", "0 2 3");
    tok_expect(t,
               "cab1 \xc3\xa9"
               "cab",
               "2 3 7 5 23 3");
    tok_expect(t,
               "e\xcc\x81"
               "c",
               "23"); /* found in the composed text by its own composed form */
    tok_free(t);
}

Test(tok, bytes_that_are_not_utf8)
{
    const char *text = "abc";
    Tok *t = NULL;
    cr_assert_eq(tok_train(&t, &text, 1, 256, NULL, 0, NULL), OK);
    const char bad[] = "a\xff\xc3(\xe2\x82z\xed\xa0\x80\xf0\x9f\x98";
    TokIds ids = {0};
    cr_assert_eq(tok_encode(t, &ids, bad, sizeof bad - 1, true, NULL), OK);
    cr_assert_eq(ids.n, sizeof bad - 1, "one token a byte");
    Str back = {0};
    str_puts(&back, "kept ");
    cr_assert_eq(tok_decode(t, &back, ids.id, ids.n, true, NULL), OK);
    /* One U+FFFD for each maximal part: FF; C3; E2 82; ED, A0, 80 (no surrogates); F0 9F 98. */
    cr_assert_str_eq(back.s, "kept a\ufffd\ufffd(\ufffdz\ufffd\ufffd\ufffd\ufffd");
    str_free(&back);
    tok_ids_free(&ids);
    tok_free(t);
}

Test(tok, ids_out_of_range_are_named)
{
    Tok *t = tok_help_load((TokParts){0});
    const int32_t high[] = {0, 20}, low[] = {-1};
    Str out = {0};
    Err e = {0};
    cr_assert_eq(tok_decode(t, &out, high, 2, false, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "token id 20 at place 1, want 0 to 19");
    cr_assert_eq(tok_decode(t, &out, low, 1, false, NULL), ERR_ARG);
    cr_assert_eq(out.n, 0);
    cr_assert_eq(tok_decode(t, &out, NULL, 0, false, NULL), OK);
    str_free(&out);
    tok_free(t);
}

Test(tok, a_text_of_two_gigabytes_is_refused)
{
    Tok *t = tok_help_load((TokParts){0});
    TokIds ids = {0};
    Err e = {0};
    cr_assert_eq(tok_encode(t, &ids, "x", (size_t)1 << 31, true, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "a text of 2147483648 bytes"), "%s", e.msg);
    tok_free(t);
}

Test(tok, a_pattern_that_gives_up_is_an_error_and_leaves_the_ids)
{
    Tok *t = tok_help_load((TokParts){.pre = SEQ(SPLIT("(a+a+)+[bc]", "Isolated", "false") ", " BYTES)});
    char text[200];
    memset(text, 'a', sizeof text);
    TokIds ids = {0};
    Err e = {0};
    cr_assert_eq(tok_encode(t, &ids, "a", 1, true, NULL), OK);
    cr_assert_eq(tok_encode(t, &ids, text, sizeof text, true, &e), ERR_UNSUP);
    cr_assert_not_null(strstr(e.msg, "a pattern of the tokenizer gave up at byte 0 of a piece of 200 bytes"),
                       "%s", e.msg);
    cr_assert_eq(ids.n, 1);
    tok_ids_free(&ids);
    tok_free(t);
}

Test(tok, a_word_of_a_million_bytes)
{
    enum { LONG = 1000000 };
    Tok *t = tok_help_load((TokParts){0});
    char *text = malloc(LONG);
    for (size_t i = 0; i < LONG; i++) text[i] = "abc"[i % 3];
    TokIds ids = {0};
    cr_assert_eq(tok_encode(t, &ids, text, LONG, true, NULL), OK);
    cr_assert_eq(ids.n, LONG / 3 + 1);
    cr_assert(ids.id[0] == 4 && ids.id[LONG / 3 - 1] == 4 && ids.id[LONG / 3] == 0);
    tok_ids_free(&ids);
    free(text);
    tok_free(t);
}

/* --- properties
 * ---------------------------------------------------------------------------------------------- */

static void random_text(Str *s, Rng *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        static const uint32_t below[] = {0x80, 0x80, 0x800, 0x10000, 0x110000};
        uint32_t c = (uint32_t)rng_below(r, below[rng_below(r, 5)]);
        if (c >= 0xd800 && c < 0xe000) c = 0x20;
        char b[4] = {(char)c, 0, 0, 0};
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t k = len; len > 1 && k-- > 1; c >>= 6) b[k] = (char)(0x80 | (c & 0x3f));
        if (len > 1) b[0] = (char)((0xf00U >> len) | c);
        str_put(s, b, len);
    }
}

static Tok *fixture_tok(void)
{
    const char *root = getenv("PRIME_SOURCE");
    char *path = file_join(root != NULL ? root : ".", "fixtures/tok/tiny");
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(tok_load(&t, path, &e), OK, "%s", e.msg);
    free(path);
    return t;
}

Test(tok, decoding_undoes_encoding)
{
    Tok *t = fixture_tok();
    Rng r = rng_stream(11, "tok round trip", 0);
    for (size_t i = 0; i < 300; i++) {
        Str text = {0}, back = {0};
        TokIds ids = {0};
        random_text(&text, &r, 1 + rng_below(&r, 200));
        cr_assert_eq(tok_encode(t, &ids, text.s, text.n, i % 2 == 0, NULL), OK);
        cr_assert_eq(tok_decode(t, &back, ids.id, ids.n, false, NULL), OK);
        cr_assert_eq(back.n, text.n);
        cr_assert_eq(memcmp(back.s, text.s, text.n), 0, "text %zu", i);
        tok_ids_free(&ids);
        str_free(&back);
        str_free(&text);
    }
    tok_free(t);
}

typedef struct {
    const Tok *tok;
    const char *text;
    TokIds ids[8];
} SharedJob;

static Status shared_encode(void *ctx, size_t job, size_t thread, Err *e)
{
    SharedJob *j = ctx;
    (void)thread;
    return tok_encode(j->tok, &j->ids[job], j->text, strlen(j->text), true, e);
}

Test(tok, threads_may_share_one)
{
    SharedJob j = {.tok = fixture_tok(), .text = "The merged adapters are counted, and 2024 counts."};
    Err e = {0};
    cr_assert_eq(par_run(8, 4, shared_encode, &j, &e), OK, "%s", e.msg);
    for (size_t i = 0; i < 8; i++) {
        cr_assert_eq(j.ids[i].n, j.ids[0].n);
        cr_assert_eq(memcmp(j.ids[i].id, j.ids[0].id, j.ids[0].n * sizeof(int32_t)), 0);
    }
    for (size_t i = 0; i < 8; i++) tok_ids_free(&j.ids[i]);
    tok_free((Tok *)(size_t)j.tok);
}

/* --- published tokenizers
 * -------------------------------------------------------------------------------------- */

static size_t refdata_ids(int32_t *out, size_t cap, const JsVal *list)
{
    cr_assert_leq(js_len(list), cap);
    for (size_t i = 0; i < js_len(list); i++) out[i] = (int32_t)js_int(js_at(list, i), -1);
    return js_len(list);
}

/* One row of cases.jsonl or decode_cases.jsonl: text -> ids where there is a text, ids -> decoded. */
static void refdata_row(const Tok *t, const JsVal *row)
{
    enum { MAX_IDS = 4096 };
    static int32_t want[MAX_IDS];
    size_t n = refdata_ids(want, MAX_IDS, js_get(row, "ids")), len = 0;
    const char *text = js_str(js_get(row, "text"), &len);
    TokIds ids = {0};
    if (text != NULL) {
        cr_assert_eq(tok_encode(t, &ids, text, len, true, NULL), OK);
        cr_assert(ids.n == n && (n == 0 || memcmp(ids.id, want, n * sizeof *want) == 0), "ids of '%s'", text);
    }
    const JsVal *with = js_get(row, "ids_with_special_tokens");
    const TokIds *before = tok_template_before(t), *after = tok_template_after(t);
    if (with == NULL && text != NULL) cr_assert_eq(before->n + after->n, 0); /* recorded where it differs */
    if (with != NULL) {
        static int32_t around[MAX_IDS];
        cr_assert_eq(refdata_ids(around, MAX_IDS, with), before->n + n + after->n);
        cr_assert(before->n == 0 || memcmp(around, before->id, before->n * sizeof *around) == 0);
        cr_assert(n == 0 || memcmp(around + before->n, want, n * sizeof *around) == 0);
        cr_assert(after->n == 0 || memcmp(around + before->n + n, after->id, after->n * sizeof *around) == 0);
    }
    for (int skip = 0; skip < 2; skip++) {
        const char *key = skip ? "decoded_skip_special_tokens" : "decoded";
        const char *decoded = js_str(js_get(row, key), &len);
        Str out = {0};
        if (decoded == NULL) decoded = js_str(js_get(row, "decoded"), &len); /* recorded where it differs */
        cr_assert_eq(tok_decode(t, &out, want, n, skip, NULL), OK);
        cr_assert(out.n == len && memcmp(len > 0 ? out.s : "", decoded, len) == 0, "text of '%s'", decoded);
        str_free(&out);
    }
    tok_ids_free(&ids);
}

static size_t refdata_file(const Tok *t, const char *dir, const char *name)
{
    char *path = file_join(dir, name), *data = NULL;
    size_t n = 0, rows = 0;
    Err e = {0};
    cr_assert_eq(file_read(&data, &n, path, &e), OK, "%s", e.msg);
    for (char *line = strtok(data, "\n"); line != NULL; line = strtok(NULL, "\n"), rows++) {
        JsVal *row = NULL;
        cr_assert_eq(js_parse(&row, line, strlen(line), name, &e), OK, "%s", e.msg);
        refdata_row(t, row);
        js_close(row);
    }
    free(data);
    free(path);
    return rows;
}

/* A tokenizer that was drawn at random over the kinds of steps, and what the reference makes of some texts.
 */
static void refdata_kind(const JsVal *line, size_t row)
{
    Str json = {0};
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(js_dump(&json, js_get(line, "tokenizer"), 0, &e), OK);
    cr_assert_eq(tok_parse(&t, json.s, json.n, "kinds.jsonl", &e), OK, "line %zu: %s", row, e.msg);
    const JsVal *rows = js_get(line, "rows");
    for (size_t i = 0; i < js_len(rows); i++) refdata_row(t, js_at(rows, i));
    tok_free(t);
    str_free(&json);
}

Test(tok, kinds_give_the_reference_ids)
{
    const char *root = getenv("PRIME_SOURCE");
    char *path = file_join(root != NULL ? root : ".", "fixtures/tok/kinds.jsonl"), *data = NULL;
    size_t n = 0, rows = 0;
    Err e = {0};
    cr_assert_eq(file_read(&data, &n, path, &e), OK, "%s", e.msg);
    for (char *line = strtok(data, "\n"); line != NULL; line = strtok(NULL, "\n"), rows++) {
        JsVal *v = NULL;
        cr_assert_eq(js_parse(&v, line, strlen(line), "kinds.jsonl", &e), OK, "%s", e.msg);
        refdata_kind(v, rows + 1);
        js_close(v);
    }
    cr_assert_gt(rows, (size_t)10);
    free(data);
    free(path);
}

Test(tok, pieces_give_the_reference_ids)
{
    const char *root = getenv("PRIME_SOURCE");
    char *dir = file_join(root != NULL ? root : ".", "fixtures/tok/pieces");
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(tok_load(&t, dir, &e), OK, "%s", e.msg);
    cr_assert_gt(refdata_file(t, dir, "cases.jsonl"), (size_t)15);
    tok_free(t);
    free(dir);
}

/* NAME/tokenizer.json with cases.jsonl (text, ids, decoded) and decode_cases.jsonl (ids, decoded), computed
 * by the tokenizers library 0.23.2, in a folder of reference data that is not part of this project. */
static void refdata_check(const char *name)
{
    const char *root = getenv("PRIME_ORACLES");
    char *all = file_join(root != NULL ? root : "", "tokenizers"), *dir = file_join(all, name);
    free(all);
    if (root == NULL || !file_is_dir(dir)) {
        free(dir);
        cr_skip_test("no folder of reference data (PRIME_ORACLES)");
    }
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(tok_load(&t, dir, &e), OK, "%s", e.msg);
    cr_assert_gt(refdata_file(t, dir, "cases.jsonl"), (size_t)100);
    cr_assert_gt(refdata_file(t, dir, "decode_cases.jsonl"), (size_t)50);
    tok_free(t);
    free(dir);
}

Test(tok, gpt2_gives_the_reference_ids)
{
    refdata_check("gpt2");
}

/* A character model's tokenizer, with the template's tokens in the ids. */
Test(tok, babyllama_gives_the_reference_ids)
{
    const char *root = getenv("PRIME_ORACLES");
    char *dir = file_join(root != NULL ? root : "", "engine/babyllama105");
    if (root == NULL || !file_is_dir(dir)) {
        free(dir);
        cr_skip_test("no folder of reference data (PRIME_ORACLES)");
    }
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(tok_load(&t, dir, &e), OK, "%s", e.msg);
    char *path = file_join(dir, "tokenizer_cases.jsonl"), *data = NULL;
    size_t n = 0, rows = 0;
    cr_assert_eq(file_read(&data, &n, path, &e), OK, "%s", e.msg);
    for (char *line = strtok(data, "\n"); line != NULL; line = strtok(NULL, "\n"), rows++) {
        JsVal *row = NULL;
        cr_assert_eq(js_parse(&row, line, strlen(line), path, &e), OK, "%s", e.msg);
        size_t len = 0;
        const char *text = js_str(js_get(row, "text"), &len), *decoded = js_str(js_get(row, "decoded"), NULL);
        int32_t want[256];
        size_t n_want = refdata_ids(want, 256, js_get(row, "ids"));
        TokIds ids = {0};
        Str back = {0};
        cr_assert(n_want > 0 && tok_template_before(t)->n == 1 && want[0] == tok_template_before(t)->id[0]);
        cr_assert_eq(tok_encode(t, &ids, text, len, true, NULL), OK);
        cr_assert(ids.n == n_want - 1 && (ids.n == 0 || memcmp(ids.id, want + 1, ids.n * sizeof *want) == 0),
                  "ids of '%s'", text);
        str_puts(&back, "");
        cr_assert_eq(tok_decode(t, &back, want, n_want, true, NULL), OK);
        cr_assert_str_eq(back.s, decoded);
        str_free(&back);
        tok_ids_free(&ids);
        js_close(row);
    }
    cr_assert_geq(rows, (size_t)15);
    free(data);
    free(path);
    tok_free(t);
    free(dir);
}

Test(tok, llama2_gives_the_reference_ids)
{
    refdata_check("llama2");
}

Test(tok, qwen3_gives_the_reference_ids)
{
    refdata_check("qwen3");
}
