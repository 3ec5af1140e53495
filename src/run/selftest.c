#include "prime/selftest.h"

#include "cell.h"

#include "prime/file.h"
#include "prime/fingerprint.h"
#include "prime/roc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SelftestOpts selftest_default(void)
{
    return (SelftestOpts){.people = 10, .records = 40, .epochs = 20, .repeats = 1000, .lr = 1e-2, .seed = 1};
}

/* Signals of everybody's records, person by person, under the person's own adapter. */
typedef struct {
    AttackSignal *x; /* [n] */
    size_t *person, n;
} SelfSide;

typedef struct {
    const SelftestOpts *o;
    Spec spec;
    Audit *a;
    SelfSide member, heldout;
    unsigned have;
    double *score, *pos, *neg, *work;    /* [n of both sides] */
    size_t *order, *pos_user, *neg_user; /* likewise */
    Selftest *out;
    Arena arena;
} Self;

/* ---- people and adapters ---- */

static const char self_yaml[] = "task: synth_headline\n"
                                "methods: [anchor]\n"
                                "seeds: [1]\n"
                                "targets: {count: 1, min_search: 1, min_query: 1}\n"
                                "anchors: {per_target: 1, min_history: 1, min_heldout: 1}\n"
                                "search: {score: likelihood}\n"
                                "adapt: {records: 0}\n"
                                "adapter: {rank: 8, alpha: 8, modules: [all-linear], dropout: 0, batch: 4}\n"
                                "attack: {members: 10000, heldout: 10000, methods: [all]}\n";
enum { SELF_SETS = 5, SELF_SET = 512 };

static Status self_people(const Self *s, const char *data, Err *e)
{
    DataSynthOpt o = {.out = data,
                      .salt = DATA_SALT,
                      .seed = s->o->seed,
                      .users = s->o->people + 1, /* a run has a target */
                      .records = s->o->records,
                      .history = 0.5,
                      .query = 0.1};
    return data_synth(&o, e);
}

static Status self_spec(Self *s, const char *dir, const char *data, Err *e)
{
    char set[SELF_SETS][SELF_SET];
    const char *sets[SELF_SETS];
    char *path = file_join(dir, "audit.yaml");
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    snprintf(set[0], SELF_SET, "data=%s", data);
    snprintf(set[1], SELF_SET, "base=%s", s->o->model);
    snprintf(set[2], SELF_SET, "anchors.pool=%zu", s->o->people);
    snprintf(set[3], SELF_SET, "adapter.epochs=%zu", s->o->epochs);
    snprintf(set[4], SELF_SET, "adapter.lr=%.17g", s->o->lr);
    for (size_t i = 0; i < SELF_SETS; i++) sets[i] = set[i];
    Status st = file_write(path, self_yaml, sizeof self_yaml - 1, e);
    if (st == OK) st = spec_load(&s->spec, &s->arena, path, sets, SELF_SETS, e);
    free(path);
    return st == OK ? spec_for(&s->spec, &s->spec, "synth_headline", e) : st;
}

/* ---- signals ---- */

static Status self_add(SelfSide *side, Self *s, const CellSplit *x, const CellSplit *ref, size_t person,
                       size_t n, Err *e)
{
    AttackSignal *signal = NULL;
    TRY(cell_attack_signals(&signal, x, 0, ref, NULL, 0, n, &s->arena, e));
    memcpy(side->x + side->n, signal, n * sizeof *signal);
    for (size_t i = 0; i < n; i++) side->person[side->n++] = person;
    return OK;
}

static Status self_person(Self *s, size_t anchor, Err *e)
{
    AuditPerson p = audit_person(s->a, anchor);
    const Lora *own = audit_anchor_lora(s->a, anchor, 0);
    CellSignals x, ref;
    AuditCrowd crowd = {0};
    TRY(cell_signals(&ref, s->a, NULL, 1, &p, &s->arena, e));
    TRY(audit_crowd_of(&crowd, &own, 1, e));
    Status st = cell_signals(&x, s->a, &crowd.lora, 1, &p, &s->arena, e);
    audit_crowd_free(&crowd);
    TRY(st);
    TRY(self_add(&s->member, s, &x.member, &ref.member, anchor, p.member.n, e));
    return self_add(&s->heldout, s, &x.heldout, &ref.heldout, anchor, p.heldout.n, e);
}

