/* search_priv.h - one search: what it evaluates candidates on, and what it already knows. */
#ifndef PRIME_SEARCH_PRIV_H
#define PRIME_SEARCH_PRIV_H

#include "audit_priv.h"

#include "prime/archive.h"
#include "prime/penalty.h"

enum { SEARCH_KEY = 192 };

/* A genome's values are n_v numbers V beside U: one for each anchor, and the norm of the merge where
 * evolve.with_norm asks for it. Where answers are drawn, a genome has evaluations 0, 1, ... that differ: each
 * is a function of the genome and its number alone. */
typedef struct {
    const Audit *a;
    const AuditTarget *t;
    size_t seed, k, dim, n_v; /* index of the seed; anchors; entries of a genome; of a row of V */
    const Lora **anchor;      /* [K] */
    LoraBank *bank;
    Arena arena;              /* reset after every evaluation */
    Arena keep;               /* golds, anchors' outputs */
    const char **gold;        /* [n] */
    const char ***anchor_out; /* [K][n] what each anchor alone says on the same inputs */
    AuditSet *anchor_set;     /* [K] the same as samples, for likelihood */
    double *group_norm;   /* [K, merge_groups] of the anchors' updates, for limits; NULL: there are none */
    Archive *archive;     /* what this search has evaluated, in its order */
    Archive **known;      /* [n_archives] evaluation 0, 1, ... of genomes, of an earlier run or this one */
    Archive **lent;       /* [n_archives] those of another run, which this one's ledger lacks */
    size_t n_slots;       /* 1, or the repeats of a front's point and one to report */
    size_t n_archives;    /* n_slots, and behind them one for each stage of races */
    Ledger *ledger;       /* where it is written down; may be NULL */
    char key[SEARCH_KEY]; /* under which */
    double base_u, *base_v;
    bool minimise;
} Search;

/* search_begin - a search of target t under seed index `seed` that knows nothing yet; anchors in the arena.
 * known_close releases what it holds, also after a failure. */
Status search_begin(Search *out, const Audit *a, const AuditTarget *t, size_t seed, Arena *arena,
                    Err *e) PRIME_MUST_USE;

/* ---- evaluating (search_measure.c) ---- */

/* search_measure - U [n_cand] and V [n_cand, n_v] of evaluation `slot` of genomes x [n_cand, dim]; x NULL is
 * the base model (n_cand = 1). V of an objective other than PriME's is negated where the task's metric is an
 * error, so that PriME's formula, which turns both terms around there, still makes it a cost. */
Status search_measure(double *u, double *v, Search *s, const double *x, size_t n_cand, size_t slot,
                      Err *e) PRIME_MUST_USE;
/* search_hear - golds and what the anchors alone say: all that search_measure needs. search_prepare - these,
 * and the base model's own numbers. */
Status search_hear(Search *s, Err *e) PRIME_MUST_USE;
Status search_prepare(Search *s, Err *e) PRIME_MUST_USE;
/* search_mean - mean V as a reader wants it: without the sign above. */
double search_mean(const Search *s, const double *v);

/* What candidates find of texts that are scored together differs in the last bits with who is beside them.
 * So a generation is cut into crowds, which are measured apart by whoever measures them: search_crowds - how
 * many, a function of the search and n_cand alone: each has about 32 thousand tokens at least (where answers
 * are generated also 512 texts), where answers are drawn one candidate. crowd_start - the first candidate of
 * a crowd. search_measure_crowds - of all n_cand candidates those of crowds from .. to-1, in order. */
size_t search_crowds(const Search *s, const double *x, size_t n_cand);
size_t crowd_start(size_t crowd, size_t crowds, size_t n_cand);
Status search_measure_crowds(double *u, double *v, Search *s, const double *x, size_t n_cand, size_t slot,
                             size_t from, size_t to, Err *e) PRIME_MUST_USE;
/* crew_search_measure - the same, crowds of it by processes of the crew that have no unit of work
 * (crew_search.c).
 */
Status crew_search_measure(double *u, double *v, Search *s, const double *x, size_t n_cand, size_t slot,
                           Err *e) PRIME_MUST_USE;

/* What is measured at once: candidates as the model takes them (NULL: the base), their genomes; the rows of
 * a Heard that are theirs (NULL: their own places); how often these were evaluated before. */
