/* yml.c - the walk through a YAML file, event by event, along the table of fields. Where the walk stands in
 * the table is a range of fields whose keys begin alike; every key of the file narrows it. */
#include "yml_priv.h"

#include "text_priv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    const YmlSpec *spec;
    const YmlFrom *from;
    void *base; /* the struct */
    bool *seen; /* [spec->n] */
} YmlWalk;

/* The fields below one mapping: lo .. hi-1, whose keys agree in their first `skip` bytes. */
typedef struct {
    size_t lo, hi, skip;
} YmlScope;

/* Keys of a mapping so far, newest first. */
typedef struct YmlKey YmlKey;
struct YmlKey {
    const char *s;
    size_t line;
    const YmlKey *before;
};

Status yml_fail(const YmlFrom *from, size_t line, Err *e, const char *fmt, ...)
{
    char msg[PRIME_ERR_MSG], place[32] = "";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    if (line > 0) snprintf(place, sizeof place, ":%zu", line);
    FAIL(e, from->code, "%.120s%s: %s", from->name, place, msg);
}

Status yml_no_memory(const YmlFrom *from, Err *e)
{
    FAIL(e, ERR_NOMEM, "%.120s: no memory for its values", from->name);
}

static size_t yml_event_line(const YmlWalk *w)
{
    return w->event.start_mark.line + 1;
}

static Status yml_broken(const YmlWalk *w, Err *e)
{
    const yaml_parser_t *p = &w->parser;
    if (p->error == YAML_MEMORY_ERROR) return yml_no_memory(w->from, e);
    size_t line = p->error == YAML_READER_ERROR ? p->mark.line + 1 : p->problem_mark.line + 1;
    return yml_fail(w->from, line, e, "not YAML: %s", p->problem != NULL ? p->problem : "unknown error");
}

/* Neither is wrong YAML, but what a reader of the spec sees should be all that there is. */
static const char *yml_forbidden(const yaml_event_t *v)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (v->type == YAML_ALIAS_EVENT) return "an alias (*name)";
    if (v->type == YAML_SCALAR_EVENT) {
        anchor = v->data.scalar.anchor;
        tag = v->data.scalar.tag;
    } else if (v->type == YAML_SEQUENCE_START_EVENT) {
        anchor = v->data.sequence_start.anchor;
        tag = v->data.sequence_start.tag;
    } else if (v->type == YAML_MAPPING_START_EVENT) {
        anchor = v->data.mapping_start.anchor;
        tag = v->data.mapping_start.tag;
    }
    if (anchor != NULL) return "an anchor (&name)";
    return tag != NULL ? "a tag (!name)" : NULL;
}

/* Moves to the next event; the old one is freed. */
static Status yml_next(YmlWalk *w, Err *e)
{
    yaml_event_delete(&w->event);
    if (yaml_parser_parse(&w->parser, &w->event) == 0) return yml_broken(w, e);
    const char *what = yml_forbidden(&w->event);
    if (what != NULL)
        return yml_fail(w->from, yml_event_line(w), e, "%s, which this program does not read", what);
    return OK;
}

/* The current event's text, in the arena. */
static Status yml_scalar(YmlScalar *out, const YmlWalk *w, Err *e)
{
    const char *s = (const char *)w->event.data.scalar.value;
    size_t n = w->event.data.scalar.length;
    if (strlen(s) != n) return yml_fail(w->from, yml_event_line(w), e, "a text holds a NUL character");
    out->s = arena_strndup(w->from->arena, s, n);
    if (out->s == NULL) return yml_no_memory(w->from, e);
    out->line = yml_event_line(w);
    out->plain = w->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return OK;
}

/* The current event starts a list; afterwards it is its end. */
static Status yml_walk_list(YmlValue *v, YmlWalk *w, const YmlField *f, Err *e)
{
    YmlScalar *item = NULL;
    size_t n = 0, cap = 0;
    for (;; n++) {
        TRY(yml_next(w, e));
        if (w->event.type == YAML_SEQUENCE_END_EVENT) break;
        if (w->event.type != YAML_SCALAR_EVENT)
            return yml_fail(w->from, yml_event_line(w), e, "%s: entry %zu is a list or a mapping", f->key,
                            n + 1);
        if (n == YML_MAX_LIST)
            return yml_fail(w->from, yml_event_line(w), e, "%s has more than %d entries", f->key,
                            YML_MAX_LIST);
        if (n == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            YmlScalar *more = arena_alloc(w->from->arena, cap, sizeof *more);
            if (more == NULL) return yml_no_memory(w->from, e);
            if (n > 0) memcpy(more, item, n * sizeof *more);
            item = more;
        }
        TRY(yml_scalar(&item[n], w, e));
    }
    v->item = item;
    v->n = n;
    v->list = true;
    return OK;
}

