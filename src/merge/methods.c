/* methods.c - the table of methods: each row is a recipe, with the source and convention that it follows. */
#include "merge_priv.h"

#include "prime/str.h"

#include <string.h>

enum {
    READS_TRIM = MERGE_DENSITY | MERGE_RESCALE,
    READS_VOTE = MERGE_ELECT | MERGE_MEAN,
    READS_RANDOM = READS_TRIM | MERGE_SEED
};

static const MergeRecipe recipe_prime = {.site = factors_prime};
static const MergeRecipe recipe_peft_linear = {.site = factors_peft};
static const MergeRecipe recipe_exact = {.site = span_site, .coef = coef_exact};
static const MergeRecipe recipe_svd = {.site = span_site, .coef = coef_exact, .cuts = true};
static const MergeRecipe recipe_slerp = {.site = span_site, .coef = coef_slerp};
static const MergeRecipe recipe_multislerp = {.site = span_site, .coef = coef_multislerp};
static const MergeRecipe recipe_karcher = {.site = span_site, .coef = coef_karcher};
static const MergeRecipe recipe_stock = {.site = span_site, .coef = coef_stock};

static const MergeRecipe recipe_prune = {.site = dense_site, .trim = trim_top, .mean = MEAN_SUM};
static const MergeRecipe recipe_ties_peft = {
    .site = dense_site, .trim = trim_top, .elects = true, .mean = MEAN_COUNT};
static const MergeRecipe recipe_ties_mergekit = {
    .site = dense_site, .trim = trim_top, .elects = true, .weighted = true, .mean = MEAN_WEIGHTS};
static const MergeRecipe recipe_ties_knots = {.site = dense_site,
                                              .trim = trim_top_closed,
                                              .elects = true,
                                              .weighted = true,
                                              .majority = true,
                                              .mean = MEAN_COUNT};
static const MergeRecipe recipe_knots = {.site = knots_site,
                                         .trim = trim_top_closed,
                                         .elects = true,
                                         .weighted = true,
                                         .majority = true,
                                         .mean = MEAN_COUNT};
static const MergeRecipe recipe_dare_linear = {
    .site = dense_site, .trim = trim_random, .writes = true, .mean = MEAN_SUM, .rescale = RESCALE_INVERSE};
static const MergeRecipe recipe_dare_ties = {.site = dense_site,
                                             .trim = trim_random,
                                             .writes = true,
                                             .elects = true,
                                             .mean = MEAN_COUNT,
                                             .rescale = RESCALE_INVERSE};
static const MergeRecipe recipe_dare_ties_mergekit = {.site = dense_site,
                                                      .trim = trim_random,
                                                      .writes = true,
                                                      .elects = true,
                                                      .weighted = true,
                                                      .mean = MEAN_WEIGHTS,
                                                      .rescale = RESCALE_L1};
static const MergeRecipe recipe_della = {.site = dense_site,
                                         .trim = trim_ranked,
                                         .writes = true,
                                         .elects = true,
                                         .weighted = true,
                                         .mean = MEAN_WEIGHTS,
                                         .rescale = RESCALE_L1};
static const MergeRecipe recipe_della_linear = {
    .site = dense_site, .trim = trim_ranked, .writes = true, .mean = MEAN_SUM, .rescale = RESCALE_L1};
static const MergeRecipe recipe_breadcrumbs = {.site = dense_site, .trim = trim_band, .mean = MEAN_SUM};
static const MergeRecipe recipe_breadcrumbs_ties = {
    .site = dense_site, .trim = trim_band, .elects = true, .weighted = true, .mean = MEAN_SUM};
static const MergeRecipe recipe_sce = {.site = dense_sce};

