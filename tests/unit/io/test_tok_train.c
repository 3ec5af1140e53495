#include "prime/file.h"
#include "prime/js.h"
#include "prime/rng.h"
#include "prime/tok.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Tok *trained(const char *const *texts, size_t n, size_t size)
{
    static const char *const specials[] = {"<|end|>", "<|pad|>"};
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(tok_train(&t, texts, n, size, specials, 2, &e), OK, "%s", e.msg);
    return t;
}

static void saved_text(const Tok *t, char **text, size_t *n)
{
    char dir[] = "prime_tok_XXXXXX";
    Err e = {0};
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(tok_save(t, dir, &e), OK, "%s", e.msg);
    char *file = file_join(dir, "tokenizer.json"), *config = file_join(dir, "tokenizer_config.json");
    cr_assert_eq(file_read(text, n, file, &e), OK, "%s", e.msg);
    remove(file);
    remove(config);
    cr_assert_eq(rmdir(dir), 0, "nothing else is written");
    free(file);
    free(config);
}

/* Row i of the merges, which the caller compares. */
static const char *saved_merge(const JsVal *root, size_t i)
{
    return js_str(js_at(js_get(js_get(root, "model"), "merges"), i), NULL);
}

Test(tok_train, a_known_example_step_by_step)
{
    /* aaabdaaabac: "aa" occurs 4 times; then (aa, a) and (a, b) both twice, and "a" < "aa"; then (aa, ab)
     * twice; nothing is left that occurs twice. */
    const char *text = "aaabdaaabac";
    Tok *t = trained(&text, 1, 300);
    cr_assert_eq(tok_vocab_size(t), 2 + 256 + 3, "learning stops when no pair occurs twice");
    char *json;
    size_t n;
    saved_text(t, &json, &n);
    JsVal *root;
    cr_assert_eq(js_parse(&root, json, n, "saved", NULL), OK);
    cr_assert_str_eq(saved_merge(root, 0), "a a");
    cr_assert_str_eq(saved_merge(root, 1), "a b");
    cr_assert_str_eq(saved_merge(root, 2), "aa ab");
    TokIds ids = {0};
    cr_assert_eq(tok_encode(t, &ids, text, strlen(text), true, NULL), OK);
    const char *want[] = {"aaab", "d", "aaab", "a", "c"};
    cr_assert_eq(ids.n, 5);
    for (size_t i = 0; i < 5; i++) cr_assert_eq(ids.id[i], tok_id(t, want[i]), "token %zu", i);
    tok_ids_free(&ids);
    js_close(root);
    free(json);
    tok_free(t);
}

Test(tok_train, specials_then_bytes_then_merges)
{
    const char *text = "x";
    Tok *t = trained(&text, 1, 258);
    cr_assert_eq(tok_vocab_size(t), 258);
    cr_assert_eq(tok_id(t, "<|end|>"), 0);
    cr_assert_eq(tok_id(t, "<|pad|>"), 1);
    cr_assert_eq(tok_id(t, "!"), 2, "the alphabet starts at U+0021");
    cr_assert_eq(tok_id(t, "~"), 2 + 93);
    cr_assert_eq(tok_id(t, "\xc2\xa1"), 2 + 94, "U+00A1 stands for byte A1");
    cr_assert_eq(tok_id(t, "\xc3\xbf"), 2 + 94 + 12 + 82 - 1, "U+00FF");
    cr_assert_eq(tok_id(t, "\xc4\x80"), 2 + 188, "U+0100 stands for byte 00");
    cr_assert_eq(tok_id(t, "\xc4\xa0"), 2 + 188 + 32, "U+0120 stands for the space");
    cr_assert_eq(tok_id(t, "\xc5\x83"), 257, "U+0143 stands for byte AD, the last");
    cr_assert_eq(tok_id(t, " "), -1);
    TokIds ids = {0};
    cr_assert_eq(tok_encode(t, &ids, "\xad\0 ", 3, true, NULL), OK);
    cr_assert_eq(ids.n, 3);
    cr_assert_eq(ids.id[0], 257);
    cr_assert_eq(ids.id[1], 2 + 188);
    cr_assert_eq(ids.id[2], 2 + 188 + 32);
    tok_ids_free(&ids);
    tok_free(t);
}

/* --- a naive twin: count everything anew for each merge
 * ----------------------------------------------------- */

enum { TWIN_WORDS = 400, TWIN_LEN = 9, TWIN_MERGES = 40 };

typedef struct {
    char piece[TWIN_LEN + 1][TWIN_LEN + 2];
    size_t n;
} TwinWord;

static size_t twin_count(const TwinWord *w, size_t n, const char *l, const char *r)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j + 1 < w[i].n; j++)
            count += strcmp(w[i].piece[j], l) == 0 && strcmp(w[i].piece[j + 1], r) == 0;
    return count;
}

