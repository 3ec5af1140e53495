/* cell_shadow.c - attacks that compare a model with others made like it, with and without a record: LiRA,
 * RMIA and the quantile attack, of one person's records. */
#include "sweep_priv.h"

#include "prime/lira.h"
#include "prime/quantile.h"
#include "prime/rmia.h"
#include "prime/roc.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ---- measuring ---- */

/* Mean log-likelihood of a token, below 0: out [n_cand] rows of set->n, one every `stride`. */
static Status shadow_logp(double *out, size_t stride, const Audit *a, const PassLora *lora, size_t n_cand,
                          const AuditSet *set, Arena *arena, Err *e)
{
    static const double MOST = -1e-12; /* a text known to the last bit */
    ScoreOut *nll = arena_alloc(arena, n_cand * set->n, sizeof *nll);
    if (nll == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n_cand * set->n);
    TRY(measure_nll(nll, a, lora, n_cand, set, e));
    for (size_t c = 0; c < n_cand; c++)
        for (size_t i = 0; i < set->n; i++) {
            const ScoreOut *x = &nll[c * set->n + i];
            out[c * stride + i] = fmin(-x->nll_sum / (double)x->n_tokens, MOST);
        }
    return OK;
}

Status shadow_population(double **out, Sweep *s, const PassLora *lora, size_t n_cand, Arena *arena, Err *e)
{
    size_t m = s->a->population.n;
    *out = arena_alloc(arena, n_cand * m, sizeof **out);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n_cand * m);
    return shadow_logp(*out, m, s->a, lora, n_cand, &s->a->population, arena, e);
}

