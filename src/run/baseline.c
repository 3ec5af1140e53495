/* baseline.c - the table of what can be measured, in the order in which it is. */
#include "sweep_priv.h"

#include "prime/str.h"

#include <string.h>

static const Method methods[] = {
    {.row = {.name = "base",
             .what = "the base model, adapted to the task, without an adapter",
             .source = "control"},
     .scope = PER_TARGET,
     .run = method_base},
    {.row = {.name = "anchor", .what = "each anchor's adapter alone", .source = "control"},
     .scope = PER_ANCHOR,
     .run = method_anchor},
    {.row = {.name = "uniform", .what = "the audit's operator with equal weights 1/K", .source = "control"},
     .scope = PER_TRAINING,
     .run = method_equal},
    {.row = {.name = "soup",
             .what = "A and B of the anchors averaged",
             .source = "Personalized Soups: Jang et al. 2023, arXiv:2310.11564"},
     .scope = PER_TRAINING,
     .run = method_equal},
    {.row = {.name = "soup-preference",
             .what = "A and B averaged by softmax of the target's likeness to each anchor",
             .source = "Personalized Soups with preference weights: Jang et al. 2023, arXiv:2310.11564"},
     .scope = PER_TRAINING,
     .run = method_equal},
    {.row = {.name = "ties",
             .what = "TIES of the anchors' updates at equal weights",
             .source = "Yadav et al. 2023, arXiv:2306.01708"},
     .scope = PER_TRAINING,
     .run = method_equal},
    {.row = {.name = "dare",
             .what = "DARE of the anchors' updates at equal weights",
             .source = "Yu et al. 2023, arXiv:2311.03099"},
     .scope = PER_TRAINING,
     .run = method_equal},
    {.row = {.name = "dare-ties",
             .what = "DARE and TIES together at equal weights",
             .source = "Yu et al. 2023, arXiv:2311.03099"},
     .scope = PER_TRAINING,
     .run = method_equal},
    {.row = {.name = "dp-uniform",
             .what = "uniform of anchors that were trained with DP-SGD, the unit one record",
             .source = "Abadi et al. 2016, arXiv:1607.00133"},
     .scope = PER_TRAINING,
     .run = method_equal},
    {.row = {.name = "malicious",
             .what = "uniform with one more adapter, an attacker's: away from public text, as large as the "
                     "anchors'",
             .source =
                 "after PhiMM: Guo et al. 2025, arXiv:2502.11533; Ilharco et al. 2023, arXiv:2212.04089"},
     .scope = PER_TRAINING,
     .run = method_attacker},
    {.row = {.name = "bystander",
             .what = "malicious with its adapter the right way round: what one more adapter does by itself",
             .source = "control"},
     .scope = PER_TRAINING,
     .run = method_attacker},
    {.row = {.name = "oppu",
             .what = "an adapter of the target's own, trained on the target's history",
             .source = "OPPU: Tan et al. 2024, arXiv:2402.04401"},
     .scope = PER_TRAINING,
     .run = method_oppu},
    {.row = {.name = "perpcs",
             .what = "the anchors' adapters put together module by module, by their gates",
             .source = "Per-Pcs: Tan et al. 2024, arXiv:2406.10471"},
     .scope = PER_TRAINING,
     .run = method_perpcs},
    {.row = {.name = "evolved",
             .what = "the search that evolve.* describes, for every lambda, limit and place on the front",
             .source = "PriME: Kim, Shin, Kim 2025, arXiv:2503.18008"},
     .scope = PER_SEED,
     .run = method_search,
     .goals = method_evolved_goals},
    {.row = {.name = "prime-paper",
             .what = "the search of PriME's released code, for every lambda",
             .source = "PriME: Kim, Shin, Kim 2025, arXiv:2503.18008"},
     .scope = PER_SEED,
     .run = method_search,
     .goals = method_lambda_goals},
    {.row = {.name = "constrained",
             .what = "best utility within constrained.limit of membership advantage, seen by the search",
             .source = "after PriME and Deb 2000"},
     .scope = PER_SEED,
     .run = method_search,
     .goals = method_constrained_goals},
    {.row = {.name = "matched-random",
             .what = "random weights, scaled to the norm of evolved at the same lambda",
             .source = "control",
             .beside = "evolved"},
     .scope = BESIDE,
     .goals = method_lambda_goals},
    {.row = {.name = "matched-uniform",
             .what = "equal weights, scaled to the norm of evolved at the same lambda",
             .source = "control",
             .beside = "evolved"},
     .scope = BESIDE,
     .goals = method_lambda_goals},
    {.row = {.name = "random-anchors",
             .what =
                 "the weights of evolved on other anchors, drawn at random: the target's own are not in it",
             .source = "control",
             .beside = "evolved"},
     .scope = BESIDE,
     .goals = method_lambda_goals},
    {.row = {.name = "loo",
             .what = "evolved at the first lambda without each anchor in turn, whose records are attacked",
             .source = "counterfactual",
             .beside = "evolved"},
     .scope = BESIDE,
     .goals = method_without_goals},
    {.row = {.name = "scaled",
             .what = "each anchor alone at the weight that it has in evolved, its own records attacked: what "
                     "scaling takes away by itself",
             .source = "counterfactual",
             .beside = "evolved"},
     .scope = BESIDE,
     .goals = method_lambda_goals},
};
enum { N_METHODS = sizeof methods / sizeof methods[0] };

const Method *method_at(size_t i)
{
    return i < N_METHODS ? &methods[i] : NULL;
}

const Baseline *baseline_at(size_t i)
{
    return i < N_METHODS ? &methods[i].row : NULL;
}

const Baseline *baseline_find(const char *name)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (strcmp(methods[i].row.name, name) == 0) return &methods[i].row;
    return NULL;
}

const char *baseline_nearest(const char *name)
{
    const char *names[N_METHODS];
    for (size_t i = 0; i < N_METHODS; i++) names[i] = methods[i].row.name;
    return str_nearest(name, names, N_METHODS);
}
