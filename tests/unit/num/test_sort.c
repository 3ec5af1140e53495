#include "prime/sort.h"

#include "prime/rng.h"
#include "prime/stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    int32_t key;
    uint32_t place;
} Item;

static bool item_before(Item a, Item b)
{
    return a.key < b.key;
}

SORT_DEFINE(sort_items, Item, item_before);

/* The naive twin: insertion of each element behind all that are not greater. */
static void sort_naive(Item *x, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && x[j].key < x[j - 1].key; j--) {
            Item t = x[j];
            x[j] = x[j - 1];
            x[j - 1] = t;
        }
}

/* Every length up to 300, few and many equal keys, in order, backwards, at random: equal keys keep their
 * order. */
Test(sort, is_stable)
{
    static Item x[300], y[300], work[300];
    for (size_t n = 0; n <= 300; n++)
        for (uint64_t how = 0; how < 5; how++) {
            Rng r = rng_stream(5, "sort", n * 8 + how);
            for (size_t i = 0; i < n; i++) {
                int32_t key = how == 0   ? (int32_t)i
                              : how == 1 ? -(int32_t)i
                                         : (int32_t)rng_below(&r, how == 2 ? 3 : 1000);
                x[i] = y[i] = (Item){how == 4 ? key / 500 : key, (uint32_t)i};
            }
            sort_items(x, n, work);
            sort_naive(y, n);
            for (size_t i = 0; i < n; i++)
                cr_assert(x[i].key == y[i].key && x[i].place == y[i].place, "n %zu, how %d, at %zu", n,
                          (int)how, i);
        }
}

static int double_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Bit by bit as qsort of the C library, which merges, too: infinities, both zeros. */
Test(sort, doubles_as_qsort)
{
    static double x[5000], y[5000];
    static const double odd[] = {0, -0.0, INFINITY, -INFINITY, 1e-320, -1e300};
    for (size_t t = 0; t < 200; t++) {
        Rng r = rng_stream(6, "sort", t);
        size_t n = rng_below(&r, t < 190 ? 300 : 5001);
        for (size_t i = 0; i < n; i++)
            x[i] = y[i] = rng_below(&r, 4) == 0 ? odd[rng_below(&r, 6)] : rng_normal(&r);
        stats_sort(x, n);
        qsort(y, n, sizeof *y, double_order);
        cr_assert_arr_eq(x, y, n * sizeof *x, "n = %zu", n);
    }
}
