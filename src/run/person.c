#include "prime/person.h"

#include "audit_priv.h"

#include "prime/host.h"
#include "prime/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

PersonOpts person_default(bool paper)
{
    Spec s = spec_default();
    s.adapter.preset = paper ? 1 : 0;
    return (PersonOpts){
        .modules = "attention", .rank = s.adapter.rank, .alpha = s.adapter.alpha, .train = spec_train(&s, 1)};
}

typedef struct {
    const PersonOpts *o;
    Audit *a; /* holds data, tokenizer, base model and whom it has read; no audit is run */
    AuditSet history, heldout;
    size_t *unit, n_people; /* [history.n] whose record */
    Lora *l;
    Gate *g;
    const PersonAnchors *anchors;
    double *weight; /* [sites, anchors] */
    PersonResult r;
    TrainWatch watch;
    void *ctx;
} Person;

static Status person_find(const DataUser **out, const Person *p, const char *id, Err *e)
{
    const Audit *a = p->a;
    const DataUser *u = data_user(a->data, id);
    if (u == NULL) FAIL(e, ERR_ARG, "%s: no user %s in task %s", p->o->data, id, p->o->task);
    for (size_t i = 0; i < a->n_excluded; i++)
        if (strcmp(a->excluded[i], u->id) == 0)
            FAIL(e, ERR_ARG, "%s/users.txt: the base model has read user %s: no adapter is trained for them",
                 p->o->model, u->id);
    if (u->n[DATA_HISTORY] == 0) FAIL(e, ERR_ARG, "user %s has 0 history records, want at least 1", u->id);
    *out = u;
    return OK;
}

