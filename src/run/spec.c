#include "prime/spec.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const char *const spec_ops[] = {"prime", "exact", NULL};
static const char *const score_names[] = {"generate", "labels", "likelihood", NULL};
static const char *const penalty_names[] = {"agreement", "membership", "fingerprint", "norm", NULL};
static const char *const preset_names[] = {"default", "paper", NULL};

#define AT(member) offsetof(Spec, member)

static const YmlField fields[] = {
    {.key = "question", .type = YML_STR, .offset = AT(question), .help = "what the audit is to answer"},
    {.key = "task",
     .type = YML_STR,
     .offset = AT(task),
     .flags = YML_REQUIRED,
     .help = "a task of the dataset"},
    {.key = "data", .type = YML_STR, .offset = AT(data), .flags = YML_REQUIRED, .help = "dataset folder"},
    {.key = "base",
     .type = YML_STR,
     .offset = AT(base),
     .flags = YML_REQUIRED,
     .help = "folder of the base model"},
    {.key = "seeds",
     .type = YML_SIZES,
     .offset = AT(seeds),
     .min = 0,
     .max = 1e9,
     .help = "one repetition each"},
    {.key = "limit",
     .type = YML_NUMS,
     .offset = AT(limit),
     .min = 0,
     .max = 1e9,
     .help = "limits of the objective's term: best utility within each"},
    {.key = "lambda",
     .type = YML_NUMS,
     .offset = AT(lambda),
     .min = 0,
     .max = 1e6,
     .help = "privacy weights of the sweep"},

    {.key = "targets.count",
     .type = YML_SIZE,
     .offset = AT(targets.count),
     .min = 1,
     .max = 10000,
     .help = "people to personalise for"},
    {.key = "targets.min_search",
     .type = YML_SIZE,
     .offset = AT(targets.min_search),
     .min = 1,
     .max = 1e6,
     .help = "history records a target must have"},
    {.key = "targets.min_query",
     .type = YML_SIZE,
     .offset = AT(targets.min_query),
     .min = 1,
     .max = 1e6,
     .help = "query records a target must have"},
    {.key = "targets.users",
     .type = YML_STRS,
     .offset = AT(targets.users),
     .help = "these people, instead of a draw"},

    {.key = "anchors.pool",
     .type = YML_SIZE,
     .offset = AT(anchors.pool),
     .min = 1,
     .max = 10000,
     .help = "clusters of people; the longest history of each is an anchor"},
    {.key = "anchors.per_target",
     .type = YML_SIZE,
     .offset = AT(anchors.per_target),
     .min = 1,
     .max = 256,
     .help = "nearest anchors that are merged"},
    {.key = "anchors.min_history",
     .type = YML_SIZE,
     .offset = AT(anchors.min_history),
     .min = 1,
     .max = 1e6,
     .help = "history records an anchor must have"},
    {.key = "anchors.min_heldout",
     .type = YML_SIZE,
     .offset = AT(anchors.min_heldout),
     .min = 1,
     .max = 1e6,
     .help = "held-out records an anchor must have"},
    {.key = "anchors.users",
     .type = YML_STRS,
     .offset = AT(anchors.users),
     .help = "these people, instead of clusters"},

    {.key = "adapt.records",
     .type = YML_SIZE,
     .offset = AT(adapt.records),
     .min = 0,
     .max = 1e7,
     .help = "records of base users that adapt the base to the task"},
    {.key = "adapt.epochs",
     .type = YML_SIZE,
     .offset = AT(adapt.epochs),
     .min = 1,
     .max = 1000,
     .help = "passes over them"},
    {.key = "adapt.rank",
     .type = YML_SIZE,
     .offset = AT(adapt.rank),
     .min = 1,
     .max = 4096,
     .help = "rank of the adaptation, folded in"},
    {.key = "adapt.lr",
     .type = YML_NUM,
     .offset = AT(adapt.lr),
     .min = 0,
     .max = 1,
     .help = "its learning rate"},

    {.key = "adapter.preset",
     .type = YML_CHOICE,
     .offset = AT(adapter.preset),
     .names = preset_names,
     .help = "hyper-parameters of the anchors' adapters"},
    {.key = "adapter.rank",
     .type = YML_SIZE,
     .offset = AT(adapter.rank),
     .min = 1,
     .max = 4096,
     .help = "LoRA rank"},
    {.key = "adapter.alpha",
     .type = YML_NUM,
     .offset = AT(adapter.alpha),
     .min = 0,
     .max = 1e6,
     .flags = YML_ABOVE,
     .help = "LoRA alpha; the update is scaled by alpha/rank"},
    {.key = "adapter.modules",
     .type = YML_STRS,
     .offset = AT(adapter.modules),
     .help = "adapted modules, by the model's own names (q_proj, c_attn); or attention, mlp, all-linear"},
    {.key = "adapter.dropout",
     .type = YML_NUM,
     .offset = AT(adapter.dropout),
     .min = 0,
     .max = 1,
     .flags = YML_BELOW,
     .help = "on the adapters' inputs"},
    {.key = "adapter.lr",
     .type = YML_NUM,
     .offset = AT(adapter.lr),
     .min = 0,
     .max = 1,
     .help = "peak learning rate"},
    {.key = "adapter.epochs",
     .type = YML_SIZE,
     .offset = AT(adapter.epochs),
     .min = 0,
     .max = 1000,
     .help = "passes over a person's history, 0 for the preset's"},
    {.key = "adapter.batch",
     .type = YML_SIZE,
     .offset = AT(adapter.batch),
     .min = 0,
     .max = 4096,
     .help = "records a step, 0 for the preset's"},
    {.key = "adapter.retrain",
     .type = YML_BOOL,
     .offset = AT(adapter.retrain),
     .help = "train the anchors anew for every seed"},

    {.key = "evolve.preset",
     .type = YML_STR,
     .offset = AT(evolve.preset),
     .help = "settings of the search: prime, prime-paper"},
    {.key = "evolve.method",
     .type = YML_STR,
     .offset = AT(evolve.method),
     .help = "optimiser, instead of the preset's"},
    {.key = "evolve.operator",
     .type = YML_CHOICE,
     .offset = AT(evolve.op),
     .names = spec_ops,
     .help = "how adapters are merged"},
    {.key = "evolve.granularity",
     .type = YML_CHOICE,
     .offset = AT(evolve.granularity),
     .names = merge_by_names,
     .help = "what of each anchor has a weight of its own; PriME's piece mode: layer"},
    {.key = "evolve.objective",
     .type = YML_CHOICE,
     .offset = AT(evolve.objective),
     .names = penalty_names,
     .help = "what lambda weighs against utility"},
    {.key = "evolve.budget",
     .type = YML_SIZE,
     .offset = AT(evolve.budget),
     .min = 1,
     .max = 1e6,
     .help = "new evaluations for each lambda"},
    {.key = "evolve.popsize",
     .type = YML_SIZE,
     .offset = AT(evolve.popsize),
     .min = 0,
     .max = 4096,
     .help = "candidates a generation, 0 for the preset's"},
    {.key = "evolve.sigma",
     .type = YML_NUM,
     .offset = AT(evolve.sigma),
     .min = 0,
     .max = 100,
     .flags = YML_ABOVE,
     .help = "initial standard deviation of a weight"},
    {.key = "evolve.bound",
     .type = YML_NUM,
     .offset = AT(evolve.bound),
     .min = 0,
     .max = 1000,
     .flags = YML_ABOVE,
     .help = "weights lie in [-bound, bound]"},

    {.key = "search.records",
     .type = YML_SIZE,
     .offset = AT(search.records),
     .min = 1,
     .max = 1e6,
     .help = "history records of the target that the search sees"},
    {.key = "search.score",
     .type = YML_CHOICE,
     .offset = AT(search.score),
     .names = score_names,
     .help = "generate: the task's metrics on greedy answers; labels: on the likeliest label; likelihood: "
             "nats a token"},
    {.key = "search.members",
     .type = YML_SIZE,
     .offset = AT(search.members),
     .min = 1,
     .max = 1e6,
     .help = "trained records of each anchor that objective membership sees, and no attack"},
    {.key = "search.heldout",
     .type = YML_SIZE,
     .offset = AT(search.heldout),
     .min = 1,
     .max = 1e6,
     .help = "held-out records of each anchor for the same"},
    {.key = "utility.records",
     .type = YML_SIZE,
     .offset = AT(utility.records),
     .min = 1,
     .max = 1e6,
     .help = "query records of the target that are reported on"},
    {.key = "utility.score",
     .type = YML_CHOICE,
     .offset = AT(utility.score),
     .names = score_names,
     .help = "generate or labels"},
    {.key = "attack.members",
     .type = YML_SIZE,
     .offset = AT(attack.members),
     .min = 1,
     .max = 1e6,
     .help = "trained records of each anchor, at most"},
    {.key = "attack.heldout",
     .type = YML_SIZE,
     .offset = AT(attack.heldout),
     .min = 1,
     .max = 1e6,
     .help = "held-out records of each anchor, at most"},
};

