/* cmd_stats.c - `prime stats`: one statistic, one command. Here: the table of verbs; auc, compare, binomial,
 * ratio, adjust. */
#include "cmd_stats_priv.h"

#include "prime/log.h"
#include "prime/ratio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- prime stats auc -------------------------------------------------------------------------------------
 */

typedef struct {
    const char *ci;
    double level, max_fpr; /* max_fpr 0: no partial area */
    size_t reps;
} StatsOpts;

typedef Status (*StatsCi)(RocEst *out, const RocData *d, const StatsOpts *o, Err *e);

static Status stats_delong(RocEst *out, const RocData *d, const StatsOpts *o, Err *e)
{
    return roc_delong(out, d, o->level, e);
}

static Status stats_clustered(RocEst *out, const RocData *d, const StatsOpts *o, Err *e)
{
    return roc_clustered(out, d, o->level, e);
}

static Status stats_bootstrap(RocEst *out, const RocData *d, const StatsOpts *o, Err *e)
{
    return roc_boot(out, d, &(StatsBoot){.reps = o->reps, .level = o->level, .seed = cli_common.seed}, e);
}

static Status stats_bca_auc(RocEst *out, const RocData *d, const StatsOpts *o, Err *e)
{
    return roc_boot(
        out, d, &(StatsBoot){.reps = o->reps, .level = o->level, .seed = cli_common.seed, .kind = STATS_BCA},
        e);
}

static const struct {
    const char *name;
    StatsCi fn;
} intervals[] = {{"delong", stats_delong},
                 {"clustered", stats_clustered},
                 {"bootstrap", stats_bootstrap},
                 {"bca", stats_bca_auc}};
enum { N_INTERVALS = sizeof intervals / sizeof intervals[0] };

/* --ci as a row of the table; without it users decide, where they are known. */
static int stats_ci_find(size_t *out, const char *name, bool clustered)
{
    *out = clustered ? 1 : 0;
    if (name == NULL) return -1;
    for (*out = 0; *out < N_INTERVALS; ++*out)
        if (strcmp(intervals[*out].name, name) == 0) return -1;
    return cli_usage("--ci = %s, want delong, clustered, bootstrap or bca", name);
}

static void stats_warn_few(const RocEst *est, int want)
{
    if (est->gradable) return;
    if (est->n_clusters > 0)
        log_say(LOG_WARN, "%zu users are too few for an interval that keeps its level: want %d on each side",
                est->n_clusters, want);
    else
        log_say(LOG_WARN, "%zu members and %zu non-members are too few for an interval", est->m, est->n);
}

static const double rates[] = {0.01, 0.001};
enum { N_RATES = sizeof rates / sizeof rates[0] };

typedef struct {
    RocEst est;
    RocPoint at[N_RATES];
    double advantage, partial, corrected;
} StatsAuc;

static Status stats_auc_compute(StatsAuc *r, const StatsScores *s, StatsCi ci, const StatsOpts *o, Err *e)
{
    TRY(ci(&r->est, &s->a, o, e));
    for (size_t i = 0; i < N_RATES; i++) TRY(roc_tpr_at(&r->at[i], &s->a, rates[i], o->level, e));
    if (o->max_fpr > 0) TRY(roc_partial(&r->partial, &r->corrected, &s->a, o->max_fpr, e));
    return roc_advantage(&r->advantage, &s->a, e);
}

static void stats_auc_row(TableOut *out, const StatsScores *s, const char *metric, const double v[3],
                          const char *method)
{
    table_put_str(out, metric);
    for (size_t i = 0; i < 3; i++) table_put_num(out, v[i]);
    table_put_str(out, method);
    table_put_int(out, (int64_t)s->a.m);
    table_put_int(out, (int64_t)s->a.n);
    if (s->clustered)
        table_put_int(out, (int64_t)s->n_clusters);
    else
        table_put_empty(out);
    table_end_row(out);
}

static void stats_auc_print(const StatsAuc *r, const StatsScores *s, const char *method, double max_fpr)
{
    static const char *const col[] = {"metric", "value", "lo",    "hi",
                                      "method", "n_pos", "n_neg", "n_clusters"};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 8);
    stats_auc_row(&out, s, "auc", (double[]){r->est.value, r->est.lo, r->est.hi}, method);
    stats_auc_row(&out, s, "auc_se", (double[]){r->est.se, NAN, NAN}, method);
    for (size_t i = 0; i < N_RATES; i++) {
        char metric[40];
        snprintf(metric, sizeof metric, "tpr_at_fpr_%g", rates[i]);
        stats_auc_row(&out, s, metric, (double[]){r->at[i].tpr, r->at[i].lo, r->at[i].hi}, "clopper-pearson");
    }
    stats_auc_row(&out, s, "advantage", (double[]){r->advantage, NAN, NAN}, "maximum");
    if (max_fpr <= 0) return;
    char metric[60];
    snprintf(metric, sizeof metric, "partial_auc_%g", max_fpr);
    stats_auc_row(&out, s, metric, (double[]){r->partial, NAN, NAN}, "trapezia");
    snprintf(metric, sizeof metric, "partial_auc_%g_corrected", max_fpr);
    stats_auc_row(&out, s, metric, (double[]){r->corrected, NAN, NAN}, "mcclish");
}

