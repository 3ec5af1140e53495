/* The table, what each row reads, and every documented error. Known answers: test_attack_known.c. */
#include "prime/attack.h"

#include "../num/ref_csv.h"

Test(attack, scores_meet_the_reference)
{
    Ref r = ref_open("num/token_scores.csv");
    static const char *const names[] = {"loss", "loss_sum", "ref"};
    for (size_t i = 0; i < r.rows; i++) {
        AttackSignal s = {.n_tokens = (size_t)ref_num(&r, i, "n_tokens"),
                          .nll_sum = ref_num(&r, i, "nll_sum"),
                          .ref_nll_sum = ref_num(&r, i, "ref_nll_sum")};
        double score;
        for (size_t k = 0; k < 3; k++) {
            cr_assert_eq(attack_score(&score, &s, 1, names[k], NULL), OK);
            REF_NEAR(score, ref_num(&r, i, names[k]), 1e-13, "%s of row %zu", names[k], i);
        }
        cr_assert_eq(attack_score(&score, &s, 1, "blind_length", NULL), OK);
        cr_assert_eq(score, -(double)s.n_tokens);
    }
    cr_assert_geq(r.rows, 6u);
    ref_close(&r);
}

/* A record of four tokens of which everything is known. */
typedef struct {
    double logp[4], mu[4], sigma[4], ref[4], near[3], count[5];
    int32_t rank[4], id[4];
    AttackTokens tokens;
    AttackCounts counts;
    AttackSignal s;
} Full;

static void full_fill(Full *f)
{
    *f = (Full){.logp = {-1.25, -3.5, -0.4, -2.1},
                .mu = {-1.9, -2.2, -1.1, -2.6},
                .sigma = {0.8, 1.3, 0.6, 1.1},
                .ref = {-1.4, -3.3, -0.9, -2.3},
                .near = {-1.9, -2.0, -1.85},
                .count = {7, 3, 0, 12, 5},
                .rank = {0, 5, 0, 2},
                .id = {1, 4, 1, 3}};
    f->tokens = (AttackTokens){4, f->logp, f->mu, f->sigma, f->ref, f->rank, f->id};
    f->counts = (AttackCounts){f->count, 5, 27};
    f->s = (AttackSignal){.n_tokens = 4,
                          .nll_sum = 7.25,
                          .ref_nll_sum = 7.9,
                          .loo = {4, 7.75},
                          .lower = {5, 11.5},
                          .after_non = {4, 7.5},
                          .after_member = {4, 6.75},
                          .zlib_bytes = 31,
                          .tokens = &f->tokens,
                          .neighbour = f->near,
                          .n_neighbours = 3,
                          .counts = &f->counts};
}

/* Take what a bit stands for out of the signal. */
static void full_without(Full *f, unsigned bit)
{
    if (bit == ATTACK_LOSS) f->s.nll_sum = NAN;
    if (bit == ATTACK_REF) f->s.ref_nll_sum = NAN;
    if (bit == ATTACK_LOO) f->s.loo = (AttackText){0};
    if (bit == ATTACK_LOGP) f->tokens.logp = NULL;
    if (bit == ATTACK_SPREAD) f->tokens.mu = NULL;
    if (bit == ATTACK_RANK) f->tokens.rank = NULL;
    if (bit == ATTACK_REF_LOGP) f->tokens.ref_logp = NULL;
    if (bit == ATTACK_IDS) f->tokens.id = NULL;
    if (bit == ATTACK_COUNTS) f->s.counts = NULL;
    if (bit == ATTACK_ZLIB) f->s.zlib_bytes = 0;
    if (bit == ATTACK_LOWER) f->s.lower = (AttackText){0};
    if (bit == ATTACK_NON) f->s.after_non = (AttackText){0};
    if (bit == ATTACK_MEMBER) f->s.after_member = (AttackText){0};
    if (bit == ATTACK_NEIGHBOUR) f->s.n_neighbours = 0;
}

