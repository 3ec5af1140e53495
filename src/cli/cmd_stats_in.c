/* cmd_stats_in.c - the tables that `prime stats` reads. */
#include "cmd_stats_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    size_t row;
} StatsName;

static int stats_name_order(const void *a, const void *b)
{
    const StatsName *x = a, *y = b;
    int by = strcmp(x->name, y->name);
    return by != 0 ? by : (x->row > y->row) - (x->row < y->row);
}

/* Texts of a column as numbers 0 .. *n - 1 in the order of the texts; text [*n], unless NULL, gets them. */
static Status stats_ids(size_t **out, size_t *n, const char ***text, const Table *t, size_t col, Arena *a,
                        Err *e)
{
    StatsName *name = arena_alloc(a, t->n_rows, sizeof *name);
    size_t *id = arena_alloc(a, t->n_rows, sizeof *id);
    if (name == NULL || id == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) {
        name[i] = (StatsName){table_str(t, i, col), i};
        if (name[i].name[0] == '\0')
            FAIL(e, ERR_FORMAT, "%s:%zu: %s is empty", t->name, t->line[i], t->col[col]);
    }
    if (t->n_rows > 0) qsort(name, t->n_rows, sizeof *name, stats_name_order);
    *n = 0;
    for (size_t i = 0; i < t->n_rows; i++) {
        if (i == 0 || strcmp(name[i].name, name[i - 1].name) != 0) ++*n;
        id[name[i].row] = *n - 1;
    }
    *out = id;
    if (text == NULL) return OK;
    *text = arena_alloc(a, *n, sizeof **text);
    if (*text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu names", *n);
    for (size_t i = 0; i < t->n_rows; i++) (*text)[id[i]] = table_str(t, i, col);
    return OK;
}

/* label [n_rows] of 0 and 1 */
static Status stats_labels(bool **out, const Table *t, Arena *a, Err *e)
{
    size_t col = 0, value = 0;
    TRY(table_need(&col, t, "label", e));
    bool *label = arena_alloc(a, t->n_rows, sizeof *label);
    if (label == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) {
        if (table_size(&value, t, i, col, NULL) != OK || value > 1)
            FAIL(e, ERR_FORMAT, "%s:%zu: label = '%s', want 1 (member) or 0", t->name, t->line[i],
                 table_str(t, i, col));
        label[i] = value == 1;
    }
    *out = label;
    return OK;
}

/* One score column and the users of its rows, members first. */
static Status stats_split(RocData *d, const Table *t, const char *column, const bool *label,
                          const size_t *user, Arena *a, Err *e)
{
    size_t col = 0, m = 0, k = 0;
    double *x = NULL;
    TRY(table_need(&col, t, column, e));
    TRY(table_nums(&x, t, col, a, e));
    double *score = arena_alloc(a, t->n_rows, sizeof *score);
    size_t *who = arena_alloc(a, t->n_rows, sizeof *who);
    if (score == NULL || who == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t->n_rows);
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < t->n_rows; i++) {
            if (label[i] != (side == 0)) continue;
            score[k] = x[i];
            who[k++] = user != NULL ? user[i] : 0;
        }
        if (side == 0) m = k;
    }
    *d = (RocData){.pos = score, .neg = score + m, .m = m, .n = t->n_rows - m};
    if (user != NULL) d->pos_user = who, d->neg_user = who + m;
    return OK;
}

Status stats_scores(StatsScores *s, const Table *t, const char *first, const char *second, Arena *a, Err *e)
{
    bool *label = NULL;
    size_t *user = NULL, col = table_col(t, "cluster");
    *s = (StatsScores){.clustered = col != TABLE_NONE};
    TRY(stats_labels(&label, t, a, e));
    if (s->clustered) TRY(stats_ids(&user, &s->n_clusters, NULL, t, col, a, e));
    TRY(stats_split(&s->a, t, first, label, user, a, e));
    if (second != NULL) TRY(stats_split(&s->b, t, second, label, user, a, e));
    s->a.n_users = s->b.n_users = s->n_clusters;
    return OK;
}

/* --- a table of users ------------------------------------------------------------------------------------
 */