static const MergeMethod methods[] = {
    {.name = "prime",
     .what = "A and B weighted separately: (sum w B)(sum w A)",
     .source = "Kim, Shin, Kim 2025 (EMNLP), released code, get_weighted_lora",
     .form = MERGE_FACTORS,
     .linear = true,
     .op = LORA_PRIME,
     .recipe = &recipe_prime},
    {.name = "exact",
     .what = "the exact sum of updates: sum w B A, ranks side by side",
     .source = "PEFT 'cat'; Ilharco et al. 2023, arXiv:2212.04089",
     .form = MERGE_SPAN,
     .linear = true,
     .op = LORA_EXACT,
     .recipe = &recipe_exact},
    {.name = "task_arithmetic",
     .what = "the same sum, strength set by lambda",
     .source = "Ilharco et al. 2023, arXiv:2212.04089, sec. 2",
     .form = MERGE_SPAN,
     .linear = true,
     .op = LORA_EXACT,
     .recipe = &recipe_exact},
    {.name = "svd",
     .what = "the exact sum, cut to the best approximation of the largest rank (or --rank), dW not formed",
     .source = "Eckart and Young 1936; PEFT 'svd', with the scaling once",
     .form = MERGE_SPAN,
     .recipe = &recipe_svd},
    {.name = "peft_linear",
     .what = "A and B weighted by sqrt(|w| alpha/r) each, sign on A; has cross terms",
     .source = "PEFT add_weighted_adapter 'linear'",
     .form = MERGE_FACTORS,
     .recipe = &recipe_peft_linear},
    {.name = "magnitude_prune",
     .what = "on dW: the largest entries of each, weighted sum",
     .source = "PEFT 'magnitude_prune_svd'",
     .form = MERGE_DENSE,
     .reads = READS_TRIM,
     .recipe = &recipe_prune},
    {.name = "ties_peft",
     .what = "on dW: the largest entries, sign by unweighted vote (even: plus), weighted sum over the number "
             "that "
             "agree",
     .source = "Yadav et al. 2023, arXiv:2306.01708; PEFT's convention 'ties_svd'",
     .form = MERGE_DENSE,
     .reads = READS_TRIM | READS_VOTE,
     .recipe = &recipe_ties_peft},
    {.name = "ties_mergekit",
     .what =
         "on dW: the largest entries, sign by weighted vote (even: plus), weighted mean of those that agree; "
         "weights >= 0 unless --mean sum or count",
     .source = "Yadav et al. 2023, arXiv:2306.01708; mergekit's convention 'ties'",
     .form = MERGE_DENSE,
     .reads = READS_TRIM | READS_VOTE,
     .recipe = &recipe_ties_mergekit},
    {.name = "ties_knots",
     .what = "on dW: the largest entries and one more, sign by weighted vote (even: as most), mean by count",
     .source = "Yadav et al. 2023, arXiv:2306.01708; KnOTS' convention",
     .form = MERGE_DENSE,
     .reads = READS_TRIM | READS_VOTE,
     .recipe = &recipe_ties_knots},
    {.name = "knots",
     .what = "ties_knots on coordinates in the common left singular basis; rank of that basis, dW not formed",
     .source = "Stoica et al. 2024, arXiv:2410.19735",
     .form = MERGE_SPAN,
     .reads = READS_TRIM | READS_VOTE,
     .recipe = &recipe_knots},
    {.name = "dare_linear",
     .what = "on dW: entries dropped at random, the rest times 1/density (--rescale l1: mergekit's), "
             "weighted sum",
     .source = "Yu et al. 2024, arXiv:2311.03099; PEFT's convention",
     .form = MERGE_DENSE,
     .reads = READS_RANDOM,
     .recipe = &recipe_dare_linear},
    {.name = "dare_ties",
     .what = "on dW: dropped at random, times 1/density, then vote and mean as ties_peft",
     .source = "Yu et al. 2024, arXiv:2311.03099; PEFT's convention 'dare_ties_svd'",
     .form = MERGE_DENSE,
     .reads = READS_RANDOM | READS_VOTE,
     .recipe = &recipe_dare_ties},
    {.name = "dare_ties_mergekit",
     .what = "on dW: dropped at random, sum of magnitudes restored, then vote and mean as ties_mergekit",
     .source = "Yu et al. 2024, arXiv:2311.03099; mergekit's convention 'dare_ties'",
     .form = MERGE_DENSE,
     .reads = READS_RANDOM | READS_VOTE,
     .recipe = &recipe_dare_ties_mergekit},
    {.name = "della",
     .what = "on dW: dropped at random, small entries of a row likelier (density -+ epsilon), then as "
             "dare_ties_mergekit (--rescale inverse: the paper's)",
     .source = "Deep et al. 2024, arXiv:2406.11617; mergekit's convention 'della'",
     .form = MERGE_DENSE,
     .reads = READS_RANDOM | READS_VOTE | MERGE_EPSILON,
     .recipe = &recipe_della},
    {.name = "della_linear",
     .what = "on dW: dropped as by della, weighted sum",
     .source = "Deep et al. 2024, arXiv:2406.11617; mergekit's convention 'della_linear'",
     .form = MERGE_DENSE,
     .reads = READS_RANDOM | MERGE_EPSILON,
     .recipe = &recipe_della_linear},
    {.name = "breadcrumbs",
     .what =
         "on dW: without the gamma largest entries and the smallest, so that density is left; weighted sum",
     .source = "Davari and Belilovsky 2024, arXiv:2312.06795; mergekit's convention 'breadcrumbs'",
     .form = MERGE_DENSE,
     .reads = READS_TRIM | MERGE_GAMMA,
     .recipe = &recipe_breadcrumbs},
    {.name = "breadcrumbs_ties",
     .what = "on dW: the same entries, sign by weighted vote, weighted sum of those that agree",
     .source = "mergekit's convention 'breadcrumbs_ties'",
     .form = MERGE_DENSE,
     .reads = READS_TRIM | READS_VOTE | MERGE_GAMMA,
     .recipe = &recipe_breadcrumbs_ties},
    {.name = "sce",
     .what =
         "on dW: entries that vary most, weighted by energy, of those with the elected sign; weights >= 0",
     .source = "Wan et al. 2024, arXiv:2408.07990; mergekit's convention 'sce'",
     .form = MERGE_DENSE,
     .reads = MERGE_DENSITY,
     .positive = true,
     .recipe = &recipe_sce},
    {.name = "slerp",
     .what = "two updates joined on the great circle, norms not interpolated; weights >= 0, dW not formed",
     .source = "Shoemake 1985 (SIGGRAPH); mergekit's convention 'slerp'",
     .form = MERGE_SPAN,
     .positive = true,
     .recipe = &recipe_slerp},
    {.name = "multislerp",
     .what = "normalised mean direction, mean norm; weights >= 0, dW not formed",
     .source = "mergekit's convention 'multislerp'",
     .form = MERGE_SPAN,
     .positive = true,
     .recipe = &recipe_multislerp},
    {.name = "karcher",
     .what = "mean of directions on the sphere by distance along it, mean norm; weights >= 0, dW not formed",
     .source = "Karcher 1977; mergekit's convention 'karcher'",
     .form = MERGE_SPAN,
     .positive = true,
     .recipe = &recipe_karcher},
    {.name = "model_stock",
     .what = "the mean, shortened by how far updates agree: N cos / (1 + (N - 1) cos); weights >= 0, dW not "
             "formed",
     .source = "Jang et al. 2024, arXiv:2403.19522; mean cosine of all pairs, not below 0",
     .form = MERGE_SPAN,
     .positive = true,
     .recipe = &recipe_stock},
};

enum { N_METHODS = sizeof methods / sizeof methods[0] };

const char *const merge_rescale_names[] = {"auto", "none", "inverse", "l1", NULL};
const char *const merge_elect_names[] = {"auto", "total", "frequency", NULL};
const char *const merge_mean_names[] = {"auto", "sum", "count", "weights", NULL};

const MergeMethod *merge_at(size_t i)
{
    return i < N_METHODS ? &methods[i] : NULL;
}

const MergeMethod *merge_find(const char *name)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (strcmp(methods[i].name, name) == 0) return &methods[i];
    return NULL;
}

const char *merge_nearest(const char *name)
{
    const char *names[N_METHODS];
    for (size_t i = 0; i < N_METHODS; i++) names[i] = methods[i].name;
    return str_nearest(name, names, N_METHODS);
}
