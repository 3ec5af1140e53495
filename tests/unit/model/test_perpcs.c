/* Assembly of anchors by their gates: against a twin that follows the definition step by step in double, and
 * by its laws. */
#include "naive.h"

#include "prime/mat.h"
#include "prime/merge.h"
#include "prime/par.h"
#include "prime/perpcs.h"

enum { ANCHORS = 5, TEXTS = 7, LONGEST = 15, SITES = 2 * LORA_KINDS };

typedef struct {
    Model *m;
    Lora *l[ANCHORS];
    Gate *g[ANCHORS];
    int32_t *ids[TEXTS];
    TrainDoc doc[TEXTS];
} History;

static History *history_open(unsigned kinds)
{
    ModelConfig c = tiny_config();
    History *h = calloc(1, sizeof *h);
    h->m = tiny_model(&c, 3);
    mat_init();
    for (size_t i = 0; i < ANCHORS; i++) {
        Rng rng = rng_stream(8, "anchor gate", i);
        h->l[i] = tiny_lora(h->m, kinds, 3, 10 + i);
        MUST(gate_new(&h->g[i], h->l[i], &e_));
        for (size_t j = 0; j < h->g[i]->n_params; j++) h->g[i]->data[j] = (float)(0.01 * rng_normal(&rng));
    }
    for (size_t i = 0; i < TEXTS; i++) {
        size_t n = LONGEST - i;
        h->ids[i] = tiny_ids(n, c.n_vocab, 50 + i);
        h->doc[i] = (TrainDoc){h->ids[i], n, i == 2 ? 0 : n - 1 - i % 4};
    }
    return h;
}

static void history_close(History *h)
{
    for (size_t i = 0; i < ANCHORS; i++) {
        lora_free(h->l[i]);
        gate_free(h->g[i]);
    }
    for (size_t i = 0; i < TEXTS; i++) free(h->ids[i]);
    model_free(h->m);
    free(h);
}

static Lora *assembled(double *weight, const History *h, size_t k, const PerpcsOpts *o)
{
    Lora *out = NULL;
    MUST(perpcs_assemble(&out, weight, h->m, (const Lora *const *)h->l, (const Gate *const *)h->g, k, h->doc,
                         TEXTS, o, &e_));
    return out;
}

/* ---- the twin ---- */

/* One batch: what each site chose, and the A and B that came of it, added up over batches. */
typedef struct {
    const History *h;
    const PerpcsOpts *o;
    const PassSeq *seq;
    const size_t *skip;
    size_t n;
    bool pool[SITES][ANCHORS];
    double weight[SITES][ANCHORS]; /* summed */
    double *a[SITES], *b[SITES];   /* summed */
    double margin;                 /* least gap between the last chosen and the first left out */
} Batch;

static void twin_ln(double *out, const double *x, size_t n)
{
    double mean = 0, var = 0;
    for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) var += (x[i] - mean) * (x[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++) out[i] = (x[i] - mean) / sqrt(var + 1e-5);
}

/* s = LN(x) LN(g)^T / sqrt(d): (batch, seq, anchors), masked, pooled over tokens, then over the batch. */
static void twin_scores(double score[ANCHORS], const Batch *k, size_t site, const double *x, size_t n_in)
{
    double *g = naive_alloc(n_in), *ln = naive_alloc(n_in);
    for (size_t a = 0; a < ANCHORS; a++) {
        score[a] = 0;
        for (size_t i = 0; i < n_in; i++) g[i] = (double)k->h->g[a]->site[site][i];
        twin_ln(g, g, n_in);
        for (size_t i = 0, row = 0; i < k->n; row += k->seq[i].n, i++) {
            double sum = 0;
            size_t count = 0;
            for (size_t t = 0; t + 1 < k->seq[i].n; t++) {
                bool answer = t + 1 >= k->skip[i];
                if (!answer) continue;
                twin_ln(ln, x + (row + t) * n_in, n_in);
                for (size_t c = 0; c < n_in; c++) sum += ln[c] * g[c] / sqrt((double)n_in);
                count++;
            }
            score[a] += sum / (double)count / (double)k->n;
        }
    }
    free(g);
    free(ln);
}

