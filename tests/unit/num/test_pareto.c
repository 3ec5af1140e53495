#include "prime/pareto.h"
#include "prime/rng.h"

#include "ref_csv.h"

enum { PT_MAX = 4096 };
static double pts[PT_MAX], ref_point[16], want[PT_MAX];

/* Numbers of a cell, separated by spaces or semicolons. */
static size_t cell_numbers(double *out, const char *text)
{
    size_t n = 0;
    for (char *end; *text != '\0'; text = end) {
        text += strspn(text, " ;");
        out[n] = strtod(text, &end);
        if (end == text) break;
        n++;
    }
    return n;
}

Test(pareto, meets_the_reference)
{
    Ref r = ref_open("num/hypervolume.csv");
    size_t seen[4] = {0};
    for (size_t i = 0; i < r.rows; i++) {
        size_t m = (size_t)ref_num(&r, i, "m"), n = cell_numbers(pts, ref_str(&r, i, "points")) / m;
        size_t n_want = cell_numbers(want, ref_str(&r, i, "expected")), rank[64], work[64];
        bool flag[64];
        double hv, contrib[64], flips[8];
        cr_assert_leq(n, 64u);
        cell_numbers(ref_point, ref_str(&r, i, "ref"));
        size_t n_flip = cell_numbers(flips, ref_str(&r, i, "flip"));
        for (size_t k = 0; k < n_flip; k++) pareto_flip(pts, ref_point, n, m, (size_t)flips[k]);
        const char *kind = ref_str(&r, i, "kind");
        cr_assert_eq(n_want, strcmp(kind, "hv") == 0 ? 1u : n, "row %zu", i);
        if (strcmp(kind, "hv") == 0) {
            cr_assert_eq(pareto_hv(&hv, pts, n, m, ref_point, NULL), OK);
            REF_NEAR(hv, want[0], 1e-9, "row %zu", i); /* some are printed with ten digits */
            seen[0]++;
        } else if (strcmp(kind, "contrib") == 0) {
            cr_assert_eq(pareto_contrib(contrib, pts, n, m, ref_point, NULL), OK);
            for (size_t k = 0; k < n; k++) REF_NEAR(contrib[k], want[k], 1e-12, "row %zu, point %zu", i, k);
            seen[1]++;
        } else if (strcmp(kind, "rank") == 0) {
            pareto_rank(rank, pts, n, m, work);
            for (size_t k = 0; k < n; k++) cr_assert_eq(rank[k], (size_t)want[k], "row %zu, point %zu", i, k);
            seen[2]++;
        } else {
            pareto_front(flag, pts, n, m);
            for (size_t k = 0; k < n; k++) cr_assert_eq(flag[k], want[k] == 1, "row %zu, point %zu", i, k);
            seen[3]++;
        }
    }
    cr_assert(seen[0] >= 15 && seen[1] >= 8 && seen[2] == 3 && seen[3] == 2);
    ref_close(&r);
}

static void random_points(size_t n, size_t m, uint64_t seed, double grid)
{
    Rng r = rng_stream(seed, "pareto", m);
    for (size_t i = 0; i < n * m; i++) pts[i] = floor(rng_uniform(&r) * grid) / grid;
}

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

Test(pareto, hypervolume_meets_counting_cells)
{
    for (size_t m = 1; m <= 5; m++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            double ones[5] = {1, 1, 1, 1, 1}, hv;
            random_points(12, m, seed, 8);
            cr_assert_eq(pareto_hv(&hv, pts, 12, m, ones, NULL), OK);
            REF_NEAR(hv, lattice_hv(12, m, 8), 1e-12, "%zu objectives, seed %d", m, (int)seed);
        }
}

Test(pareto, hypervolume_ignores_order_and_dominated_points)
{
    for (size_t m = 2; m <= 4; m++) {
        double ones[4] = {1, 1, 1, 1}, hv, again;
        random_points(40, m, 5, 1e6);
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
    }
}

Test(pareto, front_and_ranks_meet_their_definition)
{
    enum { N = 120 };
    bool flag[N];
    size_t rank[N], work[N];
    for (size_t m = 1; m <= 4; m++) {
        random_points(N, m, 2, 6); /* a coarse grid: many ties and duplicates */
        pareto_front(flag, pts, N, m);
        pareto_rank(rank, pts, N, m, work);
        for (size_t i = 0; i < N; i++) {
            size_t above = 0;
            bool beaten = false;
            for (size_t k = 0; k < N; k++) {
                if (!pareto_dominates(&pts[k * m], &pts[i * m], m)) continue;
                beaten = true;
                cr_assert_lt(rank[k], rank[i]);
                if (rank[k] + 1 > above) above = rank[k] + 1;
            }
            cr_assert_eq(flag[i], !beaten);
            cr_assert_eq(rank[i], above, "one more than the deepest point that dominates it");
        }
    }
}

Test(pareto, contributions_are_what_is_lost)
{
    double ones[3] = {1, 1, 1}, all, less, contrib[20];
    random_points(20, 3, 9, 1e6);
    cr_assert_eq(pareto_hv(&all, pts, 20, 3, ones, NULL), OK);
    cr_assert_eq(pareto_contrib(contrib, pts, 20, 3, ones, NULL), OK);
    for (size_t i = 20; i-- > 0;) {
        double last[3];
        memcpy(last, &pts[19 * 3], sizeof last);
        memcpy(&pts[19 * 3], &pts[i * 3], sizeof last);
        memcpy(&pts[i * 3], last, sizeof last);
        cr_assert_eq(pareto_hv(&less, pts, 19, 3, ones, NULL), OK);
        REF_NEAR(contrib[i], all - less, 1e-12, "point %zu", i);
        memcpy(&pts[i * 3], &pts[19 * 3], sizeof last);
        memcpy(&pts[19 * 3], last, sizeof last);
    }
}

Test(pareto, refusals)
{
    double ref7[7] = {1, 1, 1, 1, 1, 1, 1}, hv = 7, inf[2] = {0.5, INFINITY};
    Err e = {0};
    cr_assert_eq(pareto_hv(&hv, pts, 1, 0, ref7, NULL), ERR_SHAPE);
    cr_assert_eq(pareto_hv(&hv, pts, 1, 7, ref7, &e), ERR_UNSUP);
    cr_assert_str_eq(e.msg, "hypervolume of 7 objectives, want at most 6");
    cr_assert_eq(pareto_hv(&hv, inf, 1, 2, ref7, NULL), ERR_NUM);
    ref7[1] = NAN;
    cr_assert_eq(pareto_contrib(&hv, pts, 1, 2, ref7, NULL), ERR_NUM);
    cr_assert_eq(hv, 7);
    ref7[1] = 1;
    cr_assert_eq(pareto_hv(&hv, NULL, 0, 2, ref7, NULL), OK);
    cr_assert_eq(hv, 0);
}
