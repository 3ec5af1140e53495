#include "prime/lira.h"

#include "prime/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

double lira_phi(double logp)
{
    return logp - log(-expm1(logp));
}

/* Sum of squares around c. */
static double squares_around(const double *x, size_t n, double c)
{
    double ss = 0;
    for (size_t i = 0; i < n; i++) ss += (x[i] - c) * (x[i] - c);
    return ss;
}

static Status lira_check_side(const double *x, size_t n, size_t least, size_t i, const char *side, Err *e)
{
    if (n < least)
        FAIL(e, ERR_SHAPE, "record %zu has %zu shadow models %s it, want at least %zu", i, n, side, least);
    for (size_t k = 0; k < n; k++)
        if (!isfinite(x[k]))
            FAIL(e, ERR_NUM, "shadow model %zu %s record %zu: phi = %g, want a finite number", k, side, i,
                 x[k]);
    return OK;
}

static Status lira_check(size_t *most, const LiraRecord *r, size_t n, size_t least, bool in, Err *e)
{
    *most = 1;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(r[i].phi))
            FAIL(e, ERR_NUM, "phi of record %zu = %g, want a finite number", i, r[i].phi);
        if (in) TRY(lira_check_side(r[i].in, r[i].n_in, least, i, "with", e));
        TRY(lira_check_side(r[i].out, r[i].n_out, least, i, "without", e));
        if (in && r[i].n_in > *most) *most = r[i].n_in;
        if (r[i].n_out > *most) *most = r[i].n_out;
    }
    return OK;
}

/* Residuals around each record's median, pooled: their mean is taken away as well. */
typedef struct {
    double sum, ss;
    size_t n;
} LiraPool;

static void pool_add(LiraPool *p, const double *x, size_t n, double *work)
{
    double c = stats_median(x, n, work);
    for (size_t i = 0; i < n; i++) p->sum += x[i] - c;
    p->ss += squares_around(x, n, c);
    p->n += n;
}

static double pool_sd(const LiraPool *p)
{
    double mean = p->sum / (double)p->n;
    return sqrt(fmax(0, p->ss / (double)p->n - mean * mean));
}

Status lira_pooled(LiraSd *sd, const LiraRecord *r, size_t n, Err *e)
{
    size_t most = 0;
    LiraPool in = {0}, out = {0};
    if (n == 0) FAIL(e, ERR_SHAPE, "no records to pool");
    TRY(lira_check(&most, r, n, 1, true, e));
    double *work = malloc(most * sizeof *work);
    if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu shadow models", most);
    for (size_t i = 0; i < n; i++) {
        pool_add(&in, r[i].in, r[i].n_in, work);
        pool_add(&out, r[i].out, r[i].n_out, work);
    }
    free(work);
    LiraSd got = {pool_sd(&in), pool_sd(&out)};
    if (!(got.in > 0) || !(got.out > 0)) FAIL(e, ERR_NUM, "shadow models agree on every record");
    *sd = got;
    return OK;
}

/* How many standard deviations phi lies from a side's median; *s is that standard deviation. */
static double side_z(double *s, double phi, const double *x, size_t n, double fixed, double *work)
{
    double mean = stats_mean(x, n);
    *s = fixed > 0 ? fixed : sqrt(squares_around(x, n, mean) / (double)n);
    return (phi - stats_median(x, n, work)) / *s;
}

static Status lira_fill(double *score, const LiraRecord *r, size_t n, const LiraSd *sd, bool online,
                        double *work, Err *e)
{
    for (size_t i = 0; i < n; i++) {
        double s_in = 0, s_out = 0;
        score[i] = side_z(&s_out, r[i].phi, r[i].out, r[i].n_out, sd != NULL ? sd->out : 0, work);
        if (online) {
            double z = side_z(&s_in, r[i].phi, r[i].in, r[i].n_in, sd != NULL ? sd->in : 0, work);
            score[i] = (score[i] * score[i] - z * z) / 2 + log(s_out) - log(s_in);
        }
        if (!isfinite(score[i])) FAIL(e, ERR_NUM, "shadow models agree exactly on record %zu", i);
    }
    return OK;
}

static Status lira_run(double *score, const LiraRecord *r, size_t n, const LiraSd *sd, bool online, Err *e)
{
    size_t most = 0;
    TRY(lira_check(&most, r, n, sd == NULL ? 2 : 1, online, e));
    double *work = malloc((n + most) * sizeof *work);
    if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    Status s = lira_fill(work, r, n, sd, online, work + n, e);
    if (s == OK && n > 0) memcpy(score, work, n * sizeof *score);
    free(work);
    return s;
}

Status lira_online(double *score, const LiraRecord *r, size_t n, const LiraSd *sd, Err *e)
{
    return lira_run(score, r, n, sd, true, e);
}

Status lira_offline(double *score, const LiraRecord *r, size_t n, const LiraSd *sd, Err *e)
{
    return lira_run(score, r, n, sd, false, e);
}
