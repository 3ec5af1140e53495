/* deb_select.c - who is a user, and which records count. */
#include "deb_priv.h"

#include <stdlib.h>
#include <string.h>

/* What a maintainer's name or address holds when more than one person (or nobody) stands behind it. Looked
 * for in lower case, anywhere: a false alarm only moves a person to the base users. */
static const char *const team_marks[] = {
    "team",     "group",    "maintainers", "packagers", "lists.",       "-list",       "packages@",
    "@qa.",     "tracker.", "task force",  "project",   "-devel@",      "packaging",   "@packages.",
    "crew",     "alioth",   "developers",  "community", "strike force", "debian-",     "users",
    "orphaned", "@teams.",  "foundation",  "inc.",      "gmbh",         "corporation",
};

enum { N_TEAM_MARKS = sizeof team_marks / sizeof team_marks[0] };

bool deb_is_team(const char *person, const char *address)
{
    for (size_t i = 0; i < N_TEAM_MARKS; i++)
        if (strstr(person, team_marks[i]) != NULL || strstr(address, team_marks[i]) != NULL) return true;
    return false;
}

static int deb_ptr_address_cmp(const void *a, const void *b)
{
    return strcmp((*(DebRec *const *)a)->address, (*(DebRec *const *)b)->address);
}

static int deb_ptr_person_cmp(const void *a, const void *b)
{
    const DebRec *x = *(DebRec *const *)a, *y = *(DebRec *const *)b;
    int c = strcmp(x->person, y->person);
    return c != 0 ? c : strcmp(x->address, y->address);
}

/* Number the addresses in their order: rec->user. p [n] are the records. */
static size_t deb_number(DebRec **p, size_t n)
{
    size_t k = 0;
    qsort(p, n, sizeof *p, deb_ptr_address_cmp);
    for (size_t i = 0; i < n; i++) {
        k += i > 0 && strcmp(p[i - 1]->address, p[i]->address) != 0;
        p[i]->user = k;
    }
    return n > 0 ? k + 1 : 0;
}

static size_t deb_root(size_t *up, size_t i)
{
    while (up[i] != i) i = up[i] = up[up[i]];
    return i;
}

/* One person may sign with several addresses: those under one display name are one user, whose address is
 * the smallest. up [n_addresses] is a forest in which roots are smallest. */
static void deb_alias(size_t *up, DebRec **p, size_t n)
{
    qsort(p, n, sizeof *p, deb_ptr_person_cmp);
    for (size_t i = 1; i < n; i++) {
        if (p[i]->person[0] == '\0' || strcmp(p[i - 1]->person, p[i]->person) != 0) continue;
        size_t a = deb_root(up, p[i - 1]->user), b = deb_root(up, p[i]->user);
        up[a > b ? a : b] = a > b ? b : a;
    }
}

