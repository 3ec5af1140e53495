/* attack_priv.h - the formulas behind the table; each is a pure function of a signal that holds what its row
 * says it needs. */
#ifndef PRIME_ATTACK_PRIV_H
#define PRIME_ATTACK_PRIV_H

#include "prime/attack.h"

typedef double AttackFn(const AttackSignal *s, double par, double *work);

AttackFn attack_loss, attack_loss_sum, attack_ref, attack_ref_loo, attack_blind_length, attack_blind_zlib;
AttackFn attack_zlib_ratio, attack_lowercase, attack_recall, attack_con_recall, attack_neighbour;
AttackFn attack_min_k, attack_min_k_pp, attack_surp, attack_dc_pdd, attack_ez_mia, attack_ez_share;

#endif
