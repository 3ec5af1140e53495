#include "prime/pareto.h"

#include "pareto_points.h"
#include "ref_csv.h"

enum { N = 60 };
static double a[N * 4], r[N * 4];

/* Each indicator once more, from its definition alone. */
static double naive(ParetoIndicator kind, const double *s, size_t n, const double *t, size_t k, size_t m)
{
    if (kind == PARETO_HAUSDORFF)
        return fmax(naive(PARETO_GD, s, n, t, k, m), naive(PARETO_IGD, s, n, t, k, m));
    if (kind == PARETO_GD) return naive(PARETO_IGD, t, k, s, n, m);
    bool mean = kind == PARETO_IGD || kind == PARETO_IGD_PLUS;
    double total = mean ? 0 : -INFINITY;
    for (size_t i = 0; i < k; i++) {
        double best = INFINITY;
        for (size_t q = 0; q < n; q++) {
            double sum = 0, most = -INFINITY;
            for (size_t j = 0; j < m; j++) {
                double x = s[q * m + j], y = t[i * m + j];
                if (kind == PARETO_IGD || x > y) sum += (x - y) * (x - y);
                most = fmax(most, kind == PARETO_EPS_ADD ? x - y : x / y);
            }
            best = fmin(best, mean ? sqrt(sum) : most);
        }
        total = mean ? total + best / (double)k : fmax(total, best);
    }
    return total;
}

Test(pareto_indicator, meet_their_definitions)
{
    for (size_t m = 1; m <= 4; m++)
        for (size_t kind = 0; kind < PARETO_INDICATORS; kind++) {
            double got = NAN;
            points_grid(a, N, m, 1, 20);
            points_grid(r, N / 2, m, 2, 1e6);
            for (size_t i = 0; i < N * m; i++) a[i] += 0.1;
            for (size_t i = 0; i < N / 2 * m; i++) r[i] += 0.01;
            cr_assert_eq(pareto_indicator(&got, (ParetoIndicator)kind, a, N, r, N / 2, m, NULL), OK);
            REF_NEAR(got, naive((ParetoIndicator)kind, a, N, r, N / 2, m), 1e-12, "%s, %zu objectives",
                     pareto_indicator_name((ParetoIndicator)kind), m);
        }
}

Test(pareto_indicator, a_set_against_itself)
{
    for (size_t kind = 0; kind < PARETO_INDICATORS; kind++) {
        double got = NAN;
        points_sphere(a, N, 3, 5);
        for (size_t i = 0; i < 3 * N; i++) a[i] += 1;
        cr_assert_eq(pareto_indicator(&got, (ParetoIndicator)kind, a, N, a, N, 3, NULL), OK);
        cr_assert_eq(got, kind == PARETO_EPS_MULT ? 1 : 0, "%s",
                     pareto_indicator_name((ParetoIndicator)kind));
    }
}

/* What dominates the whole reference set costs nothing in the indicators that go with dominance. */
Test(pareto_indicator, better_than_the_reference)
{
    double one[2] = {1, 1}, far[4] = {3, 2, 2, 4}, got = NAN;
    cr_assert_eq(pareto_indicator(&got, PARETO_IGD_PLUS, one, 1, far, 2, 2, NULL), OK);
    cr_assert_eq(got, 0);
    cr_assert_eq(pareto_indicator(&got, PARETO_EPS_ADD, one, 1, far, 2, 2, NULL), OK);
    cr_assert_eq(got, -1);
    cr_assert_eq(pareto_indicator(&got, PARETO_EPS_MULT, one, 1, far, 2, 2, NULL), OK);
    cr_assert_eq(got, 0.5);
}

Test(pareto_indicator, squares_beyond_the_range_of_double)
{
    double x[2] = {3e200, 4e200}, y[2] = {0, 0}, got = NAN;
    cr_assert_eq(pareto_indicator(&got, PARETO_IGD, x, 1, y, 1, 2, NULL), OK);
    REF_NEAR(got * 1e-200, 5, 1e-15, "3, 4, 5");
}

