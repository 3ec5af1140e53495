/* plan.c - what a run would do, before it does: people, cells, tokens, seconds, bytes, and what it could see.
 */
#include "sweep_priv.h"

#include "prime/attack.h"
#include "prime/host.h"
#include "prime/js.h"
#include "prime/par.h"
#include "prime/power.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- who takes part, before anything is trained ---- */

static Status plan_open(Audit **out, const Spec *one, Err *e)
{
    Audit *a = calloc(1, sizeof *a);
    if (a == NULL) FAIL(e, ERR_NOMEM, "no memory for an audit");
    a->spec = one;
    a->dir = "";
    Status s = audit_load(a, e);
    if (s == OK) s = audit_select(a, e);
    a->n_train = one->adapter.retrain ? one->seeds.n : 1;
    if (s != OK)
        audit_close(a);
    else
        *out = a;
    return s;
}

/* fn for the people of every task. */
static Status plan_each(const Spec *spec, Status (*fn)(void *ctx, const Audit *a, Err *e), void *ctx, Err *e)
{
    for (size_t i = 0; i < spec->tasks.n; i++) {
        Audit *a = NULL;
        Spec one;
        TRY(spec_for(&one, spec, spec->tasks.x[i], e));
        TRY(plan_open(&a, &one, e));
        Status s = fn(ctx, a, e);
        audit_close(a);
        TRY(s);
    }
    return OK;
}

typedef struct {
    size_t cells, part, shard, shards;
} PlanCells;

static Status plan_count(void *ctx, const Audit *a, Err *e)
{
    PlanCells *n = ctx;
    Units u = {0};
    TRY(units_plan(&u, a, n->shards, e));
    n->cells += units_cells(&u, 0);
    n->part += units_cells(&u, n->shard);
    units_free(&u);
    return OK;
}

Status plan_cells(size_t *n, size_t *part, const Spec *spec, size_t shard, size_t shards, Err *e)
{
    PlanCells all = {.shard = shard, .shards = shards};
    TRY(plan_each(spec, plan_count, &all, e));
    *n = all.cells;
    if (part != NULL) *part = all.part;
    return OK;
}

/* ---- rows ---- */

typedef struct {
    const SweepPlanHow *how;
    Str *csv;
    JsVal *json, *task; /* or NULL */
} PlanOut;

/* A number that nobody knows is empty, or null. */
static void plan_put(PlanOut *out, const Audit *a, const char *what, double value)
{
    if (out->json != NULL) {
        js_set(out->task, what, isnan(value) ? js_new_null() : js_new_num(value));
        return;
    }
    const char *quote = strchr(what, ',') != NULL ? "\"" : "";
    str_printf(out->csv, "%s,%s%s%s,", a->task->name, quote, what, quote);
    if (!isnan(value)) str_num(out->csv, value);
    str_puts(out->csv, "\n");
}

/* ---- counts ---- */

typedef struct {
    size_t members, heldout, query, one_search, searches;
} PlanCounts;

static PlanCounts plan_counts(const Audit *a)
{
    const Spec *sp = a->spec;
    PlanCounts n = {0};
    for (size_t i = 0; i < a->n_anchors; i++) {
        n.members += audit_members(a, i).n;
        n.heldout += audit_heldout(a, i).n;
    }
    for (size_t i = 0; i < a->n_targets; i++) n.query += a->target[i].query[0].n;
    if (spec_wants(sp, "evolved")) n.one_search = spec_evaluations(sp);
    n.searches = method_search_evaluations(sp) * sp->seeds.n * a->n_targets;
    return n;
}

