#include "prime/attack.h"

#include "../num/ref_csv.h"

Test(attack, scores_meet_the_reference)
{
    Ref r = ref_open("num/token_scores.csv");
    static const char *const names[] = {"loss", "loss_sum", "ref"};
    for (size_t i = 0; i < r.rows; i++) {
        AttackSignal s = {(size_t)ref_num(&r, i, "n_tokens"), ref_num(&r, i, "nll_sum"),
                          ref_num(&r, i, "ref_nll_sum")};
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

Test(attack, each_attack_reads_only_what_it_declares)
{
    AttackSignal full = {7, 11.5, 13.25}, no_ref = {7, 11.5, NAN}, bare = {7, NAN, NAN};
    double a, b;
    for (size_t i = 0; attack_at(i) != NULL; i++) {
        const Attack *row = attack_at(i);
        cr_assert_eq(attack_find(row->name), row);
        cr_assert(row->what[0] != '\0' && row->source[0] != '\0' && strcmp(row->level, "record") == 0);
        cr_assert_eq(attack_score(&a, &full, 1, row->name, NULL), OK);
        cr_assert_eq(attack_score(&b, &no_ref, 1, row->name, NULL), row->needs_ref ? ERR_NUM : OK);
        cr_assert_eq(attack_score(&b, &bare, 1, row->name, NULL), row->needs_model ? ERR_NUM : OK);
        AttackSignal learnt = full;
        learnt.nll_sum = 5; /* a record that the model knows better never scores lower */
        cr_assert_eq(attack_score(&b, &learnt, 1, row->name, NULL), OK);
        cr_assert(row->needs_model ? b > a : b == a, "%s", row->name);
    }
    cr_assert_null(attack_find("los"));
}

Test(attack, refusals)
{
    AttackSignal s[2] = {{3, 1, 1}, {0, 0, 0}};
    double score[2] = {7, 7};
    Err e = {0};
    cr_assert_eq(attack_score(score, s, 2, "loss", &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, "record 1 has no answer tokens");
    cr_assert_eq(score[0], 7, "outputs are left alone");
    e = (Err){0};
    cr_assert_eq(attack_score(score, s, 2, "lira", &e), ERR_ARG);
    s[1] = (AttackSignal){2, INFINITY, 0};
    e = (Err){0};
    cr_assert_eq(attack_score(score, s, 2, "loss", &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "loss of record 1 = inf, want a finite number");
}
