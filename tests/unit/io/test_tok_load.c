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

Test(tok_load, what_is_no_list_or_too_long)
{
    static const char no_list[] = "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": \"a b\"}}";
    Tok *t = NULL;
    Err e[2] = {0};
    cr_assert_eq(tok_parse(&t, no_list, sizeof no_list - 1, "tokenizer.json", &e[0]), ERR_FORMAT);
    cr_assert_str_eq(e[0].msg, "tokenizer.json: model.merges is the text \"a b\", want an array");
    Str pre = {0};
    str_puts(&pre, "{'type': 'Split', 'behavior': 'Isolated', 'pattern': {'Regex': '");
    for (size_t i = 0; i < 65537; i++) str_puts(&pre, "a");
    str_puts(&pre, "'}}");
    cr_assert_eq(tok_help_try(&t, (TokParts){.pre = pre.s}, &e[1]), ERR_UNSUP);
    cr_assert_not_null(strstr(e[1].msg, "a pattern of 65537 bytes, want at most 65536"), "%s", e[1].msg);
    cr_assert_null(t);
    str_free(&pre);
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
        {{.options = ", 'byte_fallback': true"},
         ERR_UNSUP,
         "model.byte_fallback with ByteLevel is not implemented where bytes have no token; 242 have none"},
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
        {{.normalizer = "{'type': 'Nmt'}"},
         ERR_UNSUP,
         "normalizer of type 'Nmt' is not implemented; known are Sequence, NFC, NFD, NFKC, NFKD, Prepend, "
         "Replace, Strip, Lowercase, StripAccents"},
        {{.normalizer = "{'type': 'Precompiled'}"}, ERR_UNSUP, "normalizer of type 'Precompiled'"},
        {{.normalizer = "{'type': 'Sequence', 'normalizers': [{'type': 'Prepend'}]}"},
         ERR_FORMAT,
         "normalizer Prepend: prepend is missing, want a text"},
        {{.normalizer = "{'type': 'Sequence'}"}, ERR_FORMAT, "normalizer: a Sequence without the array"},
        {{.normalizer = "'NFC'"}, ERR_FORMAT, "normalizer is the text \"NFC\" without a type"},
        {{.normalizer = "{'type': 'NFC', 'form': 1}"}, ERR_UNSUP, "key 'form' of a normalizer of Unicode"},
        {{.normalizer = "{'type': 'Lowercase', 'locale': 'tr'}"},
         ERR_UNSUP,
         "key 'locale' of normalizer Lowercase"},
        {{.normalizer = "{'type': 'Strip', 'strip_left': 1}"}, ERR_FORMAT, "strip_left is 1, want true or"},
        {{.normalizer = "{'type': 'Replace', 'content': 'a'}"},
         ERR_FORMAT,
         "normalizer Replace: no pattern, want"},
        {{.normalizer = "{'type': 'Replace', 'content': 'a', 'pattern': {'String': ''}}"},
         ERR_UNSUP,
         "normalizer Replace: an empty pattern is not implemented"},
        {{.normalizer = "{'type': 'Replace', 'content': 7, 'pattern': {'String': 'a'}}"},
         ERR_FORMAT,
         "normalizer Replace: content is 7, want a text"},
        {{.pre = "{'type': 'Metaspace', 'replacement': '__'}"},
         ERR_FORMAT,
         "pre_tokenizer Metaspace: replacement is the text \"__\", want one character"},
        {{.pre = "{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'last'}"},
         ERR_FORMAT,
         "prepend_scheme is the text \"last\", want \"always\", \"first\" or \"never\""},
        {{.pre = "{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'first', "
                 "'add_prefix_space': false}"},
         ERR_FORMAT,
         "add_prefix_space is false, but prepend_scheme is \"first\""},
        {{.pre = "{'type': 'UnicodeScripts'}"},
         ERR_UNSUP,
         "pre_tokenizer of type 'UnicodeScripts' is not implemented; known are Sequence, ByteLevel, "
         "Metaspace, "
         "Split, Digits, Whitespace, WhitespaceSplit, Punctuation"},
        {{.pre = "{'type': 'Sequence', 'pretokenizers': [" BYTE_LEVEL ", " BYTE_LEVEL "]}"},
         ERR_UNSUP,
         "a pre_tokenizer behind ByteLevel is not implemented; ByteLevel must be the last"},
        {{.pre = "{'type': 'Sequence', 'pretokenizers': [7]}"},
         ERR_FORMAT,
         "member 0 of a Sequence is no object"},
        {{.pre = "{'type': 'Sequence', 'pretokenizers': {}}"}, ERR_FORMAT, "a Sequence without the array"},
        {{.pre = "{'type': 'ByteLevel', 'add_prefix_space': 1}"}, ERR_FORMAT, "add_prefix_space is 1"},
        {{.pre = "{'type': 'ByteLevel', 'bytes': 1}"}, ERR_UNSUP, "key 'bytes' of pre_tokenizer ByteLevel"},
        {{.pre = WITH_SPLIT("'pattern': {'Regex': 'a'}, 'behavior': 'Sometimes'")},
         ERR_FORMAT,
         "behavior is the text \"Sometimes\", want Isolated, Removed, MergedWithPrevious, MergedWithNext or"},
        {{.pre = WITH_SPLIT("'behavior': 'Isolated'")}, ERR_FORMAT, "pre_tokenizer Split: no pattern"},
        {{.decoder = "{'type': 'WordPiece'}"},
         ERR_UNSUP,
         "decoder of type 'WordPiece' is not implemented; known are Sequence, ByteLevel, Replace, "
         "ByteFallback, "
         "Fuse, Strip, Metaspace"},
        {{.decoder = "{'type': 'Strip', 'content': ' ', 'start': -1, 'stop': 0}"},
         ERR_FORMAT,
         "decoder Strip: start is -1, want a whole number >= 0"},
        {{.decoder = "{'type': 'Strip', 'content': '', 'start': 1, 'stop': 0}"},
         ERR_FORMAT,
         "decoder Strip: content is the text \"\", want one character"},
        {{.decoder = "{'type': 'Fuse', 'with': ' '}"}, ERR_UNSUP, "key 'with' of decoder Fuse"},
    };
    LOAD_CASES(cases);
}

