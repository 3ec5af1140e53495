/* report_priv.h - the ledger's rows in memory, with names as numbers, and the statistics over them. */
#ifndef PRIME_REPORT_PRIV_H
#define PRIME_REPORT_PRIV_H

#include "prime/arena.h"
#include "prime/js.h"
#include "prime/report.h"
#include "prime/roc.h"
#include "prime/show.h"
#include "prime/stats.h"
#include "prime/table.h"

#include <stdbool.h>
#include <stdint.h>

/* Strings seen once each; equal strings have equal numbers. After reading, numbers are in the order of the
 * strings' bytes. */
typedef struct {
    const char **name; /* [n] in the report's arena */
    size_t n, cap;
    size_t *slot; /* [n_slots] hash table of numbers + 1 */
    size_t n_slots;
} Names;

#define NAME_NONE ((size_t)UINT32_MAX)    /* not a name: matches no row */
#define NAME_ANY ((size_t)UINT32_MAX - 1) /* matches every row */

typedef enum {
    KIND_UTILITY,
    KIND_UTILITY_ALL,
    KIND_ATTACK,
    KIND_NORM,
    KIND_SEARCH,
    KIND_WEIGHT,
    KIND_FINGERPRINT,
    KIND_PERSON,
    KIND_CANARY,
    KIND_OWN,
    KIND_EXTRACT,
    KIND_EMISSION,
    N_KINDS
} ReportKind;

typedef struct {
    double value;
    uint32_t metric, unit, record; /* numbers of names */
    uint32_t cell;                 /* index among the report's cells */
    int8_t kind, label;
} ReportRow;

typedef struct {
    const char *key, *method, *task, *target;
    double lambda; /* NAN when none */
    uint64_t seed;
    size_t first, n; /* its rows */
} ReportCell;

/* Cells that differ in target and seed alone: one point of the front. Its rows are sorted by kind, metric,
 * unit, cell, record and the order of writing. */
typedef struct {
    const char *task, *method;
    double lambda;
    size_t first, n_cells;                  /* among the report's cells */
    const ReportRow **row;                  /* [n_rows] */
    size_t n_rows, first_attack, n_attacks; /* among the report's attacks */
    bool is_base;
    bool is_merge; /* it has merge weights, or several people are attacked in one cell; never the base */
} ReportGroup;

/* A mean (or a difference of means) over people with its t interval; NaN where none can be given. */
typedef struct {
    double value, lo, hi, p; /* p: two-sided, against the value asked for */
    size_t n;
} MeanEst;

/* A share with an exact interval. */
typedef struct {
    double value, lo, hi;
} RateEst;

/* One method against another, person by person. */
typedef struct {
    MeanEst diff;
    RateEst win; /* people for whom it is better, ties by half */
} PairEst;

/* One attack on one row of the front. */
typedef struct {
    const ReportGroup *group;
    size_t attack, n_records; /* number of a name; distinct records */
    RocEst auc;               /* pooled, clustered by person */
    MeanEst mean;             /* of the anchors' own AUCs */
    RateEst tpr_1, tpr_01;    /* at 1% and 0.1% false positives */
    double auc_blind;
    RocEst excess; /* the pooled AUC minus the strongest blind attack's, record by record */
} ReportAttack;

typedef struct {
    const ReportGroup *group;
    size_t metric; /* the task's utility metric; NAME_NONE when it has none */
    double sign;   /* 1 when more of it is better, -1 when less is */
    StatsEst utility;
    PairEst gain;      /* over the base */
    double gain_holm;  /* p adjusted over the rows of a task */
    RocEst leak;       /* the chosen attack, pooled */
    double leak_holm;  /* p adjusted over the rows of a task */
    MeanEst leak_mean; /* mean over anchors of each anchor's own AUC */
    RocEst excess;     /* the pooled AUC minus the strongest blind attack's, record by record */
    RateEst tpr;       /* at 1% false positives */
    double auc_loss, auc_blind, auc_base, attenuation;
    double p_front;   /* share of bootstrap replicates in which nothing of the task dominates it */
    size_t n_records; /* distinct, scored by the chosen attack */
    bool graded, dominated;
} ReportFront;

