/* import_priv.h - what the readers of foreign data share: people one after the other, cleaned, split,
 * written. */
#ifndef PRIME_IMPORT_PRIV_H
#define PRIME_IMPORT_PRIV_H

#include "prime/arena.h"
#include "prime/import.h"
#include "prime/js_pull.h"
#include "text_priv.h"

#include <stdio.h>

typedef enum {
    ODD_FRAME,
    ODD_ABSTRACT,
    ODD_FIELD,
    ODD_TYPE,
    ODD_EMPTY,
    ODD_LABEL,
    ODD_NO_GOLD,
    ODD_NO_QUESTION,
    ODD_USER_TWICE,
    ODD_ITEM_TWICE,
    ODD_TEXT_TWICE,
    ODD_SHARED,
    ODD_STRADDLES,
    ODD_NO_PROFILE,
    ODD_NO_RECORD,
    ODD_LINE,
    ODD_SPLIT,
    ODD_PROFILE,
    N_ODDS
} ImportOddKind;

/* One record of the person that is being read. Texts are in Import.user_arena, cleaned. */
typedef struct {
    const char *id, *input, *output, *when;
    size_t order;
    int split; /* DataSplit, or -1: to be drawn */
    bool out;  /* left out */
    uint64_t all, head;
    size_t group; /* records of the person that begin alike */
    char hash[DATA_ID];
} ImportRec;

/* A person that has been written to the spill file. */
typedef struct {
    char id[DATA_ID];
    DataRole role;
    const char *part, *profile;
    size_t n[DATA_SPLITS];
    uint64_t at, len; /* its lines in the spill file */
} ImportUser;

/* A set of hashes, open addressing; 0 is never a member. */
typedef struct {
    uint64_t *slot; /* [cap], a power of two */
    size_t n, cap;
} HashSet;

/* A text that describes a person. */
typedef struct {
    const char *id, *text;
    size_t line;
    bool used;
} ImportProfile;

typedef struct Import Import;
struct Import {
    const DataImportOpt *o;
    const Task *task;
    ImportReport *report;
    Arena arena, user_arena;
    /* The person that is being read. */
    ImportRec *rec; /* grows */
    size_t n, cap;
    const char *user; /* its name, NULL when it has none yet */
    const ImportFile *file;
    size_t line, person; /* for messages */
    double share[2];     /* history and query, of records that have no split */
    Str text, tmp;
    /* What is known so far. */
    HashSet texts, names, ids;
    ImportUser *users; /* grows */
    size_t n_users, cap_users;
    FILE *spill;
    uint64_t spilled;
    const char **label; /* [n_labels] */
    size_t n_labels, cap_labels;
    ImportProfile *profile; /* [n_profiles] sorted by id */
    size_t n_profiles;
    char hash[2 * IMPORT_FILES + 1][65]; /* of the inputs, "" for what is not there */
};

/* import_odd - count something odd about the person, line and file that are being read. */
void import_odd(Import *im, ImportOddKind kind);

/* import_objects - behind PULL_ARR: `one` for every object of the array; what is no object is counted. */
Status import_objects(Import *im, JsPull *p, Status (*one)(void *ctx, Err *e), void *ctx,
                      Err *e) PRIME_MUST_USE;

/* import_clean - append a text: entities decoded unless told otherwise, line ends made "\n", control
 * characters and tabs made blanks, white space at the ends taken off. */
void import_clean(Str *out, const char *s, size_t n, bool keep_entities);
/* import_keep - the same into the person's arena; NULL when memory is out. */
const char *import_keep(Import *im, const char *s, size_t n);

/* import_begin - a person. import_add - one of its records; texts are kept, not copied. A negative split is
 * drawn. import_end - check, split and write it; the name may have become known meanwhile. */
void import_begin(Import *im, const ImportFile *file);
Status import_add(Import *im, const ImportRec *r, Err *e) PRIME_MUST_USE;
Status import_end(Import *im, Err *e) PRIME_MUST_USE;

/* hash_set_add - *fresh: it was not there. */
Status hash_set_add(bool *fresh, HashSet *s, uint64_t x, Err *e) PRIME_MUST_USE;
bool hash_set_has(const HashSet *s, uint64_t x);

/* import_input - the i-th file that is read: path and golds of each file, then the profiles; NULL when there
 * is none. import_hash - fill im->hash; touches nothing else of im. */
const char *import_input(const DataImportOpt *o, size_t i);
Status import_hash(Import *im, Err *e) PRIME_MUST_USE;

/* import_split - fill rec[].split and .out of the person's records. */
Status import_split(Import *im, const char *user_id, Err *e) PRIME_MUST_USE;

/* import_write_user - sort the person's records and put their lines into the spill file. import_finish - the
 * files of the dataset. */
Status import_write_user(Import *im, ImportUser *u, Err *e) PRIME_MUST_USE;
Status import_finish(Import *im, Err *e) PRIME_MUST_USE;

/* import_value - the text of a value whose first event is ev, cleaned, in the person's arena; a list of texts
 * is joined with "; ". NULL for null, and, counted, for everything else. The value is behind afterwards. */
Status import_value(const char **out, Import *im, JsPull *p, JsEvent ev, Err *e) PRIME_MUST_USE;

/* import_each_line - hand the lines of a file (without their ends) to fn; im->line counts. Errors: ERR_IO;
 * those of fn. */
typedef Status (*ImportLine)(void *ctx, const char *line, size_t n, Err *e);
Status import_each_line(Import *im, const char *path, ImportLine fn, void *ctx, Err *e) PRIME_MUST_USE;

/* import_profiles - the texts that describe people. */
Status import_profiles(Import *im, Err *e) PRIME_MUST_USE;

/* The readers. */
Status import_lamp_task(Import *im, Err *e) PRIME_MUST_USE; /* the task that the outputs name */
Status import_lamp(Import *im, Err *e) PRIME_MUST_USE;
Status import_rows(Import *im, Err *e) PRIME_MUST_USE;

#endif
