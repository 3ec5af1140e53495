#include "roc_ref.h"

static double pos_b[ROC_MAX], neg_b[ROC_MAX], work[ROC_MAX];

Test(roc, delong_meets_the_reference)
{
    Ref r = ref_open("num/delong_single.csv");
    for (size_t i = 0; i < r.rows; i++) {
        const char *name = ref_str(&r, i, "dataset");
        RocData d = roc_ref(name);
        RocEst est;
        cr_assert_eq(d.m, (size_t)ref_num(&r, i, "n_member"));
        cr_assert_eq(roc_delong(&est, &d, 0.95, NULL), OK);
        REF_NEAR(est.value, ref_num(&r, i, "auc"), 1e-14, "%s", name);
        REF_NEAR(est.se * est.se, ref_num(&r, i, "delong_var"), 1e-14, "%s", name);
        REF_NEAR(est.lo, ref_num(&r, i, "ci95_lo"), 1e-12, "%s", name);
        REF_NEAR(est.hi, ref_num(&r, i, "ci95_hi"), 1e-12, "%s", name);
        cr_assert_eq(roc_delong(&est, &d, 0.9, NULL), OK);
        REF_NEAR(est.lo, ref_num(&r, i, "ci90_lo"), 1e-12, "%s", name);
        REF_NEAR(est.hi, ref_num(&r, i, "ci90_hi"), 1e-12, "%s", name);
        cr_assert(est.gradable && isinf(est.df) && est.n_clusters == 0);
    }
    cr_assert_eq(r.rows, 10u);
    ref_close(&r);
}

Test(roc, curve_meets_the_reference)
{
    Ref r = ref_open("num/score_results.csv");
    static const double fpr[3] = {0.01, 0.001, 0};
    static const char *const col[3] = {"tpr_at_0.01", "tpr_at_0.001", "tpr_at_0"};
    for (size_t i = 0; i < r.rows; i++) {
        const char *name = ref_str(&r, i, "name");
        RocData d = roc_ref(name);
        double adv;
        RocPoint p;
        REF_NEAR(roc_auc(d.pos, d.m, d.neg, d.n, work), ref_num(&r, i, "auc"), 1e-14, "%s", name);
        cr_assert_eq(roc_advantage(&adv, &d, NULL), OK);
        REF_NEAR(adv, ref_num(&r, i, "advantage"), 1e-14, "%s", name);
        for (size_t k = 0; k < 3; k++) {
            cr_assert_eq(roc_tpr_at(&p, &d, fpr[k], 0.95, NULL), OK);
            REF_NEAR(p.tpr, ref_num(&r, i, col[k]), 1e-14, "%s at %g", name, fpr[k]);
            cr_assert(p.fpr <= fpr[k] && p.lo <= p.tpr && p.tpr <= p.hi);
        }
    }
    cr_assert_eq(r.rows, 12u);
    ref_close(&r);
}

Test(roc, every_point_of_the_curve_meets_the_reference)
{
    Ref r = ref_open("num/roc_curve.csv");
    static RocPoint p[2 * ROC_MAX + 1];
    size_t n = 0, at = 0, curves = 0;
    for (size_t i = 0; i < r.rows; i++, at++) {
        const char *name = ref_str(&r, i, "name");
        if (i == 0 || strcmp(name, ref_str(&r, i - 1, "name")) != 0) {
            cr_assert_eq(at, n, "as many points of the curve before %s", name);
            RocData d = roc_ref(name);
            cr_assert_eq(roc_curve(p, &n, &d, NULL), OK);
            at = 0;
            curves++;
        }
        cr_assert_lt(at, n);
        REF_NEAR(p[at].fpr, ref_num(&r, i, "fpr"), 1e-15, "%s", name);
        REF_NEAR(p[at].tpr, ref_num(&r, i, "tpr"), 1e-15, "%s", name);
        cr_assert_eq(p[at].threshold, ref_num(&r, i, "threshold"), "%s", name);
    }
    cr_assert(at == n && curves == 6, "%zu curves", curves);
    ref_close(&r);
}

