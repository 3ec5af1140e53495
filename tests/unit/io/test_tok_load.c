#include "tok_help.h"

#include "prime/js.h"

#define BYTE_LEVEL "{'type': 'ByteLevel', 'add_prefix_space': false}"
#define WITH_SPLIT(split) \
    "{'type': 'Sequence', 'pretokenizers': [{'type': 'Split', " split "}, " BYTE_LEVEL "]}"
#define PATTERN(p) WITH_SPLIT("'pattern': {'Regex': '" p "'}, 'behavior': 'Isolated'")

typedef struct {
    TokParts parts;
    Status want;
    const char *message;
} LoadCase;

static void load_cases(const LoadCase *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        Tok *t = NULL;
        Err e = {0};
        cr_expect_eq(tok_help_try(&t, cases[i].parts, &e), cases[i].want, "case %zu: %s", i, e.msg);
        cr_expect_null(t);
        cr_expect_not_null(strstr(e.msg, cases[i].message), "case %zu: %s, want %s", i, e.msg,
                           cases[i].message);
        cr_expect_not_null(strstr(e.msg, "tokenizer.json:"), "the file is named: %s", e.msg);
    }
}

#define LOAD_CASES(cases) load_cases(cases, sizeof(cases) / sizeof(cases)[0])

Test(tok_load, vocabulary_and_merges)
{
    static const LoadCase cases[] = {
        {{.vocab = "'a': 0, 'b': 2"}, ERR_FORMAT, "token 'b' has id 2, want 0 to 1"},
        {{.vocab = "'a': 0, 'b': 2", .merges = "", .added = "{'id': 3, 'content': '<s>'}"},
         ERR_FORMAT,
         "want 0 to 2: ids run without holes"},
        {{.vocab = "'a': 0, 'b': 2, '<s>': 3", .merges = "", .added = "{'id': 3, 'content': '<s>'}"},
         ERR_FORMAT,
         "no token has id 1, though ids go up to 3"},
        {{.vocab = "'a': 0, 'b': 0"}, ERR_FORMAT, "id 0 is given to two tokens, 'a' and 'b'"},
        {{.vocab = "'a': 0, 'a': 1"}, ERR_FORMAT, "duplicate"},
        {{.vocab = "'a': 1e300"}, ERR_FORMAT, "the id of 'a' is"},
        {{.vocab = "'a': 0.0"}, ERR_FORMAT, "the id of 'a' is"},
        {{.vocab = "'a': 99999999999999999999"}, ERR_FORMAT, "not JSON"},
        {{.vocab = "", .merges = ""}, ERR_FORMAT, "the vocabulary is empty"},
        {{.merges = "'ab'"}, ERR_FORMAT, "row 0 is the text \"ab\", want two tokens"},
        {{.merges = "'a b', null"}, ERR_FORMAT, "row 1 is null, want two tokens"},
        {{.merges = "['a', 1]"}, ERR_FORMAT, "row 0 is an array of 2, want two tokens"},
        {{.merges = "['a', 'b', 'c']"}, ERR_FORMAT, "row 0 is an array of 3, want two tokens"},
        {{.merges = "' a'"}, ERR_FORMAT, "row 0 names '', which is not in the vocabulary"},
        {{.merges = "'b c'"}, ERR_FORMAT, "row 0 names 'bc', which is not in the vocabulary"},
    };
    LOAD_CASES(cases);
}

