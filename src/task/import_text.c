/* import_text.c - values and lines of foreign files, and the texts that describe people. */
#include "import_priv.h"

#include "prime/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The texts of a list; what is no text is counted. The result is in im->text for a moment. */
static Status value_list(const char **out, Import *im, JsPull *p, Err *e)
{
    Str all = {0};
    Status s = OK;
    for (JsEvent ev; (s = js_pull_next(&ev, p, e)) == OK && ev != PULL_ARR_END;) {
        if (ev == PULL_STR || ev == PULL_NUM) {
            size_t n = 0;
            const char *text = js_pull_str(p, &n);
            if (all.n > 0) str_puts(&all, "; ");
            str_put(&all, text, n);
        } else {
            import_odd(im, ODD_TYPE);
            if ((s = js_pull_skip(p, ev, e)) != OK) break;
        }
    }
    *out = s == OK && all.n > 0 && !all.failed ? import_keep(im, all.s, all.n) : NULL;
    if (s == OK && (all.failed || (all.n > 0 && *out == NULL)))
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a list");
    str_free(&all);
    return s;
}

Status import_value(const char **out, Import *im, JsPull *p, JsEvent ev, Err *e)
{
    size_t n = 0;
    *out = NULL;
    if (ev == PULL_NULL) return OK;
    if (ev == PULL_ARR) return value_list(out, im, p, e);
    if (ev != PULL_STR && ev != PULL_NUM) {
        import_odd(im, ODD_TYPE);
        return js_pull_skip(p, ev, e);
    }
    const char *text = js_pull_str(p, &n);
    *out = import_keep(im, text, n);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for a text");
    return OK;
}

Status import_each_line(Import *im, const char *path, ImportLine fn, void *ctx, Err *e)
{
    bool in = strcmp(path, "-") == 0;
    FILE *fp = in ? stdin : fopen(path, "rb");
    if (fp == NULL) FAIL(e, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = 0;
    Status s = OK;
    for (im->line = 1; s == OK && (n = getline(&line, &cap, fp)) >= 0; im->line++) {
        size_t len = (size_t)n;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) len--;
        s = fn(ctx, line, len, e);
    }
    if (s == OK) s = file_ended(fp, path, e);
    free(line);
    if (!in) fclose(fp);
    return s;
}

/* ---- texts that describe people ---- */

typedef struct {
    Import *im;
    JsPull *p;
    size_t cap;
} ProfileRead;

static Status profile_push(ProfileRead *r, const char *id, const char *text, Err *e)
{
    Import *im = r->im;
    if (id == NULL || text == NULL || *text == '\0') {
        import_odd(im, ODD_FIELD);
        return OK;
    }
    if (im->n_profiles == r->cap) {
        size_t cap = r->cap * 2 + 256;
        ImportProfile *p = arena_alloc(&im->arena, cap, sizeof *p);
        if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", cap);
        if (im->n_profiles > 0) memcpy(p, im->profile, im->n_profiles * sizeof *p);
        im->profile = p;
        r->cap = cap;
    }
    ImportProfile p = {arena_strdup(&im->arena, id), arena_strdup(&im->arena, text), im->line, false};
    if (p.id == NULL || p.text == NULL) FAIL(e, ERR_NOMEM, "no memory for a text");
    im->profile[im->n_profiles++] = p;
    return OK;
}

/* Behind PULL_OBJ. */
static Status profile_one(void *ctx, Err *e)
{
    ProfileRead *r = ctx;
    const char *id = NULL, *text = NULL;
    arena_reset(&r->im->user_arena);
    for (JsEvent ev;;) {
        TRY(js_pull_next(&ev, r->p, e));
        if (ev == PULL_OBJ_END) return profile_push(r, id, text, e);
        const char *key = js_pull_str(r->p, NULL);
        const char **slot = strcmp(key, "id") == 0 || strcmp(key, "user_id") == 0 ? &id
                            : strcmp(key, "output") == 0                          ? &text
                                                                                  : NULL;
        TRY(js_pull_next(&ev, r->p, e));
        if (slot != NULL)
            TRY(import_value(slot, r->im, r->p, ev, e));
        else
            TRY(js_pull_skip(r->p, ev, e));
    }
}

/* A line that is no object is counted. */
static Status profile_line_of(void *ctx, const char *line, size_t n, Err *e)
{
    ProfileRead *r = ctx;
    Err why = {0};
    JsEvent ev = PULL_END;
    if (n == 0) return OK;
    js_pull_again(r->p, line, n, r->im->line);
    Status s = js_pull_next(&ev, r->p, &why);
    if (s == OK && ev == PULL_OBJ) s = profile_one(r, &why);
    if (s == ERR_NOMEM) FAIL(e, ERR_NOMEM, "%s", why.msg);
    if (s != OK || ev != PULL_OBJ) import_odd(r->im, ODD_LINE);
    return OK;
}

static int profile_id_cmp(const void *a, const void *b)
{
    return strcmp(((const ImportProfile *)a)->id, ((const ImportProfile *)b)->id);
}

/* An array, or one object a line. */
static Status profile_file(ProfileRead *r, const char *path, Err *e)
{
    JsEvent ev;
    TRY(js_pull_open(&r->p, path, e));
    TRY(js_pull_next(&ev, r->p, e));
    if (ev == PULL_ARR) return import_objects(r->im, r->p, profile_one, r, e);
    js_pull_close(r->p);
    r->p = NULL;
    TRY(js_pull_text(&r->p, "", 0, path, 1, e));
    return import_each_line(r->im, path, profile_line_of, r, e);
}

Status import_profiles(Import *im, Err *e)
{
    ProfileRead r = {.im = im};
    if (im->o->profiles == NULL) return OK;
    Status s = profile_file(&r, im->o->profiles, e);
    js_pull_close(r.p);
    if (s == OK && im->n_profiles > 0)
        qsort(im->profile, im->n_profiles, sizeof *im->profile, profile_id_cmp);
    return s;
}