/* DeLong's AUC and variance from counts over all pairs, and the rate from every threshold. */
static double naive_delong(double *var, const RocData *d)
{
    double two_m = 2 * (double)d->m, two_n = 2 * (double)d->n, auc = 0, a = 0, b = 0;
    for (size_t i = 0; i < d->m; i++)
        for (size_t j = 0; j < d->n; j++) auc += (d->pos[i] > d->neg[j]) + (d->pos[i] >= d->neg[j]);
    auc /= two_n * (double)d->m;
    for (size_t i = 0; i < d->m; i++) {
        double v = 0;
        for (size_t j = 0; j < d->n; j++) v += (d->pos[i] > d->neg[j]) + (d->pos[i] >= d->neg[j]);
        a += (v / two_n - auc) * (v / two_n - auc);
    }
    for (size_t j = 0; j < d->n; j++) {
        double v = 0;
        for (size_t i = 0; i < d->m; i++) v += (d->pos[i] < d->neg[j]) + (d->pos[i] <= d->neg[j]);
        b += (1 - v / two_m - auc) * (1 - v / two_m - auc);
    }
    *var = a / (two_m / 2 * (two_m / 2 - 1)) + b / (two_n / 2 * (two_n / 2 - 1));
    return auc;
}

static size_t naive_hits(const RocData *d, double fpr)
{
    size_t best = 0;
    for (size_t k = 0; k < d->m; k++) {
        size_t tp = 0, fp = 0;
        for (size_t i = 0; i < d->m; i++) tp += d->pos[i] >= d->pos[k];
        for (size_t j = 0; j < d->n; j++) fp += d->neg[j] >= d->pos[k];
        if ((double)fp / (double)d->n <= fpr && tp > best) best = tp;
    }
    return best;
}

Test(roc, walks_meet_their_naive_twins)
{
    for (size_t t = 0; t < 120; t++) {
        Rng r = rng_stream(78, "roc_naive", t);
        RocData d = roc_draw(&r, 2 + rng_below(&r, 5), 1 + rng_below(&r, 9), 0.3, 0.5, t % 2 == 0);
        for (size_t i = 0; i < d.m && t % 3 != 0; i++) { /* ties, and zeros of both signs */
            pos[i] = round(2 * pos[i]);
            neg[i] = round(2 * neg[i]);
        }
        RocEst delong, clustered, both[2];
        double var = 0, auc = naive_delong(&var, &d), fpr = 0.1 * (double)rng_below(&r, 11);
        RocPoint p;
        cr_assert_eq(roc_delong(&delong, &d, 0.95, NULL), OK);
        cr_assert_eq(roc_clustered(&clustered, &d, 0.95, NULL), OK);
        cr_assert_eq(roc_both(&both[0], &both[1], &d, 0.95, NULL), OK);
        cr_assert_eq(delong.value, auc, "to the bit: %.17g and %.17g", delong.value, auc);
        cr_assert(var < 1e-30 || delong.se == sqrt(var), "to the bit: %.17g and %.17g", delong.se, sqrt(var));
        cr_assert(both[0].lo == delong.lo && both[0].hi == delong.hi && both[0].p == delong.p);
        cr_assert(both[1].lo == clustered.lo && both[1].hi == clustered.hi && both[1].se == clustered.se);
        cr_assert_eq(roc_tpr_at(&p, &d, fpr, 0.95, NULL), OK);
        cr_assert_eq(p.tp, naive_hits(&d, fpr), "at %g", fpr);
    }
}

Test(roc, area_of_the_curve_is_the_auc)
{
    static const char *const names[] = {"tiny", "ties_convex", "rounded_ties", "heavy_tail", "inverted"};
    for (size_t k = 0; k < 5; k++) {
        RocData d = roc_ref(names[k]);
        double area, corrected;
        cr_assert_eq(roc_partial(&area, &corrected, &d, 1, NULL), OK);
        double auc = roc_auc(d.pos, d.m, d.neg, d.n, work);
        REF_NEAR(area, auc, 1e-14, "%s", names[k]);
        REF_NEAR(corrected, auc, 1e-14, "%s", names[k]);
    }
}

