/* refs.c - what people's records cost under the base model, which all else is compared with. Several
 * processes measure some people each and tell the others. */
#include "sweep_priv.h"

#include "crew_priv.h"

typedef struct {
    size_t n;
    AuditPerson (*person)(const Audit *a, size_t i);
} Refs;

/* Those of this process measured, and room for the others'. */
static Status refs_own(CellSignals **out, const Refs *r, Sweep *s, Err *e)
{
    const Audit *a = s->a;
    CellSignals *x = arena_alloc(&s->keep, r->n, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for the records of %zu people", r->n);
    for (size_t i = 0; i < r->n; i++) {
        AuditPerson p = r->person(a, i);
        bool mine = i % crew_size(a->crew) == crew_rank(a->crew);
        TRY(mine ? cell_signals(&x[i], a, NULL, 1, &p, &s->keep, e) : cell_room(&x[i], &p, &s->keep, e));
    }
    *out = x;
    return OK;
}

static Status refs_measure(CellSignals **x, const Refs *r, Sweep *s, Err *e)
{
    Crew *c = s->a->crew;
    TRY(crew_agree(c, refs_own(x, r, s, e), e));
    for (size_t i = 0; i < r->n; i++) {
        AuditPerson p = r->person(s->a, i);
        cell_spread(&(*x)[i], &p, c, i % crew_size(c));
    }
    return OK;
}

Status methods_refs(Sweep *s, Err *e)
{
    const Audit *a = s->a;
    TRY(refs_measure(&s->anchor_ref, &(Refs){a->n_anchors, audit_person}, s, e));
    if (!spec_wants(a->spec, "oppu")) return OK;
    return refs_measure(&s->target_ref, &(Refs){a->n_targets, audit_target_person}, s, e);
}
