/* What adapters give away by themselves: weights of a merge, angles between factors, what colluders see. */
#include <math.h>

#include "../model/tiny.h"

#include "prime/collusion.h"
#include "prime/fingerprint.h"
#include "prime/subspace.h"

enum { N = 6, RANK = 3, KINDS = TINY_QKVO | 1U << LORA_DOWN };

typedef struct {
    Model *m;
    Lora *l[N];
} People;

static People people_open(void)
{
    ModelConfig c = tiny_config();
    People p = {.m = tiny_model(&c, 1)};
    for (size_t i = 0; i < N; i++) p.l[i] = tiny_lora(p.m, KINDS, RANK, 100 + i);
    return p;
}

static void people_close(People *p)
{
    for (size_t i = 0; i < N; i++) lora_free(p->l[i]);
    model_free(p->m);
}

static const Lora *const *people_view(const People *p)
{
    return (const Lora *const *)p->l;
}

/* The exact sum with weights w [layers, N]: ranks side by side. */
static Lora *merge_exact(const People *p, const double (*w)[N])
{
    size_t sites = p->l[0]->shape.n_layers * LORA_KINDS, *rank = calloc(sites, sizeof *rank);
    Lora *out = NULL;
    for (size_t s = 0; s < sites; s++) rank[s] = N * p->l[0]->site[s].r;
    MUST(lora_new_ranks(&out, &p->l[0]->shape, rank, &e_));
    for (size_t s = 0; s < sites; s++) {
        size_t n_in = out->shape.n_in[s % LORA_KINDS], n_out = out->shape.n_out[s % LORA_KINDS];
        for (size_t i = 0; i < N && rank[s] > 0; i++) {
            const LoraSite *x = &p->l[i]->site[s];
            memcpy(out->site[s].a + i * x->r * n_in, x->a, x->r * n_in * sizeof(float));
            for (size_t o = 0; o < n_out; o++)
                for (size_t k = 0; k < x->r; k++)
                    out->site[s].b[o * rank[s] + i * x->r + k] =
                        (float)(w[s / LORA_KINDS][i] * (double)x->scale) * x->b[o * x->r + k];
        }
    }
    free(rank);
    return out;
}

/* PriME's operator: both factors weighted. */
static Lora *merge_factors(const People *p, const double *w)
{
    Lora *out = NULL;
    MUST(lora_like(&out, p->l[0], &e_));
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < out->n_params; k++) out->data[k] += (float)w[i] * p->l[i]->data[k];
    return out;
}

static Fingerprint *print_of(const Lora *merged, const People *p, FingerprintView view)
{
    Fingerprint *f = NULL;
    MUST(fingerprint_new(&f, merged, people_view(p), N, view, &e_));
    return f;
}

/* <dW_x, dW_y> entry by entry. */
static double dense_dot(const Lora *x, const Lora *y, size_t site)
{
    const LoraSite *a = &x->site[site], *b = &y->site[site];
    size_t n_in = x->shape.n_in[site % LORA_KINDS], n_out = x->shape.n_out[site % LORA_KINDS];
    double sum = 0;
    for (size_t o = 0; o < n_out; o++)
        for (size_t i = 0; i < n_in; i++) {
            double u = 0, v = 0;
            for (size_t k = 0; k < a->r; k++) u += (double)a->b[o * a->r + k] * (double)a->a[k * n_in + i];
            for (size_t k = 0; k < b->r; k++) v += (double)b->b[o * b->r + k] * (double)b->a[k * n_in + i];
            sum += u * v * (double)a->scale * (double)b->scale;
        }
    return sum;
}

static const double uneven[2][N] = {{0.7, -0.35, 0, 0.2, 0, -0.05}, {0.7, -0.35, 0, 0.2, 0, -0.05}};

