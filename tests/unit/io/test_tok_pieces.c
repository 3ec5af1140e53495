/* BPE over characters with byte fallback, and the steps around it. */
#include "tok_help.h"

#include "prime/rng.h"

#include <utf8proc.h>

#define MARK "\xe2\x96\x81" /* U+2581, which stands for a space */
#define LLAMA                                                                           \
    "{'type': 'Sequence', 'normalizers': [{'type': 'Prepend', 'prepend': '" MARK "'}, " \
    "{'type': 'Replace', 'pattern': {'String': ' '}, 'content': '" MARK "'}]}"
#define LLAMA_DECODER                                                                           \
    "{'type': 'Sequence', 'decoders': [{'type': 'Replace', 'pattern': {'String': '" MARK "'}, " \
    "'content': ' '}, {'type': 'ByteFallback'}, {'type': 'Fuse'}, "                             \
    "{'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 0}]}"

/* The 256 byte tokens, id = byte, and then what the caller adds. */
static char *byte_vocab(const char *more)
{
    Str s = {0};
    for (int b = 0; b < 256; b++) str_printf(&s, "%s'<0x%02X>': %d", b == 0 ? "" : ", ", (unsigned)b, b);
    str_puts(&s, more);
    return s.s;
}

static Tok *pieces_load(TokParts p, const char *more)
{
    char *vocab = byte_vocab(more);
    p.vocab = vocab;
    if (p.pre == NULL) p.pre = "null";
    if (p.merges == NULL) p.merges = "";
    if (p.options == NULL) p.options = ", 'byte_fallback': true";
    if (p.decoder == NULL) p.decoder = LLAMA_DECODER;
    Tok *t = tok_help_load(p);
    free(vocab);
    return t;
}

Test(tok_pieces, bytes_stand_in_for_characters)
{
    Tok *t = pieces_load((TokParts){0}, ", 'a': 256, 'b': 257");
    tok_expect(t,
               "a\xc3\xa9"
               "b\n",
               "256 195 169 257 10");
    tok_expect_n(t, "a\xff\xc3", 3, true, "256 255 195"); /* not UTF-8: its own bytes */
    tok_free(t);
}

Test(tok_pieces, characters_without_a_token)
{
    const char *vocab = "'<u>': 0, 'a': 1, 'b': 2, 'ab': 3, '<0xC3>': 4, '<0xA9>': 5", *merges = "'a b'";
    static const struct {
        const char *options, *text, *ids;
    } cases[] = {
        {"", "axxb", "3"},
        {", 'unk_token': '<u>'", "axxb", "1 0 0 2"},
        {", 'unk_token': '<u>', 'fuse_unk': true", "axxbx", "1 0 2 0"},
        {", 'unk_token': '<u>', 'fuse_unk': true, 'byte_fallback': true", "a\xc3\xa9xb", "1 4 5 0 2"},
        /* A waiting unknown token comes behind the bytes that follow it. */
        {", 'unk_token': '<u>', 'fuse_unk': true, 'byte_fallback': true", "ax\xc3\xa9xb", "1 4 5 0 2"},
        {", 'unk_token': '<u>', 'byte_fallback': true", "ax\xc3\xa9xb", "1 4 5 0 0 2"},
        /* A character of which one byte has no token is unknown as a whole. */
        {", 'unk_token': '<u>', 'byte_fallback': true", "\xc3\xa8", "0"},
        {", 'byte_fallback': true",
         "a\xc3\xa8"
         "b",
         "3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Tok *t = tok_help_load(
            (TokParts){.pre = "null", .vocab = vocab, .merges = merges, .options = cases[i].options});
        tok_expect(t, cases[i].text, cases[i].ids);
        tok_free(t);
    }
}

/* A dropped character makes neighbours of the marks around it, so there words are not cut. */
Test(tok_pieces, marks_meet_over_what_is_dropped)
{
    const char *vocab = "'" MARK "': 0, 'a': 1, '" MARK MARK "': 2, '<u>': 3",
               *merges = "'" MARK " " MARK "'";
    Tok *t = tok_help_load((TokParts){.pre = "null", .vocab = vocab, .merges = merges});
    tok_expect(t, MARK "x" MARK "a", "2 1");
    tok_free(t);
    t = tok_help_load(
        (TokParts){.pre = "null", .vocab = vocab, .merges = merges, .options = ", 'unk_token': '<u>'"});
    tok_expect(t, MARK "x" MARK "a", "0 3 0 1");
    tok_expect(t, MARK MARK MARK "aa" MARK "a" MARK, "2 0 1 1 0 1 0");
    tok_free(t);
}

