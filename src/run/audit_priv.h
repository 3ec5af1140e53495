/* audit_priv.h - an audit that has been set up: people chosen, records encoded, base adapted, anchors
 * trained. The cells of a run are measured on it. */
#ifndef PRIME_AUDIT_PRIV_H
#define PRIME_AUDIT_PRIV_H

#include "prime/attack.h"
#include "prime/crew.h"
#include "prime/data.h"
#include "prime/gate.h"
#include "prime/ledger.h"
#include "prime/metric.h"
#include "prime/par.h"
#include "prime/sample.h"
#include "prime/score.h"
#include "prime/spec.h"
#include "prime/sweep.h"

/* What else an attacked record is read as, see audit_texts; n = 0 and NULL: not wanted. */
typedef struct {
    Sample lower, after_non, after_member;
    const Sample *near; /* [attack.neighbours] */
} AuditTexts;

/* Records of one person and split, encoded: with the answer, and the prompt alone. */
typedef struct {
    const DataRecord *rec;
    const TaskContext *ctx; /* what the prompt begins with; NULL: nothing */
    Sample full, ask;
    const AuditTexts *texts; /* NULL: none */
} AuditRec;
typedef struct {
    AuditRec *r;
    size_t n;
} AuditSet;

typedef struct {
    const DataUser *user;
    AuditSet member, heldout; /* trained on; never seen by any model */
    Lora **lora;              /* [n_train] one for each seed that retrains */
    Gate **gate;              /* [n_train] of these, for Per-Pcs; NULL: not wanted */
    Lora **dp;                /* [n_train] trained with differential privacy; NULL: not wanted */
    Lora **shadow;            /* [attack.shadows]; NULL: not wanted */
    bool *shadow_in; /* [attack.shadows, attacked records], members first: which ones each is trained on */
} AuditAnchor;

typedef struct {
    const DataUser *user;
    size_t *anchor; /* [per_target] nearest first, indices into Audit.anchor */
    double *cosine; /* [per_target] */
    AuditSet search;
    AuditSet *query;       /* [contexts] the same records with what each context puts before them */
    AuditSet own, heldout; /* what method oppu trains on, and what it does not; empty: not wanted */
    Lora **lora;           /* [n_train] of oppu; NULL: not wanted */
} AuditTarget;

/* Someone whose records are attacked. */
typedef struct {
    const DataUser *user;
    AuditSet member, heldout;
} AuditPerson;

enum { AUDIT_METRICS = 4 };

typedef struct {
    const Spec *spec;
    const SweepWatch *watch;     /* may be NULL */
    const char *dir;             /* of the run */
    const char *adapters;        /* of the run whose adapters are read; NULL: they are trained in this one */
    Crew *crew;                  /* NULL: one process */
    const struct CrewGive *give; /* of the unit under way, by several processes; or NULL */
    const char *search;          /* row of the table of methods that is under way */
    bool frozen;                 /* nothing will be trained or folded: the base need not be held in float32 */
    const Task *task;
    const Metric *metric[AUDIT_METRICS]; /* of the task */
    const Metric *fit[AUDIT_METRICS];    /* of an item of the history, which the search sees */
    size_t n_metrics, n_fit;
    DataSet *data;
    Tok *tok;
    Model *base; /* adapted to the task */
    AuditAnchor *anchor;
    AuditTarget *target;
    size_t n_anchors, n_targets, n_train, n_eligible;
    bool reads_people; /* see spec_reads_people */
    /* Of merge weights: [sites], NULL for one group; a genome is [per_target, n_groups]. Groups without a
     * module that the anchors train are left out: full [n_groups] is the number that merge.h gives a group.
     */
    size_t *group, *full, n_groups;
    const char **excluded; /* [n_excluded] sorted ids of people the base model has read */
    size_t n_excluded;
    bool knows_excluded;
    /* What names the weights under the adapters, where attack.signals asks for it: model_hash of the base, or
     * SHA-256 of that, " " and the hash of the file of the adaptation that is folded in. */
    char weights[HASH_HEX];
    Lora **attacker;            /* [n_train] of methods malicious and bystander; NULL: not wanted */
    const AttackCounts *counts; /* see audit_token_counts; NULL: not wanted */
    AuditSet population;        /* see audit_shadows */
    Arena arena;
} Audit;

/* audit_open - everything above but what is trained, by all processes of a crew. audit_close accepts a
 * half-open audit. */
Status audit_open(Audit **a, const Spec *spec, const char *dir, Crew *crew, Err *e) PRIME_MUST_USE;
void audit_close(Audit *a);

/* audit_known_task - ERR_ARG, with the nearest name, for a task that is neither in the table nor beside the
 * data; the errors of task_in. */