Test(fingerprint, reads_weights_off_an_exact_merge)
{
    People p = people_open();
    Lora *merged = merge_exact(&p, uneven);
    Fingerprint *f = print_of(merged, &p, FINGERPRINT_UPDATE);
    FingerprintFit fit;
    double w[N], alone[N];
    for (size_t i = 0; i <= N; i++) {
        double want = 0;
        for (size_t k = 0; k < LORA_KINDS; k++)
            want += dense_dot(i < N ? p.l[i] : merged, p.l[1], LORA_KINDS + k);
        cr_assert_float_eq(f->dot[((N + 1) + i) * (N + 1) + 1], want, 1e-6 * fabs(want) + 1e-9);
    }
    MUST(fingerprint_fit(w, &fit, f, FINGERPRINT_ALL, NULL, &e_));
    cr_assert_eq(fit.rank, N);
    cr_assert_lt(fingerprint_error(w, uneven[0], N), 1e-6);
    cr_assert_lt(fit.residual, 1e-10);
    MUST(fingerprint_alone(alone, f, FINGERPRINT_ALL, &e_));
    for (size_t i = 0; i < N; i++)
        cr_assert(uneven[0][i] == 0 ? alone[i] < 1e-10 : alone[i] > 1e-4, "person %zu: %g", i, alone[i]);
    /* Without the first person the rest explains little; the others' weights hardly move. */
    bool pool[N] = {false, true, true, true, true, true};
    MUST(fingerprint_fit(w, &fit, f, FINGERPRINT_ALL, pool, &e_));
    cr_assert_eq(w[0], 0);
    cr_assert_float_eq(fit.residual, alone[0], 1e-9);
    cr_assert(fit.residual > 0.5 && fit.residual < 1);
    fingerprint_free(f);
    lora_free(merged);
    people_close(&p);
}

Test(fingerprint, layers_are_told_apart)
{
    static const double by_layer[2][N] = {{0.5, 0, 0, -0.25, 0, 0}, {0, 0.125, 0, 0, 0.75, 0}};
    People p = people_open();
    Lora *merged = merge_exact(&p, by_layer);
    Fingerprint *f = print_of(merged, &p, FINGERPRINT_UPDATE);
    FingerprintFit fit;
    double w[N];
    for (size_t l = 0; l < 2; l++) {
        MUST(fingerprint_fit(w, &fit, f, l, NULL, &e_));
        cr_assert_lt(fingerprint_error(w, by_layer[l], N), 1e-6, "layer %zu", l);
        cr_assert_lt(fit.residual, 1e-10);
    }
    MUST(fingerprint_fit(w, &fit, f, FINGERPRINT_ALL, NULL, &e_));
    cr_assert_gt(fit.residual, 0.01, "one weight a person cannot be right for both");
    fingerprint_free(f);
    lora_free(merged);
    people_close(&p);
}

/* The published operator leaves cross terms in dW, and weights in plain sight in the factors. */
Test(fingerprint, factors_give_primes_weights_away)
{
    People p = people_open();
    Lora *merged = merge_factors(&p, uneven[0]);
    FingerprintFit fit;
    double w[N];
    for (int view = FINGERPRINT_A; view <= FINGERPRINT_B; view++) {
        Fingerprint *f = print_of(merged, &p, (FingerprintView)view);
        MUST(fingerprint_fit(w, &fit, f, FINGERPRINT_ALL, NULL, &e_));
        cr_assert_lt(fingerprint_error(w, uneven[0], N), 1e-6);
        cr_assert_lt(fit.residual, 1e-10);
        fingerprint_free(f);
    }
    Fingerprint *f = print_of(merged, &p, FINGERPRINT_UPDATE);
    MUST(fingerprint_fit(w, &fit, f, FINGERPRINT_ALL, NULL, &e_));
    cr_assert_gt(fit.residual, 0.01);
    fingerprint_free(f);
    lora_free(merged);
    people_close(&p);
}

Test(fingerprint, twins_share_a_weight)
{
    People p = people_open();
    memcpy(p.l[3]->data, p.l[0]->data, p.l[0]->n_params * sizeof(float));
    Lora *merged = merge_exact(&p, uneven);
    Fingerprint *f = print_of(merged, &p, FINGERPRINT_UPDATE);
    FingerprintFit fit;
    double w[N], alone[N];
    MUST(fingerprint_fit(w, &fit, f, FINGERPRINT_ALL, NULL, &e_));
    cr_assert_eq(fit.rank, N - 1);
    cr_assert_float_eq(w[0], 0.45, 1e-6);
    cr_assert_float_eq(w[3], 0.45, 1e-6);
    MUST(fingerprint_alone(alone, f, FINGERPRINT_ALL, &e_));
    cr_assert_lt(alone[0], 1e-9, "the twin explains the same");
    fingerprint_free(f);
    lora_free(merged);
    people_close(&p);
}

static void print_refused(Status got, Status want, const Err *e, const char *msg)
{
    cr_assert_eq(got, want);
    cr_assert_str_eq(e->msg, msg);
}

