/* trial_anchor.c - the cells of an anchor's own adapter. */
#include "trial_priv.h"

#include <math.h>

static size_t anchor_uses(const Audit *a, size_t target, size_t anchor)
{
    for (size_t k = 0; k < a->spec->anchors.per_target; k++)
        if (a->target[target].anchor[k] == anchor) return 1;
    return 0;
}

static Status body_anchor_more(const CellBody *b, const CellRow *row, Err *e)
{
    const Audit *a = b->s->a;
    const TrialShadows *x = &b->sig->shadow;
    if (x->population != NULL)
        TRY(shadow_write(b->s, row, a->anchor[b->anchor].shadow_in, x->person, x->population, e));
    if (!a->spec->attack.extract) return OK;
    TRY(extract_write(b->s, row, e));
    return emission_write(b->s, row->person, b->sig->emission[0], 0, e);
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
    TRY(blind_write(b->s, "attack", &p, NULL, e));
    TRY(body_anchor_more(b, &(CellRow){"attack", &p, &view}, e));
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

/* Attacks that not every audit asks for. */
static Status anchor_more(TrialSignals *sig, Sweep *s, size_t anchor, size_t index, const PassLora *lora,
                          Err *e)
{
    const Audit *a = s->a;
    AuditPerson p = audit_person(a, anchor);
    if (a->spec->attack.people && a->n_anchors > 1) TRY(probe_source(sig->source, s, anchor, index, e));
    if (a->spec->attack.shadows > 0) TRY(anchor_shadows(&sig->shadow, s, anchor, index, lora, e));
    if (!a->spec->attack.extract) return OK;
    sig->emission = arena_alloc(&s->arena, 1, sizeof(double *));
    if (sig->emission == NULL) FAIL(e, ERR_NOMEM, "no memory for a person");
    return emission_measure(sig->emission, s, &p, lora, 1, e);
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
    if (st == OK) st = anchor_more(&sig, s, anchor, index, &crowd.lora, e);
    for (size_t c = 0; st == OK && c < spec_contexts(a->spec); c++)
        if (missing[c]) st = anchor_context(s, anchor, c, &crowd.lora, &sig, &trial, seed, e);
    audit_crowd_free(&crowd);
    return st;
}