static const YmlSpec the_spec = {fields, sizeof fields / sizeof fields[0], sizeof(Spec)};

Spec spec_default(void)
{
    static const size_t seeds[] = {1, 2, 3};
    static const double lambda[] = {0, 0.1, 0.3, 1, 3};
    static const char *const modules[] = {"attention"};
    Spec s = {.seeds = {seeds, 3}, .lambda = {lambda, 5}};
    s.targets.count = 4;
    s.targets.min_search = 8;
    s.targets.min_query = 8;
    s.anchors.pool = 8;
    s.anchors.per_target = 3;
    s.anchors.min_history = 12;
    s.anchors.min_heldout = 6;
    s.adapt.records = 400;
    s.adapt.epochs = 1;
    s.adapt.rank = 8;
    s.adapt.lr = 1e-3;
    s.adapter.rank = 8;
    s.adapter.alpha = 8;
    s.adapter.dropout = NAN;
    s.adapter.lr = NAN;
    s.adapter.modules = (YmlStrs){modules, 1};
    s.evolve.preset = "prime";
    s.evolve.budget = 10;
    s.evolve.sigma = NAN;
    s.evolve.bound = 1.5;
    s.search.records = 16;
    s.search.members = 8;
    s.search.heldout = 4;
    s.utility.records = 24;
    s.attack.members = 48;
    s.attack.heldout = 48;
    return s;
}

