/* ledger.h - the append-only record of one run: reports/NAME/ledger.db, an SQLite file.
 *
 * What is measured for one cell (method x lambda x target x seed) becomes visible in one transaction, or not
 * at all: a crash at any moment leaves a valid ledger that holds whole cells only. A cell that is there is
 * never changed. Rows come back ordered by cell key, then in the order of writing, so what is read does not
 * depend on which cell was finished first. One process writes; others may read meanwhile. A Ledger belongs to
 * one thread.
 *
 * Tables: meta(key, value); cells(id, key, method, task, target, lambda, seed, status, wall);
 * scores(cell, kind, metric, unit, record, label, value); evals(target, seed, genome, utility, agreement);
 * blobs(key, value). */
#ifndef PRIME_LEDGER_H
#define PRIME_LEDGER_H

#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Ledger Ledger;

typedef enum {
    LEDGER_CREATE, /* a new file; one that exists is refused */
    LEDGER_APPEND, /* an existing file, to go on with */
    LEDGER_READ    /* an existing file, never written to */
} LedgerMode;

/* What defines a cell, and how it ended. Strings are borrowed. */
typedef struct {
    const char *key;    /* canonical text of all that defines the cell; unique in a ledger */
    const char *method; /* base, anchor, uniform, evolved, ... */
    const char *task;
    const char *target; /* user id; of the anchor itself for method `anchor`; "" when none */
    double lambda;      /* privacy weight; NAN when the method has none (stored as NULL) */
    uint64_t seed;
    const char *status; /* "ok", or why not; read back only, ledger_cell_commit sets it */
    double wall;        /* seconds; likewise */
} LedgerCell;

enum { LEDGER_NO_LABEL = -1 };

typedef struct {
    const char *kind;   /* utility, attack, norm, search, weight ...: see sweep.h */
    const char *metric; /* rouge1, loss, attenuation, ... */
    const char *unit;   /* the person: id of the target or the anchor */
    const char *record; /* record id, or "" */
    int label;          /* 1 member, 0 held-out, LEDGER_NO_LABEL */
    double value;       /* finite */
} LedgerScore;

/* One evaluated candidate. */
typedef struct {
    const char *target;
    uint64_t seed;
    const double *genome; /* [n_genome] */
    size_t n_genome;
    double utility;
    const double *agreement; /* [n_agreement], one per anchor */
    size_t n_agreement;
} LedgerEval;

/* ledger_open - open or make the ledger at path.
 *   spec_hash   hash of the resolved specification, stored by LEDGER_CREATE (must not be NULL there); for the
 *               other modes NULL, or what the stored one must be
 * The file may be a stranger's: views and triggers in it are not run, its schema is not trusted.
 * Errors: ERR_IO missing (READ, APPEND) or already there (CREATE), not writable, disk full, in use by another
 * writer, it or its journal is a symbolic link; ERR_FORMAT not a ledger, damaged, or of a newer format;
 * ERR_ARG another specification (both hashes in the message); ERR_NOMEM. */
Status ledger_open(Ledger **l, const char *path, LedgerMode mode, const char *spec_hash,
                   Err *e) PRIME_MUST_USE;
/* ledger_unused - whether nobody writes to the ledger at path, which need not be there. Errors: ERR_IO
 * another process does, or its folder cannot be opened. */
Status ledger_unused(const char *path, Err *e) PRIME_MUST_USE;
/* ledger_close - an open cell or batch is dropped. Accepts NULL. */
void ledger_close(Ledger *l);

/* ledger_meta_set - record a fact about the run. Setting the same value again is fine, another one is
 * ERR_ARG with both values: so calling it on resume checks data and model against what was recorded. */
Status ledger_meta_set(Ledger *l, const char *key, const char *value, Err *e) PRIME_MUST_USE;
/* ledger_meta_get - append the value to out and return OK with *found; out is untouched when absent. */
Status ledger_meta_get(Ledger *l, const char *key, Str *out, bool *found, Err *e) PRIME_MUST_USE;

/* ledger_cell_begin - start a cell; ledger_score adds to it; ledger_cell_commit makes it durable (it returns
 * after the disk has it), ledger_cell_abort forgets it. Write a cell in one go when its numbers are there:
 * evals and blobs written in between share its fate. After a failure of begin, score or commit call
 * ledger_cell_abort (harmless when nothing is open).
 * Errors: ERR_ARG a cell or batch is open, none is, or the key is in the ledger; ERR_NUM value not finite
 * (metric and record named); ERR_IO disk full and the like. */
Status ledger_cell_begin(Ledger *l, const LedgerCell *cell, Err *e) PRIME_MUST_USE;
Status ledger_score(Ledger *l, const LedgerScore *score, Err *e) PRIME_MUST_USE;
Status ledger_cell_commit(Ledger *l, const char *status, double wall, Err *e) PRIME_MUST_USE;
void ledger_cell_abort(Ledger *l);
Status ledger_has_cell(Ledger *l, const char *key, bool *yes, Err *e) PRIME_MUST_USE;

/* ledger_batch_begin - evals and blobs up to ledger_batch_commit become durable together (one generation of a
 * search and the state of its optimiser), and facts likewise. Outside a cell and a batch each of them is
 * durable by itself. ledger_cell_abort drops a batch, too. */
