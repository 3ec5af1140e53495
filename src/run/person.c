#include "prime/person.h"

#include "audit_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    Lora *l;
    PersonResult r;
    TrainWatch watch;
    void *ctx;
} Person;

static Status person_find(const DataUser **out, const Person *p, Err *e)
{
    const Audit *a = p->a;
    const DataUser *u = data_user(a->data, p->o->user);
    if (u == NULL) FAIL(e, ERR_ARG, "%s: no user %s in task %s", p->o->data, p->o->user, p->o->task);
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

static Status person_fit(Person *p, Err *e)
{
    struct timespec from, to;
    TrainDoc *doc = malloc((p->history.n + 1) * sizeof *doc);
    if (doc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", p->history.n);
    for (size_t i = 0; i < p->history.n; i++) {
        const Sample *x = &p->history.r[i].full;
        doc[i] = (TrainDoc){x->ids, x->n, x->skip};
    }
    Rng rng = rng_stream(p->o->train.seed, p->o->user, 0);
    lora_init(p->l, &rng);
    clock_gettime(CLOCK_MONOTONIC, &from);
    Status s = train_lora(p->l, p->a->base, doc, p->history.n, &p->o->train, person_watch, p, e);
    clock_gettime(CLOCK_MONOTONIC, &to);
    p->r.seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    free(doc);
    return s;
}

static Status person_steps(Person *p, Err *e)
{
    const DataUser *u = NULL;
    TRY(audit_load(p->a, e));
    TRY(person_find(&u, p, e));
    TRY(audit_set(&p->history, p->a, u, DATA_HISTORY, u->n[DATA_HISTORY], e));
    TRY(audit_set(&p->heldout, p->a, u, DATA_HELDOUT, u->n[DATA_HELDOUT], e));
    LoraShape shape = model_lora_shape(&p->a->base->cfg);
    unsigned kinds = 0;
    TRY(lora_kinds_parse(&kinds, &shape, p->o->modules, e));
    TRY(lora_new(&p->l, &shape, kinds, p->o->rank, p->o->alpha, e));
    TRY(person_loss(&p->r.before, p, &p->history, NULL, e));
    TRY(person_loss(&p->r.heldout_before, p, &p->heldout, NULL, e));
    TRY(person_fit(p, e));
    TRY(person_loss(&p->r.after, p, &p->history, p->l, e));
    TRY(person_loss(&p->r.heldout_after, p, &p->heldout, p->l, e));
    p->r.records = p->history.n;
    p->r.heldout = p->heldout.n;
    p->r.params = p->l->n_params;
    return lora_save(p->l, p->o->out, p->o->model, e);
}

Status person_train(PersonResult *r, const PersonOpts *o, TrainWatch watch, void *ctx, Err *e)
{
    const char *near = task_nearest(o->task);
    if (task_find(o->task) == NULL)
        FAIL(e, ERR_ARG, "task = %s is not known%s%s", o->task,
             near != NULL ? ", did you mean " : "; see 'prime list task'", near != NULL ? near : "");
    Spec spec = spec_default();
    spec.task = o->task;
    spec.data = o->data;
    spec.base = o->model;
    Person p = {.o = o, .watch = watch, .ctx = ctx, .a = calloc(1, sizeof *p.a)};
    if (p.a == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    p.a->spec = &spec;
    Status s = person_steps(&p, e);
    lora_free(p.l);
    audit_close(p.a);
    if (s == OK) *r = p.r;
    return s;
}
