/* trial.c - candidates are measured together and become cells. */
#include "trial_priv.h"

#include <math.h>

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

/* ---- measuring ---- */

/* The distinct adapters of some trials, and which of them each trial has; likewise the merges without each
 * anchor, of those that come with them. */
typedef struct {
    const Lora **lora;
    Lora *const **without; /* [n_loo][per_target] */
    const double **loo_w; /* [n_cut] the genome that each is of: those that a merge is compared with, first */
    size_t *cand, *loo, n, n_loo, n_cut;
} Distinct;

static Status distinct_adapters(Distinct *d, Sweep *s, const Trial *trial, size_t n, Err *e)
{
    d->lora = arena_alloc(&s->arena, n, sizeof *d->lora);
    d->without = arena_alloc(&s->arena, n, sizeof *d->without);
    d->loo_w = arena_alloc(&s->arena, n, sizeof *d->loo_w);
    d->cand = arena_alloc(&s->arena, n, sizeof *d->cand);
    d->loo = arena_zalloc(&s->arena, n, sizeof *d->loo);
    if (d->lora == NULL || d->without == NULL || d->loo_w == NULL || d->cand == NULL || d->loo == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu candidates", n);
    d->n = d->n_loo = d->n_cut = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0, l = 0;
        while (j < d->n && d->lora[j] != trial[i].lora) j++;
        if (j == d->n) d->lora[d->n++] = trial[i].lora;
        d->cand[i] = j;
        if (trial[i].without == NULL) continue;
        while (l < d->n_loo && d->without[l] != trial[i].without) l++;
        if (l == d->n_loo) {
            d->without[d->n_loo++] = trial[i].without;
            if (!trial[i].counterfactual) d->loo_w[d->n_cut++] = trial[i].w;
        }
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
                          .making = sig->making.of != NULL ? sig->making.of[i] : 0,
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

/* The other anchor whose weights are largest, all groups together. */
static size_t best_placed(const Audit *a, const double *w, size_t at)
{
    size_t best = at == 0 ? 1 : 0, G = a->n_groups;
    double most = -1;
    for (size_t k = 0; k < a->spec->anchors.per_target; k++) {
        double sum = 0;
        for (size_t g = 0; g < G; g++) sum += fabs(w[k * G + g]);
        if (k == at || !(sum > most)) continue;
        most = sum;
        best = k;
    }
    return best;
}

/* Each person at risk under the merges that lack somebody else: what this one has left once its own part is
 * taken out. */
static Status colluder_signals(TrialSignals *sig, Sweep *s, const TrialFor *who, const Distinct *d, Err *e)
{
    const Lora **l = arena_alloc(&s->arena, d->n_cut, sizeof *l);
    sig->colluder = arena_zalloc(&s->arena, who->n_risks, sizeof *sig->colluder);
    if (l == NULL || sig->colluder == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu merges", d->n_loo);
    for (size_t i = 0; i < who->n_risks; i++) {
        AuditCrowd crowd = {0};
        for (size_t j = 0; j < d->n_cut; j++) l[j] = d->without[j][best_placed(s->a, d->loo_w[j], i)];
        TRY(audit_crowd_of(&crowd, l, d->n_cut, e));
        Status st =
            cell_signals(&sig->colluder[i], s->a, &crowd.lora, d->n_cut, &who->risk[i].person, &s->arena, e);
        audit_crowd_free(&crowd);
        TRY(st);
    }
    return OK;
}

static Status emission_signals(TrialSignals *sig, Sweep *s, const TrialFor *who, const PassLora *lora,
                               size_t n_cand, Err *e)
{
    sig->emission = arena_alloc(&s->arena, who->n_risks, sizeof(double *));
    if (sig->emission == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", who->n_risks);
    for (size_t i = 0; i < who->n_risks; i++)
        TRY(emission_measure(&sig->emission[i], s, &who->risk[i].person, lora, n_cand, e));
    return OK;
}

/* Attacks that not every audit asks for. */
static Status more_signals(TrialSignals *sig, Sweep *s, const TrialFor *who, const Trial *trial, size_t n,
                           const Distinct *d, const PassLora *lora, Err *e)
{
    const Spec *sp = s->a->spec;
    if (sp->attack.extract) TRY(emission_signals(sig, s, who, lora, d->n, e));
    if (sp->attack.collusion && d->n_cut > 0) TRY(colluder_signals(sig, s, who, d, e));
    if (sp->attack.shadows == 0) return OK;
    TRY(trial_makings(&sig->making, s, trial, n, e));
    return trial_shadows(&sig->shadow, s, who, &sig->making, lora, d->n, d->without, d->n_loo, e);
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
    if (st == OK) st = more_signals(&sig, s, who, trial, n, &d, lora, e);
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
