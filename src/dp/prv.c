/* prv.c - numerical composition of the privacy loss.
 *
 * One step compares P = (1 - q) N(0, s^2) + q N(1, s^2) with Q = N(0, s^2): P against Q when a record is
 * removed, Q against P when one is added. The ratio P/Q at x is (1 - q) + q e^((2x - 1) / 2 s^2), which rises
 * with x: an interval of losses is an interval of x. */
#include "prime/dp.h"
#include "prime/fft.h"
#include "prime/stats.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    double q, sigma;
} PrvStep;

/* log P/Q at x. */
static double prv_loss(const PrvStep *s, double x)
{
    double t = (2 * x - 1) / (2 * s->sigma * s->sigma);
    if (t > 40) return t + log(s->q) + log1p((1 - s->q) / s->q * exp(-t));
    return t < -1 ? log((1 - s->q) + s->q * exp(t)) : log1p(s->q * expm1(t));
}

/* The x with that loss; -INFINITY where none is so low. t = log((e^loss - (1 - q)) / q), each way of writing
 * it where it keeps its digits. */
static double prv_loss_at(const PrvStep *s, double loss)
{
    double t, low = 1 - s->q;
    if (loss > 40)
        t = loss - log(s->q) + log1p(-low * exp(-loss));
    else if (loss > -1)
        t = expm1(loss) > -s->q ? log1p(expm1(loss) / s->q) : -INFINITY;
    else
        t = exp(loss) > low ? log((exp(loss) - low) / s->q) : -INFINITY;
    return s->sigma * s->sigma * t + 0.5;
}

/* P(lo < N(0, 1) < hi), with the digits of the tail that it lies in. */
static double norm_between(double lo, double hi)
{
    return lo > 0 ? stats_norm_cdf(-lo) - stats_norm_cdf(-hi) : stats_norm_cdf(hi) - stats_norm_cdf(lo);
}

/* Masses of P and Q between two x. */
static void prv_masses(double *p, double *q, const PrvStep *s, double x0, double x1)
{
    *q = norm_between(x0 / s->sigma, x1 / s->sigma);
    *p = (1 - s->q) * *q + s->q * norm_between((x0 - 1) / s->sigma, (x1 - 1) / s->sigma);
}

double dp_step_delta(double q, double sigma, double epsilon)
{
    PrvStep s = {q, sigma};
    double x = prv_loss_at(&s, epsilon), a = 0, b = 0, removed, added = 0;
    prv_masses(&a, &b, &s, x, INFINITY);
    removed = b > 0 ? a - exp(epsilon) * b : a;
    x = prv_loss_at(&s, -epsilon);
    if (x > -INFINITY) {
        prv_masses(&a, &b, &s, -INFINITY, x);
        added = b - exp(epsilon) * a;
    }
    return fmax(0, fmax(removed, added));
}

/* ---- the grid ---- */

/* Losses first*h, (first + 1)*h, ... of one step with their masses under the numerator; `infinite` is the
 * mass of the loss that no epsilon bounds. */
typedef struct {
    double *mass, h, infinite;
    long first;
    size_t n;
} PrvGrid;

/* The mass between two neighbouring points of the grid goes to both of them so that P and Q keep theirs. */
static void prv_split(PrvGrid *g, size_t i, double p, double q, double loss, bool remove)
{
    double lower = exp(loss), upper = exp(loss + g->h), up = -expm1(-g->h), down = expm1(g->h);
    if (remove) {
        g->mass[i] += fmax(0, upper * q - p) / down;
        g->mass[i + 1] += fmax(0, p - lower * q) / up;
    } else { /* Q against P: the losses change sign, and the points their order */
        g->mass[g->n - 1 - i] += fmax(0, q - p / upper) / up;
        g->mass[g->n - 2 - i] += fmax(0, p / lower - q) / down;
    }
}

