/* tok_priv.h - what the files of the tokenizer share: the vocabulary, the table of merges, the stages of the
 * pre-tokeniser, and the walk that takes a text to words and words to ids. */
#ifndef PRIME_TOK_PRIV_H
#define PRIME_TOK_PRIV_H

#include "prime/tok.h"
#include "utf8_priv.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    TOK_IN_MODEL = 1, /* listed in the model's vocabulary, so merges may make it */
    TOK_ADDED = 2,    /* listed under added_tokens, so it is looked for in the text */
    TOK_SPECIAL = 4   /* an added token that decoding may leave out */
};
enum { TOK_MAX_STAGES = 8, TOK_MAX_TEXT = INT32_MAX / 2 };

/* A stretch of Tok.text. Offsets, not pointers: the text grows while a vocabulary is being filled. */
typedef struct {
    uint32_t at, n;
} TokSpan;

typedef struct {
    TokSpan content; /* as the file writes it: bytes in GPT-2's alphabet */
    TokSpan bytes;   /* what it stands for */
    uint8_t flags;   /* 0 marks an id that nothing has claimed yet */
} TokEntry;

/* A row of the merge table: (left, right) -> the id of the joined token, cheapest rank first. */
typedef struct {
    uint64_t key;
    int32_t rank, id; /* id < 0 marks a free slot */
} TokPair;

/* One step of the pre-tokeniser: cut a piece by a pattern, keep matches, gaps, or both. */
typedef struct {
    pcre2_code *code; /* NULL: leave the piece whole */
    bool keep_match, keep_gap;
    bool byte_level; /* the last step, which turns bytes into the alphabet */
    bool prefix;     /* first put a space before a piece that does not start with one */
} TokStage;

typedef struct {
    int32_t id;
    TokSpan text;  /* what is looked for: the content, normalised when `normalised` */
    const char *s; /* the same, set by tok_added_index */
    bool special, normalised, lstrip, rstrip, single_word;
} TokAdded;

typedef struct {
    int32_t left, right, id;
} TokMerge;

struct Tok {
    Str text;
    TokEntry *entry;
    size_t n, cap;  /* ids in use; entries there is room for */
    uint32_t *slot; /* content -> id + 1, open addressing, n_slot a power of two */
    size_t n_slot;
    TokPair *pair;
    size_t n_pair; /* slots, a power of two, or 0 */
    int32_t byte_id[256];
    TokStage stage[TOK_MAX_STAGES];
    size_t n_stages;
    TokAdded *added; /* sorted: first byte, then longest first */
    size_t n_added;
    size_t first[257]; /* added tokens that start with byte b: added[first[b] .. first[b + 1]) */
    bool nfc, ignore_merges, fuse_unk;
    int32_t unk;     /* -1: bytes without a token are dropped */
    TokMerge *merge; /* in order of rank; only for a tokenizer that was trained here */
    size_t n_merges;
    bool trained;
};

/* --- tok_bytes.c: UTF-8, and GPT-2's printable alphabet for bytes ----------------------------------------
 */

/* tok_utf8_code - the code point of a valid character of len bytes. */
uint32_t tok_utf8_code(const char *s, size_t len);
/* tok_put_lossy - append s with U+FFFD for each broken part. */
void tok_put_lossy(Str *out, const char *s, size_t n);
/* tok_byte_char - GPT-2's character for byte b as UTF-8; returns its length, 1 or 2. */
size_t tok_byte_char(char out[2], unsigned char b);
/* tok_char_byte - the byte that code point c stands for, or -1. */
int tok_char_byte(uint32_t c);
/* tok_nth_byte - the i-th byte (0..255) in the order of the alphabet's code points. */
unsigned char tok_nth_byte(size_t i);
/* tok_is_space, tok_is_word - Unicode White_Space, and the word characters of Unicode's UTS 18. */
bool tok_is_space(uint32_t c);
bool tok_is_word(uint32_t c);

/* --- tok_vocab.c: contents, ids and merges -----------------------------------------------------------------
 */

