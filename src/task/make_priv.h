/* make_priv.h - a dataset that is being made, whatever its source, and the one writer. */
#ifndef PRIME_MAKE_PRIV_H
#define PRIME_MAKE_PRIV_H

#include "prime/arena.h"
#include "prime/data.h"
#include "prime/err.h"
#include "prime/js.h"
#include "prime/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something a person has written, whatever tasks are made of it. */
typedef struct {
    char id[DATA_ID];
    size_t user;
    DataSplit split;
} MakeItem;

typedef struct {
    char id[DATA_ID];
    DataRole role;
    size_t n[DATA_SPLITS];
} MakeUser;

typedef struct {
    size_t item;
    const char *input, *output;
    const char *time; /* NULL or "": unknown */
} MakeRow;

typedef struct {
    const Task *task;
    const char *const *label;
    size_t n_labels;
    MakeRow *row;
    size_t n;
} MakeTask;

/* A secret and the record it was made for. */
typedef struct {
    size_t item;
    const char *text;
    bool included;
} MakeCanary;

/* A text that describes a person; task NULL: for all tasks. */
typedef struct {
    size_t user;
    const char *task, *text;
} MakeProfile;

typedef struct {
    const char *source, *salt;
    const char *salt_id; /* instead of the salt, when that is NULL */
    uint64_t seed;
    MakeUser *user; /* [n_users], any order */
    size_t n_users;
    MakeItem *item; /* [n_items] */
    size_t n_items;
    MakeTask *task; /* [n_tasks] */
    size_t n_tasks;
    MakeCanary *canary; /* [n_canaries] */
    size_t n_canaries;
    MakeProfile *profile; /* [n_profiles] */
    size_t n_profiles;
    /* What dataset.json says besides; owned by the caller until make_write takes it. NULL: nothing. */
    JsVal *inputs, *counts, *splits;
    const char *release;
} Make;

/* make_id - letter and 12 hexadecimal digits of SHA-256(salt, text). */
void make_id(char id[DATA_ID], char letter, const char *salt, const char *text);

/* make_split - permute each user's items by a stream keyed with the seed and the user's id, and cut:
 * round(n * history) items are history, round(n * query) of the rest query, what is left is held out.
 * Fills item[].split and user[].n. */
Status make_split(Make *m, double history, double query, Err *e) PRIME_MUST_USE;

/* make_write - the folder described in data.h. dataset.json is removed first and written last, so that a
 * folder that has one is complete. Takes m->inputs, m->counts and m->splits, also when it fails.
 * Errors: ERR_IO, ERR_NOMEM, ERR_NUM two users or two items share an id. */
Status make_write(Make *m, const char *dir, Err *e) PRIME_MUST_USE;

/* make_salt_id - what dataset.json says of the salt. make_head_json - that file down to "release". */
void make_salt_id(char id[DATA_SALT_ID], const char *salt);
JsVal *make_head_json(const char *source, const char *salt_id, uint64_t seed, const char *release);

/* synth_publish - the dataset as LaMP's files, or as those of Per-Pcs: a folder for each task. A person's
 * records stand together in each task. LaMP has one question a person: the first query is it, further ones
 * are left out. Errors: ERR_ARG a task that is none of LaMP's; ERR_IO; ERR_NOMEM. */
Status synth_publish(const Make *m, const char *dir, bool perpcs, Err *e) PRIME_MUST_USE;

/* make_check_shares - history and query in (0, 1), their sum below 1. */
Status make_check_shares(double history, double query, Err *e) PRIME_MUST_USE;

#endif
