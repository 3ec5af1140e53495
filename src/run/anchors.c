/* anchors.c - adapt the base to the task on base users, then train one adapter for each anchor. Source:
 * PriME's released code, task_LoRA.py and train_anchor_PEFT.py. Differs: base users' prompts have the audit's
 * contexts in turn, there always a description and one item; anchors' items come plain, there once more with
 * an earlier item as context. */
#include "audit_priv.h"

#include "prime/file.h"
#include "prime/log.h"
#include "prime/par.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Status audit_path(char out[AUDIT_PATH], const Audit *a, const char *name, Err *e)
{
    const char *dir = a->adapters != NULL ? a->adapters : a->dir;
    int n = snprintf(out, AUDIT_PATH, "%s/adapters/%s/%s", dir, a->task->name, name);
    if (n < 0 || n >= AUDIT_PATH) FAIL(e, ERR_ARG, "%s: the path is longer than %d bytes", dir, AUDIT_PATH);
    return OK;
}

Status audit_anchor_path(char out[AUDIT_PATH], const Audit *a, const AuditAnchor *s, size_t index, Err *e)
{
    char name[64];
    snprintf(name, sizeof name, "%.20s.seed%zu", s->user->id, a->spec->seeds.x[index]);
    return audit_path(out, a, name, e);
}

bool audit_adapter_there(const char *dir)
{
    char path[AUDIT_PATH + 32];
    snprintf(path, sizeof path, "%s/adapter_config.json", dir); /* written last */
    return file_exists(path);
}

Status audit_lora(Lora **l, const Audit *a, Err *e)
{
    LoraShape shape = model_lora_shape(&a->base->cfg);
    unsigned kinds = 0;
    TRY(spec_kinds(&kinds, a->spec, &shape, e));
    return lora_new(l, &shape, kinds, a->spec->adapter.rank, a->spec->adapter.alpha, e);
}

/* What a training that is told to stop has made is not kept. */
bool audit_goes_on(void *audit, const TrainNews *news)
{
    (void)news;
    return audit_stopped(audit, NULL) == OK;
}

/* The watch is called with the audit, which it only reads. */
static Status train_watched(Lora *l, const Audit *a, const TrainDoc *doc, size_t n, const TrainOpts *o,
                            Err *e)
{
    TRY(audit_stopped(a, e));
    TRY(train_lora(l, a->base, doc, n, o, audit_goes_on, (void *)(uintptr_t)a, e));
    return audit_stopped(a, e);
}

/* ---- task adaptation ---- */

/* A record of a base user. */
typedef struct {
    const DataUser *user;
    const DataRecord *rec;
} AdaptRec;

/* Base users' histories; where those are a task of their own (LaMP_1, LaMP_7), their queries. */
static size_t adapt_all(AdaptRec *out, const Audit *a)
{
    DataSplit from = a->task->history != NULL ? DATA_QUERY : DATA_HISTORY;
    size_t n = 0;
    for (size_t i = 0; i < a->data->n_users; i++) {
        const DataUser *u = &a->data->user[i];
        for (size_t j = 0; u->role == DATA_BASE && j < u->n[from]; j++, n++)
            if (out != NULL) out[n] = (AdaptRec){u, &u->rec[from][j]};
    }
    return n;
}

/* Prompts with all the audit's contexts in turn: what a model is to read later it has seen in adaptation. */
static Status adapt_doc(TrainDoc *doc, Audit *a, const AdaptRec *r, size_t i, Err *e)
{
    Sample s;
    const TaskContext *ctx = NULL;
    SpecContext c = spec_context(a->spec, i % spec_contexts(a->spec));
    if (c.items > 0 || c.profile) TRY(audit_context_before(&ctx, a, r->user, r->rec, &c, e));
    TRY(sample_make(&s, &a->arena, a->tok, &a->base->cfg, r->rec->task, ctx, r->rec->input, r->rec->output, 0,
                    e));
    *doc = (TrainDoc){s.ids, s.n, s.skip};
    return OK;
}

Status audit_check_adapt(const Audit *a, Err *e)
{
    if (a->spec->adapt.records > 0 && adapt_all(NULL, a) == 0)
        FAIL(e, ERR_ARG, "adapt.records = %zu, but %s has no base users for this task",
             a->spec->adapt.records, a->spec->data);
    return OK;
}

