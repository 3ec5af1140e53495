/* Every row of fixtures/ref/num/moo_known_answers.csv, 1e-9 relative (some are printed with ten digits). */
#include "prime/pareto.h"
#include "prime/table.h"

#include "ref_csv.h"

enum { KNOWN_MAX = 256, KNOWN_DIM = 5 };

typedef struct {
    size_t row, m, n, k, n_want, n_runs;
    double pts[KNOWN_MAX], ref[KNOWN_MAX], want[KNOWN_MAX];
    size_t run[KNOWN_MAX];
    const char *text; /* of the expected cell */
} Known;

/* Numbers of a cell between blanks and semicolons; a row of nan ends a run. */
static size_t known_numbers(double *out, size_t *run, size_t *n_runs, const char *text, size_t m)
{
    size_t n = 0, nan_cells = 0;
    for (char *end; *text != '\0'; text = end) {
        text += strspn(text, " ;");
        double x = strtod(text, &end);
        if (end == text) break;
        nan_cells += (isnan(x) != 0);
        if (isnan(x)) continue;
        cr_assert_lt(n, (size_t)KNOWN_MAX);
        if (run != NULL) run[n / m] = nan_cells / m;
        out[n++] = x;
    }
    if (n_runs != NULL) *n_runs = nan_cells / m + 1;
    return n;
}

static void known_each(const double *got, const Known *t, double tol)
{
    cr_assert_eq(t->n_want, t->n, "row %zu", t->row);
    for (size_t i = 0; i < t->n; i++) {
        if (isinf(t->want[i]))
            cr_assert_eq(got[i], t->want[i], "row %zu, point %zu", t->row, i);
        else
            REF_NEAR(got[i], t->want[i], tol, "row %zu, point %zu", t->row, i);
    }
}

static void known_hv(Known *t)
{
    double hv = NAN;
    cr_assert_eq(pareto_hv(&hv, t->pts, t->n, t->m, t->ref, NULL), OK);
    REF_NEAR(hv, t->want[0], 1e-9, "row %zu", t->row);
}

static void known_hv_max_all(Known *t)
{
    for (size_t j = 0; j < t->m; j++) pareto_flip(t->pts, t->ref, t->n, t->m, j);
    known_hv(t);
}

static void known_hv_max_second(Known *t)
{
    pareto_flip(t->pts, t->ref, t->n, t->m, 1);
    known_hv(t);
}

static void known_contrib(Known *t)
{
    double got[KNOWN_MAX];
    cr_assert_eq(pareto_contrib(got, t->pts, t->n, t->m, t->ref, NULL), OK);
    known_each(got, t, 1e-12);
}

/* "pagmo: [7,0]; moocore ignore_dominated=TRUE: [8,0]" */
static void known_contrib_note(Known *t)
{
    const char *other = strchr(t->text + strcspn(t->text, "["), ';');
    cr_assert_not_null(other);
    double got[KNOWN_MAX], want[4];
    cr_assert_eq(sscanf(strchr(t->text, '['), "[%lf,%lf]", &want[0], &want[1]), 2);
    cr_assert_eq(sscanf(strchr(other, '['), "[%lf,%lf]", &want[2], &want[3]), 2);
    cr_assert_eq(pareto_contrib(got, t->pts, t->n, t->m, t->ref, NULL), OK);
    for (size_t i = 0; i < 2; i++) REF_NEAR(got[i], want[i], 1e-12, "all, point %zu", i);
    cr_assert_eq(pareto_contrib_front(got, t->pts, t->n, t->m, t->ref, NULL), OK);
    for (size_t i = 0; i < 2; i++) REF_NEAR(got[i], want[2 + i], 1e-12, "front, point %zu", i);
}

static void known_ranks(Known *t)
{
    size_t rank[KNOWN_MAX];
    double got[KNOWN_MAX];
    cr_assert_eq(pareto_rank(rank, t->pts, t->n, t->m, NULL), OK);
    for (size_t i = 0; i < t->n; i++) got[i] = (double)rank[i];
    known_each(got, t, 0);
}

static void known_crowd(Known *t, ParetoCrowd kind)
{
    double got[KNOWN_MAX];
    cr_assert_eq(pareto_crowding(got, t->pts, t->n, t->m, kind, NULL), OK);
    known_each(got, t, 1e-12);
}

static void known_crowd_sum(Known *t)
{
    known_crowd(t, PARETO_CROWD_SUM);
}

static void known_crowd_mean(Known *t)
{
    known_crowd(t, PARETO_CROWD_MEAN);
}

static void known_front(Known *t)
{
    bool flag[KNOWN_MAX];
    double got[KNOWN_MAX];
    cr_assert_eq(pareto_front(flag, t->pts, t->n, t->m, PARETO_FIRST, NULL), OK);
    for (size_t i = 0; i < t->n; i++) got[i] = flag[i];
    known_each(got, t, 0);
}

static void known_filter(Known *t, size_t flip)
{
    bool flag[KNOWN_MAX];
    size_t kept = 0;
    pareto_flip(t->pts, NULL, t->n, t->m, flip);
    cr_assert_eq(pareto_front(flag, t->pts, t->n, t->m, PARETO_ALL, NULL), OK);
    pareto_flip(t->pts, NULL, t->n, t->m, flip);
    for (size_t i = 0; i < t->n; i++)
        for (size_t j = 0; flag[i] && j < t->m; j++) cr_assert_eq(t->pts[i * t->m + j], t->want[kept++]);
    cr_assert_eq(kept, t->n_want);
}

static void known_filter_first(Known *t)
{
    known_filter(t, 0);
}

static void known_filter_second(Known *t)
{
    known_filter(t, 1);
}

