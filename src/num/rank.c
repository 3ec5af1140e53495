#include "prime/rank.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int rank_item_order(const void *a, const void *b)
{
    const RankItem *x = a, *y = b;
    if (x->x != y->x) return x->x < y->x ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

/* Infinities are equal, and their difference is not a number. */
static bool rank_tied(double a, double b, double slack)
{
    return a == b || b - a <= slack;
}

double rank_mid2(size_t *rank2, const double *x, size_t n, double slack, RankItem *work)
{
    double ties = 0;
    for (size_t i = 0; i < n; i++) work[i] = (RankItem){x[i], i};
    if (n > 1) qsort(work, n, sizeof *work, rank_item_order);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && rank_tied(work[to - 1].x, work[to].x, slack);) to++;
        /* ranks from + 1 .. to: twice their mean */
        for (size_t k = from; k < to; k++) rank2[work[k].i] = from + 1 + to;
        double t = (double)(to - from);
        ties += t * t * t - t;
    }
    return ties;
}

static int rank_size_descending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x < y) - (x > y);
}

size_t rank_subset_size(size_t *top, const size_t *rank2, size_t n, size_t m, size_t *work)
{
    if (n > 0) memcpy(work, rank2, n * sizeof *work);
    if (n > 1) qsort(work, n, sizeof *work, rank_size_descending);
    *top = 0;
    for (size_t i = 0; i < m; i++) *top += work[i];
    return *top + 1 <= SIZE_MAX / 8 / (m + 1) ? (m + 1) * (*top + 1) : SIZE_MAX;
}

const double *rank_subset_ways(double *table, size_t top, const size_t *rank2, size_t n, size_t m)
{
    size_t width = top + 1;
    memset(table, 0, (m + 1) * width * sizeof *table);
    table[0] = 1;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1 < m ? i + 1 : m; k > 0; k--) {
            double *to = &table[k * width];
            const double *from = to - width;
            for (size_t s = top + 1; s-- > rank2[i];) to[s] += from[s - rank2[i]];
        }
    return &table[m * width];
}

void rank_signed_ways(double *ways, size_t top, const size_t *rank2, size_t n)
{
    memset(ways, 0, (top + 1) * sizeof *ways);
    ways[0] = 1;
    for (size_t i = 0; i < n; i++)
        for (size_t s = top + 1; s-- > rank2[i];) ways[s] += ways[s - rank2[i]];
}

void rank_tails(double *at_least, double *at_most, const double *ways, size_t top, size_t s)
{
    double below = 0, above = 0, here = s <= top ? ways[s] : 0;
    for (size_t k = 0; k <= top; k++) {
        if (k < s) below += ways[k];
        if (k > s) above += ways[k];
    }
    double total = below + here + above;
    *at_least = (here + above) / total;
    *at_most = (here + below) / total;
}
