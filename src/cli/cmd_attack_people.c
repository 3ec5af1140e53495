/* cmd_attack_people.c - `prime attack people`: from scores of records to scores of their people; and `prime
 * attack blind`: what texts alone say. Both write the table that `prime attack score` writes. */
#include "cmd_attack_priv.h"

#include "prime/anchor.h"
#include "prime/blind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names as numbers ---- */

typedef struct {
    const char *a, *b, *c; /* compared in this order */
    size_t row;
} PeopleKey;

static int people_key_compare(const PeopleKey *x, const PeopleKey *y)
{
    int by = strcmp(x->a, y->a);
    if (by == 0) by = strcmp(x->b, y->b);
    return by != 0 ? by : strcmp(x->c, y->c);
}

static int people_key_order(const void *x, const void *y)
{
    const PeopleKey *p = x, *q = y;
    int by = people_key_compare(p, q);
    return by != 0 ? by : (p->row > q->row) - (p->row < q->row);
}

/* group [n] of key [n], which is sorted; first [*n_groups] is a row of each. */
static Status people_groups(size_t **group, size_t **first, size_t *n_groups, PeopleKey *key, size_t n,
                            Arena *a, Err *e)
{
    *group = arena_alloc(a, n, sizeof **group);
    *first = arena_alloc(a, n, sizeof **first);
    if (*group == NULL || *first == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", n);
    if (n > 1) qsort(key, n, sizeof *key, people_key_order);
    *n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || people_key_compare(&key[i], &key[i - 1]) != 0) (*first)[(*n_groups)++] = key[i].row;
        (*group)[key[i].row] = *n_groups - 1;
    }
    return OK;
}

/* ---- prime attack people ---- */

static Status people_table(const char *path, const char *fold, Arena *a, Err *e)
{
    static const char *const col[] = {"record", "unit", "label", "attack", "score"};
    Table t = {0};
    size_t c[5] = {0}, *group = NULL, *first = NULL, n = 0;
    double *score = NULL;
    TRY(table_load(&t, a, path, e));
    for (size_t i = 1; i < 5; i++) TRY(table_need(&c[i], &t, col[i], e));
    TRY(table_nums(&score, &t, c[4], a, e));
    if (t.n_rows == 0) FAIL(e, ERR_FORMAT, "%s: no rows", t.name);
    PeopleKey *key = arena_alloc(a, t.n_rows, sizeof *key);
    double *out = arena_alloc(a, t.n_rows, sizeof *out);
    if (key == NULL || out == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++) {
        key[i] = (PeopleKey){table_str(&t, i, c[1]), table_str(&t, i, c[2]), table_str(&t, i, c[3]), i};
        if (key[i].a[0] == '\0') FAIL(e, ERR_FORMAT, "%s:%zu: unit is empty", t.name, t.line[i]);
    }
    TRY(people_groups(&group, &first, &n, key, t.n_rows, a, e));
    TRY(anchor_fold(out, score, group, t.n_rows, n, fold, e));
    TableOut o;
    table_begin(&o, stdout, NULL, col + 1, 4);
    for (size_t g = 0; g < n; g++) {
        for (size_t k = 1; k < 4; k++) table_put_str(&o, table_str(&t, first[g], c[k]));
        table_put_num(&o, out[g]);
        table_end_row(&o);
    }
    return OK;
}

int attack_people_run(const CliVerb *self, int argc, char **argv)
{
    const char *fold = "mean";
    const CliOpt opts[] = {
        {"fold", 0, OPT_STR, &fold, "HOW", "mean (default), max, min, median, lse or abs_max", 0, 0}};
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    int code = cli_args(self, "attack", opts, 1, argc, argv, &pos, 1, 1);
    if (code < 0 && anchor_fold_find(fold) == NULL)
        code = cli_usage("--fold = %s, want mean, max, min, median, lse or abs_max", fold);
    if (code < 0) code = people_table(pos.item[0], fold, &a, &e) == OK ? EXIT_DONE : cli_fail(&e);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}

/* ---- prime attack blind ---- */

typedef struct {
    Table t;
    size_t record, unit, label, text; /* columns */
    const char **view;                /* [n_rows] texts */
    bool *member;
    size_t *person, n_people;
    double *words, *zlib, *similar; /* similar NULL: no target */
} BlindTable;

