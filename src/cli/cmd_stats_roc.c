/* cmd_stats_roc.c - the verbs of `prime stats` about one table of scores: roc, permutation; and power. */
#include "cmd_stats_priv.h"

#include "prime/log.h"
#include "prime/power.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static Status stats_roc_load(StatsScores *s, Table *t, const char *path, Arena *a, Err *e)
{
    TRY(table_load(t, a, path, e));
    return stats_scores(s, t, "score", NULL, a, e);
}

/* --- prime stats roc -------------------------------------------------------------------------------------
 */

static Status stats_roc_points(RocPoint **p, size_t *n, const char *path, Arena *a, Err *e)
{
    Table t = {0};
    StatsScores s = {0};
    TRY(stats_roc_load(&s, &t, path, a, e));
    *p = arena_alloc(a, t.n_rows + 1, sizeof **p);
    if (*p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu points", t.n_rows + 1);
    return roc_curve(*p, n, &s.a, e) == OK ? OK : err_prefix(e, "%s", t.name);
}

static int stats_roc_table(const char *path, const void *o, Arena *a)
{
    static const char *const col[] = {"threshold", "fpr", "tpr", "fp", "tp"};
    RocPoint *p = NULL;
    size_t n = 0;
    Err e = {0};
    (void)o;
    if (stats_roc_points(&p, &n, path, a, &e) != OK) return cli_fail(&e);
    TableOut out;
    table_begin(&out, stdout, NULL, col, 5);
    for (size_t i = 0; i < n; i++) {
        table_put_num(&out, p[i].threshold);
        table_put_num(&out, p[i].fpr);
        table_put_num(&out, p[i].tpr);
        table_put_int(&out, (int64_t)p[i].fp);
        table_put_int(&out, (int64_t)p[i].tp);
        table_end_row(&out);
    }
    return EXIT_DONE;
}

int stats_roc_run(const CliVerb *self, int argc, char **argv)
{
    return stats_file_run(self, argc, argv, NULL, 0, NULL, NULL, stats_roc_table);
}

/* --- prime stats permutation -----------------------------------------------------------------------------
 */

typedef struct {
    const char *test;
    size_t reps;
} PermutationOpts;

static Status permutation_whole(RocTest *t, const RocData *d, size_t reps, Err *e)
{
    return roc_permute(t, d, ROC_WHOLE, &(RocPermuteOpts){.reps = reps, .seed = cli_common.seed}, e);
}

static Status permutation_within(RocTest *t, const RocData *d, size_t reps, Err *e)
{
    return roc_permute(t, d, ROC_WITHIN, &(RocPermuteOpts){.reps = reps, .seed = cli_common.seed}, e);
}

static Status permutation_users(RocTest *t, const RocData *d, size_t reps, Err *e)
{
    (void)reps;
    return roc_mann_whitney(t, d, ROC_USERS, false, e);
}

static Status permutation_records(RocTest *t, const RocData *d, size_t reps, Err *e)
{
    (void)reps;
    return roc_mann_whitney(t, d, ROC_RECORDS, false, e);
}

enum { PERMUTE_WHOLE, PERMUTE_WITHIN, PERMUTE_USERS, PERMUTE_RECORDS, N_PERMUTE };
static const struct {
    const char *name, *null;
    Status (*fn)(RocTest *t, const RocData *d, size_t reps, Err *e);
} permutations[N_PERMUTE] = {
    {"whole", "which users are members has nothing to do with their records", permutation_whole},
    {"within", "within each user which records are members has nothing to do with their scores",
     permutation_within},
    {"users", "mean scores of users are alike (Mann-Whitney)", permutation_users},
    {"records", "all records are independent and alike (Mann-Whitney)", permutation_records},
};

/* --test as a row of the table; without it the sides of the users decide, where users are known. */
static int permutation_find(size_t *out, const char *name, bool clustered, size_t n_both)
{
    *out = !clustered ? PERMUTE_RECORDS : n_both > 0 ? PERMUTE_WITHIN : PERMUTE_WHOLE;
    if (name == NULL) return -1;
    for (*out = 0; *out < N_PERMUTE; ++*out)
        if (strcmp(permutations[*out].name, name) == 0) return -1;
    return cli_usage("--test = %s, want whole, within, users or records", name);
}

static void permutation_print(const RocTest *t, const char *name, const char *null)
{
    static const char *const col[] = {"test",         "auc",   "p",     "p_greater",
                                      "p_less",       "p_min", "n_pos", "n_neg",
                                      "arrangements", "exact", "null"};
    const double v[] = {t->auc, t->p, t->p_greater, t->p_less, t->p_min};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 11);
    table_put_str(&out, name);
    for (size_t i = 0; i < 5; i++) table_put_num(&out, v[i]);
    table_put_int(&out, (int64_t)t->m);
    table_put_int(&out, (int64_t)t->n);
    table_put_num(&out, t->draws > 0 ? t->draws : NAN);
    table_put_int(&out, t->exact);
    table_put_str(&out, null);
    table_end_row(&out);
}

