/* spec_attack.c - which attacks on records a cell is given. */
#include "spec_priv.h"

#include "prime/str.h"

#include <string.h>

/* What one pass of the attacked model, one of the base model and the records themselves leave behind. */
enum {
    SPEC_PASS = ATTACK_LOSS | ATTACK_REF | ATTACK_LOGP | ATTACK_SPREAD | ATTACK_RANK | ATTACK_REF_LOGP |
                ATTACK_IDS | ATTACK_ZLIB
};

/* A text that is more than the record itself, and what its losses are for. */
static const struct {
    const char *name;
    unsigned gives;
} texts[] = {
    {"lowercase", ATTACK_LOWER}, {"prefix", ATTACK_NON | ATTACK_MEMBER}, {"neighbour", ATTACK_NEIGHBOUR}};
enum { N_TEXTS = sizeof texts / sizeof texts[0] };

bool spec_texts(const Spec *s, const char *name)
{
    for (size_t i = 0; i < s->attack.texts.n; i++)
        if (strcmp(s->attack.texts.x[i], name) == 0) return true;
    return false;
}

/* What all passes of this audit leave behind. */
static unsigned attack_gives(const Spec *s)
{
    unsigned have = SPEC_PASS;
    for (size_t i = 0; i < N_TEXTS; i++)
        if (spec_texts(s, texts[i].name)) have |= texts[i].gives;
    return s->attack.counts != NULL ? have | ATTACK_COUNTS : have;
}

static bool attack_named(const Spec *s, const char *name)
{
    for (size_t i = 0; i < s->attack.methods.n; i++)
        if (strcmp(s->attack.methods.x[i], name) == 0) return true;
    return false;
}

bool spec_attacks(const Spec *s, const Attack *at, bool loo)
{
    if (!attack_can(at, attack_gives(s) | (loo ? ATTACK_LOO : 0U))) return false;
    return (loo && (at->needs & ATTACK_LOO) != 0) || attack_named(s, at->name) || attack_named(s, "all");
}

static const char *nearest_attack(const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && attack_at(n) != NULL; n++) names[n] = attack_at(n)->name;
    return str_nearest(name, names, n);
}

/* An attack that this audit's passes do not allow: by which key they would. */
static Status check_lacking(const Spec *s, const Attack *at, Err *e)
{
    unsigned lacks = at->needs & ~attack_gives(s);
    for (size_t i = 0; i < N_TEXTS && at->fn != NULL; i++)
        if (lacks & texts[i].gives)
            FAIL(e, ERR_ARG, "attack.methods: %s needs attack.texts: %s, which is not there", at->name,
                 texts[i].name);
    if (at->fn != NULL && (lacks & ATTACK_COUNTS))
        FAIL(e, ERR_ARG, "attack.methods: %s needs attack.counts, which is not there", at->name);
    FAIL(e, ERR_ARG, "attack.methods: %s is no function of one record's passes; see 'prime list attack'",
         at->name);
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
    if (attack_can(at, attack_gives(s))) return OK;
    if (attack_can(at, SPEC_PASS | ATTACK_LOO)) {
        if (spec_wants(s, "loo")) return OK;
        FAIL(e, ERR_ARG, "attack.methods: %s needs the merges of method loo, which is not there", name);
    }
    return check_lacking(s, at, e);
}

static Status check_texts(const Spec *s, Err *e)
{
    const YmlStrs *t = &s->attack.texts;
    for (size_t i = 0; i < t->n; i++) {
        size_t k = 0;
        while (k < N_TEXTS && strcmp(texts[k].name, t->x[i]) != 0) k++;
        if (k == N_TEXTS)
            FAIL(e, ERR_ARG, "attack.texts: %s is not known, want lowercase, prefix or neighbour", t->x[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(t->x[i], t->x[j]) == 0) FAIL(e, ERR_ARG, "attack.texts: %s is there twice", t->x[i]);
    }
    return OK;
}

static Status check_shadows(const Spec *s, Err *e)
{
    if (s->attack.shadows % 2 != 0)
        FAIL(e, ERR_ARG, "attack.shadows = %zu, want an even number: each record is in half of them",
             s->attack.shadows);
    if (s->attack.shadows == 2)
        FAIL(e, ERR_ARG,
             "attack.shadows = 2, want 0 or at least 4: lira has no spread to go by when one model of each "
             "anchor has a record and one does not");
    if (s->attack.collusion && !spec_wants(s, "loo"))
        FAIL(e, ERR_ARG, "attack.collusion needs the merges of method loo, which is not there");
    return OK;
}

Status spec_check_attacks(const Spec *s, Err *e)
{
    const YmlStrs *m = &s->attack.methods;
    size_t pool = s->anchors.users.n > 0 ? s->anchors.users.n : s->anchors.pool, K = s->anchors.per_target;
    if (spec_wants(s, "random-anchors") && pool < 2 * K)
        FAIL(e, ERR_ARG,
             "methods: random-anchors wants %zu anchors, twice anchors.per_target, and there are %zu", 2 * K,
             pool);
    TRY(check_texts(s, e));
    TRY(check_shadows(s, e));
    if (m->n == 0) FAIL(e, ERR_ARG, "attack.methods is empty, want at least one");
    for (size_t i = 0; i < m->n; i++) {
        TRY(check_attack(s, m->x[i], e));
        for (size_t j = 0; j < i; j++)
            if (strcmp(m->x[i], m->x[j]) == 0) FAIL(e, ERR_ARG, "attack.methods: %s is there twice", m->x[i]);
    }
    return OK;
}
