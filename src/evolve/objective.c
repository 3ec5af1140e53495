#include "prime/objective.h"

double objective_mean(const double *v, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i < k; i++) sum += v[i];
    return k > 0 ? sum / (double)k : 0;
}

double objective_prime(double u, const double *v, size_t k, double lambda, bool minimise)
{
    double gain = u - lambda * objective_mean(v, k);
    return minimise ? gain : -gain;
}
