/* extras.c - what some methods want beside the anchors' adapters: adapters of the targets' own, gates. */
#include "audit_priv.h"

#include "prime/log.h"
#include "prime/person.h"
#include "prime/par.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a target's own adapter ---- */

typedef struct {
    Audit *a;
    bool resume;
} ExtraJobs;

static void extra_docs(TrainDoc *doc, const AuditSet *set)
{
    for (size_t i = 0; i < set->n; i++)
        doc[i] = (TrainDoc){set->r[i].full.ids, set->r[i].full.n, set->r[i].full.skip};
}

static Status own_train(Lora *l, const Audit *a, const AuditTarget *t, size_t index, Err *e)
{
    TrainOpts o = spec_train(a->spec, a->spec->seeds.x[index]);
    TrainDoc *doc = malloc((t->own.n + 1) * sizeof *doc);
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", t->own.n);
    extra_docs(doc, &t->own);
    Status st = train_lora(l, a->base, doc, t->own.n, &o, NULL, NULL, e);
    free(doc);
    return st;
}

/* The planted defect: the adapter of the target before, instead of a new one. */
static void own_start(Lora *l, const Audit *a, size_t target, size_t index)
{
    if (a->spec->oppu.accumulate && target > 0) {
        memcpy(l->data, a->target[target - 1].lora[index]->data, l->n_params * sizeof *l->data);
        return;
    }
    Rng rng = rng_stream(a->spec->seeds.x[index], a->target[target].user->id, 0);
    lora_init(l, &rng);
}

static Status own_make(Lora **out, Audit *a, size_t target, size_t index, const char *path, Err *e)
{
    Lora *l = NULL;
    TRY(audit_lora(&l, a, e));
    own_start(l, a, target, index);
    Status st = own_train(l, a, &a->target[target], index, e);
    if (st == OK) st = lora_save(l, path, a->spec->base, e);
    if (st != OK)
        lora_free(l);
    else
        *out = l;
    return st;
}

static Status own_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    ExtraJobs *j = ctx;
    size_t target = job % j->a->n_targets, index = job / j->a->n_targets;
    AuditTarget *t = &j->a->target[target];
    char name[80], path[AUDIT_PATH];
    LoraShape shape = model_lora_shape(&j->a->base->cfg);
    snprintf(name, sizeof name, "own.%.20s.seed%zu", t->user->id, j->a->spec->seeds.x[index]);
    if (t->lora[index] != NULL) return OK;
    TRY(audit_stopped(j->a, e));
    TRY(audit_path(path, j->a, name, e));
    if (j->resume && audit_adapter_there(path)) return lora_load(&t->lora[index], path, &shape, e);
    TRY(share_may_train(j->a, path, e));
    return own_make(&t->lora[index], j->a, target, index, path, e);
}

/* One after the other. */
static Status own_row(void *ctx, Err *e)
{
    const ExtraJobs *j = ctx;
    for (size_t i = 0; i < j->a->n_targets * j->a->n_train; i++) TRY(own_job(ctx, i, 0, e));
    return OK;
}

static Status train_own(ExtraJobs *j, Err *e)
{
    Audit *a = j->a;
    size_t n = a->n_targets * a->n_train;
    for (size_t i = 0; i < a->n_targets; i++) {
        a->target[i].lora = arena_zalloc(&a->arena, a->n_train, sizeof(Lora *));
        if (a->target[i].lora == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", a->n_train);
    }
    log_say(LOG_INFO, "training %zu adapters of targets", n);
    return a->spec->oppu.accumulate ? share_one(a, &j->resume, own_row, j, e)
                                    : share_jobs(a, &j->resume, n, own_job, j, e);
}

/* ---- anchors with differential privacy ---- */

static Status dp_make(Lora **out, const Audit *a, const AuditAnchor *s, size_t index, const char *path,
                      Err *e)
{
    TrainOpts o = spec_train(a->spec, a->spec->seeds.x[index]);
    PersonDp dp = {
        .sigma = NAN, .epsilon = a->spec->dp.epsilon, .delta = a->spec->dp.delta, .clip = a->spec->dp.clip};
    DpTrained done;
    Lora *l = NULL;
    TrainDoc *doc = malloc((s->member.n + 1) * sizeof *doc);
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->member.n);
    extra_docs(doc, &s->member);
    Rng rng = rng_stream(a->spec->seeds.x[index], s->user->id, 0);
    Status st = dp_accountant(&dp.accountant, "rdp", e);
    if (st == OK) st = audit_lora(&l, a, e);
    if (st == OK) lora_init(l, &rng);
    if (st == OK)
        st = train_private(&done, l, a->base, &(DpDocs){doc, s->member.n, NULL, s->member.n}, &o, &dp, NULL,
                           NULL, e);
    if (st == OK) st = lora_save(l, path, a->spec->base, e);
    free(doc);
    if (st != OK)
        lora_free(l);
    else
        *out = l;
    return st;
}