static void twin_join(TwinWord *w, const char *l, const char *r)
{
    size_t m = 0;
    for (size_t j = 0; j < w->n; j++) {
        if (j + 1 < w->n && strcmp(w->piece[j], l) == 0 && strcmp(w->piece[j + 1], r) == 0) {
            memmove(w->piece[m], w->piece[j], strlen(w->piece[j]) + 1);
            strcat(w->piece[m++], w->piece[++j]);
        } else {
            memmove(w->piece[m++], w->piece[j], strlen(w->piece[j]) + 1);
        }
    }
    w->n = m;
}

/* The best pair by the rule of tok_train; returns its count. */
static size_t twin_best(const TwinWord *w, size_t n, char l[TWIN_LEN + 2], char r[TWIN_LEN + 2])
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j + 1 < w[i].n; j++) {
            const char *a = w[i].piece[j], *b = w[i].piece[j + 1];
            int order = best == 0 ? -1 : strcmp(a, l) != 0 ? strcmp(a, l) : strcmp(b, r);
            if (best > 0 && order == 0) continue;
            size_t count = twin_count(w, n, a, b);
            if (count < best || (count == best && order > 0)) continue;
            best = count;
            strcpy(l, a);
            strcpy(r, b);
        }
    }
    return best;
}

Test(tok_train, agrees_with_a_naive_twin)
{
    static TwinWord words[TWIN_WORDS];
    Rng rng = rng_stream(5, "tok twin", 0);
    Str text = {0};
    for (size_t i = 0; i < TWIN_WORDS; i++) {
        size_t len = 1 + rng_below(&rng, TWIN_LEN - 1);
        TwinWord *w = &words[i];
        if (i > 0) strcpy(w->piece[w->n++], " ");
        for (size_t j = 0; j < len; j++) {
            w->piece[w->n][0] = (char)('a' + (char)rng_below(&rng, 3));
            w->piece[w->n++][1] = '\0';
        }
        for (size_t j = 0; j < w->n; j++) str_puts(&text, w->piece[j]);
    }
    const char *const all = text.s;
    Tok *t = trained(&all, 1, 258 + TWIN_MERGES);
    char *json;
    size_t n;
    saved_text(t, &json, &n);
    JsVal *root;
    cr_assert_eq(js_parse(&root, json, n, "saved", NULL), OK);
    for (size_t i = 0; i < TWIN_MERGES; i++) {
        char l[TWIN_LEN + 2], r[TWIN_LEN + 2];
        cr_assert_geq(twin_best(words, TWIN_WORDS, l, r), (size_t)2);
        Str row = {0};
        if (l[0] == ' ') str_puts(&row, "\xc4\xa0");
        str_puts(&row, l + (l[0] == ' '));
        str_printf(&row, " %s", r);
        cr_assert_str_eq(saved_merge(root, i), row.s, "merge %zu", i);
        str_free(&row);
        for (size_t k = 0; k < TWIN_WORDS; k++) twin_join(&words[k], l, r);
    }
    js_close(root);
    free(json);
    str_free(&text);
    tok_free(t);
}

/* --- files
 * --------------------------------------------------------------------------------------------------- */

static char *tok_fixture(const char *name)
{
    const char *root = getenv("PRIME_SOURCE");
    char *dir = file_join(root != NULL ? root : ".", "fixtures/tok"), *path = file_join(dir, name);
    free(dir);
    return path;
}

/* The two paragraphs of tiny.txt. */
static void tiny_texts(char **data, const char *text[2])
{
    char *path = tok_fixture("tiny.txt");
    size_t n = 0;
    cr_assert_eq(file_read(data, &n, path, NULL), OK);
    char *cut = strstr(*data, "\n\n");
    cr_assert_not_null(cut);
    cut[1] = '\0';
    text[0] = *data;
    text[1] = cut + 2;
    free(path);
}

Test(tok_train, the_same_texts_give_the_same_bytes_in_any_order)
{
    char *data, *want, *got;
    const char *text[2];
    tiny_texts(&data, text);
    char *path = tok_fixture("tiny/tokenizer.json");
    size_t n_want = 0, n_got = 0;
    cr_assert_eq(file_read(&want, &n_want, path, NULL), OK);
    for (int turn = 0; turn < 2; turn++) {
        const char *order[2] = {text[turn], text[1 - turn]};
        Tok *t = trained(order, 2, 300);
        saved_text(t, &got, &n_got);
        cr_assert_eq(n_got, n_want);
        cr_assert_eq(memcmp(got, want, n_want), 0);
        free(got);
        tok_free(t);
    }
    free(want);
    free(path);
    free(data);
}

