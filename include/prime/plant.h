/* plant.h - secrets of several kinds (canaries) in a dataset that is there. What a model that was trained on
 * the dataset knows of those that are in it, beyond those that were kept out, it has from training. */
#ifndef PRIME_PLANT_H
#define PRIME_PLANT_H

#include "prime/err.h"
#include "prime/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A kind of secret: a row of a table.
 *   digits  twelve random digits behind a word (Carlini et al. 2019, arXiv:1802.08232)
 *   random  twelve random lower-case letters and digits: a random sequence of tokens
 *   new     eight random signs of Linear B, which no text of the dataset has (Panda et al. 2025,
 *           arXiv:2503.06808). Differs: a model whose tokens are bytes reads a sign as four tokens that it
 *           knows; what is new is the sequence.
 *   like    in-distribution: what another person answered to another prompt (Meeus et al. 2025,
 *           arXiv:2502.14921). Differs: a text that somebody wrote, not one that a model made. */
typedef struct {
    const char *name, *what;
    const char *form; /* how a secret looks: its characters that are in abc are drawn; NULL: none is drawn */
    const char *letter; /* the characters that are drawn from, UTF-8, side by side; NULL: none */
    size_t width;       /* bytes of each */
} PlantKind;

/* plant_kinds - the table; *n is its length. Rows live as long as the program; the first is digits.
 * plant_kind - the row of that name, or NULL. */
const PlantKind *plant_kinds(size_t *n);
const PlantKind *plant_kind(const char *name);

/* plant_letters - how many characters of a UTF-8 text are among the kind's; 0 for a kind without any.
 * plant_redraw - each of these drawn anew from the kind's, independently and uniformly; the others stay.
 * Returns their number. Cost: O(bytes * letters). */
size_t plant_letters(const char *text, const PlantKind *kind);
size_t plant_redraw(char *text, const PlantKind *kind, Rng *rng);

typedef struct {
    const char *dir, *out; /* the dataset, and the folder to make */
    const char *task;      /* whose records take the secrets */
    const char *kinds;     /* names of kinds, with commas between; NULL: digits */
    size_t canaries;       /* of each kind for each person: even, 2 .. 10000 */
    bool base_too;         /* base users have them as well as audit users */
    uint64_t seed;         /* records, which half, secrets */
} DataPlantOpt;

typedef struct {
    size_t people, canaries; /* that have them; and all of theirs */
    size_t passed_over;      /* people whose history of the task has too few records */
} DataPlanted;

/* data_plant - a copy of the dataset in o->dir with secrets of each kind for every person (of the roles
 * asked for) who has records enough for all of them in the history of the task. A keyed draw decides which
 * records, and which half of each kind is planted: appended, behind a space, to the record's output. The
 * other half is kept out. canaries.csv says which, dataset.json under "planted" how; all other lines of all
 * files stay as they are, byte for byte. A secret that is drawn is none that the output has already. One of
 * kind like is the output of a held-out record of an audit user, another than the person's own; each text
 * is used once, and none that is also an output of a base user, or of a history. The folder appears whole or
 * not at all. Streams (seed, user, PLANT_STREAM) and (seed, "plant_like", 0). Attacks on records read the
 * secrets too: membership is better measured on the dataset as it was.
 * Errors: ERR_ARG options; o->out is there; outputs of the task are labels; the dataset has canaries; nobody
 * has records enough; a text of any task, or a description of a person, has a sign of kind new; fewer texts
 * of others than kind like wants; those of data_load; ERR_IO; ERR_NOMEM. Cost: that of loading. */
enum { PLANT_MOST = 10000, PLANT_STREAM = 7001 };
Status data_plant(DataPlanted *out, const DataPlantOpt *o, Err *e) PRIME_MUST_USE;

#endif