static void plan_people(PlanOut *out, const Audit *a, const PlanCounts *n)
{
    const struct {
        const char *what;
        size_t value;
    } row[] = {{"targets", a->n_targets},
               {"anchors", a->n_anchors},
               {"people who qualify as anchors", a->n_eligible},
               {"anchors merged for a target", a->spec->anchors.per_target},
               {"adapters to train", a->n_anchors * a->n_train},
               {"cells", methods_cells(a)},
               {"evaluations of a search", n->one_search},
               {"evaluations in all", n->searches},
               {"member records", n->members},
               {"held-out records", n->heldout},
               {"query records", n->query}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        plan_put(out, a, row[i].what, (double)row[i].value);
}

/* ---- tokens ---- */

double plan_tokens(const Audit *a, const AuditSet *set, int how)
{
    double n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const AuditRec *r = &set->r[i];
        double answer = (double)(r->full.n - r->full.skip);
        if (how == SPEC_LIKELIHOOD)
            n += (double)r->full.n;
        else if (how == SPEC_LABELS || how == SPEC_LABELS_MEAN)
            n += (double)r->ask.n + answer * (double)a->data->n_labels;
        else
            n += (double)(r->ask.n + r->rec->task->max_new);
    }
    return n;
}

/* Of the other texts: records of a prefix are taken to be as long as these; neighbours share their prompt. */
static double texts_tokens(const Audit *a, const AuditSet *set)
{
    const Spec *sp = a->spec;
    double n = 0, all = plan_tokens(a, set, SPEC_LIKELIHOOD), most = (double)a->base->cfg.max_len;
    for (size_t i = 0; i < set->n; i++) {
        const Sample *s = &set->r[i].full;
        double prefix = (double)sp->attack.shots * all / (double)set->n;
        if (spec_texts(sp, "lowercase")) n += (double)s->n;
        if (spec_texts(sp, "prefix")) n += 2 * fmin(most, (double)s->n + prefix);
        if (spec_texts(sp, "neighbour"))
            n += (double)s->skip + (double)((s->n - s->skip) * sp->attack.neighbours);
    }
    return n;
}

double plan_person(const Audit *a, const AuditPerson *p)
{
    return plan_tokens(a, &p->member, SPEC_LIKELIHOOD) + plan_tokens(a, &p->heldout, SPEC_LIKELIHOOD) +
           texts_tokens(a, &p->member) + texts_tokens(a, &p->heldout);
}

double plan_shadows(const Audit *a, const AuditPerson *p)
{
    size_t n = p->member.n + p->heldout.n;
    double own = plan_tokens(a, &p->member, SPEC_LIKELIHOOD) + plan_tokens(a, &p->heldout, SPEC_LIKELIHOOD),
           others = n > 0 ? own / (double)n * (double)a->spec->attack.population : 0;
    return 2 * (double)a->spec->attack.shadows * (own + others);
}

/* adapt: of the base, by one thread; own: of the targets' adapters, with those of anchors. */
typedef struct {
    double adapt, anchors, own, search, utility, attack;
} PlanTokens;

static void tokens_training(PlanTokens *t, const Audit *a)
{
    const Spec *sp = a->spec;
    double epochs = (double)spec_train(sp, 0).epochs, train = (double)a->n_train, records = 0, all = 0;
    for (size_t i = 0; i < a->n_anchors; i++) {
        all += plan_tokens(a, &a->anchor[i].member, SPEC_LIKELIHOOD);
        records += (double)a->anchor[i].member.n;
    }
    t->anchors = all * epochs * (train + (double)sp->attack.shadows); /* a shadow reads about as much */
    if (audit_wants_attacker(a) && records > 0) /* others' records are taken to be as long as anchors' */
        t->anchors += all / records * (double)sp->attack.malicious * epochs * train;
    for (size_t i = 0; i < a->n_targets && spec_wants(sp, "oppu"); i++)
        t->own += plan_tokens(a, &a->target[i].own, SPEC_LIKELIHOOD) * epochs * train;
    if (sp->adapt.records > 0 && records > 0) /* base users' records are taken to be as long as anchors' */
        t->adapt = all / records * (double)sp->adapt.records * (double)sp->adapt.epochs;
}

/* One candidate: the target's records, and what the privacy term reads. */
double plan_candidate(const Audit *a, const AuditTarget *t)
{
    const Spec *sp = a->spec;
    double n = plan_tokens(a, &t->search, sp->search.score);
    if (sp->search.score == SPEC_LIKELIHOOD && sp->evolve.objective == 0)
        n *= 1 + (double)sp->anchors.per_target;
    for (size_t k = 0; a->reads_people && k < sp->anchors.per_target; k++) {
        AuditSet in = audit_search_members(a, t->anchor[k]), held = audit_search_heldout(a, t->anchor[k]);
        n += plan_tokens(a, &in, SPEC_LIKELIHOOD) + plan_tokens(a, &held, SPEC_LIKELIHOOD);
    }
    return n;
}

