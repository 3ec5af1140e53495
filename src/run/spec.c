/* spec.c - a specification is read, checked against itself, and asked. */
#include "spec_priv.h"

#include "prime/baseline.h"
#include "prime/penalty.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static Status check_distinct(const char *key, const YmlNums *list, Err *e)
{
    for (size_t i = 0; i < list->n; i++)
        for (size_t j = 0; j < i; j++)
            if (list->x[i] == list->x[j]) FAIL(e, ERR_ARG, "%s: %g is there twice", key, list->x[i]);
    return OK;
}

static Status check_seeds(const Spec *s, Err *e)
{
    for (size_t i = 0; i < s->seeds.n; i++)
        for (size_t j = 0; j < i; j++)
            if (s->seeds.x[i] == s->seeds.x[j]) FAIL(e, ERR_ARG, "seeds: %zu is there twice", s->seeds.x[i]);
    return OK;
}

static const EvolveMethod *optimiser_find(const char *name)
{
    const EvolveMethod *m;
    for (size_t i = 0; (m = evolve_method_at(i)) != NULL; i++)
        if (strcmp(m->name, name) == 0) return m;
    return NULL;
}

/* Races rank candidates of one generation by one goal, on records that are the same for all. */
static Status check_race(const Spec *s, Err *e)
{
    const EvolveMethod *m = spec_optimiser(s);
    if (!s->evolve.race) return OK;
    if (strncmp(m->name, "cma", 3) != 0)
        FAIL(e, ERR_ARG, "evolve.race: %s reads more than the ranks of a generation, cma and its kin do not",
             m->name);
    if (spec_draws(s)) FAIL(e, ERR_ARG, "evolve.race: answers are drawn, want search.temperature = 0");
    if (s->evolve.objective != 0)
        FAIL(e, ERR_ARG, "evolve.race: evolve.objective = %s is not measured on the records of the search",
             penalty_at((size_t)s->evolve.objective)->name);
    return OK;
}

/* Whether the settings of a search go together. */
static Status check_search(const Spec *s, Err *e)
{
    EvolveOpts o;
    const char *preset = NULL;
    TRY(evolve_preset(&o, &preset, s->evolve.preset, 1, 1, e));
    if (s->evolve.method != NULL && optimiser_find(s->evolve.method) == NULL)
        FAIL(e, ERR_ARG, "evolve.method = %s is not known; see 'prime list optimiser'", s->evolve.method);
    const EvolveMethod *m = spec_optimiser(s);
    if (s->evolve.noise != EVOLVE_NOISE_NONE && !spec_draws(s))
        FAIL(e, ERR_ARG, "evolve.noise: values are exact unless search.temperature is above 0");
    if (s->evolve.noise == EVOLVE_NOISE_REPEAT && s->search.repeats < 2)
        FAIL(e, ERR_ARG, "evolve.noise = repeat evaluates points twice, but search.repeats = 1");
    if (s->evolve.with_norm && !m->many)
        FAIL(e, ERR_ARG, "evolve.with_norm: %s has one objective; nsga2 and mo-cma return fronts", m->name);
    if (s->evolve.min_effective > (double)s->anchors.per_target)
        FAIL(e, ERR_ARG, "evolve.min_effective = %g, want at most anchors.per_target = %zu",
             s->evolve.min_effective, s->anchors.per_target);
    return check_race(s, e);
}

static Status check_operator(const Spec *s, Err *e)
{
    const MergeMethod *m = merge_find(s->evolve.op);
    if (m == NULL) {
        const char *near = merge_nearest(s->evolve.op);
        FAIL(e, ERR_ARG, "evolve.operator = %s is not known%s%s", s->evolve.op,
             near != NULL ? ", did you mean " : "; see 'prime list merge'", near != NULL ? near : "");
    }
    if (!isnan(s->merge.density) && !(m->reads & MERGE_DENSITY))
        FAIL(e, ERR_ARG, "merge.density = %g, but evolve.operator = %s does not trim", s->merge.density,
             m->name);
    if (m->linear && s->merge.rank > 0)
        FAIL(e, ERR_ARG, "merge.rank = %zu, but merges by %s are scored without being built", s->merge.rank,
             m->name);
    MergeOpts o = spec_merge_opts(s, m, 0);
    double one = 1;
    if (merge_check(m, &o, &one, 1, e) != OK) return err_prefix(e, "evolve.operator");
    return OK;
}

static Status check_people(const Spec *s, Err *e)
{
    if (s->anchors.users.n == 0 && s->anchors.per_target > s->anchors.pool)
        FAIL(e, ERR_ARG, "anchors.per_target = %zu, want at most anchors.pool = %zu", s->anchors.per_target,
             s->anchors.pool);
    if (s->anchors.users.n > 0 && s->anchors.per_target > s->anchors.users.n)
        FAIL(e, ERR_ARG, "anchors.per_target = %zu, want at most the %zu of anchors.users",
             s->anchors.per_target, s->anchors.users.n);
    if (s->adapter.modules.n == 0) FAIL(e, ERR_ARG, "adapter.modules is empty, want at least one module");
    return OK;
}

/* ---- contexts and methods ---- */

