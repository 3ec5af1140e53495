/* trial.c - candidates are measured together and become cells, each written whole. */
#include "sweep_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double trial_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void trial_step(const Sweep *s, const char *label)
{
    if (s->watch != NULL && s->watch->step != NULL) s->watch->step(s->watch->ctx, label);
}

/* ---- keys ---- */

typedef struct {
    char method[SWEEP_METHOD], key[SWEEP_KEY];
} CellName;

static CellName cell_name(const Audit *a, const char *method, size_t context, const char *unit, size_t seed,
                          double lambda)
{
    CellName n;
    SpecContext c = spec_context(a->spec, context);
    bool plain = c.items == 0 && !c.profile;
    snprintf(n.method, sizeof n.method, plain ? "%.32s" : "%.32s+%.16s", method, c.name);
    int len = snprintf(n.key, SWEEP_KEY, "%.60s/%s/%.60s/seed=%zu", a->task->name, n.method, unit, seed);
    if (!isnan(lambda) && len > 0 && len < SWEEP_KEY)
        snprintf(n.key + len, (size_t)(SWEEP_KEY - len), "/lambda=%.17g", lambda);
    return n;
}

/* missing [contexts]: which cells of a method are still to be measured; *any: one of them. */
static Status cells_missing(bool *missing, bool *any, Sweep *s, const char *method, const char *unit,
                            size_t seed, double lambda, Err *e)
{
    *any = false;
    for (size_t i = 0; i < spec_contexts(s->a->spec); i++) {
        CellName n = cell_name(s->a, method, i, unit, seed, lambda);
        bool there = false;
        TRY(ledger_has_cell(s->ledger, n.key, &there, e));
        missing[i] = !there;
        *any = *any || !there;
    }
    return OK;
}

static void cells_report(const Sweep *s, const bool *missing, const char *method, const char *unit,
                         size_t seed, double lambda)
{
    for (size_t i = 0; i < spec_contexts(s->a->spec); i++)
        if (!missing[i]) trial_step(s, cell_name(s->a, method, i, unit, seed, lambda).key);
}

Status trials_done(bool *done, Sweep *s, const AuditTarget *t, size_t index, const Trial *trial, size_t n,
                   Err *e)
{
    bool missing[SPEC_CONTEXTS], any = false;
    size_t seed = s->a->spec->seeds.x[index];
    for (size_t i = 0; i < n && !any; i++)
        TRY(cells_missing(missing, &any, s, trial[i].method, t->user->id, seed, trial[i].lambda, e));
    for (size_t i = 0; i < n && !any; i++)
        cells_report(s, missing, trial[i].method, t->user->id, seed, trial[i].lambda);
    *done = !any;
    return OK;
}

/* ---- writing one cell ---- */

/* Signals of a group's trials. */
typedef struct {
    CellSignals *risk, *loo; /* [n_risks]; loo: candidates are the merges without the one at risk; or NULL */
    CellSignals *people;     /* [n_anchors], or NULL */
    double *canary;          /* see canary_measure; or NULL */
    double source[2];        /* of an anchor's own cell: see probe_source */
} TrialSignals;

/* What a cell's body needs; the body writes rows into the open cell. */
typedef struct {
    Sweep *s;
    const TrialFor *who;
    const Trial *trial;
    const CellUtility *u;
    const TrialSignals *sig;
    size_t cand, loo;    /* within u and sig, and within sig->loo */
    size_t anchor, seed; /* of trial_anchor */
    bool first;          /* the first of the contexts: the others have the same signals */
} CellBody;

typedef Status (*CellFn)(const CellBody *b, Err *e);

static Status cell_put(const CellBody *b, CellFn fn, const Trial *t, size_t context, const char *unit,
                       size_t seed, Err *e)
{
    Sweep *s = b->s;
    CellName n = cell_name(s->a, t->method, context, unit, seed, t->lambda);
    LedgerCell cell = {.key = n.key,
                       .method = n.method,
                       .task = s->a->task->name,
                       .target = unit,
                       .lambda = t->lambda,
                       .seed = seed};
    Status st = ledger_cell_begin(s->ledger, &cell, e);
    if (st == OK) st = fn(b, e);
    if (st == OK) st = ledger_cell_commit(s->ledger, "ok", trial_clock() - s->begin, e);
    if (st != OK)
        ledger_cell_abort(s->ledger);
    else
        trial_step(s, n.key);
    return st;
}

