/* attack.c - the table of attacks, and what every score is checked for. */
#include "attack_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const need_name[ATTACK_N_NEEDS] = {
    "a loss",
    "a reference loss",
    "a loss under the merge without its owner",
    "log-probabilities of its tokens",
    "mu and sigma of its tokens",
    "ranks of its tokens",
    "reference log-probabilities of its tokens",
    "token ids",
    "token counts of public text",
    "a compressed length",
    "a loss of its lower-cased text",
    "a loss behind a prefix of non-members",
    "a loss behind a prefix of members",
    "losses of neighbours",
};

enum { EZ = ATTACK_LOGP | ATTACK_RANK | ATTACK_REF_LOGP, TEXT_PAIR = ATTACK_LOSS | ATTACK_NON };

/* One attack a row. The first four are those of the sweep. */
/* clang-format off */
static const Attack attacks[] = {
    {"loss", "mean log-likelihood of the answer", "record", "loss",
     "Yeom et al. 2018, arXiv:1709.01604", ATTACK_LOSS, attack_loss, 0},
    {"loss_sum", "summed log-likelihood in nats: length is a confounder", "record", "loss",
     "PriME, arXiv:2503.18008, released code (mia.py)", ATTACK_LOSS, attack_loss_sum, 0},
    {"ref", "mean log-likelihood beyond the reference model's", "record", "loss+ref",
     "Carlini et al. 2021, arXiv:2012.07805; Watson et al. 2022, arXiv:2111.08440",
     ATTACK_LOSS | ATTACK_REF, attack_ref, 0},
    {"blind_length", "shorter answer first, in tokens: what is known without a model", "record", "blind",
     "Das et al. 2024, arXiv:2406.16201", 0, attack_blind_length, 0},
    {"ref_loo", "mean log-likelihood beyond that of the merge without the record's owner", "record", "loss+ref",
     "Watson et al. 2022, arXiv:2111.08440, with the leave-one-out merge as reference",
     ATTACK_LOSS | ATTACK_LOO, attack_ref_loo, 0},
    {"zlib", "mean log-likelihood per byte of the compressed text", "record", "loss",
     "Carlini et al. 2021, arXiv:2012.07805", ATTACK_LOSS | ATTACK_ZLIB, attack_zlib_ratio, 0},
    {"lowercase", "minus the loss beside that of the lower-cased text (a ratio)", "record", "loss",
     "Carlini et al. 2021, arXiv:2012.07805", ATTACK_LOSS | ATTACK_LOWER, attack_lowercase, 0},
    {"min_k_10", "mean of the least likely 10% of tokens", "record", "loss",
     "Shi et al. 2024, arXiv:2310.16789", ATTACK_LOGP, attack_min_k, 10},
    {"min_k_20", "mean of the least likely 20% of tokens", "record", "loss",
     "Shi et al. 2024, arXiv:2310.16789", ATTACK_LOGP, attack_min_k, 20},
    {"min_k_pp_10", "mean of the lowest 10% of tokens' standardised log p (sd)", "record", "logits",
     "Zhang et al. 2024, arXiv:2404.02936", ATTACK_LOGP | ATTACK_SPREAD, attack_min_k_pp, 10},
    {"min_k_pp_20", "mean of the lowest 20% of tokens' standardised log p (sd)", "record", "logits",
     "Zhang et al. 2024, arXiv:2404.02936", ATTACK_LOGP | ATTACK_SPREAD, attack_min_k_pp, 20},
    {"surp_20", "mean of those of the least likely 20% whose distribution has an entropy below 2 nats", "record",
     "logits", "Zhang and Wu 2024, arXiv:2407.21248", ATTACK_LOGP | ATTACK_SPREAD, attack_surp, 20},
    {"recall", "log-likelihood behind a prefix of non-members beside that without it (a ratio)", "record", "loss",
     "Xie et al. 2024, arXiv:2406.15968", TEXT_PAIR, attack_recall, 0},
    {"con_recall", "loss behind non-members less that behind members, beside the plain loss (a ratio)", "record",
     "loss", "Wang et al. 2024, arXiv:2409.03363", TEXT_PAIR | ATTACK_MEMBER, attack_con_recall, 0},
    {"neighbour", "mean log-likelihood beyond that of perturbed versions", "record", "loss",
     "Mattern et al. 2023, arXiv:2305.18462", ATTACK_LOSS | ATTACK_NEIGHBOUR, attack_neighbour, 0},
    {"dc_pdd", "first occurrences: mean of p(x) log 1/f(x), f the smoothed public frequency, at most 0.01 each",
     "record", "loss", "Zhang et al. 2024, arXiv:2409.14781", ATTACK_LOGP | ATTACK_IDS | ATTACK_COUNTS,
     attack_dc_pdd, 0.01},
    {"ez_mia", "tokens that are not the argmax: gain over the reference beside loss (a ratio)", "record",
     "logits", "arXiv:2601.12104", EZ, attack_ez_mia, 0},
    {"ez_share", "the same as a share of gain and loss, so that nothing lost is the highest score", "record",
     "logits", "arXiv:2601.12104, as gain / (gain + loss)", EZ, attack_ez_share, 0},
    {"lira", "log ratio of normal densities fitted to models with and without the record", "record", "shadow",
     "Carlini et al. 2022, arXiv:2112.03570", 0, NULL, 0},
    {"lira_offline", "standard deviations above models without the record", "record", "shadow",
     "Carlini et al. 2022, arXiv:2112.03570", 0, NULL, 0},
    {"rmia", "share of the population that gains less than the record over reference models", "record", "shadow",
     "Zarifzadeh et al. 2024, arXiv:2312.03262", 0, NULL, 0},
    {"rmia_offline", "the same with models without the record alone", "record", "shadow",
     "Zarifzadeh et al. 2024, arXiv:2312.03262", 0, NULL, 0},
    {"lira_remerge", "standard deviations above the same merges with another person in the owner's place",
     "record", "shadow", "Carlini et al. 2022, arXiv:2112.03570, offline, with re-merges for shadow models", 0, NULL, 0},
    {"rmia_remerge", "rmia_offline with the same merges", "record", "shadow",
     "Zarifzadeh et al. 2024, arXiv:2312.03262, with re-merges for reference models", 0, NULL, 0},
    {"quantile", "score beyond a quantile that non-members of the same features would reach", "record",
     "loss+ref", "Bertran et al. 2023, arXiv:2307.03694", 0, NULL, 0},
    {"blind_zlib", "shorter compressed text first, in bytes", "record", "blind",
     "Das et al. 2024, arXiv:2406.16201", ATTACK_ZLIB, attack_blind_zlib, 0},
    {"blind_words", "logistic regression on hashed words, fitted on other people (log odds)", "record", "blind",
     "Meeus et al. 2024, arXiv:2406.17975", 0, NULL, 0},
    {"blind_similarity", "cosine of hashed word counts with the target's own texts", "record", "blind",
     "Das et al. 2024, arXiv:2406.16201; PriME's choice of anchors", 0, NULL, 0},
    {"user_inference", "mean log-likelihood ratio over a person's texts, in nats", "person", "loss+ref",
     "Kandpal et al. 2024, arXiv:2310.09266", 0, NULL, 0},
    {"source_inference", "which person's own adapter makes the text likeliest", "person", "loss",
     "Hu et al. 2021, arXiv:2109.05659", 0, NULL, 0},
    {"dataset_inference", "Welch's t between a person's texts and held-out ones, by a score learnt on the other half",
     "person", "loss+ref", "Maini et al. 2024, arXiv:2406.06443", 0, NULL, 0},
    {"prime_mia", "PriME's own rule: texts of merged people against those of all others, summed loss", "record",
     "loss", "PriME, arXiv:2503.18008, released code (mia.py)", 0, NULL, 0},
    {"fingerprint", "least squares of the merged update on candidates' updates: their weights", "adapter",
     "weights", "normal equations through Gram matrices of factors", 0, NULL, 0},
    {"subspace", "cosines of principal angles between the merged and a candidate's factors", "adapter", "weights",
     "Bjorck and Golub 1973, Math. Comp. 27", 0, NULL, 0},
    {"ref_collusion", "ref on the merge less what the other anchor of the largest weight has put into it", "record",
     "weights", "linearity of the merge; reference: Carlini et al. 2021, arXiv:2012.07805", 0, NULL, 0},
    {"collusion", "the merge less what a colluding person knows of it: its own share", "adapter", "weights",
     "linearity of the merge", 0, NULL, 0},
    {"exposure", "rank of a canary among its alternatives, in bits", "canary", "loss",
     "Carlini et al. 2019, arXiv:1802.08232", 0, NULL, 0},
    {"exposure_fit", "the same from a skew normal fitted to the alternatives, in bits", "canary", "loss",
     "Carlini et al. 2019, arXiv:1802.08232", 0, NULL, 0},
    {"extract_greedy", "whether greedy decoding continues a prefix word for word", "canary", "generate",
     "Carlini et al. 2023, arXiv:2202.07646", 0, NULL, 0},
    {"extract_np", "probability that one of n samples continues a prefix word for word", "canary", "generate",
     "Hayes et al. 2025, arXiv:2410.19482", 0, NULL, 0},
    {"emission", "mail addresses, telephone numbers and keys in what the model writes, a text", "canary",
     "generate", "Carlini et al. 2021, arXiv:2012.07805", 0, NULL, 0},
};
/* clang-format on */
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

