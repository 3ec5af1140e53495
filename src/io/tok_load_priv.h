/* tok_load_priv.h - the parts of tokenizer.json, one reader each. */
#ifndef PRIME_TOK_LOAD_PRIV_H
#define PRIME_TOK_LOAD_PRIV_H

#include "prime/js.h"
#include "tok_priv.h"

typedef struct {
    const char *s;
    size_t n;
} TokText;

/* tok_keys_known - obj is an object with keys from `known` (ends with NULL) only. Errors: ERR_FORMAT,
 * ERR_UNSUP. */
Status tok_keys_known(const JsVal *obj, const char *where, const char *const *known, Err *e) PRIME_MUST_USE;
/* tok_flag - a member that is true, false or absent. */
Status tok_flag(bool *out, const JsVal *obj, const char *key, bool otherwise, Err *e) PRIME_MUST_USE;

/* --- tok_load_parts.c: what the four lists of steps have in common -----------------------------------------
 */

/* A kind of step, by its "type". */
typedef struct TokPart TokPart;
struct TokPart {
    const char *type;
    Status (*read)(Tok *t, const JsVal *v, const TokPart *kind, Err *e);
    int form;
};
/* What a list is called, and the key under which a Sequence keeps its members. */
typedef struct {
    const char *where, *key;
    const TokPart *kinds;
    size_t n;
} TokPartList;
/* tok_parts_read - read v, or each member when v is a Sequence, by the kind it names; NULL and null are no
 * steps. Errors: ERR_UNSUP an unknown kind; those of the kinds. */
Status tok_parts_read(Tok *t, const JsVal *v, const TokPartList *list, Err *e) PRIME_MUST_USE;
/* tok_part_text - keep the text under `key`. Errors: ERR_FORMAT; ERR_NOMEM. */
Status tok_part_text(Tok *t, TokSpan *out, const JsVal *v, const char *key, const char *where,
                     Err *e) PRIME_MUST_USE;
/* tok_part_char - the same, for a text of exactly one character. */
Status tok_part_char(Tok *t, TokSpan *out, const JsVal *v, const char *key, const char *where,
                     Err *e) PRIME_MUST_USE;
/* tok_part_pattern - compile {"Regex": text} or {"String": text} under "pattern". */
Status tok_part_pattern(pcre2_code **code, const JsVal *v, const char *where, Err *e) PRIME_MUST_USE;
/* tok_meta_where - prepend_scheme and add_prefix_space of a Metaspace. */
Status tok_meta_where(TokWhere *out, const JsVal *v, const char *where, Err *e) PRIME_MUST_USE;

Status tok_model_check(const JsVal *model, Err *e) PRIME_MUST_USE;
Status tok_load_model(Tok *t, const JsVal *model, Err *e) PRIME_MUST_USE;
Status tok_load_normaliser(Tok *t, const JsVal *v, Err *e) PRIME_MUST_USE;
Status tok_load_stages(Tok *t, const JsVal *v, Err *e) PRIME_MUST_USE;
Status tok_load_decoder(Tok *t, const JsVal *v, Err *e) PRIME_MUST_USE;
/* tok_load_template - the post_processor; after the vocabulary and the added tokens. */
Status tok_load_template(Tok *t, const JsVal *v, Err *e) PRIME_MUST_USE;

#endif
