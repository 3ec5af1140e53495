#include "prime/pareto.h"

#include "pareto_points.h"
#include "ref_csv.h"

enum { N = 120 };
static double pts[N * 6];

/* Nowhere worse and somewhere better; better everywhere. */
static bool by_definition(const double *a, const double *b, size_t m, bool everywhere)
{
    size_t better = 0, worse = 0;
    for (size_t j = 0; j < m; j++) {
        better += a[j] < b[j];
        worse += a[j] > b[j];
    }
    return everywhere ? better == m : worse == 0 && better > 0;
}

/* Ties and duplicates, few of them, or infinities of both signs. */
static void odd_points(size_t m, uint64_t seed)
{
    points_grid(pts, N, m, seed, seed % 3 == 1 ? 1e6 : 6);
    for (size_t i = 0; seed % 3 == 2 && i < N * m; i++)
        pts[i] = pts[i] > 0.8 ? INFINITY : pts[i] < 0.1 ? -INFINITY : pts[i];
}

Test(pareto, fronts_meet_their_definition)
{
    bool flag[PARETO_TIES][N];
    for (size_t m = 1; m <= 5; m++)
        for (uint64_t seed = 0; seed < 12; seed++) {
            odd_points(m, seed);
            for (size_t t = 0; t < PARETO_TIES; t++)
                cr_assert_eq(pareto_front(flag[t], pts, N, m, (ParetoTies)t, NULL), OK);
            for (size_t i = 0; i < N; i++) {
                bool beaten = false, crushed = false, again = false;
                for (size_t k = 0; k < N; k++) {
                    beaten = beaten || by_definition(&pts[k * m], &pts[i * m], m, false);
                    crushed = crushed || by_definition(&pts[k * m], &pts[i * m], m, true);
                    again = again || (k < i && memcmp(&pts[k * m], &pts[i * m], m * sizeof *pts) == 0);
                }
                cr_assert_eq(flag[PARETO_ALL][i], !beaten, "%zu objectives, point %zu", m, i);
                cr_assert_eq(flag[PARETO_FIRST][i], !beaten && !again, "%zu objectives, point %zu", m, i);
                cr_assert_eq(flag[PARETO_WEAK][i], !crushed, "%zu objectives, point %zu", m, i);
            }
        }
}

Test(pareto, ranks_meet_their_definition)
{
    size_t rank[N];
    for (size_t m = 1; m <= 5; m++)
        for (uint64_t seed = 0; seed < 12; seed++) {
            odd_points(m, seed);
            cr_assert_eq(pareto_rank(rank, pts, N, m, NULL), OK);
            for (size_t i = 0; i < N; i++) {
                size_t above = 0;
                for (size_t k = 0; k < N; k++) {
                    if (!by_definition(&pts[k * m], &pts[i * m], m, false)) continue;
                    if (rank[k] + 1 > above) above = rank[k] + 1;
                }
                cr_assert_eq(rank[i], above, "one more than the deepest point that dominates it");
            }
        }
}

Test(pareto, one_objective_may_have_failed)
{
    double some[12] = {0, 0, INFINITY, 1, 0, 5, 0, 1, INFINITY, 0, 0, INFINITY};
    bool flag[4];
    cr_assert_eq(pareto_front(flag, some, 4, 3, PARETO_ALL, NULL), OK);
    cr_assert(flag[0] && flag[1] && !flag[2] && flag[3]);
}

Test(pareto, zeros_of_both_signs_are_equal)
{
    double zeros[3][3] = {{0.0, 1, 0.0}, {-0.0, 1, -0.0}, {0.0, 1, -0.0}};
    bool flag[3];
    for (size_t m = 2; m <= 3; m++) {
        double flat[9];
        for (size_t i = 0; i < 3; i++) memcpy(&flat[i * m], zeros[i], m * sizeof *flat);
        cr_assert_eq(pareto_front(flag, flat, 3, m, PARETO_ALL, NULL), OK);
        cr_assert(flag[0] && flag[1] && flag[2]);
        cr_assert_eq(pareto_front(flag, flat, 3, m, PARETO_FIRST, NULL), OK);
        cr_assert(flag[0] && !flag[1] && !flag[2]);
    }
}

