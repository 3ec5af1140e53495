#include "prime/attack.h"

#include <math.h>
#include <string.h>

static double attack_loss(const AttackSignal *s)
{
    return -s->nll_sum / (double)s->n_tokens;
}

static double attack_loss_sum(const AttackSignal *s)
{
    return -s->nll_sum;
}

static double attack_ref(const AttackSignal *s)
{
    return (s->ref_nll_sum - s->nll_sum) / (double)s->n_tokens;
}

static double attack_blind_length(const AttackSignal *s)
{
    return -(double)s->n_tokens;
}

static const Attack attacks[] = {
    {"loss", "mean log-likelihood of the answer", "record", "loss", "Yeom et al. 2018, arXiv:1709.01604",
     true, false, attack_loss},
    {"loss_sum", "summed log-likelihood in nats: length is a confounder", "record", "loss",
     "PriME, arXiv:2503.18008, released code (mia.py)", true, false, attack_loss_sum},
    {"ref", "mean log-likelihood beyond the reference model's", "record", "loss+ref",
     "Carlini et al. 2021, arXiv:2012.07805; Watson et al. 2022, arXiv:2111.08440", true, true, attack_ref},
    {"blind_length", "shorter answer first, in tokens: what is known without a model", "record", "blind",
     "Das et al. 2024, arXiv:2406.16201", false, false, attack_blind_length},
};
enum { N_ATTACKS = sizeof attacks / sizeof attacks[0] };

const Attack *attack_at(size_t i)
{
    return i < N_ATTACKS ? &attacks[i] : NULL;
}

const Attack *attack_find(const char *name)
{
    for (size_t i = 0; i < N_ATTACKS; i++)
        if (strcmp(attacks[i].name, name) == 0) return &attacks[i];
    return NULL;
}

static Status attack_check(const Attack *a, const AttackSignal *s, size_t i, Err *e)
{
    if (s->n_tokens == 0) FAIL(e, ERR_SHAPE, "record %zu has no answer tokens", i);
    if (a->needs_model && !isfinite(s->nll_sum))
        FAIL(e, ERR_NUM, "loss of record %zu = %g, want a finite number", i, s->nll_sum);
    if (a->needs_ref && !isfinite(s->ref_nll_sum))
        FAIL(e, ERR_NUM, "reference loss of record %zu = %g, want a finite number", i, s->ref_nll_sum);
    return OK;
}

Status attack_score(double *score, const AttackSignal *s, size_t n, const char *name, Err *e)
{
    const Attack *a = attack_find(name);
    if (a == NULL) FAIL(e, ERR_ARG, "attack '%s', want loss, loss_sum, ref or blind_length", name);
    for (size_t i = 0; i < n; i++) TRY(attack_check(a, &s[i], i, e));
    for (size_t i = 0; i < n; i++) score[i] = a->fn(&s[i]);
    return OK;
}