static void twin_weights(double w[ANCHORS], Batch *k, size_t site, const double score[ANCHORS])
{
    size_t order[ANCHORS], n = 0;
    double sum = 0;
    for (size_t a = 0; a < ANCHORS; a++)
        if (k->pool[site][a]) order[n++] = a;
    for (size_t i = 1; i < n; i++)
        for (size_t p = i; p > 0 && score[order[p]] > score[order[p - 1]]; p--) {
            size_t t = order[p];
            order[p] = order[p - 1];
            order[p - 1] = t;
        }
    if (n > k->o->topk) k->margin = fmin(k->margin, score[order[k->o->topk - 1]] - score[order[k->o->topk]]);
    for (size_t a = 0; a < ANCHORS; a++) w[a] = 0;
    for (size_t i = 0; i < k->o->topk; i++) sum += w[order[i]] = exp(score[order[i]] / k->o->temperature);
    for (size_t a = 0; a < ANCHORS; a++) w[a] /= sum;
}

static void twin_assemble(void *ctx, size_t layer, LoraKind kind, const double *x, double *y, size_t rows)
{
    Batch *k = ctx;
    size_t site = layer * LORA_KINDS + kind;
    const LoraSite *s = &k->h->l[0]->site[site];
    size_t n_in = k->h->l[0]->shape.n_in[kind], n_out = k->h->l[0]->shape.n_out[kind], r = s->r;
    double score[ANCHORS], w[ANCHORS], *a = naive_alloc(r * n_in), *b = naive_alloc(r * n_out);
    if (r > 0) {
        twin_scores(score, k, site, x, n_in);
        twin_weights(w, k, site, score);
        for (size_t i = 0; i < ANCHORS; i++) {
            for (size_t j = 0; j < r * n_in; j++) a[j] += w[i] * (double)k->h->l[i]->site[site].a[j];
            for (size_t j = 0; j < r * n_out; j++) b[j] += w[i] * (double)k->h->l[i]->site[site].b[j];
            k->weight[site][i] += w[i];
        }
        for (size_t j = 0; j < r * n_in; j++) k->a[site][j] += a[j];
        for (size_t j = 0; j < r * n_out; j++) k->b[site][j] += b[j];
    }
    for (size_t t = 0; t < rows; t++)
        for (size_t q = 0; q < r; q++) {
            double in = 0;
            for (size_t i = 0; i < n_in; i++) in += a[q * n_in + i] * x[t * n_in + i];
            for (size_t o = 0; o < n_out; o++) y[t * n_out + o] += (double)s->scale * b[o * r + q] * in;
        }
    free(a);
    free(b);
}

static void twin_open(Batch *k, const History *h, const PerpcsOpts *o)
{
    *k = (Batch){.h = h, .o = o, .margin = INFINITY};
    for (size_t s = 0; s < SITES; s++) {
        size_t r = h->l[0]->site[s].r;
        k->a[s] = naive_alloc(r * h->m->cfg.n_ffn);
        k->b[s] = naive_alloc(r * h->m->cfg.n_ffn * 2);
        Rng rng = rng_stream(o->seed, "perpcs pool", s);
        size_t who[ANCHORS], pool = (size_t)(ANCHORS * o->shared);
        for (size_t i = 0; i < ANCHORS; i++) who[i] = i;
        if (pool < ANCHORS) rng_shuffle(&rng, who, ANCHORS);
        for (size_t i = 0; i < pool; i++) k->pool[s][who[i]] = true;
    }
}

static size_t twin_run(Batch *k)
{
    size_t batches = 0, order[TEXTS];
    for (size_t p = 0; p < k->o->epochs; p++) {
        Rng rng = rng_stream(k->o->seed, "perpcs order", p);
        for (size_t i = 0; i < TEXTS; i++) order[i] = i;
        rng_shuffle(&rng, order, TEXTS);
        for (size_t at = 0; at < TEXTS; at += k->o->batch_docs, batches++) {
            PassSeq seq[TEXTS];
            size_t skip[TEXTS];
            for (k->n = 0; k->n < k->o->batch_docs && at + k->n < TEXTS; k->n++) {
                const TrainDoc *d = &k->h->doc[order[at + k->n]];
                seq[k->n] = (PassSeq){.ids = d->ids, .n = d->n};
                skip[k->n] = d->skip;
            }
            k->seq = seq;
            k->skip = skip;
            free(naive_hidden(k->h->m, seq, k->n, twin_assemble, k));
        }
    }
    return batches;
}

