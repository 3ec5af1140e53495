/* records.c - a person's records, encoded. */
#include "audit_priv.h"

Status audit_set(AuditSet *out, Audit *a, const DataUser *u, DataSplit split, size_t n, Err *e)
{
    AuditSet set = {.n = u->n[split] < n ? u->n[split] : n};
    set.r = arena_zalloc(&a->arena, set.n, sizeof *set.r);
    if (set.r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", set.n);
    for (size_t i = 0; i < set.n; i++) {
        const DataRecord *rec = &u->rec[split][i];
        AuditRec *r = &set.r[i];
        r->rec = rec;
        TRY(sample_make(&r->full, &a->arena, a->tok, &a->base->cfg, rec->task, NULL, rec->input, rec->output,
                        0, e));
        TRY(sample_make(&r->ask, &a->arena, a->tok, &a->base->cfg, rec->task, NULL, rec->input, NULL,
                        rec->task->max_new, e));
    }
    *out = set;
    return OK;
}

/* Both splits are cut from the end: what attacks see stays the same people's first records. */
static size_t reserved(const Audit *a, const AuditSet *all, size_t want)
{
    if (!a->reads_people) return 0;
    return want < all->n ? want : all->n;
}

static AuditSet first_of(const AuditSet *all, size_t n)
{
    return (AuditSet){all->r, n};
}

static AuditSet last_of(const AuditSet *all, size_t n)
{
    return (AuditSet){all->r + (all->n - n), n};
}

AuditSet audit_members(const Audit *a, size_t anchor)
{
    const AuditSet *all = &a->anchor[anchor].member;
    size_t left = all->n - reserved(a, all, a->spec->search.members), most = a->spec->attack.members;
    return first_of(all, left < most ? left : most);
}

AuditSet audit_heldout(const Audit *a, size_t anchor)
{
    const AuditSet *all = &a->anchor[anchor].heldout;
    return first_of(all, all->n - reserved(a, all, a->spec->search.heldout));
}

AuditSet audit_search_members(const Audit *a, size_t anchor)
{
    const AuditSet *all = &a->anchor[anchor].member;
    return last_of(all, reserved(a, all, a->spec->search.members));
}

AuditSet audit_search_heldout(const Audit *a, size_t anchor)
{
    const AuditSet *all = &a->anchor[anchor].heldout;
    return last_of(all, reserved(a, all, a->spec->search.heldout));
}

AuditPerson audit_person(const Audit *a, size_t anchor)
{
    return (AuditPerson){a->anchor[anchor].user, audit_members(a, anchor), audit_heldout(a, anchor)};
}

AuditPerson audit_target_person(const Audit *a, size_t target)
{
    const AuditTarget *t = &a->target[target];
    size_t most = a->spec->attack.members;
    return (AuditPerson){t->user, first_of(&t->own, t->own.n < most ? t->own.n : most), t->heldout};
}

enum { LEFT_FOR_ATTACKS = 2 };

Status audit_check_splits(const Audit *a, Err *e)
{
    const Spec *s = a->spec;
    if (!a->reads_people) return OK;
    for (size_t i = 0; i < a->n_anchors; i++) {
        const AuditAnchor *p = &a->anchor[i];
        if (p->member.n >= s->search.members + LEFT_FOR_ATTACKS &&
            p->heldout.n >= s->search.heldout + LEFT_FOR_ATTACKS)
            continue;
        FAIL(
            e, ERR_ARG,
            "anchor %s has %zu trained and %zu held-out records: with search.members = %zu and "
            "search.heldout = "
            "%zu fewer than %d of each would be left for the attacks, which must not see what the search saw",
            p->user->id, p->member.n, p->heldout.n, s->search.members, s->search.heldout, LEFT_FOR_ATTACKS);
    }
    return OK;
}
