/* cmd_attack_exposure.c - `prime attack exposure`: canaries among alternatives of the same form. */
#include "cmd_attack_priv.h"

#include "prime/exposure.h"
#include "prime/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Secrets of one group and their references. */
typedef struct {
    const char *name;
    double *x, *r, *bits, *fit;
    size_t *row, *rank; /* row of each secret in the table */
    size_t n, m;
} ExposureGroup;

typedef struct {
    const Table *t;
    size_t record, role, loss, group; /* columns */
    ExposureGroup *g;
    size_t n;
} ExposureJob;

static const char *exposure_group_name(const ExposureJob *j, size_t row)
{
    return j->group != TABLE_NONE ? table_str(j->t, row, j->group) : "";
}

static Status exposure_secret(bool *secret, const ExposureJob *j, size_t row, Err *e)
{
    const char *role = table_str(j->t, row, j->role);
    *secret = strcmp(role, "secret") == 0;
    if (!*secret && strcmp(role, "reference") != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: role = '%s', want secret or reference", j->t->name, j->t->line[row],
             role);
    return OK;
}

static ExposureGroup *exposure_group(ExposureJob *j, const char *name)
{
    for (size_t i = 0; i < j->n; i++)
        if (strcmp(j->g[i].name, name) == 0) return &j->g[i];
    j->g[j->n] = (ExposureGroup){.name = name};
    return &j->g[j->n++];
}

/* First counts, then memory, then values. */
static Status exposure_rows(ExposureJob *j, bool fill, Err *e)
{
    for (size_t i = 0; i < j->t->n_rows; i++) {
        bool secret = false;
        double loss = 0;
        TRY(exposure_secret(&secret, j, i, e));
        TRY(table_num(&loss, j->t, i, j->loss, e));
        ExposureGroup *g = exposure_group(j, exposure_group_name(j, i));
        if (fill && secret) {
            g->x[g->n] = loss;
            g->row[g->n] = i;
        } else if (fill) {
            g->r[g->m] = loss;
        }
        g->n += secret;
        g->m += !secret;
    }
    return OK;
}

static Status exposure_memory(ExposureJob *j, Arena *a, Err *e)
{
    for (size_t i = 0; i < j->n; i++) {
        ExposureGroup *g = &j->g[i];
        g->x = arena_alloc(a, 3 * g->n, sizeof *g->x);
        g->r = arena_alloc(a, g->m, sizeof *g->r);
        g->row = arena_alloc(a, 2 * g->n, sizeof *g->row);
        if (g->x == NULL || g->r == NULL || g->row == NULL)
            FAIL(e, ERR_NOMEM, "no memory for %zu rows", j->t->n_rows);
        g->bits = g->x + g->n, g->fit = g->bits + g->n, g->rank = g->row + g->n;
        g->n = g->m = 0;
    }
    return OK;
}

/* A group whose references cannot be fitted has no second number, and that is said. */
static Status exposure_compute(ExposureGroup *g, const char *file, Err *e)
{
    SkewNorm d;
    Err why = {0};
    if (exposure_rank(g->bits, g->rank, g->x, g->n, g->r, g->m, e) != OK)
        return err_prefix(e, "%s: group '%s'", file, g->name);
    if (g->n == 0 || exposure_fit(g->fit, &d, g->x, g->n, g->r, g->m, &why) == OK) return OK;
    if (why.code == ERR_NOMEM) FAIL(e, ERR_NOMEM, "%s: group '%s': %s", file, g->name, why.msg);
    log_say(LOG_WARN, "%s: group '%s': %s", file, g->name, why.msg);
    for (size_t i = 0; i < g->n; i++) g->fit[i] = NAN;
    return OK;
}

static void exposure_print(const ExposureJob *j)
{
    static const char *const col[] = {"record", "group", "n_references", "rank", "exposure", "exposure_fit"};
    TableOut out;
    table_begin(&out, stdout, NULL, col, 6);
    for (size_t i = 0; i < j->n; i++)
        for (size_t k = 0; k < j->g[i].n; k++) {
            const ExposureGroup *g = &j->g[i];
            table_put_str(&out, table_str(j->t, g->row[k], j->record));
            table_put_str(&out, g->name);
            table_put_int(&out, (int64_t)g->m);
            table_put_int(&out, (int64_t)g->rank[k]);
            table_put_num(&out, g->bits[k]);
            table_put_num(&out, g->fit[k]);
            table_end_row(&out);
        }
}

static Status exposure_table(const char *path, Arena *a, Err *e)
{
    Table t = {0};
    TRY(table_load(&t, a, path, e));
    ExposureJob j = {.t = &t, .group = table_col(&t, "group")};
    TRY(table_need(&j.record, &t, "record", e));
    TRY(table_need(&j.role, &t, "role", e));
    TRY(table_need(&j.loss, &t, "loss", e));
    j.g = arena_zalloc(a, t.n_rows, sizeof *j.g);
    if (j.g == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t.n_rows);
    if (t.n_rows == 0) FAIL(e, ERR_FORMAT, "%s: no rows", t.name);
    TRY(exposure_rows(&j, false, e));
    TRY(exposure_memory(&j, a, e));
    TRY(exposure_rows(&j, true, e));
    for (size_t i = 0; i < j.n; i++) TRY(exposure_compute(&j.g[i], t.name, e));
    exposure_print(&j);
    return OK;
}

int attack_exposure_run(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    int code = cli_args(self, "attack", NULL, 0, argc, argv, &pos, 1, 1);
    if (code < 0) code = exposure_table(pos.item[0], &a, &e) == OK ? EXIT_DONE : cli_fail(&e);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}
