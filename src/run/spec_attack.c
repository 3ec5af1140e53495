/* spec_attack.c - which attacks on records a cell is given. */
#include "spec_priv.h"

#include "prime/str.h"

#include <string.h>

/* What one pass of the attacked model, one of the base model and the texts themselves leave behind. */
enum {
    SPEC_PASS = ATTACK_LOSS | ATTACK_REF | ATTACK_LOGP | ATTACK_SPREAD | ATTACK_RANK | ATTACK_REF_LOGP |
                ATTACK_IDS | ATTACK_ZLIB
};

static bool attack_named(const Spec *s, const char *name)
{
    for (size_t i = 0; i < s->attack.methods.n; i++)
        if (strcmp(s->attack.methods.x[i], name) == 0) return true;
    return false;
}

bool spec_attacks(const Spec *s, const Attack *at, bool loo)
{
    if (!attack_can(at, SPEC_PASS | (loo ? ATTACK_LOO : 0U))) return false;
    return (loo && (at->needs & ATTACK_LOO) != 0) || attack_named(s, at->name) || attack_named(s, "all");
}

static const char *nearest_attack(const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && attack_at(n) != NULL; n++) names[n] = attack_at(n)->name;
    return str_nearest(name, names, n);
}

static Status check_attack(const Spec *s, const char *name, Err *e)
{
    const Attack *at = attack_find(name);
    if (strcmp(name, "all") == 0) return OK;
    if (at == NULL) {
        const char *near = nearest_attack(name);
        FAIL(e, ERR_ARG, "attack.methods: %s is not known%s%s", name,
             near != NULL ? ", did you mean " : "; see 'prime list attack'", near != NULL ? near : "");
    }
    if (attack_can(at, SPEC_PASS)) return OK;
    if (attack_can(at, SPEC_PASS | ATTACK_LOO)) {
        if (spec_wants(s, "loo")) return OK;
        FAIL(e, ERR_ARG, "attack.methods: %s needs the merges of method loo, which is not there", name);
    }
    FAIL(e, ERR_ARG, "attack.methods: %s needs more than one pass over the records; see 'prime list attack'",
         name);
}

Status spec_check_attacks(const Spec *s, Err *e)
{
    const YmlStrs *m = &s->attack.methods;
    size_t pool = s->anchors.users.n > 0 ? s->anchors.users.n : s->anchors.pool, K = s->anchors.per_target;
    if (spec_wants(s, "random-anchors") && pool < 2 * K)
        FAIL(e, ERR_ARG,
             "methods: random-anchors wants %zu anchors, twice anchors.per_target, and there are %zu", 2 * K,
             pool);
    if (m->n == 0) FAIL(e, ERR_ARG, "attack.methods is empty, want at least one");
    for (size_t i = 0; i < m->n; i++) {
        TRY(check_attack(s, m->x[i], e));
        for (size_t j = 0; j < i; j++)
            if (strcmp(m->x[i], m->x[j]) == 0) FAIL(e, ERR_ARG, "attack.methods: %s is there twice", m->x[i]);
    }
    return OK;
}
