/* spec_priv.h - the keys of a specification. */
#ifndef PRIME_SPEC_PRIV_H
#define PRIME_SPEC_PRIV_H

#include "prime/spec.h"

extern const YmlSpec spec_fields;

/* spec_check_attacks - whether attack.methods can be computed. Errors: ERR_ARG. */
Status spec_check_attacks(const Spec *s, Err *e) PRIME_MUST_USE;

#endif