Test(roc, partial_area_meets_the_reference)
{
    Ref r = ref_open("num/partial_auc.csv");
    for (size_t i = 0; i < r.rows; i++) {
        const char *name = ref_str(&r, i, "dataset");
        RocData d = roc_ref(name);
        double area, corrected;
        cr_assert_eq(roc_partial(&area, &corrected, &d, 0.1, NULL), OK);
        REF_NEAR(area, ref_num(&r, i, "pauc_fpr_0_0.1"), 1e-14, "%s", name);
        REF_NEAR(corrected, ref_num(&r, i, "pauc_corrected"), 1e-13, "%s", name);
    }
    cr_assert_eq(r.rows, 4u);
    ref_close(&r);
}

/* Two known mistakes: the area under the convex hull, and the first of tied scores taken for all. */
Test(roc, no_hull_and_no_lost_ties)
{
    Ref r = ref_open("num/auc_hull.csv");
    size_t apart = 0;
    for (size_t i = 0; i < r.rows; i++) {
        const char *name = ref_str(&r, i, "name");
        RocData d = roc_ref(name);
        RocPoint p;
        double auc = roc_auc(d.pos, d.m, d.neg, d.n, work), hull = ref_num(&r, i, "auc_hull");
        REF_NEAR(auc, ref_num(&r, i, "auc"), 1e-14, "%s", name);
        cr_assert_leq(auc, hull + 1e-14, "%s", name);
        apart += hull - auc > 1e-3;
        /* no rate is given that no threshold reaches */
        cr_assert_eq(roc_tpr_at(&p, &d, 0.001, 0.95, NULL), OK);
        double steps = p.tpr * (double)d.m;
        REF_NEAR(steps, round(steps), 1e-12, "%s", name);
        cr_assert_leq(p.tpr, ref_num(&r, i, "tpr_hull_at_0.001") + 1e-14, "%s", name);
    }
    cr_assert_eq(apart, 9u);
    ref_close(&r);
    RocData d = roc_ref("ties_convex");
    REF_NEAR(roc_auc(d.pos, d.m, d.neg, d.n, work), 0.6875, 1e-15, "not 0.375");
}

Test(roc, paired_comparison_meets_the_reference)
{
    Ref r = ref_open("num/delong_paired.csv");
    for (size_t i = 0; i < r.rows; i++) {
        char name[32];
        snprintf(name, sizeof name, "aSAH_%s", ref_str(&r, i, "roc2"));
        RocData b = roc_ref(name);
        memcpy(pos_b, pos, sizeof pos);
        memcpy(neg_b, neg, sizeof neg);
        b.pos = pos_b;
        b.neg = neg_b;
        snprintf(name, sizeof name, "aSAH_%s", ref_str(&r, i, "roc1"));
        RocData a = roc_ref(name);
        RocEst est;
        cr_assert_eq(roc_compare(&est, &a, &b, 0.95, NULL), OK);
        REF_NEAR(est.value, ref_num(&r, i, "auc1") - ref_num(&r, i, "auc2"), 1e-13, "%s", name);
        REF_NEAR(est.value / est.se, ref_num(&r, i, "Z_paired"), 1e-11, "%s", name);
        REF_NEAR(est.p, ref_num(&r, i, "p_two_sided"), 1e-11, "%s", name);
        /* the interval excludes 0 exactly when p < 0.05 */
        cr_assert_eq(est.lo > 0 || est.hi < 0, est.p < 0.05);
    }
    ref_close(&r);
}

static RocData clustered_ref(void)
{
    Ref r = ref_open("num/clustered_scores.csv");
    RocData d = {.pos = pos, .neg = neg, .pos_user = pos_user, .neg_user = neg_user, .n_users = 200};
    for (size_t i = 0; i < r.rows; i++) {
        bool member = ref_num(&r, i, "label") == 1;
        *(member ? &pos[d.m] : &neg[d.n]) = ref_num(&r, i, "score");
        *(member ? &pos_user[d.m++] : &neg_user[d.n++]) = (size_t)ref_num(&r, i, "user");
    }
    ref_close(&r);
    return d;
}