/* The volume that a method's rows (or all rows of a task) dominate. */
typedef struct {
    const char *task, *method; /* method NULL: all */
    double value, lo, hi, ref[2];
    size_t n_points;
} ReportVolume;

typedef struct {
    const char *key, *value;
} ReportMeta;

typedef enum { SCOPE_POOLED, SCOPE_MEAN, SCOPE_WORST, SCOPE_ANCHOR } GateScope;

typedef struct GateMetric GateMetric;

/* One row of a gates file. */
typedef struct {
    const GateMetric *metric;
    const char *name;          /* of the metric, as written */
    const char *attack;        /* "" for utility and gain */
    const char *scope;         /* as written */
    const char *task, *method; /* NULL: any */
    GateScope where;
    const char *anchor; /* for SCOPE_ANCHOR */
    double limit, confidence, rate, lambda;
    bool at_most, any_lambda;
    size_t min_users, line;
} Gate;

/* One gate on one row of the front. */
typedef struct {
    const Gate *gate;
    const ReportGroup *group; /* NULL: no row was there to judge */
    double value, lo, hi;
    size_t n;        /* people, or records of one person */
    const char *who; /* the worst anchor, or "" */
    Verdict verdict;
} GateResult;

/* result_task, result_method - of the row that was judged, else of the gate, else `any`. result_lambda - NaN
 * where neither says it. */
const char *result_task(const GateResult *x, const char *any);
const char *result_method(const GateResult *x, const char *any);
double result_lambda(const GateResult *x);

/* The least private setting of a method that passes every gate, and its price. */
typedef struct {
    const char *task, *method;
    double lambda, first; /* lambda NaN: none passes; first: the smallest there is */
    MeanEst cost;         /* utility lost against `first` */
    size_t metric;
} GateChoice;

struct Report {
    Arena arena;
    Names names;
    ReportOptions how;
    ReportCell *cell;
    ReportRow *row;
    ReportGroup *group;
    ReportAttack *attack; /* [n_attacks] by group */
    ReportFront *front;   /* [n_groups] */
    ReportVolume *volume; /* [n_volumes] */
    ReportMeta *meta;     /* [n_meta] what the ledger says about its run */
    size_t n_cells, cap_cells, n_rows, cap_rows, n_groups, n_attacks, n_failed, n_volumes, n_meta, cap_meta;
    GateResult *result; /* [n_results] */
    GateChoice *choice; /* [n_choices] */
    size_t n_results, n_choices;
    const char *gates_path; /* NULL until it is judged */
    Verdict verdict;        /* VERDICT_NONE until it is judged */
    double wall;            /* seconds, all cells */
    const char *reference;  /* method; NULL: none */
    double reference_lambda;
    bool reference_any; /* any lambda will do */
};

/* names_find - number of s, or NAME_NONE. names_add - the same, adding it; NAME_NONE when memory is out. */
size_t names_find(const Names *t, const char *s);
size_t names_add(Names *t, Arena *a, const char *s);
void names_free(Names *t);
/* names_sort - number the names anew in the order of their bytes; to [n] gets the new number of each old one.
 * false when memory is out. */
bool names_sort(Names *t, uint32_t *to);

/* report_read - meta, cells and rows from the ledger; report_group - r->group from r->cell. report_meta - a
 * fact about the run, or NULL. */
Status report_read(Report *r, Ledger *l, Err *e) PRIME_MUST_USE;
Status report_group(Report *r, Err *e) PRIME_MUST_USE;
const char *report_meta(const Report *r, const char *key);
/* group_of_cell - one cell as a group of its own; memory from a. false when memory is out. */
bool group_of_cell(ReportGroup *g, const Report *r, size_t cell, Arena *a);
/* group_is - whether g is of this task (NULL: any), method (likewise) and lambda (any when `any`). */
bool group_is(const ReportGroup *g, const char *task, const char *method, double lambda, bool any);
/* lambda_cmp - order of lambdas, none first. */
int lambda_cmp(double a, double b);

/* A run of sorted rows. */
typedef struct {
    const ReportRow **row;
    size_t n;
} ReportRows;
/* rows_of - those of a kind, a metric and a unit; either may be NAME_ANY (the unit must be, when the metric
 * is). rows_utility - those of a utility metric, of whichever kind has it. */
