/* Attacks that read a record more than once, against scores computed here from the data alone; merges that an
 * attacker's adapter has got into. */
#include "lab.h"

#include "prime/attack.h"
#include "prime/lower.h"
#include "prime/pass.h"
#include "prime/roc.h"
#include "prime/sample.h"
#include "prime/score.h"

/* ---- the same again ---- */

static Sample lab_sample(Lab *lab, const DataRecord *r, const char *output)
{
    Sample s;
    MUST(sample_make(&s, &lab->a, lab->tok, &lab->m->cfg, r->task, NULL, r->input, output, 0, &e_));
    return s;
}

/* Nats a token of an answer under the base model. */
static double lab_loss(Lab *lab, const int32_t *ids, size_t n, size_t skip)
{
    ScoreOut out;
    MUST(score_nll(&out, lab->m, NULL, 1, &(ScoreItem){ids, n, skip, 0}, 1, &e_));
    return out.nll_sum / (double)out.n_tokens;
}

static const DataRecord *history_or_heldout(const DataUser *u, const char *id)
{
    for (size_t s = 0; s < DATA_SPLITS; s++)
        for (size_t i = 0; s != DATA_QUERY && i < u->n[s]; i++)
            if (strcmp(u->rec[s][i].id, id) == 0) return &u->rec[s][i];
    return NULL;
}

/* Whether a person is a target or an anchor of the run. */
static bool in_run(const Rows *r, const char *id)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->row[i].target, id) == 0) return true;
    return false;
}

enum { SHOTS = 2 };

/* What stands before a record: two records, tokens one behind the other, the last ones that the 256 positions
 * have room for; a record of more than 192 tokens loses tokens of its prompt. */
static double loss_behind(Lab *lab, const DataRecord *const *shot, const DataRecord *r)
{
    int32_t ids[1024];
    size_t n = 0;
    Sample s = lab_sample(lab, r, r->output);
    if (s.n > 192)
        MUST(sample_make(&s, &lab->a, lab->tok, &lab->m->cfg, r->task, NULL, r->input, r->output, 64, &e_));
    for (size_t i = 0; i < SHOTS; i++) {
        Sample p = lab_sample(lab, shot[i], shot[i]->output);
        memcpy(ids + n, p.ids, p.n * sizeof *ids);
        n += p.n;
    }
    memcpy(ids + n, s.ids, s.n * sizeof *ids);
    size_t cut = n + s.n > 256 ? n + s.n - 256 : 0;
    return lab_loss(lab, ids + cut, n + s.n - cut, n + s.skip - cut);
}

static void non_members(const DataRecord **shot, const Lab *lab, const Rows *r)
{
    const DataRecord *all[512];
    size_t order[512], n = 0;
    for (size_t i = 0; i < lab->d->n_users; i++)
        for (size_t j = 0; !in_run(r, lab->d->user[i].id) && j < lab->d->user[i].n[DATA_HELDOUT]; j++)
            all[n++] = &lab->d->user[i].rec[DATA_HELDOUT][j];
    cr_assert_geq(n, SHOTS);
    for (size_t i = 0; i < n; i++) order[i] = i;
    Rng rng = rng_stream(0, "outsiders", 0);
    rng_shuffle(&rng, order, n);
    for (size_t i = 0; i < SHOTS; i++) shot[i] = all[order[i]];
}

static double twin_dc_pdd(Lab *lab, const Rows *r, const Sample *s)
{
    size_t V = lab->m->cfg.n_vocab, tokens = s->n - s->skip;
    double *count = arena_zalloc(&lab->a, V, sizeof *count), total = 0, sum = 0, seen = 0;
    for (size_t i = 0; i < lab->d->n_users; i++) {
        const DataUser *u = &lab->d->user[i];
        for (size_t k = 0; k < DATA_SPLITS && !in_run(r, u->id); k++)
            for (size_t j = 0; j < u->n[k]; j++) {
                Sample x = lab_sample(lab, &u->rec[k][j], u->rec[k][j].output);
                for (size_t t = x.skip; t < x.n; t++, total++) count[x.ids[t]]++;
            }
    }
    for (size_t t = 0; t < tokens; t++) {
        bool before = false;
        for (size_t q = 0; q < t; q++) before = before || s->ids[s->skip + q] == s->ids[s->skip + t];
        if (before) continue;
        double logp = -lab_loss(lab, s->ids, s->skip + t + 1, s->skip + t),
               f = (1 + count[s->ids[s->skip + t]]) / (total + (double)V);
        sum += fmin(0.01, exp(logp) * log(1 / f));
        seen++;
    }
    return sum / seen;
}

