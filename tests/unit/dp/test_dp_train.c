/* The sensitivity argument, number by number: what one unit can move, what the noise is, and what is left
 * when both are taken away. */
#include <math.h>

#include "../model/tiny.h"

#include "prime/dp_train.h"
#include "prime/mat.h"
#include "prime/vec.h"

enum { DP_DOCS = 12, DP_LONGEST = 16 };

typedef struct {
    int32_t ids[DP_DOCS][DP_LONGEST];
    TrainDoc doc[DP_DOCS];
    Model *m;
    Lora *l;
    DpDocs d;
} DpCase;

/* Texts of different lengths and prompts; with `even`, of one length. */
static DpCase *dp_case(bool even)
{
    DpCase *c = calloc(1, sizeof *c);
    ModelConfig cfg = tiny_config();
    mat_init();
    for (size_t i = 0; i < DP_DOCS; i++) {
        for (size_t t = 0; t < DP_LONGEST; t++) c->ids[i][t] = (int32_t)((i * 7 + t * t) % 61);
        c->doc[i] = (TrainDoc){c->ids[i], even ? DP_LONGEST : DP_LONGEST - i % 9, 1 + (even ? 0 : i % 5)};
    }
    c->m = tiny_model(&cfg, 1);
    c->l = tiny_lora(c->m, TINY_QKVO, 4, 2);
    c->d = (DpDocs){c->doc, DP_DOCS, NULL, DP_DOCS};
    return c;
}

static void dp_case_free(DpCase *c)
{
    lora_free(c->l);
    model_free(c->m);
    free(c);
}

static DpTrainOpts dp_opts(void)
{
    const DpAccountant *rdp = NULL;
    MUST(dp_accountant(&rdp, "rdp", &e_));
    return (DpTrainOpts){.opt = {.lr = 1e-2, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.01},
                         .floor = 1,
                         .clip = 1,
                         .sigma = 1,
                         .q = 0.5,
                         .steps = 4,
                         .delta = 1e-5,
                         .accountant = rdp,
                         .seed = 3};
}

static Lora *dp_sum_of(DpCase *c, const DpDocs *d, const size_t *unit, size_t n, double clip, double dropout,
                       double *norm)
{
    DpGrad *g = NULL;
    Lora *sum = NULL;
    MUST(lora_like(&sum, c->l, &e_));
    MUST(dp_grad_new(&g, c->l, c->m, d, &e_));
    dp_grad_sum(sum, norm, g, unit, n, clip, dropout, 99);
    dp_grad_free(g);
    return sum;
}

static double dp_distance(const Lora *x, const Lora *y)
{
    double ss = 0;
    for (size_t i = 0; i < x->n_params; i++)
        ss += ((double)x->data[i] - (double)y->data[i]) * ((double)x->data[i] - (double)y->data[i]);
    return sqrt(ss);
}