/* Mean loss of a set's answers; the base itself when l is NULL. */
static Status person_loss(double *out, const Person *p, const AuditSet *set, const Lora *l, Err *e)
{
    *out = NAN;
    if (set->n == 0) return OK;
    LoraBank *bank = NULL;
    float one = 1;
    double nats = 0, tokens = 0;
    ScoreOut *nll = calloc(set->n, sizeof *nll);
    if (nll == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", set->n);
    Status s = l != NULL ? lora_bank_view(&bank, l, e) : OK;
    PassLora lora = {.bank = bank, .op = LORA_EXACT, .w = &one};
    if (s == OK) s = measure_nll(nll, p->a, l != NULL ? &lora : NULL, 1, set, e);
    for (size_t i = 0; s == OK && i < set->n; i++) {
        nats += nll[i].nll_sum;
        tokens += (double)nll[i].n_tokens;
    }
    if (s == OK) *out = nats / tokens;
    lora_bank_free(bank);
    free(nll);
    return s;
}

static bool person_watch(void *ctx, const TrainNews *news)
{
    Person *p = ctx;
    p->r.steps = news->steps;
    return p->watch == NULL || p->watch(p->ctx, news);
}

/* What training reads of a set. */
static Status person_docs(TrainDoc **out, const Person *p, const AuditSet *set, Err *e)
{
    TrainDoc *doc = arena_alloc(&p->a->arena, set->n + 1, sizeof *doc);
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", set->n);
    for (size_t i = 0; i < set->n; i++) {
        const Sample *x = &set->r[i].full;
        doc[i] = (TrainDoc){x->ids, x->n, x->skip};
    }
    *out = doc;
    return OK;
}

/* Records of one more person behind those that are there. */
static Status set_append(AuditSet *to, Audit *a, const DataUser *u, DataSplit split, Err *e)
{
    AuditSet own;
    TRY(audit_set(&own, a, u, split, u->n[split], e));
    AuditSet all = {arena_alloc(&a->arena, to->n + own.n, sizeof *all.r), to->n + own.n};
    if (all.r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", all.n);
    if (to->n > 0) memcpy(all.r, to->r, to->n * sizeof *all.r);
    if (own.n > 0) memcpy(all.r + to->n, own.r, own.n * sizeof *all.r);
    *to = all;
    return OK;
}

static Status person_add(Person *p, const char *id, const DataUser **seen, Err *e)
{
    const DataUser *u = NULL;
    TRY(person_find(&u, p, id, e));
    for (size_t i = 0; i < p->n_people; i++)
        if (seen[i] == u) FAIL(e, ERR_ARG, "user %s is named twice", id);
    size_t before = p->history.n;
    TRY(set_append(&p->history, p->a, u, DATA_HISTORY, e));
    TRY(set_append(&p->heldout, p->a, u, DATA_HELDOUT, e));
    size_t *unit = arena_alloc(&p->a->arena, p->history.n, sizeof *unit);
    if (unit == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", p->history.n);
    for (size_t i = 0; i < p->history.n; i++) unit[i] = i < before ? p->unit[i] : p->n_people;
    p->unit = unit;
    seen[p->n_people++] = u;
    return OK;
}

static Status person_sets(Person *p, Err *e)
{
    char *ids = arena_strdup(&p->a->arena, p->o->user), *save = NULL;
    const DataUser **seen = arena_alloc(&p->a->arena, p->a->data->n_users, sizeof *seen);
    if (ids == NULL || seen == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", p->a->data->n_users);
    for (char *id = strtok_r(ids, ",", &save); id != NULL; id = strtok_r(NULL, ",", &save))
        TRY(person_add(p, id, seen, e));
    if (p->n_people == 0) FAIL(e, ERR_ARG, "user = '%s', want at least one", p->o->user);
    return OK;
}

/* Dataset and base model, and the records of the person. */
static Status person_open(Person *p, Err *e)
{
    TRY(audit_load(p->a, e));
    TRY(person_sets(p, e));
    p->r.records = p->history.n;
    p->r.heldout = p->heldout.n;
    return OK;
}

typedef Status (*PersonSteps)(Person *p, Err *e);

/* Open and close around the steps of a job. */
static Status person_run(PersonResult *r, Person *p, PersonSteps steps, Err *e)
{
    const PersonOpts *o = p->o;
    TRY(audit_known_task(o->data, o->task, e));
    Spec spec = spec_default();
    spec.task = o->task;
    spec.data = o->data;
    spec.base = o->model;
    p->a = calloc(1, sizeof *p->a);
    if (p->a == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    p->a->spec = &spec;
    Status s = steps(p, e);
    lora_free(p->l);
    gate_free(p->g);
    audit_close(p->a);
    if (s == OK) *r = p->r;
    return s;
}

/* ---- an adapter ---- */

Status train_private(DpTrained *out, Lora *l, const Model *m, const DpDocs *d, const TrainOpts *t,
                     const PersonDp *dp, TrainWatch watch, void *ctx, Err *e)
{
    size_t n = d->n_units;
    size_t batch = t->batch_docs < n ? t->batch_docs : n;
    if (batch == 0) FAIL(e, ERR_ARG, "batch size = 0, want at least 1");
    DpRun run = {(double)batch / (double)n, dp->sigma, t->epochs * ((n + batch - 1) / batch), dp->delta};
    double reached = 0;
    if (isnan(dp->sigma)) TRY(dp_sigma(&run.sigma, &reached, dp->accountant, &run, dp->epsilon, e));
    if (dp->delta * (double)n >= 1)
        log_say(LOG_WARN, "delta = %g of %zu %s: a mechanism that publishes one of them keeps this promise",
                dp->delta, n, d->unit != NULL ? "people" : "records");
    DpTrainOpts o = {t->opt, t->floor,  t->dropout, t->warmup,      dp->clip, run.sigma,
                     run.q,  run.steps, dp->delta,  dp->accountant, t->seed};
    return dp_train_lora(out, l, m, d, &o, watch, ctx, e);
}

static Status person_fit(Person *p, Err *e)
{
    TrainDoc *doc = NULL;
    TRY(person_docs(&doc, p, &p->history, e));
    Rng rng = rng_stream(p->o->train.seed, p->o->user, 0);
    lora_init(p->l, &rng);
    DpDocs units = p->o->dp.user_level ? (DpDocs){doc, p->history.n, p->unit, p->n_people}
                                       : (DpDocs){doc, p->history.n, NULL, p->history.n};
    if (p->o->dp.user_level && p->n_people < 2)
        FAIL(e, ERR_ARG,
             "privacy of people wants an adapter of at least 2, and there is 1: an adapter of one person "
             "alone "
             "hides it among nobody");
    double begin = host_seconds();
    TRY(p->o->dp.accountant != NULL
            ? train_private(&p->r.dp, p->l, p->a->base, &units, &p->o->train, &p->o->dp, person_watch, p, e)
            : train_lora(p->l, p->a->base, doc, p->history.n, &p->o->train, person_watch, p, e));
    p->r.seconds = host_seconds() - begin;
    return OK;
}

static Status person_steps(Person *p, Err *e)
{
    TRY(person_open(p, e));
    LoraShape shape = model_lora_shape(&p->a->base->cfg);
    unsigned kinds = 0;
    TRY(lora_kinds_parse(&kinds, &shape, p->o->modules, e));
    TRY(lora_new(&p->l, &shape, kinds, p->o->rank, p->o->alpha, e));
    TRY(person_loss(&p->r.before, p, &p->history, NULL, e));
    TRY(person_loss(&p->r.heldout_before, p, &p->heldout, NULL, e));
    TRY(person_fit(p, e));
    TRY(person_loss(&p->r.after, p, &p->history, p->l, e));
    TRY(person_loss(&p->r.heldout_after, p, &p->heldout, p->l, e));
    p->r.params = p->l->n_params;
    return lora_save(p->l, p->o->out, p->o->model, e);
}

Status person_train(PersonResult *r, const PersonOpts *o, TrainWatch watch, void *ctx, Err *e)
{
    Person p = {.o = o, .watch = watch, .ctx = ctx};
    return person_run(r, &p, person_steps, e);
}

/* ---- its gates ---- */

static Status person_gate_loss(double *out, const Person *p, const AuditSet *set, const TrainDoc *doc, Err *e)
{
    *out = NAN;
    if (set->n == 0) return OK;
    return train_gate_loss(out, p->g, p->l, p->a->base, doc, set->n, e);
}

static Status person_alone(Person *p, Err *e)
{
    TRY(person_open(p, e));
    if (p->n_people > 1) FAIL(e, ERR_ARG, "user = '%s' are %zu people, want one", p->o->user, p->n_people);
    return OK;
}

static Status person_gate_steps(Person *p, Err *e)
{
    TrainDoc *doc = NULL, *held = NULL;
    TRY(person_alone(p, e));
    LoraShape shape = model_lora_shape(&p->a->base->cfg);
    TRY(lora_load(&p->l, p->o->out, &shape, e));
    TRY(gate_new(&p->g, p->l, e));
    TRY(person_docs(&doc, p, &p->history, e));
    TRY(person_docs(&held, p, &p->heldout, e));
    TRY(person_gate_loss(&p->r.before, p, &p->history, doc, e));
    TRY(person_gate_loss(&p->r.heldout_before, p, &p->heldout, held, e));
    double begin = host_seconds();
    TRY(train_gate(p->g, p->l, p->a->base, doc, p->history.n, &p->o->train, person_watch, p, e));
    p->r.seconds = host_seconds() - begin;
    TRY(person_gate_loss(&p->r.after, p, &p->history, doc, e));
    TRY(person_gate_loss(&p->r.heldout_after, p, &p->heldout, held, e));
    p->r.params = p->g->n_params;
    return gate_save(p->g, p->o->out, e);
}

Status person_gate(PersonResult *r, const PersonOpts *o, TrainWatch watch, void *ctx, Err *e)
{
    Person p = {.o = o, .watch = watch, .ctx = ctx};
    return person_run(r, &p, person_gate_steps, e);
}

/* ---- an adapter from others' ---- */

static void pieces_close(Lora **l, Gate **g, size_t k)
{
    for (size_t i = 0; l != NULL && i < k; i++) lora_free(l[i]);
    for (size_t i = 0; g != NULL && i < k; i++) gate_free(g[i]);
    free(l);
    free(g);
}

static Status pieces_open(Lora **l, Gate **g, const Person *p, Err *e)
{
    const PersonAnchors *x = p->anchors;
    LoraShape shape = model_lora_shape(&p->a->base->cfg);
    if (l == NULL || g == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", x->k);
    for (size_t i = 0; i < x->k; i++) {
        TRY(lora_load(&l[i], x->dir[i], &shape, e));
        TRY(gate_load(&g[i], x->dir[i], l[i], e));
    }
    return OK;
}

static Status person_assemble_steps(Person *p, Err *e)
{
    const PersonAnchors *x = p->anchors;
    TrainDoc *doc = NULL;
    TRY(person_alone(p, e));
    if (x->recent > 0 && x->recent < p->history.n) {
        p->history.r += p->history.n - x->recent;
        p->history.n = p->r.records = x->recent;
    }
    TRY(person_docs(&doc, p, &p->history, e));
    TRY(person_loss(&p->r.before, p, &p->history, NULL, e));
    TRY(person_loss(&p->r.heldout_before, p, &p->heldout, NULL, e));
    p->weight = calloc(p->a->base->cfg.n_layers * LORA_KINDS * x->k + 1, sizeof *p->weight);
    if (p->weight == NULL) FAIL(e, ERR_NOMEM, "no memory for the weights of %zu adapters", x->k);
    Lora **l = calloc(x->k + 1, sizeof *l);
    Gate **g = calloc(x->k + 1, sizeof(Gate *));
    Status s = pieces_open(l, g, p, e);
    if (s == OK)
        s = perpcs_assemble(&p->l, p->weight, p->a->base, (const Lora *const *)l, (const Gate *const *)g,
                            x->k, doc, p->history.n, &x->perpcs, e);
    pieces_close(l, g, x->k);
    if (s != OK) return s;
    TRY(person_loss(&p->r.after, p, &p->history, p->l, e));
    TRY(person_loss(&p->r.heldout_after, p, &p->heldout, p->l, e));
    p->r.params = p->l->n_params;
    return lora_save(p->l, p->o->out, p->o->model, e);
}

Status person_assemble(PersonResult *r, double **weight, const PersonOpts *o, const PersonAnchors *anchors,
                       Err *e)
{
    Person p = {.o = o, .anchors = anchors};
    Status s = person_run(r, &p, person_assemble_steps, e);
    if (s == OK)
        *weight = p.weight;
    else
        free(p.weight);
    return s;
}
