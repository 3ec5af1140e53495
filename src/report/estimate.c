/* estimate.c - numbers per person, their means, and one method against another person by person. */
#include "report_priv.h"

#include <math.h>
#include <string.h>

/* Resampling must give the same interval whenever a ledger is read. */
static const StatsBoot unit_boot_how = {
    .reps = 2000, .level = 0.95, .seed = 20260101, .kind = STATS_PERCENTILE};

static const StatsEst no_est = {.value = NAN, .se = NAN, .lo = NAN, .hi = NAN};

/* Errors are better when small: for ledgers that do not say so themselves. The records of rmse hold squares.
 */
static const struct {
    const char *name;
    bool root;
} error_metrics[] = {{"mae", false}, {"rmse", true}};

enum { N_ERROR_METRICS = sizeof error_metrics / sizeof error_metrics[0] };

/* Whether word is one of the words of list. */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; at != NULL && *at != '\0';) {
        at += strspn(at, " ,");
        size_t len = strcspn(at, " ,");
        if (len == n && strncmp(at, word, n) == 0) return true;
        at += len;
    }
    return false;
}

double metric_sign(const Report *r, size_t metric)
{
    if (metric >= r->names.n) return 1;
    const char *name = r->names.name[metric], *list = report_meta(r, "lower_is_better");
    if (list != NULL) return has_word(list, name) ? -1 : 1;
    for (size_t i = 0; i < N_ERROR_METRICS; i++)
        if (strcmp(error_metrics[i].name, name) == 0) return -1;
    return 1;
}

bool metric_root(const Report *r, size_t metric)
{
    for (size_t i = 0; i < N_ERROR_METRICS && metric < r->names.n; i++)
        if (strcmp(error_metrics[i].name, r->names.name[metric]) == 0) return error_metrics[i].root;
    return false;
}

/* Room for a number for each person that rows may speak of. */
static Status unit_room(UnitValues *out, ReportRows rows, Arena *a, Err *e)
{
    ReportRows unit;
    size_t n = 0;
    for (ReportRows rest = rows; rows_next_unit(&unit, &rest);) n++;
    *out = (UnitValues){arena_alloc(a, n, sizeof *out->unit), arena_alloc(a, n, sizeof *out->value), 0};
    if (out->unit == NULL || out->value == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", n);
    return OK;
}

Status unit_utility(UnitValues *out, const Report *r, const ReportGroup *g, size_t metric, Arena *a, Err *e)
{
    ReportRows rows = rows_utility(g, metric), unit;
    TRY(unit_room(out, rows, a, e));
    bool root = rows.n > 0 && rows.row[0]->kind == KIND_UTILITY && metric_root(r, metric);
    while (rows_next_unit(&unit, &rows)) {
        double mean = rows_mean(unit);
        out->unit[out->n] = unit.row[0]->unit;
        out->value[out->n++] = root ? sqrt(mean) : mean;
    }
    return OK;
}

Status unit_aucs(UnitValues *out, const ReportGroup *g, size_t attack, Arena *a, Err *e)
{
    ReportRows rows = rows_of(g, KIND_ATTACK, attack, NAME_ANY), unit;
    TRY(unit_room(out, rows, a, e));
    while (rows_next_unit(&unit, &rows)) {
        RocData d;
        TRY(pick_scores(&d, NULL, unit, BY_UNIT, a, e));
        double *work = arena_alloc(a, d.n, sizeof *work);
        if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", d.n);
        if (d.m == 0 || d.n == 0) continue;
        out->unit[out->n] = unit.row[0]->unit;
        out->value[out->n++] = roc_auc(d.pos, d.m, d.neg, d.n, work);
    }
    return OK;
}

Status unit_boot(StatsEst *out, const UnitValues *u, double level, Arena *a, Err *e)
{
    StatsBoot how = unit_boot_how;
    how.level = level;
    size_t *user = arena_alloc(a, u->n, sizeof *user);
    if (user == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", u->n);
    for (size_t i = 0; i < u->n; i++) user[i] = i;
    *out = no_est;
    return u->n == 0 ? OK : stats_boot_mean(out, u->value, user, u->n, u->n, STATS_USER_MEAN, &how, e);
}

MeanEst unit_mean(const double *x, size_t n, double null, double level)
{
    MeanEst m = {stats_mean(x, n), NAN, NAN, NAN, n};
    if (n < 2) return m;
    double sd = stats_sd(x, n), df = (double)(n - 1), most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    if (sd <= 1e-12 * most) sd = 0; /* rounding */
    double se = sd / sqrt((double)n), q = stats_t_q((1 + level) / 2, df);
    m.lo = m.value - q * se;
    m.hi = m.value + q * se;
    /* All alike: no t, but the sign test still speaks. */
    m.p = sd > 0 ? stats_t_p((m.value - null) / se, df) : m.value == null ? 1 : exp2(1 - (double)n);
    return m;
}

MeanEst unit_rates(const double *x, size_t n, double null, double level)
{
    MeanEst m = unit_mean(x, n, null, level);
    if (n < 2) return m;
    double bound = pow((1 - level) / 2, 1 / (double)n); /* that all of n come out alike */
    if (m.value >= 1) m.lo = bound;
    if (m.value <= 0) m.hi = 1 - bound;
    m.lo = m.lo < 0 ? 0 : m.lo;
    m.hi = m.hi > 1 ? 1 : m.hi;
    return m;
}

/* Wins of n, ties by half; where that is no whole number, the interval covers both neighbours. */
static RateEst win_rate(const double *diff, size_t n, double sign, double level)
{
    RateEst win = {NAN, NAN, NAN};
    double wins = 0, unused;
    for (size_t i = 0; i < n; i++) wins += sign * diff[i] > 0 ? 1 : diff[i] == 0 ? 0.5 : 0;
    if (n == 0) return win;
    win.value = wins / (double)n;
    stats_clopper_pearson(&win.lo, &unused, (size_t)floor(wins), n, level);
    stats_clopper_pearson(&unused, &win.hi, (size_t)ceil(wins), n, level);
    return win;
}

/* Differences smaller than rounding are none: both sides are means of the same kind of numbers. */
static double plain_difference(double a, double b)
{
    double d = a - b;
    return fabs(d) <= 1e-14 * (fabs(a) + fabs(b)) ? 0 : d;
}

Status unit_pair(PairEst *out, const UnitValues *a, const UnitValues *b, double sign, double level, Arena *m,
                 Err *e)
{
    double *diff = arena_alloc(m, a->n, sizeof *diff);
    if (diff == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu differences", a->n);
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        if (a->unit[i] == b->unit[j])
            diff[n++] = plain_difference(a->value[i++], b->value[j++]);
        else if (a->unit[i] < b->unit[j])
            i++;
        else
            j++;
    }
    out->diff = unit_mean(diff, n, 0, level);
    out->win = win_rate(diff, n, sign, level);
    return OK;
}

Status adjust_fill(double *out, const double *p, size_t n, const char *method, Arena *a, Err *e)
{
    double *known = arena_alloc(a, n, sizeof *known), *adjusted = arena_alloc(a, n, sizeof *adjusted);
    if (known == NULL || adjusted == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(p[i])) known[k++] = p[i];
    TRY(stats_adjust(adjusted, known, k, method, e));
    for (size_t i = 0, at = 0; i < n; i++) out[i] = isnan(p[i]) ? NAN : adjusted[at++];
    return OK;
}

Status holm_fill(double *out, const double *p, size_t n, Arena *a, Err *e)
{
    return adjust_fill(out, p, n, "holm", a, e);
}