Test(tok_load, options_of_the_model)
{
    static const LoadCase cases[] = {
        {{.options = ", 'dropout': 0.1"}, ERR_UNSUP, "model.dropout = 0.1"},
        {{.options = ", 'dropout': 'x'"}, ERR_UNSUP, "model.dropout"},
        {{.options = ", 'continuing_subword_prefix': '##'"},
         ERR_UNSUP,
         "model.continuing_subword_prefix = the"},
        {{.options = ", 'end_of_word_suffix': '</w>'"}, ERR_UNSUP, "model.end_of_word_suffix = the"},
        {{.options = ", 'byte_fallback': true"}, ERR_UNSUP, "model.byte_fallback (the SentencePiece kind)"},
        {{.options = ", 'byte_fallback': 1"}, ERR_FORMAT, "byte_fallback is 1, want true or false"},
        {{.options = ", 'unk_token': '<u>'"}, ERR_FORMAT, "model.unk_token '<u>' is not in the vocabulary"},
        {{.options = ", 'unk_token': 7"}, ERR_FORMAT, "model.unk_token is 7, want a text or null"},
        {{.options = ", 'fuse_unk': 'yes'"}, ERR_FORMAT, "fuse_unk is the text \"yes\", want true or false"},
        {{.options = ", 'max_word': 7"}, ERR_UNSUP, "key 'max_word' of model is not implemented"},
        {{.top = ", 'truncation': {'max_length': 8}"}, ERR_UNSUP, "truncation is an object"},
        {{.top = ", 'padding': {'pad_id': 8}"}, ERR_UNSUP, "padding is an object"},
        {{.top = ", 'lattice': 1"}, ERR_UNSUP, "key 'lattice' of the file is not implemented"},
    };
    LOAD_CASES(cases);
    Tok *t = tok_help_load((TokParts){
        .options = ", 'dropout': 0.0, 'continuing_subword_prefix': '', 'end_of_word_suffix': null, "
                   "'unk_token': null, 'byte_fallback': false",
        .top = ", 'truncation': null, 'padding': null, 'version': '1.0'"});
    tok_expect(t, "abc", "4"); /* options that are off change nothing */
    tok_free(t);
}

Test(tok_load, steps_around_the_model)
{
    static const LoadCase cases[] = {
        {{.normalizer = "{'type': 'NFKC'}"}, ERR_UNSUP, "normalizer of type 'NFKC' is not implemented"},
        {{.normalizer = "{'type': 'Sequence', 'normalizers': [{'type': 'Prepend', 'prepend': '_'}]}"},
         ERR_UNSUP,
         "normalizer of type 'Prepend' is not implemented (the SentencePiece kind)"},
        {{.normalizer = "{'type': 'Sequence'}"}, ERR_FORMAT, "normalizer: a Sequence without the array"},
        {{.normalizer = "'NFC'"}, ERR_FORMAT, "normalizer is the text \"NFC\" without a type"},
        {{.pre = "null"}, ERR_UNSUP, "the pre_tokenizer does not end in ByteLevel"},
        {{.pre = "{'type': 'Metaspace', 'replacement': '_'}"}, ERR_UNSUP, "'Metaspace'"},
        {{.pre = "{'type': 'Digits', 'individual_digits': true}"}, ERR_UNSUP, "does not end in ByteLevel"},
        {{.pre = "{'type': 'Sequence', 'pretokenizers': [" BYTE_LEVEL ", " BYTE_LEVEL "]}"},
         ERR_UNSUP,
         "pre_tokenizer 'ByteLevel' behind ByteLevel is not implemented"},
        {{.pre = "{'type': 'Sequence', 'pretokenizers': [7]}"},
         ERR_FORMAT,
         "member 0 of a Sequence is no object"},
        {{.pre = "{'type': 'Sequence', 'pretokenizers': {}}"}, ERR_FORMAT, "a Sequence without the array"},
        {{.pre = "{'type': 'ByteLevel', 'add_prefix_space': 1}"}, ERR_FORMAT, "add_prefix_space is 1"},
        {{.pre = "{'type': 'ByteLevel', 'bytes': 1}"}, ERR_UNSUP, "key 'bytes' of pre_tokenizer ByteLevel"},
        {{.pre = WITH_SPLIT("'pattern': {'Regex': 'a'}, 'behavior': 'Contiguous'")},
         ERR_UNSUP,
         "behavior is the text \"Contiguous\", only Isolated and Removed"},
        {{.pre = WITH_SPLIT("'behavior': 'Isolated'")}, ERR_FORMAT, "pre_tokenizer Split: no pattern"},
        {{.decoder = "null"}, ERR_UNSUP, "decoder is missing"},
        {{.decoder = "{'type': 'WordPiece'}"}, ERR_UNSUP, "decoder of type 'WordPiece' is not implemented"},
        {{.post = "{'type': 'Magic'}"}, ERR_UNSUP, "post_processor of type 'Magic' is not implemented"},
    };
    LOAD_CASES(cases);
    Tok *t = tok_help_load((TokParts){.post = "{'type': 'Sequence', 'processors': [" BYTE_LEVEL
                                              ", {'type': 'TemplateProcessing', 'single': "
                                              "[{'SpecialToken': {'id': 'a', 'type_id': 0}}]}]}"});
    tok_expect(t, "abc", "4"); /* a template is read, and adds nothing */
    tok_free(t);
}

