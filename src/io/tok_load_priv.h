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

Status tok_model_check(const JsVal *model, Err *e) PRIME_MUST_USE;
Status tok_load_model(Tok *t, const JsVal *model, Err *e) PRIME_MUST_USE;
Status tok_load_normaliser(Tok *t, const JsVal *v, Err *e) PRIME_MUST_USE;
Status tok_load_stages(Tok *t, const JsVal *v, Err *e) PRIME_MUST_USE;
/* tok_load_tail - decoder and post_processor, which are checked and leave nothing behind. */
Status tok_load_tail(const JsVal *root, Err *e) PRIME_MUST_USE;

#endif