unsigned attack_have(const AttackSignal *s)
{
    unsigned have = 0;
    const AttackTokens *t = s->tokens;
    if (isfinite(s->nll_sum)) have |= ATTACK_LOSS;
    if (isfinite(s->ref_nll_sum)) have |= ATTACK_REF;
    if (s->loo.n_tokens > 0) have |= ATTACK_LOO;
    if (t != NULL && t->logp != NULL) have |= ATTACK_LOGP;
    if (t != NULL && t->mu != NULL && t->sigma != NULL) have |= ATTACK_SPREAD;
    if (t != NULL && t->rank != NULL) have |= ATTACK_RANK;
    if (t != NULL && t->ref_logp != NULL) have |= ATTACK_REF_LOGP;
    if (t != NULL && t->id != NULL) have |= ATTACK_IDS;
    if (s->counts != NULL) have |= ATTACK_COUNTS;
    if (s->zlib_bytes > 0) have |= ATTACK_ZLIB;
    if (s->lower.n_tokens > 0) have |= ATTACK_LOWER;
    if (s->after_non.n_tokens > 0) have |= ATTACK_NON;
    if (s->after_member.n_tokens > 0) have |= ATTACK_MEMBER;
    if (s->n_neighbours > 0) have |= ATTACK_NEIGHBOUR;
    return have;
}

