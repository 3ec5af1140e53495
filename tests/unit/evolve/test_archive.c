#include "prime/archive.h"
#include "prime/objective.h"
#include "prime/rng.h"

#include "../num/ref_csv.h"

/* "a;b" reduced to its mean or its maximum */
static double reduce_metrics(char *text, bool mean)
{
    double sum = 0, top = -INFINITY;
    size_t n = 0;
    for (char *save = NULL, *t = strtok_r(text, ";", &save); t != NULL; t = strtok_r(NULL, ";", &save), n++) {
        double x = strtod(t, NULL);
        sum += x;
        top = fmax(top, x);
    }
    return mean ? sum / (double)n : top;
}

Test(objective, meets_the_reference)
{
    Ref r = ref_open("evolve/prime_objective.csv");
    for (size_t i = 0; i < r.rows; i++) {
        bool mean = strcmp(ref_str(&r, i, "m_reduce"), "mean") == 0;
        char text[256];
        double v[8];
        size_t k = 0;
        snprintf(text, sizeof text, "%s", ref_str(&r, i, "anchor_metrics"));
        for (char *save = NULL, *t = strtok_r(text, "|", &save); t != NULL; t = strtok_r(NULL, "|", &save))
            v[k++] = reduce_metrics(t, mean);
        snprintf(text, sizeof text, "%s", ref_str(&r, i, "user_metrics"));
        double u = reduce_metrics(text, mean), lambda = ref_num(&r, i, "sim_penalty_lambda");
        REF_NEAR(u, ref_num(&r, i, "user_score"), 1e-15, "row %zu", i);
        REF_NEAR(objective_mean(v, k), ref_num(&r, i, "lora_score"), 1e-15, "row %zu", i);
        REF_NEAR(objective_prime(u, v, k, lambda, ref_num(&r, i, "minimize") == 1), ref_num(&r, i, "loss"),
                 1e-15, "row %zu", i);
    }
    cr_assert_gt(r.rows, 10u);
    ref_close(&r);
    cr_assert_eq(objective_prime(0.5, NULL, 0, 3, false), -0.5);
}

Test(archive, finds_what_was_put_and_averages_repeats)
{
    Archive *a;
    ArchiveItem it;
    cr_assert_eq(archive_new(&a, 3, 2, NULL), OK);
    double x[3] = {0, 0.25, -1.5}, v[2] = {0.2, 0.4}, w[2] = {0.4, 0.8};
    cr_assert(!archive_find(&it, a, x));
    cr_assert_eq(archive_put(a, x, 0.5, v, NAN, NULL), OK);
    x[0] = -0.0;
    cr_assert_eq(archive_put(a, x, 0.7, w, 0.05, NULL), OK);
    cr_assert_eq(archive_count(a), 1u, "-0 is 0");
    cr_assert(archive_find(&it, a, x));
    REF_NEAR(it.u, 0.6, 1e-15, "mean utility");
    REF_NEAR(it.v[1], 0.6, 1e-15, "mean agreement");
    cr_assert(it.count == 2 && it.noise == 0.05);
    cr_assert_eq(archive_put(a, x, 0.6, v, NAN, NULL), OK);
    cr_assert_eq(archive_at(a, 0).noise, 0.05, "an unknown noise does not replace a known one");
    archive_free(a);
    archive_free(NULL);
}

typedef struct {
    double lambda;
    size_t k;
    bool minimise;
} PrimeLoss;

static double prime_loss(const void *ctx, const ArchiveItem *it)
{
    const PrimeLoss *p = ctx;
    return objective_prime(it->u, it->v, p->k, p->lambda, p->minimise);
}

static double loss_at(const Archive *a, size_t i, const PrimeLoss *p)
{
    ArchiveItem it = archive_at(a, i);
    return prime_loss(p, &it);
}

Test(archive, serves_every_lambda)
{
    enum { N = 500, D = 5, K = 3 };
    Archive *a;
    Rng r = rng_stream(6, "archive", 0);
    double u[N], v[N][K], x[N][D];
    cr_assert_eq(archive_new(&a, D, K, NULL), OK);
    size_t best, top[10];
    cr_assert_eq(archive_rank(&best, 1, a, prime_loss, &(PrimeLoss){0.1, K, false}), 0u);
    for (size_t i = 0; i < N; i++) {
        u[i] = rng_uniform(&r);
        for (size_t j = 0; j < D; j++) x[i][j] = rng_normal(&r);
        for (size_t j = 0; j < K; j++) v[i][j] = rng_uniform(&r);
        cr_assert_eq(archive_put(a, x[i], u[i], v[i], NAN, NULL), OK);
    }
    cr_assert_eq(archive_count(a), (size_t)N);
    for (size_t i = 0; i < N; i++) {
        ArchiveItem it;
        cr_assert(archive_find(&it, a, x[i]));
        cr_assert(it.u == u[i] && memcmp(it.x, x[i], sizeof x[i]) == 0);
    }
    for (int m = 0; m < 2; m++)
        for (double lambda = 0; lambda < 3; lambda += 0.7) {
            PrimeLoss p = {lambda, K, m == 1};
            cr_assert_eq(archive_rank(&best, 1, a, prime_loss, &p), 1u);
            for (size_t i = 0; i < N; i++)
                cr_assert_leq(loss_at(a, best, &p), objective_prime(u[i], v[i], K, lambda, m == 1));
            cr_assert_eq(archive_rank(top, 10, a, prime_loss, &p), 10u);
            cr_assert_eq(top[0], best);
            for (size_t i = 1; i < 10; i++) cr_assert_leq(loss_at(a, top[i - 1], &p), loss_at(a, top[i], &p));
        }
    archive_free(a);
}

Test(archive, equal_entries_come_by_age_and_short_archives_rank_whole)
{
    Archive *a;
    size_t idx[9];
    cr_assert_eq(archive_new(&a, 1, 0, NULL), OK);
    for (double x = 0; x < 4; x++) cr_assert_eq(archive_put(a, &x, x == 2 ? 0.9 : 0.5, NULL, NAN, NULL), OK);
    cr_assert_eq(archive_rank(idx, 9, a, prime_loss, &(PrimeLoss){1, 0, false}), 4u);
    cr_assert(idx[0] == 2 && idx[1] == 0 && idx[2] == 1 && idx[3] == 3);
    cr_assert_eq(archive_rank(idx, 0, a, prime_loss, &(PrimeLoss){1, 0, false}), 0u);
    archive_free(a);
}

Test(archive, refusals)
{
    Archive *a = NULL;
    Err e = {0};
    double x = 1, v = NAN;
    cr_assert_eq(archive_new(&a, 0, 1, NULL), ERR_ARG);
    cr_assert_eq(archive_new(&a, 1, 1, NULL), OK);
    cr_assert_eq(archive_put(a, &x, 0.5, &v, NAN, &e), ERR_NUM);
    cr_assert_str_eq(e.msg, "agreement with anchor 0 = nan, want a finite number");
    v = 0;
    cr_assert_eq(archive_put(a, &x, INFINITY, &v, NAN, NULL), ERR_NUM);
    cr_assert_eq(archive_put(a, &x, 1, &v, -0.1, NULL), ERR_NUM);
    x = NAN;
    cr_assert_eq(archive_put(a, &x, 1, &v, 0, NULL), ERR_NUM);
    cr_assert_eq(archive_count(a), 0u);
    archive_free(a);
}