Status shadow_person(ShadowPerson *out, Sweep *s, const AuditPerson *p, const Lora *const *model,
                     size_t n_shadow, size_t n_other, Err *e)
{
    size_t n = p->member.n + p->heldout.n, all = n_shadow + n_other;
    AuditCrowd crowd = {0};
    ShadowPerson x = {.n_shadow = n_shadow, .n_other = n_other};
    x.own = arena_alloc(&s->arena, all * n, sizeof *x.own);
    if (x.own == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", all * n);
    TRY(audit_crowd_of(&crowd, model, all, e));
    Status st = shadow_logp(x.own, n, s->a, &crowd.lora, all, &p->member, &s->arena, e);
    if (st == OK) st = shadow_logp(x.own + p->member.n, n, s->a, &crowd.lora, all, &p->heldout, &s->arena, e);
    if (st == OK) st = shadow_population(&x.population, s, &crowd.lora, all, &s->arena, e);
    audit_crowd_free(&crowd);
    if (st == OK) *out = x;
    return st;
}

/* ---- one person's records, members first ---- */

typedef struct {
    const AuditPerson *p;
    const ShadowPerson *x;
    const bool *in;     /* [n_shadow, n] */
    double *y, *ref;    /* [n] under the attacked model, and under the base */
    double *tokens;     /* [n] */
    const double *z;    /* [m] the population under the attacked model */
    double *a, *b;      /* [n, n_shadow] each record's shadows with and without it */
    double *others;     /* [n, n_other] */
    double *zr, *prior; /* [m], [n + m] scratch */
    double *score;      /* [n] */
    size_t n, m;
} Shadows;

static Status shadows_room(Shadows *w, Arena *arena, Err *e)
{
    size_t n = w->n, K = w->x->n_shadow;
    double *x = arena_alloc(arena, 4 * n + 2 * n * K + n * w->x->n_other + 2 * w->m + n, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for the scores of %zu records", n);
    w->y = x;
    w->ref = x + n;
    w->tokens = x + 2 * n;
    w->score = x + 3 * n;
    w->a = x + 4 * n;
    w->b = w->a + n * K;
    w->others = w->b + n * K;
    w->zr = w->others + n * w->x->n_other;
    w->prior = w->zr + w->m;
    return OK;
}

static void shadows_side(Shadows *w, size_t at, const AttackSignal *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        w->tokens[at + i] = (double)s[i].n_tokens;
        w->y[at + i] = fmin(-s[i].nll_sum / (double)s[i].n_tokens, -1e-12);
        w->ref[at + i] = -s[i].ref_nll_sum / (double)s[i].n_tokens;
    }
}

static Status shadows_open(Shadows *w, const CellView *v, Arena *arena, Err *e)
{
    AttackSignal *in = NULL, *held = NULL;
    const AuditPerson *p = w->p;
    TRY(shadows_room(w, arena, e));
    TRY(cell_attack_signals(&in, &v->sig->member, v->c, &v->ref->member, NULL, 0, p->member.n, arena, e));
    TRY(cell_attack_signals(&held, &v->sig->heldout, v->c, &v->ref->heldout, NULL, 0, p->heldout.n, arena,
                            e));
    shadows_side(w, 0, in, p->member.n);
    shadows_side(w, p->member.n, held, p->heldout.n);
    return OK;
}

/* ---- scores, each into w->score ---- */

/* other: the merges of other people for models without the record. */
static void shadows_records(LiraRecord *r, Shadows *w, bool other)
{
    size_t n = w->n, K = w->x->n_shadow, M = w->x->n_other;
    for (size_t i = 0; i < n; i++) {
        double *in = w->a + i * K, *out = other ? w->others + i * M : w->b + i * K;
        size_t n_in = 0, n_out = 0;
        for (size_t j = 0; j < K; j++) {
            double phi = lira_phi(w->x->own[j * n + i]);
            if (w->in[j * n + i])
                in[n_in++] = phi;
            else if (!other)
                out[n_out++] = phi;
        }
        for (size_t j = 0; other && j < M; j++) out[n_out++] = lira_phi(w->x->own[(K + j) * n + i]);
        r[i] = (LiraRecord){lira_phi(w->y[i]), in, out, n_in, n_out};
    }
}

static Status shadows_lira(Shadows *w, bool online, bool other, Arena *arena, Err *e)
{
    LiraSd sd;
    LiraRecord *r = arena_alloc(arena, w->n, sizeof *r);
    if (r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", w->n);
    shadows_records(r, w, other);
    TRY(lira_pooled(&sd, r, w->n, e));
    return online ? lira_online(w->score, r, w->n, &sd, e) : lira_offline(w->score, r, w->n, &sd, e);
}

/* Models first .. first + k - 1 but for `skip`. */
typedef struct {
    size_t first, k, skip;
    bool online;
    double a; /* of the offline prior */
} ShadowRefs;

/* Probability of text i of n beside what the models give it; of a record (in not NULL), offline, only those
 * without it. */
static double shadows_ratio(Shadows *w, const double *logp, size_t n, size_t i, double under, const bool *in,
                            const ShadowRefs *m)
{
    size_t used = 0;
    for (size_t j = m->first; j < m->first + m->k; j++)
        if (j != m->skip && (m->online || in == NULL || !in[j * n + i]))
            w->prior[used++] = exp(logp[j * n + i]);
    return exp(under) / (m->online ? rmia_prior(w->prior, used) : rmia_prior_offline(w->prior, used, m->a));
}

static Status shadows_rmia_of(double *score, Shadows *w, const double *y, const double *z, const bool *in,
                              const ShadowRefs *m, double *ratio, Err *e)
{
    for (size_t i = 0; i < w->n; i++) ratio[i] = shadows_ratio(w, w->x->own, w->n, i, y[i], in, m);
    for (size_t i = 0; i < w->m; i++) w->zr[i] = shadows_ratio(w, w->x->population, w->m, i, z[i], NULL, m);
    return rmia_scores(score, ratio, w->n, w->zr, w->m, 1, e);
}

/* The offset under which the attack finds most in the first shadow, whose records are known, with the others
 * for references: that of the paper, tuned on a model of one's own. The largest of equals. */
static Status shadows_offset(double *a, Shadows *w, double *ratio, Arena *arena, Err *e)
{
    enum { STEPS = 5 };
    double best = -1, *x = arena_alloc(arena, 3 * w->n, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", w->n);
    *a = 1;
    for (size_t step = 0; step <= STEPS && w->x->n_shadow > 2; step++) {
        ShadowRefs m = {0, w->x->n_shadow, 0, false, 1 - (double)step / STEPS};
        size_t in = 0, out = 0;
        double *p = x, *q = x + w->n;
        TRY(shadows_rmia_of(w->score, w, w->x->own, w->x->population, w->in, &m, ratio, e));
        for (size_t i = 0; i < w->n; i++) *(w->in[i] ? &p[in++] : &q[out++]) = w->score[i];
        double auc = in > 0 && out > 0 ? roc_auc(p, in, q, out, x + 2 * w->n) : 0;
        if (auc <= best) continue;
        best = auc;
        *a = m.a;
    }
    return OK;
}

static Status shadows_rmia(Shadows *w, bool online, bool other, Arena *arena, Err *e)
{
    size_t K = w->x->n_shadow;
    ShadowRefs m = {other ? K : 0, other ? w->x->n_other : K, SIZE_MAX, online, 1};
    double *ratio = arena_alloc(arena, w->n, sizeof *ratio);
    if (ratio == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", w->n);
    if (!online) TRY(shadows_offset(&m.a, w, ratio, arena, e));
    return shadows_rmia_of(w->score, w, w->y, w->z, other ? NULL : w->in, &m, ratio, e);
}

/* The base model's loss and the length do not come from the attacked model. */
static Status shadows_quantile(Shadows *w, const Sweep *s, Arena *arena, Err *e)
{
    enum { D = 2 };
    double b[D + 1], *x = arena_alloc(arena, w->m, D * sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", w->m);
    for (size_t i = 0; i < w->m; i++) {
        const Sample *t = &s->a->population.r[i].full;
        x[i * D] = s->population_ref[i];
        x[i * D + 1] = log((double)(t->n - t->skip));
    }
    TRY(quantile_fit(b, w->z, x, w->m, D, 0.9, e));
    for (size_t i = 0; i < w->n; i++)
        w->score[i] = w->y[i] - (b[0] + b[1] * w->ref[i] + b[2] * log(w->tokens[i]));
    return OK;
}

/* ---- rows ---- */

typedef struct {
    const char *name;
    bool online, other; /* against models with the record, too; against re-merges */
    enum { SHADOW_LIRA, SHADOW_RMIA, SHADOW_QUANTILE } how;
} ShadowAttack;

static const ShadowAttack shadow_attacks[] = {
    {"lira", true, false, SHADOW_LIRA},          {"lira_offline", false, false, SHADOW_LIRA},
    {"lira_remerge", false, true, SHADOW_LIRA},  {"rmia", true, false, SHADOW_RMIA},
    {"rmia_offline", false, false, SHADOW_RMIA}, {"rmia_remerge", false, true, SHADOW_RMIA},
    {"quantile", false, false, SHADOW_QUANTILE},
};
enum { N_SHADOW_ATTACKS = sizeof shadow_attacks / sizeof shadow_attacks[0], LEAST_OTHERS = 2 };

/* Where nothing is merged, or an adapter has learnt nothing, the models agree on everything. */
static bool shadows_agree(const Shadows *w, bool other)
{
    size_t first = other ? w->x->n_shadow : 0, end = first + (other ? w->x->n_other : w->x->n_shadow);
    for (size_t j = first + 1; j < end; j++)
        if (memcmp(w->x->own + j * w->n, w->x->own + first * w->n, w->n * sizeof *w->x->own) != 0)
            return false;
    return true;
}

static Status shadows_score(Shadows *w, const Sweep *s, const ShadowAttack *at, Arena *arena, Err *e)
{
    if (at->how != SHADOW_QUANTILE && shadows_agree(w, at->other)) {
        for (size_t i = 0; i < w->n; i++) w->score[i] = 0;
        return OK;
    }
    if (at->how == SHADOW_LIRA) return shadows_lira(w, at->online, at->other, arena, e);
    if (at->how == SHADOW_RMIA) return shadows_rmia(w, at->online, at->other, arena, e);
    return shadows_quantile(w, s, arena, e);
}

static Status shadows_rows(const Shadows *w, Sweep *s, const char *kind, const char *metric, Err *e)
{
    for (size_t i = 0; i < w->n; i++) {
        bool member = i < w->p->member.n;
        const AuditRec *r = member ? &w->p->member.r[i] : &w->p->heldout.r[i - w->p->member.n];
        LedgerScore row = {.kind = kind,
                           .metric = metric,
                           .unit = w->p->user->id,
                           .record = r->rec->id,
                           .label = member,
                           .value = w->score[i]};
        TRY(ledger_score(s->ledger, &row, e));
    }
    return OK;
}

static Status shadows_all(Shadows *w, Sweep *s, const char *kind, const CellView *v, Arena *arena, Err *e)
{
    TRY(shadows_open(w, v, arena, e));
    for (size_t i = 0; i < N_SHADOW_ATTACKS; i++) {
        const ShadowAttack *at = &shadow_attacks[i];
        if (at->other && w->x->n_other < LEAST_OTHERS) continue;
        TRY(shadows_score(w, s, at, arena, e));
        TRY(shadows_rows(w, s, kind, at->name, e));
    }
    return OK;
}

Status shadow_write(Sweep *s, const CellRow *row, const bool *in, const ShadowPerson *x,
                    const double *population, Err *e)
{
    Arena tmp = {0};
    Shadows w = {.p = row->person,
                 .x = x,
                 .in = in,
                 .z = population,
                 .n = row->person->member.n + row->person->heldout.n,
                 .m = s->a->population.n};
    Status st = shadows_all(&w, s, row->kind, row->view, &tmp, e);
    arena_free(&tmp);
    return st;
}