Test(pareto, none_and_one)
{
    bool flag[1] = {false};
    size_t rank[1] = {7};
    double crowd[1] = {7}, one[4] = {4, 3, 2, 1};
    for (size_t m = 1; m <= 4; m++) {
        for (size_t t = 0; t < PARETO_TIES; t++) {
            cr_assert_eq(pareto_front(NULL, NULL, 0, m, (ParetoTies)t, NULL), OK);
            flag[0] = false;
            cr_assert_eq(pareto_front(flag, one, 1, m, (ParetoTies)t, NULL), OK);
            cr_assert(flag[0]);
        }
        for (size_t k = 0; k < PARETO_CROWDS; k++) {
            cr_assert_eq(pareto_crowding(NULL, NULL, 0, m, (ParetoCrowd)k, NULL), OK);
            cr_assert_eq(pareto_crowding(crowd, one, 1, m, (ParetoCrowd)k, NULL), OK);
            cr_assert_eq(crowd[0], INFINITY);
        }
        cr_assert_eq(pareto_rank(NULL, NULL, 0, m, NULL), OK);
        cr_assert_eq(pareto_rank(rank, one, 1, m, NULL), OK);
        cr_assert_eq(rank[0], 0u);
    }
}

Test(pareto, no_objectives)
{
    Err e = {0};
    bool flag = true;
    size_t rank = 7;
    double crowd = 7;
    cr_assert_eq(pareto_front(&flag, pts, 1, 0, PARETO_ALL, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "objectives = 0, want at least 1");
    cr_assert_eq(pareto_rank(&rank, pts, 1, 0, NULL), ERR_SHAPE);
    cr_assert_eq(pareto_crowding(&crowd, pts, 1, 0, PARETO_CROWD_SUM, NULL), ERR_SHAPE);
    cr_assert(flag && rank == 7 && crowd == 7);
}

/* Neighbours found by looking at all points. */
Test(pareto, crowding_meets_its_definition)
{
    double crowd[N];
    for (size_t m = 1; m <= 4; m++) {
        points_sphere(pts, N, m + 1, 3); /* distinct values */
        for (size_t i = 0; i < N; i++) memmove(&pts[i * m], &pts[i * (m + 1)], m * sizeof *pts);
        cr_assert_eq(pareto_crowding(crowd, pts, N, m, PARETO_CROWD_SUM, NULL), OK);
        for (size_t i = 0; i < N; i++) {
            double sum = 0;
            for (size_t j = 0; j < m; j++) {
                double below = -INFINITY, above = INFINITY, lo = INFINITY, hi = -INFINITY, x = pts[i * m + j];
                for (size_t k = 0; k < N; k++) {
                    double y = pts[k * m + j];
                    lo = fmin(lo, y);
                    hi = fmax(hi, y);
                    if (y < x) below = fmax(below, y);
                    if (y > x) above = fmin(above, y);
                }
                sum += (above - below) / (hi - lo);
            }
            if (isinf(sum))
                cr_assert_eq(crowd[i], INFINITY);
            else
                REF_NEAR(crowd[i], sum, 1e-12, "%zu objectives, point %zu", m, i);
        }
    }
}

Test(pareto, crowding_of_a_flat_objective)
{
    double flat[8] = {1, 5, 2, 5, 4, 5, 5, 5}, crowd[4];
    cr_assert_eq(pareto_crowding(crowd, flat, 4, 2, PARETO_CROWD_SUM, NULL), OK);
    cr_assert(crowd[0] == INFINITY && crowd[3] == INFINITY);
    REF_NEAR(crowd[1], 0.75, 1e-15, "3 of 4, and nothing from the flat one");
    REF_NEAR(crowd[2], 0.75, 1e-15, "3 of 4");
}

Test(pareto, crowding_of_ranges_beyond_double)
{
    double wide[3] = {-1.7e308, 0, 1.7e308}, crowd[3];
    cr_assert_eq(pareto_crowding(crowd, wide, 3, 1, PARETO_CROWD_SUM, NULL), OK);
    cr_assert_eq(crowd[1], 1);
}

Test(pareto, names)
{
    cr_assert_str_eq(pareto_ties_name(PARETO_WEAK), "weak");
    cr_assert_null(pareto_ties_name(PARETO_TIES));
    cr_assert_str_eq(pareto_crowd_name(PARETO_CROWD_MEAN), "mean");
    cr_assert_null(pareto_crowd_name(PARETO_CROWDS));
    cr_assert_str_eq(pareto_knee_name(PARETO_KNEE_IDEAL), "ideal");
    cr_assert_null(pareto_knee_name(PARETO_KNEES));
    cr_assert_str_eq(pareto_indicator_name(PARETO_IGD_PLUS), "igd_plus");
    cr_assert_null(pareto_indicator_name(PARETO_INDICATORS));
}

Test(pareto, knee_of_a_bent_front)
{
    /* Scaled: (0, 1) (0.1, 0.4) (0.2, 0.25) (0.5, 0.2) (1, 0), and a dominated point that lies below none. */
    double bent[12] = {0, 30, 1, 22, 2, 20, 5, 19.333333333333332, 10, 16.666666666666668, 9, 29}, value = 0;
    size_t at = 7;
    cr_assert_eq(pareto_knee(&at, &value, bent, 6, 2, PARETO_KNEE_LINE, NULL), OK);
    cr_assert_eq(at, 2u);
    REF_NEAR(value, 0.55 / sqrt(2), 1e-12, "distance to the line");
    cr_assert_eq(pareto_knee(&at, &value, bent, 6, 2, PARETO_KNEE_IDEAL, NULL), OK);
    cr_assert_eq(at, 2u);
    REF_NEAR(value, sqrt(0.04 + 0.0625), 1e-12, "distance to the ideal point");
}

Test(pareto, knee_ignores_units)
{
    size_t at = 0, again = 0;
    double value = 0, same = 0;
    for (size_t k = 0; k < PARETO_KNEES; k++) {
        points_grid(pts, 40, 3, 11, 1e6);
        cr_assert_eq(pareto_knee(&at, &value, pts, 40, 3, (ParetoKnee)k, NULL), OK);
        for (size_t i = 0; i < 40; i++) pts[3 * i + 1] = 1e6 * pts[3 * i + 1] - 7;
        cr_assert_eq(pareto_knee(&again, &same, pts, 40, 3, (ParetoKnee)k, NULL), OK);
        cr_assert_eq(at, again);
        REF_NEAR(same, value, 1e-9, "value in other units");
    }
}

Test(pareto, knee_of_odd_fronts)
{
    double same[6] = {2, 3, 1, 1, 1, 1}, out[6] = {0, 1, 0.9, 0.9, 1, 0},
           wide[4] = {-1e308, 1e308, 1e308, -1e308};
    size_t at = 7;
    double value = 7;
    for (size_t k = 0; k < PARETO_KNEES; k++) {
        cr_assert_eq(pareto_knee(&at, &value, same, 3, 2, (ParetoKnee)k, NULL), OK);
        cr_assert(at == 1 && value == 0, "the first of two equal points");
        cr_assert_eq(pareto_knee(&at, &value, wide, 2, 2, (ParetoKnee)k, NULL), OK);
        cr_assert(at == 0 && isfinite(value));
    }
    cr_assert_eq(pareto_knee(&at, &value, out, 3, 2, PARETO_KNEE_LINE, NULL), OK);
    cr_assert(at == 0 && value == 0, "a front that bulges outwards has only its ends");
    at = 7;
    value = 7;
    cr_assert_eq(pareto_knee(&at, &value, out, 0, 2, PARETO_KNEE_LINE, NULL), ERR_SHAPE);
    cr_assert_eq(pareto_knee(&at, &value, out, 3, 0, PARETO_KNEE_LINE, NULL), ERR_SHAPE);
    out[3] = NAN;
    cr_assert_eq(pareto_knee(&at, &value, out, 3, 2, PARETO_KNEE_LINE, NULL), ERR_NUM);
    cr_assert(at == 7 && value == 7);
}