static int stats_auc_table(const char *path, const void *opts, Arena *a)
{
    const StatsOpts *o = opts;
    Table t = {0};
    StatsScores s = {0};
    StatsAuc r = {0};
    Err e = {0};
    size_t ci = 0;
    if (table_load(&t, a, path, &e) != OK || stats_scores(&s, &t, "score", NULL, a, &e) != OK)
        return cli_fail(&e);
    int code = stats_ci_find(&ci, o->ci, s.clustered);
    if (code >= 0) return code;
    if (ci == 1 && !s.clustered) {
        err_set(&e, ERR_FORMAT, __FILE__, __LINE__, "%s: --ci clustered wants a column cluster", t.name);
        return cli_fail(&e);
    }
    if (stats_auc_compute(&r, &s, intervals[ci].fn, o, &e) != OK) {
        err_prefix(&e, "%s", t.name);
        return cli_fail(&e);
    }
    stats_warn_few(&r.est, ci < 2 ? ROC_MIN_USERS : ROC_MIN_USERS_BOOT);
    stats_auc_print(&r, &s, intervals[ci].name, o->max_fpr);
    return EXIT_DONE;
}

/* --- prime stats compare ---------------------------------------------------------------------------------
 */

static void stats_compare_print(const RocEst *r)
{
    static const char *const col[] = {"metric", "value", "lo", "hi", "p"};
    static const char *const name[] = {"auc_a", "auc_b", "difference"};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 5);
    for (size_t i = 0; i < 3; i++) {
        table_put_str(&out, name[i]);
        table_put_num(&out, r[i].value);
        table_put_num(&out, r[i].lo);
        table_put_num(&out, r[i].hi);
        table_put_num(&out, r[i].p);
        table_end_row(&out);
    }
}

static Status stats_compare_compute(RocEst *r, const char *path, double level, Arena *a, Err *e)
{
    Table t = {0};
    StatsScores s = {0};
    TRY(table_load(&t, a, path, e));
    TRY(stats_scores(&s, &t, "score_a", "score_b", a, e));
    Status (*fn)(RocEst *, const RocData *, double, Err *) = s.clustered ? roc_clustered : roc_delong;
    if (fn(&r[0], &s.a, level, e) != OK || fn(&r[1], &s.b, level, e) != OK ||
        roc_compare(&r[2], &s.a, &s.b, level, e) != OK)
        return err_prefix(e, "%s", t.name);
    return OK;
}

static int stats_compare_table(const char *path, const void *opts, Arena *a)
{
    const StatsOpts *o = opts;
    RocEst r[3] = {0};
    Err e = {0};
    if (stats_compare_compute(r, path, o->level, a, &e) != OK) return cli_fail(&e);
    stats_warn_few(&r[2], ROC_MIN_USERS);
    stats_compare_print(r);
    return EXIT_DONE;
}

int stats_file_run(const CliVerb *self, int argc, char **argv, const CliOpt *opts, size_t n_opts,
                   const double *level, void *o, int (*run)(const char *path, const void *o, Arena *a))
{
    CliList pos = {0};
    Arena a = {0};
    int code = cli_args(self, "stats", opts, n_opts, argc, argv, &pos, 1, 1);
    if (code < 0 && level != NULL && !(*level > 0 && *level < 1))
        code = cli_usage("--level = %g, want (0, 1)", *level);
    if (code < 0) code = run(pos.item[0], o, &a);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}

static int stats_auc_run(const CliVerb *self, int argc, char **argv)
{
    StatsOpts o = {.level = 0.95};
    const CliOpt opts[] = {
        {"ci", 0, OPT_STR, &o.ci, "METHOD",
         "delong, clustered, bootstrap (percentile) or bca (default: clustered if there is a column cluster, "
         "else "
         "delong)",
         0, 0},
        {"level", 0, OPT_NUM, &o.level, "P", "coverage of the intervals (default 0.95)", 0, 0},
        {"max-fpr", 0, OPT_NUM, &o.max_fpr, "F",
         "also the area for false-positive rates up to F, plain and corrected", 1e-9, 1},
        {"reps", 0, OPT_SIZE, &o.reps, "N", "replicates of bootstrap and bca (default 2000)", 10, 1e7},
    };
    return stats_file_run(self, argc, argv, opts, 4, &o.level, &o, stats_auc_table);
}