static Status self_room(Self *s, Err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < s->a->n_anchors; i++) n += audit_members(s->a, i).n + audit_heldout(s->a, i).n;
    double *x = arena_alloc(&s->arena, 4 * n, sizeof *x);
    size_t *k = arena_alloc(&s->arena, 5 * n, sizeof *k);
    s->member.x = arena_alloc(&s->arena, 2 * n, sizeof *s->member.x);
    if (x == NULL || k == NULL || s->member.x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    s->heldout.x = s->member.x + n;
    s->score = x;
    s->pos = x + n;
    s->neg = x + 2 * n;
    s->work = x + 3 * n;
    s->order = k;
    s->pos_user = k + n;
    s->neg_user = k + 2 * n;
    s->member.person = k + 3 * n;
    s->heldout.person = k + 4 * n;
    return OK;
}

/* ---- rows ---- */

static void self_row(Self *s, SelftestRow row)
{
    s->out->row[s->out->n++] = row;
}

static SelftestVerdict self_judge(bool gradable, bool good)
{
    return !gradable ? SELFTEST_UNGRADED : good ? SELFTEST_PASS : SELFTEST_BREACHED;
}

static Status self_power(Self *s, Err *e)
{
    size_t best = s->out->n, from = best, m = s->member.n, n = s->heldout.n;
    bool gradable = false;
    const Attack *at;
    for (size_t i = 0; (at = attack_at(i)) != NULL; i++) {
        RocEst est;
        if (!attack_can(at, s->have) || strcmp(at->access, "blind") == 0) continue;
        TRY(attack_score(s->pos, s->member.x, m, at->name, e));
        TRY(attack_score(s->neg, s->heldout.x, n, at->name, e));
        RocData d = {s->pos, s->neg, m, n, s->member.person, s->heldout.person, s->a->n_anchors};
        TRY(roc_clustered(&est, &d, 0.95, e));
        gradable = est.gradable;
        self_row(s, (SelftestRow){"power", at->name, est.value, est.lo, est.hi, NAN, SELFTEST_NO_LIMIT});
        if (est.value > s->out->row[best].value) best = s->out->n - 1;
    }
    if (s->out->n == from) FAIL(e, ERR_ARG, "no attack is possible");
    s->out->row[best].limit = SELFTEST_POWER;
    s->out->row[best].verdict = self_judge(gradable, s->out->row[best].value >= SELFTEST_POWER);
    return OK;
}

/* ---- fingerprint ---- */

static Status self_recover(double *worst, const Lora *merged, const Lora *const *l, const double *w,
                           double *got, size_t k, FingerprintView view, Err *e)
{
    Fingerprint *f = NULL;
    FingerprintFit fit;
    TRY(fingerprint_new(&f, merged, l, k, view, e));
    Status st = fingerprint_fit(got, &fit, f, FINGERPRINT_ALL, NULL, e);
    fingerprint_free(f);
    *worst = 0;
    for (size_t i = 0; st == OK && i < k; i++) *worst = fmax(*worst, fabs(got[i] - w[i]));
    return st;
}

static Status self_fingerprint(Self *s, Err *e)
{
    static const struct {
        const char *merge;
        FingerprintView view;
    } how[] = {{"exact", FINGERPRINT_UPDATE}, {"prime", FINGERPRINT_A}};
    size_t k = s->a->n_anchors;
    const Lora **l = arena_alloc(&s->arena, k, sizeof *l);
    double *w = arena_alloc(&s->arena, 2 * k, sizeof *w);
    if (l == NULL || w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", k);
    Rng rng = rng_stream(s->o->seed, "selftest weights", 0);
    for (size_t i = 0; i < k; i++) {
        l[i] = audit_anchor_lora(s->a, i, 0);
        w[i] = rng_normal(&rng);
    }
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
        Lora *merged = NULL;
        double worst = 0;
        TRY(merge_run(&merged, merge_find(how[i].merge), l, w, k, e));
        Status st = self_recover(&worst, merged, l, w, w + k, k, how[i].view, e);
        lora_free(merged);
        TRY(st);
        self_row(s, (SelftestRow){"fingerprint", how[i].merge, worst, NAN, NAN, SELFTEST_WEIGHT,
                                  self_judge(true, worst <= SELFTEST_WEIGHT)});
    }
    return OK;
}

/* ---- null ---- */

/* One draw: of each person's held-out records half are called members; of an odd number, the odd one is
 * tossed for. */