/* ---- bodies ---- */

static Status body_search(const CellBody *b, Err *e)
{
    const SearchFound *f = b->trial->found;
    const char *id = b->who->t->user->id;
    const struct {
        const char *name;
        double value;
    } row[] = {{"utility", f->u},
               {"agreement", f->v},
               {"objective", f->objective},
               {"objective_again", f->again},
               {"base_utility", f->base_u},
               {"base_agreement", f->base_v},
               {"base_objective", f->base_objective},
               {"evaluations", (double)f->evaluations},
               {"reverted", f->reverted ? 1 : 0}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        TRY(cell_write_one(b->s->ledger, "search", row[i].name, id, row[i].value, e));
    return OK;
}

/* Whom a trial's adapter is made of: an index into Audit.anchor. */
static size_t trial_from(const CellBody *b, size_t k)
{
    return b->trial->from != NULL ? b->trial->from[k] : b->who->t->anchor[k];
}

/* The adapters that a trial's is made of. */
static Status trial_merged(const Lora ***out, size_t *n, const CellBody *b, Err *e)
{
    size_t K = b->s->a->spec->anchors.per_target;
    const Lora **l = arena_alloc(&b->s->arena, K + 1, sizeof *l);
    if (l == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", K);
    for (size_t k = 0; k < K; k++) l[k] = audit_anchor_lora(b->s->a, trial_from(b, k), b->who->index);
    *n = K;
    if (b->trial->extra != NULL) l[(*n)++] = b->trial->extra;
    *out = l;
    return OK;
}

static Status body_norm(const CellBody *b, Err *e)
{
    double ratio, merged, own;
    const char *id = b->who->t->user->id;
    const Lora **l = NULL;
    size_t n = 0;
    TRY(trial_merged(&l, &n, b, e));
    TRY(merge_attenuation(&ratio, &merged, &own, b->trial->lora, l, n, e));
    TRY(cell_write_one(b->s->ledger, "norm", "attenuation", id, ratio, e));
    TRY(cell_write_one(b->s->ledger, "norm", "merged", id, merged, e));
    return cell_write_one(b->s->ledger, "norm", "anchor", id, own, e);
}

/* One weight; where an anchor has several, each under the name of what it is for. */
static Status body_weight(const CellBody *b, size_t anchor, const char *group, double value, Err *e)
{
    LedgerScore row = {.kind = "weight",
                       .metric = "w",
                       .unit = b->s->a->anchor[anchor].user->id,
                       .record = group,
                       .label = LEDGER_NO_LABEL,
                       .value = value};
    return ledger_score(b->s->ledger, &row, e);
}

static Status body_genome(const CellBody *b, size_t k, Err *e)
{
    const Audit *a = b->s->a;
    LoraShape shape = model_lora_shape(&a->base->cfg);
    char name[MERGE_GROUP_NAME];
    for (size_t g = 0; g < a->n_groups; g++) {
        const char *group = a->n_groups == 1 ? ""
                                             : merge_group_name(name, (MergeBy)a->spec->evolve.granularity,
                                                                &shape, a->full[g]);
        TRY(body_weight(b, trial_from(b, k), group, b->trial->w[k * a->n_groups + g], e));
    }
    return OK;
}

/* Everybody at risk: under the trial's adapter, or under the merge without them. */
static Status body_attacks(const CellBody *b, Err *e)
{
    const Trial *t = b->trial;
    for (size_t i = 0; i < b->who->n_risks; i++) {
        const Risk *r = &b->who->risk[i];
        const CellSignals *loo = t->without != NULL ? &b->sig->loo[i] : NULL;
        CellView with = {&b->sig->risk[i], b->cand, r->ref, loo, b->loo},
                 without = {loo, b->loo, r->ref, NULL, 0};
        CellRow row = {r->kind, &r->person, t->counterfactual ? &without : &with};
        TRY(cell_write_attack(b->s->ledger, b->s->a->spec, &row, e));
    }
    return OK;
}

/* What attacks read, as a file. */
static Status body_keep(const CellBody *b, Err *e)
{
    const Trial *t = b->trial;
    char name[SWEEP_KEY];
    if (!b->s->a->spec->attack.signals || !b->first || t->lora == NULL || b->who->n_risks == 0) return OK;
    KeepPart *part = arena_alloc(&b->s->arena, b->who->n_risks, sizeof *part);
    if (part == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", b->who->n_risks);
    for (size_t i = 0; i < b->who->n_risks; i++) {
        const Risk *r = &b->who->risk[i];
        part[i] = t->counterfactual ? (KeepPart){&r->person, &b->sig->loo[i], b->loo, r->ref, t->without[i]}
                                    : (KeepPart){&r->person, &b->sig->risk[i], b->cand, r->ref, t->lora};
    }
    keep_name(name, t->method, b->who->t->user->id, b->s->a->spec->seeds.x[b->who->index], t->lambda);
    return keep_signals(b->s->a, name, part, b->who->n_risks, e);
}

static Status body_trial(const CellBody *b, Err *e)
{
    const Audit *a = b->s->a;
    const Trial *t = b->trial;
    TRY(body_keep(b, e));
    if (t->counterfactual) return body_attacks(b, e);
    TRY(cell_write_utility(b->s->ledger, a, b->who->t, b->u, b->cand, e));
    TRY(body_attacks(b, e));
    if (b->sig->canary != NULL)
        TRY(canary_write(b->s, b->who->risk, b->who->n_risks, b->sig->canary, b->cand, e));
    for (size_t k = 0; k < a->spec->anchors.per_target; k++) {
        if (t->w != NULL) TRY(body_genome(b, k, e));
        if (t->w == NULL && t->share != NULL) TRY(body_weight(b, trial_from(b, k), "", t->share[k], e));
    }
    if (t->lora != NULL) TRY(body_norm(b, e));
    if (a->spec->attack.fingerprint && probe_fits(t)) TRY(probe_weights(b->s, b->who, t, e));
    if (b->sig->people != NULL && probe_fits(t))
        TRY(probe_people(b->s, b->who, t, b->sig->people, b->cand, e));
    return t->found != NULL ? body_search(b, e) : OK;
}

/* ---- measuring ---- */

/* The distinct adapters of some trials, and which of them each trial has; likewise the merges without each
 * anchor, of those that come with them. */
typedef struct {
    const Lora **lora;
    Lora *const **without; /* [n_loo][per_target] */
    size_t *cand, *loo, n, n_loo;
} Distinct;

static Status distinct_adapters(Distinct *d, Sweep *s, const Trial *trial, size_t n, Err *e)
{
    d->lora = arena_alloc(&s->arena, n, sizeof *d->lora);
    d->without = arena_alloc(&s->arena, n, sizeof *d->without);
    d->cand = arena_alloc(&s->arena, n, sizeof *d->cand);
    d->loo = arena_zalloc(&s->arena, n, sizeof *d->loo);
    if (d->lora == NULL || d->without == NULL || d->cand == NULL || d->loo == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n);
    d->n = d->n_loo = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0, l = 0;
        while (j < d->n && d->lora[j] != trial[i].lora) j++;
        if (j == d->n) d->lora[d->n++] = trial[i].lora;
        d->cand[i] = j;
        if (trial[i].without == NULL) continue;
        while (l < d->n_loo && d->without[l] != trial[i].without) l++;
        if (l == d->n_loo) d->without[d->n_loo++] = trial[i].without;
        d->loo[i] = l;
    }
    return OK;
}

/* Every cell that is missing; the contexts one after the other. */
static Status write_trials(Sweep *s, const TrialFor *who, const Trial *trial, size_t n, const Distinct *d,
                           const PassLora *lora, const TrialSignals *sig, const bool *missing, Err *e)
{
    const Spec *sp = s->a->spec;
    size_t contexts = spec_contexts(sp);
    for (size_t c = 0; c < contexts; c++) {
        CellUtility u = {0};
        bool measured = false;
        for (size_t i = 0; i < n; i++) {
            if (!missing[i * contexts + c]) continue;
            if (!measured && !trial[i].counterfactual)
                TRY(cell_utility(&u, s->a, lora, d->n, &who->t->query[c], &s->arena, e));
            measured = measured || !trial[i].counterfactual;
            CellBody b = {.s = s,
                          .who = who,
                          .trial = &trial[i],
                          .u = &u,
                          .sig = sig,
                          .cand = d->cand[i],
                          .loo = d->loo[i],
                          .first = c == 0};
            TRY(cell_put(&b, body_trial, &trial[i], c, who->t->user->id, sp->seeds.x[who->index], e));
        }
    }
    return OK;
}

/* Each person at risk under the merges that lack them. */
static Status without_signals(TrialSignals *sig, Sweep *s, const TrialFor *who, const Distinct *d, Err *e)
{
    const Lora **l = arena_alloc(&s->arena, d->n_loo, sizeof *l);
    sig->loo = arena_zalloc(&s->arena, who->n_risks, sizeof *sig->loo);
    if (l == NULL || sig->loo == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu merges", d->n_loo);
    for (size_t i = 0; i < who->n_risks; i++) {
        AuditCrowd crowd = {0};
        for (size_t j = 0; j < d->n_loo; j++) l[j] = d->without[j][i];
        TRY(audit_crowd_of(&crowd, l, d->n_loo, e));
        Status st =
            cell_signals(&sig->loo[i], s->a, &crowd.lora, d->n_loo, &who->risk[i].person, &s->arena, e);
        if (st == OK)
            st = cell_texts(&sig->loo[i], s->a, &crowd.lora, d->n_loo, &who->risk[i].person, &s->arena, e);
        audit_crowd_free(&crowd);
        TRY(st);
    }
    return OK;
}

static Status trial_signals(TrialSignals *sig, Sweep *s, const TrialFor *who, const Distinct *d,
                            const PassLora *lora, bool people, Err *e)
{
    sig->risk = arena_alloc(&s->arena, who->n_risks, sizeof *sig->risk);
    if (sig->risk == NULL) FAIL(e, ERR_NOMEM, "no memory for the records of %zu people", who->n_risks);
    for (size_t i = 0; i < who->n_risks; i++) {
        TRY(cell_signals(&sig->risk[i], s->a, lora, d->n, &who->risk[i].person, &s->arena, e));
        TRY(cell_texts(&sig->risk[i], s->a, lora, d->n, &who->risk[i].person, &s->arena, e));
    }
    if (s->n_canaries > 0) TRY(canary_measure(&sig->canary, s, who->risk, who->n_risks, lora, d->n, e));
    if (people) TRY(probe_signals(&sig->people, s, who, sig->risk, lora, d->n, e));
    return d->n_loo > 0 ? without_signals(sig, s, who, d, e) : OK;
}

static Status measure_trials(Sweep *s, const TrialFor *who, const Trial *trial, size_t n, const bool *missing,
                             Err *e)
{
    Distinct d = {0};
    AuditCrowd crowd = {0};
    TrialSignals sig = {0};
    TRY(distinct_adapters(&d, s, trial, n, e));
    bool base = trial[0].lora == NULL, people = false;
    for (size_t i = 0; i < n; i++) people = people || (s->a->spec->attack.people && probe_fits(&trial[i]));
    if (!base) TRY(audit_crowd_of(&crowd, d.lora, d.n, e));
    const PassLora *lora = base ? NULL : &crowd.lora;
    Status st = trial_signals(&sig, s, who, &d, lora, people, e);
    if (st == OK) st = write_trials(s, who, trial, n, &d, lora, &sig, missing, e);
    audit_crowd_free(&crowd);
    return st;
}

Status trials_run(Sweep *s, const TrialFor *who, const Trial *trial, size_t n, Err *e)
{
    const Spec *sp = s->a->spec;
    const char *id = who->t->user->id;
    size_t contexts = spec_contexts(sp), seed = sp->seeds.x[who->index], left = 0;
    bool *missing = arena_alloc(&s->arena, n * contexts, sizeof *missing);
    Trial *lacking = arena_alloc(&s->arena, n, sizeof *lacking);
    if (missing == NULL || lacking == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu cells", n * contexts);
    for (size_t i = 0; i < n; i++) {
        bool any, *row = missing + left * contexts;
        TRY(cells_missing(row, &any, s, trial[i].method, id, seed, trial[i].lambda, e));
        cells_report(s, row, trial[i].method, id, seed, trial[i].lambda);
        if (any) lacking[left++] = trial[i];
    }
    return left > 0 ? measure_trials(s, who, lacking, left, missing, e) : OK;
}

/* ---- an anchor alone ---- */

static size_t anchor_uses(const Audit *a, size_t target, size_t anchor)
{
    for (size_t k = 0; k < a->spec->anchors.per_target; k++)
        if (a->target[target].anchor[k] == anchor) return 1;
    return 0;
}

static Status body_anchor(const CellBody *b, Err *e)
{
    const Audit *a = b->s->a;
    AuditPerson p = audit_person(a, b->anchor);
    CellView view = {b->sig->risk, 0, &b->s->anchor_ref[b->anchor], NULL, 0};
    KeepPart part = {&p, b->sig->risk, 0, view.ref, b->trial->lora};
    char name[SWEEP_KEY];
    keep_name(name, "anchor", p.user->id, b->seed, NAN);
    if (a->spec->attack.signals && b->first) TRY(keep_signals(a, name, &part, 1, e));
    TRY(cell_write_attack(b->s->ledger, a->spec, &(CellRow){"attack", &p, &view}, e));
    Risk risk = {.person = p};
    if (b->sig->canary != NULL) TRY(canary_write(b->s, &risk, 1, b->sig->canary, 0, e));
    if (a->spec->attack.people && a->n_anchors > 1)
        TRY(probe_source_rows(b->s, b->anchor, b->sig->source, e));
    TRY(cell_write_one(b->s->ledger, "norm", "anchor", p.user->id, lora_norm(b->trial->lora), e));
    TRY(cell_write_one(b->s->ledger, "norm", "attenuation", p.user->id, 1, e));
    for (size_t i = 0, used = 0; i < a->n_targets; i++)
        if (anchor_uses(a, i, b->anchor))
            TRY(cell_write_utility(b->s->ledger, a, &a->target[i], &b->u[used++], 0, e));
    return OK;
}

/* One context: utility for each target that would merge the anchor. */
static Status anchor_context(Sweep *s, size_t anchor, size_t context, const PassLora *lora,
                             const TrialSignals *sig, const Trial *trial, size_t seed, Err *e)
{
    const Audit *a = s->a;
    size_t used = 0;
    CellUtility *u = arena_alloc(&s->arena, a->n_targets, sizeof *u);
    if (u == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu targets", a->n_targets);
    for (size_t i = 0; i < a->n_targets; i++)
        if (anchor_uses(a, i, anchor))
            TRY(cell_utility(&u[used++], a, lora, 1, &a->target[i].query[context], &s->arena, e));
    CellBody b = {
        .s = s, .trial = trial, .u = u, .sig = sig, .anchor = anchor, .seed = seed, .first = context == 0};
    return cell_put(&b, body_anchor, trial, context, a->anchor[anchor].user->id, seed, e);
}

Status trial_anchor(Sweep *s, size_t anchor, size_t index, Err *e)
{
    const Audit *a = s->a;
    AuditPerson p = audit_person(a, anchor);
    Trial trial = {.method = "anchor", .lambda = NAN, .lora = a->anchor[anchor].lora[index]};
    size_t seed = a->spec->seeds.x[index];
    bool missing[SPEC_CONTEXTS], any;
    AuditCrowd crowd = {0};
    CellSignals own = {0};
    TRY(cells_missing(missing, &any, s, trial.method, p.user->id, seed, NAN, e));
    cells_report(s, missing, trial.method, p.user->id, seed, NAN);
    if (!any) return OK;
    TRY(audit_crowd_of(&crowd, &trial.lora, 1, e));
    Status st = cell_signals(&own, a, &crowd.lora, 1, &p, &s->arena, e);
    if (st == OK) st = cell_texts(&own, a, &crowd.lora, 1, &p, &s->arena, e);
    TrialSignals sig = {.risk = &own};
    Risk risk = {.person = p};
    if (st == OK && s->n_canaries > 0) st = canary_measure(&sig.canary, s, &risk, 1, &crowd.lora, 1, e);
    if (st == OK && a->spec->attack.people && a->n_anchors > 1)
        st = probe_source(sig.source, s, anchor, index, e);
    for (size_t c = 0; st == OK && c < spec_contexts(a->spec); c++)
        if (missing[c]) st = anchor_context(s, anchor, c, &crowd.lora, &sig, &trial, seed, e);
    audit_crowd_free(&crowd);
    return st;
}
