/* texts.c - attacked records as other texts: in lower case, behind a prefix; and how often tokens occur in
 * text that nobody is attacked with. */
#include "audit_priv.h"

#include "prime/file.h"
#include "prime/lower.h"

#include <stdlib.h>
#include <string.h>

/* Tokens of records one behind the other, without what the tokenizer begins a text with. */
typedef struct {
    const int32_t *ids;
    size_t n;
} TextPrefix;

static size_t texts_begin(const Audit *a)
{
    return tok_template_before(a->tok)->n;
}

static Status prefix_join(TextPrefix *out, Audit *a, const Sample *s, size_t n, Err *e)
{
    size_t tokens = 0, at = 0, begin = texts_begin(a);
    for (size_t i = 0; i < n; i++) tokens += s[i].n - begin;
    int32_t *ids = arena_alloc(&a->arena, tokens + 1, sizeof *ids);
    if (ids == NULL) FAIL(e, ERR_NOMEM, "no memory for a prefix of %zu tokens", tokens);
    for (size_t i = 0; i < n; at += s[i].n - begin, i++)
        memcpy(ids + at, s[i].ids + begin, (s[i].n - begin) * sizeof *ids);
    *out = (TextPrefix){ids, tokens};
    return OK;
}

static Status prefix_encoded(TextPrefix *out, Audit *a, const DataRecord *const *rec, size_t n, Err *e)
{
    Sample *s = arena_alloc(&a->arena, n, sizeof *s);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    for (size_t i = 0; i < n; i++)
        TRY(sample_make(&s[i], &a->arena, a->tok, &a->base->cfg, rec[i]->task, NULL, rec[i]->input,
                        rec[i]->output, 0, e));
    return prefix_join(out, a, s, n, e);
}

static Status prefix_of_set(TextPrefix *out, Audit *a, const AuditSet *set, Err *e)
{
    Sample *s = arena_alloc(&a->arena, set->n, sizeof *s);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", set->n);
    for (size_t i = 0; i < set->n; i++) s[i] = set->r[i].full;
    return prefix_join(out, a, s, set->n, e);
}

/* Held-out records of anchors that no attack and no search looks at. */
static Status spare_records(const DataRecord ***out, size_t *n, Audit *a, size_t most, Err *e)
{
    *out = arena_alloc(&a->arena, most, sizeof(const DataRecord *));
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", most);
    *n = 0;
    for (size_t i = 0; i < a->n_anchors; i++)
        for (size_t j = a->anchor[i].heldout.n; j < a->anchor[i].user->n[DATA_HELDOUT] && *n < most; j++)
            (*out)[(*n)++] = &a->anchor[i].user->rec[DATA_HELDOUT][j];
    return OK;
}

static Status prefix_non(TextPrefix *out, Audit *a, Err *e)
{
    const DataRecord **rec = NULL;
    size_t n = 0;
    TRY(audit_outsiders(&rec, &n, a, a->spec->attack.shots, e));
    if (n == 0) TRY(spare_records(&rec, &n, a, a->spec->attack.shots, e));
    if (n == 0)
        FAIL(e, ERR_ARG,
             "attack.texts: prefix wants held-out records of people who are neither targets nor anchors, or "
             "more than attack.heldout = %zu of an anchor, and %s has none",
             a->spec->attack.heldout, a->spec->data);
    return prefix_encoded(out, a, rec, n, e);
}

/* The record's tokens, with room before them: at least a quarter of the positions where the answer allows
 * it. */
static Status text_with_room(Sample *out, Audit *a, const AuditRec *r, Err *e)
{
    size_t most = a->base->cfg.max_len, quarter = most / 4, answer = r->full.n - r->full.skip;
    *out = r->full;
    if (r->full.n + quarter <= most || 2 * answer > most - quarter) return OK;
    return sample_make(out, &a->arena, a->tok, &a->base->cfg, r->rec->task, r->ctx, r->rec->input,
                       r->rec->output, quarter, e);
}

static Status text_behind(Sample *out, Audit *a, const TextPrefix *p, const AuditRec *r, Err *e)
{
    Sample own;
    TRY(text_with_room(&own, a, r, e));
    size_t room = a->base->cfg.max_len - own.n, used = p->n < room ? p->n : room, begin = texts_begin(a);
    int32_t *ids = arena_alloc(&a->arena, used + own.n, sizeof *ids);
    if (ids == NULL) FAIL(e, ERR_NOMEM, "no memory for a text of %zu tokens", used + own.n);
    memcpy(ids, own.ids, begin * sizeof *ids);
    if (used > 0) memcpy(ids + begin, p->ids + (p->n - used), used * sizeof *ids);
    memcpy(ids + begin + used, own.ids + begin, (own.n - begin) * sizeof *ids);
    *out = (Sample){ids, used + own.n, used + own.skip};
    return OK;
}

static Status text_lower(Sample *out, Audit *a, const AuditRec *r, Err *e)
{
    Str low = {0};
    lower_text(&low, r->rec->output);
    Status s = low.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a text") : OK;
    if (s == OK)
        s = sample_make(out, &a->arena, a->tok, &a->base->cfg, r->rec->task, r->ctx, r->rec->input,
                        low.s != NULL ? low.s : "", 0, e);
    str_free(&low);
    return s;
}