static void prv_ends(PrvGrid *g, const PrvStep *s, double x_lo, double x_hi, double lo, double hi,
                     bool remove)
{
    double p = 0, q = 0, top;
    prv_masses(&p, &q, s, -INFINITY, x_lo);
    if (remove) {
        g->mass[0] += p; /* raised to the lowest point */
    } else {
        top = p * exp(-lo); /* what of Q's mass the highest point can carry */
        g->mass[g->n - 1] += top;
        g->infinite = fmax(0, q - top);
    }
    prv_masses(&p, &q, s, x_hi, INFINITY);
    if (remove) {
        top = q > 0 ? q * exp(hi) : 0;
        g->mass[g->n - 1] += top;
        g->infinite = fmax(0, p - top);
    } else {
        g->mass[0] += q;
    }
}

/* x in which all but `tail` of P and of Q lies on either side. */
static void prv_range(double *x_lo, double *x_hi, const PrvStep *s, double tail)
{
    double z = -stats_norm_q(tail);
    *x_lo = -z * s->sigma;
    *x_hi = 1 + z * s->sigma;
}

/* The losses between which one step is put on the grid, as multiples of h. */
static void prv_bounds(long *first, long *last, const PrvStep *s, double h, double tail)
{
    double x_lo, x_hi;
    prv_range(&x_lo, &x_hi, s, tail);
    *first = (long)floor(fmax(-DP_PRV_MAX, prv_loss(s, x_lo)) / h);
    *last = (long)ceil(fmin(DP_PRV_MAX, prv_loss(s, x_hi)) / h) + 1;
}