static Status permutation_run(RocTest *r, const Table *t, const StatsScores *s, size_t at, size_t reps,
                              Err *e)
{
    if (at != PERMUTE_RECORDS && !s->clustered)
        FAIL(e, ERR_FORMAT, "%s: --test %s wants a column cluster", t->name, permutations[at].name);
    if (permutations[at].fn(r, &s->a, reps, e) != OK) return err_prefix(e, "%s", t->name);
    return OK;
}

static int permutation_table(const char *path, const void *opts, Arena *a)
{
    const PermutationOpts *o = opts;
    Table t = {0};
    StatsScores s = {0};
    RocEst est = {0};
    RocTest r = {0};
    Err e = {0};
    size_t at = 0;
    if (stats_roc_load(&s, &t, path, a, &e) != OK) return cli_fail(&e);
    if (s.clustered && roc_clustered(&est, &s.a, 0.95, &e) != OK) {
        err_prefix(&e, "%s", t.name);
        return cli_fail(&e);
    }
    int code = permutation_find(&at, o->test, s.clustered, est.n_both);
    if (code >= 0) return code;
    if (permutation_run(&r, &t, &s, at, o->reps, &e) != OK) return cli_fail(&e);
    if (at == PERMUTE_RECORDS && s.clustered)
        log_say(LOG_WARN, "--test records takes the records of one user as independent");
    permutation_print(&r, permutations[at].name, permutations[at].null);
    return EXIT_DONE;
}

int stats_permutation_run(const CliVerb *self, int argc, char **argv)
{
    PermutationOpts o = {0};
    const CliOpt opts[] = {
        {"test", 0, OPT_STR, &o.test, "NAME",
         "whole (users change sides with all their records), within (labels change within each user), users "
         "or "
         "records (Mann-Whitney); default: within if a user is on both sides, else whole; records without a "
         "column "
         "cluster",
         0, 0},
        {"reps", 0, OPT_SIZE, &o.reps, "N",
         "arrangements to draw where not all are looked at (default 10000)", 100, 1e9},
    };
    return stats_file_run(self, argc, argv, opts, 2, NULL, &o, permutation_table);
}

/* --- prime stats power -----------------------------------------------------------------------------------
 */

static void power_print(const PowerPlan *p, double power, double auc)
{
    static const char *const col[] = {"users",       "other_users", "records", "other_records", "icc",
                                      "same_people", "level",       "power",   "auc",           "auc_sd"};
    const size_t count[] = {p->users_pos, p->users_neg, p->records_pos, p->records_neg};
    const double v[] = {p->level, power, auc, isnan(auc) ? NAN : power_auc_sd(p, auc)};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 10);
    for (size_t i = 0; i < 4; i++) table_put_int(&out, (int64_t)count[i]);
    table_put_num(&out, p->icc);
    table_put_int(&out, p->same_people);
    for (size_t i = 0; i < 4; i++) table_put_num(&out, v[i]);
    table_end_row(&out);
}

/* With --auc the power of that AUC, else the smallest AUC of that power. */
static int power_compute(PowerPlan *p, double power, double auc)
{
    Err e = {0};
    if (p->users_neg == 0) p->users_neg = p->users_pos;
    if (p->records_neg == 0) p->records_neg = p->records_pos;
    Status st = isnan(auc) ? power_min_auc(&auc, p, power, &e) : power_of_auc(&power, p, auc, &e);
    if (st != OK) return cli_usage("%s", e.msg);
    if (isnan(auc)) log_say(LOG_WARN, "no AUC below 1 is detected with power %g", power);
    power_print(p, power, auc);
    return EXIT_DONE;
}

int stats_power_run(const CliVerb *self, int argc, char **argv)
{
    PowerPlan p = {.level = 0.95};
    double power = NAN, auc = NAN;
    const CliOpt opts[] = {
        {"users", 0, OPT_SIZE, &p.users_pos, "N", "people with members", 2, 1e9},
        {"other-users", 0, OPT_SIZE, &p.users_neg, "N", "people with non-members (default: as many)", 2, 1e9},
        {"records", 0, OPT_SIZE, &p.records_pos, "N", "member records of each", 1, 1e9},
        {"other-records", 0, OPT_SIZE, &p.records_neg, "N", "non-member records of each (default: as many)",
         1, 1e9},
        {"icc", 0, OPT_NUM, &p.icc, "R", "correlation of scores within a person (default 0)", 0, 0},
        {"same-people", 0, OPT_FLAG, &p.same_people, NULL, "members and held-out records of the same people",
         0, 0},
        {"level", 0, OPT_NUM, &p.level, "P", "coverage of the interval (default 0.95)", 0, 0},
        {"power", 0, OPT_NUM, &power, "P", "chance to detect (default 0.8)", 0, 0},
        {"auc", 0, OPT_NUM, &auc, "A", "print the power of this AUC instead", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "stats", opts, 9, argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    if (p.users_pos == 0 || p.records_pos == 0)
        return cli_usage("'prime stats power' wants --users and --records");
    if (!isnan(power) && !isnan(auc)) return cli_usage("--power and --auc: want one of them");
    return power_compute(&p, isnan(power) ? 0.8 : power, auc);
}
