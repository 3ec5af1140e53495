/* Merging against the numbers of the tools that defined each convention; see fixtures/ref/merge/README.md. */
#include "merge_case.h"

#include "../../../src/merge/merge_priv.h"

#include "prime/js.h"
#include "prime/svd.h"

#include <stdio.h>

enum { N = 12, K = 3 };
static const double tol = 1e-6;

static JsVal *answer_open(void)
{
    char path[600];
    Err e = {0};
    JsVal *root = NULL;
    const char *source = getenv("PRIME_SOURCE");
    cr_assert_not_null(source, "PRIME_SOURCE is not set");
    snprintf(path, sizeof path, "%s/fixtures/ref/merge/known_answers.json", source);
    cr_assert_eq(js_load(&root, path, &e), OK, "%s", e.msg);
    return root;
}

static void answer_numbers(double *x, const JsVal *arr, size_t n)
{
    cr_assert_eq(js_len(arr), n);
    for (size_t i = 0; i < n; i++) x[i] = js_num(js_at(arr, i), NAN);
}

static void answer_input(double t[K][N], double *w, const JsVal *root)
{
    const JsVal *in = js_get(root, "input");
    static const char *const name[] = {"t0", "t1", "t2"};
    for (size_t i = 0; i < K; i++) answer_numbers(t[i], js_get(in, name[i]), N);
    answer_numbers(w, js_get(in, "w"), K);
}

/* What the head of a key means here. */
typedef struct {
    const char *head, *method, *variant;
    MergeElect elect;
    MergeMean mean;
} Known;

static const Known known[] = {
    {"peft.task_arithmetic", "task_arithmetic", "", 0, 0},
    {"peft.magnitude_prune", "magnitude_prune", "", 0, 0},
    {"peft.ties", "ties_peft", "total", ELECT_TOTAL, 0},
    {"peft.ties", "ties_peft", "frequency", ELECT_FREQUENCY, 0},
    {"mergekit.ties", "ties_mergekit", "normalize", 0, MEAN_WEIGHTS},
    {"mergekit.ties", "ties_mergekit", "nonorm", 0, MEAN_SUM},
    {"mergekit.breadcrumbs", "breadcrumbs", "g0.1", 0, 0},
    {"mergekit.breadcrumbs_ties", "breadcrumbs_ties", "g0.1", 0, 0},
    {"knots.ties_mean", "ties_knots", "", 0, MEAN_COUNT},
    {"knots.ties_sum", "ties_knots", "", 0, MEAN_SUM},
};

/* "TOOL.METHOD/weights[/d0.5[/variant]]" */
static const Known *answer_parse(const char *key, bool *ones, double *density)
{
    char head[64] = "", weights[16] = "", variant[16] = "";
    *density = NAN;
    if (sscanf(key, "%63[^/]/%15[^/]/d%lf/%15s", head, weights, density, variant) < 2) return NULL;
    *ones = strcmp(weights, "ones") == 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(head, known[i].head) == 0 && strcmp(variant, known[i].variant) == 0) return &known[i];
    return NULL;
}

static MergeOpts answer_opts(const Known *m, double density)
{
    MergeOpts o = merge_opts();
    o.density = density;
    if (strncmp(m->variant, "g0.1", 4) == 0) o.gamma = 0.1;
    o.elect = m->elect;
    o.mean = m->mean;
    return o;
}

/* The kernel itself, which divides by whatever it is given. */
static void answer_kernel(double *got, const MergeMethod *m, double t[K][N], const double *w,
                          const MergeOpts *o)
{
    float *x = malloc(dense_work_size(N, K, N) * sizeof *x), out[N];
    MergeOpts r = merge_resolve(m, o);
    uint64_t stream[K] = {0};
    MergeSite s = {.k = K, .w = w, .stream = stream, .m = m, .o = &r};
    MergeDense d;
    dense_place(&d, x, N, N, &s);
    for (size_t i = 0; i < K * N; i++) d.tv[i] = (float)t[i / N][i % N];
    dense_trim(&d, m->recipe);
    dense_combine(out, &d, m->recipe);
    for (size_t i = 0; i < N; i++) got[i] = (double)out[i];
    free(x);
}

static void answer_adapters(double *got, const MergeMethod *m, double t[K][N], const double *w,
                            const MergeOpts *o)
{
    Lora *l[K];
    for (size_t i = 0; i < K; i++) l[i] = case_vector(t[i], N);
    Lora *out = case_build(m, l, K, w, o, NULL);
    double *d = case_delta(out, LORA_Q);
    memcpy(got, d, N * sizeof *got);
    free(d);
    lora_free(out);
    case_free(l, K);
}