static Status yml_walk_value(YmlWalk *w, size_t at, Err *e)
{
    const YmlField *f = &w->spec->field[at];
    char want[YML_WANT];
    YmlScalar one = {0};
    YmlValue v = {.item = &one, .n = 1, .line = yml_event_line(w)};
    if (w->event.type == YAML_MAPPING_START_EVENT)
        return yml_fail(w->from, v.line, e, "%s is a mapping, want %s", f->key, yml_want(want, f));
    if (w->event.type == YAML_SEQUENCE_START_EVENT)
        TRY(yml_walk_list(&v, w, f, e));
    else
        TRY(yml_scalar(&one, w, e));
    w->seen[at] = true;
    return yml_store(w->base, f, &v, w->from, e);
}

/* The part of a field's key that belongs to this scope: its start; *n bytes; *leaf when nothing follows. */
static const char *yml_part(size_t *n, bool *leaf, const YmlSpec *spec, YmlScope scope, size_t i)
{
    const char *s = spec->field[i].key + scope.skip;
    *n = strcspn(s, ".");
    *leaf = s[*n] == '\0';
    return s;
}

/* Guesses among the keys of this mapping first, then among the same name elsewhere. */
static Status yml_unknown_key(const YmlWalk *w, YmlScope scope, const YmlScalar *key, Err *e)
{
    const YmlSpec *spec = w->spec;
    const char **names = arena_alloc(w->from->arena, spec->n, sizeof *names);
    if (names == NULL) return yml_no_memory(w->from, e);
    size_t n = 0, len = 0;
    bool leaf = false;
    for (size_t i = scope.lo; i < scope.hi; i++) {
        const char *s = yml_part(&len, &leaf, spec, scope, i);
        names[n] = arena_strndup(w->from->arena, s, len);
        if (names[n++] == NULL) return yml_no_memory(w->from, e);
    }
    const char *near = str_nearest(key->s, names, n), *path = spec->field[scope.lo].key;
    int skip = (int)scope.skip;
    if (near != NULL)
        return yml_fail(w->from, key->line, e, "unknown key '%.*s%.60s', did you mean '%.*s%s'?", skip, path,
                        key->s, skip, path, near);
    for (size_t i = 0; i < spec->n; i++) { /* the right key in the wrong place? */
        const char *dot = strrchr(spec->field[i].key, '.');
        if (dot != NULL && strcmp(dot + 1, key->s) == 0) near = spec->field[i].key;
    }
    return yml_fail(w->from, key->line, e, "unknown key '%.*s%.60s'%s%s%s", skip, path, key->s,
                    near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                    near != NULL ? "'?" : "");
}

/* The fields of scope that the key leads to; sub.hi == sub.lo when there are none. */
static YmlScope yml_enter(bool *leaf, const YmlSpec *spec, YmlScope scope, const char *key)
{
    YmlScope sub = {scope.lo, scope.lo, scope.skip + strlen(key) + 1};
    for (size_t i = scope.lo, n = 0; i < scope.hi; i++) {
        bool end = false;
        const char *s = yml_part(&n, &end, spec, scope, i);
        if (strlen(key) != n || memcmp(s, key, n) != 0) continue;
        if (sub.hi == sub.lo) sub.lo = i;
        sub.hi = i + 1;
        *leaf = end;
    }
    return sub;
}

static Status yml_walk_map(YmlWalk *w, YmlScope scope, Err *e);

/* One key and its value; the current event is the key. */
static Status yml_walk_entry(YmlWalk *w, YmlScope scope, YmlKey **keys, Err *e)
{
    YmlScalar key = {0};
    bool leaf = false;
    if (w->event.type != YAML_SCALAR_EVENT)
        return yml_fail(w->from, yml_event_line(w), e, "a key is a list or a mapping, want a name");
    TRY(yml_scalar(&key, w, e));
    YmlScope sub = yml_enter(&leaf, w->spec, scope, key.s);
    if (sub.hi == sub.lo) return yml_unknown_key(w, scope, &key, e);
    int skip = (int)scope.skip;
    const char *path = w->spec->field[sub.lo].key;
    for (const YmlKey *k = *keys; k != NULL; k = k->before)
        if (strcmp(k->s, key.s) == 0)
            return yml_fail(w->from, key.line, e, "duplicate key '%.*s%s', first in line %zu", skip, path,
                            key.s, k->line);
    YmlKey *fresh = arena_alloc(w->from->arena, 1, sizeof *fresh);
    if (fresh == NULL) return yml_no_memory(w->from, e);
    *fresh = (YmlKey){key.s, key.line, *keys};
    *keys = fresh;
    TRY(yml_next(w, e));
    if (leaf) return yml_walk_value(w, sub.lo, e);
    if (w->event.type == YAML_MAPPING_START_EVENT) return yml_walk_map(w, sub, e);
    return yml_fail(w->from, key.line, e, "%.*s%s wants a mapping, such as {%s: ...}", skip, path, key.s,
                    path + sub.skip);
}

