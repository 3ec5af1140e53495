#include "prime/pareto.h"

#include "pareto_points.h"
#include "ref_csv.h"

enum { PT_MAX = 8192, DIM_MAX = 8 };
static double pts[PT_MAX], contrib[PT_MAX];
static const double ones[DIM_MAX] = {1, 1, 1, 1, 1, 1, 1, 1};

/* Share of a lattice of cell centres that some point dominates: exact when all values lie on the lattice. */
static double lattice_hv(size_t n, size_t m, size_t grid)
{
    size_t cells = 1, hit = 0;
    for (size_t j = 0; j < m; j++) cells *= grid;
    for (size_t c = 0; c < cells; c++) {
        bool covered = false;
        for (size_t i = 0; i < n && !covered; i++) {
            covered = true;
            for (size_t j = 0, rest = c; j < m; j++, rest /= grid)
                covered = covered && pts[i * m + j] < ((double)(rest % grid) + 0.5) / (double)grid;
        }
        hit += covered;
    }
    return (double)hit / (double)cells;
}

/* Inclusion and exclusion over all subsets: boxes of joins, with signs. */
static double subsets_hv(const double *p, size_t n, size_t m, const double *ref)
{
    double sum = 0;
    for (size_t set = 1; set < (size_t)1 << n; set++) {
        double box = -1;
        for (size_t i = 0; i < n; i++) box = (set >> i & 1) != 0 ? -box : box;
        for (size_t j = 0; j < m; j++) {
            double most = -INFINITY;
            for (size_t i = 0; i < n; i++)
                if ((set >> i & 1) != 0) most = fmax(most, p[i * m + j]);
            box *= fmax(0, ref[j] - most);
        }
        sum += box;
    }
    return sum;
}

Test(pareto_hv, meets_counting_cells)
{
    for (size_t m = 1; m <= 6; m++)
        for (uint64_t seed = 0; seed < 6; seed++) {
            double hv = NAN;
            points_grid(pts, 12, m, seed, m < 6 ? 8 : 4);
            cr_assert_eq(pareto_hv(&hv, pts, 12, m, ones, NULL), OK);
            REF_NEAR(hv, lattice_hv(12, m, m < 6 ? 8 : 4), 1e-12, "%zu objectives, seed %d", m, (int)seed);
        }
}

Test(pareto_hv, meets_inclusion_and_exclusion)
{
    double ref[DIM_MAX] = {1, 0.7, 1.5, 1, 0.9, 1, 2, 1}; /* some points lie beyond it */
    for (size_t m = 1; m <= DIM_MAX; m++)
        for (uint64_t seed = 0; seed < 10; seed++) {
            double hv = NAN;
            points_grid(pts, 9, m, seed, seed % 2 == 0 ? 5 : 1e6);
            cr_assert_eq(pareto_hv(&hv, pts, 9, m, ref, NULL), OK);
            REF_NEAR(hv, subsets_hv(pts, 9, m, ref), 1e-12, "%zu objectives, seed %d", m, (int)seed);
        }
}

/* Slabs between neighbouring third objectives, each an area of its own. */
Test(pareto_hv, three_objectives_meet_slabs_of_two)
{
    enum { SLABS = 300 };
    double plane[2 * SLABS], sum = 0, hv = NAN, area = NAN;
    points_sphere(pts, SLABS, 3, 4);
    for (size_t i = 0; i < SLABS; i++) {
        double z = pts[3 * i + 2], top = 1;
        size_t n = 0;
        for (size_t k = 0; k < SLABS; k++) {
            if (pts[3 * k + 2] > z) top = fmin(top, pts[3 * k + 2]);
            if (pts[3 * k + 2] <= z) memcpy(&plane[2 * n++], &pts[3 * k], 2 * sizeof *plane);
        }
        cr_assert_eq(pareto_hv(&area, plane, n, 2, ones, NULL), OK);
        sum += area * (top - z);
    }
    cr_assert_eq(pareto_hv(&hv, pts, SLABS, 3, ones, NULL), OK);
    REF_NEAR(hv, sum, 1e-12, "slabs");
}

