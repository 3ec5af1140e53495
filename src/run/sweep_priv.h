/* sweep_priv.h - a run on its way: what is measured, method by method, and how it becomes cells. */
#ifndef PRIME_SWEEP_PRIV_H
#define PRIME_SWEEP_PRIV_H

#include "cell.h"

#include "prime/baseline.h"

enum { SWEEP_KEY = 256, SWEEP_METHOD = 64 };

typedef struct Canary Canary;

typedef struct {
    Audit *a;
    Ledger *ledger, *reuse; /* reuse: of another run, or NULL */
    const SweepWatch *watch;
    CellSignals *anchor_ref; /* [n_anchors] under the base model */
    CellSignals *target_ref; /* [n_targets] likewise, where oppu is measured; or NULL */
    double *population_ref;  /* [Audit.population.n] mean log-likelihoods under the base model; or NULL */
    Canary *canary;          /* [n_canaries] of the people at risk */
    size_t n_canaries;
    const double **blind; /* [n_anchors][members, held-out records] of blind_words; NULL: one anchor alone */
    Arena keep;           /* the references */
    Arena arena;          /* reset after each group of cells */
    double begin;         /* clock at the start of the group */
} Sweep;

/* watch_quiet - the same watch, which is told nothing and only asked whether to stop. */
SweepWatch watch_quiet(const SweepWatch *w);

/* ---- cells (trial.c, trial_anchor.c) ---- */

typedef struct Trial Trial;
typedef struct TrialFor TrialFor;
typedef Status (*TrialAgain)(Lora **out, const TrialFor *who, const Trial *t, const Lora *const *anchor,
                             Err *e);

/* What is measured for a target under one name. */
struct Trial {
    const char *method;       /* without its context */
    double lambda;            /* NAN: it has none */
    const Lora *lora;         /* NULL: the base model */
    const Lora *extra;        /* merged with the anchors, but nobody's: the attacker's; or NULL */
    const double *w;          /* [audit_genome] the genome that it is made from; or NULL */
    const double *share;      /* [per_target] one weight an anchor, where there is no genome; or NULL */
    const SearchFound *found; /* or NULL */
    const MergeMethod *merge; /* that made it of the anchors; or NULL */
    double scale;             /* of the merge, beyond these weights; 0 stands for 1 */
    const size_t *from;       /* [per_target] whom it is made of; NULL: the target's own anchors */
    /* [per_target] the merge without each of the target's anchors, or of each alone; or NULL.
     * counterfactual: these are what the cell is about. */
    Lora *const *without;
    bool counterfactual;
    /* again: the same merge of other adapters [per_target] than the anchors', by the specification of audit;
     * NULL: it is no merge of anchors, or of others than they are. */
    TrialAgain again;
    const Audit *audit;
};

/* Whose records it may give away, and what the base model makes of them. */
typedef struct {
    AuditPerson person;
    const CellSignals *ref;
    const char *kind; /* of the ledger's rows */
} Risk;

/* For whom, and what is the same for all trials of a group. */
struct TrialFor {
    const AuditTarget *t;
    size_t index; /* of the seed */
    const Risk *risk;
    size_t n_risks;
    const Lora *const *anchor; /* [per_target] */
};

/* trials_done - whether all cells of trial [n] (method and lambda) are in the ledger, in all contexts; they
 * are reported as steps then. trials_run - measure those of trial [n] that lack cells, all at once, and write
 * them. Trials that share an adapter (the same pointer) are measured once. The base model is a group by
 * itself. */
Status trials_done(bool *done, Sweep *s, const AuditTarget *t, size_t index, const Trial *trial, size_t n,
                   Err *e) PRIME_MUST_USE;
Status trials_run(Sweep *s, const TrialFor *who, const Trial *trial, size_t n, Err *e) PRIME_MUST_USE;
/* trial_anchor - the cells of an anchor's own adapter: the anchor's records, and the targets that would merge
 * it. */
Status trial_anchor(Sweep *s, size_t anchor, size_t index, Err *e) PRIME_MUST_USE;

/* ---- what a ledger says of its run (session.c) ---- */

