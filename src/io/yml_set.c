/* yml_set.c - assignments from the command line: "key.path=value". */
#include "yml_priv.h"

#include "utf8_priv.h"

#include <string.h>

static const YmlField *yml_by_key(const YmlSpec *spec, const char *key, size_t n)
{
    for (size_t i = 0; i < spec->n; i++)
        if (strlen(spec->field[i].key) == n && memcmp(spec->field[i].key, key, n) == 0)
            return &spec->field[i];
    return NULL;
}

/* The same last name under another mapping is a better guess than a similar path. */
static Status yml_unknown_path(const YmlSpec *spec, const YmlFrom *from, const char *key, Err *e)
{
    const char **names = arena_alloc(from->arena, spec->n, sizeof *names), *near = NULL;
    if (names == NULL) return yml_no_memory(from, e);
    for (size_t i = 0; i < spec->n; i++) {
        const char *name = spec->field[i].key, *dot = strrchr(name, '.');
        names[i] = name;
        if (near == NULL && dot != NULL && strcmp(dot + 1, key) == 0) near = name;
    }
    if (near == NULL) near = str_nearest(key, names, spec->n);
    return yml_fail(from, 0, e, "unknown key '%.60s'%s%s%s", key, near != NULL ? ", did you mean '" : "",
                    near != NULL ? near : "", near != NULL ? "'?" : "");
}

/* The next entry of a list: up to a comma, without the spaces around it. Moves *text past the comma. */
static Status yml_set_entry(YmlScalar *out, const char **text, const char *end, bool plain, Arena *a)
{
    const char *from = *text, *to = memchr(from, ',', (size_t)(end - from));
    if (to == NULL) to = end;
    *text = to < end ? to + 1 : end;
    while (from < to && *from == ' ') from++;
    while (to > from && to[-1] == ' ') to--;
    *out = (YmlScalar){arena_strndup(a, from, (size_t)(to - from)), 0, plain};
    return out->s == NULL ? ERR_NOMEM : OK;
}

/* The value of an assignment, cut at its commas when the field takes a list. */
static Status yml_set_value(YmlValue *v, const YmlField *f, const char *text, const YmlFrom *from, Err *e)
{
    const char *end = text + strlen(text);
    bool list = yml_is_list(f), bracket = list && end - text >= 2 && text[0] == '[' && end[-1] == ']';
    if (bracket) {
        text++;
        end--;
    }
    size_t n = 1;
    for (const char *s = text; list && s < end; s++) n += *s == ',';
    if (n > YML_MAX_LIST)
        return yml_fail(from, 0, e, "%s has %zu entries, want at most %d", f->key, n, YML_MAX_LIST);
    if (bracket && text + strspn(text, " ") == end) n = 0;
    YmlScalar *item = arena_alloc(from->arena, n, sizeof *item);
    if (item == NULL) return yml_no_memory(from, e);
    if (!list) *item = (YmlScalar){text, 0, !yml_is_text(f)};
    for (size_t i = 0; list && i < n; i++)
        if (yml_set_entry(&item[i], &text, end, !yml_is_text(f), from->arena) != OK)
            return yml_no_memory(from, e);
    *v = (YmlValue){.item = item, .n = n, .list = bracket || n > 1};
    return OK;
}

Status yml_apply(void *base, const YmlSpec *spec, Arena *a, const char *text, bool *seen, Err *e)
{
    Str name = {0};
    str_printf(&name, "--set %.100s", text);
    YmlFrom from = {name.failed ? NULL : arena_strdup(a, name.s), ERR_ARG, a};
    str_free(&name);
    text = arena_strdup(a, text); /* what is stored may be part of it */
    if (from.name == NULL || text == NULL) FAIL(e, ERR_NOMEM, "--set: no memory");
    size_t all = strlen(text), n = strcspn(text, "=");
    if (utf8_bad(text, all) != all) FAIL(e, ERR_ARG, "--set: the text is not UTF-8");
    if (text[n] == '\0' || n == 0) return yml_fail(&from, 0, e, "want KEY=VALUE");
    const YmlField *f = yml_by_key(spec, text, n);
    char *key = arena_strndup(a, text, n);
    if (key == NULL) return yml_no_memory(&from, e);
    if (f == NULL) return yml_unknown_path(spec, &from, key, e);
    YmlValue v = {0};
    TRY(yml_set_value(&v, f, text + n + 1, &from, e));
    TRY(yml_store(base, f, &v, &from, e));
    if (seen != NULL) seen[f - spec->field] = true;
    return OK;
}

Status yml_set(void *out, const YmlSpec *spec, Arena *a, const char *assignment, Err *e)
{
    void *scratch = arena_alloc(a, 1, spec->size);
    if (scratch == NULL) FAIL(e, ERR_NOMEM, "--set: no memory");
    memcpy(scratch, out, spec->size);
    TRY(yml_apply(scratch, spec, a, assignment, NULL, e));
    memcpy(out, scratch, spec->size);
    return OK;
}
