/* import_lamp.c - LaMP's questions and outputs, and people as OPPU and Per-Pcs have them. Both are an array
 * of people, so that one reader serves both; only one person is in memory. */
#include "import_priv.h"

#include "lamp_frame.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *id, *output;
    size_t line;
    bool used;
} Gold;

typedef struct {
    Import *im;
    const LampFrame *f;
    JsPull *p;
    Gold *gold; /* [n_gold] sorted by id; grows while it is read */
    size_t n_gold, cap_gold;
} LampRead;

static bool lamp_key(const JsPull *p, const char *name)
{
    return name != NULL && strcmp(js_pull_str(p, NULL), name) == 0;
}

/* The next event, which must be `want`. */
static Status lamp_expect(JsPull *p, JsEvent want, const char *what, Err *e)
{
    JsEvent ev;
    TRY(js_pull_next(&ev, p, e));
    if (ev != want) FAIL(e, ERR_FORMAT, "%s:%zu: want %s", js_pull_name(p), js_pull_line(p), what);
    return OK;
}

/* ---- an item of a profile ---- */

typedef struct {
    const char *in[LAMP_FIELDS], *answer, *other, *id, *when;
} LampItem;

static const char **lamp_item_slot(LampItem *item, const LampFrame *f, const JsPull *p)
{
    for (int i = 0; i < LAMP_FIELDS; i++)
        if (lamp_key(p, f->in[i])) return &item->in[i];
    if (lamp_key(p, f->answer)) return &item->answer;
    if (lamp_key(p, f->or_answer)) return &item->other;
    if (lamp_key(p, "id")) return &item->id;
    if (lamp_key(p, "date")) return &item->when;
    return NULL;
}

static Status lamp_item_add(LampRead *r, const LampItem *item, Err *e)
{
    Import *im = r->im;
    ImportRec rec = {.id = item->id, .when = item->when, .split = -1, .output = item->answer, .input = ""};
    if (rec.output == NULL && item->other != NULL) {
        rec.output = item->other;
        import_odd(im, ODD_ABSTRACT);
    }
    bool whole = rec.output != NULL && (r->f->in[0] == NULL || item->in[0] != NULL);
    if (!whole) {
        import_odd(im, ODD_FIELD);
        return OK;
    }
    if (r->f->in[0] != NULL) rec.input = item->in[0]; /* no item of LaMP has more than one field */
    return import_add(im, &rec, e);
}

static Status lamp_item(void *ctx, Err *e)
{
    LampRead *r = ctx;
    LampItem item = {0};
    for (JsEvent ev;;) {
        TRY(js_pull_next(&ev, r->p, e));
        if (ev == PULL_OBJ_END) break;
        const char **slot = lamp_item_slot(&item, r->f, r->p);
        if (slot == NULL) {
            TRY(js_pull_skip(r->p, PULL_KEY, e));
            continue;
        }
        TRY(js_pull_next(&ev, r->p, e));
        TRY(import_value(slot, r->im, r->p, ev, e));
    }
    return lamp_item_add(r, &item, e);
}

/* An array of objects, or null. */
static Status lamp_array(LampRead *r, Status (*one)(void *ctx, Err *e), Err *e)
{
    JsEvent ev;
    TRY(js_pull_next(&ev, r->p, e));
    if (ev == PULL_NULL) return OK;
    if (ev != PULL_ARR) {
        import_odd(r->im, ODD_TYPE);
        return js_pull_skip(r->p, ev, e);
    }
    return import_objects(r->im, r->p, one, r, e);
}

/* ---- a question ---- */

typedef struct {
    const char *id, *input, *gold;
} Question;

static int lamp_gold_cmp(const void *a, const void *b)
{
    return strcmp(((const Gold *)a)->id, ((const Gold *)b)->id);
}

static const char *lamp_gold(LampRead *r, const char *id)
{
    Gold key = {.id = id};
    Gold *g = r->n_gold > 0 ? bsearch(&key, r->gold, r->n_gold, sizeof *r->gold, lamp_gold_cmp) : NULL;
    if (g == NULL) return NULL;
    g->used = true;
    return g->output;
}

