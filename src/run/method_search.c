/* method_search.c - methods whose weights are searched for, and controls of the same strength. */
#include "sweep_priv.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which search ---- */

size_t method_evolved_goals(const Spec *sp)
{
    return spec_goals(sp);
}

size_t method_lambda_goals(const Spec *sp)
{
    return sp->lambda.n;
}

size_t method_constrained_goals(const Spec *sp)
{
    return sp->constrained.limit.n;
}

size_t method_without_goals(const Spec *sp)
{
    return sp->lambda.n > 0;
}

static void search_as_asked(Spec *sp)
{
    (void)sp;
}

/* What the released code does is fixed; lambdas, budget, records and scores are the audit's. */
static void search_as_paper(Spec *sp)
{
    sp->evolve.preset = "prime-paper";
    sp->evolve.method = NULL;
    sp->evolve.op = "prime";
    sp->evolve.objective = 0;
    sp->evolve.popsize = 0;
    sp->evolve.sigma = NAN;
    sp->evolve.bound = 1.5;
    sp->evolve.cap = INFINITY;
    sp->evolve.min_effective = 0;
    sp->evolve.noise = EVOLVE_NOISE_NONE;
    sp->evolve.with_norm = false;
    sp->merge.density = NAN;
    sp->merge.rank = 0;
    sp->limit.n = sp->front.n = 0;
}

enum { OBJECTIVE_MEMBERSHIP = 1 };

static void search_constrained(Spec *sp)
{
    sp->evolve.objective = OBJECTIVE_MEMBERSHIP;
    sp->limit = sp->constrained.limit;
    sp->lambda.n = sp->front.n = 0;
}

static const struct {
    const char *method;
    bool goals_name; /* cells bear the name of the goal: evolved, limited, front */
    void (*change)(Spec *sp);
} kinds[] = {
    {"evolved", true, search_as_asked},
    {"prime-paper", false, search_as_paper},
    {"constrained", false, search_constrained},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

size_t method_search_evaluations(const Spec *sp)
{
    size_t n = 0;
    for (size_t i = 0; i < N_KINDS; i++) {
        Spec one = *sp;
        if (!spec_wants(sp, kinds[i].method)) continue;
        kinds[i].change(&one);
        n += spec_evaluations(&one);
    }
    return n;
}

void method_search_spec(Spec *sp, const char *method)
{
    size_t i = 0;
    while (i + 1 < N_KINDS && strcmp(kinds[i].method, method) != 0) i++;
    kinds[i].change(sp);
}

/* ---- a group: all goals of one search, and the controls beside them ---- */

typedef struct {
    Sweep *s;
    const Audit *a; /* with the specification of this search */
    const AuditTarget *t;
    size_t index, kind;
    const Lora **anchor;
    SearchFound *found; /* [goals] */
    Trial *trial;       /* [n] goals, then controls for each lambda */
    Lora **made;        /* [n] what has to be freed */
    size_t n, n_made;
} Group;

/* A trial beside the one at a lambda. */
typedef Status (*ControlFn)(Group *g, Trial *t, size_t lambda, Err *e);
static Status control_random(Group *g, Trial *t, size_t lambda, Err *e);
static Status control_uniform(Group *g, Trial *t, size_t lambda, Err *e);
static Status control_others(Group *g, Trial *t, size_t lambda, Err *e);
static Status control_without(Group *g, Trial *t, size_t lambda, Err *e);
static Status control_scaled(Group *g, Trial *t, size_t lambda, Err *e);

static const struct {
    const char *method;
    ControlFn make;
    size_t (*goals)(const Spec *sp);
} controls[] = {{"matched-random", control_random, method_lambda_goals},
                {"matched-uniform", control_uniform, method_lambda_goals},
                {"random-anchors", control_others, method_lambda_goals},
                {"loo", control_without, method_without_goals},
                {"scaled", control_scaled, method_lambda_goals}};
enum { N_CONTROLS = sizeof controls / sizeof controls[0] };

static Status group_room(Group *g, Err *e)
{
    size_t goals = spec_goals(g->a->spec), lambdas = g->a->spec->lambda.n,
           most = goals + N_CONTROLS * lambdas,
           merges = most + (goals + lambdas) * g->a->spec->anchors.per_target;
    g->found = arena_zalloc(&g->s->arena, goals, sizeof *g->found);
    g->trial = arena_zalloc(&g->s->arena, most, sizeof *g->trial);
    g->made = arena_zalloc(&g->s->arena, merges, sizeof *g->made);
    if (g->found == NULL || g->trial == NULL || g->made == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu goals", goals);
    return anchors_of(&g->anchor, g->s, g->t, g->index, e);
}

/* Methods and lambdas, before anything is searched for. */
static void group_names(Group *g)
{
    const Spec *sp = g->a->spec;
    for (size_t i = 0; i < spec_goals(sp); i++) {
        SpecGoal goal = spec_goal(sp, i);
        const char *name = kinds[g->kind].goals_name ? goal.method : kinds[g->kind].method;
        g->trial[g->n++] = (Trial){.method = name, .lambda = goal.value, .audit = g->a};
    }
    for (size_t c = 0; c < N_CONTROLS; c++)
        for (size_t i = 0;
             kinds[g->kind].goals_name && spec_wants(sp, controls[c].method) && i < controls[c].goals(sp);
             i++)
            g->trial[g->n++] =
                (Trial){.method = controls[c].method, .lambda = sp->lambda.x[i], .audit = g->a};
}

static void scale_by(Lora *l, double c)
{
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) l->site[i].scale *= (float)c;
}

static Status found_again(Lora **out, const TrialFor *who, const Trial *t, const Lora *const *anchor, Err *e)
{
    TRY(audit_merge(out, t->audit, anchor, t->w, t->audit->spec->seeds.x[who->index], e));
    if (t->scale != 0) scale_by(*out, t->scale);
    return OK;
}

/* One adapter for each distinct genome. */
static Status found_merges(Group *g, Err *e)
{
    size_t bytes = audit_genome(g->a) * sizeof(double), n = spec_goals(g->a->spec);
    uint64_t seed = g->a->spec->seeds.x[g->index];
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < i && memcmp(g->found[j].weight, g->found[i].weight, bytes) != 0) j++;
        if (j == i) TRY(audit_merge(&g->made[g->n_made++], g->a, g->anchor, g->found[i].weight, seed, e));
        g->trial[i].lora = j == i ? g->made[g->n_made - 1] : g->trial[j].lora;
        g->trial[i].w = g->found[j].weight;
        g->trial[i].again = found_again;
        g->trial[i].found = &g->found[i];
        g->trial[i].merge = spec_merge(g->a->spec);
    }
    return OK;
}

