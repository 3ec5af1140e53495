/* Gates on the adapters' inputs: the forward pass and every entry of the gradient against a twin in double,
 * and the training of gates. */
#include "naive.h"

#include "prime/mat.h"
#include "prime/par.h"
#include "prime/train.h"
#include "prime/vec.h"

/* ---- the twin ---- */

typedef struct {
    const Lora *l;
    const Gate *g; /* NULL: the plain adapter */
    double nudge;  /* added to entry `at` of the gates */
    size_t at;
} Twin;

static void twin_site(void *ctx, size_t layer, LoraKind kind, const double *x, double *y, size_t rows)
{
    const Twin *k = ctx;
    size_t site = layer * LORA_KINDS + kind, n_in = k->l->shape.n_in[kind], n_out = k->l->shape.n_out[kind];
    if (k->l->site[site].r == 0) return;
    const float *g = k->g != NULL ? k->g->site[site] : NULL;
    double *in = naive_alloc(n_in);
    for (size_t t = 0; t < rows; t++) {
        double z = 0;
        for (size_t i = 0; g != NULL && i < n_in; i++) {
            double own = (double)g[i] + (g + i == k->g->data + k->at ? k->nudge : 0);
            z += own * x[t * n_in + i];
        }
        double p = g != NULL ? 1 / (1 + exp(-z)) : 1;
        for (size_t i = 0; i < n_in; i++) in[i] = p * x[t * n_in + i];
        naive_adapter(y + t * n_out, in, &k->l->site[site], n_in, n_out);
    }
    free(in);
}

static Gate *random_gate(const Lora *l, double sd, uint64_t seed)
{
    Gate *g = NULL;
    Rng rng = rng_stream(seed, "gate", 0);
    MUST(gate_new(&g, l, &e_));
    for (size_t i = 0; i < g->n_params; i++) g->data[i] = (float)(sd * rng_normal(&rng));
    return g;
}

/* Two texts under a tiny model with grouped queries and an adapter on every product. */
typedef struct {
    Model *m;
    Lora *l;
    LoraBank *b;
    Pass *p;
    PassLora lora;
    PassSeq seq[2];
    size_t skip[2];
    int32_t *ids[2];
} Texts;

static const float weight_one = 1;

static Texts *texts_open(unsigned kinds)
{
    ModelConfig c = tiny_config();
    Texts *s = calloc(1, sizeof *s);
    s->m = tiny_model(&c, 3);
    s->l = tiny_lora(s->m, kinds, 3, 4);
    MUST(lora_bank_view(&s->b, s->l, &e_));
    s->lora = (PassLora){.bank = s->b, .op = LORA_EXACT, .w = &weight_one};
    for (size_t i = 0; i < 2; i++) {
        s->ids[i] = tiny_ids(14 - 5 * i, c.n_vocab, i);
        s->seq[i] = (PassSeq){.ids = s->ids[i], .n = 14 - 5 * i};
        s->skip[i] = 3 * i;
    }
    MUST(pass_new(&s->p, s->m, 23, s->b->width, true, &e_));
    mat_init();
    return s;
}

static void texts_close(Texts *s)
{
    pass_free(s->p);
    lora_bank_free(s->b);
    lora_free(s->l);
    model_free(s->m);
    free(s->ids[0]);
    free(s->ids[1]);
    free(s);
}

