/* Training: it learns, it is the same on any number of threads, its parts follow their definitions, and each
 * documented error. */
#include <math.h>

#include "tiny.h"

#include "prime/mat.h"
#include "prime/par.h"
#include "prime/train.h"
#include "prime/vec.h"

enum { DOCS = 23, LONGEST = 20 };

/* Documents that count upwards from different starts: easy to learn. */
typedef struct {
    int32_t ids[DOCS][LONGEST];
    TrainDoc doc[DOCS];
} Lesson;

static Lesson *lesson_new(void)
{
    Lesson *s = malloc(sizeof *s);
    for (size_t i = 0; i < DOCS; i++) {
        for (size_t t = 0; t < LONGEST; t++) s->ids[i][t] = (int32_t)((i * 5 + t) % 61);
        s->doc[i] = (TrainDoc){s->ids[i], LONGEST - i % 7, 1 + i % 5};
    }
    return s;
}

/* First and last loss, and what every step must satisfy. */
typedef struct {
    double first, last;
    size_t calls, steps, tokens, stop_after; /* 0: never */
} Diary;

static bool diary_write(void *ctx, const TrainNews *n)
{
    Diary *d = ctx;
    cr_assert_eq(n->step, d->calls);
    cr_assert(n->step < n->steps && n->tokens > d->tokens && n->grad_norm >= 0);
    if (d->calls++ == 0) d->first = n->loss;
    d->last = n->loss;
    d->steps = n->steps;
    d->tokens = n->tokens;
    return d->calls != d->stop_after;
}

static TrainOpts lesson_opts(void)
{
    TrainOpts o = train_default();
    o.opt.lr = 3e-3;
    o.epochs = 8;
    return o;
}

Test(train, base_training_lowers_the_loss)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    TrainOpts o = lesson_opts();
    mat_init();
    for (int by_tokens = 0; by_tokens < 2; by_tokens++) {
        Model *m = tiny_model(&c, 1);
        Diary d = {0};
        o.batch_docs = by_tokens ? 0 : 6;
        o.batch_tokens = by_tokens ? 64 : 0;
        MUST(train_base(m, s->doc, DOCS, &o, diary_write, &d, &e_));
        cr_assert_eq(d.calls, d.steps, "one call a step");
        if (!by_tokens) cr_assert_eq(d.steps, 8 * ((DOCS + 5) / 6));
        size_t want = 0;
        for (size_t i = 0; i < DOCS; i++) want += s->doc[i].n;
        cr_assert_eq(d.tokens, 8 * want, "every document once an epoch");
        cr_assert_gt(d.first, 3, "%g", d.first);
        cr_assert_lt(d.last, 0.5 * d.first, "%g after %g", d.last, d.first);
        model_free(m);
    }
    free(s);
}

Test(train, adapter_training_lowers_the_loss_and_leaves_the_base_alone)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    TrainOpts o = lesson_opts();
    o.opt.lr = 1e-2;
    o.epochs = 20;
    Model *m = tiny_model(&c, 1), *before = NULL;
    MUST(model_copy(&before, m, &e_));
    Lora *l = NULL;
    LoraShape shape = model_lora_shape(&c);
    Rng rng = rng_stream(1, "init", 0);
    MUST(lora_new(&l, &shape, TINY_ALL, 8, 16, &e_));
    lora_init(l, &rng);
    cr_assert_eq(lora_norm(l), 0, "an adapter begins as no change");
    Diary d = {0};
    MUST(train_lora(l, m, s->doc, DOCS, &o, diary_write, &d, &e_));
    cr_assert_lt(d.last, 0.6 * d.first, "%g after %g", d.last, d.first);
    cr_assert_gt(lora_norm(l), 0);
    cr_assert_eq(l->dropout, o.dropout, "kept for its config");
    cr_assert(memcmp(m->p.data, before->p.data, m->p.n * sizeof(float)) == 0);
    lora_free(l);
    model_free(m);
    model_free(before);
    free(s);
}

/* OPPU without a reset between people: one's adapter is where the next one's begins. */
Test(train, an_adapter_is_trained_on_from_where_it_is)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    TrainOpts o = lesson_opts(), still = lesson_opts();
    Diary fresh = {0}, on = {0};
    still.opt.lr = 0;
    still.dropout = o.dropout = 0;
    o.opt.lr = 1e-2;
    Model *m = tiny_model(&c, 1);
    Lora *l = tiny_lora(m, TINY_QKVO, 4, 2), *first = NULL;
    MUST(train_lora(l, m, s->doc, DOCS / 2, &o, diary_write, &fresh, &e_));
    MUST(lora_like(&first, l, &e_));
    memcpy(first->data, l->data, l->n_params * sizeof(float));
    Diary after = {0};
    MUST(train_lora(first, m, s->doc, DOCS / 2, &still, diary_write, &after, &e_));
    MUST(train_lora(l, m, s->doc, DOCS / 2, &still, diary_write, &on, &e_));
    cr_assert(on.first == after.first && on.first < 0.8 * fresh.first, "%g, %g, %g", on.first, after.first,
              fresh.first);
    MUST(train_lora(l, m, s->doc + DOCS / 2, DOCS / 2, &o, NULL, NULL, &e_));
    cr_assert(!lora_equal(l, first));
    lora_free(l);
    lora_free(first);
    model_free(m);
    free(s);
}

