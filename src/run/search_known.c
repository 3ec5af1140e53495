/* search_known.c - evaluations under the name of all that they depend on: in the ledger as soon as they are
 * made, and never made twice. */
#include "search_priv.h"

#include "prime/hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the name ---- */

/* The options of the merge and of how answers are had; not lambda, not the optimiser. */
static void name_settings(Str *text, const Search *s)
{
    const Spec *sp = s->a->spec;
    const MergeMethod *m = spec_merge(sp);
    const Penalty *p = penalty_at((size_t)sp->evolve.objective);
    str_printf(text, "%s %s %s %d %zu", m->name, merge_by_names[sp->evolve.granularity], p->name,
               sp->search.score, s->n_v);
    if (p->reads_people) str_printf(text, " %zu %zu", sp->search.members, sp->search.heldout);
    if (m->reads & MERGE_DENSITY) str_printf(text, " density %.17g", sp->merge.density);
    if (m->reads & MERGE_SEED) str_printf(text, " trim %zu", sp->seeds.x[s->seed]);
    if (sp->evolve.race) str_printf(text, " race");
    if (sp->merge.rank > 0) str_printf(text, " rank %zu", sp->merge.rank);
    if (spec_draws(sp))
        str_printf(text, " drawn %.17g %.17g %zu", sp->search.temperature, sp->search.top_p,
                   sp->seeds.x[s->seed]);
}

static Status known_name(Search *s, Err *e)
{
    char hex[HASH_HEX];
    Str text = {0};
    name_settings(&text, s);
    for (size_t k = 0; k < s->k; k++) {
        hash_bytes(hex, s->anchor[k]->data, s->anchor[k]->n_params * sizeof *s->anchor[k]->data);
        str_printf(&text, "\n%s %s", s->a->anchor[s->t->anchor[k]].user->id, hex);
    }
    for (size_t i = 0; i < s->t->search.n; i++) str_printf(&text, "\n%s", s->t->search.r[i].rec->id);
    bool failed = text.failed;
    if (!failed) hash_bytes(hex, text.s, text.n);
    str_free(&text);
    if (failed) FAIL(e, ERR_NOMEM, "no memory for the name of an archive");
    snprintf(s->key, sizeof s->key, "%.100s#%.16s", s->t->user->id, hex);
    return OK;
}

static void slot_key(char key[SEARCH_KEY + 24], const Search *s, size_t slot)
{
    if (slot >= s->n_slots)
        snprintf(key, SEARCH_KEY + 24, "%s@first%zu", s->key, race_records(s, slot - s->n_slots));
    else
        snprintf(key, SEARCH_KEY + 24, slot > 0 ? "%s@%zu" : "%s", s->key, slot);
}

/* ---- reading ---- */

typedef struct {
    const Search *s;
    Archive *to;
} KnownIn;

static Status known_in(void *ctx, const LedgerEval *ev, Err *e)
{
    const KnownIn *in = ctx;
    if (ev->n_genome != in->s->dim || ev->n_agreement != in->s->n_v)
        FAIL(e, ERR_FORMAT, "the ledger holds an evaluation of %zu weights with %zu terms, want %zu and %zu",
             ev->n_genome, ev->n_agreement, in->s->dim, in->s->n_v);
    return archive_put(in->to, ev->genome, ev->utility, ev->agreement, NAN, e);
}

static Status known_fetch(Archive *to, const Search *s, Ledger *from, size_t slot, Err *e)
{
    char key[SEARCH_KEY + 24];
    KnownIn in = {s, to};
    slot_key(key, s, slot);
    return from == NULL ? OK : ledger_each_eval(from, key, s->a->spec->seeds.x[s->seed], known_in, &in, e);
}