static Status deb_people(DebPeople *out, DebRec **p, size_t n, Arena *a, Err *e)
{
    DebPeople fresh = {.n_addresses = deb_number(p, n)};
    size_t *up = arena_alloc(a, fresh.n_addresses, sizeof *up);
    fresh.user = arena_zalloc(a, fresh.n_addresses, sizeof *fresh.user);
    if (up == NULL || fresh.user == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", fresh.n_addresses);
    for (size_t i = 0; i < fresh.n_addresses; i++) up[i] = i;
    deb_alias(up, p, n);
    size_t *slot = arena_alloc(a, fresh.n_addresses, sizeof *slot);
    if (slot == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu users", fresh.n_addresses);
    for (size_t i = 0; i < fresh.n_addresses; i++)
        if (deb_root(up, i) == i) slot[i] = fresh.n++;
    for (size_t i = 0; i < n; i++) {
        size_t own = p[i]->user;
        p[i]->user = slot[deb_root(up, own)];
        DebUser *u = &fresh.user[p[i]->user];
        if (u->address == NULL || strcmp(p[i]->address, u->address) < 0) u->address = p[i]->address;
        u->team = u->team || deb_is_team(p[i]->person, p[i]->address);
    }
    *out = fresh;
    return OK;
}

static void deb_drop_short(DebRecs *r)
{
    for (size_t i = 0; i < r->n; i++) {
        DebRec *x = &r->rec[i];
        x->dropped = x->address[0] == '\0' || text_words(text_span(x->text)) < DEB_MIN_WORDS ||
                     text_words(text_span(x->synopsis)) < DEB_MIN_SYNOPSIS;
    }
}

/* What a record may not have in common with another of the same user (or with any, for user EVERYBODY). */
typedef struct {
    size_t user, rec;
    uint64_t hash;
} Trait;

#define EVERYBODY SIZE_MAX

static int deb_trait_cmp(const void *a, const void *b)
{
    const Trait *x = a, *y = b;
    if (x->user != y->user) return x->user < y->user ? -1 : 1;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->rec > y->rec) - (x->rec < y->rec);
}

static Trait deb_trait(Str *tmp, const DebRec *x, size_t rec, size_t user, Span name, size_t words)
{
    str_clear(tmp);
    text_normal(tmp, text_span(x->text), name, words);
    return (Trait){user, rec, text_hash(tmp->n > 0 ? tmp->s : "", tmp->n)};
}

/* Of a user's records that begin with the same words (normalised, with and without their names), and of all
 * records with the same text, the first by source name stays. */
static Status deb_drop_twins(DebRecs *r, Err *e)
{
    Trait *h = malloc((3 * r->n + 1) * sizeof *h);
    if (h == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", r->n);
    Str tmp = {0};
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const DebRec *x = &r->rec[i];
        if (x->dropped) continue;
        h[n++] = deb_trait(&tmp, x, i, x->user, x->pkg->name, TEXT_HEAD_WORDS);
        h[n++] = deb_trait(&tmp, x, i, x->user, (Span){0}, TEXT_HEAD_WORDS);
        h[n++] = deb_trait(&tmp, x, i, EVERYBODY, (Span){0}, 0);
    }
    bool failed = tmp.failed;
    str_free(&tmp);
    qsort(h, n, sizeof *h, deb_trait_cmp);
    for (size_t i = 1; i < n; i++)
        if (h[i].user == h[i - 1].user && h[i].hash == h[i - 1].hash && h[i].rec != h[i - 1].rec)
            r->rec[h[i].rec].dropped = true;
    free(h);
    if (failed) FAIL(e, ERR_NOMEM, "no memory for %zu records", r->n);
    return OK;
}

static void deb_ids(DebPeople *p, DebRecs *r, const DataDebianOpt *o, Str *tmp)
{
    for (size_t i = 0; i < p->n; i++) make_id(p->user[i].id, 'u', o->salt, p->user[i].address);
    for (size_t i = 0; i < r->n; i++) {
        str_clear(tmp);
        str_put(tmp, r->rec[i].pkg->source.s, r->rec[i].pkg->source.n);
        make_id(r->rec[i].id, 'r', o->salt, tmp->n > 0 ? tmp->s : "");
    }
}

static Status deb_select_from(DebPeople *p, DebRecs *r, DebRec **ptr, const DataDebianOpt *o, Arena *a,
                              Err *e)
{
    deb_drop_short(r);
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!r->rec[i].dropped) ptr[n++] = &r->rec[i];
    if (n == 0) FAIL(e, ERR_FORMAT, "none of %zu source packages has a maintainer and enough text", r->n);
    TRY(deb_people(p, ptr, n, a, e));
    TRY(deb_drop_twins(r, e));
    for (size_t i = 0; i < r->n; i++)
        if (!r->rec[i].dropped) p->user[r->rec[i].user].n++;
    for (size_t i = 0; i < p->n; i++)
        p->user[i].role = p->user[i].team || p->user[i].n < o->min_records ? DATA_BASE : DATA_AUDIT;
    return OK;
}

Status deb_select(DebPeople *p, DebRecs *r, const DataDebianOpt *o, Arena *a, Err *e)
{
    DebPeople fresh = {0};
    DebRec **ptr = malloc((r->n + 1) * sizeof *ptr);
    if (ptr == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", r->n);
    Status s = deb_select_from(&fresh, r, ptr, o, a, e);
    free(ptr);
    if (s != OK) return s;
    Str tmp = {0};
    deb_ids(&fresh, r, o, &tmp);
    bool failed = tmp.failed;
    str_free(&tmp);
    if (failed) FAIL(e, ERR_NOMEM, "no memory for names");
    *p = fresh;
    return OK;
}