Test(merge_known, entries_as_peft_mergekit_and_knots_have_them)
{
    JsVal *root = answer_open();
    double t[K][N], mixed[K], one[K] = {1, 1, 1}, want[N], got[N], density;
    size_t seen[sizeof known / sizeof known[0]] = {0}, refused = 0, total = 0;
    JsIter it = {0};
    const char *key;
    answer_input(t, mixed, root);
    for (const JsVal *v; (v = js_next(root, &it, &key)) != NULL;) {
        bool ones = false;
        const Known *kn = answer_parse(key, &ones, &density);
        if (kn == NULL) continue;
        const MergeMethod *m = merge_find(kn->method);
        const double *w = ones ? one : mixed;
        MergeOpts o = answer_opts(kn, density);
        Err e = {0};
        answer_numbers(want, v, N);
        if (merge_check(m, &o, w, K, &e) == OK) {
            answer_adapters(got, m, t, w, &o);
        } else { /* the blow-up: only mergekit's mean with a weight below 0 */
            cr_assert_eq(o.mean, MEAN_WEIGHTS);
            cr_assert_not_null(strstr(e.msg, "whose sum can vanish"), "%s", e.msg);
            answer_kernel(got, m, t, w, &o);
            refused++;
        }
        for (size_t i = 0; i < N; i++) cr_expect_float_eq(got[i], want[i], tol, "%s [%zu]", key, i);
        seen[kn - known]++;
        total++;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) cr_expect_gt(seen[i], 0, "%s", known[i].head);
    cr_assert_eq(refused, 3);
    cr_assert_eq(total, 39, "%zu", total);
    js_close(root);
}

static void answer_pair(double *got, const char *method, double t[K][N], size_t k, const double *w)
{
    Lora *l[K];
    MergeOpts o = merge_opts();
    for (size_t i = 0; i < k; i++) l[i] = case_vector(t[i], N);
    Lora *out = case_build(merge_find(method), l, k, w, &o, NULL);
    double *d = case_delta(out, LORA_Q);
    memcpy(got, d, N * sizeof *got);
    free(d);
    lora_free(out);
    case_free(l, k);
}

Test(merge_known, directions_as_mergekit_has_them)
{
    JsVal *root = answer_open();
    double t[K][N], w[K], got[N], want[N], third[K] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
    static const double at[] = {0, 0.25, 0.5};
    static const char *const key[] = {"mergekit.slerp/t0.0", "mergekit.slerp/t0.25", "mergekit.slerp/t0.5"};
    answer_input(t, w, root);
    for (size_t c = 0; c < 3; c++) {
        double pair[2] = {1 - at[c], at[c]};
        answer_pair(got, "slerp", t, 2, pair);
        answer_numbers(want, js_get(root, key[c]), N);
        for (size_t i = 0; i < N; i++) cr_expect_float_eq(got[i], want[i], tol, "%s [%zu]", key[c], i);
    }
    answer_pair(got, "multislerp", t, 3, third);
    answer_numbers(want, js_get(root, "mergekit.multislerp/equal"), N);
    for (size_t i = 0; i < N; i++) cr_expect_float_eq(got[i], want[i], tol, "multislerp [%zu]", i);
    for (size_t i = 0; i < N; i++) t[1][i] = 2 * t[0][i];
    double line[2] = {0.7, 0.3};
    answer_pair(got, "slerp", t, 2, line);
    answer_numbers(want, js_get(root, "mergekit.slerp/colinear t0.3 (T0, 2*T0 -> lerp)"), N);
    for (size_t i = 0; i < N; i++) cr_expect_float_eq(got[i], want[i], tol, "colinear [%zu]", i);
    js_close(root);
}

Test(merge_known, rescaling_by_the_sum_of_magnitudes)
{
    JsVal *root = answer_open();
    double t[K][N], w[K], want[N], one = 1;
    answer_input(t, w, root);
    Lora *l = case_vector(t[0], N);
    MergeOpts o = merge_opts();
    o.density = 0.5;
    o.rescale = RESCALE_L1;
    Lora *out = case_build(merge_find("magnitude_prune"), &l, 1, &one, &o, NULL);
    double *got = case_delta(out, LORA_Q);
    answer_numbers(want, js_get(root, "mergekit.rescale_l1/magnitude d0.5"), N);
    for (size_t i = 0; i < N; i++) cr_expect_float_eq(got[i], want[i], tol, "[%zu]", i);
    free(got);
    lora_free(out);
    lora_free(l);
    js_close(root);
}

/* ---- the pair of low-rank adapters ---- */

enum { OUT = 4, IN = 3, R = 2 };

static void answer_lora(Lora *l[2], const JsVal *root, double scale0, double scale1)
{
    LoraShape shape = {.n_layers = 1, .n_in = {[LORA_Q] = IN}, .n_out = {[LORA_Q] = OUT}};
    const JsVal *in = js_get(root, "lora.input");
    static const char *const a[] = {"A0", "A1"}, *const b[] = {"B0", "B1"};
    for (size_t j = 0; j < 2; j++) {
        double x[OUT * R];
        l[j] = case_kinds(&shape, 1U << LORA_Q, R, R * (j == 0 ? scale0 : scale1), 0);
        answer_numbers(x, js_get(in, a[j]), R * IN);
        for (size_t i = 0; i < R * IN; i++) l[j]->site[LORA_Q].a[i] = (float)x[i];
        answer_numbers(x, js_get(in, b[j]), OUT * R);
        for (size_t i = 0; i < OUT * R; i++) l[j]->site[LORA_Q].b[i] = (float)x[i];
    }
}