/* Is the question in LaMP's words? A prompt around nothing has lost the blank at its end. */
static bool lamp_in_frame(Span *field, LampRead *r, const char *input)
{
    if (lamp_frame_match(field, r->f, text_span(input))) return true;
    str_clear(&r->im->text);
    str_printf(&r->im->text, "%s ", input);
    return !r->im->text.failed && lamp_frame_match(field, r->f, text_span(r->im->text.s));
}

/* The fields in a question's prompt, parted by tabs; NULL when it has none that fit. */
static Status lamp_payload(const char **out, LampRead *r, const char *input, Err *e)
{
    Span field[LAMP_FIELDS] = {{0}};
    Import *im = r->im;
    bool found = lamp_in_frame(field, r, input);
    *out = NULL;
    if (!found) import_odd(im, ODD_FRAME);
    if (!found && r->f->n_fields > 1) return OK;
    if (!found) field[0] = text_span(input);
    str_clear(&im->tmp);
    for (size_t i = 0; i < r->f->n_fields; i++) {
        if (i > 0) str_put(&im->tmp, "\t", 1);
        str_put(&im->tmp, field[i].s, field[i].n);
    }
    *out = im->tmp.failed ? NULL : arena_strndup(&im->user_arena, im->tmp.s, im->tmp.n);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for a question");
    return OK;
}

static Status lamp_question_add(LampRead *r, const Question *q, Err *e)
{
    Import *im = r->im;
    ImportRec rec = {.split = DATA_QUERY, .output = q->gold};
    if (q->id == NULL || q->input == NULL) {
        import_odd(im, ODD_FIELD);
        return OK;
    }
    if (rec.output == NULL) rec.output = lamp_gold(r, q->id);
    if (rec.output == NULL) {
        import_odd(im, ODD_NO_GOLD);
        return OK;
    }
    TRY(lamp_payload(&rec.input, r, q->input, e));
    if (rec.input == NULL) return OK;
    str_clear(&im->tmp);
    str_printf(&im->tmp, "question/%s", q->id); /* items may have the same numbers */
    rec.id = im->tmp.failed ? NULL : arena_strndup(&im->user_arena, im->tmp.s, im->tmp.n);
    if (rec.id == NULL) FAIL(e, ERR_NOMEM, "no memory for a question");
    return import_add(im, &rec, e);
}

static Status lamp_query(void *ctx, Err *e)
{
    LampRead *r = ctx;
    Question q = {0};
    for (JsEvent ev;;) {
        TRY(js_pull_next(&ev, r->p, e));
        if (ev == PULL_OBJ_END) break;
        bool gold = lamp_key(r->p, "gold") || lamp_key(r->p, "output");
        const char **slot = lamp_key(r->p, "id")      ? &q.id
                            : lamp_key(r->p, "input") ? &q.input
                            : gold                    ? &q.gold
                                                      : NULL;
        TRY(js_pull_next(&ev, r->p, e));
        if (slot != NULL)
            TRY(import_value(slot, r->im, r->p, ev, e));
        else
            TRY(js_pull_skip(r->p, ev, e));
    }
    return lamp_question_add(r, &q, e);
}

/* ---- a person ---- */

/* One member, whose key has been read. A question of LaMP is its person; people of Per-Pcs have a user_id. */
static Status lamp_member(LampRead *r, Question *q, Err *e)
{
    JsEvent ev;
    if (lamp_key(r->p, "profile")) return lamp_array(r, lamp_item, e);
    if (lamp_key(r->p, "query")) return lamp_array(r, lamp_query, e);
    const char **slot = lamp_key(r->p, "user_id")                            ? &r->im->user
                        : lamp_key(r->p, "id")                               ? &q->id
                        : lamp_key(r->p, "input")                            ? &q->input
                        : lamp_key(r->p, "gold") || lamp_key(r->p, "output") ? &q->gold
                                                                             : NULL;
    TRY(js_pull_next(&ev, r->p, e));
    return slot != NULL ? import_value(slot, r->im, r->p, ev, e) : js_pull_skip(r->p, ev, e);
}

static bool lamp_has_items(const Import *im)
{
    for (size_t i = 0; i < im->n; i++)
        if (im->rec[i].split < 0) return true;
    return false;
}

