/* measure.c - what candidates say and how likely they find a text: thin layers over scoring, in the words of
 * an audit. */
#include "audit_priv.h"

#include "prime/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ---- */

/* The answer as text: the first line, without white space at its ends. */
static Status answer_text(const char **out, const Audit *a, const int32_t *ids, size_t n, Arena *arena,
                          Err *e)
{
    Str s = {0};
    Status st = tok_decode(a->tok, &s, ids, n, true, e);
    const char *from = s.s != NULL ? s.s : "";
    from += strspn(from, " \t\r\n");
    size_t len = strcspn(from, "\n");
    while (len > 0 && strchr(" \t\r", from[len - 1]) != NULL) len--;
    char *copy = st == OK ? arena_strndup(arena, from, len) : NULL;
    str_free(&s);
    if (st != OK) return st;
    if (copy == NULL) FAIL(e, ERR_NOMEM, "no memory for an answer");
    *out = copy;
    return OK;
}

static Status answers_made(const char **out, const Audit *a, const PassLora *lora, size_t n_cand,
                           const AuditSet *set, GenOpts o, Arena *arena, Err *e)
{
    size_t n = n_cand * set->n, max = set->n > 0 ? set->r[0].rec->task->max_new : 0;
    const ModelConfig *c = &a->base->cfg;
    GenItem *item = arena_alloc(arena, n, sizeof *item);
    GenOut *end = arena_alloc(arena, n, sizeof *end);
    int32_t *ids = arena_alloc(arena, n * max, sizeof *ids);
    if (item == NULL || ids == NULL || end == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu answers", n);
    for (size_t i = 0; i < n; i++) {
        const Sample *s = &set->r[i % set->n].ask;
        item[i] = (GenItem){.ids = s->ids, .n = s->n, .cand = i / set->n};
    }
    o.max_new = max;
    o.stop = c->stop;
    o.n_stop = c->n_stop;
    TRY(gen_texts(ids, end, a->base, lora, n_cand, item, n, &o, e));
    for (size_t i = 0; i < n; i++) TRY(answer_text(&out[i], a, ids + i * max, end[i].n, arena, e));
    return OK;
}

/* ---- the likeliest label ---- */

/* Prompt and label as one sample, for every record and label: [set->n * n_labels]. */
static Status label_samples(Sample **out, const Audit *a, const AuditSet *set, Arena *arena, Err *e)
{
    size_t L = a->data->n_labels;
    Sample *s = arena_alloc(arena, set->n * L, sizeof *s);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu labels", set->n * L);
    for (size_t i = 0; i < set->n * L; i++)
        TRY(sample_make(&s[i], arena, a->tok, &a->base->cfg, set->r[i / L].rec->task, set->r[i / L].ctx,
                        set->r[i / L].rec->input, a->data->label[i % L], 0, e));
    *out = s;
    return OK;
}

/* Nats of an answer, in all or a token of it. */
static double label_nats(const ScoreOut *s, bool mean)
{
    return mean && s->n_tokens > 0 ? s->nll_sum / (double)s->n_tokens : s->nll_sum;
}

static Status answers_labels(const char **out, const Audit *a, const PassLora *lora, size_t n_cand,
                             const AuditSet *set, bool mean, Arena *arena, Err *e)
{
    size_t L = a->data->n_labels, each = set->n * L, n = n_cand * each;
    Sample *s = NULL;
    TRY(label_samples(&s, a, set, arena, e));
    ScoreItem *item = arena_alloc(arena, n, sizeof *item);
    ScoreOut *nll = arena_alloc(arena, n, sizeof *nll);
    if (item == NULL || nll == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu labels", n);
    for (size_t i = 0; i < n; i++)
        item[i] = (ScoreItem){s[i % each].ids, s[i % each].n, s[i % each].skip, i / each};
    TRY(score_nll(nll, a->base, lora, n_cand, item, n, e));
    for (size_t i = 0; i < n_cand * set->n; i++) {
        size_t best = 0;
        for (size_t l = 1; l < L; l++)
            if (label_nats(&nll[i * L + l], mean) < label_nats(&nll[i * L + best], mean)) best = l;
        out[i] = a->data->label[best];
    }
    return OK;
}

Status measure_answers(const char **out, const Audit *a, const PassLora *lora, size_t n_cand,
                       const AuditSet *set, int how, Arena *arena, Err *e)
{
    if (how == SPEC_LABELS || how == SPEC_LABELS_MEAN)
        return answers_labels(out, a, lora, n_cand, set, how == SPEC_LABELS_MEAN, arena, e);
    return answers_made(out, a, lora, n_cand, set, gen_greedy(1), arena, e);
}

Status measure_drawn(const char **out, const Audit *a, const PassLora *lora, size_t n_cand,
                     const AuditSet *set, uint64_t seed, Arena *arena, Err *e)
{
    GenOpts o = gen_greedy(1);
    o.temperature = a->spec->search.temperature;
    o.top_p = a->spec->search.top_p;
    o.seed = seed;
    return answers_made(out, a, lora, n_cand, set, o, arena, e);
}

/* ---- metrics ---- */

void measure_golds(const char **out, const AuditSet *set)
{
    for (size_t i = 0; i < set->n; i++) out[i] = set->r[i].rec->output;
}

bool measure_higher(const Audit *a)
{
    return a->fit[0]->higher;
}

Status measure_sum(double *u, const Audit *a, const char *const *gold, const char *const *pred, size_t n,
                   Err *e)
{
    MetricPairs p = {
        .gold = gold, .pred = pred, .n = n, .label = a->data->label, .n_labels = a->data->n_labels};
    double sum = 0, x;
    for (size_t i = 0; i < a->n_fit; i++) {
        TRY(metric_corpus(&x, a->fit[i], &p, e));
        sum += x;
    }
    *u = sum;
    return OK;
}

static ScoreItem *measure_items(const AuditSet *set, size_t n_cand)
{
    ScoreItem *item = malloc((n_cand * set->n + 1) * sizeof *item);
    for (size_t i = 0; item != NULL && i < n_cand * set->n; i++) {
        const Sample *s = &set->r[i % set->n].full;
        item[i] = (ScoreItem){s->ids, s->n, s->skip, i / set->n};
    }
    return item;
}

Status measure_nll(ScoreOut *out, const Audit *a, const PassLora *lora, size_t n_cand, const AuditSet *set,
                   Err *e)
{
    ScoreItem *item = measure_items(set, n_cand);
    if (item == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n_cand * set->n);
    Status st = score_nll(out, a->base, lora, n_cand, item, n_cand * set->n, e);
    free(item);
    return st;
}

size_t measure_answer_tokens(const AuditSet *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const Sample *s = &set->r[i].full;
        n += score_tokens(&(ScoreItem){s->ids, s->n, s->skip, 0}, 1);
    }
    return n;
}

size_t measure_signals_bytes(size_t n, size_t tokens)
{
    return (n + 1) * sizeof(size_t) + tokens * (sizeof(int32_t) + 3 * sizeof(float) + sizeof(uint8_t));
}

Status measure_signals_room(ScoreSignals *s, size_t n, size_t tokens, Arena *arena, Err *e)
{
    *s = (ScoreSignals){.start = arena_zalloc(arena, measure_signals_bytes(n, tokens), 1)};
    if (s->start == NULL) FAIL(e, ERR_NOMEM, "no memory for the signals of %zu tokens", tokens);
    s->logp = (void *)(s->start + n + 1);
    s->mu = s->logp + tokens;
    s->sigma = s->mu + tokens;
    s->id = (void *)(s->sigma + tokens);
    s->rank = (void *)(s->id + tokens);
    return OK;
}

Status measure_signals(ScoreSignals *out, const Audit *a, const PassLora *lora, size_t n_cand,
                       const AuditSet *set, Arena *arena, Err *e)
{
    size_t n = n_cand * set->n;
    ScoreSignals s = {0};
    ScoreItem *item = measure_items(set, n_cand);
    if (item == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n);
    Status st = measure_signals_room(&s, n, n_cand * measure_answer_tokens(set), arena, e);
    if (st == OK) st = score_signals(&s, a->base, lora, n_cand, item, n, e);
    free(item);
    if (st == OK) *out = s;
    return st;
}