#define TEMPLATE(single, specials) \
    "{'type': 'TemplateProcessing', 'single': [" single "], 'special_tokens': {" specials "}}"
#define SPECIAL(name) "{'SpecialToken': {'id': '" name "', 'type_id': 0}}"
#define TEXT(name) "{'Sequence': {'id': '" name "', 'type_id': 0}}"
#define IDS(name, ids) "'" name "': {'id': '" name "', 'ids': [" ids "], 'tokens': ['" name "']}"

Test(tok_load, templates)
{
    static const LoadCase cases[] = {
        {{.post = "{'type': 'Magic'}"},
         ERR_UNSUP,
         "post_processor of type 'Magic' is not implemented; known are Sequence, ByteLevel, "
         "TemplateProcessing, RobertaProcessing, BertProcessing"},
        {{.post = TEMPLATE(SPECIAL("<s>") ", " TEXT("A"), "")},
         ERR_FORMAT,
         "post_processor: special_tokens has no ids for '<s>' of the template"},
        {{.post = TEMPLATE(SPECIAL("<s>") ", " TEXT("A"), IDS("<s>", "20"))},
         ERR_FORMAT,
         "post_processor: the id of '<s>' is 20, want 0 to 19"},
        {{.post = TEMPLATE(SPECIAL("<s>") ", " TEXT("A"), IDS("<s>", "'x'"))},
         ERR_FORMAT,
         "post_processor: the id of '<s>' is the text \"x\", want 0 to 19"},
        {{.post = TEMPLATE(TEXT("B"), "")},
         ERR_FORMAT,
         "post_processor: the template for one text asks for sequence the text \"B\", want \"A\""},
        {{.post = TEMPLATE(TEXT("A") ", " TEXT("A"), "")},
         ERR_UNSUP,
         "post_processor: a template that holds the text 2 times is not implemented"},
        {{.post = TEMPLATE("{'SpecialToken': {'id': 7, 'type_id': 0}}, " TEXT("A"), "")},
         ERR_FORMAT,
         "post_processor: the id of a SpecialToken is 7, want a text"},
        {{.post = TEMPLATE("", "")}, ERR_UNSUP, "a template that holds the text 0 times"},
        {{.post = TEMPLATE("'A'", "")}, ERR_FORMAT, "a piece of the template is the text \"A\", want a"},
        {{.post = "{'type': 'TemplateProcessing', 'single': '$A'}"},
         ERR_FORMAT,
         "post_processor: single is the text \"$A\", want an array"},
        {{.post = "{'type': 'BertProcessing', 'sep': ['b', 1]}"},
         ERR_FORMAT,
         "post_processor BertProcessing: cls is missing, want [token, id]"},
        {{.post = "{'type': 'Sequence', 'processors': [" TEMPLATE(
              SPECIAL("a") ", " TEXT("A"), IDS("a", "0")) ", " TEMPLATE(TEXT("A") ", " SPECIAL("a"),
                                                                        IDS("a", "0")) "]}"},
         ERR_UNSUP,
         "post_processor: a second template around the first is not implemented"},
    };
    LOAD_CASES(cases);
}