static const char *const wanted[] = {ONE,
                                     "methods=base,anchor,uniform",
                                     "attack.texts=lowercase,prefix,neighbour",
                                     "attack.shots=2",
                                     "attack.neighbours=3",
                                     "attack.counts=others",
                                     "attack.methods=all"};
enum { N_WANTED = sizeof wanted / sizeof wanted[0] };

Test(texts, scores_are_those_of_a_naive_twin, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run", wanted, N_WANTED);
    Lab lab = lab_open(&w);
    const DataRecord *non[SHOTS], *member[SHOTS];
    size_t seen = 0;
    non_members(non, &lab, &r);
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (!row_is(x, "base", "attack", "loss")) continue;
        const DataUser *u = data_user(lab.d, x->unit);
        const DataRecord *rec = history_or_heldout(u, x->record);
        Sample s = lab_sample(&lab, rec, rec->output);
        Str low = {0};
        lower_text(&low, rec->output);
        Sample lower = lab_sample(&lab, rec, low.s);
        str_free(&low);
        for (size_t k = 0; k < SHOTS; k++) member[k] = &u->rec[DATA_HISTORY][u->n[DATA_HISTORY] - SHOTS + k];
        double plain = lab_loss(&lab, s.ids, s.n, s.skip), after_non = loss_behind(&lab, non, rec),
               after_member = loss_behind(&lab, member, rec),
               small = lab_loss(&lab, lower.ids, lower.n, lower.skip);
        cr_expect_float_eq(row_like(&r, x, "base", "lowercase")->value, -plain / small, 1e-5);
        cr_expect_float_eq(row_like(&r, x, "base", "recall")->value, after_non / plain, 1e-5);
        cr_expect_float_eq(row_like(&r, x, "base", "con_recall")->value, (after_non - after_member) / plain,
                           1e-5);
        cr_expect_float_eq(row_like(&r, x, "base", "dc_pdd")->value, twin_dc_pdd(&lab, &r, &s), 1e-6);
        seen++;
    }
    cr_expect_gt(seen, 0);
    lab_close(&lab);
    free(r.row);
    world_close(&w);
}

/* ---- neighbours ---- */

enum { NEIGHBOURS = 3, TOP = 8 };

/* One of the TOP likeliest tokens of a row of logits, not `own` and not the end of text, by the share x in
 * [0, 1) of their probability. */
static int32_t likely_other(const float *z, size_t V, int32_t own, double x)
{
    int32_t top[TOP];
    double mass[TOP], all = 0;
    for (size_t k = 0; k < TOP; k++) {
        top[k] = -1;
        for (size_t v = 1; v < V; v++) { /* 0 is the end of text */
            bool taken = (int32_t)v == own;
            for (size_t j = 0; j < k; j++) taken = taken || top[j] == (int32_t)v;
            if (!taken && (top[k] < 0 || z[v] > z[top[k]])) top[k] = (int32_t)v;
        }
        mass[k] = exp((double)z[top[k]]);
        all += mass[k];
    }
    double up = 0;
    for (size_t k = 0; k < TOP; k++)
        if (x * all < (up += mass[k])) return top[k];
    return top[TOP - 1];
}

static double twin_neighbour(Lab *lab, const DataRecord *rec)
{
    Sample s = lab_sample(lab, rec, rec->output);
    size_t V = lab->m->cfg.n_vocab, n = s.n - s.skip - 1, order[256], row[256];
    float *z = arena_alloc(&lab->a, n * V, sizeof *z), work[256 * 32];
    Pass *pass = NULL;
    double sum = 0;
    MUST(pass_new(&pass, lab->m, s.n, 0, false, &e_));
    for (size_t t = 0; t < n; t++) row[t] = s.skip - 1 + t;
    pass_forward(pass, lab->m, &(PassSeq){.ids = s.ids, .n = s.n}, 1, NULL, NULL);
    pass_logits(z, pass, lab->m, row, n, work);
    pass_free(pass);
    for (size_t k = 0; k < NEIGHBOURS; k++) {
        int32_t ids[256];
        Rng rng = rng_stream(0, rec->id, 1000 + k);
        memcpy(ids, s.ids, s.n * sizeof *ids);
        for (size_t t = 0; t < n; t++) order[t] = t;
        rng_shuffle(&rng, order, n);
        for (size_t c = 0; c < (n < 4 ? 1 : n / 4); c++) {
            size_t t = order[c];
            ids[s.skip + t] = likely_other(z + t * V, V, s.ids[s.skip + t], rng_uniform(&rng));
        }
        sum += lab_loss(lab, ids, s.n, s.skip);
    }
    return sum / NEIGHBOURS - lab_loss(lab, s.ids, s.n, s.skip);
}

