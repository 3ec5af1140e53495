/* tok.h - tokenizers in Hugging Face's tokenizer.json: byte-level BPE (GPT-2, Llama-3 and Qwen kinds) and BPE
 * over characters with byte fallback, as SentencePiece makes it (Llama-2, Mistral, Gemma, TinyLlama, Phi-3
 * kinds). Whatever in a file would change ids and is not implemented is an ERR_UNSUP that names it.
 * tokenizer_config.json is not read: its add_bos_token and add_eos_token act, or not, depending on the class
 * and version of the library that reads them; the template here is that of tokenizer.json. */
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
/* tok_ids_push - append one id. Errors: ERR_NOMEM. */
Status tok_ids_push(TokIds *ids, int32_t id, Err *e) PRIME_MUST_USE;

/* The bytes from .. to - 1 of a text; byte positions, not characters. */
typedef struct {
    uint32_t from, to;
} TokRange;
/* A growing list of them. Zero-initialise; free with tok_ranges_free. */
typedef struct {
    TokRange *at;
    size_t n, cap;
} TokRanges;
void tok_ranges_free(TokRanges *r);
Status tok_ranges_push(TokRanges *r, TokRange at, Err *e) PRIME_MUST_USE;

/* tok_load - from DIR/tokenizer.json, from the file itself when path ends in .json, or from the folder that a
 * .gguf file lies in. A Tok is read-only after loading: threads may share it. Errors: ERR_IO, which for a
 * folder with tokenizer.model or vocab.json alone says how to make tokenizer.json; ERR_FORMAT (no JSON, wrong
 * types, ids with holes or given twice, merges of unknown tokens, broken patterns, templates with unknown
 * tokens); ERR_UNSUP (named: any kind of model, normalizer, pre-tokenizer, post-processor or decoder, and any
 * key, that is not implemented); ERR_NOMEM. */
Status tok_load(Tok **t, const char *path, Err *e) PRIME_MUST_USE;
/* tok_parse - the same from n bytes; `name` is for messages. */
Status tok_parse(Tok **t, const char *json, size_t n, const char *name, Err *e) PRIME_MUST_USE;
void tok_free(Tok *t);               /* accepts NULL */
size_t tok_vocab_size(const Tok *t); /* largest id + 1 */
/* tok_id - id of a token by its content (special or not), -1 when absent. */
int32_t tok_id(const Tok *t, const char *content);

/* tok_content - the spelling of a token as the file has it, NUL-terminated; id in [0, vocab size). */
const char *tok_content(const Tok *t, int32_t id, size_t *n);

/* tok_encode - append the ids of n bytes of text (at most 2^30); special tokens inside the text are
 * recognised when `specials`, other added tokens always; no token is added by the template. A byte that is
 * not part of UTF-8 becomes the token of that byte alone and parts the text as an added token does. On
 * failure *out is as before. Cost: O(n log n). Errors: ERR_NOMEM; ERR_ARG text too long; ERR_UNSUP a pattern
 * of the file that gives up on this text. Source: tokenizers (Hugging Face), whose ids are the reference.
 * Differs: Unicode's tables are utf8proc's and PCRE2's. */
Status tok_encode(const Tok *t, TokIds *out, const char *text, size_t n, bool specials,
                  Err *e) PRIME_MUST_USE;
/* tok_encode_spans - the same, and for each token the bytes of the text that it stands for (spans may be
 * NULL). Text that the normaliser puts before the first character stands for that character; text that
 * replaces a match, for the whole match; of a character that is spelled as several byte tokens each has its
 * own byte. Differs: the source counts characters, may leave out the space before a word, and gives byte
 * tokens the whole character. */
Status tok_encode_spans(const Tok *t, TokIds *out, TokRanges *spans, const char *text, size_t n,
                        bool specials, Err *e) PRIME_MUST_USE;

/* tok_template_before, tok_template_after - what the file's post-processor puts around one text, such as <s>;
 * the Tok's own lists. */
const TokIds *tok_template_before(const Tok *t);
const TokIds *tok_template_after(const Tok *t);

/* tok_encode_joint - append the ids of prompt and answer as one text, so that the boundary is what a model
 * sees that reads on, and part them by place: `skip` leading ids are the prompt's. A token is the prompt's
 * when its last byte is; one that holds bytes of both is the answer's, and `straddles` reports it. Errors as
 * tok_encode. */
typedef struct {
    size_t skip;
    bool straddles;
} TokJoint;
Status tok_encode_joint(const Tok *t, TokIds *out, TokJoint *how, const char *prompt, size_t n_prompt,
                        const char *answer, size_t n_answer, bool specials, Err *e) PRIME_MUST_USE;

/* tok_decode - append the text of n ids; special tokens are left out when skip_special. The result is UTF-8:
 * characters that the ids cut short become U+FFFD, one for each maximal broken part (byte-level) or for each
 * byte (byte fallback). A file without a decoder puts spaces between tokens, as the source does. Differs:
 * tokenizers 0.23 garbles added tokens that are normalised and not ASCII; here they keep their text. Errors:
 * ERR_ARG an id out of range, with its place; ERR_NOMEM. */
Status tok_decode(const Tok *t, Str *out, const int32_t *ids, size_t n, bool skip_special,
                  Err *e) PRIME_MUST_USE;

/* tok_train - learn a byte-level BPE of vocab_size entries from n texts: the specials (ids 0, 1, ... as
 * given), the 256 bytes, then the products of merges. Fewer entries when no further pair occurs twice.
 * Ties between equally frequent pairs go to the lexicographically smaller pair of byte strings: the result
 * depends on the texts alone, not on their order. Pre-tokeniser: digits split one by one, then GPT-2's
 * regular expression. A pair that spells a special token is never merged. Bytes that are not UTF-8 are left
 * out. Cost: O(bytes), then for each merge the length of the distinct words that hold it. Errors: ERR_ARG
 * vocab_size outside [256 + n_specials, 2^24], or a special token that is empty, not UTF-8, given twice or
 * the name of a byte; ERR_NOMEM. Source: Sennrich et al. 2016, arXiv:1508.07909; bytes as in GPT-2 (Radford
 * et al. 2019). */
Status tok_train(Tok **t, const char *const *texts, size_t n, size_t vocab_size, const char *const *specials,
                 size_t n_specials, Err *e) PRIME_MUST_USE;
/* tok_save - write DIR/tokenizer.json and DIR/tokenizer_config.json, each atomically; equal tokenizers give
 * equal bytes. Only for a Tok that tok_train made (ERR_ARG). Errors: ERR_IO, ERR_NOMEM. */
Status tok_save(const Tok *t, const char *dir, Err *e) PRIME_MUST_USE;

#endif