/* session_inputs - hashes of all that a run reads; text: the specification, resolved. session_adapters -
 * hashes of the adapters of the audit's task, `adapter.TASK.task` and `adapter.TASK.ANCHOR.seedN`, N the seed
 * itself. Errors: those of files; ERR_ARG something has another hash than before. */
Status session_inputs(Ledger *l, const Spec *sp, const char *text, Err *e) PRIME_MUST_USE;
Status session_adapters(Ledger *l, const Audit *a, Err *e) PRIME_MUST_USE;
/* session_precision (precision.c) - of an audit in bfloat16 whose adapters are there, `sessionN.bf16.TASK`:
 * mean and largest difference of log p a token from float32, of the base alone and with an adapter, on 16 of
 * the anchors' own records. Nothing of one in float32. Errors: those of scoring and packing; ERR_NOMEM. Cost:
 * 64 records are scored, and the base is packed again. */
Status session_precision(Ledger *l, size_t number, Audit *a, Err *e) PRIME_MUST_USE;
/* session_begin - under the next number, the program and machine that write from now on: `sessionN`,
 * `sessionN.start`, ...; those of the first as `commit`, `cpu` and `libraries`, too. session_end - its
 * seconds, and how it ended; a session that was killed lacks them. session_processes - how many there are,
 * where it is more than one, and by which library they talk. */
Status session_begin(size_t *number, Ledger *l, Err *e) PRIME_MUST_USE;
Status session_processes(Ledger *l, size_t number, size_t processes, Err *e) PRIME_MUST_USE;
Status session_end(Ledger *l, size_t number, double wall, Status how, Err *e) PRIME_MUST_USE;

/* ---- attacks on more than records (probe.c) ---- */

/* probe_fits - whether a trial is a merge of anchors. probe_weights - rows of kind fingerprint of the open
 * cell. probe_signals - all anchors' records under the candidates; risk: those of the target's own.
 * probe_people - rows of kind person from these. probe_source - share of an anchor's texts, held-out ones and
 * trained ones, that source inference gives to it; probe_source_rows writes them. */
bool probe_fits(const Trial *t);
Status probe_weights(Sweep *s, const TrialFor *who, const Trial *t, Err *e) PRIME_MUST_USE;
Status probe_signals(CellSignals **out, Sweep *s, const TrialFor *who, const CellSignals *risk,
                     const PassLora *lora, size_t n_cand, Err *e) PRIME_MUST_USE;
Status probe_people(Sweep *s, const TrialFor *who, const Trial *t, const CellSignals *people, size_t c,
                    Err *e) PRIME_MUST_USE;
Status probe_source(double share[2], Sweep *s, size_t anchor, size_t index, Err *e) PRIME_MUST_USE;
Status probe_source_rows(Sweep *s, size_t anchor, const double share[2], Err *e) PRIME_MUST_USE;
/* probe_dataset, probe_overlap (probe_set.c) - rows of one anchor that is in the merge or not; x: its signals
 * under candidate c. probe_row - one row of the open cell. */
Status probe_dataset(Sweep *s, size_t anchor, const CellSignals *x, size_t c, bool merged,
                     Err *e) PRIME_MUST_USE;
Status probe_overlap(Sweep *s, const Lora *merged, size_t anchor, size_t index, bool in,
                     Err *e) PRIME_MUST_USE;
Status probe_row(Sweep *s, const char *kind, const char *metric, const char *unit, int label, double value,
                 Err *e) PRIME_MUST_USE;

/* ---- blind attacks that look at more than one text (cell_blind.c) ---- */

/* blind_open - the bag of words of all anchors' records. blind_write - rows of the open cell: `blind_words`
 * of an anchor and, where the cell has a target, which is somebody else, `blind_similarity`. Whatever
 * attack.methods says: what a leak must exceed is always there. Errors: those of blind_words and
 * blind_similarity. */
Status blind_open(Sweep *s, Err *e) PRIME_MUST_USE;
Status blind_write(Sweep *s, const char *kind, const AuditPerson *p, const DataUser *target,
                   Err *e) PRIME_MUST_USE;