Status audit_known_task(const char *data, const char *task, Err *e) PRIME_MUST_USE;

/* audit_load - dataset, tokenizer, base model and the list of people it has read: the part that needs no
 * training. audit_select - choose targets and anchors and encode their records; processes of a crew share the
 * embedding of people. Both are steps of audit_open, apart for `plan`. */
Status audit_load(Audit *a, Err *e) PRIME_MUST_USE;
/* audit_pack - the base in the precision of the specification, once it is not changed any more. */
Status audit_pack(Audit *a, Err *e) PRIME_MUST_USE;
Status audit_select(Audit *a, Err *e) PRIME_MUST_USE;
/* audit_check_adapt - ERR_ARG where nobody's records can adapt the base. audit_train - adapt the base, train
 * the anchors and whatever else the methods want. `resume` takes adapters that an earlier run left in
 * DIR/adapters; otherwise they are trained and written there. */
Status audit_check_adapt(const Audit *a, Err *e) PRIME_MUST_USE;
Status audit_train(Audit *a, bool resume, Err *e) PRIME_MUST_USE;
/* audit_stopped - ERR_STOPPED when the watch asks for an end. */
Status audit_stopped(const Audit *a, Err *e) PRIME_MUST_USE;
/* audit_goes_on - the same as a watch of training, whose ctx is the audit: it ends after the step under way.
 */
bool audit_goes_on(void *audit, const TrainNews *news);
/* audit_extras - the targets' own adapters for method oppu, gates for perpcs, private adapters for
 * dp-uniform, the attacker's for malicious and bystander. audit_wants_attacker - whether any of the last two
 * is measured. */
bool audit_wants_attacker(const Audit *a);
Status audit_extras(Audit *a, bool resume, Err *e) PRIME_MUST_USE;

/* audit_shadows - where attack.shadows asks for it: for each anchor so many adapters, trained as the anchor's
 * own is, with seeds of their own. Each attacked record, a member or held out, is in half of them, drawn from
 * stream (0, id of the record, 2000); the anchor's other records are in all. They serve all seeds of the run.
 * And attack.population records of outsiders, behind those that prefixes and the attacker use. Errors:
 * ERR_ARG a shadow without any record; those of training and files. */
Status audit_shadows(Audit *a, bool resume, Err *e) PRIME_MUST_USE;

/* ---- training by several processes (share.c) ----
 *
 * A job trains something and writes it down, or reads it if *resume, a flag that the job looks at, says so;
 * what a process has made it leaves as it is. share_jobs - jobs 0 .. n-1, each by one process of the crew,
 * and then read by all. share_one - the same of one job, by the first. Called by all processes.
 * share_may_train - ERR_IO where adapters are only read and dir is missing. */
Status share_jobs(const Audit *a, bool *resume, size_t n, ParJob job, void *ctx, Err *e) PRIME_MUST_USE;
Status share_one(const Audit *a, bool *resume, Status (*fn)(void *ctx, Err *e), void *ctx,
                 Err *e) PRIME_MUST_USE;
Status share_may_train(const Audit *a, const char *dir, Err *e) PRIME_MUST_USE;

/* audit_path - a folder of the run for an adapter; audit_anchor_path - that of an anchor's. Errors: ERR_ARG
 * too long. audit_adapter_there - whether a whole adapter is in it. audit_lora - a new adapter as the audit
 * wants them, all zero. */
enum { AUDIT_PATH = 1024 };
Status audit_path(char out[AUDIT_PATH], const Audit *a, const char *name, Err *e) PRIME_MUST_USE;
Status audit_anchor_path(char out[AUDIT_PATH], const Audit *a, const AuditAnchor *s, size_t index,
                         Err *e) PRIME_MUST_USE;
bool audit_adapter_there(const char *dir);
Status audit_lora(Lora **l, const Audit *a, Err *e) PRIME_MUST_USE;

/* audit_set - encode the first n records of a split (all when there are fewer). */
Status audit_set(AuditSet *out, Audit *a, const DataUser *u, DataSplit split, size_t n,
                 Err *e) PRIME_MUST_USE;
/* audit_with_context - the same records with a context before each prompt: items of the target's history that
 * BM25 finds for it, and a description of the target. */
Status audit_with_context(AuditSet *out, Audit *a, const AuditTarget *t, const AuditSet *plain,
                          const SpecContext *c, Err *e) PRIME_MUST_USE;

/* audit_context_before - what a context puts before a record of a base user: found among the items of the
 * history before it, or all of them for a record of another split. The description is the dataset's. */
Status audit_context_before(const TaskContext **out, Audit *a, const DataUser *u, const DataRecord *rec,
                            const SpecContext *c, Err *e) PRIME_MUST_USE;