static bool context_read(SpecContext *out, const char *name)
{
    size_t items = 0;
    int end = 0;
    *out = (SpecContext){.name = name, .profile = strncmp(name, "pag", 3) == 0};
    if (strcmp(name, "none") == 0) return true;
    if (strncmp(name, "rag", 3) != 0 && !out->profile) return false;
    if (strspn(name + 3, "0123456789") != strlen(name + 3) || strlen(name) > 6) return false;
    if (sscanf(name + 3, "%zu%n", &items, &end) != 1) return false;
    out->items = items;
    return items > 0 || out->profile;
}

static Status check_contexts(const Spec *s, Err *e)
{
    const YmlStrs *v = &s->context.variants;
    SpecContext c;
    if (v->n == 0 || v->n > SPEC_CONTEXTS)
        FAIL(e, ERR_ARG, "context.variants: %zu of them, want 1 to %d", v->n, SPEC_CONTEXTS);
    for (size_t i = 0; i < v->n; i++) {
        if (!context_read(&c, v->x[i]))
            FAIL(e, ERR_ARG, "context.variants: %s, want none, rag1 to rag999 or pag0 to pag999", v->x[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(v->x[i], v->x[j]) == 0)
                FAIL(e, ERR_ARG, "context.variants: %s is there twice", v->x[i]);
    }
    return OK;
}

static Status check_methods(const Spec *s, Err *e)
{
    const YmlStrs *m = &s->methods;
    if (m->n == 0) FAIL(e, ERR_ARG, "methods is empty, want at least one");
    for (size_t i = 0; i < m->n; i++) {
        if (baseline_find(m->x[i]) == NULL) {
            const char *near = baseline_nearest(m->x[i]);
            FAIL(e, ERR_ARG, "methods: %s is not known%s%s", m->x[i],
                 near != NULL ? ", did you mean " : "; see 'prime list baseline'", near != NULL ? near : "");
        }
        for (size_t j = 0; j < i; j++)
            if (strcmp(m->x[i], m->x[j]) == 0) FAIL(e, ERR_ARG, "methods: %s is there twice", m->x[i]);
    }
    for (size_t i = 0; i < m->n; i++) {
        const char *with = baseline_find(m->x[i])->beside;
        if (with != NULL && !spec_wants(s, with))
            FAIL(e, ERR_ARG, "methods: %s is measured beside %s, which is not there", m->x[i], with);
    }
    if (spec_wants(s, "perpcs") && s->perpcs.topk > s->anchors.per_target)
        FAIL(e, ERR_ARG, "perpcs.topk = %zu, want at most anchors.per_target = %zu", s->perpcs.topk,
             s->anchors.per_target);
    return OK;
}

bool spec_wants(const Spec *s, const char *method)
{
    for (size_t i = 0; i < s->methods.n; i++)
        if (strcmp(s->methods.x[i], method) == 0) return true;
    return false;
}

size_t spec_contexts(const Spec *s)
{
    return s->context.variants.n;
}

SpecContext spec_context(const Spec *s, size_t i)
{
    SpecContext c;
    context_read(&c, s->context.variants.x[i]);
    return c;
}

bool spec_reads_people(const Spec *s)
{
    bool own = spec_wants(s, "evolved") && penalty_at((size_t)s->evolve.objective)->reads_people;
    return own || spec_wants(s, "constrained");
}

/* ---- one task ---- */

static int score_for(int score, const Task *t)
{
    return score != SPEC_AUTO ? score : t->labelled ? SPEC_LABELS_MEAN : SPEC_GENERATE;
}

static bool by_label(int score)
{
    return score == SPEC_LABELS || score == SPEC_LABELS_MEAN;
}

static Status check_scores(const Spec *s, Err *e)
{
    const Task *t = s->found, *h = task_history(t);
    if (s->utility.score == SPEC_LIKELIHOOD)
        FAIL(e, ERR_ARG,
             "utility.score = likelihood, want generate or labels: utility is reported in the task's own "
             "metrics");
    if ((!t->labelled && by_label(s->utility.score)) || (!h->labelled && by_label(s->search.score)))
        FAIL(e, ERR_ARG, "score = labels, but task %s has no closed set of labels",
             t->labelled ? h->name : s->task);
    if (s->search.temperature > 0 && s->search.score != SPEC_GENERATE)
        FAIL(e, ERR_ARG, "search.temperature = %g, but only search.score = generate draws answers",
             s->search.temperature);
    return OK;
}

Status spec_for(Spec *out, const Spec *s, const char *task, Err *e)
{
    Spec one = *s;
    size_t i = 0;
    while (i < s->tasks.n && strcmp(s->tasks.x[i], task) != 0) i++;
    if (i == s->tasks.n) FAIL(e, ERR_ARG, "task = %s is none of this audit's", task);
    one.task = s->tasks.x[i];
    one.found = s->known[i];
    one.utility.score = score_for(s->utility.score, one.found);
    one.search.score = score_for(s->search.score, task_history(one.found));
    TRY(check_scores(&one, e));
    TRY(check_search(&one, e));
    *out = one;
    return OK;
}

static Status known_task(const Task **out, const Spec *s, Arena *a, const char *task, Err *e)
{
    TRY(task_in(out, a, s->data, task, e));
    const char *near = *out == NULL ? task_nearest(task) : NULL;
    if (*out == NULL)
        FAIL(e, ERR_ARG, "task = %s is not known%s%s", task,
             near != NULL ? ", did you mean " : "; see 'prime list task'", near != NULL ? near : "");
    return OK;
}

static Status check_tasks(Spec *s, Arena *a, Err *e)
{
    Spec one;
    if (s->tasks.n == 0) FAIL(e, ERR_ARG, "task is empty, want at least one");
    s->known = arena_zalloc(a, s->tasks.n, sizeof *s->known);
    if (s->known == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tasks", s->tasks.n);
    for (size_t i = 0; i < s->tasks.n; i++) {
        TRY(known_task(&s->known[i], s, a, s->tasks.x[i], e));
        TRY(spec_for(&one, s, s->tasks.x[i], e));
        for (size_t j = 0; j < i; j++)
            if (strcmp(s->tasks.x[i], s->tasks.x[j]) == 0)
                FAIL(e, ERR_ARG, "task: %s is there twice", s->tasks.x[i]);
    }
    s->task = s->tasks.x[0];
    s->found = s->known[0];
    return OK;
}

static Status spec_check(Spec *s, Arena *a, Err *e)
{
    TRY(check_methods(s, e));
    TRY(spec_check_attacks(s, e));
    TRY(check_tasks(s, a, e));
    TRY(check_contexts(s, e));
    TRY(check_people(s, e));
    TRY(check_distinct("lambda", &s->lambda, e));
    TRY(check_distinct("limit", &s->limit, e));
    TRY(check_distinct("front", &s->front, e));
    TRY(check_distinct("constrained.limit", &s->constrained.limit, e));
    TRY(check_seeds(s, e));
    return check_operator(s, e);
}

Status spec_load(Spec *s, Arena *a, const char *path, const char *const *set, size_t n_set, Err *e)
{
    Spec fresh = spec_default();
    TRY(yml_load(&fresh, &spec_fields, a, path, set, n_set, e));
    if (spec_check(&fresh, a, e) != OK) return err_prefix(e, "%s", path);
    *s = fresh;
    return OK;
}

void spec_dump(Str *out, const Spec *s)
{
    yml_dump(out, &spec_fields, s);
}

void spec_help(Str *out)
{
    yml_help(out, &spec_fields);
}

size_t spec_goals(const Spec *s)
{
    return s->lambda.n + s->limit.n + s->front.n;
}

SpecGoal spec_goal(const Spec *s, size_t i)
{
    if (i < s->lambda.n) return (SpecGoal){"evolved", SPEC_LAMBDA, s->lambda.x[i]};
    i -= s->lambda.n;
    if (i < s->limit.n) return (SpecGoal){"limited", SPEC_LIMIT, s->limit.x[i]};
    return (SpecGoal){"front", SPEC_FRONT, s->front.x[i - s->limit.n]};
}

size_t spec_searches(const Spec *s)
{
    return s->lambda.n + s->limit.n;
}

size_t spec_evaluations(const Spec *s)
{
    return s->evolve.budget * spec_searches(s);
}

const Task *spec_task(const Spec *s)
{
    return s->found;
}

const MergeMethod *spec_merge(const Spec *s)
{
    return merge_find(s->evolve.op);
}

const EvolveMethod *spec_optimiser(const Spec *s)
{
    for (size_t i = 0; s->evolve.method == NULL && evolve_preset_at(i) != NULL; i++)
        if (strcmp(evolve_preset_at(i)->name, s->evolve.preset) == 0)
            return optimiser_find(evolve_preset_at(i)->method);
    return optimiser_find(s->evolve.method);
}

MergeOpts spec_merge_opts(const Spec *s, const MergeMethod *m, uint64_t seed)
{
    MergeOpts o = merge_opts();
    if (m->reads & MERGE_DENSITY) o.density = s->merge.density;
    if (m->reads & MERGE_SEED) o.seed = seed;
    if (s->merge.rank > 0) o.rank = s->merge.rank;
    return o;
}

bool spec_draws(const Spec *s)
{
    return s->search.score == SPEC_GENERATE && s->search.temperature > 0;
}

Status spec_kinds(unsigned *kinds, const Spec *s, const LoraShape *shape, Err *e)
{
    if (lora_kinds_named(kinds, shape, s->adapter.modules.x, s->adapter.modules.n, e) != OK)
        return err_prefix(e, "adapter.modules");
    return OK;
}

TrainOpts spec_train(const Spec *s, uint64_t seed)
{
    TrainOpts o = s->adapter.preset == 1 ? train_paper() : train_default();
    if (!isnan(s->adapter.lr)) o.opt.lr = s->adapter.lr;
    if (!isnan(s->adapter.dropout)) o.dropout = s->adapter.dropout;
    if (s->adapter.epochs > 0) o.epochs = s->adapter.epochs;
    if (s->adapter.batch > 0) o.batch_docs = s->adapter.batch;
    o.seed = seed;
    return o;
}
