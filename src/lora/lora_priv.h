/* lora_priv.h - building blocks shared by the files of this room. */
#ifndef PRIME_LORA_PRIV_H
#define PRIME_LORA_PRIV_H

#include "prime/lora.h"

/* lora_bare - an adapter whose sites have no rank yet; lora_layout - give the sites their memory, zeroed,
 * once the ranks are set. */
Status lora_bare(Lora **l, const LoraShape *shape, Err *e) PRIME_MUST_USE;
Status lora_layout(Lora *l, Err *e) PRIME_MUST_USE;

/* lora_module_tail - "attn.c_attn" is c_attn. */
const char *lora_module_tail(const char *module);

#endif
