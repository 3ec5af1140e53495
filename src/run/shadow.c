/* shadow.c - adapters that an auditor trains as each anchor's was trained, on records drawn anew; and texts
 * of people who are neither targets nor anchors, under which nothing of an anchor's can be better known. */
#include "audit_priv.h"

#include "prime/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHADOW_STREAM = 2000 };

/* ---- who is in which ---- */

/* Half of the shadows, drawn for each record. */
static void shadow_deal(bool *in, size_t stride, const AuditSet *set, size_t shadows)
{
    size_t slot[SPEC_SHADOWS];
    for (size_t i = 0; i < set->n; i++) {
        Rng rng = rng_stream(0, set->r[i].rec->id, SHADOW_STREAM);
        for (size_t j = 0; j < shadows; j++) slot[j] = j;
        rng_shuffle(&rng, slot, shadows);
        for (size_t j = 0; j < shadows; j++) in[slot[j] * stride + i] = j < shadows / 2;
    }
}

static Status shadow_draw(Audit *a, AuditAnchor *s, const AuditPerson *p, Err *e)
{
    size_t n = p->member.n + p->heldout.n, shadows = a->spec->attack.shadows;
    s->shadow = arena_zalloc(&a->arena, shadows, sizeof(Lora *));
    s->shadow_in = arena_zalloc(&a->arena, shadows * n, sizeof *s->shadow_in);
    if (s->shadow == NULL || s->shadow_in == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu shadows", shadows);
    shadow_deal(s->shadow_in, n, &p->member, shadows);
    shadow_deal(s->shadow_in + p->member.n, n, &p->heldout, shadows);
    return OK;
}

/* ---- training ---- */

typedef struct {
    Audit *a;
    bool resume;
} ShadowJobs;

static Status shadow_path(char out[AUDIT_PATH], const Audit *a, const AuditAnchor *s, size_t j, Err *e)
{
    char name[80];
    snprintf(name, sizeof name, "shadow.%.20s.%zu", s->user->id, j);
    return audit_path(out, a, name, e);
}

static TrainDoc shadow_doc(const AuditRec *r)
{
    return (TrainDoc){r->full.ids, r->full.n, r->full.skip};
}

/* What no attack looks at is in all of them. doc [members + held-out]. */
static size_t shadow_docs(TrainDoc *doc, const AuditAnchor *s, const AuditPerson *p, const bool *in)
{
    size_t n = 0;
    for (size_t i = 0; i < s->member.n; i++)
        if (i >= p->member.n || in[i]) doc[n++] = shadow_doc(&s->member.r[i]);
    for (size_t i = 0; i < p->heldout.n; i++)
        if (in[p->member.n + i]) doc[n++] = shadow_doc(&p->heldout.r[i]);
    return n;
}

static Status shadow_begin(TrainJob *t, Audit *a, size_t anchor, size_t j, Err *e)
{
    const AuditAnchor *s = &a->anchor[anchor];
    AuditPerson p = audit_person(a, anchor);
    size_t n = p.member.n + p.heldout.n;
    TrainDoc *doc = malloc((s->member.n + n + 1) * sizeof *doc);
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    t->doc = doc;
    t->n = shadow_docs(doc, s, &p, s->shadow_in + j * n);
    if (t->n == 0)
        FAIL(e, ERR_ARG, "shadow %zu of anchor %s is left without a record: it has %zu of both sides", j,
             s->user->id, n);
    TRY(audit_lora(&t->l, a, e));
    Rng rng = rng_stream(j, s->user->id, SHADOW_STREAM);
    lora_init(t->l, &rng);
    t->o = spec_train(a->spec, j);
    t->watch = audit_goes_on;
    t->ctx = a;
    return OK;
}

static Status shadow_train(TrainJob *t, Audit *a, size_t anchor, size_t n, Err *e)
{
    char path[AUDIT_PATH];
    TRY(shadow_path(path, a, &a->anchor[anchor], 0, e));
    TRY(share_may_train(a, path, e));
    for (size_t j = 0; j < n; j++) TRY(shadow_begin(&t[j], a, anchor, j, e));
    TRY(audit_stopped(a, e));
    TRY(train_lora_many(t, n, a->base, e));
    TRY(audit_stopped(a, e));
    for (size_t j = 0; j < n; j++) {
        TRY(shadow_path(path, a, &a->anchor[anchor], j, e));
        TRY(lora_save(t[j].l, path, a->spec->base, e));
    }
    return OK;
}

static Status shadow_make(Audit *a, size_t anchor, Err *e)
{
    size_t n = a->spec->attack.shadows;
    TrainJob *t = calloc(n, sizeof *t);
    if (t == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu shadows", n);
    Status st = shadow_train(t, a, anchor, n, e);
    for (size_t j = 0; j < n; j++) {
        free((void *)(uintptr_t)t[j].doc);
        if (st == OK)
            a->anchor[anchor].shadow[j] = t[j].l;
        else
            lora_free(t[j].l);
    }
    free(t);
    return st;
}

/* All of an anchor's, or none: they are trained together. */
static Status shadow_load(bool *there, Audit *a, size_t anchor, Err *e)
{
    char path[AUDIT_PATH];
    AuditAnchor *s = &a->anchor[anchor];
    LoraShape shape = model_lora_shape(&a->base->cfg);
    *there = true;
    for (size_t j = 0; j < a->spec->attack.shadows; j++) {
        TRY(shadow_path(path, a, s, j, e));
        *there = *there && audit_adapter_there(path);
    }
    for (size_t j = 0; *there && j < a->spec->attack.shadows; j++) {
        TRY(shadow_path(path, a, s, j, e));
        TRY(lora_load(&s->shadow[j], path, &shape, e));
    }
    return OK;
}

static Status shadow_job(void *ctx, size_t anchor, size_t thread, Err *e)
{
    (void)thread;
    const ShadowJobs *j = ctx;
    bool there = j->a->anchor[anchor].shadow[0] != NULL;
    if (!there && j->resume) TRY(shadow_load(&there, j->a, anchor, e));
    return there ? OK : shadow_make(j->a, anchor, e);
}

/* ---- the population ---- */

size_t audit_outsiders_used(const Audit *a)
{
    size_t shots = spec_texts(a->spec, "prefix") ? a->spec->attack.shots : 0;
    return audit_wants_attacker(a) ? a->spec->attack.shots + a->spec->attack.malicious : shots;
}

static Status shadow_outsiders(Audit *a, Err *e)
{
    const DataRecord **rec = NULL;
    size_t n = 0, used = audit_outsiders_used(a);
    TRY(audit_outsiders(&rec, &n, a, used + a->spec->attack.population, e));
    a->population.n = n > used ? n - used : 0;
    a->population.r = arena_zalloc(&a->arena, a->population.n, sizeof *a->population.r);
    if (a->population.r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    for (size_t i = 0; i < a->population.n; i++) {
        AuditRec *r = &a->population.r[i];
        r->rec = rec[used + i];
        TRY(sample_make(&r->full, &a->arena, a->tok, &a->base->cfg, r->rec->task, NULL, r->rec->input,
                        r->rec->output, 0, e));
    }
    return OK;
}

Status audit_shadows(Audit *a, bool resume, Err *e)
{
    ShadowJobs j = {a, resume};
    if (a->spec->attack.shadows == 0) return OK;
    TRY(shadow_outsiders(a, e));
    for (size_t i = 0; i < a->n_anchors; i++) {
        AuditPerson p = audit_person(a, i);
        TRY(shadow_draw(a, &a->anchor[i], &p, e));
    }
    log_say(LOG_INFO, "training %zu shadows of anchors", a->n_anchors * a->spec->attack.shadows);
    return share_jobs(a, &j.resume, a->n_anchors, shadow_job, &j, e);
}
