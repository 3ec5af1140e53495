/* bounds.c - ways back into the box. */
#include "evolve_priv.h"

#include <math.h>

static double repair_clip(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static double repair_fold(double x, double lo, double hi)
{
    double width = hi - lo, at = fmod(x - lo, 2 * width);
    if (at < 0) at += 2 * width;
    return repair_clip(at <= width ? lo + at : hi - (at - width), lo, hi);
}

/* One-sided margin of a wall, as pycma has it: a share of the wall's size, so that the map stays exact near
 * 0. */
static double smooth_margin(double wall, double width)
{
    return fmin(width / 2, 0.05 * fmax(1, fabs(wall)));
}

double evolve_smooth(double x, double lo, double hi, double margin_lo, double margin_hi)
{
    double first = lo - margin_lo, last = hi + margin_hi;
    if (isfinite(hi - lo))
        x = repair_fold(x, first, last);
    else if (x < first)
        x = 2 * first - x;
    else if (x > last)
        x = 2 * last - x;
    if (x < lo + margin_lo)
        x = lo + (x - first) * (x - first) / (4 * margin_lo);
    else if (x > hi - margin_hi)
        x = hi - (last - x) * (last - x) / (4 * margin_hi);
    return repair_clip(x, lo, hi);
}

double evolve_unsmooth(double y, double lo, double hi, double margin_lo, double margin_hi)
{
    if (y < lo + margin_lo) return lo - margin_lo + 2 * sqrt(margin_lo * fmax(0, y - lo));
    if (y > hi - margin_hi) return hi + margin_hi - 2 * sqrt(margin_hi * fmax(0, hi - y));
    return y;
}

double evolve_repair(double x, double lo, double hi, EvolveBound bound)
{
    if (bound == EVOLVE_SMOOTH)
        return evolve_smooth(x, lo, hi, smooth_margin(lo, hi - lo), smooth_margin(hi, hi - lo));
    if (x >= lo && x <= hi) return x;
    if (bound == EVOLVE_CLIP) return repair_clip(x, lo, hi);
    double once = x < lo ? 2 * lo - x : 2 * hi - x;
    if (bound == EVOLVE_REFLECT && isfinite(hi - lo)) return repair_fold(x, lo, hi);
    return repair_clip(once, lo, hi);
}

double evolver_box(const Evolver *ev, double x)
{
    return evolve_repair(x, ev->h.lo, ev->h.hi, (EvolveBound)ev->h.bound);
}

double evolver_unbox(const Evolver *ev, double x)
{
    double lo = ev->h.lo, hi = ev->h.hi;
    if (ev->h.bound != EVOLVE_SMOOTH) return x;
    return evolve_unsmooth(x, lo, hi, smooth_margin(lo, hi - lo), smooth_margin(hi, hi - lo));
}
