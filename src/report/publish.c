/* publish.c - tables of groups alone, and whether each group is large enough to be shown to strangers. */
#include "report_priv.h"

#include "prime/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool publish_personal(const Grid *g)
{
    for (size_t c = 0; c < g->n_cols; c++)
        if (strcmp(g->col[c]->unit, "user id") == 0) return true;
    return false;
}

/* Whether a column counts people. */
static bool publish_counts(const ReportColumn *c)
{
    static const char *const names[] = {"n_users", "n_targets", "n_anchors", "n_people"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(c->column, names[i]) == 0) return true;
    return false;
}

/* The column with the smallest count of people in a row; n_cols when nobody is behind it. */
static size_t publish_fewest(const Grid *g, const GridCell *row)
{
    size_t least = g->n_cols;
    for (size_t c = 0; c < g->n_cols; c++)
        if (publish_counts(g->col[c]) && row[c].num > 0 &&
            (least == g->n_cols || row[c].num < row[least].num))
            least = c;
    return least;
}

/* The names that a row begins with, and lambda. */
static void publish_row_name(Str *out, const Grid *g, const GridCell *row)
{
    str_puts(out, g->file);
    str_puts(out, ":");
    for (size_t c = 0; c < g->n_cols; c++) {
        bool name = row[c].text != NULL && strcmp(g->col[c]->unit, "yes or no") != 0;
        bool lambda = strcmp(g->col[c]->column, "lambda") == 0 && !isnan(row[c].num);
        if (!name && !lambda) continue;
        str_puts(out, " ");
        if (name)
            show_text(out, row[c].text);
        else
            str_printf(out, "%g", row[c].num);
    }
}

static void publish_small(Str *out, size_t *n, const Grid *g, size_t min_group)
{
    for (size_t i = 0; i < grid_rows(g); i++) {
        const GridCell *row = &g->cell[i * g->n_cols];
        size_t c = publish_fewest(g, row);
        if (c == g->n_cols || row[c].num >= (double)min_group) continue;
        ++*n;
        publish_row_name(out, g, row);
        str_printf(out, ": %s = %g, want at least %zu\n", g->col[c]->column, row[c].num, min_group);
    }
}

/* One table, if it may be published at all: its small rows (out), or its file in dir (out NULL). */
static Status publish_table(Str *out, size_t *n, const ReportGrid *one, const Report *r, size_t min_group,
                            const char *dir, Err *e)
{
    Arena a = {0};
    Grid g;
    Str text = {0};
    Status s = OK;
    grid_begin(&g, &a, one->file);
    bool wanted = !publish_personal(&g);
    if (wanted) s = one->fill(&g, r, e);
    if (wanted && s == OK && out != NULL) publish_small(out, n, &g, min_group);
    if (wanted && s == OK && out == NULL) {
        char *path = file_join(dir, one->file);
        grid_csv(&text, &g);
        if (path == NULL || text.failed)
            s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory", one->file);
        if (s == OK) s = file_write(path, text.s, text.n, e);
        free(path);
    }
    str_free(&text);
    arena_free(&a);
    return s;
}

static Status publish_each(Str *out, size_t *n, const Report *r, size_t min_group, const char *dir, Err *e)
{
    const ReportGrid *one = NULL;
    for (size_t i = 0; (one = report_grid_at(i)) != NULL; i++)
        TRY(publish_table(out, n, one, r, min_group, dir, e));
    return OK;
}

Status report_small_groups(Str *out, size_t *n, const Report *r, size_t min_group, Err *e)
{
    *n = 0;
    if (min_group < 2) FAIL(e, ERR_ARG, "min-group = %zu, want at least 2", min_group);
    TRY(publish_each(out, n, r, min_group, NULL, e));
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for the rows that are too small");
    return OK;
}

static Status publish_schema(const Report *r, const char *dir, Err *e)
{
    Str text = {0};
    char *path = file_join(dir, "schema.csv");
    Status s = out_schema(&text, r, e);
    if (s == OK && (path == NULL || text.failed))
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "schema.csv: no memory");
    if (s == OK) s = file_write(path, text.s, text.n, e);
    str_free(&text);
    free(path);
    return s;
}

Status report_publish(const Report *r, const char *dir, size_t min_group, Err *e)
{
    Str small = {0};
    size_t n = 0;
    Status s = report_small_groups(&small, &n, r, min_group, e);
    str_free(&small);
    TRY(s);
    if (n > 0) FAIL(e, ERR_UNSUP, "%zu rows rest on fewer than %zu people: not published", n, min_group);
    TRY(publish_each(NULL, NULL, r, min_group, dir, e));
    return publish_schema(r, dir, e);
}