/* ---- attacks by shadow models (cell_shadow.c) ----
 *
 * Of one person and one model under attack: what n_shadow models make of the person's records that are made
 * like it but for the person's own training (Audit's shadows, each with half of the records), and n_other
 * that have another person in its place. */

/* Mean log-likelihoods of a token, nats, below 0; models one behind the other. */
typedef struct {
    double *own;        /* [n_shadow + n_other, members + held-out records] */
    double *population; /* [n_shadow + n_other, Audit.population.n] */
    size_t n_shadow, n_other;
} ShadowPerson;

/* shadow_person - model [n_shadow + n_other]. shadow_population - out [n_cand, population.n] in the arena;
 * lora NULL: the base. shadow_write - rows of the open cell. lira, lira_offline: standard deviations shared
 * by the person's records (lira_pooled). rmia, rmia_offline: gamma = 1, population: Audit.population; the
 * offset of the offline prior is that of 0, 0.2 .. 1 which finds most in the first shadow (1 where there are
 * only two). quantile: the mean log-likelihood beyond the 0.9 quantile that the population has at this base
 * likelihood and length; differs: fitted to people who are not attacked, without folds. lira_remerge,
 * rmia_remerge: offline, with the others' models for models without the record; left out where there are
 * fewer than two. Where all models agree on everything, as where nothing was merged, scores of lira and rmia
 * are 0. in [n_shadow, records]: which records each shadow has; population [population.n]: under the attacked
 * model. Errors: those of the attacks and of scoring. */
enum { REMERGE_STREAM = 2001 };
Status shadow_person(ShadowPerson *out, Sweep *s, const AuditPerson *p, const Lora *const *model,
                     size_t n_shadow, size_t n_other, Err *e) PRIME_MUST_USE;
Status shadow_population(double **out, Sweep *s, const PassLora *lora, size_t n_cand, Arena *arena,
                         Err *e) PRIME_MUST_USE;
Status shadow_write(Sweep *s, const CellRow *row, const bool *in, const ShadowPerson *x,
                    const double *population, Err *e) PRIME_MUST_USE;

/* ---- what models write out (cell_extract.c) ----
 *
 * extract_write - rows of kind extract, one a record and metric: `greedy`, 1 where greedy decoding behind the
 * prompt writes the whole answer and then ends; `completion`, the same of the second half of its tokens
 * behind the first; `np_100`, the probability that one of 100 samples is the answer. emission_measure - out
 * [n_cand, 2 (held out, members), kinds of extract.h]: matches an answer, of greedy answers to the person's
 * prompts. emission_write - rows of kind emission from these. */
Status extract_write(Sweep *s, const CellRow *row, Err *e) PRIME_MUST_USE;
Status emission_measure(double **out, Sweep *s, const AuditPerson *p, const PassLora *lora, size_t n_cand,
                        Err *e) PRIME_MUST_USE;
Status emission_write(Sweep *s, const AuditPerson *p, const double *x, size_t c, Err *e) PRIME_MUST_USE;

/* ---- planted secrets (canary.c) ---- */

/* canary_open - where attack.canaries asks for it: the secrets of the dataset that belong to people at risk,
 * each with so many alternatives. Errors: those of data_canaries; ERR_ARG there are none, one without a
 * character of its kind, or too few texts of outsiders. canary_measure - out [n_cand, n_canaries]: exposure
 * in bits, of those of the people at risk. canary_write - rows of the open cell. */
Status canary_open(Sweep *s, Err *e) PRIME_MUST_USE;
Status canary_measure(double **out, Sweep *s, const Risk *risk, size_t n_risks, const PassLora *lora,
                      size_t n_cand, Err *e) PRIME_MUST_USE;
Status canary_write(Sweep *s, const Risk *risk, size_t n_risks, const double *bits, size_t c,
                    Err *e) PRIME_MUST_USE;

/* ---- signals on disk (keep.c) ---- */

