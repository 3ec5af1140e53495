/* texts_near.c - neighbours of records: some tokens of the answer replaced by what the base model thinks
 * likely in their place. */
#include "audit_priv.h"

#include "prime/par.h"
#include "prime/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One record, and where its neighbours go. */
typedef struct {
    const AuditRec *rec;
    AuditTexts *out;
} NearItem;

typedef struct {
    const Audit *a;
    NearItem *item;
    int32_t **ids; /* [items][k * n of the record] */
    Sample **near; /* [items][k] */
    size_t longest, answer;
} NearJob;

/* The likeliest others at one place, and what each weighs beside the first. */
typedef struct {
    int32_t id[NEAR_TOP];
    double weight[NEAR_TOP];
    size_t n;
} NearPlace;

/* Descending; the lower id first among equals. */
static void near_insert(NearPlace *p, const float *z, int32_t id)
{
    size_t at = p->n;
    while (at > 0 && z[id] > z[p->id[at - 1]]) at--;
    if (at == NEAR_TOP) return;
    if (p->n < NEAR_TOP) p->n++;
    for (size_t i = p->n - 1; i > at; i--) p->id[i] = p->id[i - 1];
    p->id[at] = id;
}

static void near_place(NearPlace *p, const float *z, size_t V, int32_t own, int32_t eos)
{
    *p = (NearPlace){0};
    for (size_t v = 0; v < V; v++)
        if ((int32_t)v != own && (int32_t)v != eos) near_insert(p, z, (int32_t)v);
    for (size_t i = 0; i < p->n; i++) p->weight[i] = exp((double)z[p->id[i]] - (double)z[p->id[0]]);
}

static int32_t near_draw(const NearPlace *p, Rng *rng)
{
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) sum += p->weight[i];
    double x = rng_uniform(rng) * sum;
    size_t i = 0;
    while (i + 1 < p->n && x >= p->weight[i]) x -= p->weight[i++];
    return p->id[i];
}

/* Version k of a text: places [n] of its answer, from token skip on. order [n] is scratch. */
static void near_version(int32_t *ids, const AuditRec *r, const NearPlace *place, size_t n, size_t k,
                         size_t *order)
{
    size_t change = n / NEAR_SHARE > 0 ? n / NEAR_SHARE : n > 0;
    Rng rng = rng_stream(0, r->rec->id, NEAR_STREAM + k);
    memcpy(ids, r->full.ids, r->full.n * sizeof *ids);
    for (size_t i = 0; i < n; i++) order[i] = i;
    rng_shuffle(&rng, order, n);
    for (size_t i = 0; i < change; i++) {
        const NearPlace *p = &place[order[i]];
        if (p->n > 0) ids[r->full.skip + order[i]] = near_draw(p, &rng);
    }
}

/* What one thread works with. */
typedef struct {
    Pass *pass;
    float *logits, *work;
    NearPlace *place;
    size_t *row;
} NearRoom;

static void near_room_free(NearRoom *r)
{
    pass_free(r->pass);
    free(r->logits);
    free(r->work);
    free(r->place);
    free(r->row);
}

static Status near_room_new(NearRoom *r, const NearJob *j, Err *e)
{
    const ModelConfig *c = &j->a->base->cfg;
    TRY(pass_new(&r->pass, j->a->base, j->longest, 0, false, e));
    r->logits = malloc(j->answer * c->n_vocab * sizeof *r->logits + 1);
    r->work = malloc(j->answer * c->n_hidden * sizeof *r->work + 1);
    r->place = malloc(j->answer * sizeof *r->place + 1);
    r->row = malloc(2 * j->answer * sizeof *r->row + 1);
    if (r->logits == NULL || r->work == NULL || r->place == NULL || r->row == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the neighbours of a record");
    return OK;
}

static Status near_item(NearRoom *room, NearJob *j, size_t i, Err *e)
{
    const AuditRec *r = j->item[i].rec;
    const Model *m = j->a->base;
    size_t V = m->cfg.n_vocab, k = j->a->spec->attack.neighbours, n = r->full.n - r->full.skip;
    if (n > 0 && r->full.ids[r->full.n - 1] == m->cfg.eos) n--; /* the end of text stays */
    TRY(pass_check(m, r->full.ids, r->full.n, e));
    for (size_t t = 0; t < n; t++) room->row[t] = r->full.skip + t - 1;
    if (n > 0) {
        pass_forward(room->pass, m, &(PassSeq){.ids = r->full.ids, .n = r->full.n}, 1, NULL, NULL);
        pass_logits(room->logits, room->pass, m, room->row, n, room->work);
    }
    for (size_t t = 0; t < n; t++)
        near_place(&room->place[t], room->logits + t * V, V, r->full.ids[r->full.skip + t], m->cfg.eos);
    for (size_t v = 0; v < k; v++) {
        int32_t *ids = j->ids[i] + v * r->full.n;
        near_version(ids, r, room->place, n, v, room->row + j->answer);
        j->near[i][v] = (Sample){ids, r->full.n, r->full.skip};
    }
    j->item[i].out->near = j->near[i];
    return OK;
}

static Status near_job(void *ctx, size_t job, size_t thread, Err *e)
{
    (void)thread;
    NearJob *j = ctx;
    NearRoom room = {0};
    TRY(audit_stopped(j->a, e));
    Status s = near_room_new(&room, j, e);
    if (s == OK) s = near_item(&room, j, job, e);
    near_room_free(&room);
    return s;
}

static Status near_memory(NearJob *j, Audit *a, size_t n, Err *e)
{
    size_t k = a->spec->attack.neighbours;
    j->ids = arena_alloc(&a->arena, n, sizeof(int32_t *));
    j->near = arena_alloc(&a->arena, n, sizeof(Sample *));
    if (j->ids == NULL || j->near == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    for (size_t i = 0; i < n; i++) {
        const Sample *s = &j->item[i].rec->full;
        j->ids[i] = arena_alloc(&a->arena, k * s->n, sizeof(int32_t));
        j->near[i] = arena_alloc(&a->arena, k, sizeof(Sample));
        if (j->ids[i] == NULL || j->near[i] == NULL)
            FAIL(e, ERR_NOMEM, "no memory for %zu neighbours of %zu records", k, n);
        if (s->n > j->longest) j->longest = s->n;
        if (s->n - s->skip > j->answer) j->answer = s->n - s->skip;
    }
    return OK;
}

Status audit_near(Audit *a, const AuditSet *set, AuditTexts *const *texts, size_t n_sets, Err *e)
{
    NearJob j = {.a = a};
    size_t n = 0, at = 0;
    for (size_t i = 0; i < n_sets; i++) n += set[i].n;
    j.item = arena_alloc(&a->arena, n, sizeof *j.item);
    if (j.item == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    for (size_t i = 0; i < n_sets; i++)
        for (size_t r = 0; r < set[i].n; r++) j.item[at++] = (NearItem){&set[i].r[r], &texts[i][r]};
    TRY(near_memory(&j, a, n, e));
    return par_run(n, par_threads(), near_job, &j, e);
}
