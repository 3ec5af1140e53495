/* plan_speed.c - how fast this machine is with an audit's base model: a little of each kind of work,
 * measured. */
#include "sweep_priv.h"

#include "prime/host.h"

#include <math.h>
#include <stdlib.h>

/* Of each kind: enough for a stable number, or all there is once. */
static const double measure_seconds = 0.3, measure_least = 0.02;

/* ---- reading and answering ---- */

static Status speed_once(const Audit *a, const PassLora *lora, size_t n_cand, const AuditSet *set, int how,
                         Arena *arena, Err *e)
{
    size_t n = n_cand * set->n;
    ScoreOut *nll = arena_alloc(arena, n, sizeof *nll);
    const char **said = arena_alloc(arena, n, sizeof(const char *));
    if (nll == NULL || said == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", n);
    if (how == SPEC_LIKELIHOOD) return measure_nll(nll, a, lora, n_cand, set, e);
    return measure_answers(said, a, lora, n_cand, set, how, arena, e);
}

/* Twice as many records each time, so that all threads have some; the last time counts. */
static Status speed_records(double *rate, const Audit *a, const PassLora *lora, size_t n_cand,
                            const AuditSet *set, int how, Err *e)
{
    Arena arena = {0};
    Status s = OK;
    double all = 0;
    size_t n = 1;
    for (bool more = set->n > 0; s == OK && more; n *= 2) {
        AuditSet part = {set->r, n < set->n ? n : set->n};
        double start = host_seconds();
        s = speed_once(a, lora, n_cand, &part, how, &arena, e);
        double took = host_seconds() - start;
        all += took;
        *rate = plan_tokens(a, &part, how) * (double)n_cand / took;
        more = all < measure_least || (all < measure_seconds && n < set->n);
        arena_reset(&arena);
    }
    arena_free(&arena);
    return s;
}

/* ---- training ---- */

typedef struct {
    double start, rate;
} SpeedWatch;

static bool speed_watch(void *ctx, const TrainNews *news)
{
    SpeedWatch *w = ctx;
    double took = host_seconds() - w->start;
    w->rate = (double)news->tokens / took;
    return took < measure_seconds;
}

static Status speed_training(double *rate, const Audit *a, Lora *l, Err *e)
{
    const AuditSet *set = &a->anchor[0].member;
    TrainOpts o = spec_train(a->spec, 1);
    TrainDoc *doc = malloc((set->n + 1) * sizeof *doc);
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", set->n);
    for (size_t i = 0; i < set->n; i++)
        doc[i] = (TrainDoc){set->r[i].full.ids, set->r[i].full.n, set->r[i].full.skip};
    SpeedWatch w = {host_seconds(), NAN};
    Status s = train_lora(l, a->base, doc, set->n, &o, speed_watch, &w, e);
    free(doc);
    if (s == OK) *rate = w.rate;
    return s;
}

/* ---- all ---- */

/* A search has a generation beside each other. */
enum { SPEED_CROWD = 8 };

static Status speed_crowd(double *rate, const Audit *a, const Lora *l, size_t n, const AuditSet *set, int how,
                          Err *e)
{
    const Lora *same[SPEED_CROWD];
    AuditCrowd crowd = {0};
    for (size_t i = 0; i < n; i++) same[i] = l;
    TRY(audit_crowd_of(&crowd, same, n, e));
    Status s = speed_records(rate, a, &crowd.lora, n, set, how, e);
    audit_crowd_free(&crowd);
    return s;
}

static Status speed_all(PlanSpeed *v, const Audit *a, Lora *l, Err *e)
{
    const Spec *sp = a->spec;
    size_t crowd =
        sp->evolve.popsize > 0 && sp->evolve.popsize < SPEED_CROWD ? sp->evolve.popsize : SPEED_CROWD;
    AuditSet members = audit_members(a, 0);
    Rng rng = rng_stream(1, "plan", 0);
    TRY(speed_crowd(&v->scoring, a, l, 1, &members, SPEC_LIKELIHOOD, e));
    TRY(speed_crowd(&v->utility, a, l, 1, &a->target[0].query[0], sp->utility.score, e));
    TRY(speed_crowd(&v->search, a, l, crowd, &a->target[0].search, sp->search.score, e));
    lora_init(l, &rng);
    return speed_training(&v->training, a, l, e);
}

Status plan_speed(PlanSpeed *out, const Audit *a, Err *e)
{
    PlanSpeed v = {NAN, NAN, NAN, NAN};
    Lora *l = NULL;
    TRY(audit_lora(&l, a, e));
    Status s = speed_all(&v, a, l, e);
    lora_free(l);
    if (s == OK) *out = v;
    return s;
}
