/* deb_parse.c - stanzas of Packages and Translation-en files (deb822), joined by Description-md5. */
#define _GNU_SOURCE /* memrchr */
#include "deb_priv.h"

#include <stdlib.h>
#include <string.h>

enum {
    F_PACKAGE,
    F_SOURCE,
    F_MAINTAINER,
    F_ORIGINAL,
    F_SECTION,
    F_DEPENDS,
    F_PRE_DEPENDS,
    F_MD5,
    F_DESC,
    F_DESC_EN,
    N_FIELDS
};

static const char *const field_names[N_FIELDS] = {
    "Package", "Source",      "Maintainer",      "Original-Maintainer", "Section",
    "Depends", "Pre-Depends", "Description-md5", "Description",         "Description-en"};

typedef struct {
    Span field[N_FIELDS];
} Stanza;

typedef struct {
    const char *path, *at, *end;
    size_t line;
} Reader;

typedef struct {
    Span md5, desc;
} Translation;

typedef struct {
    DebPkg *pkg;
    size_t n, cap;
    Translation *tr;
    size_t n_tr, cap_tr;
} Parsing;

static int deb_field(Span key)
{
    for (int i = 0; i < N_FIELDS; i++)
        if (strlen(field_names[i]) == key.n && memcmp(field_names[i], key.s, key.n) == 0) return i;
    return N_FIELDS;
}

/* Read one stanza; *got is false at the end of the file. A field runs over its continuation lines. */
static Status deb_stanza(Stanza *out, bool *got, Reader *r, Err *e)
{
    Stanza s = {0};
    Span other = {0}, *open = NULL; /* the field that a continuation line belongs to */
    *got = false;
    while (r->at < r->end) {
        const char *line = r->at, *stop = memchr(line, '\n', (size_t)(r->end - line));
        if (stop == NULL) stop = r->end;
        r->at = stop < r->end ? stop + 1 : r->end;
        r->line++;
        if (stop == line && open == NULL) continue; /* empty lines before a stanza */
        if (stop == line) break;
        if (*line == ' ' || *line == '\t') {
            if (open == NULL)
                FAIL(e, ERR_FORMAT, "%s, line %zu: continues a field, but there is none", r->path, r->line);
            open->n = (size_t)(stop - open->s);
            continue;
        }
        const char *colon = memchr(line, ':', (size_t)(stop - line));
        if (colon == NULL) FAIL(e, ERR_FORMAT, "%s, line %zu: want 'Field: value'", r->path, r->line);
        int f = deb_field((Span){line, (size_t)(colon - line)});
        open = f < N_FIELDS ? &s.field[f] : &other;
        *open = (Span){colon + 1, (size_t)(stop - colon - 1)};
        *got = true;
    }
    *out = s;
    return OK;
}

static Span deb_first_word(Span s)
{
    Span t = text_trim(s);
    size_t n = 0;
    while (n < t.n && t.s[n] != ' ' && t.s[n] != '\t' && t.s[n] != '\n') n++;
    return (Span){t.s, n};
}

/* Make room for one more element of `size` bytes; false when memory is out. */
static bool deb_grow(void **at, size_t *cap, size_t n, size_t size)
{
    if (n < *cap) return true;
    size_t want = *cap * 2 + 1024;
    void *more = realloc(*at, want * size);
    if (more == NULL) return false;
    *at = more;
    *cap = want;
    return true;
}

static Status deb_add_package(Parsing *p, const Stanza *s, const Reader *r, Err *e)
{
    const Span *f = s->field;
    Span name = deb_first_word(f[F_PACKAGE]), section = text_trim(f[F_SECTION]);
    if (name.n == 0)
        FAIL(e, ERR_FORMAT, "%s, line %zu: the stanza that ends here has no Package", r->path, r->line);
    void *at = p->pkg;
    if (!deb_grow(&at, &p->cap, p->n, sizeof *p->pkg))
        FAIL(e, ERR_NOMEM, "no memory for %zu packages", p->n + 1);
    p->pkg = at;
    const char *slash = section.n > 0 ? memrchr(section.s, '/', section.n) : NULL; /* "universe/net" */
    if (slash != NULL) section = (Span){slash + 1, (size_t)(section.s + section.n - slash - 1)};
    p->pkg[p->n] = (DebPkg){.name = name,
                            .source = f[F_SOURCE].n > 0 ? deb_first_word(f[F_SOURCE]) : name,
                            .maintainer = text_trim(f[f[F_ORIGINAL].n > 0 ? F_ORIGINAL : F_MAINTAINER]),
                            .section = section,
                            .depends = f[F_DEPENDS],
                            .pre_depends = f[F_PRE_DEPENDS],
                            .desc = text_trim(f[F_DESC]),
                            .md5 = text_trim(f[F_MD5]),
                            .order = p->n};
    p->n++;
    return OK;
}

