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

/* Splits are cut from the end: what attacks see stays the same people's first records. */
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

/* Of records that are trained on and that no search sees: those left for the prefix of members. */
static size_t set_aside(const Audit *a, size_t n)
{
    size_t want = spec_texts(a->spec, "prefix") ? a->spec->attack.shots : 0;
    return want < n ? want : n;
}

static AuditSet attacked_of(const Audit *a, AuditSet seen)
{
    size_t left = seen.n - set_aside(a, seen.n), most = a->spec->attack.members;
    return first_of(&seen, left < most ? left : most);
}

static AuditSet seen_by_attacker(const Audit *a, size_t anchor)
{
    const AuditSet *all = &a->anchor[anchor].member;
    return first_of(all, all->n - reserved(a, all, a->spec->search.members));
}

AuditSet audit_members(const Audit *a, size_t anchor)
{
    return attacked_of(a, seen_by_attacker(a, anchor));
}

AuditSet audit_prefix_members(const Audit *a, size_t anchor)
{
    AuditSet seen = seen_by_attacker(a, anchor);
    return last_of(&seen, set_aside(a, seen.n));
}

AuditSet audit_target_prefix(const Audit *a, size_t target)
{
    const AuditSet *own = &a->target[target].own;
    return last_of(own, set_aside(a, own->n));
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
    return (AuditPerson){t->user, attacked_of(a, t->own), t->heldout};
}

/* ---- people who are neither ---- */

bool audit_takes_part(const Audit *a, const DataUser *u)
{
    for (size_t i = 0; i < a->n_targets; i++)
        if (a->target[i].user == u) return true;
    for (size_t i = 0; i < a->n_anchors; i++)
        if (a->anchor[i].user == u) return true;
    return false;
}

static bool is_outsider(const Audit *a, const DataUser *u)
{
    return u->role == DATA_AUDIT && !audit_takes_part(a, u) && !audit_is_excluded(a, u->id);
}

static size_t outsiders_count(const Audit *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->data->n_users; i++)
        if (is_outsider(a, &a->data->user[i])) n += a->data->user[i].n[DATA_HELDOUT];
    return n;
}

Status audit_outsiders(const DataRecord ***out, size_t *n, Audit *a, size_t most, Err *e)
{
    size_t all = outsiders_count(a), at = 0;
    const DataRecord **rec = arena_alloc(&a->arena, all, sizeof(const DataRecord *));
    const DataRecord **pick = arena_alloc(&a->arena, all, sizeof(const DataRecord *));
    size_t *order = arena_alloc(&a->arena, all, sizeof *order);
    if (rec == NULL || pick == NULL || order == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", all);
    for (size_t i = 0; i < a->data->n_users; i++)
        for (size_t j = 0; is_outsider(a, &a->data->user[i]) && j < a->data->user[i].n[DATA_HELDOUT]; j++)
            rec[at++] = &a->data->user[i].rec[DATA_HELDOUT][j];
    for (size_t i = 0; i < all; i++) order[i] = i;
    Rng rng = rng_stream(0, "outsiders", 0);
    rng_shuffle(&rng, order, all);
    *n = all < most ? all : most;
    for (size_t i = 0; i < *n; i++) pick[i] = rec[order[i]];
    *out = pick;
    return OK;
}

/* ---- whether there are enough of all ---- */

enum { LEFT_FOR_ATTACKS = 2, LEAST_POPULATION = 8 };

/* Of people whose records make prefixes, some must be left. */
static Status check_aside(const Audit *a, const char *who, const char *id, size_t n, Err *e)
{
    size_t shots = a->spec->attack.shots;
    if (!spec_texts(a->spec, "prefix") || n >= shots + LEFT_FOR_ATTACKS) return OK;
    FAIL(
        e, ERR_ARG,
        "%s %s has %zu trained records that no search sees: with attack.shots = %zu set aside for the prefix "
        "fewer than %d would be left for the attacks",
        who, id, n, shots, LEFT_FOR_ATTACKS);
}

static Status check_searched(const Audit *a, const AuditAnchor *p, Err *e)
{
    const Spec *s = a->spec;
    if (p->member.n >= s->search.members + LEFT_FOR_ATTACKS &&
        p->heldout.n >= s->search.heldout + LEFT_FOR_ATTACKS)
        return OK;
    FAIL(e, ERR_ARG,
         "anchor %s has %zu trained and %zu held-out records: with search.members = %zu and search.heldout = "
         "%zu fewer than %d of each would be left for the attacks, which must not see what the search saw",
         p->user->id, p->member.n, p->heldout.n, s->search.members, s->search.heldout, LEFT_FOR_ATTACKS);
}

/* Whoever is to hold records of others finds some, before anything is trained. */
static Status check_outsiders(const Audit *a, Err *e)
{
    size_t all = outsiders_count(a), used = a->spec->attack.shots;
    if (audit_wants_attacker(a) && all <= used)
        FAIL(e, ERR_ARG,
             "methods malicious and bystander want held-out records of people who are neither targets nor "
             "anchors, more than attack.shots = %zu of them, and %s has %zu",
             used, a->spec->data, all);
    used = audit_outsiders_used(a);
    if (a->spec->attack.shadows > 0 && all < used + LEAST_POPULATION)
        FAIL(
            e, ERR_ARG,
            "attack.shadows wants at least %d held-out records of people who are neither targets nor anchors "
            "behind the %zu that prefixes and the attacker use, and %s has %zu in all",
            LEAST_POPULATION, used, a->spec->data, all);
    return OK;
}

Status audit_check_splits(const Audit *a, Err *e)
{
    for (size_t i = 0; i < a->n_anchors; i++) {
        if (a->reads_people) TRY(check_searched(a, &a->anchor[i], e));
        TRY(check_aside(a, "anchor", a->anchor[i].user->id, seen_by_attacker(a, i).n, e));
    }
    for (size_t i = 0; i < a->n_targets; i++)
        if (a->target[i].own.n > 0)
            TRY(check_aside(a, "target", a->target[i].user->id, a->target[i].own.n, e));
    return check_outsiders(a, e);
}
