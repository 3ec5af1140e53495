/* metric_chrf.c - F of shared n-grams of characters. */
#include "metric_priv.h"
#include "text_priv.h"

#include <string.h>

enum { CHRF_BETA = 2, CHRF_BYTE = 0x110000 }; /* a byte that is not UTF-8 is a character of its own */

/* The characters of text that are no white space; id has room for strlen(text). */
static size_t chrf_chars(uint32_t *id, const char *text)
{
    size_t n = strlen(text), m = 0;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t code = 0;
        k = text_char(&code, text + i, n - i);
        if (text_is_space(code)) continue;
        id[m++] = code != 0 ? code : (uint32_t)CHRF_BYTE + (unsigned char)text[i];
    }
    return m;
}

Status metric_chrf_add(Chrf *c, const char *target, const char *prediction, Arena *scratch, Err *e)
{
    arena_reset(scratch);
    uint32_t *a = arena_alloc(scratch, strlen(target), sizeof *a);
    uint32_t *b = arena_alloc(scratch, strlen(prediction), sizeof *b);
    if (a == NULL || b == NULL) FAIL(e, ERR_NOMEM, "no memory for a text");
    size_t na = chrf_chars(a, target), nb = chrf_chars(b, prediction), hits[METRIC_CHRF_ORDERS];
    TRY(gram_hits(hits, METRIC_CHRF_ORDERS, a, na, b, nb, scratch, e));
    for (size_t k = 0; k < METRIC_CHRF_ORDERS; k++) {
        size_t n = gram_count(na, k + 1);
        c->hits[k] += hits[k];
        c->target[k] += n;
        c->pred[k] += n > 0 ? gram_count(nb, k + 1) : 0;
    }
    return OK;
}

double metric_chrf(const Chrf *c, double beta)
{
    double p = 0, r = 0;
    size_t orders = 0;
    for (size_t k = 0; k < METRIC_CHRF_ORDERS; k++) {
        if (c->pred[k] == 0 || c->target[k] == 0) continue;
        p += (double)c->hits[k] / (double)c->pred[k];
        r += (double)c->hits[k] / (double)c->target[k];
        orders++;
    }
    if (p + r == 0) return 0;
    p /= (double)orders;
    r /= (double)orders;
    return (1 + beta * beta) * p * r / (beta * beta * p + r);
}

Status metric_each_chrf(double *v, const Metric *self, const MetricPairs *p, Err *e)
{
    (void)self;
    Arena a = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < p->n; i++) {
        Chrf c = {0};
        s = metric_chrf_add(&c, p->gold[i], p->pred[i], &a, e);
        if (s == OK) v[i] = metric_chrf(&c, CHRF_BETA);
    }
    arena_free(&a);
    return s;
}

Status metric_all_chrf(double *out, const Metric *self, const MetricPairs *p, Err *e)
{
    (void)self;
    Arena a = {0};
    Chrf c = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < p->n; i++) s = metric_chrf_add(&c, p->gold[i], p->pred[i], &a, e);
    arena_free(&a);
    if (s == OK) *out = metric_chrf(&c, CHRF_BETA);
    return s;
}