static Status spec_check(const Spec *s, Err *e)
{
    const Task *t = task_find(s->task);
    if (t == NULL) {
        const char *near = task_nearest(s->task);
        FAIL(e, ERR_ARG, "task = %s is not known%s%s", s->task,
             near != NULL ? ", did you mean " : "; see 'prime list task'", near != NULL ? near : "");
    }
    if (s->utility.score == SPEC_LIKELIHOOD)
        FAIL(e, ERR_ARG,
             "utility.score = likelihood, want generate or labels: utility is reported in the task's own "
             "metrics");
    if (!t->labelled && (s->utility.score == SPEC_LABELS || s->search.score == SPEC_LABELS))
        FAIL(e, ERR_ARG, "score = labels, but task %s has no closed set of labels", s->task);
    if (s->anchors.users.n == 0 && s->anchors.per_target > s->anchors.pool)
        FAIL(e, ERR_ARG, "anchors.per_target = %zu, want at most anchors.pool = %zu", s->anchors.per_target,
             s->anchors.pool);
    if (s->anchors.users.n > 0 && s->anchors.per_target > s->anchors.users.n)
        FAIL(e, ERR_ARG, "anchors.per_target = %zu, want at most the %zu of anchors.users",
             s->anchors.per_target, s->anchors.users.n);
    if (s->adapter.modules.n == 0) FAIL(e, ERR_ARG, "adapter.modules is empty, want at least one module");
    for (size_t i = 0; i < s->seeds.n; i++)
        for (size_t j = 0; j < i; j++)
            if (s->seeds.x[i] == s->seeds.x[j]) FAIL(e, ERR_ARG, "seeds: %zu is there twice", s->seeds.x[i]);
    for (size_t i = 0; i < s->lambda.n; i++)
        for (size_t j = 0; j < i; j++)
            if (s->lambda.x[i] == s->lambda.x[j])
                FAIL(e, ERR_ARG, "lambda: %g is there twice", s->lambda.x[i]);
    for (size_t i = 0; i < s->limit.n; i++)
        for (size_t j = 0; j < i; j++)
            if (s->limit.x[i] == s->limit.x[j]) FAIL(e, ERR_ARG, "limit: %g is there twice", s->limit.x[i]);
    return OK;
}

Status spec_load(Spec *s, Arena *a, const char *path, const char *const *set, size_t n_set, Err *e)
{
    Spec fresh = spec_default();
    TRY(yml_load(&fresh, &the_spec, a, path, set, n_set, e));
    if (spec_check(&fresh, e) != OK) return err_prefix(e, "%s", path);
    *s = fresh;
    return OK;
}

void spec_dump(Str *out, const Spec *s)
{
    yml_dump(out, &the_spec, s);
}

void spec_help(Str *out)
{
    yml_help(out, &the_spec);
}

size_t spec_goals(const Spec *s)
{
    return s->lambda.n + s->limit.n;
}

SpecGoal spec_goal(const Spec *s, size_t i)
{
    if (i < s->lambda.n) return (SpecGoal){"evolved", false, s->lambda.x[i]};
    return (SpecGoal){"limited", true, s->limit.x[i - s->lambda.n]};
}

const Task *spec_task(const Spec *s)
{
    return task_find(s->task);
}

const MergeMethod *spec_merge(const Spec *s)
{
    return merge_find(spec_ops[s->evolve.op]);
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