static Status blind_read(BlindTable *b, const char *path, Arena *a, Err *e)
{
    size_t n, *first = NULL;
    TRY(table_load(&b->t, a, path, e));
    TRY(table_need(&b->record, &b->t, "record", e));
    TRY(table_need(&b->unit, &b->t, "unit", e));
    TRY(table_need(&b->label, &b->t, "label", e));
    TRY(table_need(&b->text, &b->t, "text", e));
    n = b->t.n_rows;
    PeopleKey *key = arena_alloc(a, n, sizeof *key);
    b->view = arena_alloc(a, n, sizeof *b->view);
    b->member = arena_alloc(a, n, sizeof *b->member);
    b->words = arena_alloc(a, 3 * n, sizeof *b->words);
    if (key == NULL || b->view == NULL || b->member == NULL || b->words == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu texts", n);
    b->zlib = b->words + n;
    for (size_t i = 0; i < n; i++) {
        const char *label = table_str(&b->t, i, b->label);
        if (strcmp(label, "0") != 0 && strcmp(label, "1") != 0)
            FAIL(e, ERR_FORMAT, "%s:%zu: label = '%s', want 1 (member) or 0", b->t.name, b->t.line[i], label);
        b->member[i] = label[0] == '1';
        b->view[i] = table_str(&b->t, i, b->text);
        key[i] = (PeopleKey){table_str(&b->t, i, b->unit), "", "", i};
        if (key[i].a[0] == '\0') FAIL(e, ERR_FORMAT, "%s:%zu: unit is empty", b->t.name, b->t.line[i]);
    }
    return people_groups(&b->person, &first, &b->n_people, key, n, a, e);
}

static Status blind_target(BlindTable *b, const char *path, const BlindOpts *o, Arena *a, Err *e)
{
    Table t = {0};
    size_t col = 0;
    TRY(table_load(&t, a, path, e));
    TRY(table_need(&col, &t, "text", e));
    const char **text = arena_alloc(a, t.n_rows, sizeof *text);
    if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++) text[i] = table_str(&t, i, col);
    b->similar = b->words + 2 * b->t.n_rows;
    if (blind_similarity(b->similar, b->view, b->t.n_rows, text, t.n_rows, o, e) != OK)
        return err_prefix(e, "%s", t.name);
    return OK;
}

static Status blind_compute(BlindTable *b, const char *path, const char *target, Arena *a, Err *e)
{
    BlindOpts o = {.seed = cli_common.seed};
    TRY(blind_read(b, path, a, e));
    for (size_t i = 0; i < b->t.n_rows; i++) {
        size_t bytes = 0;
        TRY(attack_zlib(&bytes, b->view[i], strlen(b->view[i]), e));
        b->zlib[i] = -(double)bytes;
    }
    if (blind_words(b->words, b->view, b->member, b->person, b->t.n_rows, b->n_people, &o, e) != OK)
        return err_prefix(e, "%s", b->t.name);
    return target != NULL ? blind_target(b, target, &o, a, e) : OK;
}

static void blind_print(const BlindTable *b)
{
    static const char *const col[] = {"record", "unit", "label", "attack", "score"};
    const char *const name[] = {"blind_words", "blind_zlib", "blind_similarity"};
    const double *const score[] = {b->words, b->zlib, b->similar};
    TableOut o;
    table_begin(&o, stdout, NULL, col, 5);
    for (size_t i = 0; i < b->t.n_rows; i++)
        for (size_t k = 0; k < 3 && score[k] != NULL; k++) {
            table_put_str(&o, table_str(&b->t, i, b->record));
            table_put_str(&o, table_str(&b->t, i, b->unit));
            table_put_int(&o, b->member[i]);
            table_put_str(&o, name[k]);
            table_put_num(&o, score[k][i]);
            table_end_row(&o);
        }
}

int attack_blind_run(const CliVerb *self, int argc, char **argv)
{
    const char *target = NULL;
    const CliOpt opts[] = {{"target", 0, OPT_STR, &target, "FILE.csv",
                            "the target's own texts (column text): adds blind_similarity", 0, 0}};
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    BlindTable b = {0};
    int code = cli_args(self, "attack", opts, 1, argc, argv, &pos, 1, 1);
    if (code < 0 && blind_compute(&b, pos.item[0], target, &a, &e) != OK) code = cli_fail(&e);
    if (code < 0) {
        blind_print(&b);
        code = EXIT_DONE;
    }
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}