ReportRows rows_of(const ReportGroup *g, ReportKind kind, size_t metric, size_t unit);
ReportRows rows_utility(const ReportGroup *g, size_t metric);
/* rows_of_cell - those of one cell, of a kind and a metric, by unit and record; memory from a. false when
 * memory is out. */
bool rows_of_cell(ReportRows *out, const Report *r, size_t cell, ReportKind kind, size_t metric, Arena *a);
/* rows_next_metric, rows_next_unit, rows_next_cell - take the leading rows of one metric (unit, cell) from
 * rest. */
bool rows_next_metric(ReportRows *run, ReportRows *rest);
bool rows_next_unit(ReportRows *run, ReportRows *rest);
bool rows_next_cell(ReportRows *run, ReportRows *rest);
double rows_mean(ReportRows rows); /* NaN when there is no row */
/* rows_paired - whether both hold scores of the same records of the same cells, in the same order. */
bool rows_paired(ReportRows a, ReportRows b);

/* pick_scores - members and held-out records of attack rows, clustered by person or by record; memory from a.
 * *n_records counts distinct (person, record); NULL: that is not wanted, and by must be BY_UNIT. Errors:
 * ERR_NOMEM. */
typedef enum { BY_UNIT, BY_RECORD } PickBy;
Status pick_scores(RocData *out, size_t *n_records, ReportRows rows, PickBy by, Arena *a,
                   Err *e) PRIME_MUST_USE;
/* pick_auc - AUC with the clustered interval; all NaN when one side is empty. */
Status pick_auc(RocEst *out, size_t *n_records, ReportRows rows, PickBy by, double level, Arena *a,
                Err *e) PRIME_MUST_USE;
/* pick_excess - AUC of the rows p minus that of a blind attack's rows q on the same records, which is turned
 * round where auc_blind < 0.5: paired, clustered by person or by record. All NaN where the two did not score
 * the same records. */
Status pick_excess(RocEst *out, ReportRows p, ReportRows q, double auc_blind, PickBy by, double level,
                   Arena *a, Err *e) PRIME_MUST_USE;
/* pick_tpr - true-positive rate at a false-positive rate, people as units: the threshold is taken as given,
 * and the exact interval is that of as many independent records as the people's differing rates are worth
 * (Korn and Graubard 1998, Survey Methodology 24). NaN when one side is empty. */
Status pick_tpr(RateEst *out, ReportRows rows, double fpr, double level, Arena *a, Err *e) PRIME_MUST_USE;

/* People and a number for each, by rising number of the person. */
typedef struct {
    size_t *unit; /* [n] */
    double *value;
    size_t n;
} UnitValues;
/* unit_utility - mean over records, cells and seeds of a utility metric for each target (the root of it for
 * rmse). unit_aucs - each anchor's own AUC; people with one side only are left out. */
Status unit_utility(UnitValues *out, const Report *r, const ReportGroup *g, size_t metric, Arena *a,
                    Err *e) PRIME_MUST_USE;
Status unit_aucs(UnitValues *out, const ReportGroup *g, size_t attack, Arena *a, Err *e) PRIME_MUST_USE;
/* unit_boot - mean over people with a percentile bootstrap over them. unit_mean - the same with the t
 * interval and the p-value against `null`. unit_pair - a minus b for the people of both; sign says what is
 * better. */
Status unit_boot(StatsEst *out, const UnitValues *u, double level, Arena *a, Err *e) PRIME_MUST_USE;
MeanEst unit_mean(const double *x, size_t n, double null, double level);
/* unit_rates - unit_mean of numbers in [0, 1]: the interval is cut to that, and where all are 0 or all are 1
 * it is the exact bound that n of n come out alike. */
MeanEst unit_rates(const double *x, size_t n, double null, double level);
Status unit_pair(PairEst *out, const UnitValues *a, const UnitValues *b, double sign, double level, Arena *m,
                 Err *e) PRIME_MUST_USE;
/* metric_sign - 1 when more of a utility metric is better, -1 for those that the run's `lower_is_better`
 * names; where the run has no such list, for mae and rmse. */