/* Cells of one target without those of anchors alone, in one context. */
static double cells_of_target(const Audit *a)
{
    double all = (double)(methods_cells(a) / spec_contexts(a->spec)), anchors = 0;
    if (spec_wants(a->spec, "anchor")) anchors = (double)(a->n_anchors * a->n_train);
    return (all - anchors) / (double)a->n_targets;
}

static void tokens_cells(PlanTokens *t, const Audit *a)
{
    const Spec *sp = a->spec;
    double cells = cells_of_target(a), people = 0, alone = spec_wants(sp, "anchor") ? (double)a->n_train : 0;
    for (size_t i = 0; i < a->n_anchors; i++) {
        AuditPerson p = audit_person(a, i);
        people += plan_person(a, &p);
        t->attack += alone * plan_shadows(a, &p);
    }
    t->attack += people * (1 + alone);
    for (size_t i = 0; i < a->n_targets; i++) {
        const AuditTarget *to = &a->target[i];
        for (size_t c = 0; c < spec_contexts(sp); c++)
            t->utility += plan_tokens(a, &to->query[c], sp->utility.score) *
                          (cells + alone * (double)sp->anchors.per_target);
        for (size_t k = 0; k < sp->anchors.per_target; k++) {
            AuditPerson p = audit_person(a, to->anchor[k]);
            t->attack += cells * (plan_person(a, &p) + plan_shadows(a, &p));
        }
        t->search += plan_candidate(a, to) * (double)(method_search_evaluations(sp) * sp->seeds.n);
    }
}

static PlanTokens plan_work(PlanOut *out, const Audit *a)
{
    PlanTokens t = {0};
    tokens_training(&t, a);
    tokens_cells(&t, a);
    plan_put(out, a, "tokens, training", round(t.adapt + t.anchors + t.own));
    plan_put(out, a, "tokens, search", round(t.search));
    plan_put(out, a, "tokens, utility", round(t.utility));
    plan_put(out, a, "tokens, attack", round(t.attack));
    return t;
}

/* ---- seconds ---- */

static double part_seconds(double tokens, double speed)
{
    return tokens > 0 ? tokens / speed : 0;
}

static Status plan_seconds(PlanOut *out, const Audit *a, const PlanTokens *t, Err *e)
{
    PlanSpeed v;
    TRY(plan_speed(&v, a, e));
    size_t jobs = a->n_anchors * a->n_train, threads = par_threads() < jobs ? par_threads() : jobs;
    double train = part_seconds(t->adapt, v.training) +
                   part_seconds(t->anchors + t->own, v.training * (double)threads),
           search = part_seconds(t->search, v.search), utility = part_seconds(t->utility, v.utility),
           attack = part_seconds(t->attack, v.scoring);
    const struct {
        const char *what;
        double value;
    } row[] = {{"tokens a second, training, one thread", v.training},
               {"tokens a second, search", v.search},
               {"tokens a second, utility", v.utility},
               {"tokens a second, scoring", v.scoring},
               {"threads", (double)par_threads()},
               {"seconds, training", train},
               {"seconds, search", search},
               {"seconds, utility", utility},
               {"seconds, attack", attack},
               {"seconds in all", train + search + utility + attack},
               {"free disk bytes here", host_disk_free(".")}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) plan_put(out, a, row[i].what, row[i].value);
    return OK;
}

/* ---- bytes ---- */

/* What SQLite takes for a row of scores and for an evaluation without its numbers, measured; a file of
 * weights and its configuration beside the weights themselves. */
enum { SCORE_BYTES = 110, EVAL_BYTES = 150, ADAPTER_BYTES = 6000, LEDGER_BYTES = 60000 };