Test(texts, neighbours_have_likely_tokens_in_a_quarter_of_the_places, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run", wanted, N_WANTED);
    Lab lab = lab_open(&w);
    size_t seen = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (!row_is(x, "base", "attack", "neighbour")) continue;
        const DataRecord *rec = history_or_heldout(data_user(lab.d, x->unit), x->record);
        cr_expect_float_eq(x->value, twin_neighbour(&lab, rec), 1e-5, "%s: %g", x->record, x->value);
        seen++;
    }
    cr_expect_gt(seen, 0);
    lab_close(&lab);
    free(r.row);
    world_close(&w);
}

/* The records of the prefix of members are attacked by nothing. */
Test(texts, a_prefix_of_members_is_set_aside, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run", wanted, N_WANTED);
    Lab lab = lab_open(&w);
    size_t attacked = 0;
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (strcmp(x->kind, "attack") != 0 || x->label != 1) continue;
        const DataUser *u = data_user(lab.d, x->unit);
        for (size_t k = 1; k <= SHOTS; k++)
            cr_expect_str_neq(u->rec[DATA_HISTORY][u->n[DATA_HISTORY] - k].id, x->record);
        attacked++;
    }
    cr_expect_gt(attacked, 0);
    lab_close(&lab);
    free(r.row);
    world_close(&w);
}

static const char *const attack_of_texts[] = {"lowercase", "recall", "con_recall", "neighbour", "dc_pdd"};

/* Every cell with records has rows of them, as many as of the loss; and they are not all alike. */
Test(texts, every_cell_has_them, .timeout = 240)
{
    static const char *const method[] = {"base", "anchor", "uniform"};
    World w = world_open();
    Rows r = run_and_load(&w, "run", wanted, N_WANTED);
    for (size_t m = 0; m < 3; m++)
        for (size_t k = 0; k < 5; k++) {
            double least = INFINITY, most = -INFINITY;
            cr_expect_eq(rows_of_metric(&r, method[m], "attack", attack_of_texts[k]),
                         rows_of_metric(&r, method[m], "attack", "loss"), "%s", attack_of_texts[k]);
            for (size_t i = 0; i < r.n; i++) {
                if (!row_is(&r.row[i], method[m], "attack", attack_of_texts[k])) continue;
                least = fmin(least, r.row[i].value);
                most = fmax(most, r.row[i].value);
            }
            cr_expect_gt(most, least, "%s of %s", attack_of_texts[k], method[m]);
        }
    free(r.row);
    world_close(&w);
}

/* Counts may come from a file; a file of nothing is refused. */
Test(texts, counts_come_from_a_file, .timeout = 240)
{
    World w = world_open();
    char path[PATH], set[PATH + 32];
    Err e = {0};
    snprintf(path, sizeof path, "%s/public.txt", w.dir);
    snprintf(set, sizeof set, "attack.counts=%s", path);
    const char *const more[] = {ONE, "methods=base", "attack.methods=dc_pdd", set};
    MUST(file_write(path, "some public text\nand a line\n", 28, &e_));
    Rows r = run_and_load(&w, "run", more, 5);
    cr_expect_gt(rows_of_metric(&r, "base", "attack", "dc_pdd"), 0);
    MUST(file_write(path, "\n", 1, &e_));
    snprintf(path, sizeof path, "%s/none", w.dir);
    cr_expect_eq(sweep_run(&w.spec, path, NULL, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "no token to count"), "%s", e.msg);
    free(r.row);
    world_close(&w);
}