Test(attack, each_attack_reads_what_it_declares_and_nothing_else)
{
    const unsigned all = (1U << ATTACK_N_NEEDS) - 1;
    for (size_t i = 0; attack_at(i) != NULL; i++) {
        const Attack *row = attack_at(i);
        Full f;
        double whole, part;
        full_fill(&f);
        cr_assert_eq(attack_have(&f.s), all);
        cr_assert_eq(attack_can(row, all), row->fn != NULL);
        if (row->fn == NULL) continue;
        cr_assert_eq(attack_score(&whole, &f.s, 1, row->name, NULL), OK, "%s", row->name);
        for (unsigned bit = 1; bit <= all; bit <<= 1) {
            Err e = {0};
            full_fill(&f);
            full_without(&f, bit);
            cr_assert_eq(attack_have(&f.s), all & ~bit);
            cr_assert_eq(attack_can(row, all & ~bit), (row->needs & bit) == 0);
            Status got = attack_score(&part, &f.s, 1, row->name, &e);
            bool number = bit == ATTACK_LOSS || bit == ATTACK_REF;
            Status want = (row->needs & bit) == 0 ? OK : number ? ERR_NUM : ERR_ARG;
            cr_assert_eq(got, want, "%s without %#x: %s", row->name, bit, e.msg);
            if (got == OK) cr_assert_eq(part, whole, "%s reads %#x", row->name, bit);
        }
    }
}

Test(attack, rows_say_what_they_are_and_names_are_unique)
{
    for (size_t i = 0; attack_at(i) != NULL; i++) {
        const Attack *row = attack_at(i);
        cr_assert_eq(attack_find(row->name), row);
        cr_assert(row->what[0] != '\0' && row->source[0] != '\0' && row->access[0] != '\0');
        cr_assert(row->fn == NULL || strcmp(row->level, "record") == 0, "%s", row->name);
    }
    cr_assert_null(attack_find("los"));
}

Test(attack, a_record_that_the_model_knows_better_scores_higher)
{
    static const char *const names[] = {"loss",      "loss_sum", "ref",         "ref_loo",     "zlib",
                                        "lowercase", "min_k_10", "min_k_20",    "neighbour",   "dc_pdd",
                                        "ez_mia",    "surp_20",  "min_k_pp_10", "min_k_pp_20", "con_recall"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        Full f;
        double before, after;
        full_fill(&f);
        f.counts.count = (double[]){1e9, 1e9, 1e9, 1e9, 1e9}; /* public words: below the cap of dc_pdd */
        f.counts.total = 5e9;
        for (size_t i = 0; i < 4; i++) f.logp[i] -= 6;
        cr_assert_eq(attack_score(&before, &f.s, 1, names[k], NULL), OK);
        for (size_t i = 0; i < 4; i++) f.logp[i] += 0.3;
        f.s.nll_sum -= 1.2;
        cr_assert_eq(attack_score(&after, &f.s, 1, names[k], NULL), OK);
        if (strcmp(names[k], "ez_mia") == 0) /* both errors lie below the reference: 0 before and after */
            cr_assert(before == 0 && after == 0);
        else
            cr_assert_gt(after, before, "%s", names[k]);
    }
}

/* m tokens of T: whole numbers, where floor(T * 0.29) in floating point is off by one. */
Test(attack, min_k_counts_tokens_exactly)
{
    enum { T = 100 };
    double logp[T];
    for (size_t i = 0; i < T; i++) logp[(i * 37) % T] = -(double)(T - i);
    AttackTokens t = {.n = T, .logp = logp};
    AttackSignal s = {.n_tokens = T, .tokens = &t};
    double score;
    const Attack *row = attack_find("min_k_10");
    for (size_t percent = 1; percent <= T; percent++) {
        double work[T];
        score = row->fn(&s, (double)percent, work);
        /* mean of -100, -99, ... */
        cr_assert_float_eq(score, -(double)T + (double)(percent - 1) / 2, 1e-12, "%zu percent", percent);
    }
    t.n = s.n_tokens = 3; /* 10% of three tokens is one */
    cr_assert_eq(attack_score(&score, &s, 1, "min_k_10", NULL), OK);
    cr_assert_eq(score, fmin(logp[0], fmin(logp[1], logp[2])));
}

