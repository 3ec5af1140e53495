/* search_goal.c - what a search is for, and which of its candidates serves it best. */
#include "search_priv.h"

#include "prime/objective.h"
#include "prime/pareto.h"

#include <math.h>
#include <stdlib.h>

/* What breaks a limit ranks behind all that keeps it, by how much it does (Deb 2000, feasibility rules). */
static const double beyond_limit = 1e12;

/* PriME's agreement of a metric that is an error is to be large: then V and its limits count the other way.
 */
static double goal_sign(const Search *s)
{
    return s->minimise && s->a->spec->evolve.objective == 0 ? -1 : 1;
}

double goal_loss(const Search *s, const SpecGoal *g, double u, const double *v)
{
    double loss = s->minimise ? u : -u;
    if (g->want == SPEC_LAMBDA) return objective_prime(u, v, s->k, g->value, s->minimise);
    if (g->want == SPEC_FRONT) return loss;
    double over = goal_sign(s) * (search_mean(s, v) - g->value);
    return over > 0 ? beyond_limit + over : loss;
}

void goal_values(double *f, const Search *s, double u, const double *v)
{
    f[0] = s->minimise ? u : -u;
    f[1] = goal_sign(s) * search_mean(s, v);
    if (s->n_v > s->k) f[2] = v[s->k];
}

typedef struct {
    const Search *s;
    const SpecGoal *g;
} GoalOf;

static double goal_entry(const void *ctx, const ArchiveItem *it)
{
    const GoalOf *of = ctx;
    return goal_loss(of->s, of->g, it->u, it->v);
}

bool goal_best(size_t *out, const Search *s, const SpecGoal *g)
{
    return archive_rank(out, 1, s->archive, goal_entry, &(GoalOf){s, g}) == 1;
}

/* ---- the front ---- */

/* The archive's entries as points [n, 2]. */
static void front_points(double *pt, const Search *s, size_t n)
{
    double f[3];
    for (size_t i = 0; i < n; i++) {
        ArchiveItem it = archive_at(s->archive, i);
        goal_values(f, s, it.u, it.v);
        pt[2 * i] = f[0];
        pt[2 * i + 1] = f[1];
    }
}

/* Insertion by V: fronts are short, and along one V orders the points strictly. */
static size_t front_sort(size_t *out, const bool *flag, const double *pt, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!flag[i]) continue;
        size_t j = count++;
        for (; j > 0 && pt[2 * out[j - 1] + 1] > pt[2 * i + 1]; j--) out[j] = out[j - 1];
        out[j] = i;
    }
    return count;
}

Status goal_front(size_t **out, size_t *count, Search *s, Err *e)
{
    size_t n = archive_count(s->archive), *order = arena_alloc(&s->keep, n, sizeof *order);
    double *pt = malloc(2 * n * sizeof *pt);
    bool *flag = malloc(n * sizeof *flag);
    Status st = order != NULL && pt != NULL && flag != NULL
                    ? OK
                    : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu points", n);
    if (st == OK) front_points(pt, s, n);
    if (st == OK) st = pareto_front(flag, pt, n, 2, PARETO_FIRST, e);
    if (st == OK) *count = front_sort(order, flag, pt, n);
    if (st == OK) *out = order;
    free(pt);
    free(flag);
    return st;
}
