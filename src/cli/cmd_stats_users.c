/* cmd_stats_users.c - the verbs of `prime stats` about values of the same users: paired, friedman, trend,
 * equivalence. */
#include "cmd_stats_priv.h"

#include "prime/friedman.h"
#include "prime/paired.h"
#include "prime/trend.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A row of text, text, then numbers; NULL and NaN are empty cells. */
static void users_row(TableOut *out, const char *const *text, size_t n_text, const double *v, size_t n)
{
    for (size_t i = 0; i < n_text; i++) {
        if (text[i] != NULL)
            table_put_str(out, text[i]);
        else
            table_put_empty(out);
    }
    for (size_t i = 0; i < n; i++) table_put_num(out, v[i]);
}

/* --- two methods -----------------------------------------------------------------------------------------
 */

typedef struct {
    const char *a, *b; /* methods, NULL: all pairs */
    double level, margin, alpha;
    size_t reps;
    bool lower_is_better;
} PairOpts;

/* user,a,b where there are these columns, else user,method,value. */
static Status pair_load(StatsUsers *s, Table *t, const char *path, Arena *a, Err *e)
{
    TRY(table_load(t, a, path, e));
    bool ab = table_col(t, "a") != TABLE_NONE && table_col(t, "b") != TABLE_NONE;
    TRY(ab ? stats_users_ab(s, t, a, e) : stats_users(s, t, "method", false, a, e));
    if (s->k < 2) FAIL(e, ERR_FORMAT, "%s: has 1 method, want at least 2", t->name);
    return OK;
}

static Status pair_method(size_t *out, const StatsUsers *s, const char *option, const char *name, Err *e)
{
    for (*out = 0; *out < s->k; ++*out)
        if (strcmp(s->name[*out], name) == 0) return OK;
    FAIL(e, ERR_ARG, "%s = %s, which is none of the %zu methods", option, name, s->k);
}

/* Pairs to compare: pair [2 * *n]. */
static Status pair_choose(size_t **pair, size_t *n, const StatsUsers *s, const PairOpts *o, Arena *a, Err *e)
{
    size_t *p = arena_alloc(a, s->k * (s->k - 1), sizeof *p), k = 0;
    if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for the pairs of %zu methods", s->k);
    if ((o->a == NULL) != (o->b == NULL)) FAIL(e, ERR_ARG, "--a and --b want each other");
    if (o->a != NULL) {
        TRY(pair_method(&p[0], s, "--a", o->a, e));
        TRY(pair_method(&p[1], s, "--b", o->b, e));
        if (p[0] == p[1]) FAIL(e, ERR_ARG, "--a and --b are both %s", o->a);
        k = 2;
    } else {
        for (size_t i = 0; i < s->k; i++)
            for (size_t j = i + 1; j < s->k; j++) p[k++] = i, p[k++] = j;
    }
    *pair = p;
    *n = k / 2;
    return OK;
}

/* Means of several rows miss each other by rounding: what is left of equal ones becomes 0. */
static void pair_differences(double *d, const StatsUsers *s, const size_t *pair, double sign)
{
    for (size_t u = 0; u < s->users; u++) {
        double a = s->x[u * s->k + pair[0]], b = s->x[u * s->k + pair[1]];
        d[u] = fabs(a - b) <= 1e-13 * fmax(fabs(a), fabs(b)) ? 0 : sign * (a - b);
    }
}

enum { PAIR_MEAN, PAIR_RANK, PAIR_WINS, N_PAIR };

typedef struct {
    double value, lo, hi;
    const char *method;
} PairRow;

/* row [N_PAIR] and p [N_PAIR, stride n]: one pair of methods */
static Status pair_compute(PairRow *row, double *p, size_t n, const double *d, size_t users,
                           const PairOpts *o, Err *e)
{
    PairedFlip flip;
    PairedRank rank;
    PairedWins wins;
    TRY(paired_flip(&flip, d, users, o->reps, cli_common.seed, e));
    TRY(paired_wilcoxon(&rank, d, users, false, e));
    TRY(paired_wins(&wins, d, users, o->level, e));
    double half = users < 2 ? NAN
                            : stats_t_q((1 + o->level) / 2, (double)users - 1) * stats_sd(d, users) /
                                  sqrt((double)users);
    row[PAIR_MEAN] =
        (PairRow){flip.mean, flip.mean - half, flip.mean + half,
                  flip.exact ? "t interval; sign flips, exact" : "t interval; sign flips, drawn"};
    row[PAIR_RANK] =
        (PairRow){rank.rank_biserial, NAN, NAN, rank.exact ? "signed ranks, exact" : "signed ranks, normal"};
    row[PAIR_WINS] = (PairRow){wins.rate, wins.lo, wins.hi, "clopper-pearson; sign test"};
    p[PAIR_MEAN * n] = flip.p;
    p[PAIR_RANK * n] = rank.p;
    p[PAIR_WINS * n] = wins.p;
    return OK;
}

