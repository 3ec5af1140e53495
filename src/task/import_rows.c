/* import_rows.c - records one a line or row, of people in any order. They are cleaned and put into a file of
 * their own, and come back person by person through a sorted index. */
#include "import_priv.h"

#include "prime/file.h"
#include "prime/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a column may be. Inputs and past inputs follow, one for each field. */
enum {
    COL_USER,
    COL_ID,
    COL_SPLIT,
    COL_TIME,
    COL_OUTPUT,
    COL_IN,
    MAX_FIELDS = 9,
    COL_PAST = COL_IN + MAX_FIELDS,
    COL_ALL = COL_PAST + MAX_FIELDS
};

/* A record in the file: its person, and where its texts are. */
typedef struct {
    uint64_t person, at;
    uint32_t len, line;
} RowAt;

typedef struct {
    Import *im;
    const char *col[COL_ALL]; /* names; NULL: not there */
    size_t n_in, n_past;
    size_t place[COL_ALL]; /* csv: the column's number */
    size_t n_cells;        /* csv: of the header; 0 before it */
    const char *value[COL_ALL];
    JsPull *p;
    FILE *spill;
    uint64_t spilled;
    RowAt *row; /* grows */
    size_t n, cap;
} Rows;

/* ---- the map ---- */

static Status map_entry(Rows *r, const char *key, const char *col, Err *e)
{
    static const char *const names[] = {"user", "id", "split", "time", "output"};
    for (size_t k = 0; k < COL_IN; k++) {
        if (strcmp(key, names[k]) != 0) continue;
        if (r->col[k] != NULL) FAIL(e, ERR_ARG, "map: %s is there twice", key);
        r->col[k] = col;
        return OK;
    }
    bool in = strcmp(key, "input") == 0;
    if (!in && strcmp(key, "past") != 0)
        FAIL(e, ERR_ARG, "map: '%.40s' is not user, input, output, id, split, time or past", key);
    size_t *n = in ? &r->n_in : &r->n_past;
    if (*n == MAX_FIELDS) FAIL(e, ERR_ARG, "map: more than %d columns of %s", MAX_FIELDS, key);
    r->col[(in ? COL_IN : COL_PAST) + (*n)++] = col;
    return OK;
}

static Status map_read(Rows *r, Err *e)
{
    char *text = arena_strdup(&r->im->arena, r->im->o->map), *save = NULL;
    if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for a map");
    for (char *s = strtok_r(text, ",", &save); s != NULL; s = strtok_r(NULL, ",", &save)) {
        char *eq = strchr(s, '=');
        if (eq == NULL || eq[1] == '\0') FAIL(e, ERR_ARG, "map: '%.40s', want KEY=COLUMN", s);
        *eq = '\0';
        TRY(map_entry(r, s, eq + 1, e));
    }
    if (r->col[COL_USER] == NULL || r->col[COL_OUTPUT] == NULL) FAIL(e, ERR_ARG, "map: want user and output");
    return OK;
}

/* Does the map give what the task's forms need? */
static Status map_fits(const Rows *r, Err *e)
{
    const Task *t = r->im->task, *h = task_history(t);
    if (r->n_in != t->n_fields)
        FAIL(e, ERR_ARG, "map: %zu columns of input, %s wants %zu", r->n_in, t->name, t->n_fields);
    if (h == t && r->n_past > 0)
        FAIL(e, ERR_ARG, "map: past, but the history of %s has the fields of its queries", t->name);
    if (h != t && r->n_past != h->n_fields)
        FAIL(e, ERR_ARG, "map: %zu columns of past, %s wants %zu", r->n_past, h->name, h->n_fields);
    if (h != t && r->col[COL_SPLIT] == NULL)
        FAIL(e, ERR_ARG, "map: no split, and a record of %s may be a query or not", t->name);
    if (r->im->o->by_time && r->col[COL_TIME] == NULL) FAIL(e, ERR_ARG, "map: no time to split by");
    return OK;
}

/* ---- a record onto the disk ---- */

static bool rows_split(int *out, const char *s)
{
    static const struct {
        const char *name;
        DataSplit split;
    } names[] = {{"history", DATA_HISTORY},
                 {"train", DATA_HISTORY},
                 {"query", DATA_QUERY},
                 {"test", DATA_QUERY},
                 {"heldout", DATA_HELDOUT}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(s, names[i].name) != 0) continue;
        *out = (int)names[i].split;
        return true;
    }
    return false;
}

/* -1 without a column of splits. */
static bool rows_split_of(int *split, const Rows *r)
{
    *split = -1;
    return r->col[COL_SPLIT] == NULL ||
           (r->value[COL_SPLIT] != NULL && rows_split(split, r->value[COL_SPLIT]));
}

