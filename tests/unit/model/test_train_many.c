/* Adapters in one pass: each as alone, in whatever company; where the way back ends; and each error. */
#include <math.h>

#include "tiny.h"

#include "prime/mat.h"
#include "prime/par.h"
#include "prime/train.h"
#include "prime/vec.h"

enum { PEOPLE = 5, PER = 11, LONG = 24 };

/* People whose documents, lengths, prompts, batches and settings differ. */
typedef struct {
    Model *m;
    int32_t ids[PEOPLE][PER][LONG];
    TrainDoc doc[PEOPLE][PER];
    TrainJob job[PEOPLE];
} Crowd;

static Crowd *crowd_new(double dropout)
{
    Crowd *c = calloc(1, sizeof *c);
    ModelConfig cfg = tiny_config();
    mat_init();
    c->m = tiny_model(&cfg, 1);
    for (size_t i = 0; i < PEOPLE; i++) {
        TrainOpts o = train_default();
        for (size_t d = 0; d < PER; d++) {
            for (size_t t = 0; t < LONG; t++)
                c->ids[i][d][t] = (int32_t)((i * 17 + d * 5 + t * (1 + i)) % 61);
            c->doc[i][d] = (TrainDoc){c->ids[i][d], LONG - (3 * d + i) % 19, (d + i) % 7};
        }
        c->doc[i][3].n = 1;            /* one token predicts nothing */
        c->doc[i][4].skip = LONG + 10; /* nor does a text that is all prompt */
        o.opt.lr = 3e-3 * (double)(i + 1);
        o.opt.eps = 1e-4; /* or AdamW makes a step of an entry whose gradient is rounding alone */
        o.epochs = 1 + i % 3;
        o.batch_docs = i == 2 ? 0 : 2 + i;
        o.batch_tokens = 50;
        o.warmup = i;
        o.dropout = dropout;
        o.seed = 40 + i;
        c->job[i] = (TrainJob){tiny_lora(c->m, TINY_QKVO, 4, i), c->doc[i], PER - i, o, NULL, NULL};
    }
    return c;
}

static void crowd_free(Crowd *c)
{
    for (size_t i = 0; i < PEOPLE; i++) lora_free(c->job[i].l);
    model_free(c->m);
    free(c);
}

/* |x - y| / |x - start|: how far apart beside the way that x went. */
static double crowd_apart(const Lora *x, const Lora *y, const Lora *start)
{
    double apart = 0, way = 0;
    for (size_t i = 0; i < x->n_params; i++) {
        double a = (double)x->data[i];
        apart += pow(a - (double)y->data[i], 2);
        way += pow(a - (double)start->data[i], 2);
    }
    return sqrt(apart / way);
}

typedef struct {
    double loss[64], norm[64];
    size_t calls, tokens, stop_after;
} ManyDiary;

static bool many_write(void *ctx, const TrainNews *n)
{
    ManyDiary *d = ctx;
    d->loss[d->calls] = n->loss;
    d->norm[d->calls++] = n->grad_norm;
    d->tokens = n->tokens;
    return d->calls != d->stop_after;
}

Test(train_many, each_equals_training_it_alone)
{
    for (int drop = 0; drop < 2; drop++) {
        Crowd *all = crowd_new(drop * 0.2), *one = crowd_new(drop * 0.2);
        ManyDiary a[PEOPLE] = {0}, b[PEOPLE] = {0};
        for (size_t i = 0; i < PEOPLE; i++) {
            all->job[i].watch = many_write;
            all->job[i].ctx = &a[i];
            const TrainJob *j = &one->job[i];
            MUST(train_lora(j->l, one->m, j->doc, j->n, &j->o, many_write, &b[i], &e_));
        }
        MUST(train_lora_many(all->job, PEOPLE, all->m, &e_));
        for (size_t i = 0; i < PEOPLE; i++) {
            Lora *start = tiny_lora(all->m, TINY_QKVO, 4, i);
            double apart = crowd_apart(one->job[i].l, all->job[i].l, start);
            cr_assert_lt(apart, 1e-5, "adapter %zu is %g of its way apart", i, apart);
            cr_assert_eq(all->job[i].l->dropout, drop * 0.2);
            cr_assert(a[i].calls == b[i].calls && a[i].calls > 1 && a[i].tokens == b[i].tokens);
            for (size_t s = 0; s < a[i].calls; s++) {
                cr_assert_float_eq(a[i].loss[s], b[i].loss[s], 1e-5 * fabs(b[i].loss[s]));
                cr_assert_float_eq(a[i].norm[s], b[i].norm[s], 1e-4 * b[i].norm[s]);
            }
            lora_free(start);
        }
        crowd_free(all);
        crowd_free(one);
    }
}