bool attack_can(const Attack *a, unsigned have)
{
    return a->fn != NULL && (a->needs & ~have) == 0;
}

/* ---- checks ---- */

static Status attack_check_losses(const Attack *a, const AttackSignal *s, size_t i, Err *e)
{
    const struct {
        unsigned bit;
        const char *what;
        double x;
    } loss[] = {{ATTACK_LOSS, "loss", s->nll_sum},
                {ATTACK_REF, "reference loss", s->ref_nll_sum},
                {ATTACK_LOO, "loss without its owner", s->loo.nll_sum},
                {ATTACK_LOWER, "lower-cased loss", s->lower.nll_sum},
                {ATTACK_NON, "loss behind non-members", s->after_non.nll_sum},
                {ATTACK_MEMBER, "loss behind members", s->after_member.nll_sum}};
    for (size_t k = 0; k < sizeof loss / sizeof loss[0]; k++)
        if ((a->needs & loss[k].bit) && !isfinite(loss[k].x))
            FAIL(e, ERR_NUM, "%s of record %zu = %g, want a finite number", loss[k].what, i, loss[k].x);
    return OK;
}

static Status attack_check_tokens(const Attack *a, const AttackSignal *s, size_t i, Err *e)
{
    const AttackTokens *t = s->tokens;
    const struct {
        unsigned bit;
        const char *what;
        const double *x;
    } row[] = {{ATTACK_LOGP, "log p", t->logp},
               {ATTACK_SPREAD, "mu", t->mu},
               {ATTACK_SPREAD, "sigma", t->sigma},
               {ATTACK_REF_LOGP, "reference log p", t->ref_logp}};
    if (t->n != s->n_tokens)
        FAIL(e, ERR_SHAPE, "record %zu has %zu answer tokens and signals of %zu", i, s->n_tokens, t->n);
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++)
        for (size_t j = 0; (a->needs & row[k].bit) && j < t->n; j++)
            if (!isfinite(row[k].x[j]))
                FAIL(e, ERR_NUM, "%s of token %zu of record %zu = %g, want a finite number", row[k].what, j,
                     i, row[k].x[j]);
    for (size_t j = 0; (a->needs & ATTACK_IDS) && j < t->n; j++)
        if (t->id[j] < 0 || (size_t)t->id[j] >= s->counts->n_vocab)
            FAIL(e, ERR_ARG, "token %zu of record %zu = %d, want 0 to %zu", j, i, t->id[j],
                 s->counts->n_vocab - 1);
    return OK;
}

