/* task_file.c - a task from a file: YAML into a struct, names into numbers, and everything checked. */
#include "task_priv.h"

#include "prime/file.h"
#include "prime/metric.h"
#include "prime/yml.h"

#include <stdlib.h>
#include <string.h>

enum { TASK_METRICS = 4, TASK_NAME = 32 };

typedef struct {
    YmlStrs fields, metrics;
    const char *text, *prompt;
    size_t max_new, words;
    YmlStrs labels; /* of the query */
    bool labelled;  /* of the history */
} TaskFileForm;

typedef struct {
    const char *what, *source;
    TaskFileForm query, history;
    const char *shown, *search, *document;
    size_t context_words;
} TaskFile;

#define AT(member) offsetof(TaskFile, member)
#define FORM(part)                                                                                      \
    {.key = #part ".fields", .type = YML_STRS, .offset = AT(part.fields)},                              \
        {.key = #part ".text", .type = YML_STR, .offset = AT(part.text)},                               \
        {.key = #part ".prompt", .type = YML_STR, .offset = AT(part.prompt)},                           \
        {.key = #part ".metrics", .type = YML_STRS, .offset = AT(part.metrics)},                        \
        {.key = #part ".max_new", .type = YML_SIZE, .offset = AT(part.max_new), .min = 1, .max = 4096}, \
    {                                                                                                   \
        .key = #part ".words", .type = YML_SIZE, .offset = AT(part.words), .min = 0, .max = 1e6         \
    }

static const YmlField task_fields_of_file[] = {
    {.key = "what", .type = YML_STR, .offset = AT(what)},
    {.key = "source", .type = YML_STR, .offset = AT(source)},
    FORM(query),
    {.key = "query.labels", .type = YML_STRS, .offset = AT(query.labels)},
    FORM(history),
    {.key = "history.labelled", .type = YML_BOOL, .offset = AT(history.labelled)},
    {.key = "context.shown", .type = YML_STR, .offset = AT(shown)},
    {.key = "context.search", .type = YML_STR, .offset = AT(search)},
    {.key = "context.document", .type = YML_STR, .offset = AT(document)},
    {.key = "context.words", .type = YML_SIZE, .offset = AT(context_words), .min = 0, .max = 1e6},
};
enum { N_FILE_FIELDS = sizeof task_fields_of_file / sizeof task_fields_of_file[0] };

/* A file that is being read: where complaints are about. */
typedef struct {
    const char *text, *path;
    size_t n;
    Arena *arena;
} TaskSource;

static bool line_has_key(const char *s, size_t n, const char *key, size_t n_key)
{
    return n > n_key && strncmp(s, key, n_key) == 0 && strchr(": ", s[n_key]) != NULL;
}

/* The line of a key "part.key", or that of its part, or 1. */
static size_t task_line(const TaskSource *from, const char *path)
{
    const char *dot = strchr(path, '.'), *key = dot != NULL ? dot + 1 : path;
    size_t n_part = dot != NULL ? (size_t)(dot - path) : 0, found = 1, line = 1;
    bool inside = dot == NULL;
    for (const char *s = from->text, *end = s + from->n; s < end; line++) {
        const char *stop = memchr(s, '\n', (size_t)(end - s));
        size_t n = (size_t)((stop != NULL ? stop : end) - s), indent = 0;
        while (indent < n && s[indent] == ' ') indent++;
        if (dot != NULL && indent == 0 && n > 0 && *s != '#') {
            inside = line_has_key(s, n, path, n_part);
            if (inside) found = line;
        }
        if (inside && line_has_key(s + indent, n - indent, key, strlen(key))) return line;
        s += n + 1;
    }
    return found;
}

#define TASK_FAIL(from, key, ...)                                               \
    do {                                                                        \
        err_set(e, ERR_FORMAT, __FILE__, __LINE__, __VA_ARGS__);                \
        return err_prefix(e, "%s:%zu", (from)->path, task_line((from), (key))); \
    } while (0)

/* ---- templates ---- */

static size_t field_number(const YmlStrs *fields, const char *name, size_t n)
{
    if (n == 1 && name[0] >= '1' && (size_t)(name[0] - '0') <= fields->n) return (size_t)(name[0] - '0');
    for (size_t i = 0; i < fields->n; i++)
        if (strlen(fields->x[i]) == n && strncmp(fields->x[i], name, n) == 0) return i + 1;
    return 0;
}

/* What a template may hold besides fields. */
enum { HOLDS_LABELS = 1, HOLDS_ANSWER = 2 };

static bool template_word(const char *word, size_t n, unsigned holds)
{
    if (n == 6 && strncmp(word, "labels", n) == 0) return (holds & HOLDS_LABELS) != 0;
    return n == 6 && strncmp(word, "answer", n) == 0 && (holds & HOLDS_ANSWER) != 0;
}

/* Names of fields become their numbers. */
static Status template_compile(Str *out, const char *in, const YmlStrs *fields, unsigned holds,
                               const char *key, const TaskSource *from, Err *e)
{
    for (const char *p = in; *p != '\0';) {
        size_t plain = strcspn(p, "{"), n;
        str_put(out, p, plain);
        p += plain;
        if (*p == '\0') break;
        if (p[1] == '{') {
            str_puts(out, "{{");
            p += 2;
            continue;
        }
        n = strcspn(p + 1, "{}");
        size_t k = field_number(fields, p + 1, n);
        if (p[1 + n] != '}' || (k == 0 && !template_word(p + 1, n, holds)))
            TASK_FAIL(from, key, "%s: '{%.*s' is no field of the template; a brace by itself is {{", key,
                      n > TASK_NAME ? TASK_NAME : (int)n + (p[1 + n] == '}'), p + 1);
        if (k > 0)
            str_printf(out, "{%zu}", k);
        else
            str_put(out, p, n + 2);
        p += n + 2;
    }
    return OK;
}

static Status template_keep(const char **out, const char *in, const YmlStrs *fields, unsigned holds,
                            const char *key, const TaskSource *from, Err *e)
{
    Str s = {0};
    *out = NULL;
    if (in == NULL) return OK;
    size_t n = strlen(in);
    if (n == 0 || strchr(" \t\n", in[n - 1]) != NULL)
        TASK_FAIL(from, key, "%s %s", key,
                  n == 0 ? "is empty" : "ends in white space, which belongs to what follows");
    Status st = template_compile(&s, in, fields, holds, key, from, e);
    if (st == OK) *out = s.failed ? NULL : arena_strndup(from->arena, s.s, s.n);
    if (st == OK && *out == NULL) st = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory", from->path);
    str_free(&s);
    return st;
}

/* ---- one form ---- */

static bool field_name_fine(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n > TASK_NAME || strcmp(s, "answer") == 0 || strcmp(s, "labels") == 0) return false;
    if (s[0] >= '0' && s[0] <= '9') return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static Status form_fields(Task *t, const TaskFileForm *f, bool query, const TaskSource *from, Err *e)
{
    const char *key = query ? "query.fields" : "history.fields",
               *text = query ? "query.text" : "history.text";
    if (f->fields.n > TASK_FIELDS || (query && f->fields.n == 0))
        TASK_FAIL(from, key, "%s has %zu names, want %d to %d", key, f->fields.n, query, TASK_FIELDS);
    for (size_t i = 0; i < f->fields.n; i++) {
        if (!field_name_fine(f->fields.x[i]))
            TASK_FAIL(from, key,
                      "%s: '%.40s' is no name for a field (letters, digits, _ and -; not answer or labels)",
                      key, f->fields.x[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(f->fields.x[i], f->fields.x[k]) == 0)
                TASK_FAIL(from, key, "%s: '%s' is there twice", key, f->fields.x[i]);
    }
    t->n_fields = f->fields.n;
    t->text_field = f->fields.n > 0;
    if (f->text == NULL) return OK;
    t->text_field = field_number(&f->fields, f->text, strlen(f->text));
    if (t->text_field == 0) TASK_FAIL(from, text, "%s = '%.40s', which is none of the fields", text, f->text);
    return OK;
}

/* The names, which yml has found in the table, with blanks between them. */
static Status form_metrics(Task *t, const TaskFileForm *f, const char *key, const TaskSource *from, Err *e)
{
    Str s = {0};
    if (f->metrics.n == 0 || f->metrics.n > TASK_METRICS)
        TASK_FAIL(from, key, "%s has %zu names, want 1 to %d", key, f->metrics.n, TASK_METRICS);
    for (size_t i = 0; i < f->metrics.n; i++) {
        if (metric_find(f->metrics.x[i])->needs_labels && !t->labelled) {
            str_free(&s);
            TASK_FAIL(from, key, "%s: %s needs labels, and there are none", key, f->metrics.x[i]);
        }
        str_printf(&s, "%s%s", i > 0 ? " " : "", f->metrics.x[i]);
    }
    t->metrics = s.failed ? NULL : arena_strndup(from->arena, s.s, s.n);
    str_free(&s);
    if (t->metrics == NULL) FAIL(e, ERR_NOMEM, "%s: no memory", from->path);
    return OK;
}

static Status form_fill(Task *t, const TaskFileForm *f, bool query, const TaskSource *from, Err *e)
{
    const char *key = query ? "query.prompt" : "history.prompt";
    if (f->prompt == NULL) TASK_FAIL(from, key, "%s is missing", key);
    TRY(form_fields(t, f, query, from, e));
    unsigned holds = t->labelled ? HOLDS_LABELS : 0;
    TRY(template_keep(&t->prompt, f->prompt, &f->fields, holds, key, from, e));
    TRY(form_metrics(t, f, query ? "query.metrics" : "history.metrics", from, e));
    t->words = f->words;
    t->max_new = f->max_new;
    return OK;
}

static Status form_labels(Task *t, const YmlStrs *labels, const TaskSource *from, Err *e)
{
    const char *key = "query.labels";
    if (labels->n == 1) TASK_FAIL(from, key, "%s has 1 label, want at least 2", key);
    for (size_t i = 0; i < labels->n; i++) {
        const char *s = labels->x[i];
        if (s[0] == '\0' || strchr(" \t\n", s[0]) != NULL || strchr(" \t\n", s[strlen(s) - 1]) != NULL)
            TASK_FAIL(from, key, "%s: label %zu is empty or has white space at its ends", key, i + 1);
        for (size_t k = 0; k < i; k++)
            if (strcmp(s, labels->x[k]) == 0) TASK_FAIL(from, key, "%s: '%.40s' is there twice", key, s);
    }
    t->label = labels->x;
    t->n_labels = labels->n;
    t->labelled = labels->n > 0;
    return OK;
}

/* ---- the whole ---- */

/* bug.task.yaml is the task bug. */
static Status file_task_name(const char **out, const TaskSource *from, Err *e)
{
    static const char end[] = ".task.yaml";
    const char *slash = strrchr(from->path, '/'), *base = slash != NULL ? slash + 1 : from->path;
    size_t n = strlen(base), tail = sizeof end - 1;
    if (n <= tail || strcmp(base + n - tail, end) != 0)
        FAIL(e, ERR_FORMAT, "%s: want a file NAME%s", from->path, end);
    *out = arena_strndup(from->arena, base, n - tail);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "%s: no memory", from->path);
    return OK;
}

/* What the history does not say is as in the query. */
static Status task_file_history(Task *t, TaskFile *f, const YmlStrs *none, const TaskSource *from, Err *e)
{
    TaskFileForm *h = &f->history;
    if (h->prompt == NULL && h->fields.x == none->x && h->text == NULL && h->metrics.n == 0 &&
        h->max_new == 0 && h->words == SIZE_MAX && !h->labelled)
        return OK;
    if (h->fields.x == none->x) h->fields = f->query.fields;
    if (h->metrics.n == 0) h->metrics = f->query.metrics;
    if (h->max_new == 0) h->max_new = t->max_new;
    if (h->words == SIZE_MAX) h->words = t->words;
    if (h->labelled && !t->labelled)
        TASK_FAIL(from, "history.labelled", "history.labelled = true, but there is no query.labels");
    Task *own = arena_zalloc(from->arena, 1, sizeof *own);
    Str name = {0};
    str_printf(&name, "%s/history", t->name);
    const char *copy = name.failed ? NULL : arena_strndup(from->arena, name.s, name.n);
    str_free(&name);
    if (own == NULL || copy == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for a task", from->path);
    *own = (Task){.name = copy, .what = t->what, .source = t->source, .labelled = h->labelled};
    own->label = h->labelled ? t->label : NULL;
    own->n_labels = h->labelled ? t->n_labels : 0;
    TRY(form_fill(own, h, false, from, e));
    t->history = own;
    return OK;
}

static Status task_file_fill(Task *t, TaskFile *f, const YmlStrs *none, const TaskSource *from, Err *e)
{
    TRY(file_task_name(&t->name, from, e));
    t->what = f->what != NULL ? f->what : "";
    t->source = f->source != NULL ? f->source : "";
    TRY(form_labels(t, &f->query.labels, from, e));
    TRY(form_fill(t, &f->query, true, from, e));
    TRY(task_file_history(t, f, none, from, e));
    const YmlStrs *item = t->history != NULL ? &f->history.fields : &f->query.fields;
    TRY(template_keep(&t->shown, f->shown, item, HOLDS_ANSWER, "context.shown", from, e));
    TRY(template_keep(&t->search, f->search, &f->query.fields, 0, "context.search", from, e));
    TRY(template_keep(&t->document, f->document, item, HOLDS_ANSWER, "context.document", from, e));
    t->context_words = f->context_words;
    return OK;
}

/* The table of fields with the names of all metrics, NULL at their end. */
static Status task_file_table(YmlField *field, Arena *a, Err *e)
{
    const char **name = arena_zalloc(a, metric_count() + 1, sizeof *name);
    if (name == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu names", metric_count());
    for (size_t i = 0; i < metric_count(); i++) name[i] = metric_at(i)->name;
    memcpy(field, task_fields_of_file, sizeof task_fields_of_file);
    for (size_t i = 0; i < N_FILE_FIELDS; i++)
        if (strstr(field[i].key, ".metrics") != NULL) field[i].names = name;
    return OK;
}

Status task_parse(const Task **out, Arena *a, const char *text, size_t n, const char *path, Err *e)
{
    static const char *const nothing[1] = {NULL};
    const YmlStrs none = {nothing, 0};
    TaskSource from = {text, path, n, a};
    TaskFile f = {.query = {.max_new = 32}, .history = {.fields = none, .words = SIZE_MAX}};
    YmlField field[N_FILE_FIELDS];
    const YmlSpec spec = {field, N_FILE_FIELDS, sizeof f};
    TRY(task_file_table(field, a, e));
    TRY(yml_parse(&f, &spec, a, text, n, path, NULL, 0, e));
    Task *t = arena_zalloc(a, 1, sizeof *t);
    if (t == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for a task", path);
    TRY(task_file_fill(t, &f, &none, &from, e));
    *out = t;
    return OK;
}

Status task_load(const Task **out, Arena *a, const char *path, Err *e)
{
    char *text = NULL;
    size_t n = 0;
    TRY(file_read(&text, &n, path, e));
    Status s = task_parse(out, a, text, n, path, e);
    free(text);
    return s;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool task_same(const Task *a, const Task *b)
{
    size_t n = 0, m = 0;
    const char *const *x = task_labels(a, &n), *const *y = task_labels(b, &m);
    if (a->n_fields != b->n_fields || a->text_field != b->text_field || a->words != b->words ||
        a->max_new != b->max_new || a->labelled != b->labelled || a->context_words != b->context_words ||
        n != m)
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(x[i], y[i]) != 0) return false;
    if ((a->history == NULL) != (b->history == NULL)) return false;
    if (a->history != NULL && !task_same(a->history, b->history)) return false;
    return same_text(a->prompt, b->prompt) && same_text(a->metrics, b->metrics) &&
           same_text(a->shown, b->shown) && same_text(a->search, b->search) &&
           same_text(a->document, b->document);
}

Status task_in(const Task **out, Arena *a, const char *dir, const char *name, Err *e)
{
    const Task *table = task_find(name), *own = NULL;
    *out = table;
    if (dir == NULL || *name == '\0' || *name == '.' || strchr(name, '/') != NULL) return OK;
    Str path = {0};
    str_printf(&path, "%s/%s.task.yaml", dir, name);
    Status s = path.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for a name", dir) : OK;
    if (s == OK && file_exists(path.s)) {
        s = task_load(&own, a, path.s, e);
        if (s == OK && table == NULL) *out = own;
        if (s == OK && table != NULL && !task_same(table, own))
            s = err_set(e, ERR_FORMAT, __FILE__, __LINE__,
                        "%s: '%s' is a task of this program, and this is another; choose another name",
                        path.s, name);
    }
    str_free(&path);
    return s;
}
