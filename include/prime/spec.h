/* spec.h - what an audit asks for: audit.yaml as a struct. Every number of a run follows from it, the dataset
 * and the base model.
 *
 * Paths are relative to the folder that the program is started in. Defaults suit a base model of a few
 * million parameters and people with 20 to 80 records; spec_help prints every key with its bounds. */
#ifndef PRIME_SPEC_H
#define PRIME_SPEC_H

#include "prime/attack.h"
#include "prime/evolve.h"
#include "prime/merge.h"
#include "prime/task.h"
#include "prime/train.h"
#include "prime/yml.h"

/* How an answer is had, or a fit judged: the task's metrics on generated answers, on the likeliest label (by
 * nats in all, or by nats a token), or nats a token of the golds. SPEC_AUTO: by label and nats a token where
 * the task has labels, else generated. */
typedef enum { SPEC_GENERATE, SPEC_LABELS, SPEC_LABELS_MEAN, SPEC_LIKELIHOOD, SPEC_AUTO } SpecScore;

/* A prompt with context: so many items of the target's history, and a description of the target. */
typedef struct {
    const char *name; /* none, rag4, pag0 ...: pag has the description */
    size_t items;
    bool profile;
} SpecContext;
enum { SPEC_CONTEXTS = 16, SPEC_SHADOWS = 64 /* at most */ };

typedef struct {
    int precision;        /* MatType: of scoring and generating; training is float32 */
    const char *question; /* what the audit is to answer, in a sentence */
    const char *data, *base;
    YmlStrs tasks;
    const Task **known; /* [tasks] by these names, in the table or beside the data */
    const char *task;   /* the one that spec_for has chosen; the first after spec_load */
    const Task *found;  /* by that name */
    YmlStrs methods;    /* rows of baseline.h */
    YmlSizes seeds;
    YmlNums lambda;
    YmlNums limit; /* searches of their own: best utility with mean V <= limit */
    YmlNums front; /* no searches: points of the front of what was evaluated, by their place in [0, 1] */

    struct {
        size_t count, min_search, min_query;
        YmlStrs users; /* these instead of a draw */
    } targets;
    struct {
        size_t pool, per_target, min_history, min_heldout;
        YmlStrs users; /* these instead of clusters */
    } anchors;
    struct {
        size_t records, epochs, rank;
        double lr;
    } adapt; /* task adaptation of the base on base users; records 0 = none */
    struct {
        int preset; /* 0 default, 1 paper */
        size_t rank, epochs, batch;
        double alpha, dropout, lr; /* epochs, batch 0 and lr, dropout NAN: the preset's */
        YmlStrs modules;
        bool retrain; /* anchors are trained anew for every seed */
    } adapter;
    struct {
        const char *preset, *method; /* method NULL: the preset's */
        const char *op;              /* a method of merge.h */
        int objective;               /* index into the table of penalty.h */
        int granularity;             /* MergeBy: what has a weight of its own */
        size_t budget, popsize;      /* evaluations for each lambda and limit; 0: the preset's population */
        double sigma, bound;         /* sigma NAN: the preset's */
        double cap, min_effective;   /* MergeLimits that every candidate keeps */
        int noise;                   /* EvolveNoise */
        bool with_norm;
        bool race; /* worse candidates of a generation do not hear all records */
    } evolve;
    struct {
        double density; /* NAN: not given */
        size_t rank;    /* 0: the operator's own */
    } merge;
    struct {
        size_t records;
        int score;                 /* SpecScore */
        double temperature, top_p; /* of generated answers; 0: the likeliest */
        size_t repeats;            /* evaluations of a point of the front, where answers are drawn */
        size_t members, heldout; /* of each anchor, for an objective that reads people; no attack sees them */
    } search;
    struct {
        size_t records;
        int score; /* SpecScore, not SPEC_LIKELIHOOD */
    } utility;
    struct {
        size_t members, heldout; /* records of each anchor, at most */
        YmlStrs methods;         /* rows of attack.h that each cell is attacked with; "all" */
        bool fingerprint;        /* recover the merge weights from the weights of every merge */
        bool people;             /* attacks on people, see sweep.h */
        bool signals;            /* keep DIR/signals */
        size_t canaries;         /* references for the exposure of each canary; 0: none is measured */
        YmlStrs texts;           /* what else the records are read as: lowercase, prefix, neighbour */
        size_t shots;            /* records of a prefix, at most */
        size_t neighbours;       /* of each record */
        const char *counts;      /* token frequencies for dc_pdd: "others", a file, or NULL: none */
        size_t malicious;        /* records of the attacker's own, of method malicious */
        size_t shadows;          /* of each anchor, even; 0: none */
        size_t population;       /* records of others beside them */
        bool collusion;          /* the best placed other anchor takes its own part out */
        bool extract;            /* whether a model writes records out, and what looks like people's data */
    } attack;
    struct {
        YmlStrs variants;              /* names of SpecContext */
        size_t tokens, profile_tokens; /* budgets of its blocks, 0: none */
        int profiles;                  /* 0 of the dataset, 1 written by the base model */
    } context;
    struct {
        double density;     /* of ties and dare */
        double temperature; /* of the shares of soup-preference */
    } equal;
    struct {
        YmlNums limit; /* of the membership advantage that method constrained keeps */
    } constrained;
    struct {
        size_t records;  /* of a target's history, at most */
        bool accumulate; /* the planted defect: each adapter goes on from the target's before */
    } oppu;
    struct {
        size_t topk, steps;
        double lr;
    } perpcs;
    struct {
        double epsilon, delta, clip; /* of one record, for the anchors of method dp-uniform */
    } dp;
} Spec;

