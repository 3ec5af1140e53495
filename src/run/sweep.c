/* sweep.c - the plan and its cells. */
#include "prime/sweep.h"

#include "cell.h"

#include "prime/archive.h"
#include "prime/attack.h"
#include "prime/file.h"
#include "prime/hash.h"
#include "prime/log.h"
#include "prime/mat.h"
#include "prime/par.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY_LEN = 256 };

typedef struct {
    Audit *a;
    Ledger *ledger, *reuse; /* reuse: of another run, or NULL */
    const SweepWatch *watch;
    CellNll *ref; /* [n_anchors] under the base model */
    Arena keep;   /* ref */
    Arena arena;  /* reset after each group of cells */
    double begin; /* clock at the start of the group */
} Sweep;

static double sweep_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void sweep_step(const Sweep *s, const char *label)
{
    if (s->watch != NULL && s->watch->step != NULL) s->watch->step(s->watch->ctx, label);
}

/* ---- the plan ---- */

static size_t plan_cells(const Audit *a)
{
    return a->n_targets + a->n_anchors * a->n_train + a->n_targets * a->n_train +
           a->n_targets * a->spec->seeds.n * spec_goals(a->spec);
}

static void cell_key(char key[KEY_LEN], const Audit *a, const char *method, const char *unit, size_t seed,
                     double lambda)
{
    int n = snprintf(key, KEY_LEN, "%s/%s/%s/seed=%zu", a->task->name, method, unit, seed);
    if (!isnan(lambda) && n > 0 && n < KEY_LEN)
        snprintf(key + n, (size_t)(KEY_LEN - n), "/lambda=%.17g", lambda);
}

/* ---- writing one cell ---- */

/* What a cell's body needs; the body writes rows into the open cell. */
typedef struct {
    Sweep *s;
    const AuditTarget *t;
    size_t anchor; /* method anchor */
    const CellUtility *u;
    const CellNll *nll; /* [per_target], or of the one anchor */
    size_t cand;        /* within u and nll */
    const double *w;    /* [audit_genome] merge weights, or NULL */
    size_t index;       /* of the seed */
    const Lora *const *lora;
    const SearchFound *found; /* evolved only */
} CellBody;

typedef Status (*CellFn)(const CellBody *b, Err *e);

static Status sweep_cell(const CellBody *b, CellFn fn, const char *method, const char *unit, size_t seed,
                         double lambda, Err *e)
{
    char key[KEY_LEN];
    Sweep *s = b->s;
    cell_key(key, s->a, method, unit, seed, lambda);
    LedgerCell cell = {.key = key,
                       .method = method,
                       .task = s->a->task->name,
                       .target = unit,
                       .lambda = lambda,
                       .seed = seed};
    Status st = ledger_cell_begin(s->ledger, &cell, e);
    if (st == OK) st = fn(b, e);
    if (st == OK) st = ledger_cell_commit(s->ledger, "ok", sweep_clock() - s->begin, e);
    if (st != OK)
        ledger_cell_abort(s->ledger);
    else
        sweep_step(s, key);
    return st;
}

static Status is_done(bool *done, Sweep *s, const char *method, const char *unit, size_t seed, double lambda,
                      Err *e)
{
    char key[KEY_LEN];
    cell_key(key, s->a, method, unit, seed, lambda);
    TRY(ledger_has_cell(s->ledger, key, done, e));
    if (*done) sweep_step(s, key);
    return OK;
}

/* ---- bodies ---- */

