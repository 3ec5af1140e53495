/* yml_value.c - the table of types: how each is read, checked, stored and written. */
#include "yml_priv.h"

#include "text_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef Status (*YmlScan)(void *dst, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e);
typedef void (*YmlPut)(Str *out, const YmlField *f, const void *src);

typedef struct {
    const char *want, *named; /* what it takes, in words; the same where there are names */
    size_t size;              /* of one entry */
    bool list;
    YmlScan scan;
    YmlPut put;
} YmlKind;

enum { N_KINDS = YML_STRS + 1 };
static const YmlKind yml_kinds[N_KINDS];

/* All lists of yml.h have this layout. */
typedef struct {
    const void *x;
    size_t n;
} YmlList;
_Static_assert(sizeof(YmlList) == sizeof(YmlNums) && sizeof(YmlList) == sizeof(YmlSizes) &&
                   sizeof(YmlList) == sizeof(YmlStrs),
               "lists share one layout");

/* Bounds of texts and of 64-bit seeds mean nothing, and 0 to 0 is what a table leaves out. */
static bool yml_bounded(const YmlField *f)
{
    bool number = f->type == YML_NUM || f->type == YML_NUMS || f->type == YML_SIZE || f->type == YML_SIZES;
    return number && (f->min != 0 || f->max != 0);
}

static void yml_bounds_text(char *buf, size_t n, const YmlField *f)
{
    bool above = (f->flags & YML_ABOVE) != 0, below = (f->flags & YML_BELOW) != 0;
    if (!yml_bounded(f))
        buf[0] = '\0';
    else if (isinf(f->max))
        snprintf(buf, n, " %s %.10g", above ? ">" : ">=", f->min);
    else if (isinf(f->min))
        snprintf(buf, n, " %s %.10g", below ? "<" : "<=", f->max);
    else
        snprintf(buf, n, " in %c%.10g, %.10g%c", above ? '(' : '[', f->min, f->max, below ? ')' : ']');
}

const char *yml_want(char buf[YML_WANT], const YmlField *f)
{
    const YmlKind *k = &yml_kinds[f->type];
    char bounds[80];
    yml_bounds_text(bounds, sizeof bounds, f);
    size_t at = (size_t)snprintf(buf, YML_WANT, "%s%s", f->names != NULL ? k->named : k->want, bounds);
    for (size_t i = 0; f->names != NULL && f->names[i] != NULL && at < YML_WANT - 1; i++)
        at += (size_t)snprintf(buf + at, YML_WANT - at, "%s%s", i > 0 ? ", " : " ", f->names[i]);
    return buf;
}

static Status yml_unwanted(const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    char want[YML_WANT];
    const char *q = s->plain ? "" : "\"";
    return yml_fail(from, s->line, e, "%s = %s%.80s%s, want %s", f->key, q, s->s, q, yml_want(want, f));
}

static bool yml_within(const YmlField *f, double x)
{
    if (!yml_bounded(f)) return true;
    bool over = (f->flags & YML_ABOVE) != 0 ? x > f->min : x >= f->min;
    bool under = (f->flags & YML_BELOW) != 0 ? x < f->max : x <= f->max;
    return over && under;
}

static Status yml_scan_num(void *dst, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    double x = 0;
    if (!s->plain || !text_num(&x, s->s) || !yml_within(f, x)) return yml_unwanted(f, s, from, e);
    memcpy(dst, &x, sizeof x);
    return OK;
}

/* Through a double, so that 1e6 is fine; exact up to 2^53. */
static Status yml_scan_size(void *dst, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    double x = 0;
    if (!s->plain || !text_num(&x, s->s) || x < 0 || x > 0x1p53 || x != floor(x) || !yml_within(f, x))
        return yml_unwanted(f, s, from, e);
    size_t n = (size_t)x;
    memcpy(dst, &n, sizeof n);
    return OK;
}

/* Seeds use all 64 bits, which a double cannot hold: digits only. */
static Status yml_scan_u64(void *dst, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    errno = 0;
    uint64_t x = strtoull(s->s, NULL, 10);
    if (!s->plain || s->s[0] == '\0' || s->s[strspn(s->s, "0123456789")] != '\0' || errno != 0)
        return yml_unwanted(f, s, from, e);
    memcpy(dst, &x, sizeof x);
    return OK;
}

static Status yml_scan_bool(void *dst, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    bool yes = strcmp(s->s, "true") == 0;
    if (!s->plain || (!yes && strcmp(s->s, "false") != 0)) return yml_unwanted(f, s, from, e);
    memcpy(dst, &yes, sizeof yes);
    return OK;
}

/* Index of a name of the field, or a complaint that tries to guess what was meant. */
static Status yml_scan_name(size_t *at, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    size_t n = 0;
    for (; f->names[n] != NULL; n++)
        if (strcmp(f->names[n], s->s) == 0) *at = n;
    if (n > 0 && strcmp(f->names[*at], s->s) == 0) return OK;
    const char *near = str_nearest(s->s, f->names, n);
    if (near == NULL) return yml_unwanted(f, s, from, e);
    return yml_fail(from, s->line, e, "%s = '%.80s', did you mean '%s'?", f->key, s->s, near);
}

