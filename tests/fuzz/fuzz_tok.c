/* fuzz_tok.c - any bytes: as a tokenizer.json refused, or a tokenizer whose ids are all in range, stand for
 * places inside the text and decode to UTF-8, and which encodes prompt and answer as it encodes their sum; as
 * a text given back by a tokenizer that was trained on it. */
#include "prime/tok.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sample[] =
    "The merged \xe2\x96\x81 adapters' caf\xc3\xa9\n  is <s> e\xcc\x81 12.5\t\xff\xe2\x82 <|end|> abc aaab";

/* A pattern may give up (ERR_UNSUP), which leaves no ids. */
static void tok_use(const Tok *t, const char *text, size_t n, bool specials)
{
    TokIds ids = {0};
    Str out = {0};
    Err e = {0};
    Status s = tok_encode(t, &ids, text, n, specials, &e);
    if (s != OK && (s != ERR_UNSUP || ids.n != 0 || e.msg[0] == '\0')) abort();
    for (size_t i = 0; i < ids.n; i++)
        if (ids.id[i] < 0 || (size_t)ids.id[i] >= tok_vocab_size(t)) abort();
    if (tok_decode(t, &out, ids.id, ids.n, !specials, NULL) != OK) abort();
    str_free(&out);
    tok_ids_free(&ids);
}

/* Cut anywhere: the ids are those of the whole, and the prompt's end in the prompt. */
static void tok_cut(const Tok *t, const char *text, size_t n, size_t cut)
{
    TokIds whole = {0}, both = {0};
    TokRanges at = {0};
    TokJoint how = {0};
    Status s = tok_encode_spans(t, &whole, &at, text, n, true, NULL);
    if (s != tok_encode_joint(t, &both, &how, text, cut, text + cut, n - cut, true, NULL)) abort();
    if (whole.n != both.n || whole.n != at.n || how.skip > whole.n) abort();
    for (size_t i = 0; i < whole.n; i++) {
        if (whole.id[i] != both.id[i] || at.at[i].from > at.at[i].to || at.at[i].to > n) abort();
        if (i < how.skip && at.at[i].to > cut) abort();
    }
    tok_ids_free(&whole);
    tok_ids_free(&both);
    tok_ranges_free(&at);
}

static void tok_as_file(const char *data, size_t size)
{
    Tok *t = NULL;
    Err e = {0};
    if (tok_parse(&t, data, size, "input", &e) != OK) {
        if (e.msg[0] == '\0' || t != NULL) abort();
        return;
    }
    tok_use(t, sample, sizeof sample - 1, true);
    tok_use(t, sample, sizeof sample - 1, false);
    tok_use(t, data, size < 256 ? size : 256, true);
    for (size_t cut = 0; cut < sizeof sample; cut += 21) tok_cut(t, sample, sizeof sample - 1, cut);
    const TokIds *side[2] = {tok_template_before(t), tok_template_after(t)};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < side[i]->n; k++)
            if (side[i]->id[k] < 0 || (size_t)side[i]->id[k] >= tok_vocab_size(t)) abort();
    tok_free(t);
}

/* Decoding and encoding again must give the same text: the first decoding repairs what was not UTF-8. */
static void tok_as_text(const char *data, size_t size)
{
    char *text = malloc(size + 1);
    const char *special = "<|end|>";
    Tok *t = NULL;
    TokIds ids = {0};
    Str once = {0}, twice = {0};
    if (text == NULL) abort();
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    if (tok_train(&t, (const char *const *)&text, 1, 290, &special, 1, NULL) != OK) abort();
    if (tok_encode(t, &ids, text, size, true, NULL) != OK) abort();
    if (tok_decode(t, &once, ids.id, ids.n, false, NULL) != OK) abort();
    ids.n = 0;
    if (tok_encode(t, &ids, once.s != NULL ? once.s : "", once.n, false, NULL) != OK) abort();
    if (tok_decode(t, &twice, ids.id, ids.n, true, NULL) != OK) abort();
    if (once.n != twice.n || (once.n > 0 && memcmp(once.s, twice.s, once.n) != 0)) abort();
    str_free(&once);
    str_free(&twice);
    tok_ids_free(&ids);
    tok_free(t);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] == '{' || data[0] == '[')
        tok_as_file((const char *)data, size);
    else
        tok_as_text((const char *)data, size);
    return 0;
}
