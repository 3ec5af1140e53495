/* data_priv.h - the parts of data_load, also used by `prime data info`. */
#ifndef PRIME_DATA_PRIV_H
#define PRIME_DATA_PRIV_H

#include "prime/data.h"
#include "prime/js.h"

#include <stddef.h>

/* A row of users.csv. */
typedef struct {
    const char *id;
    DataRole role;
    size_t n[DATA_SPLITS];
} DataPerson;

/* A line of TASK.jsonl. */
typedef struct {
    size_t person, line;
    DataSplit split;
    DataRecord rec;
} DataRow;

/* What dataset.json says of the task. */
typedef struct {
    size_t users, records[DATA_SPLITS];
} DataClaim;

/* data_path - "DIR/name.ext" in the arena. */
Status data_path(char **path, Arena *a, const char *dir, const char *name, const char *ext,
                 Err *e) PRIME_MUST_USE;
/* data_head - dataset.json: format and version checked; closed with js_close. */
Status data_head(JsVal **root, const char *dir, Err *e) PRIME_MUST_USE;
/* data_people - users.csv, sorted by id. */
Status data_people(DataPerson **p, size_t *n, const char *dir, Arena *a, Err *e) PRIME_MUST_USE;
/* data_rows - the lines of d->task, in the order of the file, each checked by itself. The caller frees *row;
 * its texts are in d's arena. */
Status data_rows(DataRow **row, size_t *n, DataSet *d, const char *dir, const DataPerson *p, size_t n_people,
                 Err *e) PRIME_MUST_USE;
/* data_begin - task, labels and strings of dataset.json into d, and what it claims of the task. */
Status data_begin(DataSet *d, DataClaim *claim, const JsVal *root, const char *dir, const char *task,
                  Err *e) PRIME_MUST_USE;

/* data_person - the row of that id in p [n], which is sorted, or NULL. */
const DataPerson *data_person_find(const DataPerson *p, size_t n, const char *id);
/* data_need_text - a member that is a text without NUL bytes and not empty. */
Status data_need_text(const char **out, const JsVal *o, const char *key, const char *where,
                      Err *e) PRIME_MUST_USE;
/* data_each_line - hand the lines of a file to `line`, with where they stand ("path:12") for messages.
 * Errors: ERR_FORMAT a line is no JSON, or the last one is cut off; those of `line`. */
typedef Status (*DataLine)(void *ctx, const JsVal *o, const char *where, size_t line, Err *e);
Status data_each_line(const char *path, DataLine line, void *ctx, Err *e) PRIME_MUST_USE;
/* data_profiles - DIR/profiles.jsonl, if present, into the users of d, whose records are grouped. */
Status data_profiles(DataSet *d, const char *dir, const DataPerson *p, size_t n, Err *e) PRIME_MUST_USE;

#endif
