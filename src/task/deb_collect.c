/* deb_collect.c - one clean candidate record per source package. */
#define _GNU_SOURCE /* memrchr */
#include "deb_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int deb_source_cmp(const void *a, const void *b)
{
    const DebPkg *x = *(const DebPkg *const *)a, *y = *(const DebPkg *const *)b;
    int c = text_cmp(x->source, y->source);
    if (c != 0) return c;
    if (x->desc.n != y->desc.n) return x->desc.n < y->desc.n ? 1 : -1;
    return text_cmp(x->name, y->name);
}

/* Pointers to the package that stands for each source, sorted by source name. */
static Status deb_sources(const DebPkg ***out, size_t *n, const DebIndex *x, Err *e)
{
    const DebPkg **p = malloc(x->n * sizeof *p);
    if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu packages", x->n);
    for (size_t i = 0; i < x->n; i++) p[i] = &x->pkg[i];
    qsort(p, x->n, sizeof *p, deb_source_cmp);
    size_t kept = 0;
    for (size_t i = 0; i < x->n; i++)
        if (kept == 0 || text_cmp(p[kept - 1]->source, p[i]->source) != 0) p[kept++] = p[i];
    *out = p;
    *n = kept;
    return OK;
}

/* "Jane Doe <Jane@Example.org>" -> "jane doe" and "jane@example.org". Without brackets all is address. */
static void deb_maintainer(DebRec *r, Arena *a)
{
    Span m = r->pkg->maintainer, person = {0}, address = m;
    const char *open = m.n > 0 ? memrchr(m.s, '<', m.n) : NULL;
    if (open != NULL) {
        person = text_trim((Span){m.s, (size_t)(open - m.s)});
        address = (Span){open + 1, (size_t)(m.s + m.n - open - 1)};
        const char *shut = memchr(address.s, '>', address.n);
        if (shut != NULL) address.n = (size_t)(shut - address.s);
        address = text_trim(address);
    }
    r->person = arena_strndup(a, person.n > 0 ? person.s : "", person.n);
    r->address = arena_strndup(a, address.n > 0 ? address.s : "", address.n);
    for (char *c = r->person; c != NULL && *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
    for (char *c = r->address; c != NULL && *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
}

/* Clean the long description line by line; " ." ends a paragraph. Paragraphs are separated by line breaks. */
static void deb_clean_long(Str *out, Span d)
{
    const char *at = d.s, *end = d.s + d.n;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        Span line = text_trim((Span){at, (size_t)(stop - at)});
        bool brk = line.n == 1 && *line.s == '.';
        if (brk && out->n > 0 && out->s[out->n - 1] != '\n') str_put(out, "\n", 1);
        if (!brk) text_clean(out, line.s, line.n);
        at = stop < end ? stop + 1 : end;
    }
}

/* Split tmp at its line breaks into r->para. */
static bool deb_paragraphs(DebRec *r, const Str *tmp, Arena *a)
{
    const char *s = tmp->n > 0 ? tmp->s : "";
    for (const char *c = s; *c != '\0'; c++) r->n_para += c == s || c[-1] == '\n';
    r->para = arena_zalloc(a, r->n_para, sizeof *r->para);
    if (r->para == NULL) return false;
    for (size_t i = 0; i < r->n_para; i++) {
        size_t n = strcspn(s, "\n");
        r->para[i] = arena_strndup(a, s, n);
        if (r->para[i] == NULL) return false;
        s += n + (s[n] == '\n');
    }
    return true;
}

static Status deb_fill(DebRec *r, const DebPkg *pkg, Str *tmp, Arena *a, Err *e)
{
    *r = (DebRec){.pkg = pkg};
    const char *nl = pkg->desc.n > 0 ? memchr(pkg->desc.s, '\n', pkg->desc.n) : NULL;
    size_t head = nl != NULL ? (size_t)(nl - pkg->desc.s) : pkg->desc.n;
    str_clear(tmp);
    if (head > 0) text_clean(tmp, pkg->desc.s, head);
    r->synopsis = arena_strndup(a, tmp->n > 0 ? tmp->s : "", tmp->n);
    str_clear(tmp);
    if (nl != NULL) deb_clean_long(tmp, (Span){nl, pkg->desc.n - head});
    bool fine = deb_paragraphs(r, tmp, a);
    deb_maintainer(r, a);
    if (!fine || tmp->failed || r->synopsis == NULL || r->person == NULL || r->address == NULL)
        FAIL(e, ERR_NOMEM, "no memory for descriptions");
    return OK;
}

/* A paragraph's normal form, and where it stands. */
typedef struct {
    uint64_t hash;
    size_t rec, para;
} Claim;

static int deb_claim_cmp(const void *a, const void *b)
{
    const Claim *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    if (x->rec != y->rec) return x->rec < y->rec ? -1 : 1;
    return (x->para > y->para) - (x->para < y->para);
}

/* Boilerplate ("This package contains the documentation ...") and twins (versions of one program packaged
 * side by side) would let a split be seen through. A paragraph stays where it stands first. */
static Status deb_claim(DebRecs *r, Str *tmp, Err *e)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < r->n; i++) n += r->rec[i].n_para;
    Claim *c = malloc((n + 1) * sizeof *c);
    if (c == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu paragraphs", n);
    for (size_t i = 0; i < r->n; i++) {
        Span name = r->rec[i].pkg->name;
        for (size_t p = 0; p < r->rec[i].n_para; p++) {
            str_clear(tmp);
            text_normal(tmp, text_span(r->rec[i].para[p]), name, 0);
            c[k++] = (Claim){text_hash(tmp->n > 0 ? tmp->s : "", tmp->n), i, p};
        }
    }
    qsort(c, n, sizeof *c, deb_claim_cmp);
    for (size_t i = 1; i < n; i++)
        if (c[i].hash == c[i - 1].hash) r->rec[c[i].rec].para[c[i].para] = NULL;
    free(c);
    if (tmp->failed) FAIL(e, ERR_NOMEM, "no memory for descriptions");
    return OK;
}

