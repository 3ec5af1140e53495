/* preset.c - settings by name; the reasons stand in the header. */
#include "prime/evolve.h"

#include <math.h>
#include <string.h>

static const EvolvePreset presets[] = {
    {"prime", "cma", "full covariance from the uniform merge, small steps: for 20 to 400 evaluations",
     "Hansen 2016, arXiv:1604.00772", false, true, EVOLVE_REFLECT, 0.24, 0.12},
    {"prime-paper", "cma-diag", "as PriME's released code runs it: separable, elitist, from the base model",
     "PriME, arXiv:2503.18008; nevergrad 1.0.1", true, false, EVOLVE_BOUNCE, 0.238, 0.119},
};
enum { N_PRESETS = sizeof presets / sizeof presets[0] };

const EvolvePreset *evolve_preset_at(size_t i)
{
    return i < N_PRESETS ? &presets[i] : NULL;
}

Status evolve_preset(EvolveOpts *o, const char **method, const char *name, size_t dim, size_t n_anchors,
                     Err *e)
{
    const EvolvePreset *p = NULL;
    for (size_t i = 0; i < N_PRESETS; i++)
        if (strcmp(presets[i].name, name) == 0) p = &presets[i];
    if (p == NULL) FAIL(e, ERR_ARG, "optimiser settings '%s', want prime or prime-paper", name);
    if (dim == 0 || n_anchors == 0)
        FAIL(e, ERR_ARG, "%zu weights for %zu anchors, want at least 1 each", dim, n_anchors);
    *o = (EvolveOpts){.dim = dim, .lo = -1.5, .hi = 1.5, .elitist = p->elitist, .bound = p->bound};
    o->popsize = 4 + (size_t)floor(log((double)dim));
    o->start_all = p->uniform_start ? 1 / (double)n_anchors : 0;
    o->sigma = dim < 18 ? p->sigma : p->sigma_large;
    *method = p->method;
    return OK;
}