static double worst_factor(const float *got, const double *want, size_t n, size_t batches)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)got[i] - want[i] / (double)batches));
    return worst;
}

static void twin_compare(const History *h, const PerpcsOpts *o)
{
    Batch k;
    double weight[SITES * ANCHORS];
    twin_open(&k, h, o);
    size_t batches = twin_run(&k), at_work = 0;
    bool used[ANCHORS] = {false};
    Lora *got = assembled(weight, h, ANCHORS, o);
    cr_assert_gt(k.margin, 1e-5, "a choice too close to call: %g", k.margin);
    for (size_t s = 0; s < SITES; s++) {
        const LoraSite *site = &got->site[s];
        double sum = 0, a, b;
        for (size_t i = 0; i < ANCHORS; i++) {
            double want = k.weight[s][i] / (double)batches;
            cr_assert_float_eq(weight[s * ANCHORS + i], want, 1e-5, "site %zu anchor %zu: %g, want %g", s, i,
                               weight[s * ANCHORS + i], want);
            sum += weight[s * ANCHORS + i];
            used[i] = used[i] || want > 0;
        }
        cr_assert_float_eq(sum, site->r > 0 ? 1 : 0, 1e-12);
        a = worst_factor(site->a, k.a[s], site->r * got->shape.n_in[s % LORA_KINDS], batches);
        b = worst_factor(site->b, k.b[s], site->r * got->shape.n_out[s % LORA_KINDS], batches);
        cr_assert(a < 1e-5 && b < 1e-5, "site %zu: %g and %g", s, a, b);
        cr_assert(site->r == 0 || site->scale == h->l[0]->site[s].scale);
        free(k.a[s]);
        free(k.b[s]);
    }
    for (size_t i = 0; i < ANCHORS; i++) at_work += used[i];
    cr_assert_gt(at_work, 2, "several anchors are at work");
    lora_free(got);
}

Test(perpcs, one_anchor_a_module_equals_the_twin)
{
    History *h = history_open(TINY_ALL);
    PerpcsOpts o = perpcs_default();
    twin_compare(h, &o); /* all texts in one batch */
    o.batch_docs = 3;
    twin_compare(h, &o); /* 3, 3 and 1 */
    history_close(h);
}

Test(perpcs, shares_of_several_equal_the_twin)
{
    History *h = history_open(TINY_ALL);
    PerpcsOpts o = perpcs_default();
    o.batch_docs = 2;
    for (o.topk = 2; o.topk <= ANCHORS; o.topk++) twin_compare(h, &o);
    o.topk = 3;
    o.temperature = 0.05;
    o.epochs = 2;
    twin_compare(h, &o);
    history_close(h);
}

Test(perpcs, subsets_of_anchors_equal_the_twin)
{
    History *h = history_open(TINY_QKVO);
    PerpcsOpts o = perpcs_default();
    o.shared = 0.7; /* 3 of 5 */
    o.topk = 2;
    o.seed = 4;
    twin_compare(h, &o);
    double w[SITES * ANCHORS];
    o.topk = 3;
    lora_free(assembled(w, h, ANCHORS, &o));
    size_t rows[SITES] = {0}, first = 0;
    for (size_t s = 0; s < SITES; s++)
        for (size_t i = 0; i < ANCHORS; i++) {
            rows[s] += w[s * ANCHORS + i] > 0;
            first += i == 0 && w[s * ANCHORS] > 0;
        }
    for (size_t s = 0; s < SITES; s++) cr_assert_eq(rows[s], h->l[0]->site[s].r > 0 ? 3 : 0);
    cr_assert(first > 0 && first < 8, "each module draws its own: %zu of 8 have the first anchor", first);
    history_close(h);
}

/* ---- choosing ---- */