Test(roc, clustered_variance_meets_the_reference)
{
    RocData d = clustered_ref();
    RocEst est, naive;
    cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), OK);
    cr_assert_eq(roc_delong(&naive, &d, 0.95, NULL), OK);
    REF_NEAR(est.value, 0.6618876941457587, 1e-14, "AUC");
    REF_NEAR(naive.se * naive.se, 0.005180323935221739, 1e-14, "record level");
    REF_NEAR(est.se * est.se, 0.006852445605053822, 1e-14, "clustered");
    cr_assert_eq(est.n_clusters, 13u);
    cr_assert_eq(est.n_both, 0u);
    cr_assert_eq(est.df, 5);
    REF_NEAR(est.hi - est.value, 2.5705818356363 * est.se, 1e-9, "t with 5 degrees of freedom");
    cr_assert(est.gradable);
}

Test(roc, each_record_its_own_user_gives_delong)
{
    RocData d = roc_ref("rounded_ties");
    for (size_t i = 0; i < d.m; i++) pos_user[i] = i;
    for (size_t j = 0; j < d.n; j++) neg_user[j] = d.m + j;
    RocEst a, b;
    cr_assert_eq(roc_delong(&a, &d, 0.95, NULL), OK);
    d.pos_user = pos_user;
    d.neg_user = neg_user;
    d.n_users = d.m + d.n;
    cr_assert_eq(roc_clustered(&b, &d, 0.95, NULL), OK);
    REF_NEAR(a.se, b.se, 1e-14, "standard error");
}

/* The definition, pair by pair, for users on both sides. */
Test(roc, cross_term_meets_the_definition)
{
    Rng r = rng_stream(9, "roc", 0);
    RocData d = {.pos = pos, .neg = neg, .m = 30, .n = 24, .pos_user = pos_user, .neg_user = neg_user};
    d.n_users = 8;
    double a[8] = {0}, b[8] = {0}, auc = 0;
    for (size_t i = 0; i < 30; i++) pos[i] = floor(4 * rng_normal(&r)) / 4, pos_user[i] = i % 6;
    for (size_t j = 0; j < 24; j++) neg[j] = floor(4 * rng_normal(&r)) / 4, neg_user[j] = 2 + j % 6;
    for (size_t i = 0; i < 30; i++)
        for (size_t j = 0; j < 24; j++) auc += (pos[i] > neg[j]) + 0.5 * (pos[i] == neg[j]);
    auc /= 720;
    for (size_t i = 0; i < 30; i++)
        for (size_t j = 0; j < 24; j++) {
            double won = (pos[i] > neg[j]) + 0.5 * (pos[i] == neg[j]);
            a[pos_user[i]] += (won - auc) / 24;
            b[neg_user[j]] += (won - auc) / 30;
        }
    double aa = 0, bb = 0, ab = 0;
    for (size_t u = 0; u < 8; u++) aa += a[u] * a[u], bb += b[u] * b[u], ab += a[u] * b[u];
    double want = 6 / 5.0 * aa / 900 + 6 / 5.0 * bb / 576 + 2 * 8 / 7.0 * ab / 720;
    RocEst est;
    cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), OK);
    REF_NEAR(est.value, auc, 1e-14, "AUC");
    REF_NEAR(est.se * est.se, want, 1e-14, "variance");
    cr_assert_eq(est.n_clusters, 8u);
    cr_assert_eq(est.n_both, 4u);
}

