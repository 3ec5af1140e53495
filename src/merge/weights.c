/* weights.c - weights for parts of a model, and limits on them. */
#include "merge_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const merge_by_names[] = {"adapter", "layer", "kind", "module", NULL};

/* How many kinds a model has up to kind `to`. */
static size_t kinds_before(const LoraShape *shape, size_t to)
{
    size_t n = 0;
    for (size_t k = 0; k < to; k++) n += shape->n_out[k] > 0;
    return n;
}

size_t merge_groups(MergeBy by, const LoraShape *shape)
{
    size_t kinds = kinds_before(shape, LORA_KINDS);
    const size_t n[MERGE_BYS] = {1, shape->n_layers, kinds, shape->n_layers * kinds};
    return n[by];
}

size_t merge_group(MergeBy by, const LoraShape *shape, size_t site)
{
    size_t layer = site / LORA_KINDS, kind = kinds_before(shape, site % LORA_KINDS);
    const size_t at[MERGE_BYS] = {0, layer, kind, layer * kinds_before(shape, LORA_KINDS) + kind};
    return at[by];
}

const char *merge_group_name(char buf[MERGE_GROUP_NAME], MergeBy by, const LoraShape *shape, size_t group)
{
    size_t kinds = kinds_before(shape, LORA_KINDS), want = by == MERGE_BY_KIND ? group : 0;
    if (by == MERGE_BY_MODULE) want = group % kinds;
    const char *kind = NULL;
    for (size_t k = 0, at = 0; k < LORA_KINDS && kind == NULL; at += shape->n_out[k] > 0, k++)
        if (shape->n_out[k] > 0 && at == want) kind = lora_kind_label(shape, (LoraKind)k);
    if (kind == NULL) kind = "kind without a name";
    if (by == MERGE_BY_ADAPTER) snprintf(buf, MERGE_GROUP_NAME, "all");
    if (by == MERGE_BY_LAYER) snprintf(buf, MERGE_GROUP_NAME, "layer %zu", group);
    if (by == MERGE_BY_KIND) snprintf(buf, MERGE_GROUP_NAME, "%s", kind);
    if (by == MERGE_BY_MODULE) snprintf(buf, MERGE_GROUP_NAME, "layer %zu %s", group / kinds, kind);
    return buf;
}

void merge_group_norms(double *norm, const Lora *const *l, size_t k, MergeBy by)
{
    const LoraShape *shape = &l[0]->shape;
    size_t groups = merge_groups(by, shape);
    memset(norm, 0, k * groups * sizeof *norm);
    for (size_t j = 0; j < k; j++) {
        double *own = norm + j * groups;
        for (size_t i = 0; i < shape->n_layers * LORA_KINDS; i++) {
            const LoraSite *s = &l[j]->site[i];
            if (s->r == 0) continue;
            own[merge_group(by, shape, i)] +=
                fmax(0, site_inner(s, s, shape->n_out[i % LORA_KINDS], shape->n_in[i % LORA_KINDS]));
        }
        for (size_t g = 0; g < groups; g++) own[g] = sqrt(own[g]);
    }
}

double merge_effective(const double *w, const double *norm, size_t k, size_t step)
{
    double sum = 0, sq = 0;
    for (size_t j = 0; j < k; j++) sum += fabs(w[j * step]) * norm[j * step];
    for (size_t j = 0; j < k && sum > 0; j++) {
        double p = fabs(w[j * step]) * norm[j * step] / sum;
        sq += p * p;
    }
    return sum > 0 ? 1 / sq : 0;
}

/* ---- limits ---- */

/* Shares that are equal give their number but for rounding. */
#define EFFECTIVE_SLACK 1e-9

static Status limits_sane(const MergeLimits *lim, size_t k, Err *e)
{
    if (!(lim->cap > 0)) FAIL(e, ERR_ARG, "cap = %g, want a number above 0", lim->cap);
    if (!(lim->min_effective >= 0 && lim->min_effective <= (double)k))
        FAIL(e, ERR_ARG, "effective adapters = %g, want 0 to %zu, the number of adapters", lim->min_effective,
             k);
    return OK;
}