typedef struct {
    const PassLora *lora;
    const double *x;
    const size_t *row;
    size_t n_cand, slot;
} Eval;

static inline size_t eval_row(const Eval *ev, size_t c)
{
    return ev->row != NULL ? ev->row[c] : c;
}

/* What candidates make of the n records of a search, one part of these after the other: their answers or,
 * where likelihood is asked for, what they find of the right answers and of each anchor's. In the arena that
 * is reset after every evaluation. */
typedef struct {
    const char **said; /* [n_cand, n]; or NULL */
    ScoreOut *nll;     /* [n_cand, 1 or 1 + K, n]; or NULL */
} Heard;

/* heard_new - room for n_cand candidates. heard_more - what those of ev make of records from .. to - 1.
 * heard_judge - U, and V [K] unless it is NULL, of candidate c on the first n records, which it has heard. */
Status heard_new(Heard *h, Search *s, size_t n_cand, Err *e) PRIME_MUST_USE;
Status heard_more(Heard *h, Search *s, const Eval *ev, size_t from, size_t to, Err *e) PRIME_MUST_USE;
Status heard_judge(double *u, double *v, const Heard *h, Search *s, size_t c, size_t n,
                   Err *e) PRIME_MUST_USE;

/* penalty_measure - V [n_cand, K] of the objective's row, which is not `agreement`. */
Status penalty_measure(double *v, Search *s, const PassLora *lora, const double *x, size_t n_cand,
                       Err *e) PRIME_MUST_USE;

/* ---- what is known (search_known.c) ---- */

/* known_open - the archives, with what the ledger and the run that is reused hold. known_close accepts one
 * that is half open. */
Status known_open(Search *s, Ledger *reuse, Err *e) PRIME_MUST_USE;
void known_close(Search *s);
/* known_add - values of evaluations slot [n] of genomes, into the archives and, as one batch, the ledger. */
typedef struct {
    const double *x, *u, *v; /* [n, D], [n], [n, n_v] */
    const size_t *slot;      /* [n] below n_archives */
    size_t n;
} KnownNew;
Status known_add(Search *s, const KnownNew *f, Err *e) PRIME_MUST_USE;
/* search_learn - evaluate those of x [n, dim] whose evaluation `slot` is not known; all are known afterwards,
 * and in the ledger. */
Status search_learn(Search *s, const double *x, size_t n, size_t slot, Err *e) PRIME_MUST_USE;
/* search_take - evaluation `slot` of genome x, which is known, into the archive, unless it is in there. */
Status search_take(ArchiveItem *out, Search *s, const double *x, size_t slot, Err *e) PRIME_MUST_USE;

/* ---- goals (search_goal.c) ---- */

/* goal_loss - what a goal minimises. goal_values - the objectives of a method that returns fronts, f [2], or
 * [3] with the norm. */
double goal_loss(const Search *s, const SpecGoal *g, double u, const double *v);
void goal_values(double *f, const Search *s, double u, const double *v);
/* goal_best - the entry of the archive that a goal deploys, the oldest of equal ones; false: there is none.
 */
bool goal_best(size_t *out, const Search *s, const SpecGoal *g);
/* goal_front - entries of the archive that are not dominated in (U, V), the most private first; *out [count]
 * in the arena `keep` of the search. */
Status goal_front(size_t **out, size_t *count, Search *s, Err *e) PRIME_MUST_USE;

/* ---- races (search_race.c) ---- */

enum { RACE_STAGES = 2 };

/* race_generation - f [n]: what the goal minimises, of the candidates x [n, dim] that stay; more than that of
 * all these of those that are out. Known and in the ledger afterwards, as after search_learn and
 * search_take. race_records - how many records are heard before a stage ends. */
Status race_generation(double *f, Search *s, const double *x, size_t n, const SpecGoal *goal,
                       Err *e) PRIME_MUST_USE;
size_t race_records(const Search *s, size_t stage);

/* ---- candidates (search_repair.c) ---- */

/* search_repair - bring genomes x [n, dim] within the limits of the audit, and to one of the signs between
 * which the operator does not tell. */
Status search_repair(double *x, const Search *s, size_t n, Err *e) PRIME_MUST_USE;

#endif