/* So many steps, whatever epochs says; the rate goes down over just these. */
Test(train, steps_are_counted_not_epochs)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    Model *m = tiny_model(&c, 1);
    for (size_t steps = 1; steps < 12; steps += 5) {
        TrainOpts o = lesson_opts();
        Diary d = {0};
        o.epochs = steps == 6 ? 0 : 100;
        o.steps = steps;
        Lora *l = tiny_lora(m, TINY_QKVO, 4, 2);
        MUST(train_lora(l, m, s->doc, DOCS, &o, diary_write, &d, &e_));
        cr_assert(d.calls == steps && d.steps == steps);
        lora_free(l);
    }
    model_free(m);
    free(s);
}

Test(train, threads_change_no_bit)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    TrainOpts o = lesson_opts();
    o.epochs = 2;
    o.answers_from = 0.5;
    Model *m[2];
    Lora *l[2];
    Diary d[2] = {0};
    for (size_t r = 0; r < 2; r++) {
        par_set_threads(r + 1);
        m[r] = tiny_model(&c, 1);
        MUST(train_base(m[r], s->doc, DOCS, &o, diary_write, &d[r], &e_));
        l[r] = tiny_lora(m[r], TINY_QKVO, 4, 2);
        MUST(train_lora(l[r], m[r], s->doc, DOCS, &o, NULL, NULL, &e_));
    }
    par_set_threads(0);
    cr_assert(d[0].last == d[1].last && d[0].tokens == d[1].tokens);
    cr_assert(memcmp(m[0]->p.data, m[1]->p.data, m[0]->p.n * sizeof(float)) == 0);
    cr_assert(memcmp(l[0]->data, l[1]->data, l[0]->n_params * sizeof(float)) == 0);
    for (size_t r = 0; r < 2; r++) {
        lora_free(l[r]);
        model_free(m[r]);
    }
    free(s);
}

Test(train, the_seed_and_dropout_matter)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    Model *m = tiny_model(&c, 1);
    Lora *l[4];
    for (size_t r = 0; r < 4; r++) {
        TrainOpts o = lesson_opts();
        o.epochs = 1;
        o.seed = r == 2 ? 9 : 1;
        if (r == 3) o.dropout = 0;
        l[r] = tiny_lora(m, TINY_QKVO, 4, 2);
        MUST(train_lora(l[r], m, s->doc, DOCS, &o, NULL, NULL, &e_));
    }
    size_t bytes = l[0]->n_params * sizeof(float);
    cr_assert(memcmp(l[0]->data, l[1]->data, bytes) == 0, "the same seed, the same adapter");
    cr_assert(memcmp(l[0]->data, l[2]->data, bytes) != 0);
    cr_assert(memcmp(l[0]->data, l[3]->data, bytes) != 0);
    for (size_t r = 0; r < 4; r++) lora_free(l[r]);
    model_free(m);
    free(s);
}

Test(train, a_learning_rate_of_zero_changes_nothing)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    TrainOpts o = lesson_opts();
    o.opt.lr = 0;
    o.dropout = 0;
    o.epochs = 1;
    Model *m = tiny_model(&c, 1), *m0 = tiny_model(&c, 1);
    Lora *l = tiny_lora(m, TINY_QKVO, 4, 2), *l0 = tiny_lora(m, TINY_QKVO, 4, 2);
    MUST(train_base(m, s->doc, DOCS, &o, NULL, NULL, &e_));
    MUST(train_lora(l, m, s->doc, DOCS, &o, NULL, NULL, &e_));
    cr_assert(memcmp(m->p.data, m0->p.data, m->p.n * sizeof(float)) == 0);
    cr_assert(memcmp(l->data, l0->data, l->n_params * sizeof(float)) == 0);
    lora_free(l);
    lora_free(l0);
    model_free(m);
    model_free(m0);
    free(s);
}

/* Documents whose whole text is prompt have no target: only weight decay, w *= 1 - lr * decay a step, is
 * left. */