Tok *tok_new(size_t cap, Err *e); /* room for cap ids; NULL on ERR_NOMEM */
const char *tok_text(const Tok *t, TokSpan s);
/* tok_vocab_put - claim an id. Errors: ERR_FORMAT id out of [0, cap), id or content taken; ERR_NOMEM. */
Status tok_vocab_put(Tok *t, int64_t id, const char *s, size_t n, unsigned flags, Err *e) PRIME_MUST_USE;
int32_t tok_vocab_find(const Tok *t, const char *s, size_t n); /* -1 when absent */
/* tok_pairs_reserve - room for n merges. tok_pairs_put - a later row for the same pair replaces the first. */
Status tok_pairs_reserve(Tok *t, size_t n, Err *e) PRIME_MUST_USE;
void tok_pairs_put(Tok *t, int32_t left, int32_t right, int32_t rank, int32_t id);
const TokPair *tok_pairs_get(const Tok *t, int32_t left, int32_t right);

/* --- tok_pattern.c, tok_split.c: text -> words -------------------------------------------------------------
 */

extern const char tok_gpt2_pattern[];

/* tok_pattern_port - rewrite an Oniguruma pattern (the dialect of tokenizer.json) as one that PCRE2 reads the
 * same way. Errors: ERR_UNSUP for constructs whose meaning differs or is not known to agree. */
Status tok_pattern_port(Str *out, const char *p, size_t n, Err *e) PRIME_MUST_USE;

/* tok_stage_add - compile and append a step; pattern NULL gives a step that never cuts; `literal` takes the
 * pattern as plain text. Errors: ERR_FORMAT (not a pattern), ERR_UNSUP (too many steps, other dialect). */
Status tok_stage_add(Tok *t, TokStage how, const char *pattern, size_t n, bool literal,
                     Err *e) PRIME_MUST_USE;

typedef Status (*TokWordFn)(void *ctx, const char *word, size_t n, Err *e);
typedef struct {
    const Tok *t;
    pcre2_match_data *match[TOK_MAX_STAGES];
    Str prefixed;
    TokWordFn word;
    void *ctx;
} TokSplit;
Status tok_split_open(TokSplit *sp, const Tok *t, TokWordFn word, void *ctx, Err *e) PRIME_MUST_USE;
void tok_split_close(TokSplit *sp);
/* tok_split_run - call word() for each word of n bytes of valid UTF-8, in order. */
Status tok_split_run(TokSplit *sp, const char *s, size_t n, Err *e) PRIME_MUST_USE;

/* --- tok_bpe.c: word -> ids
 * ---------------------------------------------------------------------------------- */

typedef struct {
    int32_t id, prev, next;
} TokSym;
typedef struct {
    TokSym *sym;
    uint64_t *heap;
    size_t cap, n_heap;
    Str mapped; /* the word in GPT-2's alphabet, for ignore_merges */
} TokBpe;
void tok_bpe_close(TokBpe *w);
/* tok_bpe_word - append the ids of one word. Cost: O(n log n). */
Status tok_bpe_word(const Tok *t, TokBpe *w, TokIds *out, const char *s, size_t n, Err *e) PRIME_MUST_USE;

/* --- tok_added.c: tokens that are looked for in the text
 * ----------------------------------------------------- */

/* tok_added_index - sort t->added and fill t->first; t->text must not grow afterwards. */
void tok_added_index(Tok *t);
/* A walk over a text. Zero but for the two flags; `at` and `done` move on. */
typedef struct {
    bool normalised; /* which of the two kinds of added tokens */
    bool specials;   /* false: special tokens are passed over as text */
    size_t at, done; /* where the search goes on; up to where text is taken */
} TokScan;
typedef struct {
    int32_t id;
    size_t from, to; /* with the spaces that the token swallows */
} TokHit;
/* tok_added_next - the leftmost hit that is left, and there the longest; false when there is none.
 * Plain text before the hit is s[done before the call .. hit->from) when that is not empty. */
bool tok_added_next(const Tok *t, const char *s, size_t n, TokScan *scan, TokHit *hit);

/* --- tok_norm.c
 * ------------------------------------------------------------------------------------------------ */

/* tok_nfc - NFC of n bytes of valid UTF-8. *out is NULL when the text is already its own NFC by a quick look
 * (ASCII), else fresh memory for free(). */
Status tok_nfc(char **out, size_t *n_out, const char *s, size_t n, Err *e) PRIME_MUST_USE;

#endif
