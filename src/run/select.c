/* select.c - who is a target, who is an anchor, and which anchors are nearest. Nobody whose texts the base
 * model has read can be either. Source: PriME's released code, history_anchor.py: k-means over user
 * embeddings, the longest history of each cluster; nearest by cosine. Differs: embeddings are mean hidden
 * states of the base model itself, and cosines are taken of embeddings less their mean over all candidates
 * (as they come, all are nearly parallel and the same few anchors are nearest to everybody); targets are
 * drawn first, so that no target is an anchor. */
#include "audit_priv.h"

#include "crew_priv.h"

#include "prime/cluster.h"
#include "prime/log.h"

#include <stdlib.h>
#include <string.h>

enum { EMBED_RECORDS = 8, EMBED_PEOPLE = 8 /* in one call, by one process */ };

static int by_id(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

bool audit_is_excluded(const Audit *a, const char *id)
{
    return a->n_excluded > 0 && bsearch(id, a->excluded, a->n_excluded, sizeof *a->excluded, by_id) != NULL;
}

static Status named_user(const DataUser **out, const Audit *a, const char *id, const char *key, Err *e)
{
    const DataUser *u = data_user(a->data, id);
    if (u == NULL) FAIL(e, ERR_ARG, "%s: user %s is not in %s", key, id, a->spec->data);
    if (audit_is_excluded(a, id))
        FAIL(e, ERR_ARG, "%s: the base model has read user %s, who can be no target and no anchor", key, id);
    *out = u;
    return OK;
}

/* ---- targets ---- */

static bool can_be_target(const Audit *a, const DataUser *u)
{
    return u->role == DATA_AUDIT && !audit_is_excluded(a, u->id) &&
           u->n[DATA_HISTORY] >= a->spec->targets.min_search &&
           u->n[DATA_QUERY] >= a->spec->targets.min_query;
}

static Status draw_targets(const DataUser **out, const Audit *a, size_t *order, Err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < a->data->n_users; i++)
        if (can_be_target(a, &a->data->user[i])) order[n++] = i;
    if (n < a->spec->targets.count)
        FAIL(e, ERR_ARG, "targets.count = %zu, but only %zu people have %zu history and %zu query records",
             a->spec->targets.count, n, a->spec->targets.min_search, a->spec->targets.min_query);
    Rng rng = rng_stream(0, "targets", 0);
    rng_shuffle(&rng, order, n);
    for (size_t i = 0; i < a->spec->targets.count; i++) out[i] = &a->data->user[order[i]];
    return OK;
}