static int stats_compare_run(const CliVerb *self, int argc, char **argv)
{
    StatsOpts o = {.level = 0.95};
    const CliOpt opts[] = {
        {"level", 0, OPT_NUM, &o.level, "P", "coverage of the intervals (default 0.95)", 0, 0}};
    return stats_file_run(self, argc, argv, opts, 1, &o.level, &o, stats_compare_table);
}

/* --- prime stats binomial --------------------------------------------------------------------------------
 */

/* null: the rate to test against, NaN for none */
static int stats_binomial_print(size_t k, size_t n, double alpha, double null)
{
    static const char *const col[] = {"k",    "n", "alpha",     "lower", "upper", "upper_one_sided",
                                      "null", "p", "p_greater", "p_less"};
    double lo, hi;
    stats_clopper_pearson(&lo, &hi, k, n, 1 - alpha);
    TableOut out;
    table_begin(&out, stdout, NULL, col, isnan(null) ? 6 : 10);
    table_put_int(&out, (int64_t)k);
    table_put_int(&out, (int64_t)n);
    table_put_num(&out, alpha);
    table_put_num(&out, lo);
    table_put_num(&out, hi);
    table_put_num(&out, stats_binom_upper(k, n, alpha));
    if (!isnan(null)) {
        StatsBinomTest t = stats_binom_test(k, n, null);
        const double v[] = {null, t.p, t.p_greater, t.p_less};
        for (size_t i = 0; i < 4; i++) table_put_num(&out, v[i]);
    }
    table_end_row(&out);
    return EXIT_DONE;
}