Test(roc, reversal_and_monotone_maps)
{
    static const char *const names[] = {"tiny", "rounded_ties", "heavy_tail", "normal_strong"};
    for (size_t k = 0; k < 4; k++) {
        RocData d = roc_ref(names[k]);
        RocEst a, b, c;
        cr_assert_eq(roc_delong(&a, &d, 0.95, NULL), OK);
        for (size_t i = 0; i < d.m; i++) pos_b[i] = atan(3 * d.pos[i]) + 2;
        for (size_t j = 0; j < d.n; j++) neg_b[j] = atan(3 * d.neg[j]) + 2;
        RocData map = {.pos = pos_b, .neg = neg_b, .m = d.m, .n = d.n};
        cr_assert_eq(roc_delong(&b, &map, 0.95, NULL), OK);
        REF_NEAR(b.value, a.value, 1e-14, "%s mapped", names[k]);
        REF_NEAR(b.se, a.se, 1e-14, "%s mapped", names[k]);
        for (size_t i = 0; i < d.m; i++) pos_b[i] = -d.pos[i];
        for (size_t j = 0; j < d.n; j++) neg_b[j] = -d.neg[j];
        cr_assert_eq(roc_delong(&c, &map, 0.95, NULL), OK);
        REF_NEAR(c.value, 1 - a.value, 1e-14, "%s reversed", names[k]);
        REF_NEAR(c.se, a.se, 1e-14, "%s reversed", names[k]);
        REF_NEAR(c.p, a.p, 1e-10, "%s reversed", names[k]);
    }
}

/* Scores with an effect per user and no leak: how often does a 95% interval exclude 0.5? */
static size_t false_alarms(size_t users, size_t each, double icc, bool same_people, size_t runs,
                           size_t *naive)
{
    size_t alarms = 0;
    *naive = 0;
    for (uint64_t t = 0; t < runs; t++) {
        Rng r = rng_stream(23, "alarm", t);
        RocData d = roc_draw(&r, users, each, icc, 0, same_people);
        RocEst est, flat;
        cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), OK);
        cr_assert_eq(roc_delong(&flat, &d, 0.95, NULL), OK);
        alarms += est.lo > 0.5 || est.hi < 0.5;
        *naive += flat.lo > 0.5 || flat.hi < 0.5;
        cr_assert_eq(est.lo > 0.5 || est.hi < 0.5, est.p < 0.05, "interval and p-value say the same");
    }
    return alarms;
}

/* The cases of null_user_clustering: users and records a side, correlation within users. */
Test(roc, default_interval_keeps_its_level_where_the_record_level_one_does_not)
{
    static const struct {
        size_t users, each;
        double icc, naive_lo, naive_hi; /* what the record-level interval is known to do */
        size_t runs;
    } row[] = {{3, 50, 0.2, 0.50, 0.63, 1000},  {10, 30, 0.0, 0.03, 0.07, 1000},
               {10, 30, 0.1, 0.24, 0.34, 1000}, {10, 30, 0.3, 0.46, 0.58, 1000},
               {50, 20, 0.1, 0.17, 0.32, 400},  {50, 20, 0.3, 0.35, 0.53, 400}};
    for (size_t i = 0; i < 6; i++) {
        size_t naive, hits = false_alarms(row[i].users, row[i].each, row[i].icc, false, row[i].runs, &naive);
        double runs = (double)row[i].runs, rate = (double)hits / runs, flat = (double)naive / runs;
        cr_log_info("%zu users x %zu, icc %g: clustered %.3f, record level %.3f", row[i].users, row[i].each,
                    row[i].icc, rate, flat);
        cr_assert(rate <= 0.07, "%zu users x %zu, icc %g: %g", row[i].users, row[i].each, row[i].icc, rate);
        cr_assert(flat >= row[i].naive_lo && flat <= row[i].naive_hi, "record level, %zu users x %zu: %g",
                  row[i].users, row[i].each, flat);
    }
}

/* 50 people, the 10 most similar to the target are the members, nothing is trained: the base likelihood that
 * correlates with similarity makes an AUC by itself. What is calibrated by the base model has none. */