Test(tok_pieces, ignore_merges_takes_whole_texts)
{
    const char *vocab = "'a': 0, 'b': 1, 'ab': 2, 'aba': 3, '\xc3\xa9': 4, '\xc3\xa9"
                        "a': 5";
    Tok *t = tok_help_load(
        (TokParts){.pre = "null", .vocab = vocab, .merges = "'a b'", .options = ", 'ignore_merges': true"});
    tok_expect(t, "aba", "3");
    tok_expect(t, "abaa", "2 0 0");
    tok_expect(t,
               "\xc3\xa9"
               "a",
               "5");
    tok_free(t);
}

/* --- normalisers: with byte tokens alone, ids spell the normalised text
 * --------------------------------------
 */

static char *normal_form(const Tok *t, const char *text, size_t n)
{
    TokIds ids = {0};
    Str s = {0};
    Err e = {0};
    cr_assert_eq(tok_encode(t, &ids, text, n, true, &e), OK, "%s", e.msg);
    for (size_t i = 0; i < ids.n; i++) str_put(&s, &(char){(char)ids.id[i]}, 1);
    str_puts(&s, "");
    tok_ids_free(&ids);
    return s.s;
}

static void normal_is(const char *normaliser, const char *text, const char *want)
{
    Tok *t = pieces_load((TokParts){.normalizer = normaliser}, "");
    char *got = normal_form(t, text, strlen(text));
    cr_expect_str_eq(got, want, "%s of '%s' is '%s', want '%s'", normaliser, text, got, want);
    free(got);
    tok_free(t);
}

#define REPLACE(kind, p, c) "{'type': 'Replace', 'pattern': {'" kind "': '" p "'}, 'content': '" c "'}"

Test(tok_pieces, normalisers)
{
    normal_is("null", " a ", " a ");
    normal_is(LLAMA, "a b", MARK "a" MARK "b");
    normal_is(LLAMA, "", "");
    normal_is("{'type': 'NFC'}", "e\xcc\x81 \xe1\x84\x80\xe1\x85\xa1", "\xc3\xa9 \xea\xb0\x80");
    normal_is("{'type': 'NFD'}", "\xc3\xa9", "e\xcc\x81");
    normal_is("{'type': 'NFKC'}", "\xef\xac\x81\xc2\xb2", "fi2");
    normal_is("{'type': 'NFKD'}", "\xef\xac\x81\xc3\xa9", "fie\xcc\x81");
    normal_is("{'type': 'Lowercase'}", "A\xc3\x89\xc4\xb0", "a\xc3\xa9i\xcc\x87"); /* U+0130 becomes two */
    normal_is("{'type': 'StripAccents'}", "e\xcc\x81\xc3\xa9", "e\xc3\xa9");       /* marks alone go */
    normal_is("{'type': 'Strip'}", "\xe3\x80\x80 a b \n\xc2\xa0", "a b");
    normal_is("{'type': 'Strip', 'strip_left': false}", " a ", " a");
    normal_is("{'type': 'Strip', 'strip_right': false}", " a ", "a ");
    normal_is("{'type': 'Strip'}", " \n ", "");
    normal_is(REPLACE("String", "a.", ""), "a.aab", "aab"); /* a text is no pattern */
    normal_is(REPLACE("Regex", "a+", "x"), "baab", "bxb");
    normal_is(REPLACE("Regex", "a*", "-"), "baab", "-b-b-"); /* empty matches, but not behind a match */
    normal_is(REPLACE("Regex", " {2,}", "\xc3\xa9"), "a  b c",
              "a\xc3\xa9"
              "b c");
    normal_is("{'type': 'Sequence', 'normalizers': [" REPLACE("String", "a", "") ", " LLAMA "]}", "aa", "");
}