static Status target_records(AuditTarget *t, Audit *a, Err *e)
{
    const Spec *sp = a->spec;
    AuditSet plain;
    TRY(audit_set(&t->search, a, t->user, DATA_HISTORY, sp->search.records, e));
    TRY(audit_set(&plain, a, t->user, DATA_QUERY, sp->utility.records, e));
    t->query = arena_zalloc(&a->arena, spec_contexts(sp), sizeof *t->query);
    if (t->query == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu contexts", spec_contexts(sp));
    for (size_t i = 0; i < spec_contexts(sp); i++) {
        SpecContext c = spec_context(sp, i);
        t->query[i] = plain;
        if (c.items > 0 || c.profile) TRY(audit_with_context(&t->query[i], a, t, &plain, &c, e));
    }
    if (!spec_wants(sp, "oppu")) return OK;
    TRY(audit_set(&t->own, a, t->user, DATA_HISTORY, sp->oppu.records, e));
    return audit_set(&t->heldout, a, t->user, DATA_HELDOUT, sp->attack.heldout, e);
}

static Status select_targets(Audit *a, Err *e)
{
    const YmlStrs *named = &a->spec->targets.users;
    a->n_targets = named->n > 0 ? named->n : a->spec->targets.count;
    a->target = arena_zalloc(&a->arena, a->n_targets, sizeof *a->target);
    const DataUser **u = arena_alloc(&a->arena, a->n_targets, sizeof(const DataUser *));
    size_t *order = arena_alloc(&a->arena, a->data->n_users, sizeof *order);
    if (a->target == NULL || u == NULL || order == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu targets", a->n_targets);
    if (named->n == 0) TRY(draw_targets(u, a, order, e));
    for (size_t i = 0; i < named->n; i++) TRY(named_user(&u[i], a, named->x[i], "targets.users", e));
    for (size_t i = 0; i < a->n_targets; i++) {
        AuditTarget *t = &a->target[i];
        t->user = u[i];
        if (t->user->n[DATA_HISTORY] == 0 || t->user->n[DATA_QUERY] == 0)
            FAIL(e, ERR_ARG, "target %s has %zu history and %zu query records, want at least 1 of each",
                 t->user->id, t->user->n[DATA_HISTORY], t->user->n[DATA_QUERY]);
        TRY(target_records(t, a, e));
    }
    return OK;
}

/* ---- embeddings ---- */

static size_t embed_part(size_t n, size_t from)
{
    return n - from < EMBED_PEOPLE ? n - from : EMBED_PEOPLE;
}

/* The first records of n people; count [n] of each, x the mean hidden state of each record. */
typedef struct {
    ScoreItem item[EMBED_PEOPLE * EMBED_RECORDS];
    size_t count[EMBED_PEOPLE], n;
    float *x;
} EmbedGroup;

static Status embed_records(EmbedGroup *g, Audit *a, const DataUser *const *u, size_t n, Err *e)
{
    g->n = 0;
    for (size_t i = 0; i < n; i++) {
        AuditSet set;
        TRY(audit_set(&set, a, u[i], DATA_HISTORY, EMBED_RECORDS, e));
        for (size_t j = 0; j < set.n; j++)
            g->item[g->n++] = (ScoreItem){.ids = set.r[j].full.ids, .n = set.r[j].full.n, .skip = 1};
        g->count[i] = set.n;
    }
    return score_embed(g->x, a->base, g->item, g->n, e);
}

/* out [n, C], n at most EMBED_PEOPLE. */
static Status embed_group(float *out, EmbedGroup *g, Audit *a, const DataUser *const *u, size_t n, Err *e)
{
    size_t C = a->base->cfg.n_hidden;
    TRY(embed_records(g, a, u, n, e));
    const float *at = g->x;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < C; c++) out[i * C + c] = 0;
        for (size_t j = 0; j < g->count[i]; j++, at += C)
            for (size_t c = 0; c < C; c++) out[i * C + c] += at[c] / (float)g->count[i];
    }
    return OK;
}

/* This process's groups of people. Groups are the same for any number of processes, and so are the numbers.
 */
static Status embed_own(float *out, Audit *a, const DataUser *const *u, size_t n, Err *e)
{
    size_t C = a->base->cfg.n_hidden, mine = crew_rank(a->crew);
    EmbedGroup *g = malloc(sizeof *g);
    float *x = malloc(EMBED_PEOPLE * EMBED_RECORDS * C * sizeof *x);
    Status s = g != NULL && x != NULL
                   ? OK
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu embeddings", n);
    if (s == OK) g->x = x;
    for (size_t from = 0, turn = 0; s == OK && from < n; from += EMBED_PEOPLE, turn++)
        if (turn % crew_size(a->crew) == mine)
            s = embed_group(out + from * C, g, a, u + from, embed_part(n, from), e);
    free(g);
    free(x);
    return s;
}

/* out [n, C]: the mean over a person's first records of the base model's mean hidden state. */
static Status embed_people(float *out, Audit *a, const DataUser *const *u, size_t n, Err *e)
{
    size_t C = a->base->cfg.n_hidden;
    TRY(crew_agree(a->crew, embed_own(out, a, u, n, e), e));
    for (size_t from = 0, turn = 0; from < n; from += EMBED_PEOPLE, turn++)
        crew_spread(a->crew, out + from * C, embed_part(n, from) * C * sizeof *out,
                    turn % crew_size(a->crew));
    return OK;
}

/* ---- anchors ---- */

static bool is_target(const Audit *a, const DataUser *u)
{
    for (size_t i = 0; i < a->n_targets; i++)
        if (a->target[i].user == u) return true;
    return false;
}

