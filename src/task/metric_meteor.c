/* metric_meteor.c - METEOR with its first stage alone, equal words. */
#include "metric_priv.h"

#include <math.h>

/* place [t[1].n]: the target's word (from 1) that each of the prediction's is matched with, 0 for none. The
 * last occurrence goes with the last, the one before with the one before. */
static size_t meteor_match(size_t *place, const Tokens t[2], size_t *last, size_t *before)
{
    size_t hits = 0;
    for (size_t i = 0; i < t[0].n; i++) { /* chain the places of each word, last first */
        before[i] = last[t[0].id[i]];
        last[t[0].id[i]] = i + 1;
    }
    for (size_t i = t[1].n; i-- > 0;) {
        size_t *at = &last[t[1].id[i]];
        place[i] = *at;
        hits += *at > 0;
        if (*at > 0) *at = before[*at - 1];
    }
    return hits;
}

Status metric_meteor_exact(double *out, const char *target, const char *prediction, Arena *scratch, Err *e)
{
    Tokens t[2] = {{0}};
    arena_reset(scratch);
    TRY(rouge_tokens(t, (const char *const[]){target, prediction}, false, scratch, e));
    size_t n = t[0].n + t[1].n, chunks = 0;
    size_t *last = arena_zalloc(scratch, n, sizeof *last), *before = arena_alloc(scratch, n, sizeof *before);
    size_t *place = arena_alloc(scratch, n, sizeof *place);
    if (last == NULL || before == NULL || place == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", n);
    size_t hits = meteor_match(place, t, last, before);
    for (size_t i = 0; i < t[1].n; i++)
        chunks += place[i] > 0 && (i == 0 || place[i - 1] == 0 || place[i] != place[i - 1] + 1);
    *out = 0;
    if (hits == 0) return OK;
    double p = (double)hits / (double)t[1].n, r = (double)hits / (double)t[0].n;
    *out = p * r / (0.9 * p + 0.1 * r) * (1 - 0.5 * pow((double)chunks / (double)hits, 3));
    return OK;
}

Status metric_each_meteor(double *v, const Metric *self, const MetricPairs *p, Err *e)
{
    (void)self;
    Arena a = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < p->n; i++)
        s = metric_meteor_exact(&v[i], p->gold[i], p->pred[i], &a, e);
    arena_free(&a);
    return s;
}