/* A step of more rows than a pass takes: loss and gradient are those of one pass over all of it. */
Test(train_many, a_step_of_many_rows_is_one_step)
{
    enum { DOCS = 31, LEN = 60 };
    ModelConfig cfg = tiny_config();
    mat_init();
    Model *m = tiny_model(&cfg, 1);
    Lora *l = tiny_lora(m, TINY_QKVO, 4, 3), *grad = NULL;
    int32_t *ids = tiny_ids(DOCS * LEN, cfg.n_vocab, 5);
    TrainDoc doc[DOCS];
    PassSeq seq[DOCS];
    size_t skip[DOCS], rows = 0, targets = 0, all = 0;
    for (size_t i = 0; i < DOCS; i++) {
        skip[i] = 1 + i % 9;
        seq[i] = (PassSeq){.ids = ids + i * LEN, .n = LEN - i};
        doc[i] = (TrainDoc){seq[i].ids, seq[i].n, skip[i]};
        rows += seq[i].n;
        targets += seq[i].n - skip[i];
    }
    cr_assert_gt(rows, 1000u);
    Pass *p = NULL;
    LoraBank *bank = NULL;
    float one = 1;
    MUST(lora_like(&grad, l, &e_));
    MUST(lora_bank_view(&bank, l, &e_));
    MUST(pass_new(&p, m, rows, bank->width, true, &e_));
    PassLora with = {.bank = bank, .op = LORA_EXACT, .w = &one};
    pass_forward(p, m, seq, DOCS, &with, NULL);
    double loss =
        pass_loss(p, m, seq, skip, DOCS, &with, 1.0f / (float)targets, &(PassGrad){NULL, grad}, &all);
    double norm = sqrt(vec_dot_d(grad->data, grad->data, grad->n_params));

    ManyDiary d = {0};
    TrainOpts o = train_default();
    o.dropout = 0;
    o.batch_docs = DOCS;
    o.epochs = 1;
    MUST(train_lora(l, m, doc, DOCS, &o, many_write, &d, &e_));
    cr_assert(all == targets && d.calls == 1);
    cr_assert_float_eq(d.loss[0], loss / (double)targets, 1e-6 * loss / (double)targets);
    cr_assert_float_eq(d.norm[0], norm, 1e-5 * norm);
    pass_free(p);
    lora_bank_free(bank);
    lora_free(grad);
    lora_free(l);
    model_free(m);
    free(ids);
}

/* Steps of one adapter, and of two of which one lies on both sides of the cut: parted in halves. */
Test(train_many, the_number_of_threads_does_not_show_in_any_bit)
{
    enum { DOCS = 18, LEN = 40, RUNS = 3 };
    ModelConfig cfg = tiny_config();
    mat_init();
    Model *m = tiny_model(&cfg, 1);
    int32_t *ids = tiny_ids(DOCS * LEN, cfg.n_vocab, 5);
    TrainDoc doc[DOCS];
    for (size_t i = 0; i < DOCS; i++) doc[i] = (TrainDoc){ids + i * LEN, LEN - i, 1 + i % 9};
    TrainOpts o = train_default();
    o.epochs = 2;
    for (size_t people = 1; people <= 2; people++) {
        Lora *l[RUNS][2];
        o.batch_docs = people == 1 ? DOCS : 7;
        for (size_t r = 0; r < RUNS; r++) {
            TrainJob job[2];
            par_set_threads(r + 1);
            for (size_t i = 0; i < people; i++) {
                l[r][i] = tiny_lora(m, TINY_QKVO, 4, 3 + i);
                job[i] = (TrainJob){l[r][i], doc, DOCS - 4 * i, o, NULL, NULL};
            }
            MUST(train_lora_many(job, people, m, &e_));
        }
        for (size_t r = 0; r < RUNS; r++)
            for (size_t i = 0; i < people; i++)
                cr_expect_arr_eq(l[r][i]->data, l[0][i]->data, l[0][i]->n_params * sizeof(float),
                                 "%zu threads, adapter %zu of %zu", r + 1, i, people);
        for (size_t r = 0; r < RUNS; r++)
            for (size_t i = 0; i < people; i++) lora_free(l[r][i]);
    }
    par_set_threads(0);
    model_free(m);
    free(ids);
}

Test(train_many, a_watch_that_says_no_ends_its_own_adapter_alone)
{
    Crowd *all = crowd_new(0.1), *cut = crowd_new(0.1);
    ManyDiary d = {.stop_after = 1};
    cut->job[1].watch = many_write;
    cut->job[1].ctx = &d;
    MUST(train_lora_many(all->job, PEOPLE, all->m, &e_));
    MUST(train_lora_many(cut->job, PEOPLE, cut->m, &e_));
    cr_assert_eq(d.calls, 1u);
    for (size_t i = 0; i < PEOPLE; i++) {
        Lora *start = tiny_lora(all->m, TINY_QKVO, 4, i);
        double apart = crowd_apart(all->job[i].l, cut->job[i].l, start);
        cr_assert(i == 1 ? apart > 0.1 : apart < 1e-5, "adapter %zu: %g", i, apart);
        lora_free(start);
    }
    crowd_free(all);
    crowd_free(cut);
}

