/* report_priv.h - the ledger's rows in memory, with names as numbers, and the statistics over them. */
#ifndef PRIME_REPORT_PRIV_H
#define PRIME_REPORT_PRIV_H

#include "prime/arena.h"
#include "prime/report.h"
#include "prime/roc.h"
#include "prime/stats.h"
#include "prime/table.h"

#include <stdbool.h>
#include <stdint.h>

/* Strings seen once each; equal strings have equal numbers. */
typedef struct {
    const char **name; /* [n] in the report's arena */
    size_t n, cap;
    size_t *slot; /* [n_slots] hash table of numbers + 1 */
    size_t n_slots;
} Names;

#define NAME_NONE SIZE_MAX      /* not a name: matches no row */
#define NAME_ANY (SIZE_MAX - 1) /* matches every row */

typedef enum {
    KIND_UTILITY,
    KIND_UTILITY_ALL,
    KIND_ATTACK,
    KIND_NORM,
    KIND_SEARCH,
    KIND_WEIGHT,
    N_KINDS
} ReportKind;

typedef struct {
    ReportKind kind;
    int label;
    size_t metric, unit, record; /* numbers of names */
    double value;
} ReportRow;

typedef struct {
    const char *key, *method, *task, *target;
    double lambda; /* NAN when none */
    uint64_t seed;
    size_t target_name;
    size_t first, n; /* its rows */
} ReportCell;

/* Cells that differ in target and seed alone: one point of the front. */
typedef struct {
    const char *task, *method;
    double lambda;
    const size_t *cell; /* [n_cells] */
    size_t n_cells;
} ReportGroup;

typedef struct {
    const ReportGroup *group;
    size_t metric;          /* the task's utility metric; NAME_NONE when it has none */
    StatsEst utility, gain; /* gain: over the base, target by target */
    RocEst leak;            /* attack `ref` */
    RocEst excess;          /* the same minus the strongest blind attack, record by record */
    double auc_loss, tpr, auc_blind, auc_base, attenuation;
    size_t n_records; /* distinct, scored by `ref` */
    bool graded, dominated;
} ReportFront;

struct Report {
    Arena arena;
    Names names;
    ReportCell *cell;
    ReportRow *row;
    ReportGroup *group;
    ReportFront *front; /* [n_groups] */
    size_t n_cells, cap_cells, n_rows, cap_rows, n_groups, n_failed;
};

/* names_find - number of s, or NAME_NONE. names_add - the same, adding it; NAME_NONE when memory is out. */
size_t names_find(const Names *t, const char *s);
size_t names_add(Names *t, Arena *a, const char *s);
void names_free(Names *t);

/* report_read - cells and rows from the ledger; report_group - r->group from r->cell. */
Status report_read(Report *r, Ledger *l, Err *e) PRIME_MUST_USE;
Status report_group(Report *r, Err *e) PRIME_MUST_USE;

/* Which rows to take: of these cells, this kind, metric and unit. */
typedef struct {
    const Report *r;
    const size_t *cell; /* [n_cells] */
    size_t n_cells;
    ReportKind kind;
    size_t metric, unit; /* or NAME_ANY */
} ReportPick;

/* pick_next - the next row that matches; NULL at the end. Start with *at = {0}. */
typedef struct {
    size_t cell, row;
} PickAt;
const ReportRow *pick_next(const ReportPick *p, PickAt *at);
double pick_mean(const ReportPick *p); /* NaN when there is no row */

/* pick_scores - members and held-out records of the attack rows, clustered by person or by record; memory
 * from a. *n_records counts distinct (person, record). Errors: ERR_NOMEM. */
typedef enum { BY_UNIT, BY_RECORD } PickBy;
Status pick_scores(RocData *out, size_t *n_records, const ReportPick *p, PickBy by, Arena *a,
                   Err *e) PRIME_MUST_USE;
/* pick_auc - AUC with the clustered interval; all NaN when one side is empty. */
Status pick_auc(RocEst *out, size_t *n_records, const ReportPick *p, PickBy by, Arena *a,
                Err *e) PRIME_MUST_USE;
/* pick_blind - the strongest attack named blind_*: the one whose AUC is farthest from 0.5. *metric is
 * NAME_NONE and *auc NaN when there is none. */
Status pick_blind(double *auc, size_t *metric, const ReportPick *p, Arena *a, Err *e) PRIME_MUST_USE;
/* pick_paired - whether two picks hold scores of the same records of the same cells, in the same order. */
bool pick_paired(ReportPick a, ReportPick b);
/* pick_metrics - the distinct metrics among the rows of p (whose own metric is ignored), in order of first
 * sight, into metric [cap]; returns how many. */
size_t pick_metrics(size_t *metric, size_t cap, ReportPick p);

/* front_fill - r->front [n_groups]. */
Status front_fill(Report *r, Ledger *l, Err *e) PRIME_MUST_USE;

/* The outputs. */
Status out_cells(Str *out, const Report *r, Err *e);
Status out_front(Str *out, const Report *r, Err *e);
Status out_anchors(Str *out, const Report *r, Err *e);
Status out_schema(Str *out, const Report *r, Err *e);
Status out_text(Str *out, const Report *r, Err *e);

/* One row per column of every file: the files' headers and schema.csv come from here. */
typedef struct {
    const char *file, *column, *unit, *what;
} ReportColumn;
enum { REPORT_MAX_COLUMNS = 40, REPORT_MAX_METRICS = 64 };
/* schema_columns - names of a file's columns, in order, into col [REPORT_MAX_COLUMNS]; returns how many. */
size_t schema_columns(const char **col, const char *file);
/* schema_begin - write the header of a file. */
void schema_begin(TableOut *o, Str *out, const char *file);

#endif