static Status deb_add_translation(Parsing *p, const Stanza *s, const Reader *r, Err *e)
{
    Span md5 = text_trim(s->field[F_MD5]);
    if (md5.n == 0)
        FAIL(e, ERR_FORMAT, "%s, line %zu: the stanza that ends here has no Description-md5", r->path,
             r->line);
    void *at = p->tr;
    if (!deb_grow(&at, &p->cap_tr, p->n_tr, sizeof *p->tr))
        FAIL(e, ERR_NOMEM, "no memory for %zu descriptions", p->n_tr + 1);
    p->tr = at;
    p->tr[p->n_tr++] = (Translation){md5, text_trim(s->field[F_DESC_EN])};
    return OK;
}

static Status deb_read(Parsing *p, const ListFile *f, Err *e)
{
    Reader r = {f->path, f->text, f->text + f->n, 0};
    if (f->n == 0) return OK;
    for (bool got = true; got;) {
        Stanza s;
        TRY(deb_stanza(&s, &got, &r, e));
        if (got) TRY(f->translation ? deb_add_translation(p, &s, &r, e) : deb_add_package(p, &s, &r, e));
    }
    return OK;
}

static int deb_pkg_cmp(const void *a, const void *b)
{
    const DebPkg *x = a, *y = b;
    int c = text_cmp(x->name, y->name);
    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static int deb_tr_cmp(const void *a, const void *b)
{
    const Translation *x = a, *y = b;
    int c = text_cmp(x->md5, y->md5);
    return c != 0 ? c : text_cmp(x->desc, y->desc);
}

static int deb_tr_key_cmp(const void *key, const void *b)
{
    return text_cmp(*(const Span *)key, ((const Translation *)b)->md5);
}

/* Packages keep the first stanza of a name; descriptions come from the translation unless the index has the
 * long part itself, as older releases do. */
static size_t deb_join(Parsing *p)
{
    size_t n = 0, with_long = 0;
    if (p->n > 0) qsort(p->pkg, p->n, sizeof *p->pkg, deb_pkg_cmp);
    if (p->n_tr > 0) qsort(p->tr, p->n_tr, sizeof *p->tr, deb_tr_cmp);
    for (size_t i = 0; i < p->n; i++) {
        if (n > 0 && text_cmp(p->pkg[n - 1].name, p->pkg[i].name) == 0) continue;
        DebPkg *k = &p->pkg[n++];
        *k = p->pkg[i];
        bool has_long = k->desc.n > 0 && memchr(k->desc.s, '\n', k->desc.n) != NULL;
        if (!has_long && k->md5.n > 0 && p->n_tr > 0) {
            const Translation *t = bsearch(&k->md5, p->tr, p->n_tr, sizeof *p->tr, deb_tr_key_cmp);
            if (t != NULL) k->desc = t->desc;
            has_long = t != NULL;
        }
        with_long += has_long;
    }
    p->n = n;
    return with_long;
}

Status deb_parse(DebIndex *x, const Lists *l, Err *e)
{
    Parsing p = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < l->n; i++) s = deb_read(&p, &l->file[i], e);
    size_t with_long = s == OK ? deb_join(&p) : 0;
    free(p.tr);
    if (s == OK && p.n == 0)
        s = err_set(e, ERR_FORMAT, __FILE__, __LINE__, "%s: holds no package", l->file[0].path);
    if (s == OK && with_long == 0)
        s = err_set(
            e, ERR_IO, __FILE__, __LINE__,
            "%s: no package has a long description: the English translation (Translation-en) is missing",
            l->file[0].path);
    if (s != OK) {
        free(p.pkg);
        return s;
    }
    *x = (DebIndex){p.pkg, p.n};
    return OK;
}

void deb_free(DebIndex *x)
{
    free(x->pkg);
    *x = (DebIndex){0};
}

static int deb_pkg_key_cmp(const void *key, const void *b)
{
    return text_cmp(*(const Span *)key, ((const DebPkg *)b)->name);
}

const DebPkg *deb_find(const DebIndex *x, Span name)
{
    if (x->n == 0) return NULL;
    return bsearch(&name, x->pkg, x->n, sizeof *x->pkg, deb_pkg_key_cmp);
}
