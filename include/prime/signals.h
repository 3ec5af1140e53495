/* signals.h - token signals of an audit's records on disk: the model is run once, attacks are computed from
 * here as often as wanted. No text is in it; ids of records and people are hashes.
 *
 * Format: a safetensors file. N records, T answer tokens in all:
 *     start      I64 [N + 1]  record i has tokens start[i] .. start[i + 1]; 0 first, T last
 *     id         I32 [T]      x_t, >= 0
 *     logp       F32 [T]      log p(x_t | what comes before), nats, <= 1e-4
 *     mu, sigma  F32 [T]      mean and sd of log p(v) under the model's own next-token distribution; sigma >=
 * 0 rank       U8  [T]      entries likelier than x_t, 255: that many or more label      I8  [N]      1
 * member, 0 not, -1 not said zlib_bytes I64 [N]      attack_zlib of the answer's text, 0: not known and in
 * "__metadata__" under "prime.signals" a JSON object: "version" 1, "model" (a name), "model_sha256" (64
 * digits that name weights and adapters, or "": of 'prime model score' SHA-256 of the base's hash and of "
 * HASH=WEIGHT" of each adapter's file, or the base's hash where there is none; of a run see keep_signals),
 * "record" and "unit" (arrays of N ids: 1 to 128 of A-Z a-z 0-9 . _ : -; a unit may be empty: not known). */
#ifndef PRIME_SIGNALS_H
#define PRIME_SIGNALS_H

#include "prime/arena.h"
#include "prime/attack.h"
#include "prime/score.h"

typedef struct {
    const char *id, *unit; /* of the record and of its person */
    int label;             /* 1, 0 or -1 */
    size_t zlib_bytes;
} SignalsRecord;

typedef struct {
    const char *model, *model_sha256;
    size_t n;
    const SignalsRecord *record; /* [n] */
    ScoreSignals tok;
} Signals;

/* signals_save - write, atomically. Errors, before anything is written: ERR_ARG an id or a name that is not
 * of the form above, or occurs twice, or a hash, or a label that is none; ERR_NUM a signal that is not
 * finite; ERR_SHAPE starts that do not ascend from 0; ERR_IO; ERR_NOMEM. */
Status signals_save(const char *path, const Signals *s, Err *e) PRIME_MUST_USE;

/* signals_load - read and check everything the format says; all memory is the arena's. Errors: those of
 * st_open; ERR_FORMAT a tensor or key that is missing, has another type or shape, or is not of the format,
 * and any value outside what is said above (tensor and index named); ERR_UNSUP another version; ERR_NOMEM. */
Status signals_load(Signals *out, const char *path, Arena *a, Err *e) PRIME_MUST_USE;
/* signals_view - the same from the n bytes of such a file; `name` is for messages. */
Status signals_view(Signals *out, const void *bytes, size_t n, const char *name, Arena *a,
                    Err *e) PRIME_MUST_USE;

/* Signals of the same records from other passes; NULL where there are none. Records are matched by id; the
 * files may hold more records. */
typedef struct {
    const Signals *ref;                      /* reference model, same tokens */
    const Signals *loo;                      /* the merge without the record's owner, same tokens */
    const Signals *lower;                    /* lower-cased texts */
    const Signals *after_non, *after_member; /* behind a prefix, same tokens */
} SignalsMore;

/* signals_attack - out [s->n], in the arena, with all that s and more say. Errors: ERR_ARG lower-cased or
 * prefixed texts that another model has read, as far as both hashes are known; ERR_SHAPE a record that one of
 * them lacks, or whose tokens differ where they must not (record named); ERR_NOMEM. signals_have -
 * bits of AttackSignal that all of n signals hold. */
Status signals_attack(AttackSignal **out, const Signals *s, const SignalsMore *more, Arena *a,
                      Err *e) PRIME_MUST_USE;
unsigned signals_have(const AttackSignal *s, size_t n);

#endif