Test(pareto_hv, grows_to_the_ball)
{
    /* Points on the sphere around the reference: all volume but the part of a ball beyond them. */
    double hv = NAN, last = 0;
    for (size_t n = 100; n <= 2700; n += 1300) {
        points_sphere(pts, n, 3, 1);
        cr_assert_eq(pareto_hv(&hv, pts, n, 3, ones, NULL), OK);
        cr_assert(hv > last && hv < acos(-1) / 6, "an eighth of the ball bounds it: %g", hv);
        last = hv;
    }
    cr_assert_gt(last, 0.95 * acos(-1) / 6);
}

Test(pareto_hv, ignores_order_and_dominated_points)
{
    for (size_t m = 1; m <= 6; m++) {
        double hv = NAN, again = NAN, more = NAN;
        points_grid(pts, 40, m, 5, 1e6);
        cr_assert_eq(pareto_hv(&hv, pts, 40, m, ones, NULL), OK);
        for (size_t i = 0; i < 20; i++)
            for (size_t j = 0; j < m; j++) {
                double t = pts[i * m + j];
                pts[i * m + j] = pts[(39 - i) * m + j];
                pts[(39 - i) * m + j] = t;
            }
        for (size_t j = 0; j < m; j++) pts[40 * m + j] = fmin(0.999, pts[3 * m + j] + 0.01);
        for (size_t j = 0; j < m; j++) pts[41 * m + j] = pts[7 * m + j];
        cr_assert_eq(pareto_hv(&again, pts, 42, m, ones, NULL), OK);
        REF_NEAR(again, hv, 1e-12, "%zu objectives", m);
        for (size_t j = 0; j < m; j++) pts[42 * m + j] = 0.3; /* what is new is never less */
        cr_assert_eq(pareto_hv(&more, pts, 43, m, ones, NULL), OK);
        cr_assert_geq(more, again * (1 - 1e-14));
        for (size_t j = 0; j < m; j++) pts[43 * m + j] = -0.1; /* dominates all */
        cr_assert_eq(pareto_hv(&more, pts, 44, m, ones, NULL), OK);
        REF_NEAR(more, pow(1.1, (double)m), 1e-12, "%zu objectives", m);
    }
}

Test(pareto_hv, points_on_and_beyond_the_reference_add_nothing)
{
    for (size_t m = 1; m <= 5; m++) {
        double hv = NAN, less = NAN;
        points_grid(pts, 10, m, 8, 1e6);
        cr_assert_eq(pareto_hv(&less, pts, 10, m, ones, NULL), OK);
        for (size_t j = 0; j < m; j++) {
            pts[10 * m + j] = j == 0 ? 1 : -1; /* on it */
            pts[11 * m + j] = j + 1 == m ? 2 : -1;
        }
        cr_assert_eq(pareto_hv(&hv, pts, 12, m, ones, NULL), OK);
        cr_assert_eq(hv, less, "%zu objectives", m);
        cr_assert_eq(pareto_contrib(contrib, pts, 12, m, ones, NULL), OK);
        cr_assert(contrib[10] == 0 && contrib[11] == 0);
    }
}

Test(pareto_hv, none_and_one)
{
    double one[5] = {0.5, 0.25, 0.5, 0.75, 0}, hv = 7, box = 1;
    for (size_t m = 1; m <= 5; m++) {
        box *= 1 - one[m - 1];
        cr_assert_eq(pareto_hv(&hv, NULL, 0, m, ones, NULL), OK);
        cr_assert_eq(hv, 0);
        cr_assert_eq(pareto_contrib(NULL, NULL, 0, m, ones, NULL), OK);
        cr_assert_eq(pareto_hv(&hv, one, 1, m, ones, NULL), OK);
        REF_NEAR(hv, box, 1e-15, "%zu objectives", m);
        cr_assert_eq(pareto_contrib(contrib, one, 1, m, ones, NULL), OK);
        REF_NEAR(contrib[0], box, 1e-15, "%zu objectives", m);
        cr_assert_eq(pareto_contrib_front(contrib, one, 1, m, ones, NULL), OK);
        REF_NEAR(contrib[0], box, 1e-15, "%zu objectives", m);
    }
}