static void template_is(const char *post, const char *want)
{
    Tok *t = tok_help_load((TokParts){.post = post});
    Str got = {0};
    const TokIds *before = tok_template_before(t), *after = tok_template_after(t);
    for (size_t i = 0; i < before->n; i++) str_printf(&got, "%d ", before->id[i]);
    str_puts(&got, "A");
    for (size_t i = 0; i < after->n; i++) str_printf(&got, " %d", after->id[i]);
    cr_expect_str_eq(got.s, want, "%s: %s", post, got.s);
    tok_expect(t, "abc", "4"); /* encoding leaves the template to its caller */
    str_free(&got);
    tok_free(t);
}

Test(tok_load, templates_are_told)
{
    template_is("null", "A");
    template_is(BYTE_LEVEL, "A");
    template_is(TEMPLATE(SPECIAL("a") ", " TEXT("A") ", " SPECIAL("x"), IDS("a", "0") ", " IDS("x", "1, 2")),
                "0 A 1 2");
    template_is("{'type': 'Sequence', 'processors': [" BYTE_LEVEL
                ", " TEMPLATE(SPECIAL("a") ", " TEXT("A"), IDS("a", "0")) "]}",
                "0 A");
    template_is("{'type': 'RobertaProcessing', 'sep': ['b', 1], 'cls': ['a', 0], 'trim_offsets': true, "
                "'add_prefix_space': false}",
                "0 A 1");
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
        {{.normalizer = "{'type': 'Strip'}", .added = "{'id': 20, 'content': ' ', 'normalized': true}"},
         ERR_UNSUP,
         "added_tokens: ' ' is empty when it is normalised; that is not implemented"},
        {{.normalizer = "{'type': 'NFC'}",
          .added = "{'id': 20, 'content': '\u00e9', 'normalized': true}, {'id': 21, 'content': 'e\u0301', "
                   "'normalized': true}"},
         ERR_UNSUP,
         "added_tokens: '\u00e9' and 'e\u0301' are the same when they are normalised"},
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
        {{.pre = PATTERN("\\\\p{^Han}")}, ERR_UNSUP, "'\\p{^Han}' at byte 0"},
        {{.pre = PATTERN("\\\\p{sc:Han}")}, ERR_UNSUP, "'\\p{sc:Han}' at byte 0"},
        {{.pre = PATTERN("a\\\\")}, ERR_FORMAT, "ends with a backslash"},
        {{.pre = PATTERN("\\\\p{Nope}")}, ERR_FORMAT, "unknown property"},
        {{.pre = PATTERN("(a")}, ERR_FORMAT, "missing closing parenthesis"},
        {{.pre = PATTERN("a**")}, ERR_FORMAT, "quantifier does not follow a repeatable item"},
    };
    LOAD_CASES(cases);
    Tok *t = tok_help_load((TokParts){.pre = PATTERN("(?i:a)(?:st|\u00df)")});
    tok_free(t); /* the scope of (?i: ends with its group */
}