static bool can_be_anchor(const Audit *a, const DataUser *u)
{
    return u->role == DATA_AUDIT && !audit_is_excluded(a, u->id) && !is_target(a, u) &&
           u->n[DATA_HISTORY] >= a->spec->anchors.min_history &&
           u->n[DATA_HELDOUT] >= a->spec->anchors.min_heldout;
}

static size_t list_candidates(const DataUser **out, const Audit *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->data->n_users; i++)
        if (can_be_anchor(a, &a->data->user[i])) out[n++] = &a->data->user[i];
    return n;
}

/* The longest history of each cluster; the earlier id among equals. */
static size_t longest_of_clusters(size_t *pick, const DataUser *const *u, const size_t *label, size_t n,
                                  size_t k)
{
    size_t found = 0;
    for (size_t c = 0; c < k; c++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (label[i] == c && (best == n || u[i]->n[DATA_HISTORY] > u[best]->n[DATA_HISTORY])) best = i;
        if (best < n) pick[found++] = best;
    }
    return found;
}

static Status cluster_anchors(size_t *pick, size_t *n_pick, const float *x, const DataUser *const *u,
                              size_t n, Audit *a, Err *e)
{
    size_t k = a->spec->anchors.pool, C = a->base->cfg.n_hidden;
    if (n < k)
        FAIL(e, ERR_ARG, "anchors.pool = %zu, but only %zu people have %zu history and %zu held-out records",
             k, n, a->spec->anchors.min_history, a->spec->anchors.min_heldout);
    float *centre = arena_alloc(&a->arena, k * C, sizeof *centre);
    size_t *label = arena_alloc(&a->arena, n, sizeof *label);
    if (centre == NULL || label == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu clusters", k);
    TRY(cluster_kmeans(centre, label, NULL, x, n, C, &(ClusterOpts){.k = k}, e));
    *n_pick = longest_of_clusters(pick, u, label, n, k);
    if (*n_pick < a->spec->anchors.per_target)
        FAIL(e, ERR_ARG, "%zu clusters hold people, want at least anchors.per_target = %zu", *n_pick,
             a->spec->anchors.per_target);
    return OK;
}

/* The people who may be anchors: those named, or all who qualify. */
static Status anchor_candidates(const DataUser ***out, size_t *n, Audit *a, Err *e)
{
    const YmlStrs *named = &a->spec->anchors.users;
    const DataUser **u =
        arena_alloc(&a->arena, a->data->n_users + named->n + a->n_targets, sizeof(const DataUser *));
    if (u == NULL) FAIL(e, ERR_NOMEM, "no memory for the candidates");
    *n = named->n > 0 ? named->n : list_candidates(u, a);
    for (size_t i = 0; i < named->n; i++) {
        TRY(named_user(&u[i], a, named->x[i], "anchors.users", e));
        if (is_target(a, u[i])) FAIL(e, ERR_ARG, "anchors.users: %s is a target", u[i]->id);
        if (u[i]->n[DATA_HISTORY] == 0 || u[i]->n[DATA_HELDOUT] == 0)
            FAIL(e, ERR_ARG, "anchor %s has %zu history and %zu held-out records, want at least 1 of each",
                 u[i]->id, u[i]->n[DATA_HISTORY], u[i]->n[DATA_HELDOUT]);
    }
    *out = u;
    return OK;
}

static Status keep_anchors(Audit *a, const DataUser *const *u, const size_t *pick, size_t n, Err *e)
{
    a->anchor = arena_zalloc(&a->arena, n, sizeof *a->anchor);
    if (a->anchor == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", n);
    size_t heldout = a->spec->attack.heldout + (a->reads_people ? a->spec->search.heldout : 0);
    for (size_t i = 0; i < n; i++) {
        AuditAnchor *s = &a->anchor[i];
        s->user = u[pick[i]];
        TRY(audit_set(&s->member, a, s->user, DATA_HISTORY, s->user->n[DATA_HISTORY], e));
        TRY(audit_set(&s->heldout, a, s->user, DATA_HELDOUT, heldout, e));
    }
    a->n_anchors = n;
    return audit_check_splits(a, e);
}

/* ---- nearest ---- */

/* Less the mean over the candidates, x [n, C]: them and the targets behind them. */
static void centre_rows(float *x, size_t n, const float *mean, size_t C)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < C; c++) x[i * C + c] -= mean[c];
}