/* audit_bank - the adapters of a target's anchors side by side, as trained for seed index s. The Lora
 * pointers go to l [per_target] unless it is NULL. */
Status audit_bank(LoraBank **b, const Lora **l, const Audit *a, const AuditTarget *t, size_t s,
                  Err *e) PRIME_MUST_USE;

/* audit_anchor_lora - an anchor's adapter as trained for seed index s. */
const Lora *audit_anchor_lora(const Audit *a, size_t anchor, size_t index);

/* audit_genome - entries of a genome. audit_spread - w [per_target, merge_groups] from a genome: groups that
 * the anchors do not train get 0. */
size_t audit_genome(const Audit *a);
void audit_spread(double *w, const Audit *a, const double *genome);
/* audit_merge - the merge that a genome stands for; seed: of operators that trim at random. Errors: those of
 * merge_build. */
Status audit_merge(Lora **out, const Audit *a, const Lora *const *anchor, const double *genome, uint64_t seed,
                   Err *e) PRIME_MUST_USE;

/* Candidates side by side, as a model takes them: weights over a bank of anchors where the operator is
 * linear, else one adapter for each. */
typedef struct {
    PassLora lora;
    LoraBank *bank; /* its own; NULL for linear operators */
    Lora **built;   /* [n], or NULL */
    size_t n;
    float *w;
} AuditCrowd;

/* audit_crowd - n genomes x [n, audit_genome]; bank and anchor [per_target] are those of audit_bank.
 * audit_crowd_of - n adapters that are there. Both borrow what they are given. */
Status audit_crowd(AuditCrowd *c, const Audit *a, const LoraBank *bank, const Lora *const *anchor,
                   const double *x, size_t n, uint64_t seed, Err *e) PRIME_MUST_USE;
Status audit_crowd_of(AuditCrowd *c, const Lora *const *l, size_t n, Err *e) PRIME_MUST_USE;
void audit_crowd_free(AuditCrowd *c); /* accepts one that is zero */

/* ---- measuring (measure.c) ---- */

/* measure_answers - what the candidates say: out [n_cand * set->n], candidate by candidate, strings in the
 * arena. lora NULL: the base (n_cand = 1). how: SPEC_GENERATE, SPEC_LABELS or
 * SPEC_LABELS_MEAN. measure_drawn - answers drawn
 * as search.temperature and search.top_p say; they depend on the seed and the place of a text among all. */
Status measure_answers(const char **out, const Audit *a, const PassLora *lora, size_t n_cand,
                       const AuditSet *set, int how, Arena *arena, Err *e) PRIME_MUST_USE;
Status measure_drawn(const char **out, const Audit *a, const PassLora *lora, size_t n_cand,
                     const AuditSet *set, uint64_t seed, Arena *arena, Err *e) PRIME_MUST_USE;
/* measure_golds - the records' own answers, out [set->n]. */
void measure_golds(const char **out, const AuditSet *set);
/* measure_sum - the sum of the history's metrics (Audit.fit), as PriME reduces them; *higher tells whether
 * more is better.
 */
Status measure_sum(double *u, const Audit *a, const char *const *gold, const char *const *pred, size_t n,
                   Err *e) PRIME_MUST_USE;
bool measure_higher(const Audit *a);
/* measure_nll - log-likelihood of a set's answers, out [n_cand * set->n]. */
Status measure_nll(ScoreOut *out, const Audit *a, const PassLora *lora, size_t n_cand, const AuditSet *set,
                   Err *e) PRIME_MUST_USE;
/* measure_signals - the same with all that record-level attacks read; arrays in the arena.
 * measure_signals_room - these arrays, for n texts with so many tokens, one behind the other from `start` on
 * and measure_signals_bytes in all. measure_answer_tokens - those of a set under one candidate. */
size_t measure_answer_tokens(const AuditSet *set);
size_t measure_signals_bytes(size_t n, size_t tokens);
Status measure_signals_room(ScoreSignals *s, size_t n, size_t tokens, Arena *arena, Err *e) PRIME_MUST_USE;
Status measure_signals(ScoreSignals *out, const Audit *a, const PassLora *lora, size_t n_cand,
                       const AuditSet *set, Arena *arena, Err *e) PRIME_MUST_USE;

/* ---- whose records are for what (records.c) ---- */

/* audit_person - an anchor as attacks see it; audit_target_person - a target, whose adapter oppu trains. */
AuditPerson audit_person(const Audit *a, size_t anchor);
AuditPerson audit_target_person(const Audit *a, size_t target);

/* Records of an anchor that attacks look at, and those that only a search may see: none, unless its objective
 * reads people. Both are disjoint. */