Test(perpcs, choice_is_softmax_over_the_best)
{
    const double score[6] = {0.3, -1.2, 0.9, 0.31, 2.5, 0.9};
    const bool all[6] = {true, true, true, true, true, true},
               some[6] = {true, true, true, false, false, true};
    double w[6];
    perpcs_choose(w, score, all, 6, 1, 1);
    for (size_t i = 0; i < 6; i++) cr_assert_eq(w[i], i == 4);
    perpcs_choose(w, score, all, 6, 2, 0.5);
    cr_assert_float_eq(w[4], 1 / (1 + exp((0.9 - 2.5) / 0.5)), 1e-15);
    cr_assert_float_eq(w[2], 1 - w[4], 1e-15, "the first of equals");
    cr_assert_eq(w[5], 0);
    perpcs_choose(w, score, some, 6, 3, 1);
    cr_assert(w[2] == w[5] && w[3] == 0 && w[4] == 0 && w[1] == 0);
    cr_assert_float_eq(w[0], exp(0.3) / (exp(0.3) + 2 * exp(0.9)), 1e-15);
    perpcs_choose(w, score, all, 6, 6, 1e-4);
    cr_assert(w[4] == 1 && w[0] == 0, "cold: only the best is left");
    perpcs_choose(w, score, all, 6, 6, 1e9);
    for (size_t i = 0; i < 6; i++) cr_assert_float_eq(w[i], 1.0 / 6, 1e-8);
}

/* ---- laws ---- */

Test(perpcs, one_anchor_gives_that_anchor)
{
    History *h = history_open(TINY_ALL);
    PerpcsOpts o = perpcs_default();
    o.batch_docs = 2;
    double w[SITES];
    Lora *got = assembled(w, h, 1, &o);
    cr_assert(lora_equal(got, h->l[0]));
    for (size_t s = 0; s < SITES; s++) cr_assert_eq(w[s], h->l[0]->site[s].r > 0);
    lora_free(got);
    got = assembled(NULL, h, 1, &o);
    cr_assert(lora_equal(got, h->l[0]), "weights need not be asked for");
    lora_free(got);
    history_close(h);
}

Test(perpcs, copies_of_one_anchor_give_that_anchor)
{
    History *h = history_open(TINY_ALL);
    PerpcsOpts o = perpcs_default();
    o.topk = 3;
    o.batch_docs = 2;
    for (size_t i = 1; i < ANCHORS; i++)
        memcpy(h->l[i]->data, h->l[0]->data, h->l[0]->n_params * sizeof(float));
    Lora *got = assembled(NULL, h, ANCHORS, &o);
    for (size_t i = 0; i < got->n_params; i++)
        cr_assert_float_eq(got->data[i], h->l[0]->data[i], 1e-6 * fabs((double)got->data[i]) + 1e-9);
    lora_free(got);
    history_close(h);
}

Test(perpcs, gates_of_zero_tie_and_the_first_win)
{
    History *h = history_open(TINY_QKVO);
    PerpcsOpts o = perpcs_default();
    double w[SITES * ANCHORS];
    for (size_t i = 0; i < ANCHORS; i++) memset(h->g[i]->data, 0, h->g[i]->n_params * sizeof(float));
    Lora *got = assembled(w, h, ANCHORS, &o);
    cr_assert(lora_equal(got, h->l[0]));
    lora_free(got);
    o.topk = 2;
    lora_free(assembled(w, h, ANCHORS, &o));
    for (size_t s = 0; s < SITES; s++)
        for (size_t i = 0; i < ANCHORS; i++)
            cr_assert_eq(w[s * ANCHORS + i], h->l[0]->site[s].r > 0 && i < 2 ? 0.5 : 0);
    history_close(h);
}

/* A and B are linear in the weights: the result is the prime merge with the mean weights, module by module.
 */
Test(perpcs, the_result_is_the_prime_merge_with_its_weights)
{
    History *h = history_open(TINY_QKVO);
    PerpcsOpts o = perpcs_default();
    o.topk = 3;
    o.batch_docs = 2;
    double w[SITES * ANCHORS];
    Lora *got = assembled(w, h, ANCHORS, &o), *want = NULL;
    size_t groups = merge_groups(MERGE_BY_MODULE, &got->shape);
    double *by = naive_alloc(ANCHORS * groups);
    for (size_t s = 0; s < SITES; s++)
        for (size_t i = 0; i < ANCHORS && got->shape.n_out[s % LORA_KINDS] > 0; i++)
            by[i * groups + merge_group(MERGE_BY_MODULE, &got->shape, s)] = w[s * ANCHORS + i];
    MergeOpts mo = merge_opts();
    MUST(merge_build(&want, NULL, merge_find("prime"), (const Lora *const *)h->l, ANCHORS,
                     &(MergeWeights){by, MERGE_BY_MODULE}, &mo, &e_));
    cr_assert(lora_equal(got, want));
    lora_free(got);
    lora_free(want);
    free(by);
    history_close(h);
}

