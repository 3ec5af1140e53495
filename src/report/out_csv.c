/* out_csv.c - the CSV files. cells.csv, the long one, is written as it is computed; the others are grids. */
#include "report_priv.h"

#include "prime/par.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* One row of cells.csv after the five columns that name the cell. */
typedef struct {
    const char *prefix, *metric, *suffix;
    double value, lo, hi;
    const char *ci_method; /* "" when there is no interval */
    size_t n_users, n_records;
} CellLine;

/* What the writers of one file share. */
typedef struct {
    const Report *r;
    TableOut out;
    Arena scratch; /* reset after each cell */
    size_t cell;   /* index of the cell */
} Writer;

static void put_line(Writer *w, CellLine line)
{
    const ReportCell *c = &w->r->cell[w->cell];
    char name[128], seed[24];
    snprintf(name, sizeof name, "%s%s%s", line.prefix, line.metric, line.suffix);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->seed);
    table_put_str(&w->out, c->task);
    table_put_str(&w->out, c->method);
    table_put_num(&w->out, c->lambda);
    table_put_str(&w->out, c->target);
    table_put_str(&w->out, seed);
    table_put_str(&w->out, name);
    table_put_num(&w->out, line.value);
    table_put_num(&w->out, line.lo);
    table_put_num(&w->out, line.hi);
    table_put_str(&w->out, line.ci_method);
    table_put_int(&w->out, (int64_t)line.n_users);
    table_put_int(&w->out, (int64_t)line.n_records);
    table_put_str(&w->out, c->key);
    table_end_row(&w->out);
}