/* Nobody is left who could be a prefix, or the attacker; too few records to set some aside. */
Test(texts, lack_of_others_is_named, .timeout = 240)
{
    static const struct {
        const char *set[4], *want;
        size_t users;
    } cases[] = {
        {{"methods=malicious", "anchors.pool=3", "attack.shots=2"},
         "methods malicious and bystander want",
         6},
        {{"methods=uniform", "attack.texts=prefix", "anchors.min_heldout=1", "anchors.pool=4"},
         "attack.texts: prefix wants held-out",
         6},
        {{"methods=uniform", "attack.texts=prefix", "attack.shots=7"}, "attack.shots = 7 set aside", 10},
        {{"methods=oppu", "attack.texts=prefix", "attack.shots=7"}, "attack.shots = 7 set aside", 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        World w = world_of(cases[i].users, 16);
        char run[PATH];
        Err e = {0};
        snprintf(run, sizeof run, "%s/run", w.dir);
        w.spec = world_spec(&w, cases[i].set, cases[i].set[3] != NULL ? 4 : 3);
        cr_expect_eq(sweep_run(&w.spec, run, NULL, &e), ERR_ARG, "case %zu", i);
        cr_expect_not_null(strstr(e.msg, cases[i].want), "case %zu: %s", i, e.msg);
        world_close(&w);
    }
}

Test(texts, lower_case_is_one_for_one)
{
    static const char *const pair[][2] = {{"", ""},
                                          {"Ab Z9", "ab z9"},
                                          {"\xc3\x84\xc3\x96 \xce\xa3", "\xc3\xa4\xc3\xb6 \xcf\x83"},
                                          {"\xff Q\xc3", "\xff q\xc3"}};
    for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
        Str s = {0};
        lower_text(&s, pair[i][0]);
        cr_expect_str_eq(s.s != NULL ? s.s : "", pair[i][1], "case %zu", i);
        str_free(&s);
    }
}

/* ---- an attacker among the anchors ---- */

static double cell_auc(const Rows *r, const char *method, const char *metric)
{
    double pos[4096], neg[4096], work[4096];
    size_t m = 0, n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (!row_is(&r->row[i], method, "attack", metric)) continue;
        if (r->row[i].label == 1)
            pos[m++] = r->row[i].value;
        else
            neg[n++] = r->row[i].value;
    }
    cr_assert(m > 0 && n > 0, "%s", method);
    return roc_auc(pos, m, neg, n, work);
}

static double norm_row(const Rows *r, const char *method, const char *metric, const char *target)
{
    for (size_t i = 0; i < r->n; i++)
        if (row_is(&r->row[i], method, "norm", metric) && strcmp(r->row[i].target, target) == 0)
            return r->row[i].value;
    cr_assert_fail("no norm %s of %s", metric, method);
    return NAN;
}

/* dW of uniform is the mean over K = 2 anchors; of malicious and bystander the mean over 3, with the third
 * one and its opposite: the parallelogram of both has uniform's share and the third one's as its diagonals.
 */
Test(texts, the_attacker_is_as_large_as_an_anchor_and_the_other_way_round, .timeout = 240)
{
    World w = world_open();
    Rows r = run_and_load(&w, "run",
                          (const char *const[]){ONE, "methods=anchor,uniform,malicious,bystander",
                                                "attack.malicious=8", "adapter.epochs=8"},
                          5);
    size_t rows = rows_of_metric(&r, "uniform", "attack", "ref"), seen = 0;
    cr_expect_eq(rows_of_metric(&r, "malicious", "attack", "ref"), rows);
    cr_expect_eq(rows_of_metric(&r, "bystander", "attack", "ref"), rows);
    for (size_t i = 0; i < r.n; i++) {
        const Row *x = &r.row[i];
        if (row_is(x, "uniform", "attack", "ref"))
            (void)row_like(&r, x, "malicious", "ref"); /* the same records are attacked */
        if (!row_is(x, "uniform", "norm", "merged")) continue;
        double one = norm_row(&r, "uniform", "anchor", x->target),
               bad = norm_row(&r, "malicious", "merged", x->target),
               good = norm_row(&r, "bystander", "merged", x->target);
        cr_expect_float_eq(norm_row(&r, "malicious", "anchor", x->target), one, 1e-5 * one);
        cr_expect_float_eq(bad * bad + good * good, 2 * (x->value * x->value * 4 / 9 + one * one / 9),
                           1e-4 * one * one);
        cr_expect(fabs(bad - good) > 1e-6 * one, "the sign must matter");
        seen++;
    }
    cr_expect_eq(seen, 2);
    printf("AUC of ref: anchor %.3f, uniform %.3f, bystander %.3f, malicious %.3f\n",
           cell_auc(&r, "anchor", "ref"), cell_auc(&r, "uniform", "ref"), cell_auc(&r, "bystander", "ref"),
           cell_auc(&r, "malicious", "ref"));
    free(r.row);
    world_close(&w);
}