/* A keyed draw of base users' records. */
static Status adapt_docs(TrainDoc **out, size_t *n_out, Audit *a, Err *e)
{
    size_t total = adapt_all(NULL, a), want = a->spec->adapt.records, n = want < total ? want : total;
    AdaptRec *all = arena_alloc(&a->arena, total, sizeof *all);
    size_t *order = arena_alloc(&a->arena, total, sizeof *order);
    TrainDoc *doc = arena_alloc(&a->arena, n, sizeof *doc);
    if (all == NULL || order == NULL || doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", total);
    adapt_all(all, a);
    for (size_t i = 0; i < total; i++) order[i] = i;
    Rng rng = rng_stream(0, "adapt", 0);
    rng_shuffle(&rng, order, total);
    for (size_t i = 0; i < n; i++) TRY(adapt_doc(&doc[i], a, &all[order[i]], i, e));
    *out = doc;
    *n_out = n;
    return OK;
}

static Status adapt_train(Lora **l, Audit *a, const char *path, Err *e)
{
    TrainDoc *doc = NULL;
    size_t n = 0;
    Lora *fresh = NULL;
    LoraShape shape = model_lora_shape(&a->base->cfg);
    TrainOpts o = train_default();
    o.opt.lr = a->spec->adapt.lr;
    o.epochs = a->spec->adapt.epochs;
    TRY(share_may_train(a, path, e));
    TRY(adapt_docs(&doc, &n, a, e));
    log_say(LOG_INFO, "adapting the base to %s on %zu records of base users", a->task->name, n);
    TRY(lora_new(&fresh, &shape, (1U << LORA_KINDS) - 1, a->spec->adapt.rank, (double)a->spec->adapt.rank,
                 e));
    Rng rng = rng_stream(o.seed, "adapt init", 0);
    lora_init(fresh, &rng);
    Status s = train_watched(fresh, a, doc, n, &o, e);
    if (s == OK) s = lora_save(fresh, path, a->spec->base, e);
    if (s != OK)
        lora_free(fresh);
    else
        *l = fresh;
    return s;
}

typedef struct {
    Audit *a;
    bool resume;
} AdaptJob;

static Status adapt_job(void *ctx, Err *e)
{
    const AdaptJob *j = ctx;
    Audit *a = j->a;
    char path[AUDIT_PATH];
    Lora *l = NULL;
    LoraShape shape = model_lora_shape(&a->base->cfg);
    TRY(audit_path(path, a, "task", e));
    if (j->resume && audit_adapter_there(path))
        TRY(lora_load(&l, path, &shape, e));
    else
        TRY(adapt_train(&l, a, path, e));
    Status s = model_fold(a->base, l, 1, e);
    lora_free(l);
    return s;
}

static Status adapt_base(Audit *a, bool resume, Err *e)
{
    AdaptJob j = {a, resume};
    return a->spec->adapt.records > 0 ? share_one(a, &j.resume, adapt_job, &j, e) : OK;
}

/* ---- anchors ---- */

/* Adapters whose steps are short are trained in the same passes (train_lora_many): products with a hundred
 * rows run at some 85 % of the rate of those with five hundred. Neighbours form a group as long as a step of
 * them all is sure to have at most GROUP_ROWS tokens, and at most a GROUPS-th of those of all adapters, for
 * threads to share. Which these are depends on the documents alone, not on threads or on what is there. */
enum { GROUP_ROWS = 512, GROUPS = 8 };

typedef struct {
    Audit *a;
    bool resume;
    size_t *start; /* first adapter of each group, and the end; adapter i: anchor i mod n, seed i / n */
    size_t n_groups;
} AnchorJobs;

static AuditAnchor *anchor_of(const Audit *a, size_t i)
{
    return &a->anchor[i % a->n_anchors];
}

static size_t anchor_index(const Audit *a, size_t i)
{
    return i / a->n_anchors;
}

static Status anchor_docs(TrainDoc **out, const AuditAnchor *s, Err *e)
{
    TrainDoc *doc = malloc((s->member.n + 1) * sizeof *doc);
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", s->member.n);
    for (size_t i = 0; i < s->member.n; i++)
        doc[i] = (TrainDoc){s->member.r[i].full.ids, s->member.r[i].full.n, s->member.r[i].full.skip};
    *out = doc;
    return OK;
}

/* rows [n_anchors]: tokens of a step. */
static Status anchor_rows(size_t *rows, const Audit *a, Err *e)
{
    TrainOpts o = spec_train(a->spec, a->spec->seeds.x[0]);
    for (size_t i = 0; i < a->n_anchors; i++) {
        TrainDoc *doc = NULL;
        TRY(anchor_docs(&doc, &a->anchor[i], e));
        rows[i] = train_most_rows(doc, a->anchor[i].member.n, &o);
        free(doc);
    }
    return OK;
}

static Status anchor_groups(AnchorJobs *j, Err *e)
{
    Audit *a = j->a;
    size_t n = a->n_anchors * a->n_train, all = 0, together = 0;
    size_t *rows = arena_zalloc(&a->arena, a->n_anchors + 1, sizeof *rows);
    j->start = arena_zalloc(&a->arena, n + 1, sizeof *j->start);
    if (rows == NULL || j->start == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", n);
    TRY(anchor_rows(rows, a, e));
    for (size_t i = 0; i < n; i++) all += rows[i % a->n_anchors];
    size_t most = all / GROUPS < GROUP_ROWS ? all / GROUPS : GROUP_ROWS;
    for (size_t i = 0; i < n; i++) {
        size_t own = rows[i % a->n_anchors];
        if (i > 0 && together + own > most) j->start[++j->n_groups] = i, together = 0;
        together += own;
    }
    if (n > 0) j->start[++j->n_groups] = n;
    return OK;
}

static void anchor_jobs_free(TrainJob *t, size_t n, bool adapters)
{
    for (size_t i = 0; i < n; i++) {
        free((void *)(uintptr_t)t[i].doc);
        if (adapters) lora_free(t[i].l);
    }
    free(t);
}

static Status anchor_begin(TrainJob *t, Audit *a, size_t i, Err *e)
{
    const AuditAnchor *s = anchor_of(a, i);
    size_t seed = a->spec->seeds.x[anchor_index(a, i)];
    TrainDoc *doc = NULL;
    TRY(audit_lora(&t->l, a, e));
    TRY(anchor_docs(&doc, s, e));
    Rng rng = rng_stream(seed, s->user->id, 0);
    lora_init(t->l, &rng);
    *t = (TrainJob){t->l, doc, s->member.n, spec_train(a->spec, seed), audit_goes_on, a};
    return OK;
}

/* Adapters first .. first + n - 1, fresh. */
static Status anchor_train(TrainJob *t, Audit *a, size_t first, size_t n, Err *e)
{
    for (size_t i = 0; i < n; i++) TRY(anchor_begin(&t[i], a, first + i, e));
    TRY(audit_stopped(a, e));
    TRY(train_lora_many(t, n, a->base, e));
    TRY(audit_stopped(a, e));
    for (size_t i = 0; i < n; i++) {
        char path[AUDIT_PATH];
        TRY(audit_anchor_path(path, a, anchor_of(a, first + i), anchor_index(a, first + i), e));
        TRY(lora_save(t[i].l, path, a->spec->base, e));
    }
    return OK;
}

static Status anchor_make(Audit *a, size_t first, size_t n, Err *e)
{
    char path[AUDIT_PATH];
    TRY(audit_anchor_path(path, a, anchor_of(a, first), anchor_index(a, first), e));
    TRY(share_may_train(a, path, e));
    TrainJob *t = calloc(n, sizeof *t);
    if (t == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", n);
    Status st = anchor_train(t, a, first, n, e);
    for (size_t i = 0; i < n && st == OK; i++)
        anchor_of(a, first + i)->lora[anchor_index(a, first + i)] = t[i].l;
    anchor_jobs_free(t, n, st != OK);
    return st;
}

/* Loads a group that is there as a whole: a part of one would be trained in other company than at first. */
static Status anchor_load(bool *there, Audit *a, size_t first, size_t n, Err *e)
{
    char path[AUDIT_PATH];
    LoraShape shape = model_lora_shape(&a->base->cfg);
    *there = true;
    for (size_t i = first; i < first + n; i++) {
        TRY(audit_anchor_path(path, a, anchor_of(a, i), anchor_index(a, i), e));
        *there = *there && audit_adapter_there(path);
    }
    for (size_t i = first; *there && i < first + n; i++) {
        TRY(audit_anchor_path(path, a, anchor_of(a, i), anchor_index(a, i), e));
        TRY(lora_load(&anchor_of(a, i)->lora[anchor_index(a, i)], path, &shape, e));
    }
    return OK;
}

static Status anchor_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    AnchorJobs *j = ctx;
    size_t first = j->start[job], n = j->start[job + 1] - first;
    bool there = anchor_of(j->a, first)->lora[anchor_index(j->a, first)] != NULL;
    if (!there && j->resume) TRY(anchor_load(&there, j->a, first, n, e));
    return there ? OK : anchor_make(j->a, first, n, e);
}

/* Only files are read: the base's own and that of the adaptation, whether it was trained just now or before.
 */
static Status name_weights(Audit *a, Err *e)
{
    char path[AUDIT_PATH], file[AUDIT_PATH + 32], task[HASH_HEX], both[2 * HASH_HEX];
    TRY(model_hash(a->weights, a->spec->base, e));
    if (a->spec->adapt.records == 0) return OK;
    TRY(audit_path(path, a, "task", e));
    snprintf(file, sizeof file, "%s/adapter_model.safetensors", path);
    TRY(hash_file(task, file, e));
    int n = snprintf(both, sizeof both, "%s %s", a->weights, task);
    hash_bytes(a->weights, both, (size_t)n);
    return OK;
}

Status audit_train(Audit *a, bool resume, Err *e)
{
    AnchorJobs j = {.a = a, .resume = resume};
    LoraShape shape = model_lora_shape(&a->base->cfg);
    unsigned kinds = 0;
    TRY(spec_kinds(&kinds, a->spec, &shape, e)); /* before the base is adapted, which takes its time */
    TRY(adapt_base(a, resume, e));
    if (a->spec->attack.signals) TRY(name_weights(a, e));
    TRY(audit_pack(a, e));
    TRY(audit_token_counts(a, e));
    TRY(audit_texts(a, e));
    for (size_t i = 0; i < a->n_anchors; i++) {
        a->anchor[i].lora = arena_zalloc(&a->arena, a->n_train, sizeof(Lora *));
        if (a->anchor[i].lora == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", a->n_train);
    }
    log_say(LOG_INFO, "training %zu adapters", a->n_anchors * a->n_train);
    TRY(anchor_groups(&j, e));
    TRY(share_jobs(a, &j.resume, j.n_groups, anchor_job, &j, e));
    return audit_extras(a, resume, e);
}
