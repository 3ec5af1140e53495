#include "prime/evaluate.h"

#include "audit_priv.h"

#include "prime/file.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_WORDS = 10 };

static bool was_read(const Audit *a, const char *id)
{
    for (size_t i = 0; i < a->n_excluded; i++)
        if (strcmp(a->excluded[i], id) == 0) return true;
    return false;
}

/* All audit users' records, thinned evenly to at most `most`. */
static Status gather(AuditSet *out, Audit *a, size_t most, Err *e)
{
    size_t total = 0, seen = 0;
    for (size_t i = 0; i < a->data->n_users; i++)
        for (int s = 0; s < DATA_SPLITS; s++) total += a->data->user[i].n[s];
    AuditSet all = {arena_alloc(&a->arena, total, sizeof(AuditRec)), 0};
    if (all.r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", total);
    for (size_t i = 0; i < a->data->n_users; i++) {
        const DataUser *u = &a->data->user[i];
        for (int s = 0; u->role == DATA_AUDIT && !was_read(a, u->id) && s < DATA_SPLITS; s++) {
            AuditSet part;
            TRY(audit_set(&part, a, u, (DataSplit)s, u->n[s], e));
            memcpy(all.r + all.n, part.r, part.n * sizeof *part.r);
            all.n += part.n;
        }
    }
    if (all.n == 0) FAIL(e, ERR_ARG, "%s has no audit users that the model has not read", a->spec->data);
    if (most == 0 || most > all.n) most = all.n;
    for (size_t i = 0; i < all.n; i++)
        if (i * most / all.n != (i + 1) * most / all.n) all.r[seen++] = all.r[i];
    *out = (AuditSet){all.r, seen};
    return OK;
}

static Status metric_rows(Str *out, const Audit *a, const char *tail, const char *const *gold,
                          const char *const *pred, size_t n, Err *e)
{
    MetricPairs p = {
        .gold = gold, .pred = pred, .n = n, .label = a->data->label, .n_labels = a->data->n_labels};
    for (size_t i = 0; i < a->n_metrics; i++) {
        double v;
        TRY(metric_corpus(&v, a->metric[i], &p, e));
        str_printf(out, "%s,%s%s,%.6f,%zu\n", a->task->name, a->metric[i]->name, tail, v, n);
    }
    return OK;
}

static void majority_row(Str *out, const Audit *a, const char *const *gold, size_t n)
{
    size_t most = 0;
    for (size_t l = 0; l < a->data->n_labels; l++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++) count += strcmp(gold[i], a->data->label[l]) == 0;
        most = count > most ? count : most;
    }
    str_printf(out, "%s,majority_share,%.6f,%zu\n", a->task->name, (double)most / (double)n, n);
}

/* The first words of the description, which is the whole input of that task. */
static Status first_words(const char **out, Arena *arena, const AuditSet *set, Err *e)
{
    for (size_t i = 0; i < set->n; i++) {
        const char *s = set->r[i].rec->input;
        size_t words = 0, at = 0;
        while (s[at] != '\0' && words < FIRST_WORDS) {
            at += strspn(s + at, " \n");
            at += strcspn(s + at, " \n");
            words++;
        }
        out[i] = arena_strndup(arena, s, at);
        if (out[i] == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    }
    return OK;
}

/* Log-likelihood of whole texts: every token but the first is predicted. */
static Status bytes_rows(Str *out, const Audit *a, const AuditSet *set, Str *text, Err *e)
{
    ScoreItem *item = calloc(set->n, sizeof *item);
    ScoreOut *nll = calloc(set->n, sizeof *nll);
    Str piece = {0};
    size_t bytes = 0;
    double sum = 0;
    Status s = item != NULL && nll != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu texts", set->n);
    for (size_t i = 0; s == OK && i < set->n; i++) {
        const Sample *x = &set->r[i].full;
        size_t n = x->n - (a->base->cfg.eos >= 0 ? 1 : 0);
        item[i] = (ScoreItem){x->ids, n, 1, 0};
        str_clear(&piece);
        s = tok_decode(a->tok, &piece, x->ids + 1, n - 1, true, e);
        bytes += piece.n;
        str_put(text, piece.s != NULL ? piece.s : "", piece.n);
        str_puts(text, "\n");
    }
    if (s == OK) s = score_nll(nll, a->base, NULL, 1, item, set->n, e);
    for (size_t i = 0; s == OK && i < set->n; i++) sum += nll[i].nll_sum;
    if (s == OK)
        str_printf(out, "%s,nats_per_byte,%.6f,%zu\n%s,bytes,%zu,%zu\n", a->task->name, sum / (double)bytes,
                   set->n, a->task->name, bytes, set->n);
    str_free(&piece);
    free(item);
    free(nll);
    return s;
}

static Status evaluate_rows(Str *out, Audit *a, const EvaluateOpts *o, Str *text, Err *e)
{
    AuditSet set;
    TRY(gather(&set, a, o->records, e));
    const char **gold = arena_alloc(&a->arena, set.n, sizeof(const char *)),
               **said = arena_alloc(&a->arena, set.n, sizeof(const char *));
    if (gold == NULL || said == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu answers", set.n);
    measure_golds(gold, &set);
    TRY(measure_answers(said, a, NULL, 1, &set, SPEC_GENERATE, &a->arena, e));
    TRY(metric_rows(out, a, "", gold, said, set.n, e));
    if (a->task->labelled) {
        TRY(measure_answers(said, a, NULL, 1, &set, SPEC_LABELS, &a->arena, e));
        TRY(metric_rows(out, a, "_labels", gold, said, set.n, e));
        majority_row(out, a, gold, set.n);
    } else if (strcmp(a->task->name, "deb_synopsis") == 0) {
        TRY(first_words(said, &a->arena, &set, e));
        TRY(metric_rows(out, a, "_first10", gold, said, set.n, e));
    }
    return bytes_rows(out, a, &set, text, e);
}

Status evaluate_run(Str *out, const EvaluateOpts *o, Err *e)
{
    Spec spec = spec_default();
    Str text = {0};
    spec.base = o->model;
    spec.data = o->data;
    spec.task = o->task;
    spec.precision = (int)o->precision;
    TRY(audit_known_task(o->data, o->task, e));
    Audit *a = calloc(1, sizeof *a);
    if (a == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    a->spec = &spec;
    a->dir = "";
    a->frozen = true;
    Status s = audit_load(a, e);
    if (s == OK) s = audit_pack(a, e);
    str_puts(out, "task,metric,value,n\n");
    if (s == OK) s = evaluate_rows(out, a, o, &text, e);
    if (s == OK && (out->failed || text.failed))
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for the table or the texts", o->data);
    if (s == OK && o->text != NULL) s = file_write(o->text, text.s != NULL ? text.s : "", text.n, e);
    str_free(&text);
    audit_close(a);
    return s;
}