double metric_sign(const Report *r, size_t metric);
/* metric_root - whether records hold squares, of whose mean the root is taken: rmse. */
bool metric_root(const Report *r, size_t metric);
/* mean_auc - the mean of the anchors' own AUCs, as unit_rates. */
Status mean_auc(MeanEst *out, const ReportGroup *g, size_t attack, double level, Arena *a,
                Err *e) PRIME_MUST_USE;
/* adjust_fill - out [n]: adjustment of p [n] over those that are numbers; NaN stays. holm_fill - Holm's. */
Status adjust_fill(double *out, const double *p, size_t n, const char *method, Arena *a,
                   Err *e) PRIME_MUST_USE;
Status holm_fill(double *out, const double *p, size_t n, Arena *a, Err *e) PRIME_MUST_USE;

/* attacks_fill - r->attack. attack_of - that of a metric, or NULL. attack_blind - the strongest attack named
 * blind_*: the one whose AUC is farthest from 0.5; NULL when there is none. */
Status attacks_fill(Report *r, Err *e) PRIME_MUST_USE;
const ReportAttack *attack_of(const Report *r, const ReportGroup *g, size_t metric);
const ReportAttack *attack_blind(const Report *r, const ReportGroup *g);
/* front_fill - r->front [n_groups]. front_base - the base of a task, or NULL. volume_fill - r->volume, and
 * p_front of the rows of the front. */
Status front_fill(Report *r, Err *e) PRIME_MUST_USE;
const ReportGroup *front_base(const Report *r, const char *task);
Status volume_fill(Report *r, Err *e) PRIME_MUST_USE;

/* reference_find - the method that how.reference names. reference_group - the row of a task that stands for
 * it, or NULL. Errors: ERR_ARG. */
Status reference_find(Report *r, Err *e) PRIME_MUST_USE;
const ReportGroup *reference_group(const Report *r, const char *task);

/* gates_read - the rows of a gates file, in the report's arena. gates_measure - value, interval and count of
 * one gate on one row. */
Status gates_read(Gate **gate, size_t *n, Report *r, const char *path, Err *e) PRIME_MUST_USE;
Status gates_measure(GateResult *out, const Report *r, Arena *a, Err *e) PRIME_MUST_USE;
/* gates_missing - cells that failed or that the run planned and the ledger lacks. */
size_t gates_missing(const Report *r);
/* choice_sentence - append what a choice says, without the end of a line; show writes names. */
void choice_sentence(Str *out, const Report *r, const GateChoice *c, void (*show)(Str *, const char *));

/* An anchor in a merge. leaks_top - those with the largest AUC under the report's attack, at most cap of
 * them, over all merges. Memory from a. */
typedef struct {
    const ReportGroup *group;
    const char *anchor;
    RocEst auc;
    double holm;
} LeakRef;
Status leaks_top(LeakRef *top, size_t *n, size_t cap, const Report *r, Arena *a, Err *e) PRIME_MUST_USE;

/* One row per column of every file: the files' headers and schema.csv come from here. */
typedef struct {
    const char *file, *column, *unit, *what;
} ReportColumn;
enum { REPORT_MAX_COLUMNS = 48 };
/* schema_columns - a file's columns, in order, into col [REPORT_MAX_COLUMNS]; returns how many. */
size_t schema_columns(const ReportColumn **col, const char *file);
/* schema_begin - write the header of a file. */
void schema_begin(TableOut *o, Str *out, const char *file);

/* A table in memory on its way to any format. */
typedef struct {
    const char *text; /* NULL: a number */
    double num;       /* NaN: nothing */
} GridCell;
typedef struct {
    Arena *arena;
    const char *file;
    const ReportColumn *col[REPORT_MAX_COLUMNS];
    size_t n_cols;
    GridCell *cell; /* [n_cells], rows one after the other */
    size_t n_cells, cap;
    bool failed; /* memory ran out */
} Grid;
void grid_begin(Grid *g, Arena *a, const char *file);
void grid_text(Grid *g, const char *s);
void grid_num(Grid *g, double x);
void grid_count(Grid *g, size_t n);
void grid_flag(Grid *g, bool yes);
void grid_three(Grid *g, double value, double lo, double hi);
/* grid_group - task, method and lambda; grid_roc, grid_mean, grid_rate - value and interval. */
void grid_group(Grid *g, const ReportGroup *group);
void grid_roc(Grid *g, const RocEst *est);
void grid_mean(Grid *g, const MeanEst *m);
void grid_rate(Grid *g, const RateEst *p);
void grid_csv(Str *out, const Grid *g);
size_t grid_rows(const Grid *g);

