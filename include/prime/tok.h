/* tok.h - tokenizers in Hugging Face's tokenizer.json: byte-level BPE (GPT-2, Llama-3 and Qwen kinds).
 * Whatever in a file would change ids and is not implemented is an ERR_UNSUP that names it. */
#ifndef PRIME_TOK_H
#define PRIME_TOK_H

#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Tok Tok;

/* A growing list of token ids. Zero-initialise; free with tok_ids_free. */
typedef struct {
    int32_t *id;
    size_t n, cap;
} TokIds;
void tok_ids_free(TokIds *ids);

/* tok_load - from DIR/tokenizer.json, or from the file itself when path ends in .json. Errors: ERR_IO,
 * ERR_FORMAT, ERR_UNSUP, ERR_NOMEM. A Tok is read-only after loading: threads may share it. */
Status tok_load(Tok **t, const char *path, Err *e) PRIME_MUST_USE;
void tok_free(Tok *t);
size_t tok_vocab_size(const Tok *t); /* largest id + 1 */
/* tok_id - id of a token by its content (special or not), -1 when absent. */
int32_t tok_id(const Tok *t, const char *content);

/* tok_encode - append the ids of n bytes of text; special tokens inside the text are recognised when
 * `specials`; no token is added by the template. Cost: O(n log n). Errors: ERR_NOMEM. Bytes that are not
 * UTF-8 are encoded as bytes. */
Status tok_encode(const Tok *t, TokIds *out, const char *text, size_t n, bool specials,
                  Err *e) PRIME_MUST_USE;
/* tok_decode - append the bytes of n ids; special tokens are left out when skip_special. Ids out of range:
 * ERR_ARG. */
Status tok_decode(const Tok *t, Str *out, const int32_t *ids, size_t n, bool skip_special,
                  Err *e) PRIME_MUST_USE;

/* tok_train - learn a byte-level BPE of vocab_size entries (256 bytes, the specials first, then merges) from
 * n texts. Ties between equally frequent pairs go to the lexicographically smaller pair: the result depends
 * on the texts alone. Pre-tokeniser: GPT-2's regular expression, digits split one by one. Errors: ERR_ARG
 * vocab_size too small. */
Status tok_train(Tok **t, const char *const *texts, size_t n, size_t vocab_size, const char *const *specials,
                 size_t n_specials, Err *e) PRIME_MUST_USE;
/* tok_save - write DIR/tokenizer.json and tokenizer_config.json, atomically. Only for a Tok that tok_train
 * made. */
Status tok_save(const Tok *t, const char *dir, Err *e) PRIME_MUST_USE;

#endif