static void known_indicator(Known *t, ParetoIndicator kind)
{
    double got = NAN;
    cr_assert_eq(pareto_indicator(&got, kind, t->pts, t->n, t->ref, t->k, t->m, NULL), OK);
    REF_NEAR(got, t->want[0], 1e-12, "row %zu", t->row);
}

static void known_igd(Known *t)
{
    known_indicator(t, PARETO_IGD);
}

static void known_igd_plus(Known *t)
{
    known_indicator(t, PARETO_IGD_PLUS);
}

static void known_hausdorff(Known *t)
{
    known_indicator(t, PARETO_HAUSDORFF);
}

static void known_eps_add(Known *t)
{
    known_indicator(t, PARETO_EPS_ADD);
}

static void known_max_sets(Known *t)
{
    for (size_t j = 0; j < t->m; j++) {
        pareto_flip(t->pts, NULL, t->n, t->m, j);
        pareto_flip(t->ref, NULL, t->k, t->m, j);
    }
}

static void known_eps_mult_max(Known *t)
{
    known_max_sets(t);
    known_indicator(t, PARETO_EPS_MULT);
}

static void known_r2(Known *t)
{
    double got = NAN;
    cr_assert_eq(pareto_r2(&got, t->pts, t->n, t->m, t->ref, NULL), OK);
    REF_NEAR(got, t->want[0], 1e-12, "row %zu", t->row);
}

static void known_r2_max(Known *t)
{
    known_max_sets(t);
    known_r2(t);
}

static void known_eaf(Known *t, size_t level)
{
    double got[2 * KNOWN_MAX];
    size_t count = 0;
    cr_assert_eq(t->n_runs, 3u);
    cr_assert_eq(pareto_eaf(got, &count, t->pts, t->run, t->n, t->n_runs, level, NULL), OK);
    cr_assert_eq(2 * count, t->n_want);
    for (size_t i = 0; i < t->n_want; i++)
        cr_assert_eq(got[i], t->want[i], "level %zu, number %zu", level, i);
}

static void known_eaf_2(Known *t)
{
    known_eaf(t, 2);
}

static void known_eaf_3(Known *t)
{
    known_eaf(t, 3);
}

/* One row of the file is one of these; `rows` is how many there are. */
static const struct {
    const char *indicator;
    void (*check)(Known *t);
    size_t rows;
} checks[] = {
    {"hv", known_hv, 15},
    {"hv (maximise all)", known_hv_max_all, 1},
    {"hv (max 2nd only)", known_hv_max_second, 1},
    {"hv_contributions (hv(S)-hv(S\\i), dominated points NOT removed first)", known_contrib, 10},
    {"hv_contributions NOTE", known_contrib_note, 1},
    {"nd_sort ranks", known_ranks, 3},
    {"crowding (pagmo)", known_crowd_sum, 2},
    {"crowding (pymoo)", known_crowd_mean, 1},
    {"is_nondominated (first duplicate kept)", known_front, 1},
    {"is_nondominated", known_front, 1},
    {"filter maximise=[T,F]", known_filter_first, 1},
    {"filter maximise=[F,T]", known_filter_second, 1},
    {"igd", known_igd, 1},
    {"igd_plus", known_igd_plus, 2},
    {"avg_hausdorff p=1", known_hausdorff, 1},
    {"epsilon_additive", known_eps_add, 1},
    {"epsilon_mult maximise", known_eps_mult_max, 1},
    {"r2_exact (2D)", known_r2, 4},
    {"r2_exact (2D) maximise", known_r2_max, 1},
    {"EAF level 2 of 3 runs (sets separated by |)", known_eaf_2, 1},
    {"EAF level 3 of 3 runs (sets separated by |)", known_eaf_3, 1},
};
enum { N_CHECKS = sizeof checks / sizeof checks[0] };

static void known_read(Known *t, const Table *file, size_t row)
{
    static const char *const name[] = {"dim", "points", "ref_or_refset", "expected"};
    const char *cell[4];
    for (size_t i = 0; i < 4; i++) {
        size_t col = table_col(file, name[i]);
        cr_assert_neq(col, TABLE_NONE, "no column %s", name[i]);
        cell[i] = table_str(file, row, col);
    }
    t->row = row;
    t->m = strtoul(cell[0], NULL, 10);
    cr_assert(t->m >= 1 && t->m <= KNOWN_DIM);
    t->n = known_numbers(t->pts, t->run, &t->n_runs, cell[1], t->m) / t->m;
    t->k = known_numbers(t->ref, NULL, NULL, cell[2], t->m) / t->m;
    t->n_want = known_numbers(t->want, NULL, NULL, cell[3], t->m);
    t->text = cell[3];
}

Test(pareto_known, every_row)
{
    Arena a = {0};
    Table file = {0};
    Err e = {0};
    char path[600];
    cr_assert_not_null(getenv("PRIME_SOURCE"));
    snprintf(path, sizeof path, "%s/fixtures/ref/num/moo_known_answers.csv", getenv("PRIME_SOURCE"));
    cr_assert_eq(table_load(&file, &a, path, &e), OK, "%s", e.msg);
    size_t seen[N_CHECKS] = {0};
    for (size_t row = 0; row < file.n_rows; row++) {
        Known t = {0};
        known_read(&t, &file, row);
        size_t kind = 0;
        while (kind < N_CHECKS && strcmp(checks[kind].indicator, table_str(&file, row, 0)) != 0) kind++;
        cr_assert_lt(kind, (size_t)N_CHECKS, "row %zu: no check for %s", row, table_str(&file, row, 0));
        checks[kind].check(&t);
        seen[kind]++;
    }
    for (size_t i = 0; i < N_CHECKS; i++) cr_assert_eq(seen[i], checks[i].rows, "%s", checks[i].indicator);
    arena_free(&a);
}