static Status lamp_person(LampRead *r, const ImportFile *file, Err *e)
{
    Question q = {0};
    Import *im = r->im;
    import_begin(im, file);
    size_t line = js_pull_line(r->p);
    for (JsEvent ev;;) {
        TRY(js_pull_next(&ev, r->p, e));
        if (ev == PULL_OBJ_END) break;
        TRY(lamp_member(r, &q, e));
    }
    im->line = line;
    if (!lamp_has_items(im)) import_odd(im, ODD_NO_PROFILE);
    if (q.input != NULL || im->user == NULL) TRY(lamp_question_add(r, &q, e));
    if (im->user == NULL) im->user = q.id;
    return import_end(im, e);
}

static Status lamp_people(LampRead *r, const ImportFile *file, Err *e)
{
    TRY(lamp_expect(r->p, PULL_ARR, "an array of people or questions", e));
    for (JsEvent ev;;) {
        TRY(js_pull_next(&ev, r->p, e));
        if (ev == PULL_ARR_END) break;
        r->im->line = js_pull_line(r->p);
        if (ev == PULL_OBJ) {
            TRY(lamp_person(r, file, e));
        } else {
            r->im->file = file;
            import_odd(r->im, ODD_TYPE);
            TRY(js_pull_skip(r->p, ev, e));
        }
    }
    return lamp_expect(r->p, PULL_END, "the end of the file", e);
}

/* ---- outputs ---- */