static Status prv_grid(PrvGrid *g, const PrvStep *s, double h, double tail, bool remove, Err *e)
{
    long first, last;
    prv_bounds(&first, &last, s, h, tail);
    *g = (PrvGrid){.h = h, .first = remove ? first : -last, .n = (size_t)(last - first + 1)};
    g->mass = calloc(g->n, sizeof *g->mass);
    if (g->mass == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu privacy losses", g->n);
    double x = prv_loss_at(s, (double)first * h), x_lo = x;
    for (size_t i = 0; i + 1 < g->n; i++) {
        double loss = (double)(first + (long)i) * h, next = prv_loss_at(s, loss + h), p, q;
        if (next == -INFINITY) continue;
        prv_masses(&p, &q, s, x, next);
        prv_split(g, i, p, q, loss, remove);
        x = next;
    }
    prv_ends(g, s, x_lo, x, (double)first * h, (double)last * h, remove);
    return OK;
}

/* ---- how wide, how fine ---- */

/* Exponents 2^(j/2) that moments are taken at. */
enum { PRV_LAMBDA_FROM = -30, PRV_LAMBDA_TO = 40 };

/* Standard deviation of one step's loss under the numerator. */
static double prv_sd(const PrvStep *s, bool remove)
{
    enum { NODES = 4000 };
    double mean = 0, square = 0, mass = 0, from = -10 * s->sigma, step = (1 + 20 * s->sigma) / NODES;
    for (size_t i = 0; i <= NODES; i++) {
        double x = from + (double)i * step, loss = prv_loss(s, x), a = x / s->sigma, b = (x - 1) / s->sigma;
        double w = exp(-a * a / 2);
        if (remove) w = (1 - s->q) * w + s->q * exp(-b * b / 2);
        mass += w;
        mean += w * loss;
        square += w * loss * loss;
    }
    mean /= mass;
    return sqrt(fmax(square / mass - mean * mean, 0));
}

/* log of sum mass e^(lambda (loss - end)), where `end` is the end of the grid that lambda favours: no term is
 * above its mass. */
static double prv_log_moment(const PrvGrid *g, double lambda)
{
    double factor = exp(-fabs(lambda) * g->h), w = 1, sum = 0;
    for (size_t i = 0; i < g->n && w > 0; i++, w *= factor) sum += w * g->mass[lambda > 0 ? g->n - 1 - i : i];
    return log(sum);
}

/* Tilting: masses times e^(lambda loss), made to sum to 1. The tilted sum has its bulk where epsilon is read,
 * so that the transform's rounding is small beside what is read, however small delta is. */
typedef struct {
    double lambda, log_scale; /* mass = tilted mass e^(log_scale - lambda loss), of one step */
    double aim; /* the epsilon to tilt to; NaN: where Chernoff's bound of the sum's tail is delta */
} PrvTilt;

static void prv_tilt(PrvTilt *t, PrvGrid *g, const DpRun *run)
{
    double n = (double)run->steps, top = (double)(g->first + (long)g->n - 1) * g->h, best = INFINITY,
           moment = 0;
    t->lambda = t->log_scale = 0;
    for (int j = PRV_LAMBDA_FROM; j <= PRV_LAMBDA_TO; j++) {
        double at = exp2(j / 2.0), m = prv_log_moment(g, at), log_sum = n * (at * top + m);
        double cost = isnan(t->aim) ? (log_sum - log(run->delta)) / at : log_sum - at * t->aim;
        if (isfinite(m) && cost < best) best = cost, t->lambda = at, moment = m;
    }
    if (best == INFINITY) return;
    t->log_scale = t->lambda * top + moment;
    for (size_t i = 0; i < g->n; i++)
        g->mass[i] *= exp(t->lambda * ((double)(g->first + (long)i) * g->h - top) - moment);
}

/* Bounds beyond which the sum of `steps` losses lies with probability at most `tail` each (Chernoff). */
static void prv_window(double *lo, double *hi, const PrvGrid *g, size_t steps, double tail)
{
    double n = (double)steps, bottom = (double)g->first * g->h, top = bottom + (double)(g->n - 1) * g->h;
    *lo = n * bottom;
    *hi = n * top;
    for (int j = PRV_LAMBDA_FROM; j <= PRV_LAMBDA_TO; j++) {
        double lambda = exp2(j / 2.0), up = prv_log_moment(g, lambda), down = prv_log_moment(g, -lambda);
        /* -INFINITY: all terms were too small for a double, which bounds nothing. */
        if (isfinite(up)) *hi = fmin(*hi, n * top + (n * up - log(tail)) / lambda);
        if (isfinite(down)) *lo = fmax(*lo, n * bottom - (n * down - log(tail)) / lambda);
    }
}

/* ---- composition ---- */

/* Masses of the sum of `steps` losses from `lo` on, as tilted as those of g. */
static Status prv_compose(PrvGrid *out, const PrvGrid *g, size_t steps, double lo, double hi, Err *e)
{
    long first = (long)floor(lo / g->h);
    size_t n = 2, need = (size_t)((long)ceil(hi / g->h) - first) + 2;
    while (n < need) n *= 2;
    double *ring = calloc(n, sizeof *ring), *mass = malloc(n * sizeof *mass);
    if (ring == NULL || mass == NULL) {
        free(ring);
        free(mass);
        FAIL(e, ERR_NOMEM, "no memory for %zu privacy losses", n);
    }
    /* n is a power of two: the remainder of a negative index is its low bits. */
    for (size_t i = 0; i < g->n; i++) ring[(size_t)(g->first + (long)i) & (n - 1)] += g->mass[i];
    fft_self_convolve(ring, n, steps);
    for (size_t i = 0; i < n; i++) mass[i] = ring[(size_t)(first + (long)i) & (n - 1)];
    free(ring);
    *out = (PrvGrid){.mass = mass, .h = g->h, .first = first, .n = n};
    out->infinite = -expm1((double)steps * log1p(-g->infinite));
    return OK;
}

/* Back to the masses themselves. Far below what is read they may be noise times a large number. */
static void prv_untilt(PrvGrid *g, const PrvTilt *t, size_t steps)
{
    for (size_t i = 0; i < g->n; i++) {
        double loss = (double)(g->first + (long)i) * g->h;
        g->mass[i] *= exp(fmin((double)steps * t->log_scale - t->lambda * loss, 700));
    }
}

/* The least epsilon >= 0 with delta: from the top down, delta(eps) = sum over losses above eps of
 * mass (1 - e^(eps - loss)), which is known in closed form between two points. */
static Status prv_read(double *epsilon, const PrvGrid *g, double delta, Err *e)
{
    double above = g->infinite, scaled = 0, base = 0; /* scaled: sum of mass e^(base - loss) */
    if (above > delta)
        FAIL(e, ERR_NUM, "epsilon is above %g: delta = %g is less than what is left there", DP_PRV_MAX,
             delta);
    for (size_t i = g->n; i-- > 0;) {
        double loss = (double)(g->first + (long)i) * g->h, at = fmax(loss, 0);
        if (scaled != 0) scaled *= exp(at - base);
        if (above - scaled > delta) {
            /* Between this point and the last one. */
            *epsilon = fmax(0, at + log((above - delta) / scaled));
            return OK;
        }
        if (loss <= 0) break;
        base = at;
        above += g->mass[i];
        scaled += g->mass[i];
    }
    *epsilon = 0;
    return OK;
}

enum { PRV_POINTS = 1 << 22 };

/* What may be lost at the ends of a tilted sum. */
#define PRV_ENDS 1e-13

/* The tilted step, and the window of the sum: finer than the sum's width asks for, unless that were too many
 * points. `tail`: the mass that the ends of a step may take in all steps. */
static Status prv_prepare(PrvGrid *g, double *lo, double *hi, PrvTilt *tilt, const DpRun *run, double tail,
                          bool remove, Err *e)
{
    PrvStep s = {run->q, run->sigma};
    double x_lo, x_hi, n = (double)run->steps;
    prv_range(&x_lo, &x_hi, &s, tail / n);
    double range = fmin(DP_PRV_MAX, prv_loss(&s, x_hi)) - fmax(-DP_PRV_MAX, prv_loss(&s, x_lo));
    double h = fmin(fmax(prv_sd(&s, remove) / 100, range / (PRV_POINTS / 4)), 0.5);
    for (;;) {
        TRY(prv_grid(g, &s, h, tail / n, remove, e));
        prv_tilt(tilt, g, run);
        prv_window(lo, hi, g, run->steps, PRV_ENDS);
        if (*hi - *lo < h * (PRV_POINTS - 4)) return OK;
        free(g->mass);
        h = (*hi - *lo) / (PRV_POINTS - 8) * 1.01;
    }
}

static Status prv_tilted(double *epsilon, PrvTilt *tilt, const DpRun *run, bool remove, Err *e)
{
    PrvGrid g = {0}, all = {0};
    double tail = fmin(run->delta, 1e-3) * 1e-7, lo = 0, hi = 0;
    TRY(prv_prepare(&g, &lo, &hi, tilt, run, tail, remove, e));
    Status st = prv_compose(&all, &g, run->steps, lo, hi, e);
    free(g.mass);
    if (st != OK) return st;
    prv_untilt(&all, tilt, run->steps);
    all.infinite += tail;
    st = prv_read(epsilon, &all, run->delta, e);
    free(all.mass);
    return st;
}

enum { PRV_PASSES = 4, PRV_SLACK = 14 };

/* Where epsilon is read, a tilted mass m stands for m delta e^slack. A first reading far below Chernoff's
 * bound has lost digits by that: it is taken again, tilted to where it was found. */
static Status prv_one_side(double *epsilon, const DpRun *run, bool remove, Err *e)
{
    PrvTilt tilt = {.aim = NAN};
    double last = 0;
    for (size_t pass = 0; pass < PRV_PASSES; pass++) {
        TRY(prv_tilted(epsilon, &tilt, run, remove, e));
        double slack = (double)run->steps * tilt.log_scale - tilt.lambda * *epsilon - log(run->delta);
        if (slack < PRV_SLACK || tilt.lambda == last) break;
        last = tilt.lambda;
        tilt.aim = *epsilon;
    }
    return OK;
}

Status dp_prv_epsilon(DpEps *out, const DpRun *run, Err *e)
{
    double removed = 0, added = 0;
    TRY(dp_check(run, e));
    if (run->delta < DP_PRV_DELTA)
        FAIL(e, ERR_ARG, "delta = %g, want at least %g for prv", run->delta, DP_PRV_DELTA);
    TRY(prv_one_side(&removed, run, true, e));
    TRY(prv_one_side(&added, run, false, e));
    *out = (DpEps){fmax(removed, added), NAN};
    return OK;
}