/* The merge of a genome without one anchor, everything else as it is; or of that anchor alone. */
static Status merge_part(Group *g, const double *genome, size_t anchor, bool alone, Err *e)
{
    const Audit *a = g->a;
    size_t D = audit_genome(a);
    double *w = arena_alloc(&g->s->arena, D, sizeof *w);
    if (w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", D);
    memcpy(w, genome, D * sizeof *w);
    for (size_t i = 0; i < D; i++)
        if ((i / a->n_groups == anchor) != alone) w[i] = 0;
    TRY(audit_merge(&g->made[g->n_made], a, g->anchor, w, a->spec->seeds.x[g->index], e));
    g->n_made++;
    return OK;
}

/* For every distinct merge, the same without each anchor in turn. */
static Status found_without(Group *g, Err *e)
{
    size_t K = g->a->spec->anchors.per_target;
    if (!kinds[g->kind].goals_name || !spec_wants(g->a->spec, "loo")) return OK;
    for (size_t i = 0; i < spec_goals(g->a->spec); i++) {
        size_t j = 0;
        while (g->trial[j].lora != g->trial[i].lora) j++;
        g->trial[i].without = j < i ? g->trial[j].without : &g->made[g->n_made];
        for (size_t k = 0; j == i && k < K; k++) TRY(merge_part(g, g->trial[i].w, k, false, e));
    }
    return OK;
}

/* Weights of a control: normal ones, or equal ones. */
static Status control_weights(const double **out, const Group *g, size_t lambda, bool random, Err *e)
{
    const Audit *a = g->a;
    size_t D = audit_genome(a);
    double *w = arena_alloc(&g->s->arena, D, sizeof *w);
    if (w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", D);
    Rng rng = rng_stream(a->spec->seeds.x[g->index], g->t->user->id, lambda);
    for (size_t i = 0; i < D; i++) {
        double x = random ? rng_normal(&rng) : 1 / (double)a->spec->anchors.per_target;
        w[i] = spec_merge(a->spec)->positive ? fabs(x) : x;
    }
    *out = w;
    return OK;
}

/* As strong as the merge of the same lambda. The weights that are written down are those before scaling. */
static Status control_matched(Group *g, Trial *t, size_t lambda, bool random, Err *e)
{
    Lora **made = &g->made[g->n_made];
    TRY(control_weights(&t->w, g, lambda, random, e));
    TRY(audit_merge(made, g->a, g->anchor, t->w, g->a->spec->seeds.x[g->index], e));
    g->n_made++;
    double own = lora_norm(*made), c = own > 0 ? lora_norm(g->trial[lambda].lora) / own : 0;
    scale_by(*made, c);
    t->again = found_again;
    t->lora = *made;
    t->merge = spec_merge(g->a->spec);
    t->scale = c;
    return OK;
}

static Status control_random(Group *g, Trial *t, size_t lambda, Err *e)
{
    return control_matched(g, t, lambda, true, e);
}

static Status control_uniform(Group *g, Trial *t, size_t lambda, Err *e)
{
    return control_matched(g, t, lambda, false, e);
}

/* As many anchors that the target does not have, the same ones for every lambda. */
static Status others_drawn(size_t **out, const Group *g, Err *e)
{
    const Audit *a = g->a;
    size_t K = a->spec->anchors.per_target, n = 0,
           *pick = arena_alloc(&g->s->arena, a->n_anchors, sizeof *pick);
    char label[80];
    if (pick == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", a->n_anchors);
    for (size_t i = 0; i < a->n_anchors; i++) {
        size_t k = 0;
        while (k < K && g->t->anchor[k] != i) k++;
        if (k == K) pick[n++] = i;
    }
    assert(n >= K); /* the specification has asked for twice as many anchors */
    snprintf(label, sizeof label, "random anchors %.40s", g->t->user->id);
    Rng rng = rng_stream(a->spec->seeds.x[g->index], label, 0);
    rng_shuffle(&rng, pick, n);
    *out = pick;
    return OK;
}

static Status control_others(Group *g, Trial *t, size_t lambda, Err *e)
{
    const Audit *a = g->a;
    size_t K = a->spec->anchors.per_target, *from = NULL;
    const Lora **l = arena_alloc(&g->s->arena, K, sizeof *l);
    if (l == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu anchors", K);
    TRY(others_drawn(&from, g, e));
    for (size_t k = 0; k < K; k++) l[k] = audit_anchor_lora(a, from[k], g->index);
    t->w = g->trial[lambda].w;
    TRY(audit_merge(&g->made[g->n_made], a, l, t->w, a->spec->seeds.x[g->index], e));
    t->lora = g->made[g->n_made++];
    t->merge = spec_merge(a->spec);
    t->from = from;
    t->again = found_again; /* of the target's own anchors: whose records are attacked */
    return OK;
}

static Status control_without(Group *g, Trial *t, size_t lambda, Err *e)
{
    (void)e;
    t->lora = g->trial[lambda].lora;
    t->without = g->trial[lambda].without;
    t->w = g->trial[lambda].w;
    t->again = found_again;
    t->counterfactual = true;
    return OK;
}

static Status control_scaled(Group *g, Trial *t, size_t lambda, Err *e)
{
    t->lora = g->trial[lambda].lora;
    t->without = &g->made[g->n_made];
    t->counterfactual = true;
    for (size_t k = 0; k < g->a->spec->anchors.per_target; k++)
        TRY(merge_part(g, g->trial[lambda].w, k, true, e));
    return OK;
}

static Status group_controls(Group *g, Err *e)
{
    size_t at = spec_goals(g->a->spec);
    for (size_t c = 0; c < N_CONTROLS; c++)
        for (size_t i = 0; at < g->n && strcmp(g->trial[at].method, controls[c].method) == 0; i++, at++)
            TRY(controls[c].make(g, &g->trial[at], i, e));
    return OK;
}

static Status group_measure(Group *g, Err *e)
{
    Risk *risk = NULL;
    TRY(search_run(g->found, g->a, g->t, g->index, g->s->ledger, g->s->reuse, &g->s->arena, e));
    TRY(found_merges(g, e));
    TRY(found_without(g, e));
    TRY(group_controls(g, e));
    TRY(risks_of(&risk, g->s, g->t, e));
    TrialFor who = {g->t, g->index, risk, g->a->spec->anchors.per_target, g->anchor};
    return trials_run(g->s, &who, g->trial, g->n, e);
}

Status method_search(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e)
{
    Audit a = *s->a;
    Spec sp = *s->a->spec;
    Group g = {.s = s, .a = &a, .t = &s->a->target[target], .index = index};
    bool done = false;
    while (g.kind + 1 < N_KINDS && strcmp(kinds[g.kind].method, row->name) != 0) g.kind++;
    kinds[g.kind].change(&sp);
    a.spec = &sp;
    TRY(group_room(&g, e));
    group_names(&g);
    TRY(trials_done(&done, s, g.t, index, g.trial, g.n, e));
    if (done) return OK;
    TRY(audit_stopped(s->a, e));
    Status st = group_measure(&g, e);
    for (size_t i = 0; i < g.n_made; i++) lora_free(g.made[i]);
    return st;
}