Test(train_many, none_is_nothing_to_do)
{
    Crowd *c = crowd_new(0);
    MUST(train_lora_many(NULL, 0, c->m, &e_));
    crowd_free(c);
}

/* ---- where the way back ends ---- */

/* Gradients of an adapter, alone or beside those of the base, for which the way back goes to its end. */
static Lora *end_grad(Model *m, Lora *l, ModelParams *base)
{
    Lora *g = NULL;
    LoraBank *bank = NULL;
    Pass *p = NULL;
    float one = 1;
    size_t n = 19, skip = 4, targets;
    int32_t *ids = tiny_ids(n, m->cfg.n_vocab, 8);
    PassSeq seq = {.ids = ids, .n = n};
    MUST(lora_like(&g, l, &e_));
    MUST(lora_bank_view(&bank, l, &e_));
    MUST(pass_new(&p, m, n, bank->width, true, &e_));
    PassLora lora = {.bank = bank, .op = LORA_EXACT, .w = &one};
    pass_dropout(p, 0.1, 3);
    pass_forward(p, m, &seq, 1, &lora, NULL);
    pass_loss(p, m, &seq, &skip, 1, &lora, 1, &(PassGrad){base, g}, &targets);
    pass_free(p);
    lora_bank_free(bank);
    free(ids);
    return g;
}

/* Every product as the only one that is adapted, in the first layer or the last, blocks behind each other and
 * beside each other. */
Test(train_many, the_way_back_may_end_at_the_first_adapter)
{
    static const LoraKind kinds[] = {LORA_Q, LORA_V, LORA_O, LORA_GATE, LORA_UP, LORA_DOWN};
    for (int parallel = 0; parallel < 2; parallel++)
        for (size_t k = 0; k < 2 * sizeof kinds / sizeof kinds[0]; k++) {
            ModelConfig cfg = tiny_config();
            cfg.parallel = parallel;
            Model *m = tiny_model(&cfg, 1);
            LoraShape shape = model_lora_shape(&cfg);
            size_t rank[2 * LORA_KINDS] = {0};
            ModelParams base = {0};
            Lora *l = NULL;
            rank[k % 2 * LORA_KINDS + kinds[k / 2]] = 3;
            MUST(lora_new_ranks(&l, &shape, rank, &e_));
            Rng rng = rng_stream(4, "end", k);
            for (size_t i = 0; i < l->n_params; i++) l->data[i] = (float)(0.1 * rng_normal(&rng));
            MUST(model_params_new(&base, &cfg, &e_));
            Lora *got = end_grad(m, l, NULL), *want = end_grad(m, l, &base);
            double size = vec_dot_d(want->data, want->data, want->n_params);
            cr_assert_gt(size, 1e-6);
            for (size_t i = 0; i < l->n_params; i++)
                cr_assert_float_eq(got->data[i], want->data[i], 1e-6 * sqrt(size), "site %zu", k);
            lora_free(got);
            lora_free(want);
            lora_free(l);
            model_params_free(&base);
            model_free(m);
        }
}

/* ---- errors ---- */

static void crowd_refused(Crowd *c, Status want, const char *says)
{
    Err e = {0};
    cr_assert_eq(train_lora_many(c->job, PEOPLE, c->m, &e), want, "%s", says);
    cr_assert_not_null(strstr(e.msg, says), "\"%s\" does not say \"%s\"", e.msg, says);
    crowd_free(c);
}

Test(train_many, what_does_not_go_together_is_refused)
{
    Crowd *c = crowd_new(0);
    c->job[3].o.dropout = 0.5;
    crowd_refused(c, ERR_ARG, "adapter 3: dropout = 0.5, want 0 as for the first");
    c = crowd_new(0);
    lora_free(c->job[2].l);
    c->job[2].l = tiny_lora(c->m, TINY_QKVO, 5, 2);
    crowd_refused(c, ERR_SHAPE, "adapter 2 has other sites or ranks than the first");
    c = crowd_new(0);
    ModelConfig wide = tiny_config();
    wide.n_ffn = 40;
    Model *other = tiny_model(&wide, 1);
    lora_free(c->job[0].l);
    c->job[0].l = tiny_lora(other, TINY_QKVO, 4, 2);
    crowd_refused(c, ERR_SHAPE, "a model of another shape");
    model_free(other);
    c = crowd_new(0);
    c->ids[4][2][0] = 61;
    crowd_refused(c, ERR_ARG, "adapter 4: document 2: token id 61 at position 0");
    c = crowd_new(0);
    c->m->p.norm[3] = INFINITY;
    crowd_refused(c, ERR_NUM, "adapter 0: loss");
}
