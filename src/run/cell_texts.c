/* cell_texts.c - losses of the other texts of attacked records, in one pass over all of them. */
#include "cell.h"

/* The texts of one record, in their order. */
typedef struct {
    bool lower, prefix;
    size_t near, n;
} TextKinds;

static TextKinds text_kinds(const Spec *sp)
{
    TextKinds k = {.lower = spec_texts(sp, "lowercase"),
                   .prefix = spec_texts(sp, "prefix"),
                   .near = spec_texts(sp, "neighbour") ? sp->attack.neighbours : 0};
    k.n = (size_t)k.lower + 2 * (size_t)k.prefix + k.near;
    return k;
}

static void text_items(ScoreItem *item, const TextKinds *k, const AuditTexts *t, size_t cand)
{
    size_t at = 0;
    if (k->lower) item[at++] = (ScoreItem){t->lower.ids, t->lower.n, t->lower.skip, cand};
    if (k->prefix) {
        item[at++] = (ScoreItem){t->after_non.ids, t->after_non.n, t->after_non.skip, cand};
        item[at++] = (ScoreItem){t->after_member.ids, t->after_member.n, t->after_member.skip, cand};
    }
    for (size_t i = 0; i < k->near; i++)
        item[at++] = (ScoreItem){t->near[i].ids, t->near[i].n, t->near[i].skip, cand};
}

/* Where the losses of one split go. */
typedef struct {
    AttackText *lower, *non, *member;
    double *near;
} TextLosses;

static AttackText text_loss(const ScoreOut *out)
{
    return (AttackText){out->n_tokens, out->nll_sum};
}

static void text_take(TextLosses *to, const TextKinds *k, const ScoreOut *out, size_t item)
{
    if (k->lower) to->lower[item] = text_loss(out++);
    if (k->prefix) {
        to->non[item] = text_loss(out++);
        to->member[item] = text_loss(out++);
    }
    for (size_t i = 0; i < k->near; i++, out++)
        to->near[item * k->near + i] = -out->nll_sum / (double)out->n_tokens;
}

static Status split_texts(CellSplit *x, const Audit *a, const PassLora *lora, size_t n_cand,
                          const AuditSet *set, const TextKinds *k, Arena *arena, Err *e)
{
    size_t n = n_cand * set->n;
    ScoreItem *item = arena_alloc(arena, n * k->n, sizeof *item);
    ScoreOut *out = arena_alloc(arena, n * k->n, sizeof *out);
    TextLosses to = {arena_alloc(arena, n, sizeof *to.lower), arena_alloc(arena, n, sizeof *to.non),
                     arena_alloc(arena, n, sizeof *to.member),
                     arena_alloc(arena, n * k->near, sizeof *to.near)};
    if (item == NULL || out == NULL || to.lower == NULL || to.non == NULL || to.member == NULL ||
        to.near == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu texts", n * k->n);
    for (size_t i = 0; i < n; i++) text_items(item + i * k->n, k, set->r[i % set->n].texts, i / set->n);
    TRY(score_nll(out, a->base, lora, n_cand, item, n * k->n, e));
    for (size_t i = 0; i < n; i++) text_take(&to, k, out + i * k->n, i);
    if (k->lower) x->lower = to.lower;
    if (k->prefix) x->after_non = to.non, x->after_member = to.member;
    if (k->near > 0) x->near = to.near, x->n_near = k->near;
    return OK;
}

Status cell_texts(CellSignals *x, const Audit *a, const PassLora *lora, size_t n_cand, const AuditPerson *p,
                  Arena *arena, Err *e)
{
    TextKinds k = text_kinds(a->spec);
    x->member.counts = x->heldout.counts = a->counts;
    if (k.n == 0) return OK;
    TRY(split_texts(&x->member, a, lora, n_cand, &p->member, &k, arena, e));
    return split_texts(&x->heldout, a, lora, n_cand, &p->heldout, &k, arena, e);
}