/* The current event starts the mapping. Depth is bounded by the table: unknown keys end the walk. */
static Status yml_walk_map(YmlWalk *w, YmlScope scope, Err *e)
{
    YmlKey *keys = NULL;
    TRY(yml_next(w, e));
    while (w->event.type != YAML_MAPPING_END_EVENT) {
        TRY(yml_walk_entry(w, scope, &keys, e));
        TRY(yml_next(w, e));
    }
    return OK;
}

/* Exactly one document, and a mapping in it. */
static Status yml_walk_stream(YmlWalk *w, Err *e)
{
    TRY(yml_next(w, e)); /* the stream's start */
    TRY(yml_next(w, e));
    if (w->event.type == YAML_STREAM_END_EVENT) return yml_fail(w->from, 0, e, "empty, want keys and values");
    TRY(yml_next(w, e));
    if (w->event.type != YAML_MAPPING_START_EVENT)
        return yml_fail(w->from, yml_event_line(w), e, "want a mapping of keys to values");
    TRY(yml_walk_map(w, (YmlScope){0, w->spec->n, 0}, e));
    TRY(yml_next(w, e)); /* the document's end */
    TRY(yml_next(w, e));
    if (w->event.type != YAML_STREAM_END_EVENT)
        return yml_fail(w->from, yml_event_line(w), e, "a second document begins, want one");
    return OK;
}

static Status yml_walk_text(YmlWalk *w, const char *text, size_t n, Err *e)
{
    if (yaml_parser_initialize(&w->parser) == 0) return yml_no_memory(w->from, e);
    yaml_parser_set_encoding(&w->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&w->parser, (const unsigned char *)text, n);
    Status s = yml_walk_stream(w, e);
    yaml_event_delete(&w->event);
    yaml_parser_delete(&w->parser);
    return s;
}

/* The table's own rules: no key twice, no key that is also a mapping, mappings in one piece. */
static bool yml_spec_holds(const YmlSpec *spec)
{
    for (size_t i = 0; i < spec->n; i++) {
        const char *key = spec->field[i].key;
        for (size_t len = strcspn(key, "."); len > 0;
             len = key[len] == '\0' ? 0 : len + 1 + strcspn(key + len + 1, ".")) {
            bool ended = key[len] == '\0'; /* nothing may share a leaf's path */
            for (size_t j = i + 1; j < spec->n; j++) {
                const char *other = spec->field[j].key;
                bool same = other[0] == key[0] && strncmp(other, key, len) == 0 &&
                            (other[len] == '\0' || other[len] == '.');
                if (same && (ended || other[len] == '\0')) return false;
                ended = ended || !same;
            }
        }
    }
    return true;
}

/* Required keys are looked for last: an assignment may give one. */
static Status yml_fill(void *base, const YmlSpec *spec, const YmlFrom *from, const char *text, size_t n,
                       const char *const *set, size_t n_set, Err *e)
{
    YmlWalk w = {.spec = spec, .from = from, .base = base};
    w.seen = arena_zalloc(from->arena, spec->n, sizeof *w.seen);
    if (w.seen == NULL) return yml_no_memory(from, e);
    TRY(yml_walk_text(&w, text, n, e));
    for (size_t i = 0; i < n_set; i++) TRY(yml_apply(base, spec, from->arena, set[i], w.seen, e));
    for (size_t i = 0; i < spec->n; i++)
        if ((spec->field[i].flags & YML_REQUIRED) != 0 && !w.seen[i])
            return yml_fail(from, 0, e, "the key '%s' is missing (%s)", spec->field[i].key,
                            spec->field[i].help != NULL ? spec->field[i].help : "required");
    return OK;
}

Status yml_parse(void *out, const YmlSpec *spec, Arena *a, const char *text, size_t n, const char *name,
                 const char *const *set, size_t n_set, Err *e)
{
    assert(yml_spec_holds(spec));
    size_t skip = 0;
    YmlFrom from = {name, ERR_FORMAT, a};
    TRY(text_check(&skip, text, n, name, YML_MAX_BYTES, e));
    /* Filled aside and copied at the end, so that a failure leaves *out as it was. */
    void *scratch = arena_alloc(a, 1, spec->size);
    if (scratch == NULL) return yml_no_memory(&from, e);
    memcpy(scratch, out, spec->size);
    TRY(yml_fill(scratch, spec, &from, text + skip, n - skip, set, n_set, e));
    memcpy(out, scratch, spec->size);
    return OK;
}

Status yml_load(void *out, const YmlSpec *spec, Arena *a, const char *path, const char *const *set,
                size_t n_set, Err *e)
{
    char *text = NULL;
    size_t n = 0;
    TRY(text_read(&text, &n, path, YML_MAX_BYTES, e));
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    Status s = yml_parse(out, spec, a, text, n, name, set, n_set, e);
    free(text);
    return s;
}
