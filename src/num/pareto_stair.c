#include "pareto_priv.h"

#include <math.h>
#include <string.h>

Status stair_new(Stair *s, Arena *a, size_t n, Err *e)
{
    bool all = true;
    *s = (Stair){.n = n};
    for (size_t words = n / 64 + 1;; words = words / 64 + 1) {
        s->bits[s->levels++] = arena_alloc(a, words, sizeof **s->bits);
        all = all && s->bits[s->levels - 1] != NULL;
        if (words == 1) break;
    }
    s->x = arena_alloc(a, n + 1, sizeof *s->x);
    s->y = arena_alloc(a, n + 1, sizeof *s->y);
    if (!all || s->x == NULL || s->y == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", n);
    return OK;
}

void stair_clear(Stair *s, size_t n, double x, double y)
{
    s->n = n;
    s->levels = 0;
    for (size_t words = n / 64 + 1;; words = words / 64 + 1) {
        s->words[s->levels] = words;
        memset(s->bits[s->levels++], 0, words * sizeof **s->bits);
        if (words == 1) break;
    }
    s->x[n] = x;
    s->y[n] = -INFINITY;
    s->top = y;
}

size_t stair_next(const Stair *s, size_t i)
{
    for (size_t level = 0; level < s->levels && i / 64 < s->words[level]; level++) {
        uint64_t mask = s->bits[level][i / 64] & (~UINT64_C(0) << (i % 64));
        if (mask == 0) {
            i = i / 64 + 1;
            continue;
        }
        i = i / 64 * 64 + (size_t)__builtin_ctzll(mask);
        while (level-- > 0) i = i * 64 + (size_t)__builtin_ctzll(s->bits[level][i]);
        return i;
    }
    return s->n;
}

size_t stair_prev(const Stair *s, size_t i)
{
    for (size_t level = 0; level < s->levels; level++) {
        uint64_t mask = s->bits[level][i / 64] & (~UINT64_C(0) >> (63 - i % 64));
        if (mask == 0) {
            if (i < 64) break;
            i = i / 64 - 1;
            continue;
        }
        i = i / 64 * 64 + 63 - (size_t)__builtin_clzll(mask);
        while (level-- > 0) i = i * 64 + 63 - (size_t)__builtin_clzll(s->bits[level][i]);
        return i;
    }
    return PARETO_NONE;
}

static void stair_set(Stair *s, size_t i)
{
    for (size_t level = 0; level < s->levels; level++, i /= 64)
        s->bits[level][i / 64] |= UINT64_C(1) << (i % 64);
}

static void stair_unset(Stair *s, size_t i)
{
    for (size_t level = 0; level < s->levels; level++, i /= 64) {
        s->bits[level][i / 64] &= ~(UINT64_C(1) << (i % 64));
        if (s->bits[level][i / 64] != 0) break;
    }
}

double stair_height(const Stair *s, size_t i)
{
    size_t left = stair_prev(s, i);
    return left == PARETO_NONE ? s->top : s->y[left];
}

/* Strip by strip to the right, as long as the old stairs lie above y. All terms are positive: nothing
 * cancels. */
double stair_add(Stair *s, size_t i, double y)
{
    double high = stair_height(s, i), x = s->x[i], area = 0;
    if (high <= y) return 0;
    for (size_t k = stair_next(s, i);; k = stair_next(s, k + 1)) {
        area += (s->x[k] - x) * (high - y);
        if (k == s->n || s->y[k] < y) break;
        x = s->x[k];
        high = s->y[k];
        stair_unset(s, k);
    }
    stair_set(s, i);
    s->y[i] = y;
    return area;
}