static double hidden_diff(const Texts *s, const double *want)
{
    double worst = 0;
    for (size_t i = 0; i < 23 * s->m->cfg.n_hidden; i++) {
        double d = fabs((double)pass_hidden(s->p)[i] - want[i]);
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

Test(pass_gate, gated_forward_equals_the_twin)
{
    Texts *s = texts_open(TINY_ALL);
    Gate *g = random_gate(s->l, 0.3, 1);
    double *want[2];
    for (int gated = 0; gated < 2; gated++) {
        want[gated] = naive_hidden(s->m, s->seq, 2, twin_site, &(Twin){.l = s->l, .g = gated ? g : NULL});
        pass_gate(s->p, gated ? g : NULL, NULL);
        pass_forward(s->p, s->m, s->seq, 2, &s->lora, NULL);
        double d = hidden_diff(s, want[gated]);
        cr_assert_lt(d, 1e-4, "gated %d: %g", gated, d);
    }
    double apart = 0;
    for (size_t i = 0; i < 23 * s->m->cfg.n_hidden; i++) apart += fabs(want[0][i] - want[1][i]);
    cr_assert_gt(apart, 1, "gates matter");
    free(want[0]);
    free(want[1]);
    gate_free(g);
    texts_close(s);
}

/* At zero the gate is 1/2: what an adapter of half the scale gives, up to its own rounding. */
Test(pass_gate, gates_of_zero_halve_the_input)
{
    Texts *s = texts_open(TINY_QKVO);
    Gate *g = random_gate(s->l, 0, 1);
    pass_gate(s->p, g, NULL);
    pass_forward(s->p, s->m, s->seq, 2, &s->lora, NULL);
    size_t n = 23 * s->m->cfg.n_hidden;
    float *gated = malloc(n * sizeof *gated);
    memcpy(gated, pass_hidden(s->p), n * sizeof *gated);
    pass_gate(s->p, NULL, NULL);
    for (size_t i = 0; i < s->b->shape.n_layers * LORA_KINDS; i++) s->b->scale[i] *= 0.5f;
    pass_forward(s->p, s->m, s->seq, 2, &s->lora, NULL);
    double d = case_max_diff(gated, pass_hidden(s->p), n);
    cr_assert_lt(d, 2e-5, "%g", d);
    free(gated);
    gate_free(g);
    texts_close(s);
}

/* Central differences of the twin, which computes in double: entry by entry, in every kind. */
Test(pass_gate, every_entry_of_the_gradient_agrees_with_differences)
{
    Texts *s = texts_open(TINY_ALL);
    Gate *g = random_gate(s->l, 0.3, 2), *grad = random_gate(s->l, 0, 0);
    size_t targets, per_kind[LORA_KINDS] = {0};
    const double h = 1e-5;
    pass_gate(s->p, g, grad);
    pass_forward(s->p, s->m, s->seq, 2, &s->lora, NULL);
    double loss = pass_loss(s->p, s->m, s->seq, s->skip, 2, &s->lora, 1, &(PassGrad){0}, &targets);
    Twin k = {.l = s->l, .g = g};
    double twin = naive_loss(s->m, s->seq, s->skip, 2, twin_site, &k);
    cr_assert_float_eq(loss, twin, 1e-3, "%g, want %g", loss, twin);
    for (size_t site = 0; site < s->l->shape.n_layers * LORA_KINDS; site++) {
        if (g->site[site] == NULL) continue;
        for (size_t i = site % 5; i < s->l->shape.n_in[site % LORA_KINDS]; i += 7) {
            double side[2], got = (double)grad->site[site][i];
            k.at = (size_t)(g->site[site] - g->data) + i;
            for (int n = 0; n < 2; n++) {
                k.nudge = n == 0 ? h : -h;
                side[n] = naive_loss(s->m, s->seq, s->skip, 2, twin_site, &k);
            }
            double want = (side[0] - side[1]) / (2 * h);
            cr_assert_float_eq(got, want, 2e-4 + 2e-4 * fabs(want), "site %zu entry %zu: %g, want %g", site,
                               i, got, want);
            per_kind[site % LORA_KINDS] += fabs(want) > 1e-3;
        }
    }
    for (size_t kind = 0; kind < LORA_KINDS; kind++)
        cr_assert(s->l->shape.n_out[kind] == 0 || per_kind[kind] > 2, "kind %zu has gradients", kind);
    gate_free(g);
    gate_free(grad);
    texts_close(s);
}

/* Gradients add up, and with no place for them the loss is the same. */
Test(pass_gate, gradients_accumulate)
{
    Texts *s = texts_open(TINY_QKVO);
    Gate *g = random_gate(s->l, 0.3, 2), *one = random_gate(s->l, 0, 0), *two = random_gate(s->l, 0, 0);
    double loss[4];
    for (size_t r = 0; r < 4; r++) {
        size_t targets;
        pass_gate(s->p, g, r == 0 ? NULL : r == 1 ? one : two);
        pass_forward(s->p, s->m, s->seq, 2, &s->lora, NULL);
        loss[r] = pass_loss(s->p, s->m, s->seq, s->skip, 2, &s->lora, 1, &(PassGrad){0}, &targets);
        cr_assert_eq(loss[r], loss[0]);
    }
    for (size_t i = 0; i < g->n_params; i++)
        cr_assert_float_eq(two->data[i], 2 * (double)one->data[i], 1e-4 * fabs((double)two->data[i]) + 1e-6);
    gate_free(g);
    gate_free(one);
    gate_free(two);
    texts_close(s);
}

/* ---- training ---- */

enum { DOCS = 17, LONGEST = 16 };

typedef struct {
    int32_t ids[DOCS][LONGEST];
    TrainDoc doc[DOCS];
} GateLesson;

static void gate_lesson(GateLesson *s)
{
    for (size_t i = 0; i < DOCS; i++) {
        for (size_t t = 0; t < LONGEST; t++) s->ids[i][t] = (int32_t)((i * 5 + t) % 61);
        s->doc[i] = (TrainDoc){s->ids[i], LONGEST - i % 5, 1 + i % 4};
    }
}

typedef struct {
    size_t calls, steps, stop_after;
    double first_lr, last_lr, last_loss;
} GateDiary;

static bool gate_diary(void *ctx, const TrainNews *n)
{
    GateDiary *d = ctx;
    cr_assert_eq(n->step, d->calls);
    if (d->calls++ == 0) d->first_lr = n->lr;
    d->last_lr = n->lr;
    d->last_loss = n->loss;
    d->steps = n->steps;
    return d->calls != d->stop_after;
}

static TrainOpts gate_opts(size_t steps, double lr)
{
    TrainOpts o = train_gate_prime();
    o.steps = steps;
    o.opt.lr = lr;
    return o;
}

/* An adapter trained with its whole input, then gates from 1/2 on: they open where it helps. */
Test(pass_gate, training_lowers_the_loss_and_moves_nothing_but_gates)
{
    ModelConfig c = tiny_config();
    GateLesson s;
    GateDiary d = {0};
    gate_lesson(&s);
    Model *m = tiny_model(&c, 1), *m0 = tiny_model(&c, 1);
    Lora *l = tiny_lora(m, TINY_ALL, 4, 2), *l0 = NULL;
    TrainOpts fit = train_default();
    fit.opt.lr = 1e-2;
    fit.epochs = 10;
    MUST(train_lora(l, m, s.doc, DOCS, &fit, NULL, NULL, &e_));
    MUST(lora_like(&l0, l, &e_));
    memcpy(l0->data, l->data, l->n_params * sizeof *l->data);
    Gate *g = random_gate(l, 0, 0);
    double before, after;
    MUST(train_gate_loss(&before, g, l, m, s.doc, DOCS, &e_));
    TrainOpts o = gate_opts(40, 3e-2);
    MUST(train_gate(g, l, m, s.doc, DOCS, &o, gate_diary, &d, &e_));
    MUST(train_gate_loss(&after, g, l, m, s.doc, DOCS, &e_));
    cr_assert_lt(after, 0.9 * before, "%g after %g", after, before);
    cr_assert(d.calls == 40 && d.steps == 40, "17 texts by 6 are 3 steps a pass: 40 are 13 passes and one");
    cr_assert(d.first_lr == 3e-2 && d.last_lr < 1e-4, "the cosine ends with the steps");
    cr_assert(lora_equal(l, l0) && memcmp(m->p.data, m0->p.data, m->p.n * sizeof(float)) == 0);
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++)
        if (g->site[i] != NULL)
            cr_assert_gt(vec_dot_d(g->site[i], g->site[i], l->shape.n_in[i % LORA_KINDS]), 0);
    gate_free(g);
    lora_free(l);
    lora_free(l0);
    model_free(m);
    model_free(m0);
}

Test(pass_gate, loss_of_gates_equals_the_twin)
{
    Texts *s = texts_open(TINY_ALL);
    Gate *g = random_gate(s->l, 0.3, 7);
    TrainDoc doc[2] = {{s->ids[0], s->seq[0].n, s->skip[0]}, {s->ids[1], s->seq[1].n, s->skip[1]}};
    double got, want = naive_loss(s->m, s->seq, s->skip, 2, twin_site, &(Twin){.l = s->l, .g = g});
    MUST(train_gate_loss(&got, g, s->l, s->m, doc, 2, &e_));
    want /= (double)(doc[0].n - 1 + doc[1].n - 3);
    cr_assert_float_eq(got, want, 1e-4, "%g, want %g", got, want);
    doc[0].skip = doc[0].n;
    doc[1].skip = doc[1].n;
    MUST(train_gate_loss(&got, g, s->l, s->m, doc, 2, &e_));
    cr_assert(isnan(got), "no target");
    gate_free(g);
    texts_close(s);
}

/* One step without dropout: AdamW's first step is lr times the sign of the gradient, clipped or not. */
Test(pass_gate, first_step_is_that_of_adamw)
{
    Texts *s = texts_open(TINY_QKVO);
    Gate *g = random_gate(s->l, 0, 0), *grad = random_gate(s->l, 0, 0);
    size_t targets;
    pass_gate(s->p, g, grad);
    pass_forward(s->p, s->m, s->seq, 2, &s->lora, NULL);
    (void)pass_loss(s->p, s->m, s->seq, s->skip, 2, &s->lora, 1, &(PassGrad){0}, &targets);
    TrainDoc doc[2] = {{s->ids[0], s->seq[0].n, s->skip[0]}, {s->ids[1], s->seq[1].n, s->skip[1]}};
    TrainOpts o = gate_opts(1, 1e-3);
    o.dropout = 0;
    Gate *moved = random_gate(s->l, 0, 0);
    MUST(train_gate(moved, s->l, s->m, doc, 2, &o, NULL, NULL, &e_));
    for (size_t i = 0; i < g->n_params; i++)
        if (fabsf(grad->data[i]) > 1e-2f)
            cr_assert_float_eq(moved->data[i], grad->data[i] > 0 ? -1e-3 : 1e-3, 1e-6, "entry %zu", i);
    gate_free(g);
    gate_free(grad);
    gate_free(moved);
    texts_close(s);
}

Test(pass_gate, seeds_threads_stops_and_presets)
{
    Texts *s = texts_open(TINY_QKVO);
    GateLesson lesson;
    Gate *g[4];
    gate_lesson(&lesson);
    for (size_t r = 0; r < 4; r++) {
        GateDiary d = {.stop_after = r == 3 ? 2 : 0};
        TrainOpts o = gate_opts(5, 1e-2);
        o.seed = r == 2 ? 9 : 1;
        par_set_threads(r == 1 ? 3 : 1);
        g[r] = random_gate(s->l, 0, 0);
        MUST(train_gate(g[r], s->l, s->m, lesson.doc, DOCS, &o, gate_diary, &d, &e_));
        cr_assert_eq(d.calls, r == 3 ? 2 : 5);
    }
    par_set_threads(0);
    size_t bytes = g[0]->n_params * sizeof(float);
    cr_assert(memcmp(g[0]->data, g[1]->data, bytes) == 0);
    cr_assert(memcmp(g[0]->data, g[2]->data, bytes) != 0);
    cr_assert(memcmp(g[0]->data, g[3]->data, bytes) != 0);
    for (size_t r = 0; r < 4; r++) gate_free(g[r]);
    texts_close(s);
    TrainOpts own = train_gate_perpcs(), copy = train_gate_prime();
    cr_assert(own.steps == 200 && copy.steps == 50);
    cr_assert(copy.opt.lr == 2e-5 && copy.opt.weight_decay == 0 && copy.opt.beta1 == 0.9);
    cr_assert(copy.opt.beta2 == 0.95 && copy.batch_docs == 6 && copy.clip == 0.3 && copy.dropout == 0.05);
}

Test(pass_gate, bad_arguments_are_refused)
{
    Texts *s = texts_open(TINY_QKVO);
    ModelConfig wide = tiny_config();
    wide.n_ffn = 40;
    GateLesson lesson;
    gate_lesson(&lesson);
    Model *other = tiny_model(&wide, 1);
    Lora *elsewhere = tiny_lora(other, TINY_QKVO, 3, 4), *fewer = tiny_lora(s->m, 1U << LORA_Q, 3, 4);
    Gate *g = random_gate(s->l, 0, 0), *few = random_gate(fewer, 0, 0), *odd = random_gate(elsewhere, 0, 0);
    TrainOpts o = gate_opts(2, 1e-2), none = gate_opts(0, 1e-2);
    double x = -1;
    none.epochs = 0;
    Err e[6] = {{0}};
    cr_assert_eq(train_gate(odd, elsewhere, s->m, lesson.doc, DOCS, &o, NULL, NULL, &e[0]), ERR_SHAPE);
    cr_assert_not_null(strstr(e[0].msg, "model of another shape"));
    cr_assert_eq(train_gate(few, s->l, s->m, lesson.doc, DOCS, &o, NULL, NULL, &e[1]), ERR_SHAPE);
    cr_assert_not_null(strstr(e[1].msg, "sites differ"), "%s", e[1].msg);
    cr_assert_eq(train_gate_loss(&x, few, s->l, s->m, lesson.doc, DOCS, &e[2]), ERR_SHAPE);
    cr_assert_eq(train_gate(g, s->l, s->m, lesson.doc, DOCS, &none, NULL, NULL, &e[3]), ERR_ARG);
    cr_assert_not_null(strstr(e[3].msg, "epochs = 0"));
    cr_assert_eq(train_gate(g, s->l, s->m, lesson.doc, 0, &o, NULL, NULL, &e[4]), ERR_ARG);
    lesson.ids[3][2] = 61;
    cr_assert_eq(train_gate_loss(&x, g, s->l, s->m, lesson.doc, DOCS, &e[5]), ERR_ARG);
    cr_assert_not_null(strstr(e[5].msg, "document 3: token id 61"), "%s", e[5].msg);
    cr_assert_eq(x, -1);
    for (size_t i = 0; i < g->n_params; i++) cr_assert_eq(g->data[i], 0);
    gate_free(g);
    gate_free(few);
    gate_free(odd);
    lora_free(elsewhere);
    lora_free(fewer);
    model_free(other);
    texts_close(s);
}

/* The hook sees every site once, in order, with the inputs that the twin has there. */
typedef struct {
    const Twin *twin;
    size_t last, seen;
    double *x[64];
} Witness;

static void witness_naive(void *ctx, size_t layer, LoraKind kind, const double *x, double *y, size_t rows)
{
    Witness *w = ctx;
    size_t n_in = w->twin->l->shape.n_in[kind], site = layer * LORA_KINDS + kind;
    if (w->twin->l->site[site].r > 0) {
        w->x[site] = naive_alloc(rows * n_in);
        memcpy(w->x[site], x, rows * n_in * sizeof *x);
    }
    twin_site((void *)(uintptr_t)w->twin, layer, kind, x, y, rows);
}

static void witness_hook(void *ctx, size_t layer, LoraKind kind, const float *x)
{
    Witness *w = ctx;
    size_t site = layer * LORA_KINDS + kind;
    cr_assert(w->seen == 0 || site > w->last, "site %zu after %zu", site, w->last);
    w->last = site;
    w->seen++;
    cr_assert_not_null(w->x[site], "site %zu", site);
    for (size_t i = 0; i < 23 * w->twin->l->shape.n_in[kind]; i++)
        cr_assert_float_eq(x[i], w->x[site][i], 1e-4, "site %zu entry %zu", site, i);
}

Test(pass_gate, the_hook_sees_every_site_with_its_inputs)
{
    Texts *s = texts_open(TINY_ALL & ~(1U << LORA_K));
    Twin twin = {.l = s->l};
    Witness w = {.twin = &twin};
    free(naive_hidden(s->m, s->seq, 2, witness_naive, &w));
    pass_hook(s->p, witness_hook, &w);
    pass_forward(s->p, s->m, s->seq, 2, &s->lora, NULL);
    cr_assert_eq(w.seen, 12);
    pass_hook(s->p, NULL, NULL);
    pass_forward(s->p, s->m, s->seq, 2, &s->lora, NULL);
    cr_assert_eq(w.seen, 12);
    for (size_t i = 0; i < 64; i++) free(w.x[i]);
    texts_close(s);
}