/* Permuting anchors with their gates permutes the weights. */
Test(perpcs, the_order_of_anchors_does_not_matter)
{
    History *h = history_open(TINY_ALL);
    PerpcsOpts o = perpcs_default();
    o.topk = 2;
    double w[2][SITES * ANCHORS];
    Lora *one = assembled(w[0], h, ANCHORS, &o);
    for (size_t i = 0; i < ANCHORS / 2; i++) {
        Lora *l = h->l[i];
        Gate *g = h->g[i];
        h->l[i] = h->l[ANCHORS - 1 - i];
        h->g[i] = h->g[ANCHORS - 1 - i];
        h->l[ANCHORS - 1 - i] = l;
        h->g[ANCHORS - 1 - i] = g;
    }
    Lora *two = assembled(w[1], h, ANCHORS, &o);
    for (size_t s = 0; s < SITES; s++)
        for (size_t i = 0; i < ANCHORS; i++)
            cr_assert_float_eq(w[0][s * ANCHORS + i], w[1][s * ANCHORS + ANCHORS - 1 - i], 1e-6);
    for (size_t i = 0; i < one->n_params; i++) cr_assert_float_eq(one->data[i], two->data[i], 1e-6);
    lora_free(one);
    lora_free(two);
    history_close(h);
}

Test(perpcs, threads_change_no_bit_and_seeds_do)
{
    History *h = history_open(TINY_ALL);
    double w[3][SITES * ANCHORS];
    Lora *l[3];
    for (size_t r = 0; r < 3; r++) {
        PerpcsOpts o = perpcs_default();
        o.topk = 2;
        o.batch_docs = 2;
        o.epochs = 2;
        o.seed = r == 2 ? 5 : 1;
        par_set_threads(r == 1 ? 3 : 1);
        l[r] = assembled(w[r], h, ANCHORS, &o);
    }
    par_set_threads(0);
    cr_assert(memcmp(w[0], w[1], sizeof w[0]) == 0 && lora_equal(l[0], l[1]));
    cr_assert(memcmp(w[0], w[2], sizeof w[0]) != 0, "other batches");
    for (size_t r = 0; r < 3; r++) lora_free(l[r]);
    history_close(h);
}

/* ---- errors ---- */

typedef void (*SpoilPerpcs)(History *h, PerpcsOpts *o);

static void spoil_topk_zero(History *h, PerpcsOpts *o)
{
    (void)h;
    o->topk = 0;
}

static void spoil_topk_over(History *h, PerpcsOpts *o)
{
    (void)h;
    o->topk = 6;
}

static void spoil_pool(History *h, PerpcsOpts *o)
{
    (void)h;
    o->shared = 0.19;
}

static void spoil_shared(History *h, PerpcsOpts *o)
{
    (void)h;
    o->shared = 1.5;
}

static void spoil_cold(History *h, PerpcsOpts *o)
{
    (void)h;
    o->temperature = 0;
}

static void spoil_docs(History *h, PerpcsOpts *o)
{
    (void)h;
    o->batch_docs = 0;
}

static void spoil_passes(History *h, PerpcsOpts *o)
{
    (void)h;
    o->epochs = 0;
}

static void spoil_answer(History *h, PerpcsOpts *o)
{
    (void)o;
    h->doc[3].skip = h->doc[3].n;
}

static void spoil_short(History *h, PerpcsOpts *o)
{
    (void)o;
    h->doc[2].n = 1;
}

static void spoil_token(History *h, PerpcsOpts *o)
{
    (void)o;
    h->ids[1][4] = 61;
}