static void pair_print(const StatsUsers *s, const size_t *pair, size_t n, const PairRow *row, const double *p,
                       const double *holm)
{
    static const char *const col[] = {"a",  "b",  "metric", "method", "value",
                                      "lo", "hi", "p",      "p_holm", "n_users"};
    static const char *const metric[] = {"mean_difference", "rank_biserial", "win_rate"};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 10);
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < N_PAIR; m++) {
            const PairRow *r = &row[i * N_PAIR + m];
            users_row(&out,
                      (const char *[]){s->name[pair[2 * i]], s->name[pair[2 * i + 1]], metric[m], r->method},
                      4, (double[]){r->value, r->lo, r->hi, p[m * n + i], holm[m * n + i]}, 5);
            table_put_int(&out, (int64_t)s->users);
            table_end_row(&out);
        }
}

static Status pair_run(const char *path, const PairOpts *o, Arena *a, Err *e)
{
    Table t = {0};
    StatsUsers s = {0};
    size_t n = 0, *pair = NULL;
    TRY(pair_load(&s, &t, path, a, e));
    TRY(pair_choose(&pair, &n, &s, o, a, e));
    double *d = arena_alloc(a, s.users, sizeof *d), *p = arena_alloc(a, n, N_PAIR * sizeof *p);
    double *holm = arena_alloc(a, n, N_PAIR * sizeof *holm);
    PairRow *row = arena_alloc(a, n, N_PAIR * sizeof *row);
    if (d == NULL || p == NULL || holm == NULL || row == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu pairs", n);
    for (size_t i = 0; i < n; i++) {
        pair_differences(d, &s, &pair[2 * i], 1);
        TRY(pair_compute(&row[i * N_PAIR], &p[i], n, d, s.users, o, e));
    }
    for (size_t m = 0; m < N_PAIR; m++) TRY(stats_adjust(&holm[m * n], &p[m * n], n, "holm", e));
    pair_print(&s, pair, n, row, p, holm);
    return OK;
}

/* What the caller chose wrongly is a usage error. */
static int users_fail(const Err *e)
{
    return e->code == ERR_ARG ? cli_usage("%s", e->msg) : cli_fail(e);
}

static int pair_table(const char *path, const void *o, Arena *a)
{
    Err e = {0};
    return pair_run(path, o, a, &e) == OK ? EXIT_DONE : users_fail(&e);
}

int stats_paired_run(const CliVerb *self, int argc, char **argv)
{
    PairOpts o = {.level = 0.95};
    const CliOpt opts[] = {
        {"a", 0, OPT_STR, &o.a, "METHOD", "compare this method (default: all pairs, p_holm over the pairs)",
         0, 0},
        {"b", 0, OPT_STR, &o.b, "METHOD", "with this one; values are a minus b", 0, 0},
        {"level", 0, OPT_NUM, &o.level, "P", "coverage of the intervals (default 0.95)", 0, 0},
        {"reps", 0, OPT_SIZE, &o.reps, "N", "sign flips to draw for more than 20 users (default 10000)", 100,
         1e9},
    };
    return stats_file_run(self, argc, argv, opts, 4, &o.level, &o, pair_table);
}

/* --- prime stats equivalence -----------------------------------------------------------------------------
 */

static void equivalence_print(const StatsUsers *s, const size_t *pair, const PairedTost *t)
{
    static const char *const col[] = {"a", "b",  "test", "difference", "lo",     "hi",
                                      "t", "df", "p",    "n_users",    "verdict"};
    static const char *const test[] = {"not worse", "not better", "equivalent"};
    const double stat[] = {t->t_lower, t->t_upper, NAN}, p[] = {t->p_lower, t->p_upper, t->p};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 11);
    for (size_t i = 0; i < 3; i++) {
        users_row(&out, (const char *[]){s->name[pair[0]], s->name[pair[1]], test[i]}, 3,
                  (double[]){t->mean, t->lo, t->hi, stat[i], t->df, p[i]}, 6);
        table_put_int(&out, (int64_t)s->users);
        table_put_str(&out, paired_verdict(t->verdict));
        table_end_row(&out);
    }
}

