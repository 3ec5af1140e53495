/* tok_priv.h - what the files of the tokenizer share: the vocabulary, the table of merges, the steps before
 * the model (normaliser, pre-tokeniser) and behind it (decoder), and the walk from a text to words to ids. */
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

/* --- tok_buf.c: text that remembers where it came from ----------------------------------------------------
 */

/* A stretch of text on its way to ids. Byte i stands for the bytes at[i] of the original text, or for byte
 * base + i when `at` is NULL. Where nobody asked for places, `at` is NULL and `base` means nothing. */
typedef struct {
    const char *s;
    size_t n;
    const TokRange *at;
    size_t base;
} TokPiece;
TokPiece tok_piece_sub(TokPiece p, size_t lo, size_t hi);
/* tok_piece_range - what p[lo .. hi) stands for; for lo == hi an empty range. */
TokRange tok_piece_range(TokPiece p, size_t lo, size_t hi);

/* Text that is being rewritten, with its places when `track`. Zero-initialise but for `track`. */
typedef struct {
    Str text; /* text.failed covers both arrays */
    TokRange *at;
    size_t cap;
    bool track;
} TokBuf;
/* tok_buf_put - append n bytes that all stand for r. tok_buf_copy - append a piece with its places. */
void tok_buf_put(TokBuf *b, const char *s, size_t n, TokRange r);
void tok_buf_copy(TokBuf *b, TokPiece p);
void tok_buf_clear(TokBuf *b);
void tok_buf_free(TokBuf *b);
/* tok_buf_piece - the text as a piece, valid until the next change. Errors: ERR_NOMEM. */
Status tok_buf_piece(TokPiece *p, const TokBuf *b, Err *e) PRIME_MUST_USE;

/* --- tok_find.c: patterns ---------------------------------------------------------------------------------
 */

/* How a pattern is written: as tokenizer.json has it (Oniguruma's dialect), as plain text, or as PCRE2. */
typedef enum { TOK_REGEX, TOK_LITERAL, TOK_NATIVE } TokDialect;
/* tok_find_compile - Errors: ERR_FORMAT (not a pattern), ERR_UNSUP (too long, other dialect), ERR_NOMEM. */
Status tok_find_compile(pcre2_code **code, const char *pattern, size_t n, TokDialect how,
                        Err *e) PRIME_MUST_USE;

/* A walk over the matches in s [n], valid UTF-8. Set the first four members and last = SIZE_MAX. An empty
 * match counts, but not right behind the match before it. */
typedef struct {
    const pcre2_code *code;
    pcre2_match_data *match;
    const char *s;
    size_t n;
    size_t at, last; /* where the search goes on; where the match before it ended */
    size_t lo, hi;   /* the match that was found */
} TokFind;
/* tok_find_next - Errors: ERR_UNSUP a pattern that gives up; ERR_NOMEM. */
Status tok_find_next(TokFind *f, bool *found, Err *e) PRIME_MUST_USE;

/* --- the steps --------------------------------------------------------------------------------------------
 */

/* One step of the normaliser: `run` rewrites a piece. The other members are its parameters. */
typedef struct TokNorm TokNorm;
typedef Status (*TokNormFn)(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in,
                            pcre2_match_data *match, Err *e);
struct TokNorm {
    TokNormFn run;
    pcre2_code *code;
    TokSpan content;
    int form;          /* of Unicode, as utf8proc's options */
    bool spares_ascii; /* leaves ASCII text as it is */
    bool left, right;  /* where to strip */
};

/* One step of the pre-tokeniser. First the piece is rewritten (ByteLevel's space before a text; Metaspace),
 * then cut by a pattern; matches and gaps are put together by `how`. */
typedef enum { TOK_ISOLATED, TOK_REMOVED, TOK_WITH_PREVIOUS, TOK_WITH_NEXT, TOK_CONTIGUOUS } TokJoin;
typedef enum { TOK_NEVER, TOK_FIRST, TOK_ALWAYS } TokWhere;
typedef struct {
    pcre2_code *code; /* NULL: leave the piece whole */
    TokJoin how;
    bool invert;      /* gaps are matches and matches gaps */
    bool byte_level;  /* the last step, behind which words are bytes */
    TokWhere prepend; /* put a space, or `meta`, before a piece that does not start with it */
    TokSpan meta;     /* takes the place of each space; empty when there is no such thing */
} TokStage;