/* What is wanted of a search: least -U + lambda * V, best U with V within a limit, or a point of the front of
 * least -U and least V, by its place between the most private (0) and the most useful (1). */
typedef enum { SPEC_LAMBDA, SPEC_LIMIT, SPEC_FRONT } SpecWant;
typedef struct {
    const char *method; /* of its cells: evolved, limited, front */
    SpecWant want;
    double value;
} SpecGoal;
size_t spec_goals(const Spec *s);
SpecGoal spec_goal(const Spec *s, size_t i); /* lambdas first, in order, then limits, then front */
/* spec_searches - how many of the goals, the first ones, are searched for by an optimiser of one objective.
 */
size_t spec_searches(const Spec *s);
/* spec_evaluations - the most evaluations of one search of all goals, repeated ones apart. */
size_t spec_evaluations(const Spec *s);

/* spec_default - every optional value. */
Spec spec_default(void);
/* spec_load - read a file, apply `set` ("key=value" each), check values against each other.
 * Errors: those of yml_load (file, line, nearest key); ERR_ARG for combinations that make no sense. */
Status spec_load(Spec *s, Arena *a, const char *path, const char *const *set, size_t n_set,
                 Err *e) PRIME_MUST_USE;
/* spec_dump - the resolved specification as YAML; spec_help - every key. */
void spec_dump(Str *out, const Spec *s);
void spec_help(Str *out);

/* spec_for - the specification of one of its tasks: `auto` is resolved. Errors: ERR_ARG what the task cannot
 * be scored by. */
Status spec_for(Spec *out, const Spec *s, const char *task, Err *e) PRIME_MUST_USE;
/* spec_wants - whether a method is asked for. */
bool spec_wants(const Spec *s, const char *method);
/* spec_attacks - whether a cell has rows of this attack: it is asked for, and the passes over the records
 * leave behind what it reads: the plain one, those that attack.texts asks for, and the count of
 * attack.counts; loo: the merges without each anchor are there too, and ref_loo with them. */
bool spec_attacks(const Spec *s, const Attack *at, bool loo);
/* spec_texts - whether attack.texts has this name. */
bool spec_texts(const Spec *s, const char *name);
/* spec_contexts - the variants, in order; spec_context - one of them. */
size_t spec_contexts(const Spec *s);
SpecContext spec_context(const Spec *s, size_t i);
/* spec_reads_people - whether some search looks at records of the anchors' people, which no attack then
 * sees. */
bool spec_reads_people(const Spec *s);

const Task *spec_task(const Spec *s);              /* never NULL after spec_load */
const MergeMethod *spec_merge(const Spec *s);      /* never NULL after spec_load */
const EvolveMethod *spec_optimiser(const Spec *s); /* never NULL after spec_load */
/* spec_merge_opts - of a merge method in this audit: what the method reads. */
MergeOpts spec_merge_opts(const Spec *s, const MergeMethod *m, uint64_t seed);
bool spec_draws(const Spec *s); /* whether a search draws its answers, so that values are noisy */
TrainOpts spec_train(const Spec *s, uint64_t seed); /* of the anchors' adapters */
/* spec_kinds - adapter.modules as bits of LoraKind. Errors: ERR_ARG a module that a model of this shape
 * lacks. */
Status spec_kinds(unsigned *kinds, const Spec *s, const LoraShape *shape, Err *e) PRIME_MUST_USE;

#endif