static Status equivalence_run(const char *path, const PairOpts *o, Arena *a, Err *e)
{
    Table t = {0};
    StatsUsers s = {0};
    PairedTost r;
    size_t n = 0, *pair = NULL;
    TRY(pair_load(&s, &t, path, a, e));
    TRY(pair_choose(&pair, &n, &s, o, a, e));
    if (n > 1) FAIL(e, ERR_ARG, "%zu methods: choose two with --a and --b", s.k);
    double *d = arena_alloc(a, s.users, sizeof *d);
    if (d == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", s.users);
    pair_differences(d, &s, pair, o->lower_is_better ? -1 : 1);
    TRY(paired_tost(&r, d, s.users, o->margin, o->alpha, e));
    equivalence_print(&s, pair, &r);
    return OK;
}

static int equivalence_table(const char *path, const void *opts, Arena *a)
{
    const PairOpts *o = opts;
    Err e = {0};
    if (isnan(o->margin)) return cli_usage("'prime stats equivalence' wants --margin");
    return equivalence_run(path, o, a, &e) == OK ? EXIT_DONE : users_fail(&e);
}

int stats_equivalence_run(const CliVerb *self, int argc, char **argv)
{
    PairOpts o = {.margin = NAN, .alpha = 0.05};
    const CliOpt opts[] = {
        {"margin", 0, OPT_NUM, &o.margin, "M", "the difference that matters, above 0", 0, 0},
        {"alpha", 0, OPT_NUM, &o.alpha, "A", "error of each one-sided test (default 0.05)", 0, 0},
        {"a", 0, OPT_STR, &o.a, "METHOD", "the method in question", 0, 0},
        {"b", 0, OPT_STR, &o.b, "METHOD", "the one that it is held against", 0, 0},
        {"lower-is-better", 0, OPT_FLAG, &o.lower_is_better, NULL, "losses: the difference is b minus a", 0,
         0},
    };
    return stats_file_run(self, argc, argv, opts, 5, NULL, &o, equivalence_table);
}

/* --- prime stats friedman --------------------------------------------------------------------------------
 */

typedef struct {
    const char *posthoc;
    double level;
} FriedmanOpts;

typedef struct {
    StatsUsers s;
    Friedman f;
    double *rank, *stat, *p, *adjusted; /* [k], then [pairs] */
} FriedmanRun;

static void friedman_line(TableOut *out, const char *test, const char *a, const char *b, const double *v)
{
    users_row(out, (const char *[]){test, a, b}, 3, v, 5);
    table_end_row(out);
}

static void friedman_print(const FriedmanRun *r, const FriedmanOpts *o)
{
    static const char *const col[] = {"test", "a", "b", "value", "df", "df2", "p", "p_adjusted"};
    const StatsUsers *s = &r->s;
    TableOut out;
    table_begin(&out, stdout, NULL, col, 8);
    friedman_line(&out, "friedman", NULL, NULL, (double[]){r->f.chi2, r->f.df, NAN, r->f.p, NAN});
    friedman_line(&out, "iman_davenport", NULL, NULL,
                  (double[]){r->f.f, r->f.f_df1, r->f.f_df2, r->f.f_p, NAN});
    for (size_t j = 0; j < s->k; j++)
        friedman_line(&out, "mean_rank", s->name[j], NULL, (double[]){r->rank[j], NAN, NAN, NAN, NAN});
    if (strcmp(o->posthoc, "nemenyi") == 0)
        friedman_line(&out, "critical_difference", NULL, NULL,
                      (double[]){friedman_gap(s->users, s->k, o->level), NAN, NAN, NAN, NAN});
    for (size_t i = 0, at = 0; i < s->k; i++)
        for (size_t j = i + 1; j < s->k; j++, at++)
            friedman_line(&out, o->posthoc, s->name[i], s->name[j],
                          (double[]){r->stat[at], NAN, NAN, r->p[at], r->adjusted[at]});
}

static Status friedman_run(FriedmanRun *r, const char *path, const FriedmanOpts *o, Arena *a, Err *e)
{
    Table t = {0};
    TRY(table_load(&t, a, path, e));
    TRY(stats_users(&r->s, &t, "method", false, a, e));
    size_t k = r->s.k, pairs = k * (k - 1) / 2;
    r->rank = arena_alloc(a, k, sizeof *r->rank);
    r->stat = arena_alloc(a, pairs, sizeof *r->stat);
    r->p = arena_alloc(a, pairs, sizeof *r->p);
    r->adjusted = arena_alloc(a, pairs, sizeof *r->adjusted);
    if (r->rank == NULL || r->stat == NULL || r->p == NULL || r->adjusted == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu methods", k);
    if (friedman_test(&r->f, r->rank, r->s.x, r->s.users, k, e) != OK) return err_prefix(e, "%s", t.name);
    return friedman_posthoc(r->stat, r->p, r->adjusted, r->s.x, r->rank, r->s.users, k, o->posthoc, e);
}

static int friedman_table(const char *path, const void *opts, Arena *a)
{
    const FriedmanOpts *o = opts;
    FriedmanRun r = {0};
    Err e = {0};
    size_t i = 0;
    while (friedman_posthoc_at(i) != NULL && strcmp(friedman_posthoc_at(i)->name, o->posthoc) != 0) i++;
    if (friedman_posthoc_at(i) == NULL)
        return cli_usage("--posthoc = %s, want nemenyi or wilcoxon", o->posthoc);
    if (friedman_run(&r, path, o, a, &e) != OK) return cli_fail(&e);
    friedman_print(&r, o);
    return EXIT_DONE;
}

int stats_friedman_run(const CliVerb *self, int argc, char **argv)
{
    FriedmanOpts o = {.posthoc = "nemenyi", .level = 0.95};
    const CliOpt opts[] = {
        {"posthoc", 0, OPT_STR, &o.posthoc, "NAME",
         "nemenyi (mean ranks) or wilcoxon (signed ranks of each pair, Holm); default nemenyi", 0, 0},
        {"level", 0, OPT_NUM, &o.level, "P", "of Nemenyi's critical difference (default 0.95)", 0, 0},
    };
    return stats_file_run(self, argc, argv, opts, 2, &o.level, &o, friedman_table);
}

/* --- prime stats trend -----------------------------------------------------------------------------------
 */

typedef struct {
    const char *way;
    size_t reps;
} TrendChoice;

static void trend_print(const StatsUsers *s, const Trend *t, const double *mean, const double *fit)
{
    static const char *const col[] = {"metric", "null", "lambda", "value", "p"};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 5);
    for (size_t i = 0; i < 2 * s->k; i++) {
        size_t j = i % s->k;
        users_row(&out, (const char *[]){i < s->k ? "mean" : "isotonic", NULL}, 2,
                  (double[]){s->level[j], i < s->k ? mean[j] : fit[j], NAN}, 3);
        table_end_row(&out);
    }
    users_row(&out, (const char *[]){"share", "each user's values are exchangeable over lambda"}, 2,
              (double[]){NAN, t->share, t->p_share}, 3);
    table_end_row(&out);
    users_row(&out, (const char *[]){"slope", "each user's slope is symmetric about 0"}, 2,
              (double[]){NAN, t->slope, t->p_slope}, 3);
    table_end_row(&out);
}

static Status trend_run_file(const char *path, TrendWay way, size_t reps, Arena *a, Err *e)
{
    Table t = {0};
    StatsUsers s = {0};
    Trend r;
    TRY(table_load(&t, a, path, e));
    TRY(stats_users(&s, &t, "lambda", true, a, e));
    double *mean = arena_alloc(a, s.k, sizeof *mean), *fit = arena_alloc(a, s.k, sizeof *fit);
    if (mean == NULL || fit == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu levels", s.k);
    if (trend_test(&r, mean, fit, s.x, s.users, s.k, way, &(TrendOpts){.reps = reps, .seed = cli_common.seed},
                   e) != OK)
        return err_prefix(e, "%s", t.name);
    trend_print(&s, &r, mean, fit);
    return OK;
}

static int trend_table(const char *path, const void *opts, Arena *a)
{
    const TrendChoice *o = opts;
    Err e = {0};
    bool up = strcmp(o->way, "up") == 0;
    if (!up && strcmp(o->way, "down") != 0) return cli_usage("--way = %s, want up or down", o->way);
    Status st = trend_run_file(path, up ? TREND_UP : TREND_DOWN, o->reps, a, &e);
    return st == OK ? EXIT_DONE : cli_fail(&e);
}

int stats_trend_run(const CliVerb *self, int argc, char **argv)
{
    TrendChoice o = {.way = "down"};
    const CliOpt opts[] = {
        {"way", 0, OPT_STR, &o.way, "up|down", "direction of the trend in question (default down)", 0, 0},
        {"reps", 0, OPT_SIZE, &o.reps, "N", "arrangements to draw (default 10000)", 100, 1e9},
    };
    return stats_file_run(self, argc, argv, opts, 2, NULL, &o, trend_table);
}