Test(tok_load, added_tokens)
{
    static const LoadCase cases[] = {
        {{.added = "{'id': 3, 'content': '<s>'}"}, ERR_FORMAT, "id 3 is given to two tokens, 'ab' and '<s>'"},
        {{.added = "{'id': 3, 'content': 'abc'}"},
         ERR_FORMAT,
         "'abc' has id 3, but the vocabulary gives it 4"},
        {{.added = "{'id': 4, 'content': 'abc'}, {'id': 4, 'content': 'abc'}"},
         ERR_FORMAT,
         "'abc' is listed twice"},
        {{.added = "{'id': 20, 'content': ''}"}, ERR_FORMAT, "row 0 has no content"},
        {{.added = "{'content': '<s>'}"}, ERR_FORMAT, "'<s>' has no id"},
        {{.added = "{'id': 4294967316, 'content': '<s>'}"}, ERR_FORMAT, "has id 4294967316, want 0 to 20"},
        {{.added = "{'id': 20, 'content': '<s>', 'lstrip': 'left'}"}, ERR_FORMAT, "lstrip is the text"},
        {{.added = "{'id': 20, 'content': '<s>', 'magic': 1}"}, ERR_UNSUP, "key 'magic'"},
        {{.added = "'<s>'"}, ERR_FORMAT, "a row of added_tokens is the text \"<s>\", want an object"},
    };
    LOAD_CASES(cases);
}

/* What Oniguruma and PCRE2 read differently is refused with its place. */
Test(tok_load, patterns)
{
    static const LoadCase cases[] = {
        {{.pre = PATTERN("^a")}, ERR_UNSUP, "pattern '^a': '^' at byte 0 is not implemented"},
        {{.pre = PATTERN("a$")}, ERR_UNSUP, "'$' at byte 1"},
        {{.pre = PATTERN("a\\\\b")}, ERR_UNSUP, "'\\b' at byte 1"},
        {{.pre = PATTERN("\\\\h")}, ERR_UNSUP, "'\\h' at byte 0"},
        {{.pre = PATTERN("[\\\\W]")}, ERR_UNSUP, "'\\W' at byte 1"},
        {{.pre = PATTERN("[[:alpha:]]")}, ERR_UNSUP, "'[:' at byte 1"},
        {{.pre = PATTERN("[a&&b]")}, ERR_UNSUP, "'&&' at byte 2"},
        {{.pre = PATTERN("[]a]")}, ERR_UNSUP, "']' at byte 1"},
        {{.pre = PATTERN("(?m:a)")}, ERR_UNSUP, "'(?m:' at byte 0"},
        {{.pre = PATTERN("(*FAIL)")}, ERR_UNSUP, "'(*FA' at byte 0"},
        {{.pre = PATTERN("a{1,3}+")}, ERR_UNSUP, "'}+' at byte 5"},
        {{.pre = PATTERN("a{,3}")}, ERR_UNSUP, "'{,' at byte 1"},
        {{.pre = PATTERN("(?i:stra)")}, ERR_UNSUP, "'st' at byte 4"},
        {{.pre = PATTERN("(?i:[\u00df])")}, ERR_UNSUP, "at byte 5"},
        {{.pre = PATTERN("\\\\pL")}, ERR_UNSUP, "'\\pL' at byte 0"},
        {{.pre = PATTERN("\\\\p{L")}, ERR_UNSUP, "'\\p{' at byte 0"},
        {{.pre = PATTERN("\\\\u00g0")}, ERR_UNSUP, "'\\u00g0' at byte 0"},
        {{.pre = PATTERN("a\\\\")}, ERR_FORMAT, "ends with a backslash"},
        {{.pre = PATTERN("\\\\p{Nope}")}, ERR_FORMAT, "unknown property"},
        {{.pre = PATTERN("(a")}, ERR_FORMAT, "missing closing parenthesis"},
        {{.pre = PATTERN("a**")}, ERR_FORMAT, "quantifier does not follow a repeatable item"},
    };
    LOAD_CASES(cases);
    Tok *t = tok_help_load((TokParts){.pre = PATTERN("(?i:a)(?:st|\u00df)")});
    tok_free(t); /* the scope of (?i: ends with its group */
}