Test(train, without_targets_only_weight_decay_acts)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    TrainOpts o = lesson_opts();
    o.opt.lr = 0.1;
    o.opt.weight_decay = 0.5;
    o.epochs = 1;
    o.batch_docs = DOCS;
    o.floor = 1; /* the rate stays */
    for (size_t i = 0; i < DOCS; i++) s->doc[i].skip = s->doc[i].n;
    Model *m = tiny_model(&c, 1);
    Lora *l = tiny_lora(m, TINY_QKVO, 4, 2), *l0 = tiny_lora(m, TINY_QKVO, 4, 2);
    Diary d = {0};
    MUST(train_lora(l, m, s->doc, DOCS, &o, diary_write, &d, &e_));
    cr_assert(d.steps == 1 && d.first == 0);
    for (size_t i = 0; i < l->n_params; i++) cr_assert_float_eq(l->data[i], 0.95 * (double)l0->data[i], 1e-7);
    lora_free(l);
    lora_free(l0);
    model_free(m);
    free(s);
}

Test(train, a_watch_that_says_no_ends_it)
{
    ModelConfig c = tiny_config();
    Lesson *s = lesson_new();
    TrainOpts o = lesson_opts();
    Model *m = tiny_model(&c, 1);
    Diary d = {.stop_after = 3};
    MUST(train_base(m, s->doc, DOCS, &o, diary_write, &d, &e_));
    cr_assert(d.calls == 3 && d.steps > 3);
    model_free(m);
    free(s);
}

/* ---- the optimiser ---- */

Test(train, adamw_step_equals_its_definition)
{
    enum { N = 37 };
    float w[N], g[N], m[N] = {0}, v[N] = {0};
    double W[N], M[N] = {0}, V[N] = {0};
    AdamW a = {.lr = 0.01, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1};
    Rng rng = rng_stream(1, "adamw", 0);
    for (size_t i = 0; i < N; i++) W[i] = (double)(w[i] = (float)rng_normal(&rng));
    for (size_t step = 1; step <= 5; step++) {
        for (size_t i = 0; i < N; i++) g[i] = (float)rng_normal(&rng);
        adamw_step(w, m, v, g, N, &a, step);
        for (size_t i = 0; i < N; i++) {
            M[i] = 0.9 * M[i] + 0.1 * (double)g[i];
            V[i] = 0.95 * V[i] + 0.05 * (double)g[i] * (double)g[i];
            double mh = M[i] / (1 - pow(0.9, (double)step)), vh = V[i] / (1 - pow(0.95, (double)step));
            W[i] -= a.lr * (mh / (sqrt(vh) + a.eps) + a.weight_decay * W[i]);
            cr_assert_float_eq(w[i], W[i], 1e-5, "step %zu entry %zu", step, i);
        }
    }
}

Test(train, adamw_cosine_end_points)
{
    cr_assert_eq(adamw_cosine(0, 100, 0, 0.1), 1);
    cr_assert_float_eq(adamw_cosine(50, 100, 0, 0.1), 0.55, 1e-12);
    cr_assert_float_eq(adamw_cosine(100, 100, 0, 0.1), 0.1, 1e-12);
    cr_assert_float_eq(adamw_cosine(200, 100, 0, 0.1), 0.1, 1e-12, "beyond the end it stays");
    cr_assert_float_eq(adamw_cosine(0, 100, 10, 0.1), 0.1, 1e-12);
    cr_assert_float_eq(adamw_cosine(9, 100, 10, 0.1), 1, 1e-12);
    cr_assert_float_eq(adamw_cosine(10, 100, 10, 0), 1, 1e-12);
    cr_assert_float_eq(adamw_cosine(55, 100, 10, 0), 0.5, 1e-12);
    cr_assert_eq(adamw_cosine(5, 5, 5, 0), 1, "a run that is all warm-up");
    double last = 2;
    for (size_t step = 10; step < 100; step++) {
        double f = adamw_cosine(step, 100, 10, 0.1);
        cr_assert(f < last && f > 0.1);
        last = f;
    }
}

Test(train, adamw_clip_bounds_the_norm)
{
    float g[4] = {3, 0, 4, 0}, keep[4] = {3, 0, 4, 0};
    double norm = adamw_clip(g, 4, 0);
    cr_assert_float_eq(norm, 5, 1e-12, "0 is no bound");
    norm = adamw_clip(g, 4, 5.5);
    cr_assert_float_eq(norm, 5, 1e-12);
    cr_assert(memcmp(g, keep, sizeof g) == 0, "within the bound nothing changes");
    norm = adamw_clip(g, 4, 1);
    cr_assert_float_eq(norm, 5, 1e-12, "the norm before");
    cr_assert_float_eq(sqrt(vec_dot_d(g, g, 4)), 1, 1e-6);
    cr_assert_float_eq(g[0] / g[2], 0.75, 1e-6);
    float zero[3] = {0};
    cr_assert_eq(adamw_clip(zero, 3, 1), 0);
}

/* ---- errors ---- */

typedef void (*Spoil)(TrainOpts *o, Lesson *s);