typedef struct {
    const AuditPerson *person;
    const CellSignals *sig;
    size_t c;               /* candidate within sig */
    const CellSignals *ref; /* of the base model: its compressed lengths */
    const Lora *lora;       /* that the candidate is; NULL: the base model */
} KeepPart;
/* keep_signals - DIR/signals/TASK/NAME.safetensors with the records of these people. Its model_sha256 is
 * Audit.weights of the base model, and else SHA-256 of the text WEIGHTS, then " " and lora_hash of every
 * part's adapter in order, equal neighbours once: a cell of loo has one for each person. keep_name - the name
 * of a cell's file. keep_base - base.safetensors: everybody's records under the base model. Errors: those of
 * signals_save. */
Status keep_signals(const Audit *a, const char *name, const KeepPart *part, size_t n, Err *e) PRIME_MUST_USE;
void keep_name(char out[SWEEP_KEY], const char *method, const char *unit, size_t seed, double lambda);
Status keep_base(const Sweep *s, Arena *arena, Err *e) PRIME_MUST_USE;

/* ---- methods ---- */

/* How often a method is measured: once a target, once an anchor and training, once a target and training,
 * once a target and seed and goal; or beside the method before. */
typedef enum { PER_TARGET, PER_ANCHOR, PER_TRAINING, PER_SEED, BESIDE } MethodScope;

typedef struct {
    Baseline row;
    MethodScope scope;
    /* i: the target, or the anchor; index: of the seed. */
    Status (*run)(Sweep *s, size_t i, size_t index, const Baseline *row, Err *e);
    /* Cells a target and seed, for PER_SEED and BESIDE. */
    size_t (*goals)(const Spec *sp);
} Method;
/* method_at - row i of the table; NULL behind the last one. methods_cells - how many cells the audit wants.
 */
const Method *method_at(size_t i);
size_t methods_cells(const Audit *a);

/* ---- units of work (units.c) ---- */

/* What one process does at once: one call of a method, or all searches for one target and seed, since they
 * share evaluations. Units depend on nothing but the audit's people, base and adapters. */
typedef struct {
    size_t method, i, index; /* row of the (first) method; target or anchor; index of the seed */
    size_t cells, shard;     /* how many cells it makes; which part it belongs to, from 1 */
    double cost;             /* tokens, as the plan counts them */
} Unit;
typedef struct {
    Unit *unit;    /* [n] in the order of the table */
    size_t *order; /* [n] the same, the largest first */
    size_t n;
} Units;
/* units_plan - all units, dealt into so many parts (0: one) of about the same cost, which is a function of
 * the audit alone; units_free releases them. units_cells - cells of a part; 0: of all. unit_person - whose
 * cells and evaluations a unit makes. */
Status units_plan(Units *out, const Audit *a, size_t shards, Err *e) PRIME_MUST_USE;
void units_free(Units *u);
size_t units_cells(const Units *u, size_t shard);
const char *unit_person(const Audit *a, const Unit *u);
/* unit_run - what is missing of a unit, into the sweep's ledger; done (or NULL) is called after each of its
 * methods. methods_prepare - what units read of the base model; first: with the files that are written once a
 * run. methods_run - one part (0: all) of the audit, unit by unit. */
typedef Status (*UnitDone)(void *ctx, Err *e);
Status unit_run(Sweep *s, const Unit *u, UnitDone done, void *ctx, Err *e) PRIME_MUST_USE;
Status methods_prepare(Sweep *s, bool first, Err *e) PRIME_MUST_USE;
/* methods_refs - Sweep.anchor_ref and target_ref, by all processes of the crew together (refs.c). */
Status methods_refs(Sweep *s, Err *e) PRIME_MUST_USE;
Status methods_run(Sweep *s, size_t shard, size_t shards, Err *e) PRIME_MUST_USE;
/* crew_search_help - U and then V of crowds from .. to-1 of a search of another process that
 * crew_search_measure has described, *out [*n_out] from malloc also after a failure. *c: what it keeps of
 * that search, NULL at first; crew_search_close releases it, NULL too. */
typedef struct CrewSearch CrewSearch;
Status crew_search_help(CrewSearch **c, const Audit *a, const void *data, size_t n, size_t from, size_t to,
                        void **out, size_t *n_out, Err *e) PRIME_MUST_USE;
void crew_search_close(CrewSearch *c);
/* crew_methods - the same by all processes of a crew: units to who is free, the largest first. The ledger is
 * that of the first process, NULL elsewhere. Errors: the same everywhere. */