Test(roc, selection_alone_makes_an_auc_and_calibration_removes_it)
{
    static const double corr[4] = {0, 0.2, 0.4, 0.6}, want[4] = {0.4960975, 0.59566, 0.6937575, 0.79166};
    enum { PEOPLE = 50, CHOSEN = 10, RUNS = 1000 };
    for (size_t c = 0; c < 4; c++) {
        double sum = 0;
        size_t alarms = 0, raw_alarms = 0;
        for (uint64_t t = 0; t < RUNS; t++) {
            Rng r = rng_stream(31, "selection", t);
            double like[PEOPLE], base[PEOPLE], sorted[PEOPLE];
            for (size_t u = 0; u < PEOPLE; u++) {
                sorted[u] = like[u] = rng_normal(&r);
                base[u] = corr[c] * like[u] + sqrt(1 - corr[c] * corr[c]) * rng_normal(&r);
            }
            stats_sort(sorted, PEOPLE);
            RocData d = {
                .pos = pos, .neg = neg, .pos_user = pos_user, .neg_user = neg_user, .n_users = PEOPLE};
            RocData cal = {.pos = pos_b, .neg = neg_b, .m = CHOSEN, .n = PEOPLE - CHOSEN};
            for (size_t u = 0; u < PEOPLE; u++) {
                bool member = like[u] >= sorted[PEOPLE - CHOSEN];
                size_t at = member ? d.m++ : d.n++;
                *(member ? &pos[at] : &neg[at]) = base[u];
                *(member ? &pos_user[at] : &neg_user[at]) = u;
                double merged = base[u] + 0.3 * rng_normal(&r); /* the merged model knows no one */
                *(member ? &pos_b[at] : &neg_b[at]) = merged - base[u];
            }
            cal.pos_user = pos_user, cal.neg_user = neg_user, cal.n_users = PEOPLE;
            RocEst est, calibrated;
            cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), OK);
            cr_assert_eq(roc_clustered(&calibrated, &cal, 0.95, NULL), OK);
            sum += est.value;
            raw_alarms += est.p < 0.05;
            alarms += calibrated.p < 0.05;
        }
        REF_NEAR(sum / RUNS, want[c], 0.012, "correlation %g", corr[c]);
        cr_assert(alarms <= 70, "calibrated, correlation %g: %zu of 1000", corr[c], alarms);
        if (c == 0) cr_assert(raw_alarms <= 70, "no correlation: %zu of 1000", raw_alarms);
        if (c == 3)
            cr_assert(raw_alarms > 700, "correlation 0.6 is taken for a leak: %zu of 1000", raw_alarms);
    }
}

Test(roc, clustered_interval_keeps_its_level_without_a_leak)
{
    size_t naive, hits = false_alarms(25, 8, 0.2, false, 600, &naive);
    cr_assert(hits <= 42, "25 users: %zu of 600 false alarms, want at most 7%%", hits);
    cr_assert(hits >= 9, "25 users: %zu of 600: the interval is not that wide", hits);
    cr_assert_gt(naive, 60u, "the record-level interval does not keep it");
    hits = false_alarms(3, 30, 0.2, false, 600, &naive);
    cr_assert(hits <= 42, "3 users: %zu of 600 false alarms", hits);
    hits = false_alarms(10, 15, 0.3, true, 600, &naive);
    cr_assert(hits <= 42 && hits >= 6, "same 10 people on both sides: %zu of 600", hits);
}

Test(roc, record_level_interval_keeps_its_level_on_independent_records)
{
    size_t naive;
    false_alarms(200, 1, 0, false, 600, &naive);
    cr_assert(naive <= 42 && naive >= 12, "%zu of 600", naive);
}

Test(roc, too_few_users_is_seen)
{
    RocData d = roc_ref("tiny");
    RocEst est;
    size_t one[4] = {0, 0, 0, 0}, two[4] = {1, 1, 2, 2};
    d.pos_user = one, d.neg_user = two, d.n_users = 3;
    cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), OK);
    cr_assert(isnan(est.lo) && isnan(est.hi) && isnan(est.p) && !est.gradable);
    cr_assert_eq(est.n_clusters, 3u);
    REF_NEAR(est.value, 0.625, 1e-15, "the point stands");
    size_t half[4] = {0, 0, 1, 1};
    d.pos_user = half;
    cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), OK);
    cr_assert(!est.gradable && est.df == 1 && est.n_both == 1);
    d = (RocData){.pos = pos, .neg = neg, .m = 1, .n = 4};
    cr_assert_eq(roc_delong(&est, &d, 0.95, NULL), OK);
    cr_assert(isnan(est.lo) && isnan(est.se) && !est.gradable);
}