/* The definition: the volume with and without it. Grids bring ties in single objectives and duplicates, and
 * most points are dominated. */
static void contrib_is_what_is_lost(size_t n, size_t m, uint64_t seed)
{
    double all = NAN, less = NAN, last[DIM_MAX];
    cr_assert_eq(pareto_hv(&all, pts, n, m, ones, NULL), OK);
    cr_assert_eq(pareto_contrib(contrib, pts, n, m, ones, NULL), OK);
    for (size_t i = n; i-- > 0;) {
        memcpy(last, &pts[(n - 1) * m], m * sizeof *last);
        memcpy(&pts[(n - 1) * m], &pts[i * m], m * sizeof *last);
        memcpy(&pts[i * m], last, m * sizeof *last);
        cr_assert_eq(pareto_hv(&less, pts, n - 1, m, ones, NULL), OK);
        REF_NEAR(contrib[i], all - less, 1e-12, "%zu objectives, seed %d, point %zu", m, (int)seed, i);
        memcpy(&pts[i * m], &pts[(n - 1) * m], m * sizeof *last);
        memcpy(&pts[(n - 1) * m], last, m * sizeof *last);
    }
}

Test(pareto_hv, contributions_are_what_is_lost)
{
    for (size_t m = 1; m <= 5; m++)
        for (uint64_t seed = 0; seed < 30; seed++) {
            size_t n = m <= 3 ? 10 + 2 * seed : 16;
            if (seed % 3 == 2)
                points_sphere(pts, n, m, seed);
            else
                points_grid(pts, n, m, seed, seed % 3 == 0 ? 5 : 1e6);
            contrib_is_what_is_lost(n, m, seed);
        }
}

Test(pareto_hv, contributions_in_the_plane_and_their_sums)
{
    /* Without dominated points: rectangles between neighbours. All of them and what two neighbours share make
     * up the whole: the volume is the sum over the front of strips. */
    enum { F = 50 };
    double sum = 0, shared = 0, hv = NAN;
    points_sphere(pts, F, 2, 2);
    cr_assert_eq(pareto_contrib(contrib, pts, F, 2, ones, NULL), OK);
    for (size_t i = 0; i < F; i++) {
        double right = 1, up = 1;
        for (size_t k = 0; k < F; k++) {
            if (pts[2 * k] > pts[2 * i]) right = fmin(right, pts[2 * k]);
            if (pts[2 * k] < pts[2 * i]) up = fmin(up, pts[2 * k + 1]);
        }
        REF_NEAR(contrib[i] * 1e3, (right - pts[2 * i]) * (up - pts[2 * i + 1]) * 1e3, 1e-12, "point %zu", i);
        sum += contrib[i];
        shared += (right - pts[2 * i]) * (1 - up);
    }
    cr_assert_eq(pareto_hv(&hv, pts, F, 2, ones, NULL), OK);
    REF_NEAR(sum + shared, hv, 1e-12, "all of it");
}

Test(pareto_hv, contributions_keep_their_digits_far_from_the_reference)
{
    /* An area of 1e12 beside a contribution of 2, in the plane beside one of 2.5e-17. */
    double far[9] = {0, 2, 0, 0.01, 0.01, 0.5, 2, 0, 0}, ref[3] = {1e6, 1e6, 1};
    cr_assert_eq(pareto_contrib(contrib, far, 3, 3, ref, NULL), OK);
    REF_NEAR(contrib[1], 1.99 * 1.99 * 0.5, 1e-14, "the one in the middle");
    double plane[6] = {0, 1e-8, 5e-9, 5e-9, 1e-8, 0};
    cr_assert_eq(pareto_contrib(contrib, plane, 3, 2, ref, NULL), OK);
    REF_NEAR(contrib[1] * 1e17, 2.5, 1e-12, "the one in the middle");
}