static int stats_binomial_run(const CliVerb *self, int argc, char **argv)
{
    const size_t none = SIZE_MAX;
    size_t k = none, n = none;
    double alpha = 0.05, null = NAN;
    const CliOpt opts[] = {
        {"k", 'k', OPT_SIZE, &k, "K", "successes", 0, 1e15},
        {"n", 'n', OPT_SIZE, &n, "N", "trials", 1, 1e15},
        {"alpha", 0, OPT_NUM, &alpha, "A", "error of the interval, and of the one-sided bound (default 0.05)",
         0, 0},
        {"null", 0, OPT_NUM, &null, "P",
         "also the exact test of the rate against P: columns null,p,p_greater,p_less", 0, 1},
    };
    CliList pos = {0};
    int code = cli_args(self, "stats", opts, 4, argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    if (k == none || n == none) return cli_usage("'prime stats binomial' wants --k and --n");
    if (k > n) return cli_usage("--k = %zu, want 0 to n = %zu", k, n);
    if (!(alpha > 0 && alpha < 1)) return cli_usage("--alpha = %g, want (0, 1)", alpha);
    return stats_binomial_print(k, n, alpha, null);
}

/* --- prime stats ratio -----------------------------------------------------------------------------------
 */

static void stats_ratio_print(const size_t *count, const double *lower)
{
    static const char *const col[] = {"method", "ratio", "lower", "log_lower"};
    double ratio = (double)count[0] / (double)count[1] / ((double)count[2] / (double)count[3]);
    TableOut out;
    table_begin(&out, stdout, NULL, col, 4);
    for (size_t i = 0; ratio_bound_at(i) != NULL; i++) {
        const double v[] = {ratio, lower[i], log(lower[i])};
        table_put_str(&out, ratio_bound_at(i)->name);
        for (size_t j = 0; j < 3; j++) table_put_num(&out, v[j]);
        table_end_row(&out);
    }
}

/* count: tp, n_pos, fp, n_neg */
static int stats_ratio_compute(const size_t *count, double alpha)
{
    Arena a = {0};
    Err e = {0};
    Status st = OK;
    size_t n = 0;
    while (ratio_bound_at(n) != NULL) n++;
    double *lower = arena_alloc(&a, n, sizeof *lower);
    if (lower == NULL) st = err_set(&e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu bounds", n);
    for (size_t i = 0; st == OK && i < n; i++)
        st = ratio_lower(&lower[i], ratio_bound_at(i)->name, count[0], count[1], count[2], count[3], alpha,
                         &e);
    if (st == OK) stats_ratio_print(count, lower);
    arena_free(&a);
    return st == OK ? EXIT_DONE : st == ERR_ARG ? cli_usage("%s", e.msg) : cli_fail(&e);
}

static int stats_ratio_run(const CliVerb *self, int argc, char **argv)
{
    const size_t none = SIZE_MAX;
    size_t count[4] = {none, none, none, none};
    double alpha = 0.05;
    const CliOpt opts[] = {
        {"tp", 0, OPT_SIZE, &count[0], "K", "members that are called members", 0, 1e15},
        {"n-pos", 0, OPT_SIZE, &count[1], "N", "members", 1, 1e15},
        {"fp", 0, OPT_SIZE, &count[2], "K", "non-members that are called members", 0, 1e15},
        {"n-neg", 0, OPT_SIZE, &count[3], "N", "non-members", 1, 1e15},
        {"alpha", 0, OPT_NUM, &alpha, "A", "error of the one-sided bound (default 0.05)", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "stats", opts, 5, argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    for (size_t i = 0; i < 4; i++)
        if (count[i] == none) return cli_usage("'prime stats ratio' wants --%s", opts[i].name);
    return stats_ratio_compute(count, alpha);
}

/* --- prime stats adjust ----------------------------------------------------------------------------------
 */

static Status stats_adjust_table(const char *path, const char *method, Arena *a, Err *e)
{
    Table t = {0};
    size_t col = 0;
    double *p = NULL;
    TRY(table_load(&t, a, path, e));
    TRY(table_need(&col, &t, "p", e));
    TRY(table_nums(&p, &t, col, a, e));
    for (size_t i = 0; i < t.n_rows; i++)
        if (!(p[i] >= 0 && p[i] <= 1))
            FAIL(e, ERR_FORMAT, "%s:%zu: p = %g, want [0, 1]", t.name, t.line[i], p[i]);
    double *adjusted = arena_alloc(a, t.n_rows, sizeof *adjusted);
    if (adjusted == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t.n_rows);
    TRY(stats_adjust(adjusted, p, t.n_rows, method, e));
    TableOut out;
    table_begin(&out, stdout, NULL, (const char *const[]){"p", "adjusted"}, 2);
    for (size_t i = 0; i < t.n_rows; i++) {
        table_put_num(&out, p[i]);
        table_put_num(&out, adjusted[i]);
        table_end_row(&out);
    }
    return OK;
}

static int stats_adjust_check(const char *method)
{
    static const char *const want = "bonferroni, holm, hochberg, hommel, bh or by";
    if (method == NULL) return cli_usage("'prime stats adjust' wants --method: %s", want);
    for (size_t i = 0; stats_adjust_at(i) != NULL; i++)
        if (strcmp(stats_adjust_at(i)->name, method) == 0) return -1;
    return cli_usage("--method = %s, want %s", method, want);
}

static int stats_adjust_run(const CliVerb *self, int argc, char **argv)
{
    const char *method = NULL;
    const CliOpt opts[] = {
        {"method", 0, OPT_STR, &method, "NAME", "bonferroni, holm, hochberg, hommel, bh or by", 0, 0}};
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    int code = cli_args(self, "stats", opts, 1, argc, argv, &pos, 1, 1);
    if (code < 0) code = stats_adjust_check(method);
    if (code < 0) code = stats_adjust_table(pos.item[0], method, &a, &e) == OK ? EXIT_DONE : cli_fail(&e);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {
    {"auc", "SCORES.csv", "label,score[,cluster] -> AUC with interval, TPR at fixed FPR, advantage",
     stats_auc_run},
    {"roc", "SCORES.csv", "label,score -> every operating point: threshold,fpr,tpr,fp,tp", stats_roc_run},
    {"compare", "SCORES.csv", "label,score_a,score_b[,cluster] -> paired difference of two AUCs",
     stats_compare_run},
    {"permutation", "SCORES.csv", "label,score[,cluster] -> test of no leak, users kept together",
     stats_permutation_run},
    {"power", "", "the smallest AUC that given users and records can show", stats_power_run},
    {"paired", "VALUES.csv", "user,a,b or user,method,value -> two methods over the same users",
     stats_paired_run},
    {"friedman", "VALUES.csv",
     "user,method,value -> several methods over the same users, and which pairs differ", stats_friedman_run},
    {"trend", "VALUES.csv", "user,lambda,value -> isotonic fit and tests of a steady trend", stats_trend_run},
    {"equivalence", "VALUES.csv", "user,a,b or user,method,value -> no worse than, by a margin",
     stats_equivalence_run},
    {"binomial", "", "exact interval of a rate (Clopper-Pearson)", stats_binomial_run},
    {"ratio", "", "lower bounds of TPR / FPR at one threshold fixed beforehand", stats_ratio_run},
    {"adjust", "P.csv", "p -> p-values adjusted for multiple testing", stats_adjust_run},
    {0},
};
const CliNoun cli_stats = {"stats", "intervals, tests, comparisons, power, multiple testing", verbs};
