/* options.c - what a merge was asked for: ranges, and what each method reads. */
#include "merge_priv.h"

#include <math.h>

MergeOpts merge_opts(void)
{
    return (MergeOpts){.density = NAN, .gamma = NAN, .epsilon = NAN, .lambda = NAN};
}

static Status options_read(const MergeMethod *m, const MergeOpts *o, Err *e)
{
    const struct {
        const char *name;
        bool given;
        unsigned bit;
    } opt[] = {{"density", !isnan(o->density), MERGE_DENSITY}, {"gamma", !isnan(o->gamma), MERGE_GAMMA},
               {"epsilon", !isnan(o->epsilon), MERGE_EPSILON}, {"rescale", o->rescale != 0, MERGE_RESCALE},
               {"elect", o->elect != 0, MERGE_ELECT},          {"mean", o->mean != 0, MERGE_MEAN}};
    for (size_t i = 0; i < sizeof opt / sizeof opt[0]; i++)
        if (opt[i].given && (m->reads & opt[i].bit) == 0)
            FAIL(e, ERR_ARG, "the method `%s` has no %s", m->name, opt[i].name);
    if ((m->reads & MERGE_DENSITY) != 0 && isnan(o->density))
        FAIL(e, ERR_ARG, "the method `%s` wants a density, (0, 1]", m->name);
    return OK;
}

static Status options_range(const MergeOpts *o, Err *e)
{
    if (!isnan(o->density) && !(o->density > 0 && o->density <= 1))
        FAIL(e, ERR_ARG, "density = %g, want (0, 1]", o->density);
    if (!isnan(o->gamma) && !(o->gamma >= 0 && o->gamma < 1))
        FAIL(e, ERR_ARG, "gamma = %g, want [0, 1)", o->gamma);
    if (!isnan(o->epsilon)) {
        double most = fmin(o->density, 1 - o->density);
        if (!(o->epsilon >= 0 && (o->epsilon < most || o->density == 1)))
            FAIL(e, ERR_ARG, "epsilon = %g, want [0, %g): density -+ epsilon must lie within (0, 1)",
                 o->epsilon, most);
    }
    if (isinf(o->lambda)) FAIL(e, ERR_ARG, "lambda = %g, want a finite number", o->lambda);
    if (o->rescale >= RESCALE_KINDS) FAIL(e, ERR_ARG, "rescale = %u is not known", (unsigned)o->rescale);
    if (o->elect >= ELECT_KINDS) FAIL(e, ERR_ARG, "elect = %u is not known", (unsigned)o->elect);
    if (o->mean >= MEAN_KINDS) FAIL(e, ERR_ARG, "mean = %u is not known", (unsigned)o->mean);
    return OK;
}

MergeOpts merge_resolve(const MergeMethod *m, const MergeOpts *o)
{
    MergeOpts r = *o;
    if (isnan(r.density)) r.density = 1;
    if (isnan(r.gamma)) r.gamma = 0.01;
    if (isnan(r.epsilon)) r.epsilon = fmin(0.15, 0.5 * fmin(r.density, 1 - r.density));
    if (isnan(r.lambda)) r.lambda = 1;
    if (r.rescale == RESCALE_AUTO) r.rescale = m->recipe->rescale;
    if (r.elect == ELECT_AUTO) r.elect = m->recipe->elect;
    if (r.mean == MEAN_AUTO) r.mean = m->recipe->mean;
    return r;
}

/* Dividing by the weights of those that agree: with signs mixed that sum can be next to nothing, and with
 * weights below 0 alone the sign of the merge is lost. */
Status merge_check(const MergeMethod *m, const MergeOpts *o, const double *w, size_t n_w, Err *e)
{
    TRY(options_read(m, o, e));
    TRY(options_range(o, e));
    bool divides = merge_resolve(m, o).mean == MEAN_WEIGHTS;
    for (size_t i = 0; i < n_w; i++) {
        if (!isfinite(w[i])) FAIL(e, ERR_ARG, "weight %zu is %g, want a finite number", i, w[i]);
        if (w[i] < 0 && m->positive)
            FAIL(e, ERR_ARG, "weight %zu is %g: weights of `%s` are proportions, want none below 0", i, w[i],
                 m->name);
        if (w[i] < 0 && divides)
            FAIL(e, ERR_ARG,
                 "weight %zu is %g: `%s` divides by the weights that agree, whose sum can vanish; want none "
                 "below "
                 "0, or mean sum or count",
                 i, w[i], m->name);
    }
    return OK;
}