static Status limits_cap(const MergeLimits *lim, const double *w, size_t k, const LoraShape *shape,
                         MergeBy by, Err *e)
{
    char name[MERGE_GROUP_NAME];
    size_t groups = merge_groups(by, shape);
    for (size_t i = 0; i < k * groups; i++)
        if (!(fabs(w[i]) <= lim->cap * (1 + EFFECTIVE_SLACK)))
            FAIL(e, ERR_ARG, "weight of adapter %zu for %s is %g, want at most %g in size", i / groups,
                 merge_group_name(name, by, shape, i % groups), w[i], lim->cap);
    return OK;
}

static bool limits_enough(const MergeLimits *lim, double effective)
{
    return effective == 0 || effective >= lim->min_effective * (1 - EFFECTIVE_SLACK);
}

Status merge_limits_check(const MergeLimits *lim, const double *w, const double *norm, size_t k,
                          const LoraShape *shape, MergeBy by, Err *e)
{
    char name[MERGE_GROUP_NAME];
    size_t groups = merge_groups(by, shape);
    TRY(limits_sane(lim, k, e));
    TRY(limits_cap(lim, w, k, shape, by, e));
    for (size_t g = 0; g < groups; g++) {
        double n = merge_effective(w + g, norm + g, k, groups);
        if (!limits_enough(lim, n))
            FAIL(e, ERR_ARG, "%s is made of %.3g effective adapters, want at least %g",
                 merge_group_name(name, by, shape, g), n, lim->min_effective);
    }
    return OK;
}

/* Shares p become (1 - t) p + t / m over the m adapters with an update, with the least t for which
 * 1 / sum p^2 = 1/m + (1 - t)^2 (sum p^2 - 1/m) is large enough. */
static void group_even_out(double *w, const double *norm, size_t k, size_t step, double want, size_t m,
                           double have)
{
    double sum = 0, even = 1 / (double)m, spread = 1 / have - even;
    double keep = spread > 0 ? sqrt(fmax(0, (1 / want - even) / spread)) : 1;
    for (size_t j = 0; j < k; j++) sum += fabs(w[j * step]) * norm[j * step];
    for (size_t j = 0; j < k; j++) {
        double n = norm[j * step];
        if (!(n > 0)) continue;
        double share = keep * fabs(w[j * step]) * n / sum + (1 - keep) * even;
        w[j * step] = copysign(share * sum / n, w[j * step]);
    }
}

static Status project_group(double *w, const MergeLimits *lim, const double *norm, size_t k, size_t step,
                            const char *name, Err *e)
{
    double have = merge_effective(w, norm, k, step);
    size_t m = 0;
    if (limits_enough(lim, have)) return OK;
    for (size_t j = 0; j < k; j++) m += norm[j * step] > 0;
    if ((double)m < lim->min_effective)
        FAIL(e, ERR_ARG, "%s: only %zu adapters have an update there, want %g effective ones", name, m,
             lim->min_effective);
    group_even_out(w, norm, k, step, lim->min_effective, m, have);
    return OK;
}

static Status project_all(double *w, const MergeLimits *lim, const double *norm, size_t k,
                          const LoraShape *shape, MergeBy by, Err *e)
{
    char name[MERGE_GROUP_NAME];
    size_t groups = merge_groups(by, shape);
    for (size_t i = 0; i < k * groups; i++) w[i] = fmax(-lim->cap, fmin(lim->cap, w[i]));
    for (size_t g = 0; g < groups; g++)
        TRY(project_group(w + g, lim, norm + g, k, groups, merge_group_name(name, by, shape, g), e));
    return limits_cap(lim, w, k, shape, by, e);
}

Status merge_limits_project(double *w, const MergeLimits *lim, const double *norm, size_t k,
                            const LoraShape *shape, MergeBy by, Err *e)
{
    size_t n = k * merge_groups(by, shape);
    TRY(limits_sane(lim, k, e));
    double *copy = malloc(n * sizeof *copy);
    if (copy == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", n);
    memcpy(copy, w, n * sizeof *copy);
    Status s = project_all(copy, lim, norm, k, shape, by, e);
    if (s == OK) memcpy(w, copy, n * sizeof *w);
    free(copy);
    return s;
}