static void spoil_scale(History *h, PerpcsOpts *o)
{
    (void)o;
    h->l[3]->site[LORA_V].scale = 7;
}

static void spoil_rank(History *h, PerpcsOpts *o)
{
    (void)o;
    lora_free(h->l[2]);
    gate_free(h->g[2]);
    h->l[2] = tiny_lora(h->m, TINY_QKVO, 4, 1);
    MUST(gate_new(&h->g[2], h->l[2], &e_));
}

static void spoil_gate(History *h, PerpcsOpts *o)
{
    (void)o;
    Lora *q = tiny_lora(h->m, 1U << LORA_Q, 3, 1);
    gate_free(h->g[4]);
    MUST(gate_new(&h->g[4], q, &e_));
    lora_free(q);
}

static void spoil_model(History *h, PerpcsOpts *o)
{
    (void)o;
    h->l[1]->shape.n_in[LORA_Q]++;
}

static void spoil_finite(History *h, PerpcsOpts *o)
{
    (void)o;
    h->m->p.layer[1].norm1[3] = INFINITY;
}

Test(perpcs, bad_arguments_are_refused)
{
    static const struct {
        SpoilPerpcs spoil;
        Status status;
        const char *says;
    } cases[] = {
        {spoil_topk_zero, ERR_ARG, "topk = 0, want 1 to the 5 anchors that a module may choose from"},
        {spoil_topk_over, ERR_ARG, "topk = 6, want 1 to the 5 anchors"},
        {spoil_pool, ERR_ARG, "topk = 1, want 1 to the 0 anchors"},
        {spoil_shared, ERR_ARG, "shared = 1.5, want (0, 1]"},
        {spoil_cold, ERR_ARG, "temperature = 0, want a number > 0"},
        {spoil_docs, ERR_ARG, "batch size = 0, want at least 1"},
        {spoil_passes, ERR_ARG, "epochs = 0, want at least 1"},
        {spoil_answer, ERR_ARG, "text 3: a prompt of 12 tokens in a text of 12 leaves no answer"},
        {spoil_short, ERR_ARG, "text 2: a prompt of 0 tokens in a text of 1 leaves no answer"},
        {spoil_token, ERR_ARG, "text 1: token id 61 at position 4, want 0 to 60"},
        {spoil_scale, ERR_UNSUP, "equal ranks and scales; anchors 0 and 3 differ"},
        {spoil_rank, ERR_UNSUP, "equal ranks and scales; anchors 0 and 2 differ"},
        {spoil_gate, ERR_SHAPE, "the gates of anchor 4 are not those of its adapter"},
        {spoil_model, ERR_SHAPE, "anchor 1 is for a model of another shape"},
        {spoil_finite, ERR_NUM, "batch 0: the scores in layer 1 are not finite"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        History *h = history_open(TINY_QKVO);
        PerpcsOpts o = perpcs_default();
        Lora *out = NULL;
        double w[SITES * ANCHORS] = {-1};
        Err e = {0};
        cases[i].spoil(h, &o);
        Status s = perpcs_assemble(&out, w, h->m, (const Lora *const *)h->l, (const Gate *const *)h->g,
                                   ANCHORS, h->doc, TEXTS, &o, &e);
        cr_assert_eq(s, cases[i].status, "%s: %s", cases[i].says, e.msg);
        cr_assert_not_null(strstr(e.msg, cases[i].says), "\"%s\" does not say \"%s\"", e.msg, cases[i].says);
        cr_assert(out == NULL && w[0] == -1, "outputs as they were");
        history_close(h);
    }
    History *h = history_open(TINY_QKVO);
    PerpcsOpts o = perpcs_default();
    Lora *out = NULL;
    Err e = {0}, f = {0};
    cr_assert_eq(perpcs_assemble(&out, NULL, h->m, NULL, NULL, 0, h->doc, TEXTS, &o, &e), ERR_ARG);
    cr_assert_not_null(strstr(e.msg, "0 anchors"));
    cr_assert_eq(perpcs_assemble(&out, NULL, h->m, (const Lora *const *)h->l, (const Gate *const *)h->g, 1,
                                 NULL, 0, &o, &f),
                 ERR_ARG);
    cr_assert_not_null(strstr(f.msg, "no texts"));
    history_close(h);
}