Status ledger_batch_begin(Ledger *l, Err *e) PRIME_MUST_USE;
Status ledger_batch_commit(Ledger *l, Err *e) PRIME_MUST_USE;

/* ledger_eval_add - append to the archive. A genome that is there for this target and seed is left as it is.
 * Errors: ERR_NUM utility or agreement not finite. */
Status ledger_eval_add(Ledger *l, const LedgerEval *eval, Err *e) PRIME_MUST_USE;
/* ledger_blob_set - store or replace n bytes; ledger_blob_get - a copy in *data (caller frees; NULL when
 * absent).
 */
Status ledger_blob_set(Ledger *l, const char *key, const void *data, size_t n, Err *e) PRIME_MUST_USE;
Status ledger_blob_get(Ledger *l, const char *key, void **data, size_t *n, Err *e) PRIME_MUST_USE;

/* ---- ledgers that become one (ledger_join.c) ----
 *
 * Processes that measure beside each other write to ledgers of their own, in memory, and one process, the
 * writer, takes over what is in them. What the writer knows already and lends to one of them bears the status
 * LEDGER_ELSEWHERE there: ledger_has_cell finds it, and it is never given back. */
#define LEDGER_ELSEWHERE "elsewhere"

/* ledger_memory - a new ledger of the specification of `like`, without a file. ledger_pack - all of a ledger
 * in memory as bytes, *data in fresh memory. ledger_unpack - a ledger in memory from such bytes, which are
 * copied, to read and write. Errors: ERR_NOMEM; ERR_FORMAT the bytes are no ledger, or a damaged one. */
Status ledger_memory(Ledger **l, Ledger *like, Err *e) PRIME_MUST_USE;
Status ledger_pack(void **data, size_t *n, Ledger *l, Err *e) PRIME_MUST_USE;
Status ledger_unpack(Ledger **l, const void *data, size_t n, Err *e) PRIME_MUST_USE;

/* ledger_lend - into the ledger `to`, what `from` knows of one person: the names of the cells whose target it
 * is, and the evaluations under its id or under a name that begins with the id and '#'. */
Status ledger_lend(Ledger *to, Ledger *from, const char *person, Err *e) PRIME_MUST_USE;

/* ledger_absorb - what `from` has measured itself and not given yet, into `to`: cells with their scores,
 * evaluations and blobs, in one transaction, so that all of it is there or nothing. Facts are not taken over.
 * *count (unless it is NULL): what was new.
 * Errors: ERR_ARG the specifications differ; a cell is there already; an evaluation or a blob is there with
 * other numbers; a cell or batch is open in either. */
typedef struct {
    size_t cells, scores, evals, blobs;
} LedgerCount;
Status ledger_absorb(Ledger *to, Ledger *from, LedgerCount *count, Err *e) PRIME_MUST_USE;

/* ledger_give - as bytes for ledger_unpack and ledger_absorb: what l, in memory, has measured since it last
 * gave; from now on that is elsewhere. */
Status ledger_give(void **data, size_t *n, Ledger *l, Err *e) PRIME_MUST_USE;

/* ledger_on_batch - call fn after every batch that was committed; what it returns ledger_batch_commit
 * returns. */
typedef Status (*LedgerBatchFn)(void *ctx, Err *e);
void ledger_on_batch(Ledger *l, LedgerBatchFn fn, void *ctx);

/* Which rows to read: a NULL field matches everything. */
typedef struct {
    const char *key, *method, *target; /* of the cell */
    const char *kind, *metric, *unit;  /* of the score; ignored by ledger_each_cell */
} LedgerFilter;

/* ledger_each_meta - walk the facts about the run by rising key. Errors: as ledger_each_cell. */
typedef Status (*LedgerMetaFn)(void *ctx, const char *key, const char *value, Err *e);
Status ledger_each_meta(Ledger *l, LedgerMetaFn fn, void *ctx, Err *e) PRIME_MUST_USE;

/* The callbacks; strings live until they return. What they return other than OK ends the walk and is
 * returned. */
typedef Status (*LedgerCellFn)(void *ctx, const LedgerCell *cell, Err *e);
typedef Status (*LedgerScoreFn)(void *ctx, const LedgerCell *cell, const LedgerScore *score, Err *e);
typedef Status (*LedgerEvalFn)(void *ctx, const LedgerEval *eval, Err *e);

/* ledger_each_cell, ledger_each_score - walk the committed rows that match (filter NULL: all), by cell key,
 * then in order of writing. ledger_each_eval - the archive of one target and seed, in order of writing.
 * Errors: what the callback returns; ERR_FORMAT damaged file, or a number that no run writes: not finite, a
 * label other than 0, 1 and none. */
Status ledger_each_cell(Ledger *l, const LedgerFilter *filter, LedgerCellFn fn, void *ctx,
                        Err *e) PRIME_MUST_USE;
Status ledger_each_score(Ledger *l, const LedgerFilter *filter, LedgerScoreFn fn, void *ctx,
                         Err *e) PRIME_MUST_USE;
Status ledger_each_eval(Ledger *l, const char *target, uint64_t seed, LedgerEvalFn fn, void *ctx,
                        Err *e) PRIME_MUST_USE;

#endif
