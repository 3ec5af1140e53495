#include "prime/dp.h"

#include <math.h>
#include <string.h>

Status dp_check(const DpRun *run, Err *e)
{
    if (!(run->q > 0 && run->q <= 1)) FAIL(e, ERR_ARG, "q = %g, want (0, 1]", run->q);
    if (!(run->sigma > 0 && isfinite(run->sigma))) FAIL(e, ERR_ARG, "sigma = %g, want > 0", run->sigma);
    if (run->steps == 0) FAIL(e, ERR_ARG, "steps = 0, want at least 1");
    if (!(run->delta > 0 && run->delta < 1)) FAIL(e, ERR_ARG, "delta = %g, want (0, 1)", run->delta);
    return OK;
}

static const DpAccountant accountants[] = {
    {"rdp", "Renyi divergences of all orders, the best one taken", "Mironov et al. 2019, arXiv:1908.10530",
     true, dp_rdp_epsilon},
    {"prv", "numerical composition of the privacy loss", "Gopi et al. 2021, arXiv:2106.02848", true,
     dp_prv_epsilon},
    {"gdp", "Gaussian limit of many steps; no bound", "Bu et al. 2020, arXiv:1911.11607", false,
     dp_gdp_epsilon},
};
enum { N_ACCOUNTANTS = sizeof accountants / sizeof accountants[0] };

const DpAccountant *dp_accountant_at(size_t i)
{
    return i < N_ACCOUNTANTS ? &accountants[i] : NULL;
}

Status dp_accountant(const DpAccountant **out, const char *name, Err *e)
{
    for (size_t i = 0; i < N_ACCOUNTANTS; i++)
        if (strcmp(name, accountants[i].name) == 0) {
            *out = &accountants[i];
            return OK;
        }
    FAIL(e, ERR_ARG, "accountant = %s, want rdp, prv or gdp", name);
}

/* Where a run at this sigma stands; an epsilon that the accountant cannot reach counts as infinite. */
static Status dp_try_sigma(double *epsilon, const DpAccountant *a, const DpRun *run, double sigma, Err *e)
{
    DpRun at = *run;
    DpEps got = {0};
    Err mine = {0};
    at.sigma = sigma;
    Status s = a->epsilon(&got, &at, &mine);
    *epsilon = s == OK ? got.epsilon : INFINITY;
    if (s != OK && s != ERR_NUM) FAIL(e, s, "%s", mine.msg);
    return OK;
}

/* lo: too little noise, or 0.01; hi: enough. */
static Status dp_bracket(double *lo, double *hi, double *reached, const DpAccountant *a, const DpRun *run,
                         double epsilon, Err *e)
{
    double at = 1, got = 0;
    TRY(dp_try_sigma(&got, a, run, at, e));
    bool enough = got <= epsilon;
    *lo = *hi = at;
    *reached = got;
    while ((got <= epsilon) == enough) {
        *(enough ? hi : lo) = at;
        if (enough) *reached = got;
        at = enough ? at / 2 : at * 2;
        if (at < 0.01 || at > 1e6)
            FAIL(e, ERR_NUM, "epsilon = %g is reached by no sigma in [0.01, 1e6]", epsilon);
        TRY(dp_try_sigma(&got, a, run, at, e));
    }
    *(enough ? lo : hi) = at;
    if (!enough) *reached = got;
    return OK;
}

Status dp_sigma(double *sigma, double *reached, const DpAccountant *a, const DpRun *run, double epsilon,
                Err *e)
{
    double lo = 0, hi = 0, best = 0, got = 0;
    DpRun any = *run;
    any.sigma = 1;
    TRY(dp_check(&any, e));
    if (!(epsilon > 0 && isfinite(epsilon))) FAIL(e, ERR_ARG, "epsilon = %g, want > 0", epsilon);
    TRY(dp_bracket(&lo, &hi, &best, a, run, epsilon, e));
    while (hi - lo > 1e-6 * hi) {
        double mid = sqrt(lo * hi);
        TRY(dp_try_sigma(&got, a, run, mid, e));
        if (got <= epsilon)
            hi = mid, best = got;
        else
            lo = mid;
    }
    *sigma = hi;
    *reached = best;
    return OK;
}