Test(pareto_indicator, refusals)
{
    double x[2] = {1, 2}, y[2] = {1, -2}, zero[2] = {0, 1}, nan[2] = {1, NAN}, big[2] = {1e308, 1},
           low[2] = {-1e308, 1}, got = 7;
    Err e = {0};
    cr_assert_eq(pareto_indicator(&got, PARETO_IGD, x, 0, y, 1, 2, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "0 points against 1 of 2 objectives, want at least one of each");
    cr_assert_eq(pareto_indicator(&got, PARETO_IGD, x, 1, y, 0, 2, NULL), ERR_SHAPE);
    cr_assert_eq(pareto_indicator(&got, PARETO_IGD, x, 1, y, 1, 0, NULL), ERR_SHAPE);
    cr_assert_eq(pareto_indicator(&got, PARETO_IGD, nan, 1, y, 1, 2, NULL), ERR_NUM);
    cr_assert_eq(pareto_indicator(&got, PARETO_IGD, x, 1, nan, 1, 2, NULL), ERR_NUM);
    e = (Err){0};
    cr_assert_eq(pareto_indicator(&got, PARETO_EPS_MULT, x, 1, y, 1, 2, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "epsilon_mult: objective 1 holds -2 and 2, want values of one sign and no 0");
    cr_assert_eq(pareto_indicator(&got, PARETO_EPS_MULT, x, 1, zero, 1, 2, NULL), ERR_NUM);
    cr_assert_eq(pareto_indicator(&got, PARETO_EPS_MULT, zero, 1, x, 1, 2, NULL), ERR_NUM);
    e = (Err){0};
    cr_assert_eq(pareto_indicator(&got, PARETO_EPS_ADD, big, 1, low, 1, 2, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "epsilon_add = inf, want a finite number");
    cr_assert_eq(got, 7);
}

/* A million weights in the middle of equal parts. */
static double r2_by_weights(const double *p, size_t n, const double *ideal)
{
    enum { WEIGHTS = 1000000 };
    double sum = 0;
    for (size_t i = 0; i < WEIGHTS; i++) {
        double w = ((double)i + 0.5) / WEIGHTS, best = INFINITY;
        for (size_t k = 0; k < n; k++)
            best = fmin(best, fmax(w * (p[2 * k] - ideal[0]), (1 - w) * (p[2 * k + 1] - ideal[1])));
        sum += best;
    }
    return sum / WEIGHTS;
}

Test(pareto_indicator, r2_meets_a_sum_over_weights)
{
    double ideal[2] = {-0.2, 0}, got = NAN;
    for (uint64_t seed = 0; seed < 3; seed++) {
        points_grid(a, 12, 2, seed, seed == 0 ? 6 : 1e6);
        cr_assert_eq(pareto_r2(&got, a, 12, 2, ideal, NULL), OK);
        REF_NEAR(got, r2_by_weights(a, 12, ideal), 1e-9, "seed %d", (int)seed);
    }
}

Test(pareto_indicator, r2_of_points_on_the_axes)
{
    double axes[4] = {0, 2, 3, 0}, ideal[2] = {0, 0}, got = NAN;
    cr_assert_eq(pareto_r2(&got, axes, 2, 2, ideal, NULL), OK);
    REF_NEAR(got, r2_by_weights(axes, 2, ideal), 1e-9, "both axes");
}

Test(pareto_indicator, r2_refusals)
{
    double x[3] = {1, 2, 3}, ideal[3] = {0, 2.5, 0}, nan[2] = {NAN, 0}, got = 7;
    Err e = {0};
    cr_assert_eq(pareto_r2(&got, x, 1, 3, ideal, &e), ERR_UNSUP);
    cr_assert_str_eq(e.msg, "r2 of 3 objectives, want 2");
    cr_assert_eq(pareto_r2(&got, x, 0, 2, ideal, NULL), ERR_SHAPE);
    e = (Err){0};
    cr_assert_eq(pareto_r2(&got, x, 1, 2, ideal, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "objective 1 of point 0 = 2, want at least the ideal point's 2.5");
    cr_assert_eq(pareto_r2(&got, x, 1, 2, nan, NULL), ERR_NUM);
    cr_assert_eq(pareto_r2(&got, nan, 1, 2, ideal, NULL), ERR_NUM);
    double far[2] = {1.5e308, 1.5e308}, deep[2] = {-1.5e308, -1.5e308};
    e = (Err){0};
    cr_assert_eq(pareto_r2(&got, far, 1, 2, deep, &e), ERR_NUM);
    cr_assert_not_null(strstr(e.msg, "want a finite number"), "%s", e.msg);
    cr_assert_eq(got, 7);
}

/* How many runs have a point that is nowhere worse than (x, y). */
static size_t runs_reaching(double x, double y, const size_t *run, size_t n_runs)
{
    size_t count = 0;
    for (size_t k = 0; k < n_runs; k++) {
        bool reached = false;
        for (size_t i = 0; i < N; i++)
            reached = reached || (run[i] == k && a[2 * i] <= x && a[2 * i + 1] <= y);
        count += reached;
    }
    return count;
}

/* On a grid every spot can be asked: it is reached by `level` runs just when a corner is nowhere worse. */
Test(pareto_indicator, attainment_meets_its_definition)
{
    enum { RUNS = 5, GRID = 12 };
    size_t run[N], count = 0;
    double out[2 * N];
    for (uint64_t seed = 0; seed < 6; seed++) {
        points_grid(a, N, 2, seed, GRID);
        for (size_t i = 0; i < N; i++) run[i] = i * i % 7 % RUNS; /* of unequal sizes, run 3 has no points */
        for (size_t level = 1; level <= RUNS; level++) {
            cr_assert_eq(pareto_eaf(out, &count, a, run, N, RUNS, level, NULL), OK);
            for (size_t i = 1; i < count; i++)
                cr_assert(out[2 * i] > out[2 * i - 2] && out[2 * i + 1] < out[2 * i - 1], "a staircase");
            for (size_t c = 0; c < GRID * GRID; c++) {
                double x = (double)(c % GRID) / GRID, y = (double)(c / GRID) / GRID;
                bool inside = false;
                for (size_t i = 0; i < count; i++)
                    inside = inside || (out[2 * i] <= x && out[2 * i + 1] <= y);
                cr_assert_eq(inside, runs_reaching(x, y, run, RUNS) >= level, "level %zu at %g, %g", level, x,
                             y);
            }
        }
        cr_assert_eq(count, 0u, "run 3 is empty, so no spot is reached by all");
    }
}

Test(pareto_indicator, attainment_of_one_run_is_its_front)
{
    size_t run[N] = {0}, count = 0, at = 0;
    bool flag[N];
    double out[2 * N];
    points_grid(a, N, 2, 3, 1e6);
    cr_assert_eq(pareto_eaf(out, &count, a, run, N, 1, 1, NULL), OK);
    cr_assert_eq(pareto_front(flag, a, N, 2, PARETO_FIRST, NULL), OK);
    for (size_t i = 0; i < N; i++) {
        bool corner = false;
        for (size_t k = 0; k < count; k++)
            corner = corner || (out[2 * k] == a[2 * i] && out[2 * k + 1] == a[2 * i + 1]);
        cr_assert_eq(corner, flag[i], "point %zu", i);
        at += flag[i];
    }
    cr_assert_eq(at, count);
}

Test(pareto_indicator, attainment_refusals)
{
    size_t run[2] = {0, 2}, count = 7;
    double out[4] = {7, 7, 7, 7};
    Err e = {0};
    cr_assert_eq(pareto_eaf(out, &count, a, run, 2, 2, 0, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "level = 0, want 1 to 2 runs");
    cr_assert_eq(pareto_eaf(out, &count, a, run, 2, 2, 3, NULL), ERR_ARG);
    e = (Err){0};
    cr_assert_eq(pareto_eaf(out, &count, a, run, 2, 2, 1, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "run of point 1 = 2, want below 2");
    cr_assert(count == 7 && out[0] == 7);
    cr_assert_eq(pareto_eaf(out, &count, NULL, NULL, 0, 1, 1, NULL), OK);
    cr_assert_eq(count, 0u);
}