/* One step of the decoder: a list of texts becomes another one. */
typedef struct {
    Str text;
    size_t *end; /* item i is text[end[i - 1] .. end[i]) */
    size_t n, cap;
} TokList;
typedef struct TokDecoder TokDecoder;
typedef Status (*TokDecodeFn)(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in, Err *e);
struct TokDecoder {
    TokDecodeFn run;
    pcre2_code *code;
    TokSpan content;
    size_t start, stop; /* characters to strip at most */
    bool drop_first;    /* the first text loses all of them */
};

typedef struct {
    int32_t id;
    TokSpan text;  /* what is looked for: the content, normalised when `normalised` */
    const char *s; /* the same, set by tok_added_index */
    bool special, normalised, lstrip, rstrip, single_word;
} TokAdded;

typedef struct {
    int32_t left, right, id;
} TokMerge;

/* A word that is one token, by its bytes: up to eight in `key` itself, a hash of more. */
typedef struct {
    uint64_t key;
    uint32_t n, id1; /* id + 1; 0 marks a free slot */
} TokWhole;

struct Tok {
    Str text;
    TokEntry *entry;
    size_t n, cap;  /* ids in use; entries there is room for */
    uint32_t *slot; /* content -> id + 1, open addressing, n_slot a power of two */
    size_t n_slot;
    TokPair *pair;
    size_t n_pair; /* slots, a power of two, or 0 */
    TokWhole *whole;
    size_t n_whole;        /* slots, a power of two, or 0 */
    int32_t byte_id[256];  /* the token of a byte, -1 for none */
    int32_t ascii_id[128]; /* the token of an ASCII character, where words are made of characters */
    TokNorm norm[TOK_MAX_STAGES];
    TokStage stage[TOK_MAX_STAGES];
    TokDecoder decoder[TOK_MAX_STAGES];
    size_t n_norms, n_stages, n_decoders;
    TokIds before, after; /* the template around one text */
    TokAdded *added;      /* sorted: first byte, then longest first */
    size_t n_added;
    size_t first[257]; /* added tokens that start with byte b: added[first[b] .. first[b + 1]) */
    size_t n_raw;      /* of them those that are looked for before the text is normalised */
    bool byte_level;   /* words are bytes; otherwise characters */
    bool track_always; /* a step asks where a piece began */
    bool cuts;         /* no merge reaches across a U+2581 that follows another character */
    bool byte_fallback, ignore_merges, fuse_unk;
    int32_t unk;     /* -1: what has no token is dropped */
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
/* tok_put_bytes - append the bytes behind the characters of s, or s itself when one is outside the alphabet.
 */
void tok_put_bytes(Str *out, const char *s, size_t n);
/* tok_char_byte - the byte that code point c stands for, or -1. */
int tok_char_byte(uint32_t c);
/* tok_nth_byte - the i-th byte (0..255) in the order of the alphabet's code points. */
unsigned char tok_nth_byte(size_t i);
/* tok_is_space, tok_is_word - Unicode White_Space, and the word characters of Unicode's UTS 18. */
bool tok_is_space(uint32_t c);
bool tok_is_word(uint32_t c);

/* --- tok_vocab.c: contents, ids and merges -----------------------------------------------------------------
 */

/* tok_hash - of a string of bytes, for tables with a power of two of slots. tok_slots - slots for n entries
 * that leave half of them free, so that a search always ends. */
uint64_t tok_hash(const char *s, size_t n);
size_t tok_slots(size_t n);
Tok *tok_new(size_t cap, Err *e); /* room for cap ids; NULL on ERR_NOMEM */
const char *tok_text(const Tok *t, TokSpan s);
/* tok_text_add - keep n bytes with the Tok. Errors: ERR_NOMEM. */
Status tok_text_add(Tok *t, TokSpan *out, const char *s, size_t n, Err *e) PRIME_MUST_USE;
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

/* tok_stage_add - append a step and take its pattern over, also on failure; pattern NULL never cuts. Errors:
 * ERR_UNSUP too many steps. tok_stage_pattern - the same with a pattern to compile. */
Status tok_stage_add(Tok *t, TokStage how, Err *e) PRIME_MUST_USE;
Status tok_stage_pattern(Tok *t, TokStage how, const char *pattern, size_t n, TokDialect dialect,
                         Err *e) PRIME_MUST_USE;

typedef Status (*TokWordFn)(void *ctx, TokPiece word, Err *e);
typedef struct {
    const Tok *t;
    pcre2_match_data *match;
    TokBuf buf[TOK_MAX_STAGES]; /* a step's rewritten piece */
    TokWordFn word;
    void *ctx;
} TokSplit;
/* tok_split_open - `track`: words know their places. */
Status tok_split_open(TokSplit *sp, const Tok *t, bool track, TokWordFn word, void *ctx,
                      Err *e) PRIME_MUST_USE;
void tok_split_close(TokSplit *sp);
/* tok_split_run - call word() for each word of a piece of valid UTF-8, in order. */
Status tok_split_run(TokSplit *sp, TokPiece p, Err *e) PRIME_MUST_USE;

/* --- tok_bpe.c, tok_whole.c: word -> ids ------------------------------------------------------------------
 */

typedef struct {
    int32_t id, prev, next;
    uint32_t from, to; /* bytes of the word */
} TokSym;
/* A word that was met before in this text, and its ids. */
enum { TOK_MEMO_BYTES = 15, TOK_MEMO_IDS = 3, TOK_MEMO_SLOTS = 4096 };
typedef struct {
    char word[TOK_MEMO_BYTES + 1]; /* the last byte is the length, 0 in a free slot */
    int32_t id[TOK_MEMO_IDS], n;
} TokMemo;
typedef struct {
    TokSym *sym;
    uint64_t *heap;
    size_t cap, n_heap;
    TokMemo *memo; /* [TOK_MEMO_SLOTS], or NULL where it would not pay */
} TokBpe;
/* tok_bpe_open - for a text of n bytes. Zero-initialised works too, without a memory of words. */
void tok_bpe_open(TokBpe *w, size_t n);
void tok_bpe_close(TokBpe *w);
/* tok_bpe_word - append the ids of one word, and their places to `spans` unless it is NULL. Cost: O(n log n).
 */
Status tok_bpe_word(const Tok *t, TokBpe *w, TokIds *out, TokRanges *spans, TokPiece word,
                    Err *e) PRIME_MUST_USE;
/* tok_bpe_merge_all - the same without a look at the table of whole words. */
Status tok_bpe_merge_all(const Tok *t, TokBpe *w, TokIds *out, TokRanges *spans, TokPiece word,
                         Err *e) PRIME_MUST_USE;

/* tok_ends_mark, tok_starts_mark - is the last or first character of s [n] U+2581, SentencePiece's space? */
bool tok_ends_mark(const char *s, size_t n);
bool tok_starts_mark(const char *s, size_t n);
/* tok_whole_build - find whether words can be cut at marks, and list the tokens that are the only token of
 * the word they spell. Once, when all else is loaded. tok_whole_find - the token of such a word, or -1. */
Status tok_whole_build(Tok *t, Err *e) PRIME_MUST_USE;
int32_t tok_whole_find(const Tok *t, const char *s, size_t n);

/* --- tok_added.c: tokens that are looked for in the text
 * ----------------------------------------------------- */

/* tok_added_index - sort t->added and fill t->first; t->text must not grow afterwards. Errors: ERR_UNSUP two
 * tokens that are the same in normalised text. */
Status tok_added_index(Tok *t, Err *e) PRIME_MUST_USE;
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

/* --- tok_norm.c: the normaliser ---------------------------------------------------------------------------
 */

/* tok_norm_run - the normalised form of a piece of valid UTF-8: `in` itself when nothing changes it, else the
 * text of one of the two buffers. Errors: ERR_UNSUP a pattern that gives up; ERR_NOMEM. */
Status tok_norm_run(const Tok *t, TokPiece *out, TokPiece in, TokBuf buf[2], pcre2_match_data *match,
                    Err *e) PRIME_MUST_USE;
/* The steps, for the reader of the file. */
Status tok_norm_unicode(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                        Err *e) PRIME_MUST_USE;
Status tok_norm_prepend(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                        Err *e) PRIME_MUST_USE;
Status tok_norm_replace(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                        Err *e) PRIME_MUST_USE;
Status tok_norm_lowercase(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                          Err *e) PRIME_MUST_USE;
Status tok_norm_strip(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                      Err *e) PRIME_MUST_USE;
Status tok_norm_accents(const Tok *t, const TokNorm *op, TokBuf *out, TokPiece in, pcre2_match_data *match,
                        Err *e) PRIME_MUST_USE;

/* --- tok_decode.c: the decoder ----------------------------------------------------------------------------
 */

Status tok_decode_bytes(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in,
                        Err *e) PRIME_MUST_USE;
Status tok_decode_replace(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in,
                          Err *e) PRIME_MUST_USE;
Status tok_decode_fallback(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in,
                           Err *e) PRIME_MUST_USE;
Status tok_decode_fuse(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in,
                       Err *e) PRIME_MUST_USE;
Status tok_decode_strip(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in,
                        Err *e) PRIME_MUST_USE;
Status tok_decode_meta(const Tok *t, const TokDecoder *op, TokList *out, const TokList *in,
                       Err *e) PRIME_MUST_USE;

#endif