static Status dp_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    ExtraJobs *j = ctx;
    size_t index = job / j->a->n_anchors;
    AuditAnchor *s = &j->a->anchor[job % j->a->n_anchors];
    char name[80], path[AUDIT_PATH];
    LoraShape shape = model_lora_shape(&j->a->base->cfg);
    snprintf(name, sizeof name, "dp.%.20s.seed%zu", s->user->id, j->a->spec->seeds.x[index]);
    if (s->dp[index] != NULL) return OK;
    TRY(audit_stopped(j->a, e));
    TRY(audit_path(path, j->a, name, e));
    if (j->resume && audit_adapter_there(path)) return lora_load(&s->dp[index], path, &shape, e);
    TRY(share_may_train(j->a, path, e));
    return dp_make(&s->dp[index], j->a, s, index, path, e);
}

static Status train_dp(ExtraJobs *j, Err *e)
{
    Audit *a = j->a;
    for (size_t i = 0; i < a->n_anchors; i++) {
        a->anchor[i].dp = arena_zalloc(&a->arena, a->n_train, sizeof(Lora *));
        if (a->anchor[i].dp == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", a->n_train);
    }
    log_say(LOG_INFO, "training %zu adapters with differential privacy", a->n_anchors * a->n_train);
    return share_jobs(a, &j->resume, a->n_anchors * a->n_train, dp_job, j, e);
}

/* ---- the attacker's adapter ---- */

bool audit_wants_attacker(const Audit *a)
{
    return spec_wants(a->spec, "malicious") || spec_wants(a->spec, "bystander");
}

typedef struct {
    Audit *a;
    bool resume;
    TrainDoc *doc; /* [n] */
    size_t n;
} AttackerJobs;

/* Outsiders' records behind those that the prefix of non-members has. */
static Status attacker_docs(AttackerJobs *j, Audit *a, Err *e)
{
    const DataRecord **rec = NULL;
    size_t n = 0, used = a->spec->attack.shots;
    TRY(audit_outsiders(&rec, &n, a, used + a->spec->attack.malicious, e));
    j->n = n > used ? n - used : 0;
    j->doc = arena_alloc(&a->arena, j->n, sizeof *j->doc);
    if (j->doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", j->n);
    for (size_t i = 0; i < j->n; i++) {
        Sample s;
        const DataRecord *r = rec[used + i];
        TRY(sample_make(&s, &a->arena, a->tok, &a->base->cfg, r->task, NULL, r->input, r->output, 0, e));
        j->doc[i] = (TrainDoc){s.ids, s.n, s.skip};
    }
    return OK;
}

static Status attacker_make(Lora **out, const AttackerJobs *j, size_t index, const char *path, Err *e)
{
    Lora *l = NULL;
    TrainOpts o = spec_train(j->a->spec, j->a->spec->seeds.x[index]);
    Rng rng = rng_stream(j->a->spec->seeds.x[index], "attacker", 0);
    TRY(audit_lora(&l, j->a, e));
    lora_init(l, &rng);
    Status st = train_lora(l, j->a->base, j->doc, j->n, &o, NULL, NULL, e);
    if (st == OK) st = lora_save(l, path, j->a->spec->base, e);
    if (st != OK)
        lora_free(l);
    else
        *out = l;
    return st;
}

static Status attacker_job(void *ctx, size_t index, size_t thread, Err *e)
{
    (void)thread;
    AttackerJobs *j = ctx;
    char name[80], path[AUDIT_PATH];
    LoraShape shape = model_lora_shape(&j->a->base->cfg);
    snprintf(name, sizeof name, "attacker.seed%zu", j->a->spec->seeds.x[index]);
    if (j->a->attacker[index] != NULL) return OK;
    TRY(audit_stopped(j->a, e));
    TRY(audit_path(path, j->a, name, e));
    if (j->resume && audit_adapter_there(path)) return lora_load(&j->a->attacker[index], path, &shape, e);
    TRY(share_may_train(j->a, path, e));
    return attacker_make(&j->a->attacker[index], j, index, path, e);
}

static Status train_attacker(Audit *a, bool resume, Err *e)
{
    AttackerJobs j = {.a = a, .resume = resume};
    a->attacker = arena_zalloc(&a->arena, a->n_train, sizeof(Lora *));
    if (a->attacker == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", a->n_train);
    TRY(attacker_docs(&j, a, e));
    log_say(LOG_INFO, "training %zu adapters of the attacker on %zu records of others", a->n_train, j.n);
    return share_jobs(a, &j.resume, a->n_train, attacker_job, &j, e);
}

/* ---- gates ---- */

static Status gate_make(Gate **out, const Audit *a, const AuditAnchor *s, size_t index, const char *path,
                        Err *e)
{
    TrainOpts o = train_gate_prime();
    Gate *g = NULL;
    TrainDoc *doc = malloc((s->member.n + 1) * sizeof *doc);
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->member.n);
    o.steps = a->spec->perpcs.steps;
    o.opt.lr = a->spec->perpcs.lr;
    o.seed = a->spec->seeds.x[index];
    extra_docs(doc, &s->member);
    Status st = gate_new(&g, s->lora[index], e);
    if (st == OK) st = train_gate(g, s->lora[index], a->base, doc, s->member.n, &o, NULL, NULL, e);
    if (st == OK) st = gate_save(g, path, e);
    free(doc);
    if (st != OK)
        gate_free(g);
    else
        *out = g;
    return st;
}

static Status gate_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    ExtraJobs *j = ctx;
    size_t index = job / j->a->n_anchors;
    AuditAnchor *s = &j->a->anchor[job % j->a->n_anchors];
    char path[AUDIT_PATH];
    if (s->gate[index] != NULL) return OK;
    TRY(audit_stopped(j->a, e));
    TRY(audit_anchor_path(path, j->a, s, index, e));
    /* Gates that are missing or damaged are trained anew. */
    if (j->resume && gate_load(&s->gate[index], path, s->lora[index], NULL) == OK) return OK;
    TRY(share_may_train(j->a, path, e));
    return gate_make(&s->gate[index], j->a, s, index, path, e);
}

static Status train_gates(ExtraJobs *j, Err *e)
{
    Audit *a = j->a;
    for (size_t i = 0; i < a->n_anchors; i++) {
        a->anchor[i].gate = arena_zalloc(&a->arena, a->n_train, sizeof(Gate *));
        if (a->anchor[i].gate == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu gates", a->n_train);
    }
    log_say(LOG_INFO, "training the gates of %zu adapters", a->n_anchors * a->n_train);
    return share_jobs(a, &j->resume, a->n_anchors * a->n_train, gate_job, j, e);
}

Status audit_extras(Audit *a, bool resume, Err *e)
{
    ExtraJobs j = {a, resume};
    if (spec_wants(a->spec, "oppu")) TRY(train_own(&j, e));
    if (spec_wants(a->spec, "perpcs")) TRY(train_gates(&j, e));
    if (spec_wants(a->spec, "dp-uniform")) TRY(train_dp(&j, e));
    if (audit_wants_attacker(a)) TRY(train_attacker(a, resume, e));
    return audit_shadows(a, resume, e);
}