/* Texts of marks, jamo, joiners and letters, by a seed. */
static void odd_text(Str *s, Rng *r, size_t n)
{
    static const uint32_t some[] = {'a',     'e',     ' ',     '\n',    0x301,  0x316,  0x302,
                                    0x345,   0xe9,    0xfb01,  0x1100,  0x1161, 0x11a8, 0xac00,
                                    0x915,   0x94d,   0x93f,   0x9be,   0x9c7,  0x200d, 0x2126,
                                    0x1f469, 0x1f1e9, 0x1d15e, 0x1d165, 0xfb2c, 0x344};
    for (size_t i = 0; i < n; i++) {
        utf8proc_uint8_t b[4];
        uint32_t c = some[rng_below(r, sizeof some / sizeof some[0])];
        if (rng_below(r, 4) == 0) c = 0x20 + (uint32_t)rng_below(r, 0x3000);
        str_put(s, (const char *)b, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, b));
    }
}

/* The normal form is made cluster by cluster; it must be that of the whole. */
Test(tok_pieces, clusters_normalise_as_the_whole_does)
{
    static const struct {
        const char *name;
        int how;
    } forms[] = {{"{'type': 'NFC'}", UTF8PROC_COMPOSE},
                 {"{'type': 'NFD'}", UTF8PROC_DECOMPOSE},
                 {"{'type': 'NFKC'}", UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
                 {"{'type': 'NFKD'}", UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT}};
    Rng r = rng_stream(3, "tok clusters", 0);
    for (size_t f = 0; f < 4; f++) {
        Tok *t = pieces_load((TokParts){.normalizer = forms[f].name}, "");
        for (size_t i = 0; i < 500; i++) {
            Str text = {0};
            utf8proc_uint8_t *want = NULL;
            odd_text(&text, &r, 1 + rng_below(&r, i < 490 ? 12 : 400));
            char *got = normal_form(t, text.s, text.n);
            cr_assert_geq(utf8proc_map((const utf8proc_uint8_t *)text.s, (utf8proc_ssize_t)text.n, &want,
                                       (utf8proc_option_t)(forms[f].how | UTF8PROC_STABLE)),
                          0);
            cr_assert_str_eq(got, (const char *)want, "%s of text %zu", forms[f].name, i);
            free(want);
            free(got);
            str_free(&text);
        }
        tok_free(t);
    }
}

/* --- pre-tokenisers
 * -----------------------------------------------------------------------------------------
 */

#define META(more) "{'type': 'Metaspace', 'replacement': '_'" more "}"

Test(tok_pieces, metaspace)
{
    const char *vocab = "'_': 0, 'a': 1, '_a': 2, 'a_': 3, '__': 4", *merges = "'a _', '_ _', '_ a'";
    static const struct {
        const char *pre, *text, *ids;
    } cases[] = {
        {META(""), "a a", "2 2"}, /* cut before the mark, so "a _" never meets */
        {META(", 'split': false"), "a a", "0 3 1"},
        {META(""), " a", "2"},
        {META(""), "_a", "2"},
        {META(""), "  a", "0 2"},
        {META(", 'prepend_scheme': 'never'"), "a a", "1 2"},
        {META(", 'add_prefix_space': false"), "a a", "1 2"},
        {META(", 'add_prefix_space': true, 'str_rep': '_'"), "a a", "2 2"},
        {META(", 'prepend_scheme': 'first'"), "a<s>a", "2 5 1"},
        {META(", 'prepend_scheme': 'always'"), "a<s>a", "2 5 2"},
        {META(", 'prepend_scheme': 'first'"), "<s>a", "5 1"},
        {"{'type': 'Sequence', 'pretokenizers': [{'type': 'WhitespaceSplit'}, " META(
             ", 'prepend_scheme': 'first'") "]}",
         "a a", "2 1"},
        {"{'type': 'Sequence', 'pretokenizers': [{'type': 'WhitespaceSplit'}, " META("") "]}", "a \n a",
         "2 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Tok *t = tok_help_load((TokParts){.pre = cases[i].pre,
                                          .vocab = vocab,
                                          .merges = merges,
                                          .added = "{'id': 5, 'content': '<s>', 'special': true}"});
        tok_expect(t, cases[i].text, cases[i].ids);
        tok_free(t);
    }
}

#define CUT(p, how, inv) \
    "{'type': 'Split', 'pattern': {'Regex': '" p "'}, 'behavior': '" how "', 'invert': " inv "}"

