/* spec_priv.h - the keys of a specification. */
#ifndef PRIME_SPEC_PRIV_H
#define PRIME_SPEC_PRIV_H

#include "prime/spec.h"

extern const YmlSpec spec_fields;

#endif