/* Numbers of a column as indices of the distinct values, ascending. */
static Status stats_levels(size_t **out, double **level, size_t *n, const Table *t, size_t col, Arena *a,
                           Err *e)
{
    double *x = NULL;
    TRY(table_nums(&x, t, col, a, e));
    double *sorted = arena_alloc(a, t->n_rows, sizeof *sorted);
    size_t *id = arena_alloc(a, t->n_rows, sizeof *id);
    if (sorted == NULL || id == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t->n_rows);
    if (t->n_rows > 0) memcpy(sorted, x, t->n_rows * sizeof *x);
    stats_sort(sorted, t->n_rows);
    *n = 0;
    for (size_t i = 0; i < t->n_rows; i++)
        if (i == 0 || sorted[i] != sorted[*n - 1]) sorted[(*n)++] = sorted[i];
    for (size_t i = 0; i < t->n_rows; i++) {
        id[i] = 0;
        while (sorted[id[i]] != x[i]) id[i]++;
    }
    *out = id;
    *level = sorted;
    return OK;
}

/* Means of value [n_rows] by user and column. The user of a gap is named by the line where it first occurs.
 */
static Status stats_users_fill(StatsUsers *s, const Table *t, const size_t *user, const size_t *by,
                               const double *value, Arena *a, Err *e)
{
    size_t cells = 0;
    TRY(size_mul(&cells, s->users, s->k, e));
    double *count = arena_zalloc(a, cells, sizeof *count);
    s->x = arena_zalloc(a, cells, sizeof *s->x);
    if (count == NULL || s->x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", s->users);
    for (size_t i = 0; i < t->n_rows; i++) {
        s->x[user[i] * s->k + by[i]] += value[i];
        count[user[i] * s->k + by[i]]++;
    }
    for (size_t i = 0; i < t->n_rows; i++)
        for (size_t j = 0; j < s->k; j++) {
            if (count[user[i] * s->k + j] > 0) continue;
            if (s->level != NULL)
                FAIL(e, ERR_FORMAT, "%s:%zu: the user of this line has no value at lambda %g", t->name,
                     t->line[i], s->level[j]);
            FAIL(e, ERR_FORMAT, "%s:%zu: the user of this line has no value for method %s", t->name,
                 t->line[i], s->name[j]);
        }
    for (size_t i = 0; i < cells; i++) s->x[i] /= count[i];
    return OK;
}

static Status stats_no_rows(const Table *t, Err *e)
{
    FAIL(e, ERR_FORMAT, "%s: has no rows", t->name);
}

Status stats_users(StatsUsers *s, const Table *t, const char *by, bool levels, Arena *a, Err *e)
{
    size_t user_col = 0, by_col = 0, value_col = 0, *user = NULL, *column = NULL;
    double *value = NULL;
    *s = (StatsUsers){0};
    TRY(table_need(&user_col, t, "user", e));
    TRY(table_need(&by_col, t, by, e));
    TRY(table_need(&value_col, t, "value", e));
    if (t->n_rows == 0) return stats_no_rows(t, e);
    TRY(stats_ids(&user, &s->users, NULL, t, user_col, a, e));
    TRY(levels ? stats_levels(&column, &s->level, &s->k, t, by_col, a, e)
               : stats_ids(&column, &s->k, &s->name, t, by_col, a, e));
    TRY(table_nums(&value, t, value_col, a, e));
    return stats_users_fill(s, t, user, column, value, a, e);
}

Status stats_users_ab(StatsUsers *s, const Table *t, Arena *a, Err *e)
{
    static const char *name[] = {"a", "b"};
    size_t user_col = 0, col[2] = {0}, *user = NULL;
    double *value[2] = {NULL};
    *s = (StatsUsers){.k = 2, .name = name};
    TRY(table_need(&user_col, t, "user", e));
    for (size_t j = 0; j < 2; j++) TRY(table_need(&col[j], t, name[j], e));
    if (t->n_rows == 0) return stats_no_rows(t, e);
    TRY(stats_ids(&user, &s->users, NULL, t, user_col, a, e));
    for (size_t j = 0; j < 2; j++) TRY(table_nums(&value[j], t, col[j], a, e));
    double *count = arena_zalloc(a, s->users, sizeof *count);
    s->x = arena_zalloc(a, s->users, 2 * sizeof *s->x);
    if (count == NULL || s->x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", s->users);
    for (size_t i = 0; i < t->n_rows; i++) {
        count[user[i]]++;
        for (size_t j = 0; j < 2; j++) s->x[2 * user[i] + j] += value[j][i];
    }
    for (size_t i = 0; i < 2 * s->users; i++) s->x[i] /= count[i / 2];
    return OK;
}
