/* cell_blind.c - blind attacks that look at more than one text: bag of words, fitted on other people, and
 * similarity to the target. What a model was asked is in no model's hands here: they are the same in every
 * cell of a person, and of a person and a target. The words of a record are those of its answer, which is
 * what all attacks on records look at. */
#include "sweep_priv.h"

#include "prime/blind.h"

#include <string.h>

/* The answers of all anchors' attacked records, members first, anchor by anchor. */
typedef struct {
    const char **text;
    bool *member;
    size_t *person, n;
} BlindTexts;

static void texts_add(BlindTexts *t, const AuditSet *set, size_t person, bool member)
{
    for (size_t i = 0; i < set->n; i++) {
        t->text[t->n] = set->r[i].rec->output;
        t->member[t->n] = member;
        t->person[t->n++] = person;
    }
}

static Status texts_of_all(BlindTexts *t, Sweep *s, Err *e)
{
    const Audit *a = s->a;
    size_t cap = 0;
    for (size_t i = 0; i < a->n_anchors; i++) {
        AuditPerson p = audit_person(a, i);
        cap += p.member.n + p.heldout.n;
    }
    t->text = arena_alloc(&s->keep, cap, sizeof *t->text);
    t->member = arena_alloc(&s->keep, cap, sizeof *t->member);
    t->person = arena_alloc(&s->keep, cap, sizeof *t->person);
    if (t->text == NULL || t->member == NULL || t->person == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu texts", cap);
    for (size_t i = 0; i < a->n_anchors; i++) {
        AuditPerson p = audit_person(a, i);
        texts_add(t, &p.member, i, true);
        texts_add(t, &p.heldout, i, false);
    }
    return OK;
}

/* One person has nobody to learn from. */
Status blind_open(Sweep *s, Err *e)
{
    const Audit *a = s->a;
    BlindTexts t = {0};
    BlindOpts o = {0};
    if (a->n_anchors < 2) return OK;
    TRY(texts_of_all(&t, s, e));
    double *score = arena_alloc(&s->keep, t.n, sizeof *score);
    s->blind = arena_alloc(&s->keep, a->n_anchors, sizeof *s->blind);
    if (score == NULL || s->blind == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", t.n);
    TRY(blind_words(score, t.text, t.member, t.person, t.n, a->n_anchors, &o, e));
    for (size_t i = t.n; i-- > 0;) s->blind[t.person[i]] = score + i; /* the first of each */
    return OK;
}

static Status blind_rows(Ledger *l, const char *kind, const char *metric, const char *unit,
                         const AuditSet *set, int label, const double *score, Err *e)
{
    for (size_t i = 0; i < set->n; i++) {
        LedgerScore row = {.kind = kind,
                           .metric = metric,
                           .unit = unit,
                           .record = set->r[i].rec->id,
                           .label = label,
                           .value = score[i]};
        TRY(ledger_score(l, &row, e));
    }
    return OK;
}

static Status write_both(Ledger *l, const char *kind, const char *metric, const AuditPerson *p,
                         const double *score, Err *e)
{
    TRY(blind_rows(l, kind, metric, p->user->id, &p->member, 1, score, e));
    return blind_rows(l, kind, metric, p->user->id, &p->heldout, 0, score + p->member.n, e);
}

static Status write_words(Sweep *s, const char *kind, const AuditPerson *p, Err *e)
{
    for (size_t i = 0; s->blind != NULL && i < s->a->n_anchors; i++)
        if (s->a->anchor[i].user == p->user)
            return write_both(s->ledger, kind, "blind_words", p, s->blind[i], e);
    return OK;
}

/* The target's own texts are all of its history. */
static Status write_similarity(Sweep *s, const char *kind, const AuditPerson *p, const DataUser *target,
                               Err *e)
{
    size_t n = p->member.n + p->heldout.n, m = target->n[DATA_HISTORY];
    const char **text = arena_alloc(&s->arena, n, sizeof *text),
               **own = arena_alloc(&s->arena, m, sizeof *own);
    double *score = arena_alloc(&s->arena, n, sizeof *score);
    BlindOpts o = {0};
    if (text == NULL || own == NULL || score == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n);
    for (size_t i = 0; i < m; i++) own[i] = target->rec[DATA_HISTORY][i].output;
    for (size_t i = 0; i < n; i++)
        text[i] = i < p->member.n ? p->member.r[i].rec->output : p->heldout.r[i - p->member.n].rec->output;
    TRY(blind_similarity(score, text, n, own, m, &o, e));
    return write_both(s->ledger, kind, "blind_similarity", p, score, e);
}

Status blind_write(Sweep *s, const char *kind, const AuditPerson *p, const DataUser *target, Err *e)
{
    TRY(write_words(s, kind, p, e));
    return target != NULL && target != p->user ? write_similarity(s, kind, p, target, e) : OK;
}
