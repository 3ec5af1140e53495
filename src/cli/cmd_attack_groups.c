/* cmd_attack_groups.c - tables whose rows belong together by a name, and what verbs of one table share. */
#include "cmd_attack_priv.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    size_t row;
} GroupKey;

static int group_key_order(const void *x, const void *y)
{
    const GroupKey *p = x, *q = y;
    int by = strcmp(p->name, q->name);
    return by != 0 ? by : (p->row > q->row) - (p->row < q->row);
}

/* key [n], sorted: the first row of each name, at every row of it; then numbers in order of first rows. */
static void groups_number(AttackGroups *g, const GroupKey *key, size_t n)
{
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(key[i].name, key[i - 1].name) != 0) first = key[i].row;
        g->of[key[i].row] = first;
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = g->of[i];
        if (at == i) g->first[g->n] = i;
        g->of[i] = at == i ? g->n++ : g->of[at];
    }
}

Status attack_groups(AttackGroups *out, const char *path, const char *by, Arena *a, Err *e)
{
    AttackGroups g = {0};
    size_t col = 0;
    TRY(table_load(&g.t, a, path, e));
    TRY(table_need(&col, &g.t, by, e));
    size_t n = g.t.n_rows;
    if (n == 0) FAIL(e, ERR_FORMAT, "%s: no rows", g.t.name);
    GroupKey *key = arena_alloc(a, n, sizeof *key);
    g.of = arena_alloc(a, n, sizeof *g.of);
    g.first = arena_alloc(a, n, sizeof *g.first);
    if (key == NULL || g.of == NULL || g.first == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        key[i] = (GroupKey){table_str(&g.t, i, col), i};
        if (key[i].name[0] == '\0') FAIL(e, ERR_FORMAT, "%s:%zu: %s is empty", g.t.name, g.t.line[i], by);
    }
    qsort(key, n, sizeof *key, group_key_order);
    groups_number(&g, key, n);
    *out = g;
    return OK;
}

const char *attack_group_cell(const AttackGroups *g, size_t i, const char *col)
{
    size_t c = table_col(&g->t, col);
    return c != TABLE_NONE ? table_str(&g->t, g->first[i], c) : NULL;
}

Status attack_one_of(size_t *out, const Table *t, size_t row, size_t col, const char *const *word, size_t n,
                     Err *e)
{
    const char *s = table_str(t, row, col);
    Str want = {0};
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word[i], s) == 0) {
            *out = i;
            str_free(&want);
            return OK;
        }
        str_printf(&want, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", word[i]);
    }
    Status st = err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s:%zu: '%s', want %s", t->name, t->line[row], s,
                        want.s != NULL ? want.s : "another word");
    str_free(&want);
    return st;
}

Status attack_features(double **x, size_t *d, const Table *t, const char *list, Arena *a, Err *e)
{
    char *text = arena_strdup(a, list), *save = NULL;
    size_t col[64], n = 0;
    if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for the names of features");
    for (char *name = strtok_r(text, ",", &save); name != NULL; name = strtok_r(NULL, ",", &save)) {
        if (n == 64) FAIL(e, ERR_ARG, "--features has more than 64 names");
        TRY(table_need(&col[n++], t, name, e));
    }
    if (n == 0) FAIL(e, ERR_ARG, "--features names no column");
    double *out = arena_alloc(a, t->n_rows, n * sizeof *out);
    if (out == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++)
        for (size_t k = 0; k < n; k++) TRY(table_num(&out[i * n + k], t, i, col[k], e));
    *x = out;
    *d = n;
    return OK;
}

int attack_verb(const CliVerb *self, const AttackVerb *v, int argc, char **argv, AttackJob job, void *ctx)
{
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    int code = cli_args(self, "attack", v->opts, v->n, argc, argv, &pos, v->min_pos, v->max_pos);
    if (code < 0 && v->need != NULL && *v->need == NULL) code = cli_usage("%s", v->usage);
    if (code < 0) code = job(ctx, &pos, &a, &e) == OK ? EXIT_DONE : cli_fail(&e);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}