Test(roc, perfect_separation_has_an_exact_bound)
{
    RocData d = roc_ref("perfect");
    RocEst est;
    cr_assert_eq(roc_delong(&est, &d, 0.95, NULL), OK);
    REF_NEAR(est.lo, pow(0.025, 0.2), 1e-14, "five pairs");
    cr_assert(est.value == 1 && est.hi == 1 && est.p == 2 * pow(0.5, 5));
    d = roc_ref("inverted");
    cr_assert_eq(roc_delong(&est, &d, 0.95, NULL), OK);
    REF_NEAR(est.hi, 1 - pow(0.025, 0.2), 1e-14, "five pairs");
    cr_assert_eq(est.lo, 0);
    d = roc_ref("all_equal");
    cr_assert_eq(roc_delong(&est, &d, 0.95, NULL), OK);
    cr_assert(est.value == 0.5 && est.lo == 0.5 && est.hi == 0.5 && est.p == 1);
    /* two people, both on both sides: one pair of different people */
    d = roc_ref("perfect");
    size_t user[5] = {0, 0, 1, 1, 1};
    d.pos_user = user, d.neg_user = user, d.n_users = 2;
    cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), OK);
    REF_NEAR(est.lo, 0.025, 1e-14, "one pair");
}

Test(roc, bootstrap_agrees_with_the_clustered_variance)
{
    RocData d = clustered_ref();
    RocEst est, boot, again;
    StatsBoot o = {.seed = 2};
    cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), OK);
    cr_assert_eq(roc_boot(&boot, &d, &o, NULL), OK);
    cr_assert_eq(roc_boot(&again, &d, &o, NULL), OK);
    REF_NEAR(boot.value, est.value, 1e-14, "value");
    cr_assert(boot.lo == again.lo && boot.hi == again.hi, "same seed, same bounds");
    cr_assert(fabs(boot.se / est.se - 1) < 0.2, "%g against %g", boot.se, est.se);
    cr_assert_eq(boot.n_clusters, 13u);
    cr_assert(!boot.gradable && isnan(boot.p), "6 and 7 users are few for a bootstrap");
    d.pos_user = d.neg_user = NULL;
    cr_assert_eq(roc_boot(&boot, &d, &o, NULL), OK);
    cr_assert_eq(roc_delong(&est, &d, 0.95, NULL), OK);
    cr_assert(fabs(boot.se / est.se - 1) < 0.1, "%g against %g", boot.se, est.se);
    cr_assert(boot.gradable, "27 and 31 records");
    d = roc_ref("perfect");
    for (int kind = STATS_PERCENTILE; kind <= STATS_BCA; kind++) {
        cr_assert_eq(roc_boot(&boot, &d, &(StatsBoot){.kind = (StatsBootKind)kind, .level = 0.9}, NULL), OK);
        REF_NEAR(boot.lo, pow(0.05, 0.2), 1e-14, "five pairs, not a point");
        cr_assert(boot.hi == 1 && isnan(boot.p));
    }
}

/* Without a leak, from the number of users on that the header names. */
Test(roc, bootstrap_intervals_keep_their_level_with_enough_users)
{
    enum { RUNS = 300 };
    size_t alarms[2] = {0};
    for (uint64_t t = 0; t < RUNS; t++) {
        Rng r = rng_stream(29, "boot alarm", t);
        RocData d = roc_draw(&r, ROC_MIN_USERS_BOOT, 6, 0.3, 0, t % 2 == 0);
        for (int kind = STATS_PERCENTILE; kind <= STATS_BCA; kind++) {
            RocEst est;
            StatsBoot o = {.reps = 500, .seed = t, .kind = (StatsBootKind)kind};
            cr_assert_eq(roc_boot(&est, &d, &o, NULL), OK);
            cr_assert(est.gradable);
            alarms[kind] += est.lo > 0.5 || est.hi < 0.5;
        }
    }
    cr_log_info("percentile %zu, BCa %zu of %d", alarms[0], alarms[1], RUNS);
    for (int kind = 0; kind < 2; kind++)
        cr_assert(alarms[kind] <= 27 && alarms[kind] >= 5, "kind %d: %zu of 300", kind, alarms[kind]);
}

