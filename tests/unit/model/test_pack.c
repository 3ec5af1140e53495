/* Models packed for passes without gradients: what changes, by how much, and what must not. */
#include <math.h>

#include "tiny.h"

#include "prime/generate.h"
#include "prime/mat.h"
#include "prime/par.h"
#include "prime/score.h"

enum { PACK_TEXTS = 40, PACK_CANDS = 4, PACK_LORAS = 2 };

typedef struct {
    Model *m;
    Lora *l[PACK_LORAS];
    LoraBank *bank;
    float w[PACK_CANDS * PACK_LORAS];
    int32_t *ids[PACK_TEXTS];
    ScoreItem item[PACK_TEXTS];
} PackWorld;

static PackWorld pack_open(void)
{
    ModelConfig c = tiny_config();
    PackWorld k = {.m = tiny_model(&c, 4)};
    for (size_t i = 0; i < PACK_LORAS; i++) k.l[i] = tiny_lora(k.m, TINY_ALL, 3, 20 + i);
    MUST(lora_bank_new(&k.bank, (const Lora *const *)k.l, PACK_LORAS, &e_));
    Rng rng = rng_stream(3, "weights", 0);
    for (size_t i = 0; i < PACK_CANDS * PACK_LORAS; i++) k.w[i] = (float)(2 * rng_uniform(&rng) - 1);
    for (size_t i = 0; i < PACK_TEXTS; i++) {
        k.ids[i] = tiny_ids(40, c.n_vocab, 50 + i / 2 * 2); /* pairs share their prompt */
        if (i % 2 == 1) k.ids[i][25] = (k.ids[i][25] + 1) % 61;
        k.item[i] = (ScoreItem){k.ids[i], 21 + i % 17, 20, i / 2 % PACK_CANDS};
    }
    return k;
}

static void pack_close(PackWorld *k)
{
    par_set_threads(0);
    for (size_t i = 0; i < PACK_TEXTS; i++) free(k->ids[i]);
    lora_bank_free(k->bank);
    for (size_t i = 0; i < PACK_LORAS; i++) lora_free(k->l[i]);
    model_free(k->m);
}

static void pack_score(ScoreOut out[PACK_TEXTS], const PackWorld *k)
{
    MUST(score_nll(out, k->m, &(PassLora){.bank = k->bank, .op = LORA_EXACT, .w = k->w}, PACK_CANDS, k->item,
                   PACK_TEXTS, &e_));
}

/* The largest difference of a text's mean. */
static double pack_apart(const ScoreOut *a, const ScoreOut *b)
{
    double most = 0;
    for (size_t i = 0; i < PACK_TEXTS; i++)
        most = fmax(most, fabs(a[i].nll_sum - b[i].nll_sum) / (double)a[i].n_tokens);
    return most;
}

Test(pack, float32_is_the_same_and_bfloat16_near)
{
    for (size_t b = 0; mat_backend_at(b) != NULL; b++) {
        MUST(mat_choose(mat_backend_at(b), &e_));
        PackWorld k = pack_open();
        ScoreOut plain[PACK_TEXTS], fine[PACK_TEXTS], coarse[PACK_TEXTS];
        pack_score(plain, &k);
        MUST(model_pack(k.m, MAT_F32, &e_));
        pack_score(fine, &k);
        cr_assert_lt(pack_apart(plain, fine), 1e-5, "%s", mat_backend());
        MUST(model_pack(k.m, MAT_BF16, &e_));
        pack_score(coarse, &k);
        double apart = pack_apart(plain, coarse);
        cr_assert(apart > 1e-5 && apart < 0.05, "%s: %g", mat_backend(), apart);
        model_unpack(k.m);
        cr_assert_eq(k.m->precision, MAT_F32);
        pack_score(fine, &k);
        cr_assert_arr_eq(plain, fine, sizeof plain);
        pack_close(&k);
    }
}