static Status yml_scan_str(void *dst, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    size_t at = 0;
    if (f->names != NULL) TRY(yml_scan_name(&at, f, s, from, e));
    memcpy(dst, &s->s, sizeof s->s);
    return OK;
}

static Status yml_scan_choice(void *dst, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    size_t at = 0;
    TRY(yml_scan_name(&at, f, s, from, e));
    int index = (int)at;
    memcpy(dst, &index, sizeof index);
    return OK;
}

static void yml_put_num(Str *out, const YmlField *f, const void *src)
{
    (void)f;
    str_num(out, *(const double *)src);
}

static void yml_put_size(Str *out, const YmlField *f, const void *src)
{
    (void)f;
    str_printf(out, "%zu", *(const size_t *)src);
}

static void yml_put_u64(Str *out, const YmlField *f, const void *src)
{
    (void)f;
    str_printf(out, "%" PRIu64, *(const uint64_t *)src);
}

static void yml_put_bool(Str *out, const YmlField *f, const void *src)
{
    (void)f;
    str_puts(out, *(const bool *)src ? "true" : "false");
}

static void yml_put_str(Str *out, const YmlField *f, const void *src)
{
    (void)f;
    const char *s = *(const char *const *)src;
    text_quote(out, s, strlen(s));
}

static void yml_put_choice(Str *out, const YmlField *f, const void *src)
{
    const char *s = f->names[*(const int *)src];
    text_quote(out, s, strlen(s));
}

static const YmlKind yml_kinds[N_KINDS] = {
    [YML_STR] = {"a text", "one of", sizeof(char *), false, yml_scan_str, yml_put_str},
    [YML_BOOL] = {"true or false", "", sizeof(bool), false, yml_scan_bool, yml_put_bool},
    [YML_SIZE] = {"a whole number", "", sizeof(size_t), false, yml_scan_size, yml_put_size},
    [YML_U64] = {"a whole number below 2^64", "", sizeof(uint64_t), false, yml_scan_u64, yml_put_u64},
    [YML_NUM] = {"a number", "", sizeof(double), false, yml_scan_num, yml_put_num},
    [YML_CHOICE] = {"", "one of", sizeof(int), false, yml_scan_choice, yml_put_choice},
    [YML_NUMS] = {"a list of numbers", "", sizeof(double), true, yml_scan_num, yml_put_num},
    [YML_SIZES] = {"a list of whole numbers", "", sizeof(size_t), true, yml_scan_size, yml_put_size},
    [YML_STRS] = {"a list of texts", "a list out of", sizeof(char *), true, yml_scan_str, yml_put_str},
};

bool yml_is_list(const YmlField *f)
{
    return yml_kinds[f->type].list;
}

bool yml_is_text(const YmlField *f)
{
    return f->type == YML_STR || f->type == YML_STRS || f->type == YML_CHOICE;
}

/* The spellings of null in YAML 1.1. */
static bool yml_is_null(const YmlScalar *s)
{
    static const char *const word[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; s->plain && i < sizeof word / sizeof word[0]; i++)
        if (strcmp(s->s, word[i]) == 0) return true;
    return false;
}

/* FIRST:LAST:STEP, cut at its colons into number [3]. */
static bool yml_range_parts(double number[3], const char *s)
{
    char part[64];
    for (int i = 0; i < 3; i++) {
        size_t n = strcspn(s, ":");
        if (n >= sizeof part || (s[n] == ':') != (i < 2)) return false;
        memcpy(part, s, n);
        part[n] = '\0';
        if (!text_num(&number[i], part)) return false;
        s += n + 1;
    }
    return number[2] > 0 && number[1] >= number[0];
}

/* The numbers of a range. Where the step divides the span, entries are interpolated between the ends, so that
 * 0:1:0.1 holds 0.3 and 1 and not their neighbours. */
static Status yml_range(YmlList *out, const YmlField *f, const YmlScalar *s, const YmlFrom *from, Err *e)
{
    double p[3];
    if (!yml_range_parts(p, s->s))
        return yml_fail(from, s->line, e, "%s = %.80s, want FIRST:LAST:STEP with FIRST <= LAST and STEP > 0",
                        f->key, s->s);
    double span = p[1] - p[0], steps = span / p[2], whole = round(steps);
    bool divides = fabs(steps - whole) < 1e-9 * fmax(1, whole);
    double count = (divides ? whole : floor(steps)) + 1;
    if (!(count <= YML_MAX_LIST))
        return yml_fail(from, s->line, e, "%s = %.80s has %.10g numbers, want at most %d", f->key, s->s,
                        count, YML_MAX_LIST);
    double *x = arena_alloc(from->arena, (size_t)count, sizeof *x);
    if (x == NULL) return yml_no_memory(from, e);
    for (size_t i = 0; i < (size_t)count; i++) {
        x[i] = divides && whole > 0 ? p[0] + span * (double)i / whole : p[0] + p[2] * (double)i;
        if (!yml_within(f, x[i])) return yml_unwanted(f, s, from, e);
    }
    *out = (YmlList){x, (size_t)count};
    return OK;
}