Test(roc, clustered_comparison)
{
    RocData a = clustered_ref(), b = a;
    RocEst est;
    cr_assert_eq(roc_compare(&est, &a, &b, 0.95, NULL), OK);
    cr_assert(est.value == 0 && est.se == 0 && est.p == 1 && est.lo == 0 && est.hi == 0);
    for (size_t i = 0; i < a.m; i++) pos_b[i] = a.pos[i] + (double)(i % 3);
    b.pos = pos_b;
    cr_assert_eq(roc_compare(&est, &a, &b, 0.95, NULL), OK);
    cr_assert(est.value < 0 && est.se > 0 && est.n_clusters == 13 && est.df == 5);
    RocEst one, two;
    cr_assert_eq(roc_clustered(&one, &a, 0.95, NULL), OK);
    cr_assert_eq(roc_clustered(&two, &b, 0.95, NULL), OK);
    REF_NEAR(est.value, one.value - two.value, 1e-14, "difference");
    cr_assert_lt(est.se, one.se + two.se);
}

Test(roc, refusals)
{
    RocData d = roc_ref("tiny"), e;
    RocEst est = {.value = 7};
    RocPoint p;
    double adv;
    Err err = {0};
    e = d, e.m = 0;
    cr_assert_eq(roc_delong(&est, &e, 0.95, &err), ERR_SHAPE);
    cr_assert_str_eq(err.msg, "members = 0, want at least 1");
    e = d, e.n = 0;
    cr_assert_eq(roc_advantage(&adv, &e, NULL), ERR_SHAPE);
    cr_assert_eq(roc_delong(&est, &d, 1, NULL), ERR_ARG);
    cr_assert_eq(roc_clustered(&est, &d, 0.95, NULL), ERR_ARG);
    cr_assert_eq(roc_tpr_at(&p, &d, 1.5, 0.95, NULL), ERR_ARG);
    RocData nobody = d;
    RocEst both = {.value = 7};
    nobody.pos_user = nobody.neg_user = NULL;
    cr_assert_eq(roc_both(NULL, &both, &nobody, 0.95, NULL), ERR_ARG);
    cr_assert_eq(both.value, 7);
    cr_assert_eq(roc_partial(&adv, &adv, &d, 0, NULL), ERR_ARG);
    cr_assert_eq(roc_partial(&adv, &adv, &d, 1.01, NULL), ERR_ARG);
    e = d, e.n = 0;
    cr_assert_eq(roc_partial(&adv, &adv, &e, 0.1, NULL), ERR_SHAPE);
    e = d, e.n = 3;
    cr_assert_eq(roc_compare(&est, &d, &e, 0.95, NULL), ERR_SHAPE);
    size_t user[4] = {0, 1, 2, 9};
    e = d, e.pos_user = user;
    cr_assert_eq(roc_delong(&est, &e, 0.95, NULL), ERR_ARG);
    e.neg_user = user, e.n_users = 9;
    err = (Err){0};
    cr_assert_eq(roc_clustered(&est, &e, 0.95, &err), ERR_ARG);
    cr_assert_str_eq(err.msg, "user of score 3 of the members = 9, want below 9");
    neg[2] = NAN;
    err = (Err){0};
    cr_assert_eq(roc_boot(&est, &d, &(StatsBoot){0}, &err), ERR_NUM);
    cr_assert_str_eq(err.msg, "score 2 of the non-members is not a number");
    cr_assert_eq(est.value, 7, "outputs are left alone");
    neg[2] = -INFINITY;
    pos[0] = INFINITY;
    cr_assert_eq(roc_delong(&est, &d, 0.95, NULL), OK);
    cr_assert(est.value > 0.5 && est.value < 1);
}