Test(tok_pieces, pieces_are_put_together)
{
    /* Every pair of letters joins, so that ids show where the text was cut. */
    const char *vocab =
        "'a': 0, 'b': 1, '.': 2, 'ab': 3, 'b.': 4, '..': 5, '.a': 6, 'b.a': 7, 'b..': 8, '..a': 9";
    const char *merges = "'. .', 'a b', 'b .', '. a', 'b. a', 'b ..', '.. a'";
    static const struct {
        const char *pre, *text, *ids;
    } cases[] = {
        {"null", "b..a", "8 0"},
        {CUT("[.]", "Isolated", "false"), "b..a", "1 2 2 0"},
        {CUT("[.]", "Removed", "false"), "b..a", "1 0"},
        {CUT("[.]", "Removed", "true"), "b..a", "2 2"},
        {CUT("[.]", "Contiguous", "false"), "b..a", "1 5 0"},
        {CUT("[.]", "MergedWithPrevious", "false"), "b..a", "4 2 0"},
        {CUT("[.]", "MergedWithPrevious", "true"), "b..a", "1 2 6"},
        {CUT("[.]", "MergedWithNext", "false"), "b..a", "1 2 6"},
        {CUT("[.]", "MergedWithNext", "true"), "b..a", "4 2 0"},
        {CUT("[.]", "MergedWithPrevious", "false"), ".a", "2 0"},
        {CUT("[.]", "MergedWithNext", "false"), "a.", "0 2"},
        {"{'type': 'Split', 'pattern': {'String': '.'}, 'behavior': 'Contiguous'}", "a..", "0 5"},
        {"{'type': 'Punctuation'}", "b..a", "1 2 2 0"},
        {"{'type': 'Punctuation', 'behavior': 'Contiguous'}", "b..a", "1 5 0"},
        {"{'type': 'Whitespace'}", "ab .. a", "3 5 0"},
        {"{'type': 'Whitespace'}", "ab..a", "3 5 0"},
        {"{'type': 'WhitespaceSplit'}", "b..\xc2\xa0\n ab", "8 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Tok *t = tok_help_load((TokParts){.pre = cases[i].pre, .vocab = vocab, .merges = merges});
        tok_expect(t, cases[i].text, cases[i].ids);
        tok_free(t);
    }
}

/* What PCRE2 means by the same letters is something else: here it is as the reference reads them. Characters
 * that match are removed, and the bytes of the others are left. */
Test(tok_pieces, classes_of_characters)
{
    static const struct {
        const char *pattern, *text, *left;
    } cases[] = {
        {"\\\\w", "a\u00b2\u00bd\u0301_\u203f9-", "-"}, /* superscripts and fractions of Latin-1, marks */
        {"\\\\W", "a\u00b2-\u2460.", "a\u00b2"},
        {"[\\\\w-]", "a\u00be-.", "\u00be."}, /* not so in a class */
        {"[^\\\\s\\\\w]", "a\u00b2. ", "a "},
        {"\\\\s", " \u00a0\u180e\u3000x", "\u180ex"},
        {"\\\\p{Han}", "\u4e2d\u3001x", "\u3001x"}, /* of that script alone */
        {"\\\\P{Han}", "\u4e2d\u3001x", "\u4e2d"},
        {"\\\\p{^L}", "a1", "a"},
        {"\\\\d", "1\u0661\u00b2", "\u00b2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Str pre = {0};
        str_printf(&pre, "{'type': 'Split', 'pattern': {'Regex': '%s'}, 'behavior': 'Removed'}",
                   cases[i].pattern);
        Tok *t = pieces_load((TokParts){.pre = pre.s}, "");
        char *left = normal_form(t, cases[i].text, strlen(cases[i].text));
        cr_expect_str_eq(left, cases[i].left, "%s leaves '%s', want '%s'", cases[i].pattern, left,
                         cases[i].left);
        free(left);
        str_free(&pre);
        tok_free(t);
    }
}

/* --- decoders
 * -----------------------------------------------------------------------------------------------
 */

static void decoded_is(const Tok *t, const int32_t *ids, size_t n, bool skip, const char *want)
{
    Str s = {0};
    Err e = {0};
    str_puts(&s, "");
    cr_assert_eq(tok_decode(t, &s, ids, n, skip, &e), OK, "%s", e.msg);
    cr_expect_str_eq(s.s, want, "'%s', want '%s'", s.s, want);
    str_free(&s);
}

#define STEPS(list) "{'type': 'Sequence', 'decoders': [" list "]}"

Test(tok_pieces, decoders)
{
    static const struct {
        const char *decoder;
        int32_t ids[6];
        size_t n;
        const char *want;
    } cases[] = {
        {"null", {256, 257, 258}, 3, MARK "a b " MARK MARK "ab"},
        {"{'type': 'Fuse'}", {256, 257}, 2, MARK "ab"},
        {LLAMA_DECODER, {256, 257, 258}, 3, "ab  ab"},
        {LLAMA_DECODER,
         {256, 0xc3, 0xa9, 257},
         4,
         "a\xc3\xa9"
         "b"},
        {LLAMA_DECODER, {0xc3, 257, 0xe2, 0x96}, 4, "\ufffdb\ufffd\ufffd"}, /* one for each byte */
        {LLAMA_DECODER, {0xff, 0x41}, 2, "\ufffd\ufffd"},                   /* of the whole run */
        {LLAMA_DECODER, {0}, 0, ""},
        {"{'type': 'ByteFallback'}", {0x20, 256, 0x41}, 3, " " MARK "aA"},
        {"{'type': 'Metaspace', 'replacement': '" MARK "'}", {258, 258}, 2, "ab  ab"},
        {"{'type': 'Metaspace', 'replacement': '" MARK "', 'prepend_scheme': 'never'}",
         {258, 257},
         2,
         "  abb"},
        {"{'type': 'ByteLevel'}", {259, 257}, 2, "\ufffdb"}, /* U+00E9 stands for the byte E9 */
        {"{'type': 'Strip', 'content': 'a', 'start': 1, 'stop': 2}", {260, 257}, 2, "abb"},
        {"{'type': 'Strip', 'content': 'a', 'start': 9, 'stop': 9}", {261}, 1, ""},
        {"{'type': 'Strip', 'content': '\xc3\xa9', 'start': 1, 'stop': 1}", {259, 257}, 2, "b"},
        {STEPS(REPLACE("Regex", "[ab]", "x")), {256, 258}, 2, MARK "x" MARK MARK "xx"},
    };
    static const char more[] =
        ", '" MARK "a': 256, 'b': 257, '" MARK MARK "ab': 258, '\xc3\xa9': 259, 'aabaa': 260, "
        "'aaa': 261";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Tok *t = pieces_load((TokParts){.decoder = cases[i].decoder}, more);
        decoded_is(t, cases[i].ids, cases[i].n, false, cases[i].want);
        tok_free(t);
    }
}

Test(tok_pieces, special_tokens_are_left_out_before_decoding)
{
    Tok *t = pieces_load(
        (TokParts){.normalizer = LLAMA, .added = "{'id': 257, 'content': '<s>', 'special': true}"},
        ", '" MARK "a': 256");
    const int32_t ids[] = {257, 256, 257, 256};
    decoded_is(t, ids, 4, false, "<s> a<s> a");
    decoded_is(t, ids, 4, true, "a a");
    tok_free(t);
}

Test(tok_pieces, added_tokens_are_normalised_with_the_text)
{
    Tok *t = pieces_load(
        (TokParts){.normalizer = LLAMA,
                   .added =
                       "{'id': 257, 'content': '<s>', 'special': true, 'normalized': true}, {'id': 258, "
                       "'content': 'x y', 'normalized': true}, {'id': 259, 'content': '<r>', 'rstrip': true, "
                       "'special': true}"},
        ", '" MARK "': 256");
    tok_expect(t, "<s>", "257");               /* looked for with the mark before it, */
    tok_expect(t, "b<s>", "256 98 60 115 62"); /* and so not found here */
    tok_expect(t, "b <s>", "256 98 257");
    tok_expect(t, "b x yb", "256 98 258 98");
    tok_expect(t, "<r>  b", "259 256 98"); /* each stretch of text is normalised by itself */
    tok_free(t);
}

/* --- against the definition
 * ---------------------------------------------------------------------------------
 */

enum { LETTERS = 4, MAX_RULES = 40 };

/* A vocabulary made of random merges over a few characters, and the rules themselves. */
typedef struct {
    char *text[LETTERS + MAX_RULES];
    size_t n, left[MAX_RULES], right[MAX_RULES], product[MAX_RULES], n_rules;
} Rules;

static size_t rules_find(const Rules *q, const char *s)
{
    size_t i = 0;
    while (i < q->n && strcmp(q->text[i], s) != 0) i++;
    return i;
}

/* Would this merge reach from a character into a mark behind it? */
static bool rules_cross(const char *left, const char *right)
{
    size_t n = strlen(left);
    return strncmp(right, MARK, 3) == 0 && (n < 3 || strcmp(left + n - 3, MARK) != 0);
}

/* `within`: no merge crosses into a mark, as in SentencePiece's files. */
static void rules_draw(Rules *q, Rng *r, bool within)
{
    static const char *const letters[LETTERS] = {"a", "b", MARK, "\xc3\xa9"};
    for (; q->n < LETTERS; q->n++) q->text[q->n] = strdup(letters[q->n]);
    size_t count = 1 + rng_below(r, MAX_RULES - 1);
    for (size_t i = 0; i < count; i++) {
        Str s = {0};
        size_t a = rng_below(r, q->n), b = rng_below(r, q->n);
        while (within && rules_cross(q->text[a], q->text[b])) b = rng_below(r, q->n);
        str_puts(&s, q->text[a]);
        str_puts(&s, q->text[b]);
        size_t p = rules_find(q, s.s);
        if (p == q->n) q->text[q->n++] = strdup(s.s);
        q->left[i] = a;
        q->right[i] = b;
        q->product[i] = p;
        str_free(&s);
    }
    q->n_rules = count;
}

/* A later rule for the same pair replaces the earlier one, as in the source. */
static size_t rules_rank(const Rules *q, size_t a, size_t b)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < q->n_rules; i++)
        if (q->left[i] == a && q->right[i] == b) found = i;
    return found;
}