Test(tok_load, too_many_steps)
{
    Str pre = {0};
    str_puts(&pre, "{'type': 'Sequence', 'pretokenizers': [");
    for (int i = 0; i < 8; i++) str_puts(&pre, "{'type': 'Digits', 'individual_digits': true}, ");
    str_puts(&pre, BYTE_LEVEL "]}");
    LoadCase many = {{.pre = pre.s}, ERR_UNSUP, "more than 8 pre-tokenizers in a row"};
    load_cases(&many, 1);
    str_free(&pre);
    for (int i = 0; i < 12; i++) str_puts(&pre, "{'type': 'Sequence', 'pretokenizers': [");
    str_puts(&pre, BYTE_LEVEL);
    for (int i = 0; i < 12; i++) str_puts(&pre, "]}");
    LoadCase deep = {{.pre = pre.s}, ERR_UNSUP, "more than 8 deep"};
    load_cases(&deep, 1);
    str_free(&pre);
}

Test(tok_load, files_that_are_not_there)
{
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(tok_load(&t, "no/such/dir", &e), ERR_IO);
    cr_assert_not_null(strstr(e.msg, "no/such/dir/tokenizer.json"), "%s", e.msg);
    Err again = {0};
    cr_assert_eq(tok_load(&t, "no/such.json", &again), ERR_IO);
    cr_assert_not_null(strstr(again.msg, "no/such.json: cannot open"), "%s", again.msg);
    cr_assert_null(t);
}

Test(tok_load, damaged_files_get_their_verdict)
{
    const char *root = getenv("PRIME_SOURCE");
    char *dir = file_join(root != NULL ? root : ".", "fixtures/malformed/tokenizer");
    char *list_path = file_join(dir, "manifest.json");
    JsVal *list = NULL;
    size_t refused = 0;
    cr_assert_eq(js_load(&list, list_path, NULL), OK);
    for (size_t i = 0; i < js_len(list); i++) {
        const JsVal *row = js_at(list, i);
        const char *want = js_str(js_get(row, "expect"), NULL), *part = js_str(js_get(row, "message"), NULL);
        char *path = file_join(dir, js_str(js_get(row, "file"), NULL));
        Tok *t = NULL;
        Err e = {0};
        Status s = tok_load(&t, path, &e);
        cr_expect_str_eq(s == OK ? "OK" : err_name(s), want, "%s: %s", path, e.msg);
        cr_expect(s == OK || (t == NULL && strstr(e.msg, part) != NULL), "%s, want %s", e.msg, part);
        if (s == OK) tok_expect(t, "abcab", "5 4");
        refused += s != OK;
        tok_free(t);
        free(path);
    }
    cr_assert_eq(refused, 20);
    js_close(list);
    free(list_path);
    free(dir);
}

/* Every file that is cut short is refused; none crashes. */
Test(tok_load, every_prefix_of_a_file_is_refused)
{
    const char *root = getenv("PRIME_SOURCE");
    char *path = file_join(root != NULL ? root : ".", "fixtures/malformed/tokenizer/valid_tiny.json"), *data;
    size_t n;
    cr_assert_eq(file_read(&data, &n, path, NULL), OK);
    for (size_t cut = 0; cut < n; cut += 7) {
        Tok *t = NULL;
        cr_assert_eq(tok_parse(&t, data, cut, "cut", NULL), ERR_FORMAT, "cut at %zu", cut);
    }
    free(data);
    free(path);
}
