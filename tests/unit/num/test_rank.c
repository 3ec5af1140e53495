#include "prime/rank.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

Test(rank, mid_ranks_of_ties)
{
    double x[7] = {2.5, -1, 2.5, 7.25, 2.5, -1, 0};
    size_t rank2[7], want[7] = {10, 3, 10, 14, 10, 3, 6};
    RankItem work[7];
    cr_assert_eq(rank_mid2(rank2, x, 7, 0, work), 24 + 6, "27 - 3 for three, 8 - 2 for two");
    for (size_t i = 0; i < 7; i++) cr_assert_eq(rank2[i], want[i], "rank of %g", x[i]);
    cr_assert_eq(rank_mid2(rank2, x, 0, 0, work), 0);
    double near[5] = {0.3, 0.1 + 0.2, -INFINITY, INFINITY, INFINITY};
    cr_assert_eq(rank_mid2(rank2, near, 5, 0, work), 6, "the infinities");
    cr_assert_eq(rank_mid2(rank2, near, 5, 1e-12, work), 12);
    cr_assert(rank2[0] == 5 && rank2[1] == 5 && rank2[2] == 2 && rank2[3] == 9);
}

/* Every subset and every sign pattern of tied ranks, one by one. */
Test(rank, counts_meet_enumeration)
{
    enum { N = 9, M = 4, SUM = 2 * N * N };
    size_t rank2[N] = {3, 3, 6, 9, 9, 14, 14, 14, 18}, work[N], top;
    double subset[SUM] = {0}, sign[SUM] = {0}, ways[SUM];
    for (unsigned set = 0; set < 1U << N; set++) {
        size_t sum = 0, size = 0;
        for (size_t i = 0; i < N; i++)
            if (set >> i & 1) sum += rank2[i], size++;
        sign[sum]++;
        if (size == M) subset[sum]++;
    }
    size_t need = rank_subset_size(&top, rank2, N, M, work);
    cr_assert_eq(top, 60u);
    cr_assert_eq(need, 5 * 61u);
    double *table = malloc(need * sizeof *table);
    const double *got = rank_subset_ways(table, top, rank2, N, M);
    for (size_t s = 0; s <= top; s++) cr_assert_eq(got[s], subset[s], "sum %zu", s);
    double up, down, all = 126, want = 0;
    for (size_t s = 31; s <= top; s++) want += subset[s] / all;
    rank_tails(&up, &down, got, top, 31);
    cr_assert_float_eq(up, want, 1e-14);
    cr_assert_float_eq(up + down, 1 + subset[31] / all, 1e-14);
    free(table);
    rank_signed_ways(ways, 90, rank2, N);
    for (size_t s = 0; s <= 90; s++) cr_assert_eq(ways[s], sign[s], "sum %zu", s);
}