static void answer_same(const Lora *l, const JsVal *root, const char *key)
{
    double want[OUT * IN], *got = case_delta(l, LORA_Q);
    answer_numbers(want, js_get(root, key), OUT * IN);
    for (size_t i = 0; i < OUT * IN; i++) cr_expect_float_eq(got[i], want[i], tol, "%s [%zu]", key, i);
    free(got);
}

Test(merge_known, factors_and_sums_as_peft_has_them)
{
    JsVal *root = answer_open();
    Lora *l[2];
    double w[2] = {0.8, -0.6}, a[R * IN], b[OUT * R];
    MergeOpts o = merge_opts();
    MergeReport rep = {0};
    answer_lora(l, root, 2, 0.5);
    Lora *exact = case_build(merge_find("exact"), l, 2, w, &o, NULL);
    answer_same(exact, root, "lora.exact_delta (= PEFT cat)");
    lora_free(exact);
    Lora *linear = case_build(merge_find("peft_linear"), l, 2, w, &o, &rep);
    answer_same(linear, root, "lora.peft_linear dW");
    answer_numbers(a, js_get(root, "lora.peft_linear A"), R * IN);
    answer_numbers(b, js_get(root, "lora.peft_linear B"), OUT * R);
    for (size_t i = 0; i < R * IN; i++) cr_expect_float_eq(linear->site[LORA_Q].a[i], a[i], tol);
    for (size_t i = 0; i < OUT * R; i++) cr_expect_float_eq(linear->site[LORA_Q].b[i], b[i], tol);
    cr_assert_float_eq(rep.cross / rep.exact,
                       js_num(js_get(root, "lora.peft_linear rel_fro_err_vs_exact"), NAN), tol);
    merge_report_free(&rep);
    lora_free(linear);
    case_free(l, 2);
    answer_lora(l, root, 1, 1);
    Lora *both = case_build(merge_find("prime"), l, 2, w, &o, NULL);
    answer_same(both, root, "lora.weight_both_factors dW (w*A summed, w*B summed; no scaling)");
    lora_free(both);
    case_free(l, 2);
    js_close(root);
}

Test(merge_known, cut_to_a_rank)
{
    JsVal *root = answer_open();
    Lora *l[2];
    double w[2] = {0.8, -0.6};
    answer_lora(l, root, 2, 0.5);
    for (size_t r = 3; r >= 2; r--) {
        MergeOpts o = merge_opts();
        MergeReport rep = {0};
        o.rank = r;
        Lora *cut = case_build(merge_find("svd"), l, 2, w, &o, &rep);
        cr_assert_eq(rep.rank, r);
        if (r == 3) answer_same(cut, root, "lora.svd rank3 dW");
        double want = r == 2 ? js_num(js_get(root, "lora.svd rank2 rel_fro_err"), NAN) : 0;
        cr_expect_float_eq(rep.cut / rep.exact, want, tol);
        merge_report_free(&rep);
        lora_free(cut);
    }
    case_free(l, 2);
    js_close(root);
}

Test(merge_known, common_basis_as_knots_has_it)
{
    JsVal *root = answer_open();
    Lora *l[2];
    static const struct {
        const char *key;
        double density;
        MergeMean mean;
    } cases[] = {{"knots.svd_ties deltas 2.0*B0A0,0.5*B1A1 topK100 mean", 1, MEAN_COUNT},
                 {"knots.svd_ties deltas 2.0*B0A0,0.5*B1A1 topK100 sum", 1, MEAN_SUM},
                 {"knots.svd_ties deltas 2.0*B0A0,0.5*B1A1 topK50 sum", 0.5, MEAN_SUM}};
    double one[2] = {1, 1};
    answer_lora(l, root, 2, 0.5);
    for (size_t c = 0; c < 3; c++) {
        MergeOpts o = merge_opts();
        o.density = cases[c].density;
        o.mean = cases[c].mean;
        Lora *out = case_build(merge_find("knots"), l, 2, one, &o, NULL);
        answer_same(out, root, cases[c].key);
        lora_free(out);
    }
    float both[OUT * 2 * IN], b[OUT * OUT], a[OUT * 2 * IN];
    double lost, want[OUT], tail = 0, *d[2] = {case_delta(l[0], LORA_Q), case_delta(l[1], LORA_Q)};
    for (size_t o = 0; o < OUT; o++)
        for (size_t c = 0; c < 2 * IN; c++) both[o * 2 * IN + c] = (float)d[c / IN][o * IN + c % IN];
    answer_numbers(want, js_get(root, "knots.singular_values"), OUT);
    for (size_t r = OUT - 1; r >= 1; r--) { /* what a cut loses is the rest of the singular values */
        tail += want[r] * want[r];
        cr_assert_eq(svd_cut(b, a, &lost, both, OUT, 2 * IN, r, NULL), OK);
        cr_expect_float_eq(lost, sqrt(tail), tol);
    }
    free(d[0]);
    free(d[1]);
    case_free(l, 2);
    js_close(root);
}