/* ---- everybody ---- */

typedef struct {
    TextPrefix non, member;
    AuditSet *set;      /* [n] all that is attacked */
    AuditTexts **texts; /* [n][set.n] */
    size_t n;
} TextsJob;

static Status texts_of_set(TextsJob *j, Audit *a, const AuditSet *set, Err *e)
{
    AuditTexts *t = arena_zalloc(&a->arena, set->n, sizeof *t);
    if (t == NULL) FAIL(e, ERR_NOMEM, "no memory for the texts of %zu records", set->n);
    for (size_t i = 0; i < set->n; i++) {
        if (spec_texts(a->spec, "lowercase")) TRY(text_lower(&t[i].lower, a, &set->r[i], e));
        if (spec_texts(a->spec, "prefix")) {
            TRY(text_behind(&t[i].after_non, a, &j->non, &set->r[i], e));
            TRY(text_behind(&t[i].after_member, a, &j->member, &set->r[i], e));
        }
        set->r[i].texts = &t[i];
    }
    j->set[j->n] = *set;
    j->texts[j->n++] = t;
    return OK;
}

static Status texts_of_person(TextsJob *j, Audit *a, const AuditPerson *p, const AuditSet *aside, Err *e)
{
    if (p->member.n == 0 || p->heldout.n == 0) return OK;
    if (spec_texts(a->spec, "prefix")) TRY(prefix_of_set(&j->member, a, aside, e));
    TRY(texts_of_set(j, a, &p->member, e));
    return texts_of_set(j, a, &p->heldout, e);
}

Status audit_texts(Audit *a, Err *e)
{
    TextsJob j = {0};
    size_t most = 2 * (a->n_anchors + a->n_targets);
    if (a->spec->attack.texts.n == 0) return OK;
    j.set = arena_alloc(&a->arena, most, sizeof *j.set);
    j.texts = arena_alloc(&a->arena, most, sizeof(AuditTexts *));
    if (j.set == NULL || j.texts == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sets", most);
    if (spec_texts(a->spec, "prefix")) TRY(prefix_non(&j.non, a, e));
    for (size_t i = 0; i < a->n_anchors; i++) {
        AuditPerson p = audit_person(a, i);
        AuditSet aside = audit_prefix_members(a, i);
        TRY(texts_of_person(&j, a, &p, &aside, e));
    }
    for (size_t i = 0; i < a->n_targets; i++) {
        AuditPerson p = audit_target_person(a, i);
        AuditSet aside = audit_target_prefix(a, i);
        TRY(texts_of_person(&j, a, &p, &aside, e));
    }
    return spec_texts(a->spec, "neighbour") ? audit_near(a, j.set, j.texts, j.n, e) : OK;
}

/* ---- how often tokens occur ---- */

static void counts_add(AttackCounts *c, double *count, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) count[ids[i]]++;
    c->total += (double)n;
}

static Status counts_of_others(AttackCounts *c, double *count, const Audit *a, Arena *tmp, Err *e)
{
    for (size_t i = 0; i < a->data->n_users; i++) {
        const DataUser *u = &a->data->user[i];
        for (size_t s = 0; s < DATA_SPLITS && !audit_takes_part(a, u); s++)
            for (size_t j = 0; j < u->n[s]; j++, arena_reset(tmp)) {
                Sample x;
                const DataRecord *r = &u->rec[s][j];
                TRY(sample_make(&x, tmp, a->tok, &a->base->cfg, r->task, NULL, r->input, r->output, 0, e));
                counts_add(c, count, x.ids + x.skip, x.n - x.skip);
            }
    }
    return OK;
}

static Status counts_of_file(AttackCounts *c, double *count, const Audit *a, Err *e)
{
    char *text = NULL;
    size_t n = 0;
    TokIds ids = {0};
    TRY(file_read(&text, &n, a->spec->attack.counts, e));
    Status s = OK;
    for (size_t at = 0, len; at < n && s == OK; at += len + 1) {
        len = strcspn(text + at, "\n");
        if (at + len > n) len = n - at;
        ids.n = 0;
        s = tok_encode(a->tok, &ids, text + at, len, false, e);
        if (s == OK) counts_add(c, count, ids.id, ids.n);
    }
    tok_ids_free(&ids);
    free(text);
    return s == OK ? OK : err_prefix(e, "attack.counts: %s", a->spec->attack.counts);
}

Status audit_token_counts(Audit *a, Err *e)
{
    const char *from = a->spec->attack.counts;
    size_t V = a->base->cfg.n_vocab;
    Arena tmp = {0};
    if (from == NULL) return OK;
    AttackCounts *c = arena_zalloc(&a->arena, 1, sizeof *c);
    double *count = arena_zalloc(&a->arena, V, sizeof *count);
    if (c == NULL || count == NULL) FAIL(e, ERR_NOMEM, "no memory for the counts of %zu tokens", V);
    Status s =
        strcmp(from, "others") == 0 ? counts_of_others(c, count, a, &tmp, e) : counts_of_file(c, count, a, e);
    arena_free(&tmp);
    TRY(s);
    if (!(c->total > 0)) FAIL(e, ERR_ARG, "attack.counts = %s: no token to count", from);
    c->count = count;
    c->n_vocab = V;
    a->counts = c;
    return OK;
}