Test(pareto_hv, contributions_of_the_front_alone)
{
    bool flag[40];
    double own[40], alone[40], front[40 * 4];
    for (size_t m = 1; m <= 4; m++) {
        points_grid(pts, 40, m, 6, 7);
        cr_assert_eq(pareto_front(flag, pts, 40, m, PARETO_ALL, NULL), OK);
        size_t n = 0, at = 0;
        for (size_t i = 0; i < 40; i++)
            if (flag[i]) memcpy(&front[n++ * m], &pts[i * m], m * sizeof *front);
        cr_assert_eq(pareto_contrib_front(own, pts, 40, m, ones, NULL), OK);
        cr_assert_eq(pareto_contrib(alone, front, n, m, ones, NULL), OK);
        for (size_t i = 0; i < 40; i++)
            REF_NEAR(own[i], flag[i] ? alone[at++] : 0, 1e-15, "%zu objectives, point %zu", m, i);
    }
}

Test(pareto_hv, many_points_behind_one)
{
    /* Quadratic work would be seen: 4000 points of a front lie behind one better point. */
    points_sphere(pts, 4000, 2, 3);
    pts[0] = pts[1] = -1;
    cr_assert_eq(pareto_contrib(contrib, pts, 4000, 2, ones, NULL), OK);
    double hv = NAN;
    cr_assert_eq(pareto_hv(&hv, pts + 2, 3999, 2, ones, NULL), OK);
    REF_NEAR(contrib[0], 4 - hv, 1e-12, "all but what the others reach");
    for (size_t i = 1; i < 4000; i++) cr_assert_eq(contrib[i], 0);
}

Test(pareto_hv, many_objectives)
{
    enum { D = PARETO_MAX_HV_DIM };
    double ref[D], two[2 * D], hv = NAN;
    for (size_t j = 0; j < D; j++) {
        ref[j] = 1;
        two[j] = j == 0 ? 0.5 : 0;
        two[D + j] = j == 1 ? 0.5 : 0;
    }
    cr_assert_eq(pareto_hv(&hv, two, 2, D, ref, NULL), OK);
    REF_NEAR(hv, 0.75, 1e-15, "two halves that share a quarter");
    cr_assert_eq(pareto_contrib(contrib, two, 2, D, ref, NULL), OK);
    REF_NEAR(contrib[0], 0.25, 1e-15, "its own quarter");
}

Test(pareto_hv, refusals)
{
    double ref[PARETO_MAX_HV_DIM + 1] = {1, 1, 1}, hv = 7, inf[2] = {0.5, INFINITY},
                                   big[2] = {-1e200, -1e200};
    Err e = {0};
    cr_assert_eq(pareto_hv(&hv, pts, 1, 0, ref, NULL), ERR_SHAPE);
    cr_assert_eq(pareto_hv(&hv, pts, 1, PARETO_MAX_HV_DIM + 1, ref, &e), ERR_UNSUP);
    cr_assert_str_eq(e.msg, "hypervolume of 32 objectives, want at most 31");
    cr_assert_eq(pareto_contrib(&hv, pts, 1, PARETO_MAX_HV_DIM + 1, ref, NULL), ERR_UNSUP);
    e = (Err){0};
    cr_assert_eq(pareto_hv(&hv, inf, 1, 2, ref, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "objective 1 of point 0 = inf, want a finite number");
    e = (Err){0};
    cr_assert_eq(pareto_hv(&hv, big, 1, 2, ref, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "hypervolume = inf, want a finite number");
    e = (Err){0};
    cr_assert_eq(pareto_contrib(&hv, big, 1, 2, ref, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "contribution of point 0 = inf, want a finite number");
    ref[1] = NAN;
    e = (Err){0};
    cr_assert_eq(pareto_contrib(&hv, pts, 1, 2, ref, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "reference 1 = nan, want a finite number");
    cr_assert_eq(pareto_contrib_front(&hv, pts, 1, 2, ref, NULL), ERR_NUM);
    cr_assert_eq(hv, 7);
}