static Status mean_row(float **mean, Arena *arena, const float *x, size_t n, size_t C, Err *e)
{
    float *m = arena_zalloc(arena, C, sizeof *m);
    if (m == NULL) FAIL(e, ERR_NOMEM, "no memory for an embedding");
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < C; c++) m[c] += x[i * C + c] / (float)n;
    *mean = m;
    return OK;
}

static void nearest_of(AuditTarget *t, const float *xt, const float *xa, const size_t *pick, size_t n,
                       size_t k, size_t C)
{
    for (size_t j = 0; j < k; j++) {
        size_t best = n;
        double most = -2;
        for (size_t i = 0; i < n; i++) {
            bool taken = false;
            for (size_t h = 0; h < j; h++) taken = taken || t->anchor[h] == i;
            double c = cluster_cosine(xt, xa + pick[i] * C, C);
            if (!taken && c > most) {
                most = c;
                best = i;
            }
        }
        t->anchor[j] = best;
        t->cosine[j] = most;
    }
}

/* x [targets, C], xa [candidates, C] */
static Status nearest_anchors(Audit *a, const float *x, const float *xa, const size_t *pick, Err *e)
{
    size_t k = a->spec->anchors.per_target, C = a->base->cfg.n_hidden;
    for (size_t i = 0; i < a->n_targets; i++) {
        AuditTarget *t = &a->target[i];
        t->anchor = arena_alloc(&a->arena, k, sizeof *t->anchor);
        t->cosine = arena_alloc(&a->arena, k, sizeof *t->cosine);
        if (t->anchor == NULL || t->cosine == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", k);
        nearest_of(t, x + i * C, xa, pick, a->n_anchors, k, C);
    }
    return OK;
}

/* Who is embedded: the n candidates, then the targets. */
static Status select_people(const DataUser ***out, size_t *n, Audit *a, Err *e)
{
    TRY(select_targets(a, e));
    TRY(anchor_candidates(out, n, a, e));
    a->n_eligible = *n;
    if (*n == 0) FAIL(e, ERR_ARG, "nobody in %s can be an anchor", a->spec->data);
    for (size_t i = 0; i < a->n_targets; i++) (*out)[*n + i] = a->target[i].user;
    return OK;
}

static Status select_anchors(Audit *a, float *x, const DataUser *const *u, size_t n, Err *e)
{
    size_t n_pick = n, C = a->base->cfg.n_hidden;
    float *mean = NULL;
    size_t *pick = arena_alloc(&a->arena, n, sizeof *pick);
    if (pick == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", n);
    for (size_t i = 0; i < n; i++) pick[i] = i;
    TRY(mean_row(&mean, &a->arena, x, n, C, e));
    centre_rows(x, n + a->n_targets, mean, C);
    if (a->spec->anchors.users.n == 0) TRY(cluster_anchors(pick, &n_pick, x, u, n, a, e));
    TRY(keep_anchors(a, u, pick, n_pick, e));
    return nearest_anchors(a, x + n * C, x, pick, e);
}

Status audit_select(Audit *a, Err *e)
{
    const DataUser **u = NULL;
    size_t n = 0;
    TRY(select_people(&u, &n, a, e));
    float *x = arena_alloc(&a->arena, (n + a->n_targets) * a->base->cfg.n_hidden, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", n);
    TRY(embed_people(x, a, u, n + a->n_targets, e));
    TRY(select_anchors(a, x, u, n, e));
    log_say(LOG_INFO, "%zu targets, %zu anchors of %zu people who qualify, %zu merged for each target",
            a->n_targets, a->n_anchors, n, a->spec->anchors.per_target);
    return OK;
}