static Status deb_join_text(DebRec *r, Str *tmp, Arena *a, Err *e)
{
    str_clear(tmp);
    for (size_t p = 0; p < r->n_para; p++) {
        if (r->para[p] == NULL) continue;
        if (tmp->n > 0) str_put(tmp, "\n", 1);
        str_puts(tmp, r->para[p]);
    }
    const char *s = tmp->n > 0 ? tmp->s : "";
    r->text = arena_strndup(a, s, text_cut(s, DEB_MAX_WORDS));
    if (r->text == NULL || tmp->failed) FAIL(e, ERR_NOMEM, "no memory for descriptions");
    return OK;
}

static Status deb_collect_into(DebRecs *r, const DebPkg **src, Str *tmp, Arena *a, Err *e)
{
    for (size_t i = 0; i < r->n; i++) TRY(deb_fill(&r->rec[i], src[i], tmp, a, e));
    TRY(deb_claim(r, tmp, e));
    for (size_t i = 0; i < r->n; i++) TRY(deb_join_text(&r->rec[i], tmp, a, e));
    return OK;
}

Status deb_collect(DebRecs *r, const DebIndex *x, Arena *a, Err *e)
{
    const DebPkg **src = NULL;
    DebRecs fresh = {0};
    Str tmp = {0};
    TRY(deb_sources(&src, &fresh.n, x, e));
    fresh.rec = arena_zalloc(a, fresh.n, sizeof *fresh.rec);
    Status s = OK;
    if (fresh.rec == NULL)
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu records", fresh.n);
    if (s == OK) s = deb_collect_into(&fresh, src, &tmp, a, e);
    str_free(&tmp);
    free(src);
    if (s == OK) *r = fresh;
    return s;
}