Test(fingerprint, refusals)
{
    People p = people_open();
    Lora *wide = tiny_lora(p.m, KINDS, RANK + 1, 3), *none = NULL;
    Fingerprint *f = NULL;
    FingerprintFit fit = {0.5, 0};
    double w[N] = {7};
    bool nobody[N] = {false};
    Err e[7] = {0};
    MUST(lora_like(&none, p.l[0], &e_));
    print_refused(fingerprint_new(&f, p.l[0], people_view(&p), 0, FINGERPRINT_A, &e[0]), ERR_ARG, &e[0],
                  "no candidate adapters");
    print_refused(fingerprint_new(&f, wide, people_view(&p), N, FINGERPRINT_A, &e[1]), ERR_SHAPE, &e[1],
                  "candidate 0 has other ranks than the merge: factors cannot be compared");
    wide->shape.n_in[LORA_Q]++;
    print_refused(fingerprint_new(&f, wide, people_view(&p), N, FINGERPRINT_UPDATE, &e[2]), ERR_SHAPE, &e[2],
                  "candidate 0 is of another model than the merge");
    wide->shape.n_in[LORA_Q]--;
    cr_assert_null(f);
    f = print_of(none, &p, FINGERPRINT_UPDATE);
    print_refused(fingerprint_fit(w, &fit, f, FINGERPRINT_ALL, NULL, &e[3]), ERR_NUM, &e[3],
                  "the merge is zero: nothing to explain");
    print_refused(fingerprint_fit(w, &fit, f, 2, NULL, &e[4]), ERR_ARG, &e[4], "layer 2, want 0 to 1");
    print_refused(fingerprint_fit(w, &fit, f, 0, nobody, &e[5]), ERR_ARG, &e[5], "nobody is in the pool");
    fingerprint_free(f);
    MUST(fingerprint_new(&f, wide, people_view(&p), 1, FINGERPRINT_UPDATE, &e_));
    print_refused(fingerprint_alone(w, f, 0, &e[6]), ERR_ARG, &e[6],
                  "1 candidate, want at least 2 to leave one out");
    fingerprint_free(f);
    p.l[2]->data[5] = NAN;
    cr_assert_eq(fingerprint_new(&f, wide, people_view(&p), N, FINGERPRINT_UPDATE, NULL), ERR_NUM);
    cr_assert(w[0] == 7 && fit.residual == 0.5, "outputs are left alone");
    lora_free(wide);
    lora_free(none);
    people_close(&p);
}

/* ---- angles ---- */

/* Rows e0, e1 against cos t e0 + sin t e2, and e3: cosines cos t and 0. The same for columns. */
Test(subspace, angles_by_hand)
{
    People p = people_open();
    Lora *x = tiny_lora(p.m, 1U << LORA_Q, 2, 1), *y = tiny_lora(p.m, 1U << LORA_Q, 2, 2);
    size_t n_in = x->shape.n_in[LORA_Q], n_out = x->shape.n_out[LORA_Q], k = 0;
    double t = 0.4, cosine[2];
    memset(x->data, 0, x->n_params * sizeof(float));
    memset(y->data, 0, y->n_params * sizeof(float));
    x->site[LORA_Q].a[0] = 3, x->site[LORA_Q].a[n_in] = 1, x->site[LORA_Q].a[n_in + 1] = 2; /* spans e0, e1 */
    y->site[LORA_Q].a[0] = (float)cos(t), y->site[LORA_Q].a[2] = (float)sin(t),
    y->site[LORA_Q].a[n_in + 3] = 0.01f;
    x->site[LORA_Q].b[0] = 3, x->site[LORA_Q].b[1] = 1, x->site[LORA_Q].b[3] = 2;
    y->site[LORA_Q].b[0] = (float)cos(t), y->site[LORA_Q].b[4] = (float)sin(t), y->site[LORA_Q].b[7] = 0.01f;
    cr_assert(n_in >= 4 && n_out >= 4);
    for (int side = SUBSPACE_ROWS; side <= SUBSPACE_COLUMNS; side++) {
        double overlap = 0;
        MUST(subspace_cosines(cosine, &k, x, y, LORA_Q, (SubspaceSide)side, &e_));
        cr_assert_eq(k, 2u);
        cr_assert_float_eq(cosine[0], cos(t), 1e-7, "side %d: %g", side, cosine[0]);
        cr_assert_float_eq(cosine[1], 0, 1e-7);
        /* Layer 1 is all zero: no direction there. */
        MUST(subspace_overlap(&overlap, x, y, (SubspaceSide)side, SUBSPACE_ALL, &e_));
        cr_assert_float_eq(overlap, cos(t) * cos(t) / 2, 1e-7);
        MUST(subspace_overlap(&overlap, x, y, (SubspaceSide)side, 0, &e_));
        cr_assert_float_eq(overlap, cos(t) * cos(t) / 2, 1e-7, "layer 0 alone");
        cr_assert_eq(subspace_overlap(&overlap, x, y, (SubspaceSide)side, 1, NULL), ERR_ARG);
    }
    lora_free(x);
    lora_free(y);
    people_close(&p);
}

