/* grid.c - a table in memory: built once, written in any format. */
#include "report_priv.h"

#include <math.h>
#include <string.h>

void grid_begin(Grid *g, Arena *a, const char *file)
{
    *g = (Grid){.arena = a, .file = file};
    g->n_cols = schema_columns(g->col, file);
}

static void grid_put(Grid *g, GridCell cell)
{
    if (g->failed) return;
    if (g->n_cells == g->cap) {
        size_t cap = g->cap == 0 ? 16 * g->n_cols : 2 * g->cap;
        GridCell *more = arena_alloc(g->arena, cap, sizeof *more);
        if (more == NULL) {
            g->failed = true;
            return;
        }
        if (g->n_cells > 0) memcpy(more, g->cell, g->n_cells * sizeof *more);
        g->cell = more;
        g->cap = cap;
    }
    g->cell[g->n_cells++] = cell;
}

void grid_text(Grid *g, const char *s)
{
    grid_put(g, (GridCell){s, NAN});
}

void grid_num(Grid *g, double x)
{
    grid_put(g, (GridCell){NULL, x});
}

void grid_count(Grid *g, size_t n)
{
    grid_num(g, (double)n);
}

void grid_flag(Grid *g, bool yes)
{
    grid_text(g, yes ? "yes" : "no");
}

void grid_three(Grid *g, double value, double lo, double hi)
{
    grid_num(g, value);
    grid_num(g, lo);
    grid_num(g, hi);
}

size_t grid_rows(const Grid *g)
{
    return g->n_cells / g->n_cols;
}

void grid_group(Grid *g, const ReportGroup *group)
{
    grid_text(g, group->task);
    grid_text(g, group->method);
    grid_num(g, group->lambda);
}

void grid_roc(Grid *g, const RocEst *est)
{
    grid_three(g, est->value, est->lo, est->hi);
}

void grid_mean(Grid *g, const MeanEst *m)
{
    grid_three(g, m->value, m->lo, m->hi);
}

void grid_rate(Grid *g, const RateEst *p)
{
    grid_three(g, p->value, p->lo, p->hi);
}

void grid_csv(Str *out, const Grid *g)
{
    TableOut o;
    schema_begin(&o, out, g->file);
    for (size_t i = 0; i < g->n_cells; i++) {
        const GridCell *c = &g->cell[i];
        if (c->text != NULL)
            table_put_str(&o, c->text);
        else
            table_put_num(&o, c->num);
        if ((i + 1) % g->n_cols == 0) table_end_row(&o);
    }
}