/* Where the input's columns begin, and how many they are. */
static size_t rows_fields(size_t *n, const Rows *r, int split)
{
    bool past = task_history(r->im->task) != r->im->task && split >= 0 && split != DATA_QUERY;
    *n = past ? r->n_past : r->n_in;
    return past ? COL_PAST : COL_IN;
}

static bool rows_complete(const Rows *r, int split)
{
    size_t n = 0, from = rows_fields(&n, r, split);
    for (size_t i = 0; i < n; i++)
        if (r->value[from + i] == NULL) return false;
    return r->value[COL_USER] != NULL && *r->value[COL_USER] != '\0' && r->value[COL_OUTPUT] != NULL &&
           (r->col[COL_ID] == NULL || r->value[COL_ID] != NULL);
}

static Status rows_index(Rows *r, size_t len, Err *e)
{
    if (r->n == r->cap) {
        size_t cap = r->cap * 2 + 1024;
        RowAt *row = realloc(r->row, cap * sizeof *row);
        if (row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", cap);
        r->row = row;
        r->cap = cap;
    }
    const char *user = r->value[COL_USER];
    if (len > UINT32_MAX) FAIL(e, ERR_UNSUP, "line %zu: a record of more than 4 GiB", r->im->line);
    r->row[r->n++] = (RowAt){text_hash(user, strlen(user)), r->spilled, (uint32_t)len,
                             r->im->line < UINT32_MAX ? (uint32_t)r->im->line : UINT32_MAX};
    r->spilled += len;
    return OK;
}

/* The texts of r->value, a NUL behind each: person, id, time, split, output, input. */
static Status rows_keep(Rows *r, Err *e)
{
    int split = -1;
    if (!rows_split_of(&split, r)) {
        import_odd(r->im, r->value[COL_SPLIT] == NULL ? ODD_FIELD : ODD_SPLIT);
        return OK;
    }
    if (!rows_complete(r, split)) {
        import_odd(r->im, ODD_FIELD);
        return OK;
    }
    Str *out = &r->im->text;
    size_t n = 0, from = rows_fields(&n, r, split);
    str_clear(out);
    for (size_t k = COL_USER; k <= COL_OUTPUT; k++) {
        str_puts(out, r->value[k] != NULL ? r->value[k] : "");
        str_put(out, "", 1);
    }
    for (size_t i = 0; i < n; i++) {
        if (i > 0) str_put(out, "\t", 1);
        str_puts(out, r->value[from + i]);
    }
    str_put(out, "", 1);
    if (out->failed) FAIL(e, ERR_NOMEM, "no memory for a record");
    if (fwrite(out->s, 1, out->n, r->spill) != out->n)
        FAIL(e, ERR_IO, "%s: cannot write: %s", r->im->o->out, strerror(errno));
    return rows_index(r, out->n, e);
}

static void rows_forget(Rows *r)
{
    arena_reset(&r->im->user_arena);
    memset(r->value, 0, sizeof r->value);
}

/* ---- JSON lines ---- */

static Status rows_json_members(Rows *r, Err *e)
{
    JsEvent ev;
    TRY(js_pull_next(&ev, r->p, e));
    if (ev != PULL_OBJ) FAIL(e, ERR_FORMAT, "no object");
    while (true) {
        TRY(js_pull_next(&ev, r->p, e));
        if (ev == PULL_OBJ_END) return js_pull_next(&ev, r->p, e); /* nothing may follow */
        const char *key = js_pull_str(r->p, NULL), *text = NULL;
        bool mine[COL_ALL], any = false;
        for (size_t k = 0; k < COL_ALL; k++)
            any |= mine[k] = r->col[k] != NULL && strcmp(r->col[k], key) == 0;
        TRY(js_pull_next(&ev, r->p, e));
        if (any)
            TRY(import_value(&text, r->im, r->p, ev, e));
        else
            TRY(js_pull_skip(r->p, ev, e));
        for (size_t k = 0; k < COL_ALL; k++)
            if (mine[k]) r->value[k] = text;
    }
}

static Status rows_json_line(void *ctx, const char *line, size_t n, Err *e)
{
    Rows *r = ctx;
    Err why = {0};
    if (n == 0) return OK;
    rows_forget(r);
    js_pull_again(r->p, line, n, r->im->line);
    Status s = rows_json_members(r, &why);
    if (s == OK) return rows_keep(r, e);
    if (s == ERR_NOMEM) FAIL(e, ERR_NOMEM, "%s", why.msg);
    import_odd(r->im, ODD_LINE);
    return OK;
}

static Status rows_json(Rows *r, const char *path, Err *e)
{
    TRY(js_pull_text(&r->p, "", 0, path, 1, e));
    Status s = import_each_line(r->im, path, rows_json_line, r, e);
    js_pull_close(r->p);
    return s;
}

/* ---- CSV ---- */

static Status rows_csv_head(Rows *r, const char *const *cell, size_t n, size_t line, Err *e)
{
    for (size_t k = 0; k < COL_ALL; k++) {
        if (r->col[k] == NULL) continue;
        for (r->place[k] = 0; r->place[k] < n && strcmp(cell[r->place[k]], r->col[k]) != 0;) r->place[k]++;
        if (r->place[k] < n) continue;
        const char *near = str_nearest(r->col[k], cell, n);
        FAIL(e, ERR_FORMAT, "%s:%zu: no column '%.60s'%s%s", r->im->file->path, line, r->col[k],
             near != NULL ? ", did you mean " : "", near != NULL ? near : "");
    }
    r->n_cells = n;
    return OK;
}

static Status rows_csv_row(void *ctx, const char *const *cell, size_t n, size_t line, Err *e)
{
    Rows *r = ctx;
    r->im->line = line;
    if (r->n_cells == 0) return rows_csv_head(r, cell, n, line, e);
    if (n != r->n_cells) {
        import_odd(r->im, ODD_LINE);
        return OK;
    }
    rows_forget(r);
    for (size_t k = 0; k < COL_ALL; k++) {
        if (r->col[k] == NULL) continue;
        const char *s = cell[r->place[k]];
        r->value[k] = import_keep(r->im, s, strlen(s));
        if (r->value[k] == NULL) FAIL(e, ERR_NOMEM, "no memory for a cell");
    }
    return rows_keep(r, e);
}

/* ---- back again ---- */

static int rows_cmp(const void *a, const void *b)
{
    const RowAt *x = a, *y = b;
    if (x->person != y->person) return x->person < y->person ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static Status rows_fetch(Rows *r, const RowAt *at, Err *e)
{
    Import *im = r->im;
    const char *part[COL_IN + 1];
    char *s = arena_alloc(&im->user_arena, at->len, 1);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for a record");
    if (pread(fileno(r->spill), s, at->len, (off_t)at->at) != (ssize_t)at->len)
        FAIL(e, ERR_IO, "%s: cannot read what was written: %s", im->o->out, strerror(errno));
    for (size_t k = 0; k <= COL_IN; k++, s += strlen(s) + 1) part[k] = s;
    if (im->user == NULL) im->user = part[COL_USER];
    if (strcmp(im->user, part[COL_USER]) != 0) FAIL(e, ERR_NUM, "the names of two people have the same hash");
    ImportRec rec = {.id = r->col[COL_ID] != NULL ? part[COL_ID] : NULL,
                     .when = part[COL_TIME],
                     .output = part[COL_OUTPUT],
                     .input = part[COL_IN],
                     .split = -1};
    if (r->col[COL_SPLIT] != NULL) rows_split(&rec.split, part[COL_SPLIT]);
    return import_add(im, &rec, e);
}

static Status rows_people(Rows *r, Err *e)
{
    if (fflush(r->spill) != 0) FAIL(e, ERR_IO, "%s: cannot write: %s", r->im->o->out, strerror(errno));
    if (r->n > 0) qsort(r->row, r->n, sizeof *r->row, rows_cmp);
    for (size_t i = 0, k; i < r->n; i = k) {
        import_begin(r->im, r->im->file);
        r->im->line = r->row[i].line;
        for (k = i; k < r->n && r->row[k].person == r->row[i].person; k++) TRY(rows_fetch(r, &r->row[k], e));
        TRY(import_end(r->im, e));
    }
    return OK;
}

static Status rows_steps(Rows *r, Err *e)
{
    Import *im = r->im;
    TRY(map_read(r, e));
    TRY(map_fits(r, e));
    str_clear(&im->tmp);
    str_printf(&im->tmp, "%s/rows.spill", im->o->out);
    if (im->tmp.failed) FAIL(e, ERR_NOMEM, "no memory for a name");
    TRY(file_spill(&r->spill, im->tmp.s, e));
    if (im->o->n_files > 1) FAIL(e, ERR_ARG, "%zu files, want one", im->o->n_files);
    im->file = &im->o->file[0];
    bool json = strcmp(im->o->format, "jsonl") == 0;
    TRY(json ? rows_json(r, im->file->path, e) : table_each(im->file->path, rows_csv_row, r, e));
    return rows_people(r, e);
}

Status import_rows(Import *im, Err *e)
{
    Rows r = {.im = im};
    Status s = rows_steps(&r, e);
    if (r.spill != NULL) fclose(r.spill);
    free(r.row);
    return s;
}