static Status body_search(const CellBody *b, Err *e)
{
    const SearchFound *f = b->found;
    const char *id = b->t->user->id;
    const struct {
        const char *name;
        double value;
    } row[] = {{"utility", f->u},
               {"agreement", f->v},
               {"objective", f->objective},
               {"objective_again", f->again},
               {"base_utility", f->base_u},
               {"base_agreement", f->base_v},
               {"base_objective", f->base_objective},
               {"evaluations", (double)f->evaluations},
               {"reverted", f->reverted ? 1 : 0}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        TRY(cell_write_one(b->s->ledger, "search", row[i].name, id, row[i].value, e));
    return OK;
}

static Status body_norm(const CellBody *b, Err *e)
{
    const Audit *a = b->s->a;
    Lora *sum = NULL;
    double ratio, merged, own;
    TRY(audit_merge(&sum, a, b->lora, b->w, a->spec->seeds.x[b->index], e));
    Status s = merge_attenuation(&ratio, &merged, &own, sum, b->lora, a->spec->anchors.per_target, e);
    lora_free(sum);
    TRY(s);
    TRY(cell_write_one(b->s->ledger, "norm", "attenuation", b->t->user->id, ratio, e));
    TRY(cell_write_one(b->s->ledger, "norm", "merged", b->t->user->id, merged, e));
    return cell_write_one(b->s->ledger, "norm", "anchor", b->t->user->id, own, e);
}

/* One weight; where an anchor has several, each under the name of what it is for. */
static Status write_weight(const CellBody *b, size_t anchor, size_t group, double value, Err *e)
{
    const Audit *a = b->s->a;
    LoraShape shape = model_lora_shape(&a->base->cfg);
    char name[MERGE_GROUP_NAME];
    LedgerScore row = {.kind = "weight",
                       .metric = "w",
                       .unit = a->anchor[anchor].user->id,
                       .record = "",
                       .label = LEDGER_NO_LABEL,
                       .value = value};
    if (a->n_groups > 1)
        row.record = merge_group_name(name, (MergeBy)a->spec->evolve.granularity, &shape, a->full[group]);
    return ledger_score(b->s->ledger, &row, e);
}

static Status body_merge(const CellBody *b, Err *e)
{
    const Audit *a = b->s->a;
    TRY(cell_write_utility(b->s->ledger, a, b->t, b->u, b->cand, e));
    for (size_t k = 0; k < a->spec->anchors.per_target; k++) {
        size_t anchor = b->t->anchor[k];
        TRY(cell_write_attack(b->s->ledger, a, anchor, &b->nll[k], b->cand, &b->s->ref[anchor], e));
        for (size_t g = 0; b->w != NULL && g < a->n_groups; g++)
            TRY(write_weight(b, anchor, g, b->w[k * a->n_groups + g], e));
    }
    if (b->w != NULL) TRY(body_norm(b, e));
    return b->found != NULL ? body_search(b, e) : OK;
}

/* An anchor's adapter alone: its own records, and the targets that would merge it. */
static Status body_anchor(const CellBody *b, Err *e)
{
    const Audit *a = b->s->a;
    const char *id = a->anchor[b->anchor].user->id;
    TRY(cell_write_attack(b->s->ledger, a, b->anchor, b->nll, 0, &b->s->ref[b->anchor], e));
    TRY(cell_write_one(b->s->ledger, "norm", "anchor", id, lora_norm(b->lora[0]), e));
    TRY(cell_write_one(b->s->ledger, "norm", "attenuation", id, 1, e));
    for (size_t i = 0, used = 0; i < a->n_targets; i++)
        for (size_t k = 0; k < a->spec->anchors.per_target; k++)
            if (a->target[i].anchor[k] == b->anchor)
                TRY(cell_write_utility(b->s->ledger, a, &a->target[i], &b->u[used++], 0, e));
    return OK;
}

/* ---- groups of cells ---- */

static Status sweep_refs(Sweep *s, Err *e)
{
    s->ref = arena_alloc(&s->keep, s->a->n_anchors, sizeof *s->ref);
    if (s->ref == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", s->a->n_anchors);
    for (size_t i = 0; i < s->a->n_anchors; i++) TRY(cell_nll(&s->ref[i], s->a, NULL, 1, i, &s->keep, e));
    return OK;
}

static Status sweep_base(Sweep *s, const AuditTarget *t, Err *e)
{
    const Audit *a = s->a;
    size_t seed = a->spec->seeds.x[0], K = a->spec->anchors.per_target;
    bool done = false;
    CellUtility u;
    CellNll nll[256];
    TRY(is_done(&done, s, "base", t->user->id, seed, NAN, e));
    if (done) return OK;
    TRY(cell_utility(&u, a, NULL, 1, t, &s->arena, e));
    for (size_t k = 0; k < K; k++) nll[k] = s->ref[t->anchor[k]];
    CellBody b = {.s = s, .t = t, .u = &u, .nll = nll};
    return sweep_cell(&b, body_merge, "base", t->user->id, seed, NAN, e);
}

static Status sweep_anchor(Sweep *s, size_t anchor, size_t index, Err *e)
{
    const Audit *a = s->a;
    const char *id = a->anchor[anchor].user->id;
    const Lora *own = a->anchor[anchor].lora[index];
    size_t seed = a->spec->seeds.x[index], used = 0;
    bool done = false;
    LoraBank *bank = NULL;
    CellNll nll;
    TRY(is_done(&done, s, "anchor", id, seed, NAN, e));
    if (done) return OK;
    CellUtility *u = arena_alloc(&s->arena, a->n_targets, sizeof *u);
    if (u == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu targets", a->n_targets);
    float one = 1;
    TRY(lora_bank_view(&bank, own, e));
    PassLora lora = {.bank = bank, .op = LORA_EXACT, .w = &one};
    Status st = cell_nll(&nll, a, &lora, 1, anchor, &s->arena, e);
    for (size_t i = 0; i < a->n_targets; i++)
        for (size_t k = 0; st == OK && k < a->spec->anchors.per_target; k++)
            if (a->target[i].anchor[k] == anchor)
                st = cell_utility(&u[used++], a, &lora, 1, &a->target[i], &s->arena, e);
    lora_bank_free(bank);
    if (st != OK) return st;
    CellBody b = {.s = s, .anchor = anchor, .u = u, .nll = &nll, .lora = &own};
    return sweep_cell(&b, body_anchor, "anchor", id, seed, NAN, e);
}

/* Measure n_cand genomes w of a target in one population. */
typedef struct {
    CellUtility u;
    CellNll nll[256];
    const Lora *lora[256];
} Merged;

static Status measure_merges(Merged *out, Sweep *s, const AuditTarget *t, size_t index, const double *w,
                             size_t n_cand, Err *e)
{
    const Audit *a = s->a;
    AuditCrowd c = {0};
    LoraBank *bank = NULL;
    TRY(audit_bank(&bank, out->lora, a, t, index, e));
    Status st = audit_crowd(&c, a, bank, out->lora, w, n_cand, a->spec->seeds.x[index], e);
    if (st == OK) st = cell_utility(&out->u, a, &c.lora, n_cand, t, &s->arena, e);
    for (size_t k = 0; st == OK && k < a->spec->anchors.per_target; k++)
        st = cell_nll(&out->nll[k], a, &c.lora, n_cand, t->anchor[k], &s->arena, e);
    audit_crowd_free(&c);
    lora_bank_free(bank);
    return st;
}

static Status sweep_uniform(Sweep *s, const AuditTarget *t, size_t index, Err *e)
{
    size_t K = s->a->spec->anchors.per_target, D = audit_genome(s->a), seed = s->a->spec->seeds.x[index];
    bool done = false;
    Merged m;
    TRY(is_done(&done, s, "uniform", t->user->id, seed, NAN, e));
    if (done) return OK;
    double *w = arena_alloc(&s->arena, D, sizeof *w);
    if (w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", D);
    for (size_t i = 0; i < D; i++) w[i] = 1.0 / (double)K;
    TRY(measure_merges(&m, s, t, index, w, 1, e));
    CellBody b = {.s = s, .t = t, .u = &m.u, .nll = m.nll, .w = w, .index = index, .lora = m.lora};
    return sweep_cell(&b, body_merge, "uniform", t->user->id, seed, NAN, e);
}

/* Distinct weight vectors among what was found: row[i] is the candidate of lambda i. Returns how many. */
static size_t distinct_weights(double *w, size_t *row, const SearchFound *found, size_t n, size_t K)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < count && memcmp(w + j * K, found[i].weight, K * sizeof *w) != 0) j++;
        if (j == count) memcpy(w + count++ * K, found[i].weight, K * sizeof *w);
        row[i] = j;
    }
    return count;
}

static Status write_evolved(Sweep *s, const AuditTarget *t, size_t index, const SearchFound *found, Err *e)
{
    const Spec *sp = s->a->spec;
    size_t D = audit_genome(s->a), n = spec_goals(sp);
    Merged m;
    double *w = arena_alloc(&s->arena, n * D, sizeof *w);
    size_t *row = arena_alloc(&s->arena, n, sizeof *row);
    if (w == NULL || row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu goals", n);
    size_t n_cand = distinct_weights(w, row, found, n, D);
    TRY(measure_merges(&m, s, t, index, w, n_cand, e));
    for (size_t i = 0; i < n; i++) {
        bool done = false;
        SpecGoal g = spec_goal(sp, i);
        TRY(is_done(&done, s, g.method, t->user->id, sp->seeds.x[index], g.value, e));
        if (done) continue;
        CellBody b = {.s = s,
                      .t = t,
                      .u = &m.u,
                      .nll = m.nll,
                      .cand = row[i],
                      .w = found[i].weight,
                      .index = index,
                      .lora = m.lora,
                      .found = &found[i]};
        TRY(sweep_cell(&b, body_merge, g.method, t->user->id, sp->seeds.x[index], g.value, e));
    }
    return OK;
}

static Status all_evolved_done(bool *all, Sweep *s, const AuditTarget *t, size_t index, Err *e)
{
    const Spec *sp = s->a->spec;
    char key[KEY_LEN];
    *all = true;
    for (size_t i = 0; i < spec_goals(sp) && *all; i++) {
        SpecGoal g = spec_goal(sp, i);
        cell_key(key, s->a, g.method, t->user->id, sp->seeds.x[index], g.value);
        TRY(ledger_has_cell(s->ledger, key, all, e));
    }
    for (size_t i = 0; i < spec_goals(sp) && *all; i++) {
        SpecGoal g = spec_goal(sp, i);
        cell_key(key, s->a, g.method, t->user->id, sp->seeds.x[index], g.value);
        sweep_step(s, key);
    }
    return OK;
}

static Status sweep_evolved(Sweep *s, const AuditTarget *t, size_t index, Err *e)
{
    bool all = false;
    TRY(all_evolved_done(&all, s, t, index, e));
    if (all) return OK;
    size_t n = spec_goals(s->a->spec);
    SearchFound *found = arena_zalloc(&s->arena, n, sizeof *found);
    if (found == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu goals", n);
    TRY(search_run(found, s->a, t, index, s->ledger, s->reuse, &s->arena, e));
    return write_evolved(s, t, index, found, e);
}

/* ---- the whole run ---- */

static void group_end(Sweep *s)
{
    arena_reset(&s->arena);
    s->begin = sweep_clock();
}

static Status sweep_cells(Sweep *s, Err *e)
{
    const Audit *a = s->a;
    s->begin = sweep_clock();
    if (s->watch != NULL && s->watch->begin != NULL) s->watch->begin(s->watch->ctx, plan_cells(a));
    TRY(sweep_refs(s, e));
    for (size_t t = 0; t < a->n_targets; t++, group_end(s)) TRY(sweep_base(s, &a->target[t], e));
    for (size_t i = 0; i < a->n_anchors * a->n_train; i++, group_end(s))
        TRY(sweep_anchor(s, i % a->n_anchors, i / a->n_anchors, e));
    for (size_t i = 0; i < a->n_targets * a->n_train; i++, group_end(s))
        TRY(sweep_uniform(s, &a->target[i % a->n_targets], i / a->n_targets, e));
    for (size_t j = 0; j < a->spec->seeds.n; j++)
        for (size_t t = 0; t < a->n_targets; t++, group_end(s)) TRY(sweep_evolved(s, &a->target[t], j, e));
    return OK;
}

static Status meta_file(Ledger *l, const char *key, const char *dir, const char *name, Err *e)
{
    char hex[HASH_HEX];
    char *path = file_join(dir, name);
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    Status s = hash_file(hex, path, e);
    free(path);
    return s == OK ? ledger_meta_set(l, key, hex, e) : s;
}

/* What a resumed run must agree with; then, under numbers of their own, the machines that took part. */
static Status sweep_meta(Ledger *l, const Spec *sp, const char *text, Err *e)
{
    char metric[64], hex[HASH_HEX];
    const char *all = spec_task(sp)->metrics; /* the first one is the one to optimise */
    snprintf(metric, sizeof metric, "%.*s", (int)strcspn(all, " "), all);
    char file[128], key[64];
    snprintf(file, sizeof file, "%.100s.jsonl", sp->task);
    TRY(ledger_meta_set(l, "version", PRIME_VERSION, e));
    TRY(ledger_meta_set(l, "spec", text, e));
    TRY(ledger_meta_set(l, "utility_metric", metric, e));
    TRY(meta_file(l, "data_sha256", sp->data, file, e));
    TRY(model_hash(hex, sp->base, e));
    TRY(ledger_meta_set(l, "base_sha256", hex, e));
    for (size_t i = 1;; i++) {
        Str old = {0};
        bool found = false;
        snprintf(key, sizeof key, "session%zu", i);
        TRY(ledger_meta_get(l, key, &old, &found, e));
        str_free(&old);
        if (!found) break;
    }
    char session[128];
    snprintf(session, sizeof session, "kernel %s, %zu threads", mat_kernel(), par_threads());
    return ledger_meta_set(l, key, session, e);
}

static Status open_ledger(Ledger **l, const Spec *spec, const char *dir, bool resume, Err *e)
{
    Str text = {0};
    char hex[HASH_HEX];
    spec_dump(&text, spec);
    char *path = file_join(dir, "ledger.db");
    Status s = path == NULL || text.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory") : OK;
    if (s == OK) hash_bytes(hex, text.s, text.n);
    if (s == OK) s = ledger_open(l, path, resume ? LEDGER_APPEND : LEDGER_CREATE, hex, e);
    if (s == OK) s = sweep_meta(*l, spec, text.s, e);
    str_free(&text);
    free(path);
    return s;
}

static Status refuse_old_ledger(const char *dir, Err *e)
{
    char *path = file_join(dir, "ledger.db");
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    bool there = file_exists(path);
    free(path);
    if (there)
        FAIL(e, ERR_IO,
             "%s: holds the ledger of an earlier run; carry it on with --resume, or choose another folder "
             "with --out",
             dir);
    return OK;
}

static Status open_reuse(Ledger **l, const char *dir, Err *e)
{
    char *path = file_join(dir, "ledger.db");
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    Status s = ledger_open(l, path, LEDGER_READ, NULL, e);
    free(path);
    return s;
}

/* A new ledger is made last, so that a run that cannot start leaves none; an old one is checked first. */
static Status sweep_open(Sweep *s, const Spec *spec, const char *dir, const SweepHow *how, Err *e)
{
    TRY(file_mkdir(dir, e));
    if (how->resume)
        TRY(open_ledger(&s->ledger, spec, dir, true, e));
    else
        TRY(refuse_old_ledger(dir, e));
    if (how->reuse != NULL) TRY(open_reuse(&s->reuse, how->reuse, e));
    TRY(audit_open(&s->a, spec, dir, how->resume, e));
    s->a->watch = how->watch;
    return how->resume ? OK : open_ledger(&s->ledger, spec, dir, false, e);
}

Status sweep_run(const Spec *spec, const char *dir, const SweepHow *how, Err *e)
{
    static const SweepHow plain = {0};
    if (how == NULL) how = &plain;
    Sweep s = {.watch = how->watch};
    Status st = sweep_open(&s, spec, dir, how, e);
    if (st == OK) st = sweep_cells(&s, e);
    ledger_close(s.ledger);
    ledger_close(s.reuse);
    audit_close(s.a);
    arena_free(&s.keep);
    arena_free(&s.arena);
    return st;
}

/* ---- plan ---- */

static void plan_rows(Str *out, const Audit *a)
{
    size_t members = 0, heldout = 0, query = 0, K = a->spec->anchors.per_target;
    for (size_t i = 0; i < a->n_anchors; i++) {
        members += audit_members(a, i).n;
        heldout += audit_heldout(a, i).n;
    }
    for (size_t i = 0; i < a->n_targets; i++) query += a->target[i].query.n;
    str_printf(out,
               "what,value\ntargets,%zu\nanchors,%zu\npeople who qualify as anchors,%zu\nanchors merged for "
               "a target,%zu\n",
               a->n_targets, a->n_anchors, a->n_eligible, K);
    str_printf(out, "adapters to train,%zu\ncells,%zu\n", a->n_anchors * a->n_train, plan_cells(a));
    str_printf(out, "evaluations of a search,%zu\nevaluations in all,%zu\n", spec_evaluations(a->spec),
               spec_evaluations(a->spec) * a->spec->seeds.n * a->n_targets);
    str_printf(out, "member records,%zu\nheld-out records,%zu\nquery records,%zu\n", members, heldout, query);
}

Status sweep_plan(Str *out, const Spec *spec, Err *e)
{
    Audit *a = calloc(1, sizeof *a);
    if (a == NULL) FAIL(e, ERR_NOMEM, "no memory for an audit");
    a->spec = spec;
    a->dir = "";
    Status s = audit_load(a, e);
    if (s == OK) s = audit_select(a, e);
    a->n_train = spec->adapter.retrain ? spec->seeds.n : 1;
    if (s == OK) plan_rows(out, a);
    for (size_t i = 0; i < a->n_anchors; i++) a->anchor[i].lora = NULL;
    audit_close(a);
    return s;
}