/* Rounded to the same values, summed in another order. */
Test(pack, libraries_agree_in_bfloat16)
{
    ScoreOut out[2][PACK_TEXTS];
    if (mat_backend_at(1) == NULL) cr_skip_test("one library alone is built in");
    for (size_t b = 0; b < 2; b++) {
        MUST(mat_choose(mat_backend_at(b), &e_));
        PackWorld k = pack_open();
        MUST(model_pack(k.m, MAT_BF16, &e_));
        pack_score(out[b], &k);
        pack_close(&k);
    }
    /* An activation that rounds the other way moves a text by what bfloat16 moves it at one place. */
    cr_assert_lt(pack_apart(out[0], out[1]), 5e-3, "%g", pack_apart(out[0], out[1]));
}

Test(pack, threads_change_no_bit)
{
    for (size_t b = 0; mat_backend_at(b) != NULL; b++) {
        MUST(mat_choose(mat_backend_at(b), &e_));
        PackWorld k = pack_open();
        for (MatType p = 0; p < MAT_TYPES; p++) {
            ScoreOut out[2][PACK_TEXTS];
            MUST(model_pack(k.m, p, &e_));
            for (size_t r = 0; r < 2; r++) {
                par_set_threads(r == 0 ? 1 : 3);
                pack_score(out[r], &k);
            }
            cr_assert_arr_eq(out[0], out[1], sizeof out[0]);
        }
        pack_close(&k);
    }
}

Test(pack, greedy_answers_are_those_of_plain_weights)
{
    enum { NEW = 8 };
    mat_init();
    PackWorld k = pack_open();
    GenItem item[PACK_TEXTS];
    GenOut out[PACK_TEXTS];
    static int32_t said[2][PACK_TEXTS * NEW];
    GenOpts o = gen_greedy(NEW);
    for (size_t i = 0; i < PACK_TEXTS; i++) item[i] = (GenItem){k.ids[i], 12, i % PACK_CANDS};
    for (size_t r = 0; r < 2; r++) {
        if (r == 1) MUST(model_pack(k.m, MAT_F32, &e_));
        MUST(gen_texts(said[r], out, k.m, &(PassLora){.bank = k.bank, .op = LORA_EXACT, .w = k.w}, PACK_CANDS,
                       item, PACK_TEXTS, &o, &e_));
    }
    cr_assert_arr_eq(said[0], said[1], sizeof said[0]);
    pack_close(&k);
}

/* Packs do not follow the weights; folding drops them, and training does not look at them. */
Test(pack, changes_of_weights)
{
    mat_init();
    PackWorld k = pack_open();
    ScoreOut before[PACK_TEXTS], after[PACK_TEXTS], want[PACK_TEXTS];
    MUST(model_pack(k.m, MAT_F32, &e_));
    pack_score(before, &k);
    Pass *p = NULL;
    const PassSeq seq = {.ids = k.ids[0], .n = 30};
    size_t skip = 1, n_targets = 0;
    MUST(pass_new(&p, k.m, 30, 0, true, &e_));
    pass_forward(p, k.m, &seq, 1, NULL, NULL);
    double old = pass_loss(p, k.m, &seq, &skip, 1, NULL, 1, &(PassGrad){NULL, NULL}, &n_targets);
    for (size_t i = 0; i < k.m->p.layer[0].gu.n_out * k.m->p.layer[0].gu.n_in; i++)
        k.m->p.layer[0].gu.w[i] *= 1.5f;
    pack_score(after, &k);
    cr_assert_arr_eq(before, after, sizeof before);
    pass_forward(p, k.m, &seq, 1, NULL, NULL);
    double now = pass_loss(p, k.m, &seq, &skip, 1, NULL, 1, &(PassGrad){NULL, NULL}, &n_targets);
    cr_assert(fabs(now - old) > 1e-3, "training reads %g, then %g", old, now);
    MUST(model_fold(k.m, k.l[0], 1, &e_));
    cr_assert_null(k.m->p.layer[0].gu.pack);
    pack_score(after, &k);
    MUST(model_pack(k.m, MAT_F32, &e_));
    pack_score(want, &k);
    cr_assert_lt(pack_apart(after, want), 1e-5);
    cr_assert_gt(pack_apart(after, before), 1e-3);
    pass_free(p);
    pack_close(&k);
}