AuditSet audit_members(const Audit *a, size_t anchor);
AuditSet audit_heldout(const Audit *a, size_t anchor);
AuditSet audit_search_members(const Audit *a, size_t anchor);
AuditSet audit_search_heldout(const Audit *a, size_t anchor);
/* Of a person whose own records a model is trained on: the last ones that neither a search nor an attack
 * sees, from which the prefix of members is made; none unless attack.texts has prefix. */
AuditSet audit_prefix_members(const Audit *a, size_t anchor);
AuditSet audit_target_prefix(const Audit *a, size_t target);
/* audit_check_splits - whether every anchor has records enough for both. Errors: ERR_ARG. */
Status audit_check_splits(const Audit *a, Err *e) PRIME_MUST_USE;

/* audit_outsiders - held-out records of audit people who are no target and no anchor, and whom the base model
 * has not read, in an order drawn at random: out [*n] in the audit's arena, at most `most`. These are what an
 * attacker may hold without holding anything of the people at risk. Stream (0, "outsiders", 0). */
Status audit_outsiders(const DataRecord ***out, size_t *n, Audit *a, size_t most, Err *e) PRIME_MUST_USE;
/* audit_outsiders_used - how many of them, from the first one on, are used up by prefixes and the attacker.
 */
size_t audit_outsiders_used(const Audit *a);
/* audit_is_excluded - whether the base model has read this person's texts. */
bool audit_is_excluded(const Audit *a, const char *id);
/* audit_takes_part - whether this person is a target or an anchor. */
bool audit_takes_part(const Audit *a, const DataUser *u);

/* ---- more texts for attacks (texts.c, texts_near.c) ---- */

/* audit_texts - every attacked record (of anchors and, for oppu, of targets) as the other texts that
 * attack.texts asks for. They are the same for every model that is attacked with them, the base model too:
 *   lowercase   the answer in lower case behind the same prompt
 *   prefix      behind attack.shots records of others. Admissible is only what no model under attack is
 *               scored on. Non-members: records of audit_outsiders, the same ones for everybody; where there
 *               are none, held-out records of anchors beyond those that are attacked. Members: records of the
 *               same person that are trained on and set aside, attacked by nothing (audit_prefix_members):
 *               drawn from the attacked ones, the prefix would hold the record's label. A prefix that does
 *               not fit loses its beginning; a prompt that leaves it less than a quarter of the positions is
 *               cut as in sample_make.
 *   neighbour   attack.neighbours versions: a quarter of the answer's tokens (at least one, never the end of
 *               text), drawn at random, each replaced by a draw from the NEAR_TOP likeliest others at its
 *               place under the base model, in proportion to their probability.
 * Streams (0, id of the record, NEAR_STREAM + version). Call it when the base is adapted. Errors: ERR_ARG
 * nobody's records for a prefix; those of sample_make; ERR_NOMEM.
 * Sources: Carlini et al. 2021; Xie et al. 2024, arXiv:2406.15968; Wang et al. 2024, arXiv:2409.03363;
 * Mattern et al. 2023, arXiv:2305.18462. Differs: the prefix stands before the prompt and scores are of the
 * answer alone; ReCaLL's released code draws the prefix from the non-members that it then scores; neighbours
 * come from the model that is attacked (its base) and not from a masked model. */
enum { NEAR_TOP = 8, NEAR_SHARE = 4 /* one in so many tokens */, NEAR_STREAM = 1000 };
Status audit_texts(Audit *a, Err *e) PRIME_MUST_USE;
/* audit_near - the neighbours of the attacked records in set [n_sets], which have texts. */
Status audit_near(Audit *a, const AuditSet *set, AuditTexts *const *texts, size_t n_sets,
                  Err *e) PRIME_MUST_USE;
/* audit_token_counts - a->counts where attack.counts asks for it: tokens of the answers of everybody who is
 * no target and no anchor, or of the lines of a file. Errors: ERR_ARG no token at all; those of files. */
Status audit_token_counts(Audit *a, Err *e) PRIME_MUST_USE;

/* ---- searching (search.c) ---- */

/* What a search found for one goal. */
typedef struct {
    double *weight;         /* the genome, all 0 after going back to the base */
    double u, v, objective; /* as searched; v is the mean agreement */
    double base_u, base_v, base_objective;
    double again;       /* objective of what is deployed, evaluated once more */
    size_t evaluations; /* in the whole archive */
    bool reverted;
} SearchFound;

/* search_run - evolve merge weights for target t under seed index s, all goals on one archive; found
 * [spec_goals], weights in the arena. The archive is read from and written to the ledger (may be NULL); what
 * the ledger `reuse` of another run (may be NULL) has evaluated is taken over. */
Status search_run(SearchFound *found, const Audit *a, const AuditTarget *t, size_t s, Ledger *ledger,
                  Ledger *reuse, Arena *arena, Err *e) PRIME_MUST_USE;

#endif
