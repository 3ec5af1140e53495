/* trial_shadow.c - the models that shadow attacks compare a trial with: the same merge with one anchor's
 * place taken, by a shadow of this anchor or by another person. */
#include "trial_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- which merges are the same but for who is in them ---- */

static bool same_making(const Trial *x, const Trial *y)
{
    return x->again == y->again && x->w == y->w && x->share == y->share && x->extra == y->extra &&
           x->scale == y->scale && x->audit == y->audit;
}

Status trial_makings(TrialMakings *m, Sweep *s, const Trial *trial, size_t n, Err *e)
{
    m->of = arena_alloc(&s->arena, n, sizeof *m->of);
    m->trial = arena_alloc(&s->arena, n, sizeof *m->trial);
    m->n = 0;
    if (m->of == NULL || m->trial == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu trials", n);
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        if (trial[i].again == NULL) continue;
        while (j < m->n && !same_making(m->trial[j], &trial[i])) j++;
        if (j == m->n) m->trial[m->n++] = &trial[i];
        m->of[i] = j;
    }
    return OK;
}

/* ---- their models ---- */

/* Other anchors than those in from [k], in an order drawn for the person; at most `most`. */
static Status others_of(size_t **out, size_t *n, Sweep *s, size_t anchor, const size_t *from, size_t k,
                        size_t most, Err *e)
{
    const Audit *a = s->a;
    size_t all = 0, *pick = arena_alloc(&s->arena, a->n_anchors, sizeof *pick);
    if (pick == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", a->n_anchors);
    for (size_t i = 0; i < a->n_anchors; i++) {
        bool taken = i == anchor;
        for (size_t j = 0; j < k; j++) taken = taken || from[j] == i;
        if (!taken) pick[all++] = i;
    }
    Rng rng = rng_stream(0, a->anchor[anchor].user->id, REMERGE_STREAM);
    rng_shuffle(&rng, pick, all);
    *out = pick;
    *n = all < most ? all : most;
    return OK;
}

/* Who takes the place of an anchor, shadows first. */
static Status stand_ins(const Lora ***out, size_t *n_other, Sweep *s, size_t anchor, const size_t *from,
                        size_t k, size_t index, Err *e)
{
    const Audit *a = s->a;
    size_t K = a->spec->attack.shadows, *other = NULL;
    const Lora **l = arena_alloc(&s->arena, 2 * K, sizeof *l);
    if (l == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", 2 * K);
    TRY(others_of(&other, n_other, s, anchor, from, k, K, e));
    for (size_t j = 0; j < K; j++) l[j] = a->anchor[anchor].shadow[j];
    for (size_t j = 0; j < *n_other; j++) l[K + j] = audit_anchor_lora(a, other[j], index);
    *out = l;
    return OK;
}

/* made [n]: the merges with each of them in the place of the target's anchor `at`. */
static Status remade(Lora **made, const TrialFor *who, const Trial *t, size_t at, const Lora *const *in,
                     size_t n, size_t per_target, Err *e)
{
    const Lora *anchor[256];
    memcpy(anchor, who->anchor, per_target * sizeof(const Lora *));
    for (size_t j = 0; j < n; j++) {
        anchor[at] = in[j];
        TRY(t->again(&made[j], who, t, anchor, e));
    }
    return OK;
}

static Status shadow_risk(ShadowPerson *out, Sweep *s, const TrialFor *who, const Trial *t, size_t at, Err *e)
{
    size_t per_target = s->a->spec->anchors.per_target, K = s->a->spec->attack.shadows, n_other = 0;
    const Lora **in = NULL;
    TRY(stand_ins(&in, &n_other, s, who->t->anchor[at], who->t->anchor, per_target, who->index, e));
    Lora **made = arena_zalloc(&s->arena, K + n_other, sizeof(Lora *));
    if (made == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu merges", K + n_other);
    Status st = remade(made, who, t, at, in, K + n_other, per_target, e);
    if (st == OK) st = shadow_person(out, s, &who->risk[at].person, (const Lora *const *)made, K, n_other, e);
    for (size_t j = 0; j < K + n_other; j++) lora_free(made[j]);
    return st;
}

/* The population under the merges without each person at risk: [n_risks][n_loo, m]. */
static Status loo_population(double ***out, Sweep *s, const TrialFor *who, Lora *const *const *without,
                             size_t n_loo, Err *e)
{
    double **z = arena_alloc(&s->arena, who->n_risks, sizeof *z);
    const Lora **l = arena_alloc(&s->arena, n_loo, sizeof *l);
    if (z == NULL || l == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu merges", n_loo);
    for (size_t i = 0; i < who->n_risks; i++) {
        AuditCrowd crowd = {0};
        for (size_t j = 0; j < n_loo; j++) l[j] = without[j][i];
        TRY(audit_crowd_of(&crowd, l, n_loo, e));
        Status st = shadow_population(&z[i], s, &crowd.lora, n_loo, &s->arena, e);
        audit_crowd_free(&crowd);
        TRY(st);
    }
    *out = z;
    return OK;
}

Status trial_shadows(TrialShadows *out, Sweep *s, const TrialFor *who, const TrialMakings *m,
                     const PassLora *lora, size_t n_cand, Lora *const *const *without, size_t n_loo, Err *e)
{
    TrialShadows x = {0};
    if (m->n == 0) return OK;
    x.person = arena_alloc(&s->arena, m->n * who->n_risks, sizeof *x.person);
    if (x.person == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", m->n * who->n_risks);
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k < who->n_risks; k++)
            TRY(shadow_risk(&x.person[i * who->n_risks + k], s, who, m->trial[i], k, e));
    TRY(shadow_population(&x.population, s, lora, n_cand, &s->arena, e));
    if (n_loo > 0) TRY(loo_population(&x.without, s, who, without, n_loo, e));
    *out = x;
    return OK;
}

Status anchor_shadows(TrialShadows *out, Sweep *s, size_t anchor, size_t index, const PassLora *lora, Err *e)
{
    AuditPerson p = audit_person(s->a, anchor);
    size_t n_other = 0;
    const Lora **in = NULL;
    TrialShadows x = {.person = arena_alloc(&s->arena, 1, sizeof *x.person)};
    if (x.person == NULL) FAIL(e, ERR_NOMEM, "no memory for a person");
    TRY(stand_ins(&in, &n_other, s, anchor, NULL, 0, index, e));
    TRY(shadow_person(x.person, s, &p, in, s->a->spec->attack.shadows, n_other, e));
    TRY(shadow_population(&x.population, s, lora, 1, &s->arena, e));
    *out = x;
    return OK;
}