/* screen_why - append "  cannot grade: " and the reason. */
void screen_why(Str *out, const ReportFront *f);

/* The tables. */
Status grid_front(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_methods(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_anchors(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
/* grid_anchors_page - the same as far as a page can hold them: of all attacks, or of the report's where that
 * is too much, or the largest AUCs. anchors_left_out - how many rows that leaves out. */
Status grid_anchors_page(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
size_t anchors_left_out(const Report *r);
Status grid_dose(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_attacks(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_merges(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_loo(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_scaling(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_fingerprint(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_people(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_source(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_canary(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_extract(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_own(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_eaf(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_null(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_volume(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;
Status grid_verdicts(Grid *g, const Report *r, Err *e) PRIME_MUST_USE;

/* The tables that JSON and HTML carry. report_grid_at - the i-th; NULL past the end. grid_js - a grid as an
 * array of objects; `shown`: names as show_text writes them. */
typedef struct {
    const char *name, *file;
    Status (*fill)(Grid *, const Report *, Err *);
} ReportGrid;
const ReportGrid *report_grid_at(size_t i);
JsVal *grid_js(const Grid *g, bool shown);

/* provenance_each - every fact about the run and this program, and "not recorded by the run" for what is
 * missing. Errors: ERR_NOMEM. */
typedef void (*ProvenanceFn)(void *ctx, const char *key, const char *value);
Status provenance_each(const Report *r, ProvenanceFn fn, void *ctx, Err *e) PRIME_MUST_USE;

/* The outputs. */
Status out_cells(Str *out, const Report *r, Err *e);
Status out_front(Str *out, const Report *r, Err *e);
Status out_methods(Str *out, const Report *r, Err *e);
Status out_anchors(Str *out, const Report *r, Err *e);
Status out_dose(Str *out, const Report *r, Err *e);
Status out_attacks(Str *out, const Report *r, Err *e);
Status out_merges(Str *out, const Report *r, Err *e);
Status out_loo(Str *out, const Report *r, Err *e);
Status out_scaling(Str *out, const Report *r, Err *e);
Status out_fingerprint(Str *out, const Report *r, Err *e);
Status out_people(Str *out, const Report *r, Err *e);
Status out_source(Str *out, const Report *r, Err *e);
Status out_canary(Str *out, const Report *r, Err *e);
Status out_extract(Str *out, const Report *r, Err *e);
Status out_own(Str *out, const Report *r, Err *e);
Status out_eaf(Str *out, const Report *r, Err *e);
Status out_null(Str *out, const Report *r, Err *e);
Status out_volume(Str *out, const Report *r, Err *e);
Status out_verdicts(Str *out, const Report *r, Err *e);
Status out_gates(Str *out, const Report *r, Err *e);
Status out_json(Str *out, const Report *r, Err *e);
Status out_json_schema(Str *out, const Report *r, Err *e);
Status out_md(Str *out, const Report *r, Err *e);
Status out_junit(Str *out, const Report *r, Err *e);
Status out_sarif(Str *out, const Report *r, Err *e);
Status out_html(Str *out, const Report *r, Err *e);
/* page_data - the numbers behind the charts of the page, as one JSON text without a `<` in it. */
Status page_data(Str *out, const Report *r, Err *e) PRIME_MUST_USE;
Status out_schema(Str *out, const Report *r, Err *e);
Status out_text(Str *out, const Report *r, Err *e);

/* between_each - a table from every merge, with scratch memory for each. method_is - whether a method is
 * `name`, whatever retrieval stands behind its +. group_beside - the group of that method with the same task,
 * retrieval and lambda (or none), or NULL. */
typedef Status (*BetweenFn)(Grid *g, const Report *r, const ReportGroup *group, Arena *a, Err *e);
Status between_each(Grid *g, const Report *r, BetweenFn fn, Err *e) PRIME_MUST_USE;
bool method_is(const char *method, const char *name);
const ReportGroup *group_beside(const Report *r, const ReportGroup *g, const char *name);

#endif