/* Merge the pair of least rank, of several the leftmost, until there is none. */
static char *rules_encode(const Rules *q, const size_t *start, size_t n)
{
    size_t *sym = malloc((n + 1) * sizeof *sym);
    memcpy(sym, start, n * sizeof *sym);
    for (;;) {
        size_t best = SIZE_MAX, at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            size_t rank = rules_rank(q, sym[i], sym[i + 1]);
            if (rank < best) best = rank, at = i;
        }
        if (best == SIZE_MAX) break;
        sym[at] = q->product[best];
        memmove(&sym[at + 1], &sym[at + 2], (n - at - 2) * sizeof *sym);
        n--;
    }
    Str s = {0};
    str_puts(&s, "");
    for (size_t i = 0; i < n; i++) str_printf(&s, i == 0 ? "%zu" : " %zu", sym[i]);
    free(sym);
    return s.s;
}

static Tok *rules_load(const Rules *q)
{
    Str vocab = {0}, merges = {0};
    for (size_t i = 0; i < q->n; i++) str_printf(&vocab, "%s'%s': %zu", i == 0 ? "" : ", ", q->text[i], i);
    for (size_t i = 0; i < q->n_rules; i++)
        str_printf(&merges, "%s['%s', '%s']", i == 0 ? "" : ", ", q->text[q->left[i]], q->text[q->right[i]]);
    str_printf(&vocab, ", '<u>': %zu", q->n); /* every character gets a symbol: words may be cut */
    Tok *t = tok_help_load(
        (TokParts){.pre = "null", .vocab = vocab.s, .merges = merges.s, .options = ", 'unk_token': '<u>'"});
    str_free(&vocab);
    str_free(&merges);
    return t;
}

Test(tok_pieces, random_merges_follow_the_definition)
{
    Rng r = rng_stream(5, "tok rules", 0);
    for (size_t round = 0; round < 60; round++) {
        Rules q = {0};
        rules_draw(&q, &r, round % 2 == 1);
        Tok *t = rules_load(&q);
        for (size_t i = 0; i < 40; i++) {
            size_t start[200], n = 1 + rng_below(&r, i % 4 == 0 ? 199 : 30);
            Str text = {0};
            for (size_t k = 0; k < n; k++) {
                start[k] = rng_below(&r, LETTERS);
                str_puts(&text, q.text[start[k]]);
            }
            char *want = rules_encode(&q, start, n);
            tok_expect(t, text.s, want);
            free(want);
            str_free(&text);
        }
        tok_free(t);
        for (size_t i = 0; i < q.n; i++) free(q.text[i]);
    }
}