static void spoil_epochs(TrainOpts *o, Lesson *s)
{
    (void)s;
    o->epochs = 0;
}

static void spoil_batch(TrainOpts *o, Lesson *s)
{
    (void)s;
    o->batch_docs = o->batch_tokens = 0;
}

static void spoil_rate(TrainOpts *o, Lesson *s)
{
    (void)s;
    o->opt.lr = -1;
}

static void spoil_rate_nan(TrainOpts *o, Lesson *s)
{
    (void)s;
    o->opt.lr = NAN;
}

static void spoil_dropout(TrainOpts *o, Lesson *s)
{
    (void)s;
    o->dropout = 1;
}

static void spoil_id(TrainOpts *o, Lesson *s)
{
    (void)o;
    s->ids[2][3] = 61;
}

static void spoil_empty(TrainOpts *o, Lesson *s)
{
    (void)o;
    s->doc[4].n = 0;
}

static void spoil_length(TrainOpts *o, Lesson *s)
{
    (void)o;
    s->doc[1].n = 65;
}

Test(train, bad_arguments_are_refused)
{
    static const struct {
        Spoil spoil;
        const char *says;
    } cases[] = {
        {spoil_epochs, "epochs = 0, want at least 1"},
        {spoil_batch, "batch size = 0, want at least 1"},
        {spoil_rate, "learning rate = -1, want [0, 10)"},
        {spoil_rate_nan, "learning rate = nan, want [0, 10)"},
        {spoil_dropout, "dropout = 1, want [0, 1)"},
        {spoil_id, "document 2: token id 61 at position 3, want 0 to 60"},
        {spoil_empty, "document 4: a sequence of 0 tokens"},
        {spoil_length, "document 1: a sequence of 65 tokens, the model takes at most 64"},
    };
    ModelConfig c = tiny_config();
    Model *m = tiny_model(&c, 1), *m0 = tiny_model(&c, 1);
    Lora *l = tiny_lora(m, TINY_QKVO, 4, 2), *l0 = tiny_lora(m, TINY_QKVO, 4, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Lesson *s = lesson_new();
        TrainOpts o = lesson_opts();
        Err e = {0}, f = {0};
        cases[i].spoil(&o, s);
        cr_assert_eq(train_base(m, s->doc, DOCS, &o, NULL, NULL, &e), ERR_ARG, "%s", cases[i].says);
        cr_assert_not_null(strstr(e.msg, cases[i].says), "\"%s\" does not say \"%s\"", e.msg, cases[i].says);
        cr_assert_eq(train_lora(l, m, s->doc, DOCS, &o, NULL, NULL, &f), ERR_ARG);
        cr_assert_str_eq(e.msg, f.msg);
        free(s);
    }
    TrainOpts o = lesson_opts();
    Err e = {0};
    cr_assert_eq(train_base(m, NULL, 0, &o, NULL, NULL, &e), ERR_ARG);
    m->stored = true;
    Err kept = {0};
    cr_assert_eq(train_base(m, NULL, 0, &o, NULL, NULL, &kept), ERR_ARG);
    cr_assert_not_null(strstr(kept.msg, "kept as stored"), "%s", kept.msg);
    m->stored = false;
    cr_assert_not_null(strstr(e.msg, "no documents"));
    cr_assert(memcmp(m->p.data, m0->p.data, m->p.n * sizeof(float)) == 0, "the model as it was");
    cr_assert(memcmp(l->data, l0->data, l->n_params * sizeof(float)) == 0, "the adapter as it was");
    lora_free(l);
    lora_free(l0);
    model_free(m);
    model_free(m0);
}

Test(train, an_adapter_of_another_shape_and_weights_that_are_not_finite)
{
    ModelConfig c = tiny_config(), wide = tiny_config();
    wide.n_ffn = 40;
    Lesson *s = lesson_new();
    TrainOpts o = lesson_opts();
    Model *m = tiny_model(&c, 1), *other = tiny_model(&wide, 1);
    Lora *l = tiny_lora(other, TINY_QKVO, 4, 2), *own = tiny_lora(m, TINY_QKVO, 4, 2);
    Err e = {0}, f = {0}, g = {0};
    cr_assert_eq(train_lora(l, m, s->doc, DOCS, &o, NULL, NULL, &e), ERR_SHAPE);
    m->p.norm[3] = INFINITY;
    cr_assert_eq(train_lora(own, m, s->doc, DOCS, &o, NULL, NULL, &f), ERR_NUM);
    cr_assert_not_null(strstr(f.msg, "at step 0"), "%s", f.msg);
    cr_assert_eq(train_base(m, s->doc, DOCS, &o, NULL, NULL, &g), ERR_NUM);
    lora_free(l);
    lora_free(own);
    model_free(m);
    model_free(other);
    free(s);
}