Status known_open(Search *s, Ledger *reuse, Err *e)
{
    s->n_slots = spec_draws(s->a->spec) ? s->a->spec->search.repeats + 1 : 1;
    s->n_archives = s->n_slots + (s->a->spec->evolve.race ? RACE_STAGES : 0);
    s->known = calloc(2 * s->n_archives, sizeof(Archive *));
    if (s->known == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu archives", s->n_archives);
    s->lent = s->known + s->n_archives;
    TRY(known_name(s, e));
    TRY(archive_new(&s->archive, s->dim, s->n_v, e));
    for (size_t i = 0; i < s->n_archives; i++) {
        TRY(archive_new(&s->known[i], s->dim, s->n_v, e));
        TRY(archive_new(&s->lent[i], s->dim, s->n_v, e));
        TRY(known_fetch(s->known[i], s, s->ledger, i, e));
        TRY(known_fetch(s->lent[i], s, reuse, i, e));
    }
    return OK;
}

void known_close(Search *s)
{
    for (size_t i = 0; s->known != NULL && i < 2 * s->n_archives; i++) archive_free(s->known[i]);
    free(s->known);
    archive_free(s->archive);
    arena_free(&s->arena);
    arena_free(&s->keep);
    lora_bank_free(s->bank);
}

/* ---- learning ---- */

static Status known_write(Search *s, const KnownNew *f, Err *e)
{
    char key[SEARCH_KEY + 24];
    TRY(ledger_batch_begin(s->ledger, e));
    for (size_t i = 0; i < f->n; i++) {
        slot_key(key, s, f->slot[i]);
        LedgerEval ev = {.target = key,
                         .seed = s->a->spec->seeds.x[s->seed],
                         .genome = f->x + i * s->dim,
                         .n_genome = s->dim,
                         .utility = f->u[i],
                         .agreement = f->v + i * s->n_v,
                         .n_agreement = s->n_v};
        TRY(ledger_eval_add(s->ledger, &ev, e));
    }
    return ledger_batch_commit(s->ledger, e);
}

/* A search that is cut short is carried on from what is written here. */
Status known_add(Search *s, const KnownNew *f, Err *e)
{
    const SweepWatch *w = s->a->watch;
    for (size_t i = 0; i < f->n; i++)
        TRY(archive_put(s->known[f->slot[i]], f->x + i * s->dim, f->u[i], f->v + i * s->n_v, NAN, e));
    if (s->ledger == NULL || f->n == 0) return OK;
    Status st = known_write(s, f, e);
    if (st != OK)
        ledger_cell_abort(s->ledger);
    else if (w != NULL && w->evaluated != NULL)
        w->evaluated(w->ctx, f->n);
    return st == OK ? audit_stopped(s->a, e) : st;
}

/* False: it has to be measured. */
static bool known_lent(double *u, double *v, const Search *s, const double *x, size_t n, size_t slot)
{
    ArchiveItem it;
    for (size_t i = 0; i < n; i++) {
        if (!archive_find(&it, s->lent[slot], x + i * s->dim)) return false;
        u[i] = it.u;
        memcpy(v + i * s->n_v, it.v, s->n_v * sizeof *v);
    }
    return true;
}

static Status known_learn(Search *s, double *x, size_t *slot, size_t n, Err *e)
{
    double *u = x + n * s->dim, *v = u + n;
    if (n == 0) return OK;
    if (!known_lent(u, v, s, x, n, slot[0])) TRY(crew_search_measure(u, v, s, x, n, slot[0], e));
    return known_add(s, &(KnownNew){x, u, v, slot, n}, e);
}

Status search_learn(Search *s, const double *x, size_t n, size_t slot, Err *e)
{
    size_t D = s->dim, fresh = 0;
    ArchiveItem it;
    double *own = malloc(n * (D + s->n_v + 1) * sizeof *own);
    size_t *slots = malloc(n * sizeof *slots);
    for (size_t i = 0; own != NULL && slots != NULL && i < n; i++) {
        slots[i] = slot;
        if (!archive_find(&it, s->known[slot], x + i * D))
            memcpy(own + fresh++ * D, x + i * D, D * sizeof *x);
    }
    Status st = own != NULL && slots != NULL
                    ? known_learn(s, own, slots, fresh, e)
                    : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu candidates", n);
    free(own);
    free(slots);
    return st;
}

Status search_take(ArchiveItem *out, Search *s, const double *x, size_t slot, Err *e)
{
    ArchiveItem it = {0}, have = {0};
    if (!archive_find(&it, s->known[slot], x)) FAIL(e, ERR_NUM, "a candidate was not evaluated");
    if (!archive_find(&have, s->archive, x) || have.count <= slot)
        TRY(archive_put(s->archive, x, it.u, it.v, NAN, e));
    *out = it;
    return OK;
}
