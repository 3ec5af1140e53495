/* context.c - what a prompt begins with: items of the target's own history, found by BM25 for each query, and
 * a description of the person (RAG and PAG of the LaMP benchmark: Salemi et al. 2024, arXiv:2304.11406; PAG:
 * Richardson et al. 2023, arXiv:2310.20081). */
#include "audit_priv.h"

#include "prime/bm25.h"
#include "prime/generate.h"

#include <stdlib.h>
#include <string.h>

/* A target's history as documents to be searched. */
typedef struct {
    const DataUser *user;
    Bm25 *index;
    const char *profile;
} Library;

static Status library_texts(const char **doc, Audit *a, const DataUser *u, Err *e)
{
    for (size_t i = 0; i < u->n[DATA_HISTORY]; i++) {
        const DataRecord *r = &u->rec[DATA_HISTORY][i];
        Str text = {0};
        task_document(&text, a->task, r->input, r->output);
        doc[i] = text.failed ? NULL : arena_strdup(&a->arena, text.s != NULL ? text.s : "");
        str_free(&text);
        if (doc[i] == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu documents", u->n[DATA_HISTORY]);
    }
    return OK;
}

/* ---- descriptions that the model writes ---- */

enum { PROFILE_ITEMS = 10, PROFILE_TOKENS = 48 };

static Status profile_prompt(Sample *out, Audit *a, const DataUser *u, Err *e)
{
    Str text = {0};
    TokIds ids = {0};
    const TokIds *before = tok_template_before(a->tok);
    for (size_t i = 0; i < u->n[DATA_HISTORY] && i < PROFILE_ITEMS; i++) {
        task_shown(&text, a->task, u->rec[DATA_HISTORY][i].input, u->rec[DATA_HISTORY][i].output);
        str_puts(&text, "\n");
    }
    str_puts(&text, "What the person who wrote this cares about, and how they write:");
    Status s = text.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a prompt") : OK;
    for (size_t i = 0; s == OK && i < before->n; i++) s = tok_ids_push(&ids, before->id[i], e);
    if (s == OK) s = tok_encode(a->tok, &ids, text.s, text.n, false, e);
    size_t room = a->base->cfg.max_len - PROFILE_TOKENS, cut = ids.n > room ? ids.n - room : 0;
    int32_t *copy = s == OK ? arena_alloc(&a->arena, ids.n + 1, sizeof *copy) : NULL;
    if (s == OK && copy == NULL) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a prompt");
    if (s == OK) memcpy(copy, ids.id + cut, (ids.n - cut) * sizeof *copy);
    if (s == OK) *out = (Sample){copy, ids.n - cut, ids.n - cut};
    tok_ids_free(&ids);
    str_free(&text);
    return s;
}

static Status profile_write(const char **out, Audit *a, const DataUser *u, Err *e)
{
    Sample ask;
    GenOut end;
    int32_t ids[PROFILE_TOKENS];
    Str text = {0};
    if (a->base->cfg.max_len <= 2 * PROFILE_TOKENS)
        FAIL(e, ERR_ARG, "context.profiles = model: the base takes %zu tokens, want more than %d",
             a->base->cfg.max_len, 2 * PROFILE_TOKENS);
    TRY(profile_prompt(&ask, a, u, e));
    GenItem item = {.ids = ask.ids, .n = ask.n};
    GenOpts o = gen_greedy(PROFILE_TOKENS);
    o.stop = a->base->cfg.stop;
    o.n_stop = a->base->cfg.n_stop;
    TRY(gen_texts(ids, &end, a->base, NULL, 1, &item, 1, &o, e));
    Status s = tok_decode(a->tok, &text, ids, end.n, true, e);
    if (s == OK) *out = arena_strdup(&a->arena, text.s != NULL ? text.s : "");
    str_free(&text);
    return s;
}

/* ---- one query ---- */

/* The best of the first m documents. */
static Status context_find(TaskContext *ctx, Audit *a, const Library *lib, const char *input, size_t m,
                           Err *e)
{
    size_t *idx = arena_alloc(&a->arena, ctx->max_items, sizeof *idx);
    TaskItem *item = arena_alloc(&a->arena, ctx->max_items, sizeof *item);
    Arena scratch = {0};
    Str text = {0};
    if (idx == NULL || item == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu items", ctx->max_items);
    task_search(&text, a->task, input);
    Status s = text.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a query") : OK;
    if (s == OK)
        s = bm25_top(idx, &ctx->n_items, ctx->max_items, lib->index, text.s != NULL ? text.s : "", m,
                     &scratch, e);
    for (size_t i = 0; s == OK && i < ctx->n_items; i++)
        item[i] = (TaskItem){lib->user->rec[DATA_HISTORY][idx[i]].input,
                             lib->user->rec[DATA_HISTORY][idx[i]].output};
    ctx->item = item;
    arena_free(&scratch);
    str_free(&text);
    return s;
}

static Status context_make(const TaskContext **out, Audit *a, const Library *lib, const SpecContext *c,
                           const char *input, size_t m, Err *e)
{
    const Spec *sp = a->spec;
    TaskContext *ctx = arena_zalloc(&a->arena, 1, sizeof *ctx);
    if (ctx == NULL) FAIL(e, ERR_NOMEM, "no memory for a context");
    *ctx = (TaskContext){.profile = c->profile ? lib->profile : NULL,
                         .max_items = c->items,
                         .max_tokens = sp->context.tokens,
                         .profile_tokens = sp->context.profile_tokens,
                         .count = task_count_tokens,
                         .with = a->tok};
    if (c->items > 0 && m > 0) TRY(context_find(ctx, a, lib, input, m, e));
    *out = ctx;
    return OK;
}

static Status context_record(AuditRec *r, Audit *a, const Library *lib, const SpecContext *c, Err *e)
{
    const ModelConfig *cfg = &a->base->cfg;
    const DataRecord *rec = r->rec;
    TRY(context_make(&r->ctx, a, lib, c, rec->input, bm25_count(lib->index), e));
    TRY(sample_make(&r->full, &a->arena, a->tok, cfg, rec->task, r->ctx, rec->input, rec->output, 0, e));
    return sample_make(&r->ask, &a->arena, a->tok, cfg, rec->task, r->ctx, rec->input, NULL,
                       rec->task->max_new, e);
}

static Status library_open(Library *lib, Audit *a, const DataUser *u, bool profile, Err *e)
{
    size_t n = u->n[DATA_HISTORY];
    const char **doc = arena_alloc(&a->arena, n, sizeof(const char *));
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu documents", n);
    lib->user = u;
    lib->profile = u->profile;
    if (profile && a->spec->context.profiles == 1) TRY(profile_write(&lib->profile, a, u, e));
    TRY(library_texts(doc, a, u, e));
    return bm25_new(&lib->index, doc, n, NULL, e);
}

Status audit_with_context(AuditSet *out, Audit *a, const AuditTarget *t, const AuditSet *plain,
                          const SpecContext *c, Err *e)
{
    Library lib = {0};
    AuditSet set = {.n = plain->n, .r = arena_alloc(&a->arena, plain->n, sizeof *set.r)};
    if (set.r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", plain->n);
    if (c->profile && a->spec->context.profiles == 0 && t->user->profile == NULL)
        FAIL(e, ERR_ARG,
             "context %s: the dataset has no description of target %s; context.profiles = model "
             "has the base write one",
             c->name, t->user->id);
    memcpy(set.r, plain->r, plain->n * sizeof *set.r);
    Status s = library_open(&lib, a, t->user, c->profile, e);
    for (size_t i = 0; s == OK && i < set.n; i++) s = context_record(&set.r[i], a, &lib, c, e);
    bm25_free(lib.index);
    if (s == OK) *out = set;
    return s;
}

Status audit_context_before(const TaskContext **out, Audit *a, const DataUser *u, const DataRecord *rec,
                            const SpecContext *c, Err *e)
{
    Library lib = {0};
    size_t n = u->n[DATA_HISTORY], at = 0;
    while (at < n && &u->rec[DATA_HISTORY][at] != rec) at++;
    Status s = library_open(&lib, a, u, false, e);
    if (s == OK) s = context_make(out, a, &lib, c, rec->input, at, e);
    bm25_free(lib.index);
    return s;
}
