/* cmd_dp.c - `prime dp`: what noise promises, and what an audit has shown of it. */
#include "cli_priv.h"

#include "prime/dp.h"
#include "prime/dp_audit.h"
#include "prime/log.h"
#include "prime/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* All that the instruments are told comes from flags: what the library refuses as an argument is usage. */
static int dp_fail(const Err *e)
{
    int code = cli_fail(e);
    return e->code == ERR_ARG ? EXIT_USAGE : code;
}

static int dp_args(const CliVerb *self, const CliOpt *opts, size_t n, int argc, char **argv)
{
    CliList pos = {0};
    int code = cli_args(self, "dp", opts, n, argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    return code;
}

/* One row of numbers behind an optional first word; NaN is an empty cell. */
static int dp_print(const char *const *col, size_t n_col, const char *word, const double *value)
{
    TableOut out;
    table_begin(&out, stdout, NULL, col, n_col);
    if (word != NULL) table_put_str(&out, word);
    for (size_t i = 0; i + (word != NULL ? 1 : 0) < n_col; i++) table_put_num(&out, value[i]);
    table_end_row(&out);
    return EXIT_DONE;
}

/* ---- epsilon and sigma ---- */

enum { DP_MAX_STEPS = 1000000000 };

#define OPT_Q(run)                                                                        \
    {                                                                                     \
        "q", 0, OPT_NUM, &(run).q, "Q", "chance of a record to take part in a step", 0, 0 \
    }
#define OPT_SIGMA(run)                                                                                \
    {                                                                                                 \
        "sigma", 0, OPT_NUM, &(run).sigma, "S", "standard deviation of the noise over the clip", 0, 0 \
    }
#define OPT_STEPS(run)                                                           \
    {                                                                            \
        "steps", 0, OPT_SIZE, &(run).steps, "N", "steps in all", 0, DP_MAX_STEPS \
    }
#define OPT_DELTA(run)                                        \
    {                                                         \
        "delta", 0, OPT_NUM, &(run).delta, "D", "delta", 0, 0 \
    }
#define OPT_ACCOUNTANT(name)                                                                                 \
    {                                                                                                        \
        "accountant", 0, OPT_STR, &(name), "NAME", "rdp, prv (tighter) or gdp (no bound); default rdp", 0, 0 \
    }

static const DpRun dp_nothing = {NAN, NAN, SIZE_MAX, NAN};

static void dp_warn(const DpAccountant *a)
{
    if (!a->bound) log_say(LOG_WARN, "%s is the limit of many steps: epsilon can be higher", a->name);
}

static int dp_epsilon_run(const CliVerb *self, int argc, char **argv)
{
    static const char *const col[] = {"accountant", "epsilon", "delta", "order"};
    DpRun run = dp_nothing;
    DpEps got = {0};
    const char *name = "rdp";
    const DpAccountant *a = NULL;
    Err e = {0};
    const CliOpt opts[] = {OPT_Q(run), OPT_SIGMA(run), OPT_STEPS(run), OPT_DELTA(run), OPT_ACCOUNTANT(name)};
    int code = dp_args(self, opts, 5, argc, argv);
    if (code >= 0) return code;
    if (isnan(run.q) || isnan(run.sigma) || run.steps == SIZE_MAX || isnan(run.delta))
        return cli_usage("'prime dp epsilon' wants --q, --sigma, --steps and --delta");
    if (dp_accountant(&a, name, &e) != OK || a->epsilon(&got, &run, &e) != OK) return dp_fail(&e);
    dp_warn(a);
    return dp_print(col, 4, a->name, (double[]){got.epsilon, run.delta, got.order});
}

static int dp_sigma_run(const CliVerb *self, int argc, char **argv)
{
    static const char *const col[] = {"sigma", "epsilon"};
    DpRun run = dp_nothing;
    const char *name = "rdp";
    const DpAccountant *a = NULL;
    double epsilon = NAN, sigma = 0, reached = 0;
    Err e = {0};
    const CliOpt opts[] = {{"epsilon", 0, OPT_NUM, &epsilon, "E", "the most that may be lost", 0, 0},
                           OPT_Q(run),
                           OPT_STEPS(run),
                           OPT_DELTA(run),
                           OPT_ACCOUNTANT(name)};
    int code = dp_args(self, opts, 5, argc, argv);
    if (code >= 0) return code;
    if (isnan(epsilon) || isnan(run.q) || run.steps == SIZE_MAX || isnan(run.delta))
        return cli_usage("'prime dp sigma' wants --epsilon, --delta, --q and --steps");
    if (dp_accountant(&a, name, &e) != OK || dp_sigma(&sigma, &reached, a, &run, epsilon, &e) != OK)
        return dp_fail(&e);
    dp_warn(a);
    return dp_print(col, 2, NULL, (double[]){sigma, reached});
}

static int dp_rdp_run(const CliVerb *self, int argc, char **argv)
{
    static const char *const col[] = {"q", "sigma", "alpha", "rdp"};
    DpRun run = dp_nothing;
    double alpha = NAN, rdp = 0;
    Err e = {0};
    const CliOpt opts[] = {
        OPT_Q(run), OPT_SIGMA(run), {"alpha", 0, OPT_NUM, &alpha, "A", "order, above 1", 0, 0}};
    int code = dp_args(self, opts, 3, argc, argv);
    if (code >= 0) return code;
    if (isnan(run.q) || isnan(run.sigma) || isnan(alpha))
        return cli_usage("'prime dp rdp' wants --q, --sigma and --alpha");
    if (dp_rdp_step(&rdp, run.q, run.sigma, alpha, &e) != OK) return dp_fail(&e);
    return dp_print(col, 4, NULL, (double[]){run.q, run.sigma, alpha, rdp});
}

static int dp_gaussian_run(const CliVerb *self, int argc, char **argv)
{
    static const char *const col[] = {"epsilon"};
    DpRun run = dp_nothing;
    double sensitivity = 1, epsilon = 0;
    Err e = {0};
    const CliOpt opts[] = {
        {"sigma", 0, OPT_NUM, &run.sigma, "S", "standard deviation of the noise", 0, 0},
        OPT_DELTA(run),
        {"sensitivity", 0, OPT_NUM, &sensitivity, "C", "how far one record can move the sum (1)", 0, 0}};
    int code = dp_args(self, opts, 3, argc, argv);
    if (code >= 0) return code;
    if (isnan(run.sigma) || isnan(run.delta))
        return cli_usage("'prime dp gaussian' wants --sigma and --delta");
    if (!(run.sigma > 0)) return cli_usage("--sigma = %g, want > 0", run.sigma);
    if (!(sensitivity > 0)) return cli_usage("--sensitivity = %g, want > 0", sensitivity);
    if (dp_gauss_epsilon(&epsilon, sensitivity / run.sigma, run.delta, &e) != OK) return dp_fail(&e);
    return dp_print(col, 1, NULL, &epsilon);
}

/* ---- audit ---- */

/* Flags of both kinds of audit; SIZE_MAX and NaN where nothing was given. */
typedef struct {
    size_t m, guesses, correct, tp, fn, fp, tn, thresholds;
    double delta, p, alpha;
    const char *method;
} DpAuditFlags;

static int audit_one_run(const DpAuditFlags *f)
{
    static const char *const col[] = {"method", "epsilon_lower", "p"};
    const char *method = f->method != NULL ? f->method : "one-run";
    bool fdp = strcmp(method, "one-run-fdp") == 0;
    DpOneRun a = {f->m, f->guesses, f->correct, f->delta, isnan(f->p) ? 0.05 : f->p};
    double epsilon = 0;
    Err e = {0};
    if (!fdp && strcmp(method, "one-run") != 0)
        return cli_usage("--method = %s, want one-run or one-run-fdp", method);
    if ((fdp ? dp_one_run_fdp(&epsilon, NULL, &a, &e) : dp_one_run_epsilon(&epsilon, &a, &e)) != OK)
        return dp_fail(&e);
    return dp_print(col, 3, method, (double[]){epsilon, a.p});
}

static int audit_counts(const DpAuditFlags *f)
{
    static const char *const col[] = {"method", "epsilon_lower"};
    const char *method = f->method != NULL ? f->method : "clopper-pearson";
    bool gdp = strcmp(method, "gdp") == 0;
    DpCounts c = {f->tp, f->fn, f->fp, f->tn, f->delta, isnan(f->alpha) ? 0.05 : f->alpha, f->thresholds};
    DpCountsEps got = {0};
    Err e = {0};
    if (!gdp && strcmp(method, "clopper-pearson") != 0)
        return cli_usage("--method = %s, want clopper-pearson or gdp", method);
    if ((gdp ? dp_counts_gdp(&got.epsilon, NULL, &c, &e) : dp_counts_epsilon(&got, &c, &e)) != OK)
        return dp_fail(&e);
    return dp_print(col, 2, method, &got.epsilon);
}

/* Which of the two audits the flags describe, whole and unmixed. */
static int audit_pick(const DpAuditFlags *f)
{
    size_t none = SIZE_MAX;
    bool some_run = f->m != none || f->guesses != none || f->correct != none || !isnan(f->p);
    bool some_counts = f->tp != none || f->fn != none || f->fp != none || f->tn != none || !isnan(f->alpha);
    bool run = f->m != none && f->guesses != none && f->correct != none;
    bool counts = f->tp != none && f->fn != none && f->fp != none && f->tn != none;
    if (run == counts || (run && some_counts) || (counts && some_run) || isnan(f->delta))
        return cli_usage(
            "'prime dp audit' wants --m, --guesses, --correct and --delta (with --p), or --tp, --fn, "
            "--fp, --tn and --delta (with --alpha, --thresholds)");
    return run ? audit_one_run(f) : audit_counts(f);
}

static int dp_audit_run(const CliVerb *self, int argc, char **argv)
{
    const size_t none = SIZE_MAX;
    DpAuditFlags f = {none, none, none, none, none, none, none, 1, NAN, NAN, NAN, NULL};
    const CliOpt opts[] = {
        {"m", 0, OPT_SIZE, &f.m, "M", "one run: canaries, each put in by a coin", 0, 1e9},
        {"guesses", 0, OPT_SIZE, &f.guesses, "R", "of which so many were judged in or out", 0, 1e9},
        {"correct", 0, OPT_SIZE, &f.correct, "V", "and so many of these rightly", 0, 1e9},
        {"p", 0, OPT_NUM, &f.p, "P", "error probability (0.05)", 0, 0},
        {"tp", 0, OPT_SIZE, &f.tp, "N", "counts: members taken for members", 0, 1e15},
        {"fn", 0, OPT_SIZE, &f.fn, "N", "members taken for others", 0, 1e15},
        {"fp", 0, OPT_SIZE, &f.fp, "N", "others taken for members", 0, 1e15},
        {"tn", 0, OPT_SIZE, &f.tn, "N", "others taken for others", 0, 1e15},
        {"alpha", 0, OPT_NUM, &f.alpha, "A", "error probability (0.05)", 0, 0},
        {"thresholds", 0, OPT_SIZE, &f.thresholds, "N", "thresholds that were tried; divides alpha (1)", 0,
         1e9},
        {"delta", 0, OPT_NUM, &f.delta, "D", "delta", 0, 0},
        {"method", 0, OPT_STR, &f.method, "NAME",
         "one-run or one-run-fdp; clopper-pearson or gdp. The second of each is for mechanisms of Gaussian "
         "shape",
         0, 0},
    };
    int code = dp_args(self, opts, sizeof opts / sizeof opts[0], argc, argv);
    return code < 0 ? audit_pick(&f) : code;
}

static const CliVerb verbs[] = {
    {"epsilon", "", "what DP-SGD promises: noise, rate and steps -> epsilon", dp_epsilon_run},
    {"sigma", "", "the least noise that keeps a promise", dp_sigma_run},
    {"rdp", "", "Renyi divergence of one step", dp_rdp_run},
    {"gaussian", "", "epsilon of the Gaussian mechanism, exactly", dp_gaussian_run},
    {"audit", "", "lower bound of epsilon from what an attack got right", dp_audit_run},
    {0},
};
const CliNoun cli_dp = {"dp", "differential privacy: promises and their audits", verbs};