Test(tok_train, a_saved_tokenizer_reads_back_the_same)
{
    char *data, *path = tok_fixture("tiny");
    const char *text[2];
    tiny_texts(&data, text);
    Tok *a = trained(text, 2, 300), *b = NULL;
    Err e = {0};
    cr_assert_eq(tok_load(&b, path, &e), OK, "%s", e.msg);
    cr_assert_eq(tok_vocab_size(b), 300);
    const char *samples[] = {text[0], text[1], "<|end|>merge 1234<|pad|>", "\n\n\t caf\xc3\xa9 \xff x"};
    for (size_t i = 0; i < 4; i++) {
        TokIds x = {0}, y = {0};
        cr_assert_eq(tok_encode(a, &x, samples[i], strlen(samples[i]), true, NULL), OK);
        cr_assert_eq(tok_encode(b, &y, samples[i], strlen(samples[i]), true, NULL), OK);
        cr_assert_eq(x.n, y.n);
        cr_assert_eq(memcmp(x.id, y.id, x.n * sizeof *x.id), 0, "sample %zu", i);
        Str back = {0};
        cr_assert_eq(tok_decode(b, &back, y.id, y.n, false, NULL), OK);
        if (i < 3) cr_assert_str_eq(back.s, samples[i]);
        str_free(&back);
        tok_ids_free(&x);
        tok_ids_free(&y);
    }
    cr_assert_eq(tok_save(b, "nowhere", &e), ERR_ARG, "only a trained tokenizer is saved");
    tok_free(a);
    tok_free(b);
    free(path);
    free(data);
}

Test(tok_train, digits_stay_single_and_words_do_not_join)
{
    const char *text = "10 10 10 10 the the the the. the. the.";
    Tok *t = trained(&text, 1, 400);
    TokIds ids = {0};
    cr_assert_eq(tok_encode(t, &ids, " 101 the.", 9, true, NULL), OK);
    const char *want[] = {"\xc4\xa0", "1", "0", "1", "\xc4\xa0the", "."};
    cr_assert_eq(ids.n, 6);
    for (size_t i = 0; i < 6; i++) cr_assert_eq(ids.id[i], tok_id(t, want[i]), "token %zu", i);
    tok_ids_free(&ids);
    tok_free(t);
}

Test(tok_train, plain_text_never_becomes_a_special_token)
{
    const char *text = "pad pad pad pad pads pads", *special = "pad";
    Tok *t = NULL;
    cr_assert_eq(tok_train(&t, &text, 1, 400, &special, 1, NULL), OK);
    TokIds ids = {0};
    cr_assert_eq(tok_encode(t, &ids, "pad", 3, false, NULL), OK);
    cr_assert_gt(ids.n, (size_t)1);
    for (size_t i = 0; i < ids.n; i++) cr_assert_neq(ids.id[i], 0);
    ids.n = 0;
    cr_assert_eq(tok_encode(t, &ids, "pad", 3, true, NULL), OK);
    cr_assert(ids.n == 1 && ids.id[0] == 0);
    tok_ids_free(&ids);
    tok_free(t);
}

Test(tok_train, wrong_arguments_are_named)
{
    const struct {
        size_t size;
        const char *special[2];
        const char *message;
    } cases[] = {
        {257, {"<a>", "<b>"}, "vocabulary size = 257, want 258 (256 bytes and 2 special tokens) to 16777216"},
        {1U << 25, {"<a>", "<b>"}, "vocabulary size = 33554432"},
        {300, {"<a>", ""}, "special token 1 is empty"},
        {300, {"\xff", "<b>"}, "special token 0 is not UTF-8"},
        {300, {"<a>", "<a>"}, "special token '<a>' is given twice"},
        {300, {"<a>", "a"}, "special token 'a' is also the name of a byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = "some text";
        Tok *t = NULL;
        Err e = {0};
        cr_assert_eq(tok_train(&t, &text, 1, cases[i].size, cases[i].special, 2, &e), ERR_ARG);
        cr_assert_null(t);
        cr_assert_not_null(strstr(e.msg, cases[i].message), "%s", e.msg);
    }
}

Test(tok_train, a_folder_that_cannot_be_written)
{
    const char *text = "x";
    Tok *t = trained(&text, 1, 258);
    Err e = {0};
    cr_assert_eq(tok_save(t, "/dev/null/tok", &e), ERR_IO);
    cr_assert_not_null(strstr(e.msg, "/dev/null/tok"), "%s", e.msg);
    tok_free(t);
}

Test(tok_train, no_text_gives_the_bytes_alone)
{
    Tok *t = trained(NULL, 0, 300);
    cr_assert_eq(tok_vocab_size(t), 258);
    tok_free(t);
}