static double plan_score_rows(const Audit *a, const PlanCounts *n)
{
    double cells = cells_of_target(a) * (double)spec_contexts(a->spec), attacks = 0,
           each = (double)(n->members + n->heldout) / (double)a->n_anchors;
    const Attack *at;
    for (size_t i = 0; (at = attack_at(i)) != NULL; i++) attacks += attack_can(at, ATTACK_LOSS | ATTACK_REF);
    double one = each * attacks * (double)a->spec->anchors.per_target +
                 (double)(n->query * a->n_metrics) / (double)a->n_targets;
    double alone = (double)(a->n_anchors * a->n_train * spec_contexts(a->spec)) * each * attacks;
    return cells * (double)a->n_targets * one + alone;
}

static Status plan_bytes(PlanOut *out, const Audit *a, const PlanCounts *n, Err *e)
{
    const Spec *sp = a->spec;
    LoraShape shape = model_lora_shape(&a->base->cfg);
    Lora *l = NULL, *task = NULL;
    TRY(audit_lora(&l, a, e));
    double each = (double)l->n_params * sizeof(float) + ADAPTER_BYTES,
           adapters = each * (double)((a->n_train + sp->attack.shadows) * a->n_anchors);
    if (spec_wants(sp, "oppu")) adapters += each * (double)(a->n_train * a->n_targets);
    lora_free(l);
    if (sp->adapt.records > 0) {
        TRY(lora_new(&task, &shape, (1U << LORA_KINDS) - 1, sp->adapt.rank, (double)sp->adapt.rank, e));
        adapters += (double)task->n_params * sizeof(float) + ADAPTER_BYTES;
        lora_free(task);
    }
    double genome = (double)(sp->anchors.per_target * merge_groups((MergeBy)sp->evolve.granularity, &shape)),
           eval = EVAL_BYTES + sizeof(double) * (2 * genome + (double)sp->anchors.per_target);
    plan_put(out, a, "bytes, adapters", round(adapters));
    plan_put(out, a, "bytes, ledger",
             round(LEDGER_BYTES + eval * (double)n->searches + SCORE_BYTES * plan_score_rows(a, n)));
    return OK;
}

/* ---- what it could see ---- */

static const double plan_icc = 0.1, plan_power = 0.8, plan_level = 0.95;

static Status plan_detects(PlanOut *out, const Audit *a, const PlanCounts *n, Err *e)
{
    size_t in = n->members / a->n_anchors, held = n->heldout / a->n_anchors;
    double auc = NAN;
    PowerPlan p = {.users_pos = a->n_anchors,
                   .users_neg = a->n_anchors,
                   .records_pos = in > 0 ? in : 1,
                   .records_neg = held > 0 ? held : 1,
                   .icc = plan_icc,
                   .same_people = true,
                   .level = plan_level};
    if (a->n_anchors >= 2) TRY(power_min_auc(&auc, &p, plan_power, e));
    plan_put(out, a, "level of intervals", plan_level);
    plan_put(out, a, "power wanted", plan_power);
    plan_put(out, a, "correlation within a person, assumed", plan_icc);
    plan_put(out, a, "smallest detectable AUC", auc);
    return OK;
}

/* ---- all of it ---- */

static Status plan_task(void *ctx, const Audit *a, Err *e)
{
    PlanOut *out = ctx;
    PlanCounts n = plan_counts(a);
    if (out->json != NULL) {
        out->task = js_new_obj();
        js_set(out->json, a->task->name, out->task);
    }
    plan_people(out, a, &n);
    TRY(plan_detects(out, a, &n, e));
    TRY(plan_bytes(out, a, &n, e));
    PlanTokens t = plan_work(out, a);
    return out->how->measure ? plan_seconds(out, a, &t, e) : OK;
}

Status sweep_plan(Str *out, const Spec *spec, const SweepPlanHow *how, Err *e)
{
    static const SweepPlanHow plain = {0};
    PlanOut o = {.how = how != NULL ? how : &plain, .csv = out};
    if (o.how->json)
        o.json = js_new_obj();
    else
        str_puts(out, "task,what,value\n");
    Status s = plan_each(spec, plan_task, &o, e);
    if (s == OK && o.json != NULL) s = js_dump(out, o.json, 2, e);
    if (s == OK && o.json != NULL) str_puts(out, "\n");
    js_close(o.json);
    if (s == OK && out->failed) FAIL(e, ERR_NOMEM, "no memory for a plan");
    return s;
}