/* By hand: tokens 1 and 3 are errors, d = -0.2 and +0.2; then one error; then nothing below the reference. */
Test(attack, ez_mia_by_hand)
{
    Full f;
    double score;
    full_fill(&f);
    cr_assert_eq(attack_score(&score, &f.s, 1, "ez_mia", NULL), OK);
    cr_assert_float_eq(score, (2.3 - 2.1) / (3.5 - 3.3), 1e-12);
    f.ref[3] = -3.1;
    cr_assert_eq(attack_score(&score, &f.s, 1, "ez_mia", NULL), OK);
    cr_assert_float_eq(score, 5, 1e-12);
    cr_assert_eq(attack_score(&score, &f.s, 1, "ez_share", NULL), OK);
    cr_assert_float_eq(score, 5.0 / 6, 1e-12);
    f.rank[3] = 0;
    cr_assert_eq(attack_score(&score, &f.s, 1, "ez_mia", NULL), OK);
    cr_assert_eq(score, 0);
    f.rank[3] = 1;
    f.ref[1] = -4;
    cr_assert_eq(attack_score(&score, &f.s, 1, "ez_mia", NULL), OK);
    cr_assert_eq(score, 0);
    cr_assert_eq(attack_score(&score, &f.s, 1, "ez_share", NULL), OK);
    cr_assert_eq(score, 1, "nothing lost");
    f.rank[1] = f.rank[3] = 0;
    cr_assert_eq(attack_score(&score, &f.s, 1, "ez_share", NULL), OK);
    cr_assert_eq(score, 1, "no error at all");
}

static void refused(const AttackSignal *s, size_t n, const char *name, Status want, const char *msg)
{
    double score[2] = {7, 7};
    Err e = {0};
    cr_assert_eq(attack_score(score, s, n, name, &e), want, "%s", name);
    cr_assert_str_eq(e.msg, msg);
    cr_assert(score[0] == 7 && score[1] == 7, "outputs are left alone");
}

Test(attack, refusals)
{
    AttackSignal s[2] = {{.n_tokens = 3, .nll_sum = 1, .ref_nll_sum = 1}, {.n_tokens = 0}};
    refused(s, 2, "loss", ERR_SHAPE, "record 1 has no answer tokens");
    refused(s, 2, "los", ERR_ARG, "unknown attack 'los'; 'prime list attack' shows them");
    refused(s, 1, "lira", ERR_ARG, "attack 'lira' is no function of one record's signals");
    s[1] = (AttackSignal){.n_tokens = 2, .nll_sum = INFINITY};
    refused(s, 2, "loss", ERR_NUM, "loss of record 1 = inf, want a finite number");
    refused(s, 1, "min_k_20", ERR_ARG,
            "attack 'min_k_20' wants log-probabilities of its tokens, which record 0 lacks");
    s[0] = (AttackSignal){.n_tokens = 3, .ref_nll_sum = 1, .lower = {3, 2}, .after_non = {3, 4}};
    refused(s, 1, "recall", ERR_NUM, "attack 'recall' on record 0 = inf, want a finite number");
    s[0].lower.nll_sum = NAN;
    refused(s, 1, "lowercase", ERR_NUM, "lower-cased loss of record 0 = nan, want a finite number");
    Full f;
    full_fill(&f);
    f.sigma[2] = INFINITY;
    refused(&f.s, 1, "min_k_pp_10", ERR_NUM, "sigma of token 2 of record 0 = inf, want a finite number");
    f.id[3] = 5;
    refused(&f.s, 1, "dc_pdd", ERR_ARG, "token 3 of record 0 = 5, want 0 to 4");
    f.near[1] = NAN;
    refused(&f.s, 1, "neighbour", ERR_NUM, "neighbour 1 of record 0 = nan, want a finite number");
    f.s.n_tokens = 5;
    refused(&f.s, 1, "min_k_10", ERR_SHAPE, "record 0 has 5 answer tokens and signals of 4");
}