static const size_t everyone[DP_DOCS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

/* Whoever leaves, with clips that cut all, some and none of the gradients, with and without dropout. */
Test(dp_train, one_unit_moves_the_sum_by_at_most_the_clip)
{
    DpCase *c = dp_case(false);
    double norm[DP_DOCS], dropout[] = {0, 0.3};
    lora_free(dp_sum_of(c, &c->d, everyone, DP_DOCS, 1, 0, norm));
    double least = norm[0], most = norm[0];
    for (size_t i = 1; i < DP_DOCS; i++) least = fmin(least, norm[i]), most = fmax(most, norm[i]);
    cr_assert_gt(most, 1.2 * least, "norms differ: %g to %g", least, most);
    double clips[] = {least / 3, (least + most) / 2, 2 * most};
    for (size_t k = 0; k < 3; k++)
        for (size_t p = 0; p < 2; p++) {
            Lora *all = dp_sum_of(c, &c->d, everyone, DP_DOCS, clips[k], dropout[p], norm);
            for (size_t u = 0; u < DP_DOCS; u++) {
                size_t rest[DP_DOCS], n = 0;
                for (size_t v = 0; v < DP_DOCS; v++)
                    if (v != u) rest[n++] = v;
                Lora *without = dp_sum_of(c, &c->d, rest, n, clips[k], dropout[p], NULL);
                double moved = dp_distance(all, without), want = fmin(clips[k], norm[u]);
                cr_assert(moved <= clips[k] * (1 + 1e-4), "unit %zu moves %g, clip %g", u, moved, clips[k]);
                cr_assert_float_eq(moved, want, 1e-4 * want, "unit %zu moves %g, not %g", u, moved, want);
                lora_free(without);
            }
            lora_free(all);
        }
    dp_case_free(c);
}

/* Naive twin: the gradient of one document's mean loss, made with the pass itself. */
static Lora *dp_naive_grad(DpCase *c, size_t i)
{
    Lora *g = NULL;
    LoraBank *bank = NULL;
    Pass *p = NULL;
    float one = 1;
    size_t skip = c->doc[i].skip, first = skip > 1 ? skip : 1, targets;
    MUST(lora_like(&g, c->l, &e_));
    MUST(lora_bank_view(&bank, c->l, &e_));
    MUST(pass_new(&p, c->m, c->doc[i].n, bank->width, true, &e_));
    PassLora lora = {.bank = bank, .op = LORA_EXACT, .w = &one};
    PassSeq seq = {.ids = c->doc[i].ids, .n = c->doc[i].n};
    pass_forward(p, c->m, &seq, 1, &lora, NULL);
    pass_loss(p, c->m, &seq, &skip, 1, &lora, 1.0f / (float)(c->doc[i].n - first), &(PassGrad){.lora = g},
              &targets);
    pass_free(p);
    lora_bank_free(bank);
    return g;
}

/* More units and tokens than one pass takes: each norm, and the clipped sum, as from gradients made one by
 * one.
 */
Test(dp_train, norms_are_those_of_gradients_made_alone)
{
    enum { UNITS = 75 };
    DpCase *c = dp_case(false);
    TrainDoc doc[UNITS];
    size_t unit[UNITS];
    double norm[UNITS];
    for (size_t i = 0; i < UNITS; i++) doc[i] = c->doc[(i * 5) % DP_DOCS], unit[i] = UNITS - 1 - i;
    DpDocs many = {doc, UNITS, NULL, UNITS};
    Lora *sum = dp_sum_of(c, &many, unit, UNITS, 0.3, 0, norm), *want = NULL;
    MUST(lora_like(&want, c->l, &e_));
    for (size_t i = 0; i < UNITS; i++) {
        Lora *g = dp_naive_grad(c, (unit[i] * 5) % DP_DOCS);
        double size = sqrt(vec_dot_d(g->data, g->data, g->n_params));
        cr_assert_float_eq(norm[i], size, 1e-5 * size, "unit %zu: %g, want %g", unit[i], norm[i], size);
        vec_axpy(want->data, (float)fmin(1, 0.3 / size), g->data, g->n_params);
        lora_free(g);
    }
    double size = sqrt(vec_dot_d(want->data, want->data, want->n_params));
    cr_assert_lt(dp_distance(sum, want), 1e-5 * size);
    lora_free(sum);
    lora_free(want);
    dp_case_free(c);
}

/* Three people with four texts each, given in turns: a person's gradient is the mean of theirs. */
Test(dp_train, a_person_is_one_unit)
{
    DpCase *c = dp_case(false);
    size_t unit[DP_DOCS];
    double norm[3];
    for (size_t i = 0; i < DP_DOCS; i++) unit[i] = i % 3;
    DpDocs people = {c->doc, DP_DOCS, unit, 3};
    Lora *sum = dp_sum_of(c, &people, everyone, 3, 0.5, 0, norm), *want = NULL, *mean = NULL;
    MUST(lora_like(&want, c->l, &e_));
    MUST(lora_like(&mean, c->l, &e_));
    for (size_t u = 0; u < 3; u++) {
        memset(mean->data, 0, mean->n_params * sizeof *mean->data);
        for (size_t i = u; i < DP_DOCS; i += 3) {
            Lora *g = dp_naive_grad(c, i);
            vec_axpy(mean->data, 0.25f, g->data, g->n_params);
            lora_free(g);
        }
        double size = sqrt(vec_dot_d(mean->data, mean->data, mean->n_params));
        cr_assert_float_eq(norm[u], size, 1e-4 * size);
        vec_axpy(want->data, (float)fmin(1, 0.5 / size), mean->data, mean->n_params);
    }
    cr_assert_lt(dp_distance(sum, want), 1e-4);
    lora_free(sum);
    lora_free(want);
    lora_free(mean);
    dp_case_free(c);
}

Test(dp_train, the_noise_has_its_standard_deviation)
{
    enum { N = 200000 };
    float *x = calloc(N, sizeof *x);
    Rng rng = rng_stream(1, "noise", 0);
    double sum = 0, square = 0, fourth = 0;
    dp_noise(x, N, 0.7, &rng);
    for (size_t i = 0; i < N; i++) {
        double z = (double)x[i] / 0.7;
        sum += z;
        square += z * z;
        fourth += z * z * z * z;
    }
    cr_assert_float_eq(sum / N, 0, 4 / sqrt(N));
    cr_assert_float_eq(square / N, 1, 4 * sqrt(2.0 / N));
    cr_assert_float_eq(fourth / N, 3, 4 * sqrt(96.0 / N));
    free(x);
}

/* A learning rate of 0 and no decay show the noised mean in the news: the noise is sigma C / (q n) an entry.
 */
typedef struct {
    double norm[64];
    size_t calls;
} DpDiary;

static bool dp_write(void *ctx, const TrainNews *n)
{
    DpDiary *d = ctx;
    d->norm[d->calls++] = n->grad_norm;
    return true;
}

Test(dp_train, a_step_adds_noise_of_sigma_times_clip_over_the_expected_batch)
{
    DpCase *c = dp_case(false);
    DpTrainOpts o = dp_opts();
    DpDiary d = {0};
    DpTrained r;
    o.opt.lr = 0;
    o.clip = 1e-3; /* the gradients vanish beside the noise */
    o.sigma = 100;
    o.steps = 40;
    o.q = 0.25;
    MUST(dp_train_lora(&r, c->l, c->m, &c->d, &o, dp_write, &d, &e_));
    cr_assert_eq(d.calls, 40u);
    double want = 100 * 1e-3 / (0.25 * DP_DOCS) * sqrt((double)c->l->n_params);
    for (size_t i = 0; i < 40; i++)
        cr_assert_float_eq(d.norm[i], want, 0.1 * want, "%g, want %g", d.norm[i], want);
    dp_case_free(c);
}

/* Without noise and clip, and with everyone in every step, it is plain training on the mean. */
Test(dp_train, without_noise_and_clip_it_is_adamw)
{
    DpCase *c = dp_case(true), *plain = dp_case(true);
    DpTrainOpts o = dp_opts();
    TrainOpts t = train_default();
    DpTrained r;
    o.sigma = 0;
    o.clip = INFINITY;
    o.q = 1;
    t.opt = o.opt;
    t.clip = t.dropout = 0;
    t.floor = 1;
    t.epochs = o.steps;
    t.batch_docs = DP_DOCS;
    MUST(dp_train_lora(&r, c->l, c->m, &c->d, &o, NULL, NULL, &e_));
    MUST(train_lora(plain->l, plain->m, plain->doc, DP_DOCS, &t, NULL, NULL, &e_));
    Lora *start = tiny_lora(c->m, TINY_QKVO, 4, 2);
    double apart = dp_distance(c->l, plain->l), moved = dp_distance(c->l, start);
    cr_assert(moved > 0.1 && apart < 1e-3 * moved, "%g apart after moving %g", apart, moved);
    cr_assert(isinf(r.epsilon) && r.clipped == 0 && r.empty == 0);
    lora_free(start);
    dp_case_free(plain);
    dp_case_free(c);
}

Test(dp_train, samples_come_at_their_rate_and_may_be_empty)
{
    DpCase *c = dp_case(false);
    DpTrainOpts o = dp_opts();
    DpTrained r;
    o.q = 0.05; /* 12 units: 54 % of the samples are empty */
    o.steps = 60;
    MUST(dp_train_lora(&r, c->l, c->m, &c->d, &o, NULL, NULL, &e_));
    cr_assert(r.empty > 15 && r.empty < 50, "%zu empty", r.empty);
    for (size_t i = 0; i < c->l->n_params; i++) cr_assert(isfinite(c->l->data[i]));
    dp_case_free(c);
}

Test(dp_train, the_promise_is_the_accountants)
{
    DpCase *c = dp_case(false), *again = dp_case(false);
    DpTrainOpts o = dp_opts();
    DpTrained r, s;
    DpEps want = {0};
    MUST(dp_train_lora(&r, c->l, c->m, &c->d, &o, NULL, NULL, &e_));
    MUST(dp_rdp_epsilon(&want, &(DpRun){0.5, 1, 4, 1e-5}, &e_));
    cr_assert(r.epsilon == want.epsilon && r.run.q == 0.5 && r.run.sigma == 1 && r.run.steps == 4);
    cr_assert(r.clipped >= 0 && r.clipped <= 1);
    MUST(dp_train_lora(&s, again->l, again->m, &again->d, &o, NULL, NULL, &e_));
    cr_assert(lora_equal(c->l, again->l), "the same seed, the same adapter");
    o.seed++;
    MUST(dp_train_lora(&s, again->l, again->m, &again->d, &o, NULL, NULL, &e_));
    cr_assert(!lora_equal(c->l, again->l));
    dp_case_free(again);
    dp_case_free(c);
}

Test(dp_train, it_learns_when_the_noise_is_small)
{
    DpCase *c = dp_case(true);
    DpTrainOpts o = dp_opts();
    DpTrained r;
    double before, after;
    DpGrad *g = NULL;
    Lora *sum = NULL;
    MUST(lora_like(&sum, c->l, &e_));
    MUST(dp_grad_new(&g, c->l, c->m, &c->d, &e_));
    before = dp_grad_sum(sum, NULL, g, everyone, DP_DOCS, 1, 0, 0) / DP_DOCS;
    o.sigma = 0.01;
    o.steps = 60;
    MUST(dp_train_lora(&r, c->l, c->m, &c->d, &o, NULL, NULL, &e_));
    after = dp_grad_sum(sum, NULL, g, everyone, DP_DOCS, 1, 0, 0) / DP_DOCS;
    cr_assert_lt(after, 0.8 * before, "%g after %g", after, before);
    dp_grad_free(g);
    lora_free(sum);
    dp_case_free(c);
}

/* ---- release ---- */

Test(dp_train, release_cuts_and_adds_noise)
{
    DpCase *c = dp_case(false);
    double norm = 0, eps = 0, want = 0, before = lora_norm(c->l);
    Rng rng = rng_stream(1, "release", 0);
    MUST(dp_release(c->l, &norm, &eps, 1e6, 0, 1e-5, &rng, &e_));
    cr_assert(isinf(eps), "no noise, no promise");
    cr_assert_float_eq(lora_norm(c->l), before, 1e-5 * before, "within the clip the update stays");
    cr_assert_float_eq(norm, sqrt(vec_dot_d(c->l->data, c->l->data, c->l->n_params)), 1e-6 * norm);
    MUST(dp_release(c->l, NULL, &eps, norm / 2, 0, 1e-5, &rng, &e_));
    cr_assert_float_eq(sqrt(vec_dot_d(c->l->data, c->l->data, c->l->n_params)), norm / 2, 1e-5 * norm);
    Lora *cut = NULL;
    MUST(lora_like(&cut, c->l, &e_));
    memcpy(cut->data, c->l->data, cut->n_params * sizeof *cut->data);
    MUST(dp_release(c->l, NULL, &eps, norm / 2 * 1.001, 3, 1e-5, &rng, &e_));
    double noise = dp_distance(c->l, cut) / sqrt((double)cut->n_params), sd = 3 * norm / 2;
    cr_assert_float_eq(noise, sd, 5 * sd / sqrt(2 * (double)cut->n_params), "%g, want %g", noise, sd);
    MUST(dp_gauss_epsilon(&want, 2.0 / 3, 1e-5, &e_));
    cr_assert_eq(eps, want, "any two adapters are within twice the clip");
    lora_free(cut);
    dp_case_free(c);
}

Test(dp_train, release_refuses_bad_settings)
{
    DpCase *c = dp_case(false);
    Rng rng = rng_stream(1, "release", 0);
    double eps = 7;
    Err e = {0};
    cr_assert_eq(dp_release(c->l, NULL, &eps, 0, 1, 1e-5, &rng, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "clip = 0, want > 0");
    e = (Err){0};
    cr_assert_eq(dp_release(c->l, NULL, &eps, 1, -1, 1e-5, &rng, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "sigma = -1, want >= 0");
    cr_assert_eq(dp_release(c->l, NULL, &eps, INFINITY, 1, 1e-5, &rng, &(Err){0}), ERR_ARG);
    cr_assert_eq(dp_release(c->l, NULL, &eps, 1, 1, 1, &rng, &(Err){0}), ERR_ARG);
    c->l->data[5] = NAN;
    cr_assert_eq(dp_release(c->l, NULL, &eps, 1, 1, 1e-5, &rng, &(Err){0}), ERR_NUM);
    cr_assert_eq(eps, 7);
    dp_case_free(c);
}

/* ---- errors ---- */

Test(dp_train, bad_settings_are_refused)
{
    DpCase *c = dp_case(false);
    DpTrainOpts good = dp_opts(), bad[9];
    static const char *const says[9] = {
        "q = 0, want (0, 1]",
        "sigma = -1, want > 0",
        "steps = 0, want at least 1",
        "delta = 1, want (0, 1)",
        "clip = 0, want > 0",
        "clip = inf with sigma = 1, want a bound",
        "learning rate = -1, want [0, 10)",
        "dropout = 1, want [0, 1)",
        "clip = nan, want > 0",
    };
    for (size_t i = 0; i < 9; i++) bad[i] = good;
    bad[0].q = 0;
    bad[1].sigma = -1;
    bad[2].steps = 0;
    bad[3].delta = 1;
    bad[4].clip = 0;
    bad[5].clip = INFINITY;
    bad[6].opt.lr = -1;
    bad[7].dropout = 1;
    bad[8].clip = NAN;
    Lora *as_it_was = tiny_lora(c->m, TINY_QKVO, 4, 2);
    DpTrained r = {.epsilon = 7};
    for (size_t i = 0; i < 9; i++) {
        Err e = {0};
        cr_assert_eq(dp_train_lora(&r, c->l, c->m, &c->d, &bad[i], NULL, NULL, &e), ERR_ARG);
        cr_assert_str_eq(e.msg, says[i]);
    }
    cr_assert(lora_equal(c->l, as_it_was) && r.epsilon == 7);
    lora_free(as_it_was);
    dp_case_free(c);
}

Test(dp_train, bad_documents_are_refused)
{
    DpCase *c = dp_case(false);
    DpTrainOpts o = dp_opts();
    size_t far[DP_DOCS] = {0, 3}, alone[DP_DOCS] = {0};
    const struct {
        DpDocs d;
        const char *says;
    } bad[] = {
        {{c->doc, 0, NULL, 0}, "no documents to train on"},
        {{c->doc, 5, NULL, 4}, "4 units for 5 documents, want one each"},
        {{c->doc, 1, NULL, 1}, "1 unit of privacy, want at least 2: one alone has none to hide among"},
        {{c->doc, 5, alone, 1}, "1 unit of privacy, want at least 2: one alone has none to hide among"},
        {{c->doc, 5, far, 3}, "document 1: unit 3, want below 3"},
    };
    DpTrained r = {.epsilon = 7};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err e = {0};
        cr_assert_eq(dp_train_lora(&r, c->l, c->m, &bad[i].d, &o, NULL, NULL, &e), ERR_ARG);
        cr_assert_str_eq(e.msg, bad[i].says);
    }
    Err e = {0};
    c->ids[2][0] = 61;
    cr_assert_eq(dp_train_lora(&r, c->l, c->m, &c->d, &o, NULL, NULL, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "document 2: token id 61"), "%s", e.msg);
    c->ids[2][0] = 0;
    ModelConfig wide = tiny_config();
    wide.n_ffn = 40;
    Model *other = tiny_model(&wide, 1);
    cr_assert_eq(dp_train_lora(&r, c->l, other, &c->d, &o, NULL, NULL, &(Err){0}), ERR_SHAPE);
    model_free(other);
    c->m->p.norm[3] = INFINITY;
    e = (Err){0};
    cr_assert_eq(dp_train_lora(&r, c->l, c->m, &c->d, &o, NULL, NULL, &e), ERR_NUM);
    cr_assert_not_null(strstr(e.msg, "at step"), "%s", e.msg);
    cr_assert_eq(r.epsilon, 7);
    dp_case_free(c);
}
