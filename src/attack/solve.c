#include "solve_priv.h"

#include "prime/rng.h"

#include <math.h>
#include <stdlib.h>

Status solver_open(Solver *s, size_t n, Err *e)
{
    *s = (Solver){.n = n};
    s->val = calloc(n + n * n + 1, sizeof *s->val);
    if (s->val == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu equations", n);
    s->vec = s->val + n;
    return eig_new(&s->eig, n, e);
}

void solver_close(Solver *s)
{
    eig_free(s->eig);
    free(s->val);
    *s = (Solver){0};
}

Status solver_run(double *x, size_t *rank, Solver *s, const double *g, const double *b, Err *e)
{
    size_t n = s->n, kept = 0;
    TRY(eig_sym(s->val, s->vec, g, s->eig, e));
    for (size_t i = 0; i < n; i++) x[i] = 0;
    for (size_t j = 0; j < n; j++) {
        if (!(s->val[j] > 1e-12 * s->val[n - 1])) continue;
        double c = 0;
        for (size_t i = 0; i < n; i++) c += s->vec[i * n + j] * b[i];
        for (size_t i = 0; i < n; i++) x[i] += s->vec[i * n + j] * c / s->val[j];
        kept++;
    }
    if (rank != NULL) *rank = kept;
    return OK;
}

Status people_folds(size_t *fold, size_t n_people, size_t folds, uint64_t seed, const char *label, Err *e)
{
    size_t *order = malloc((n_people + 1) * sizeof *order);
    if (order == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", n_people);
    for (size_t i = 0; i < n_people; i++) order[i] = i;
    Rng rng = rng_stream(seed, label, 0);
    rng_shuffle(&rng, order, n_people);
    for (size_t i = 0; i < n_people; i++) fold[order[i]] = i % folds;
    free(order);
    return OK;
}
