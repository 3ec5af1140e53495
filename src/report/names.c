/* names.c - strings as numbers. */
#include "report_priv.h"

#include <stdlib.h>
#include <string.h>

static uint64_t name_hash(const char *s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *s != '\0'; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

/* The slot that holds s, or the empty one where it belongs. n_slots is a power of two, half of it empty. */
static size_t name_slot(const Names *t, const char *s)
{
    size_t at = (size_t)name_hash(s) & (t->n_slots - 1);
    while (t->slot[at] != 0 && strcmp(t->name[t->slot[at] - 1], s) != 0) at = (at + 1) & (t->n_slots - 1);
    return at;
}

size_t names_find(const Names *t, const char *s)
{
    if (t->n_slots == 0) return NAME_NONE;
    size_t v = t->slot[name_slot(t, s)];
    return v == 0 ? NAME_NONE : v - 1;
}

static bool names_grow(Names *t)
{
    size_t cap = t->cap == 0 ? 64 : t->cap * 2;
    const char **name = realloc(t->name, cap * sizeof *name);
    if (name == NULL) return false;
    t->name = name;
    size_t *slot = calloc(cap * 2, sizeof *slot);
    if (slot == NULL) return false;
    free(t->slot);
    t->slot = slot;
    t->n_slots = cap * 2;
    t->cap = cap;
    for (size_t i = 0; i < t->n; i++) t->slot[name_slot(t, t->name[i])] = i + 1;
    return true;
}

size_t names_add(Names *t, Arena *a, const char *s)
{
    if (t->n == t->cap && !names_grow(t)) return NAME_NONE;
    size_t at = name_slot(t, s);
    if (t->slot[at] != 0) return t->slot[at] - 1;
    char *copy = arena_strdup(a, s);
    if (copy == NULL) return NAME_NONE;
    t->name[t->n] = copy;
    t->slot[at] = ++t->n;
    return t->n - 1;
}

void names_free(Names *t)
{
    free(t->name);
    free(t->slot);
    *t = (Names){0};
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool names_sort(Names *t, uint32_t *to)
{
    const char **old = calloc(t->n + 1, sizeof *old);
    if (old == NULL) return false;
    for (size_t i = 0; i < t->n; i++) old[i] = t->name[i];
    if (t->n > 0) qsort(t->name, t->n, sizeof *t->name, name_order);
    for (size_t i = 0; i < t->n_slots; i++) t->slot[i] = 0;
    for (size_t i = 0; i < t->n; i++) t->slot[name_slot(t, t->name[i])] = i + 1;
    for (size_t i = 0; i < t->n; i++) to[i] = (uint32_t)names_find(t, old[i]);
    free(old);
    return true;
}