/* One value where a list is wanted is a list of one. */
static Status yml_list(YmlList *out, const YmlField *f, const YmlValue *v, const YmlFrom *from, Err *e)
{
    const YmlKind *k = &yml_kinds[f->type];
    char want[YML_WANT];
    if (v->n == 0 && f->type != YML_STRS)
        return yml_fail(from, v->line, e, "%s is an empty list, want %s", f->key, yml_want(want, f));
    if (f->type == YML_NUMS && !v->list && v->item[0].plain && strchr(v->item[0].s, ':') != NULL)
        return yml_range(out, f, &v->item[0], from, e);
    char *x = arena_alloc(from->arena, v->n, k->size);
    if (x == NULL) return yml_no_memory(from, e);
    for (size_t i = 0; i < v->n; i++) {
        if (yml_is_null(&v->item[i]))
            return yml_fail(from, v->item[i].line, e, "%s: entry %zu has no value", f->key, i + 1);
        TRY(k->scan(x + i * k->size, f, &v->item[i], from, e));
    }
    *out = (YmlList){x, v->n};
    return OK;
}

Status yml_store(void *base, const YmlField *f, const YmlValue *v, const YmlFrom *from, Err *e)
{
    const YmlKind *k = &yml_kinds[f->type];
    char want[YML_WANT], *dst = (char *)base + f->offset;
    YmlList list = {0};
    if (!v->list && yml_is_null(&v->item[0]))
        return yml_fail(from, v->line, e, "%s has no value, want %s", f->key, yml_want(want, f));
    if (v->list && !k->list)
        return yml_fail(from, v->line, e, "%s is a list, want %s", f->key, yml_want(want, f));
    if (!k->list) return k->scan(dst, f, &v->item[0], from, e);
    TRY(yml_list(&list, f, v, from, e));
    memcpy(dst, &list, sizeof list);
    return OK;
}

/* "Not given": such a value is left out of the dump. */
static bool yml_absent(const YmlField *f, const void *src)
{
    if (f->type == YML_STR) return *(const char *const *)src == NULL;
    if (f->type == YML_NUM) return !isfinite(*(const double *)src);
    if (f->type == YML_NUMS) return ((const YmlNums *)src)->n == 0;
    return f->type == YML_SIZES && ((const YmlSizes *)src)->n == 0;
}

static void yml_put_value(Str *out, const YmlField *f, const void *src)
{
    const YmlKind *k = &yml_kinds[f->type];
    YmlList list;
    if (!k->list) {
        k->put(out, f, src);
        return;
    }
    memcpy(&list, src, sizeof list);
    str_puts(out, "[");
    for (size_t i = 0; i < list.n; i++) {
        if (i > 0) str_puts(out, ", ");
        k->put(out, f, (const char *)list.x + i * k->size);
    }
    str_puts(out, "]");
}

/* The key's line: the mappings that it opens, compared with the key before it, then its own name. */
static void yml_put_key(Str *out, const char *key, const char *before)
{
    size_t same = 0; /* past the last dot up to which both agree */
    for (size_t i = 0; key[i] != '\0' && key[i] == before[i]; i++)
        if (key[i] == '.') same = i + 1;
    int depth = 0;
    for (size_t i = 0; i < same; i++) depth += key[i] == '.';
    for (const char *at = key + same, *dot; at != NULL; at = dot, depth++) {
        dot = strchr(at, '.');
        size_t n = dot == NULL ? strlen(at) : (size_t)(dot - at);
        str_printf(out, "%*s%.*s:%s", 2 * depth, "", (int)n, at, dot == NULL ? " " : "\n");
        if (dot != NULL) dot++;
    }
}

void yml_dump(Str *out, const YmlSpec *spec, const void *values)
{
    const char *before = "";
    for (size_t i = 0; i < spec->n; i++) {
        const YmlField *f = &spec->field[i];
        const void *src = (const char *)values + f->offset;
        if (yml_absent(f, src)) continue;
        yml_put_key(out, f->key, before);
        yml_put_value(out, f, src);
        str_puts(out, "\n");
        before = f->key;
    }
    if (before[0] == '\0') str_puts(out, "{}\n");
}

void yml_help(Str *out, const YmlSpec *spec)
{
    char want[YML_WANT];
    for (size_t i = 0; i < spec->n; i++) {
        const YmlField *f = &spec->field[i];
        str_printf(out, "%s: %s; %s%s\n", f->key, yml_want(want, f), f->help != NULL ? f->help : "",
                   (f->flags & YML_REQUIRED) != 0 ? " (required)" : "");
    }
}