/* `count` steps in a row, or sequences within sequences, with `last` in the middle. */
static char *steps_many(const char *key, const char *step, const char *last, int count, bool nested)
{
    Str s = {0};
    str_printf(&s, "{'type': 'Sequence', '%s': [", key);
    for (int i = 0; i < count; i++)
        nested ? str_printf(&s, "{'type': 'Sequence', '%s': [", key) : str_printf(&s, "%s, ", step);
    str_puts(&s, last);
    for (int i = 0; i < count && nested; i++) str_puts(&s, "]}");
    str_puts(&s, "]}");
    return s.s;
}

Test(tok_load, too_many_steps)
{
    char *digits = steps_many("pretokenizers", "{'type': 'Digits'}", BYTE_LEVEL, 8, false);
    char *deep = steps_many("pretokenizers", "", BYTE_LEVEL, 12, true);
    char *norms = steps_many("normalizers", "{'type': 'NFC'}", "{'type': 'Strip'}", 8, false);
    char *replaced = steps_many("normalizers", "{'type': 'NFC'}",
                                "{'type': 'Replace', 'content': '', 'pattern': {'String': 'a'}}", 8, false);
    char *fuses = steps_many("decoders", "{'type': 'Fuse'}", "{'type': 'Fuse'}", 8, false);
    LoadCase cases[] = {{{.pre = digits}, ERR_UNSUP, "more than 8 pre-tokenizers in a row"},
                        {{.pre = deep}, ERR_UNSUP, "more than 8 deep"},
                        {{.normalizer = norms}, ERR_UNSUP, "more than 8 normalizers in a row"},
                        {{.normalizer = replaced}, ERR_UNSUP, "more than 8 normalizers in a row"},
                        {{.decoder = fuses}, ERR_UNSUP, "more than 8 decoders in a row"}};
    LOAD_CASES(cases);
    free(digits);
    free(deep);
    free(norms);
    free(replaced);
    free(fuses);
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

/* A folder of an older form is told what to do. */
Test(tok_load, folders_without_tokenizer_json)
{
    static const struct {
        const char *file, *says;
    } cases[] = {
        {"tokenizer.model", "tokenizer.model beside it (SentencePiece's own form) is not read. Convert once"},
        {"vocab.json", "vocab.json beside it (half of an older form, with merges.txt) is not read. Convert"},
        {"vocab.txt", "vocab.txt beside it (an older form) is not read. Convert once with the library"},
    };
    char dir[] = "tok_old_XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = file_join(dir, cases[i].file);
        Tok *t = NULL;
        Err e = {0};
        cr_assert_eq(file_write(path, "x", 1, NULL), OK);
        cr_expect_eq(tok_load(&t, dir, &e), ERR_IO);
        cr_expect_not_null(strstr(e.msg, cases[i].says), "%s", e.msg);
        cr_expect_not_null(strstr(e.msg, "save_pretrained(dir) writes tokenizer.json"), "%s", e.msg);
        cr_assert_eq(remove(path), 0);
        free(path);
    }
    cr_assert_eq(remove(dir), 0);
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
        if (s == OK)
            tok_expect(t, "abcab",
                       strcmp(js_str(js_get(row, "file"), NULL), "valid_pieces.json") != 0 ? "5 4" : "6 5 4");
        refused += s != OK;
        tok_free(t);
        free(path);
    }
    cr_assert_eq(refused, 38);
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
