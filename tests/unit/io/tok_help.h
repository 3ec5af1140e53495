/* tok_help.h - small tokenizers written in the test itself. JSON is given with ' for ", so that it can be
 * read. */
#ifndef PRIME_TOK_HELP_H
#define PRIME_TOK_HELP_H

#include "prime/file.h"
#include "prime/str.h"
#include "prime/tok.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL stands for the default of that part. */
typedef struct {
    const char *added, *normalizer, *pre, *post, *decoder, *vocab, *merges, *options, *top;
} TokParts;

static inline Status tok_help_try(Tok **t, TokParts p, Err *e)
{
    Str s = {0};
    str_printf(&s, "{'added_tokens': [%s], 'normalizer': %s, 'pre_tokenizer': %s, 'post_processor': %s, ",
               p.added ? p.added : "", p.normalizer ? p.normalizer : "null",
               p.pre ? p.pre : "{'type': 'ByteLevel', 'add_prefix_space': false}", p.post ? p.post : "null");
    str_printf(&s, "'decoder': %s, 'model': {'type': 'BPE', 'vocab': {%s}, 'merges': [%s]%s}%s}",
               p.decoder ? p.decoder : "{'type': 'ByteLevel'}",
               p.vocab ? p.vocab
                       : "'a': 0, 'b': 1, 'c': 2, 'ab': 3, 'abc': 4, '\u0120': 5, '\u0120a': 6, '1': 7, "
                         "'2': 8, '12': 9, '.': 10, '\u010a': 11, '\u00c3': 12, '\u00a9': 13, 'e': 14, "
                         "'\u00cc': 15, '\u0123': 16, '\u00c3\u00a9': 17, '\u010c': 18, '.c': 19",
               p.merges ? p.merges : "'a b', 'ab c', '\u0120 a', '1 2', '\u00c3 \u00a9', '. c'",
               p.options ? p.options : "", p.top ? p.top : "");
    for (size_t i = 0; i < s.n; i++)
        if (s.s[i] == '\'') s.s[i] = '"';
    Status status = tok_parse(t, s.s, s.n, "tokenizer.json", e);
    str_free(&s);
    return status;
}

static inline Tok *tok_help_load(TokParts p)
{
    Tok *t = NULL;
    Err e = {0};
    cr_assert_eq(tok_help_try(&t, p, &e), OK, "%s", e.msg);
    return t;
}

/* The ids of n bytes as text, "3 4 5"; the caller frees it. */
static inline char *tok_help_ids(const Tok *t, const char *text, size_t n, bool specials)
{
    TokIds ids = {0};
    Err e = {0};
    Str s = {0};
    cr_assert_eq(tok_encode(t, &ids, text, n, specials, &e), OK, "%s", e.msg);
    str_puts(&s, "");
    for (size_t i = 0; i < ids.n; i++) str_printf(&s, i == 0 ? "%d" : " %d", ids.id[i]);
    tok_ids_free(&ids);
    return s.s;
}

#define tok_expect(t, text, want) tok_expect_n(t, text, strlen(text), true, want)
#define tok_expect_n(t, text, n, specials, want)                           \
    do {                                                                   \
        char *got_ = tok_help_ids(t, text, n, specials);                   \
        cr_expect_str_eq(got_, want, "%s: %s, want %s", text, got_, want); \
        free(got_);                                                        \
    } while (0)

#endif