/* A merge reads what its anchors read; strangers overlap as chance has it. */
Test(subspace, a_merge_holds_its_anchors)
{
    People p = people_open();
    Lora *merged = merge_exact(&p, uneven);
    double rows = 0, chance = 0, want = 0;
    size_t sites = 0;
    MUST(subspace_overlap(&rows, merged, p.l[0], SUBSPACE_ROWS, SUBSPACE_ALL, &e_));
    cr_assert_float_eq(rows, 1, 1e-6);
    MUST(subspace_overlap(&chance, p.l[4], p.l[5], SUBSPACE_ROWS, SUBSPACE_ALL, &e_));
    for (size_t s = 0; s < merged->shape.n_layers * LORA_KINDS; s++) {
        if (p.l[0]->site[s].r == 0) continue;
        want += RANK / (double)merged->shape.n_in[s % LORA_KINDS];
        sites++;
    }
    cr_assert_float_eq(chance, want / (double)sites, 0.05);
    lora_free(merged);
    people_close(&p);
}

Test(subspace, refusals)
{
    People p = people_open();
    Lora *q = tiny_lora(p.m, 1U << LORA_Q, 2, 1), *k = tiny_lora(p.m, 1U << LORA_K, 2, 2);
    double c[3] = {7};
    size_t n = 7;
    Err e[4] = {0};
    print_refused(subspace_cosines(c, &n, q, p.l[0], LORA_K, SUBSPACE_ROWS, &e[0]), ERR_ARG, &e[0],
                  "site 2, want one that both adapters have");
    print_refused(subspace_overlap(c, q, k, SUBSPACE_ROWS, 1, &e[1]), ERR_ARG, &e[1],
                  "the adapters have no direction in common to compare");
    q->shape.n_in[LORA_Q]++;
    print_refused(subspace_overlap(c, q, p.l[0], SUBSPACE_ROWS, SUBSPACE_ALL, &e[2]), ERR_SHAPE, &e[2],
                  "adapters of different models");
    print_refused(subspace_cosines(c, &n, q, p.l[0], LORA_Q, SUBSPACE_ROWS, &e[3]), ERR_SHAPE, &e[3],
                  "adapters of different models");
    q->shape.n_in[LORA_Q]--;
    cr_assert_eq(subspace_overlap(c, q, p.l[0], SUBSPACE_ROWS, 2, NULL), ERR_ARG);
    q->data[0] = NAN;
    cr_assert_eq(subspace_cosines(c, &n, q, p.l[0], LORA_Q, SUBSPACE_ROWS, NULL), ERR_NUM);
    cr_assert(c[0] == 7 && n == 7, "outputs are left alone");
    lora_free(q);
    lora_free(k);
    people_close(&p);
}

/* ---- collusion ---- */

static double update_distance(const Lora *x, const Lora *y)
{
    return sqrt(fmax(0, lora_dot(x, x) - 2 * lora_dot(x, y) + lora_dot(y, y)) / lora_dot(y, y));
}

Test(collusion, what_is_left_is_the_merge_of_the_others)
{
    static const double others[2][N] = {{0, 0, 0, 0.2, 0, -0.05}, {0, 0, 0, 0.2, 0, -0.05}};
    static const double known[] = {0.7, -0.35};
    People p = people_open();
    Lora *merged = merge_exact(&p, uneven), *want = merge_exact(&p, others), *rest = NULL;
    FingerprintFit fit;
    double w[N];
    MUST(collusion_rest(&rest, merged, people_view(&p), known, 2, &e_));
    cr_assert_lt(update_distance(rest, want), 1e-5);
    Fingerprint *f = print_of(rest, &p, FINGERPRINT_UPDATE);
    MUST(fingerprint_fit(w, &fit, f, FINGERPRINT_ALL, NULL, &e_));
    cr_assert_lt(fingerprint_error(w, others[0], N), 1e-6);
    fingerprint_free(f);
    Err e[2] = {0};
    Lora *no = NULL;
    print_refused(collusion_rest(&no, merged, people_view(&p), (double[]){NAN}, 1, &e[0]), ERR_NUM, &e[0],
                  "weight of colluder 0 = nan, want a finite number");
    merged->shape.n_in[LORA_Q]++;
    print_refused(collusion_rest(&no, merged, people_view(&p), known, 1, &e[1]), ERR_SHAPE, &e[1],
                  "colluder 0 has an adapter of another model than the merge");
    merged->shape.n_in[LORA_Q]--;
    cr_assert_null(no);
    lora_free(rest);
    lora_free(want);
    lora_free(merged);
    people_close(&p);
}