static Status attack_check(const Attack *a, const AttackSignal *s, size_t i, Err *e)
{
    enum { TOKENS = ATTACK_LOGP | ATTACK_SPREAD | ATTACK_RANK | ATTACK_REF_LOGP | ATTACK_IDS };
    if (s->n_tokens == 0) FAIL(e, ERR_SHAPE, "record %zu has no answer tokens", i);
    TRY(attack_check_losses(a, s, i, e));
    unsigned lack = a->needs & ~attack_have(s);
    for (size_t k = 0; k < ATTACK_N_NEEDS; k++)
        if (lack & (1U << k))
            FAIL(e, ERR_ARG, "attack '%s' wants %s, which record %zu lacks", a->name, need_name[k], i);
    if (a->needs & TOKENS) TRY(attack_check_tokens(a, s, i, e));
    for (size_t k = 0; (a->needs & ATTACK_NEIGHBOUR) && k < s->n_neighbours; k++)
        if (!isfinite(s->neighbour[k]))
            FAIL(e, ERR_NUM, "neighbour %zu of record %zu = %g, want a finite number", k, i, s->neighbour[k]);
    return OK;
}

static Status attack_fill(double *score, const Attack *a, const AttackSignal *s, size_t n, double *work,
                          Err *e)
{
    for (size_t i = 0; i < n; i++) {
        score[i] = a->fn(&s[i], a->par, work);
        if (!isfinite(score[i]))
            FAIL(e, ERR_NUM, "attack '%s' on record %zu = %g, want a finite number", a->name, i, score[i]);
    }
    return OK;
}

Status attack_score(double *score, const AttackSignal *s, size_t n, const char *name, Err *e)
{
    const Attack *a = attack_find(name);
    size_t most = 0;
    if (a == NULL) FAIL(e, ERR_ARG, "unknown attack '%s'; 'prime list attack' shows them", name);
    if (a->fn == NULL) FAIL(e, ERR_ARG, "attack '%s' is no function of one record's signals", name);
    for (size_t i = 0; i < n; i++) {
        TRY(attack_check(a, &s[i], i, e));
        most = s[i].n_tokens > most ? s[i].n_tokens : most;
    }
    double *work = malloc((n + most) * sizeof *work + 1);
    if (work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", n);
    Status st = attack_fill(work, a, s, n, work + n, e);
    if (st == OK && n > 0) memcpy(score, work, n * sizeof *score);
    free(work);
    return st;
}
