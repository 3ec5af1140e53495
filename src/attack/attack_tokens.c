/* attack_tokens.c - scores that read single tokens. */
#include "attack_priv.h"

#include "prime/stats.h"

#include <math.h>
#include <string.h>

/* How many of T tokens k percent are: at least one, and exact where k T / 100 is whole. */
static size_t tokens_share(size_t n, double percent)
{
    size_t m = n * (size_t)percent / 100;
    return m > 0 ? m : 1;
}

/* Mean of the m smallest of x [n], which is sorted. */
static double mean_lowest(double *x, size_t n, size_t m)
{
    stats_sort(x, n);
    return stats_mean(x, m);
}

double attack_min_k(const AttackSignal *s, double par, double *work)
{
    const AttackTokens *t = s->tokens;
    memcpy(work, t->logp, t->n * sizeof *work);
    return mean_lowest(work, t->n, tokens_share(t->n, par));
}

double attack_min_k_pp(const AttackSignal *s, double par, double *work)
{
    const AttackTokens *t = s->tokens;
    for (size_t i = 0; i < t->n; i++) work[i] = t->sigma[i] > 0 ? (t->logp[i] - t->mu[i]) / t->sigma[i] : 0;
    return mean_lowest(work, t->n, tokens_share(t->n, par));
}

/* Equal values at the m-th place: those that come first in the text are taken, as many as there is room for.
 */
double attack_surp(const AttackSignal *s, double par, double *work)
{
    static const double max_entropy = 2; /* nats */
    const AttackTokens *t = s->tokens;
    size_t m = tokens_share(t->n, par), below = 0, n = 0;
    memcpy(work, t->logp, t->n * sizeof *work);
    double all = mean_lowest(work, t->n, m), last = work[m - 1], sum = 0;
    while (below < m && work[below] < last) below++;
    size_t room = m - below;
    for (size_t i = 0; i < t->n; i++) {
        bool tie = t->logp[i] == last;
        if (t->logp[i] > last || (tie && room == 0)) continue;
        room -= tie;
        if (-t->mu[i] < max_entropy) sum += t->logp[i], n++;
    }
    return n > 0 ? sum / (double)n : all;
}

static bool occurred(const int32_t *id, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (id[k] == id[i]) return true;
    return false;
}

double attack_dc_pdd(const AttackSignal *s, double par, double *work)
{
    (void)work;
    const AttackTokens *t = s->tokens;
    const AttackCounts *c = s->counts;
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (occurred(t->id, i)) continue;
        double f = (1 + c->count[t->id[i]]) / (c->total + (double)c->n_vocab);
        sum += fmin(par, -exp(t->logp[i]) * log(f));
        n++;
    }
    return sum / (double)n;
}

/* What tokens that are not the argmax gain over the reference, and what they lose; returns how many there
 * are. */
static size_t ez_gain(double *up, double *down, const AttackTokens *t)
{
    size_t n = 0;
    *up = *down = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->rank[i] == 0) continue;
        double d = t->logp[i] - t->ref_logp[i];
        *up += fmax(d, 0);
        *down += fmax(-d, 0);
        n++;
    }
    return n;
}

double attack_ez_mia(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    double up, down;
    size_t n = ez_gain(&up, &down, s->tokens);
    return n < 2 || down == 0 ? 0 : up / down;
}

double attack_ez_share(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    double up, down;
    (void)ez_gain(&up, &down, s->tokens);
    return down > 0 ? up / (up + down) : 1;
}