static Status gold_push(LampRead *r, const Question *q, Err *e)
{
    if (q->id == NULL || q->gold == NULL) {
        import_odd(r->im, ODD_FIELD);
        return OK;
    }
    if (r->n_gold == r->cap_gold) {
        size_t cap = r->cap_gold * 2 + 1024;
        Gold *g = realloc(r->gold, cap * sizeof *g);
        if (g == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu golds", cap);
        r->gold = g;
        r->cap_gold = cap;
    }
    Arena *a = &r->im->arena;
    Gold g = {arena_strdup(a, q->id), arena_strdup(a, q->gold), r->im->line, false};
    if (g.id == NULL || g.output == NULL) FAIL(e, ERR_NOMEM, "no memory for golds");
    r->gold[r->n_gold++] = g;
    return OK;
}

static Status gold_one(void *ctx, Err *e)
{
    LampRead *r = ctx;
    Question q = {0};
    arena_reset(&r->im->user_arena);
    for (JsEvent ev;;) {
        TRY(js_pull_next(&ev, r->p, e));
        if (ev == PULL_OBJ_END) break;
        const char **slot = lamp_key(r->p, "id") ? &q.id : lamp_key(r->p, "output") ? &q.gold : NULL;
        TRY(js_pull_next(&ev, r->p, e));
        if (slot != NULL)
            TRY(import_value(slot, r->im, r->p, ev, e));
        else
            TRY(js_pull_skip(r->p, ev, e));
    }
    return gold_push(r, &q, e);
}

/* The name that a file of outputs gives its task must be the one that is imported. The first LaMP_2 was news,
 * a later one films. */
static Status gold_task(LampRead *r, Err *e)
{
    JsEvent ev;
    TRY(js_pull_next(&ev, r->p, e));
    if (ev != PULL_STR) return js_pull_skip(r->p, ev, e);
    const char *name = js_pull_str(r->p, NULL), *want = r->im->task->name;
    bool either = strcmp(name, "LaMP_2") == 0 && strncmp(want, "LaMP_2", 6) == 0;
    if (!either && strcmp(name, want) != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: outputs of %.40s, want those of %s", js_pull_name(r->p),
             js_pull_line(r->p), name, want);
    return OK;
}

static Status gold_members(LampRead *r, Err *e)
{
    TRY(lamp_expect(r->p, PULL_OBJ, "an object with 'golds'", e));
    for (JsEvent ev;;) {
        TRY(js_pull_next(&ev, r->p, e));
        if (ev == PULL_OBJ_END) return OK;
        if (lamp_key(r->p, "task"))
            TRY(gold_task(r, e));
        else if (lamp_key(r->p, "golds"))
            TRY(lamp_array(r, gold_one, e));
        else
            TRY(js_pull_skip(r->p, PULL_KEY, e));
    }
}

/* Sorted by id; of two with the same id the first one stays. */
static void gold_sort(LampRead *r)
{
    size_t n = 0;
    if (r->n_gold > 0) qsort(r->gold, r->n_gold, sizeof *r->gold, lamp_gold_cmp);
    for (size_t i = 0; i < r->n_gold; i++) {
        if (n > 0 && strcmp(r->gold[n - 1].id, r->gold[i].id) == 0)
            import_odd(r->im, ODD_USER_TWICE);
        else
            r->gold[n++] = r->gold[i];
    }
    r->n_gold = n;
}

static Status gold_read(LampRead *r, const ImportFile *file, Err *e)
{
    ImportFile outputs = *file;
    outputs.path = file->golds;
    r->n_gold = 0;
    if (file->golds == NULL) return OK;
    TRY(js_pull_open(&r->p, file->golds, e));
    r->im->file = &outputs;
    r->im->person = 0;
    Status s = gold_members(r, e);
    if (s == OK) gold_sort(r);
    js_pull_close(r->p);
    r->p = NULL;
    r->im->file = NULL;
    return s;
}

static void gold_unused(LampRead *r, const ImportFile *file)
{
    ImportFile outputs = *file;
    outputs.path = file->golds;
    r->im->file = &outputs;
    r->im->person = 0;
    for (size_t i = 0; i < r->n_gold; i++) {
        if (r->gold[i].used) continue;
        r->im->line = r->gold[i].line;
        import_odd(r->im, ODD_NO_QUESTION);
    }
    r->im->file = NULL;
}

/* ---- files ---- */

static Status lamp_file(LampRead *r, const ImportFile *file, Err *e)
{
    TRY(gold_read(r, file, e));
    TRY(js_pull_open(&r->p, file->path, e));
    r->im->person = 0;
    Status s = lamp_people(r, file, e);
    js_pull_close(r->p);
    r->p = NULL;
    if (s == OK) gold_unused(r, file);
    return s;
}

static Status lamp_files(LampRead *r, Err *e)
{
    Import *im = r->im;
    if (r->f == NULL) FAIL(e, ERR_ARG, "task = %s, want one of LaMP's for this format", im->task->name);
    TRY(import_profiles(im, e));
    for (size_t i = 0; i < im->o->n_files; i++) TRY(lamp_file(r, &im->o->file[i], e));
    im->file = NULL;
    im->person = 0;
    for (size_t i = 0; i < im->n_profiles; i++) {
        im->line = im->profile[i].line;
        if (!im->profile[i].used) import_odd(im, ODD_PROFILE);
    }
    return OK;
}

Status import_lamp(Import *im, Err *e)
{
    LampRead r = {.im = im, .f = lamp_frame(im->task->name)};
    Status s = lamp_files(&r, e);
    free(r.gold);
    return s;
}

/* "task" of the first outputs. */
static Status lamp_task_name(Import *im, JsPull *p, const char *path, Err *e)
{
    JsEvent ev;
    TRY(lamp_expect(p, PULL_OBJ, "an object with 'task'", e));
    while (true) {
        TRY(js_pull_next(&ev, p, e));
        if (ev == PULL_OBJ_END) FAIL(e, ERR_ARG, "%s: no 'task' in it: say which one it is", path);
        if (lamp_key(p, "task")) break;
        TRY(js_pull_skip(p, ev, e));
    }
    TRY(lamp_expect(p, PULL_STR, "the name of a task", e));
    const char *name = js_pull_str(p, NULL);
    if (strcmp(name, "LaMP_2") == 0)
        FAIL(e, ERR_ARG, "%s: LaMP_2 has been two tasks: say LaMP_2N for news or LaMP_2M for films", path);
    im->task = task_find(name);
    if (im->task == NULL)
        FAIL(e, ERR_ARG, "%s: task '%.40s' is not known; see 'prime list task'", path, name);
    return OK;
}

Status import_lamp_task(Import *im, Err *e)
{
    JsPull *p = NULL;
    const char *path = im->o->file[0].golds;
    if (path == NULL) FAIL(e, ERR_ARG, "without outputs the task must be named");
    TRY(js_pull_open(&p, path, e));
    Status s = lamp_task_name(im, p, path, e);
    js_pull_close(p);
    return s;
}
