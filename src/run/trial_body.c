/* trial_body.c - the rows of a trial's cell. */
#include "trial_priv.h"

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

static Status body_shadows(const CellBody *b, const CellRow *row, size_t i, Err *e)
{
    const TrialShadows *x = &b->sig->shadow;
    const Audit *a = b->s->a;
    if (b->trial->again == NULL || x->population == NULL) return OK;
    const double *z = b->trial->counterfactual ? x->without[i] + b->loo * a->population.n
                                               : x->population + b->cand * a->population.n;
    return shadow_write(b->s, row, a->anchor[b->who->t->anchor[i]].shadow_in,
                        &x->person[b->making * b->who->n_risks + i], z, e);
}

/* ref, of what another anchor has left of the merge. */
static Status body_colluder(const CellBody *b, const Risk *r, size_t i, Err *e)
{
    if (b->sig->colluder == NULL || b->trial->without == NULL || b->trial->counterfactual) return OK;
    CellView view = {&b->sig->colluder[i], b->loo, r->ref, NULL, 0};
    CellRow row = {r->kind, &r->person, &view};
    return cell_write_as(b->s->ledger, &row, "ref", "ref_collusion", e);
}

static Status body_more(const CellBody *b, const CellRow *row, size_t i, Err *e)
{
    const Risk *r = &b->who->risk[i];
    TRY(body_shadows(b, row, i, e));
    TRY(body_colluder(b, r, i, e));
    if (!b->s->a->spec->attack.extract) return OK;
    TRY(extract_write(b->s, row, e));
    return b->trial->counterfactual ? OK : emission_write(b->s, &r->person, b->sig->emission[i], b->cand, e);
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
        TRY(blind_write(b->s, r->kind, &r->person, b->who->t->user, e));
        TRY(body_more(b, &row, i, e));
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

Status body_trial(const CellBody *b, Err *e)
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