Status crew_methods(Sweep *s, Err *e) PRIME_MUST_USE;

/* method_base ... - the functions of the table. */
Status method_base(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e) PRIME_MUST_USE;
Status method_anchor(Sweep *s, size_t anchor, size_t index, const Baseline *row, Err *e) PRIME_MUST_USE;
Status method_equal(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e) PRIME_MUST_USE;
Status method_search(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e) PRIME_MUST_USE;
/* method_attacker - the target's anchors and one more adapter, all with weight 1/(K + 1) under the audit's
 * operator; the anchors' records are attacked. The attacker holds the base model and attack.malicious
 * held-out records of audit_outsiders (behind those of the prefix), and has trained an adapter on them as
 * anchors are trained. malicious: that adapter times minus one, which drives the merge away from general text
 * so that what the anchors remember stands out; bystander: as it is. Both are scaled to the mean norm of the
 * anchors' adapters. What the attacker adds is malicious against bystander; uniform has larger weights 1/K.
 * Source: Guo et al. 2025, arXiv:2502.11533 (PhiMM: a merged-in model makes others' private text come out);
 * the negated update is Ilharco et al. 2023, arXiv:2212.04089.
 * Differs: PhiMM's model is trained on phishing instructions and private text of its own, to recall it when
 * asked, and is cloaked by a task; here the attacker has neither private text nor a say in the prompts, and
 * what is measured is membership. */
Status method_attacker(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e) PRIME_MUST_USE;
Status method_oppu(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e) PRIME_MUST_USE;
Status method_perpcs(Sweep *s, size_t target, size_t index, const Baseline *row, Err *e) PRIME_MUST_USE;
/* method_without_goals - of method loo: the first lambda alone. method_evolved_goals ... - how many goals a
 * row of the table searches for. */
size_t method_evolved_goals(const Spec *sp);
size_t method_lambda_goals(const Spec *sp);
size_t method_constrained_goals(const Spec *sp);
size_t method_without_goals(const Spec *sp);

/* method_search_evaluations - the most evaluations for one target and seed, of all searches that the audit
 * wants. */
size_t method_search_evaluations(const Spec *sp);
/* method_search_spec - of an audit's specification, what the searches of one of its methods go by. */
void method_search_spec(Spec *sp, const char *method);

/* ---- before a run (plan.c, plan_speed.c) ---- */

/* plan_cells - of all tasks: in all, and in one part of `shards` (unless `part` is NULL). Errors: those of
 * loading. plan_candidate - tokens of one candidate of a search; plan_person - of one person's records with
 * all their texts; plan_shadows - of the same and the population under the models that shadow attacks compare
 * one cell with. */
Status plan_cells(size_t *n, size_t *part, const Spec *spec, size_t shard, size_t shards,
                  Err *e) PRIME_MUST_USE;
double plan_candidate(const Audit *a, const AuditTarget *t);
double plan_person(const Audit *a, const AuditPerson *p);
double plan_shadows(const Audit *a, const AuditPerson *p);
/* plan_tokens - that a set costs one candidate; how: a SpecScore. Prompts are read once for all labels; an
 * answer that is generated is taken to be as long as it may be. */
double plan_tokens(const Audit *a, const AuditSet *set, int how);
/* plan_speed - tokens a second, counted as plan_tokens does, with an adapter on all threads, a search of
 * several candidates beside each other; training of one thread. NaN where there is nothing to measure it on.
 * Takes about two seconds, or the time of one record or step of each kind. */
typedef struct {
    double scoring, utility, search, training;
} PlanSpeed;
Status plan_speed(PlanSpeed *out, const Audit *a, Err *e) PRIME_MUST_USE;

/* risks_of - the anchors of a target at risk, [per_target] in the run's arena. */
Status risks_of(Risk **out, Sweep *s, const AuditTarget *t, Err *e) PRIME_MUST_USE;
/* anchors_of - the anchors' adapters as trained for a seed, [per_target]. */
Status anchors_of(const Lora ***out, Sweep *s, const AuditTarget *t, size_t index, Err *e) PRIME_MUST_USE;

#endif
