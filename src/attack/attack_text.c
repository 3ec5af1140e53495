/* attack_text.c - scores that read losses of whole texts. */
#include "attack_priv.h"

static double attack_mean(const AttackSignal *s)
{
    return -s->nll_sum / (double)s->n_tokens;
}

static double text_mean(AttackText t)
{
    return -t.nll_sum / (double)t.n_tokens;
}

double attack_loss(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return attack_mean(s);
}

double attack_loss_sum(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return -s->nll_sum;
}

double attack_ref(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return (s->ref_nll_sum - s->nll_sum) / (double)s->n_tokens;
}

double attack_ref_loo(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return (s->loo.nll_sum - s->nll_sum) / (double)s->n_tokens;
}

double attack_blind_length(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return -(double)s->n_tokens;
}

double attack_blind_zlib(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return -(double)s->zlib_bytes;
}

double attack_zlib_ratio(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return attack_mean(s) / (double)s->zlib_bytes;
}

/* The lower-cased text has its own number of tokens: means, not sums. */
double attack_lowercase(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return -attack_mean(s) / text_mean(s->lower);
}

double attack_recall(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return text_mean(s->after_non) / attack_mean(s);
}

double attack_con_recall(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    return (text_mean(s->after_non) - text_mean(s->after_member)) / attack_mean(s);
}

double attack_neighbour(const AttackSignal *s, double par, double *work)
{
    (void)par, (void)work;
    double sum = 0;
    for (size_t i = 0; i < s->n_neighbours; i++) sum += s->neighbour[i];
    return attack_mean(s) - sum / (double)s->n_neighbours;
}