/* The mean over the target's records with their t interval, which speaks of this person alone. */
static Status put_utility(Writer *w, ReportRows rows, const char *metric, Err *e)
{
    double *x = arena_alloc(&w->scratch, rows.n, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu values", rows.n);
    for (size_t i = 0; i < rows.n; i++) x[i] = rows.row[i]->value;
    MeanEst m = unit_mean(x, rows.n, 0, 0.95);
    if (metric_root(w->r, rows.row[0]->metric))
        m = (MeanEst){sqrt(m.value), m.lo < 0 ? 0 : sqrt(m.lo), sqrt(m.hi), NAN, m.n};
    put_line(w, (CellLine){"", metric, "", m.value, m.lo, m.hi, isnan(m.lo) ? "" : "t_records", 1, rows.n});
    return OK;
}

/* A number of the whole cell; several rows of one name are averaged. */
static Status put_plain(Writer *w, ReportRows rows, const char *metric, Err *e)
{
    (void)e;
    const char *prefix = rows.row[0]->kind == KIND_SEARCH ? "search_" : "";
    put_line(w, (CellLine){prefix, metric, "", rows_mean(rows), NAN, NAN, "", 1, rows.n});
    return OK;
}

static Status put_attack(Writer *w, ReportRows rows, const char *metric, Err *e)
{
    RocData d;
    size_t n;
    TRY(pick_scores(&d, &n, rows, BY_UNIT, &w->scratch, e));
    if (d.m == 0 || d.n == 0) return OK;
    RocEst delong, est;
    RocPoint point;
    TRY(roc_both(&delong, &est, &d, 0.95, e));
    put_line(w, (CellLine){"", metric, "_auc", delong.value, delong.lo, delong.hi, "delong", d.n_users, n});
    put_line(w, (CellLine){"", metric, "_auc", est.value, est.lo, est.hi, "clustered", d.n_users, n});
    TRY(roc_tpr_at(&point, &d, 0.01, 0.95, e));
    put_line(w, (CellLine){"", metric, "_tpr_at_fpr_0.01", point.tpr, point.lo, point.hi, "clopper_pearson",
                           d.n_users, n});
    return OK;
}

/* Merge weights have no row here: they are in anchors.csv. */
static Status (*const put_kind[N_KINDS])(Writer *, ReportRows, const char *, Err *) = {
    [KIND_UTILITY] = put_utility, [KIND_UTILITY_ALL] = put_plain, [KIND_ATTACK] = put_attack,
    [KIND_NORM] = put_plain,      [KIND_SEARCH] = put_plain,
};

/* People of one cell have their utility rows apart: an anchor alone serves several targets. */
static Status put_units(Writer *w, ReportRows rows, const char *metric, Err *e)
{
    ReportRows unit;
    if (rows.row[0]->kind != KIND_UTILITY) return put_kind[rows.row[0]->kind](w, rows, metric, e);
    while (rows_next_unit(&unit, &rows)) TRY(put_utility(w, unit, metric, e));
    return OK;
}

static Status put_cell(Writer *w, Err *e)
{
    ReportGroup one;
    if (!group_of_cell(&one, w->r, w->cell, &w->scratch)) FAIL(e, ERR_NOMEM, "no memory for a cell");
    for (size_t k = 0; k < N_KINDS; k++) {
        ReportRows rest = rows_of(&one, (ReportKind)k, NAME_ANY, NAME_ANY), run;
        while (put_kind[k] != NULL && rows_next_metric(&run, &rest))
            TRY(put_units(w, run, w->r->names.name[run.row[0]->metric], e));
    }
    return OK;
}

enum { CELLS_A_BLOCK = 256 };

/* Blocks of cells, each into a text of its own. */
typedef struct {
    const Report *r;
    const TableOut *head;
    Str *text; /* [blocks] */
} CellBlocks;

static Status put_block(void *ctx, size_t block, size_t thread, Err *e)
{
    const CellBlocks *b = ctx;
    Writer w = {.r = b->r, .out = *b->head, .cell = block * CELLS_A_BLOCK};
    size_t end = w.cell + CELLS_A_BLOCK < b->r->n_cells ? w.cell + CELLS_A_BLOCK : b->r->n_cells;
    (void)thread;
    w.out.str = &b->text[block];
    Status s = OK;
    for (; w.cell < end && s == OK; w.cell++) {
        s = put_cell(&w, e);
        arena_reset(&w.scratch);
    }
    arena_free(&w.scratch);
    return s;
}

Status out_cells(Str *out, const Report *r, Err *e)
{
    TableOut head;
    size_t n = (r->n_cells + CELLS_A_BLOCK - 1) / CELLS_A_BLOCK;
    CellBlocks b = {r, &head, calloc(n + 1, sizeof *b.text)};
    if (b.text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu cells", r->n_cells);
    schema_begin(&head, out, "cells.csv");
    Status s = par_run(n, par_threads(), put_block, &b, e);
    for (size_t i = 0; i < n; i++) {
        if (s == OK && b.text[i].s != NULL) str_put(out, b.text[i].s, b.text[i].n);
        out->failed = out->failed || b.text[i].failed;
        str_free(&b.text[i]);
    }
    free(b.text);
    return s;
}

/* A grid as CSV. */
static Status out_grid(Str *out, const Report *r, const char *file,
                       Status (*fill)(Grid *, const Report *, Err *), Err *e)
{
    Arena a = {0};
    Grid g;
    grid_begin(&g, &a, file);
    Status s = fill(&g, r, e);
    if (s == OK) grid_csv(out, &g);
    arena_free(&a);
    return s;
}

Status out_front(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "front.csv", grid_front, e);
}

Status out_methods(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "methods.csv", grid_methods, e);
}

Status out_anchors(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "anchors.csv", grid_anchors, e);
}

Status out_dose(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "dose.csv", grid_dose, e);
}

Status out_attacks(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "attacks.csv", grid_attacks, e);
}

Status out_volume(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "volume.csv", grid_volume, e);
}

Status out_verdicts(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "verdicts.csv", grid_verdicts, e);
}

Status out_merges(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "merges.csv", grid_merges, e);
}

Status out_loo(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "loo.csv", grid_loo, e);
}

Status out_scaling(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "scaling.csv", grid_scaling, e);
}

Status out_fingerprint(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "fingerprint.csv", grid_fingerprint, e);
}

Status out_people(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "people.csv", grid_people, e);
}

Status out_source(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "source.csv", grid_source, e);
}

Status out_canary(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "canary.csv", grid_canary, e);
}

Status out_extract(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "extract.csv", grid_extract, e);
}

Status out_own(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "own.csv", grid_own, e);
}

Status out_eaf(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "eaf.csv", grid_eaf, e);
}

Status out_null(Str *out, const Report *r, Err *e)
{
    return out_grid(out, r, "null.csv", grid_null, e);
}