static RocData self_deal(Self *s, Rng *rng)
{
    const SelfSide *h = &s->heldout;
    RocData d = {.pos = s->pos,
                 .neg = s->neg,
                 .pos_user = s->pos_user,
                 .neg_user = s->neg_user,
                 .n_users = s->a->n_anchors};
    for (size_t from = 0, to; from < h->n; from = to) {
        for (to = from; to < h->n && h->person[to] == h->person[from]; to++) s->order[to] = to;
        rng_shuffle(rng, s->order + from, to - from);
        size_t half = (to - from + rng_below(rng, 2)) / 2;
        for (size_t i = from; i < to; i++) {
            bool in = i - from < half;
            size_t *n = in ? &d.m : &d.n;
            (in ? s->pos : s->neg)[*n] = s->score[s->order[i]];
            (in ? s->pos_user : s->neg_user)[(*n)++] = h->person[from];
        }
    }
    return d;
}

static Status self_null_attack(Self *s, const Attack *at, Err *e)
{
    size_t alarms = 0;
    bool gradable = true;
    double lo, hi;
    TRY(attack_score(s->score, s->heldout.x, s->heldout.n, at->name, e));
    for (size_t r = 0; r < s->o->repeats; r++) {
        Rng rng = rng_stream(s->o->seed, "selftest null", r);
        RocData d = self_deal(s, &rng);
        RocEst est;
        TRY(roc_clustered(&est, &d, 0.95, e));
        alarms += est.lo > 0.5 || est.hi < 0.5;
        gradable = gradable && est.gradable;
    }
    stats_clopper_pearson(&lo, &hi, alarms, s->o->repeats, 0.95);
    double rate = (double)alarms / (double)s->o->repeats;
    self_row(s, (SelftestRow){"null", at->name, rate, lo, hi, SELFTEST_ALARMS,
                              self_judge(gradable, rate <= SELFTEST_ALARMS)});
    return OK;
}

static Status self_null(Self *s, Err *e)
{
    const Attack *at;
    for (size_t i = 0; (at = attack_at(i)) != NULL; i++)
        if (attack_can(at, s->have)) TRY(self_null_attack(s, at, e));
    return OK;
}

/* ---- all of it ---- */

static Status self_checks(Self *s, Err *e)
{
    size_t n = 0;
    TRY(self_room(s, e));
    for (size_t i = 0; i < s->a->n_anchors; i++) TRY(self_person(s, i, e));
    while (attack_at(n) != NULL) n++;
    s->have = ~0U & ~(unsigned)ATTACK_COUNTS;
    for (size_t i = 0; i < s->member.n; i++) s->have &= attack_have(&s->member.x[i]);
    s->out->row = arena_alloc(&s->out->arena, 2 * n + 2, sizeof *s->out->row);
    if (s->out->row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", 2 * n + 2);
    s->out->row[0].value = -INFINITY; /* the strongest before the first */
    TRY(self_power(s, e));
    TRY(self_fingerprint(s, e));
    return self_null(s, e);
}

static Status self_in(Self *s, const char *dir, Err *e)
{
    char *data = file_join(dir, "data"), *run = file_join(dir, "run");
    Status st = data != NULL && run != NULL ? OK : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    if (st == OK) st = self_people(s, data, e);
    if (st == OK) st = self_spec(s, dir, data, e);
    if (st == OK) st = audit_open(&s->a, &s->spec, run, NULL, e);
    if (st == OK) st = audit_train(s->a, false, e);
    if (st == OK) st = self_checks(s, e);
    audit_close(s->a);
    free(data);
    free(run);
    return st;
}

Status selftest_run(Selftest *out, const SelftestOpts *o, Err *e)
{
    Selftest fresh = {0};
    Self s = {.o = o, .out = &fresh};
    char *dir = NULL;
    if (o->people < 2) FAIL(e, ERR_ARG, "people = %zu, want at least 2", o->people);
    if (o->records < 10) FAIL(e, ERR_ARG, "records = %zu, want at least 10", o->records);
    if (o->repeats == 0) FAIL(e, ERR_ARG, "repeats = 0, want at least 1");
    TRY(file_temp_dir(&dir, e));
    Status st = self_in(&s, dir, e);
    file_remove_tree(dir);
    free(dir);
    arena_free(&s.arena);
    if (st != OK)
        selftest_free(&fresh);
    else
        *out = fresh;
    return st;
}

void selftest_free(Selftest *t)
{
    arena_free(&t->arena);
    *t = (Selftest){0};
}

SelftestVerdict selftest_verdict(const Selftest *t)
{
    SelftestVerdict v = SELFTEST_PASS;
    for (size_t i = 0; i < t->n; i++) {
        if (t->row[i].verdict == SELFTEST_BREACHED) return SELFTEST_BREACHED;
        if (t->row[i].verdict == SELFTEST_UNGRADED) v = SELFTEST_UNGRADED;
    }
    return v;
}
