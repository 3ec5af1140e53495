/* compare.c - one run against another, person by person. */
#include "series_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

CompareHow compare_defaults(void)
{
    return (CompareHow){.confidence = 0.95, .margin_utility = 0.02, .margin_leakage = 0.05};
}

/* One (kind, task, method, lambda, metric). */
typedef struct {
    const SeriesRow *key;
    double a, b; /* means over the people of both runs */
    MeanEst worse;
    double holm;
    size_t n_lost; /* people of a that b lacks */
    Verdict verdict;
} Pairing;

/* a [n], b [m]: rows of one key, by person. diff, of room n, gets the worsening. */
static void pair_people(Pairing *p, const SeriesRow *a, size_t n, const SeriesRow *b, size_t m, double *diff,
                        double level)
{
    size_t k = 0;
    p->a = p->b = 0;
    for (size_t i = 0, j = 0; i < n; i++) {
        while (j < m && strcmp(b[j].unit, a[i].unit) < 0) j++;
        if (j == m || strcmp(b[j].unit, a[i].unit) != 0) {
            p->n_lost++;
            continue;
        }
        double d = b[j].value - a[i].value;
        p->a += a[i].value;
        p->b += b[j].value;
        diff[k++] = fabs(d) <= 1e-14 * (fabs(a[i].value) + fabs(b[j].value)) ? 0 : a[i].higher ? -d : d;
    }
    p->a = k > 0 ? p->a / (double)k : NAN;
    p->b = k > 0 ? p->b / (double)k : NAN;
    p->worse = unit_mean(diff, k, 0, level);
}

static size_t series_run(const Series *s, size_t from)
{
    size_t n = 0;
    while (from + n < s->n && series_same(&s->row[from + n], &s->row[from])) n++;
    return n;
}

static Status compare_pairs(Pairing *p, size_t *n, const Series *a, const Series *b, double level, Arena *m,
                            Err *e)
{
    double *diff = arena_alloc(m, a->n, sizeof *diff);
    if (diff == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu differences", a->n);
    *n = 0;
    for (size_t i = 0, j = 0, k = 0; i < a->n; i += k) {
        k = series_run(a, i);
        while (j < b->n && series_compare_keys(&b->row[j], &a->row[i]) < 0) j++;
        bool there = j < b->n && series_same(&b->row[j], &a->row[i]);
        p[*n] = (Pairing){.key = &a->row[i]};
        pair_people(&p[*n], &a->row[i], k, b->row + j, there ? series_run(b, j) : 0, diff, level);
        ++*n;
    }
    return OK;
}

static Status compare_verdicts(Pairing *p, size_t n, const CompareHow *how, Arena *m, Err *e)
{
    double *raw = arena_alloc(m, n, sizeof *raw), *holm = arena_alloc(m, n, sizeof *holm);
    if (raw == NULL || holm == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    for (size_t i = 0; i < n; i++) raw[i] = p[i].worse.p;
    TRY(holm_fill(holm, raw, n, m, e));
    for (size_t i = 0; i < n; i++) {
        bool leakage = strcmp(p[i].key->kind, "leakage") == 0;
        double margin = leakage ? how->margin_leakage : how->margin_utility;
        p[i].holm = holm[i];
        if (p[i].worse.n < REPORT_MIN_USERS || isnan(p[i].worse.hi))
            p[i].verdict = VERDICT_UNGRADED;
        else if (p[i].worse.hi <= margin)
            p[i].verdict = VERDICT_PASS;
        else if (p[i].worse.value > 0 && holm[i] <= 1 - how->confidence)
            p[i].verdict = VERDICT_BREACHED;
        else
            p[i].verdict = VERDICT_INCONCLUSIVE;
    }
    return OK;
}

static void compare_row(TableOut *o, const Pairing *p)
{
    table_put_str(o, p->key->kind);
    table_put_str(o, p->key->task);
    table_put_str(o, p->key->method);
    table_put_num(o, p->key->lambda);
    table_put_str(o, p->key->metric);
    table_put_num(o, p->a);
    table_put_num(o, p->b);
    table_put_num(o, p->worse.value);
    table_put_num(o, p->worse.lo);
    table_put_num(o, p->worse.hi);
    table_put_num(o, p->worse.p);
    table_put_num(o, p->holm);
    table_put_int(o, (int64_t)p->worse.n);
    table_put_int(o, (int64_t)p->n_lost);
    table_put_str(o, verdict_name(p->verdict));
    table_end_row(o);
}

static void compare_cell(Str *out, const char *s, int width)
{
    Str shown = {0};
    show_text(&shown, s);
    str_printf(out, " %-*s", width, shown.s != NULL ? shown.s : "");
    out->failed = out->failed || shown.failed;
    str_free(&shown);
}

static void compare_line(Str *out, const Pairing *p)
{
    char lambda[32] = "-";
    if (!isnan(p->key->lambda)) snprintf(lambda, sizeof lambda, "%.3g", p->key->lambda);
    str_printf(out, "%-12s %-7s", verdict_name(p->verdict), p->key->kind);
    compare_cell(out, p->key->task, 10);
    compare_cell(out, p->key->method, 12);
    compare_cell(out, lambda, 6);
    compare_cell(out, p->key->metric, 10);
    if (p->worse.n == 0) {
        str_puts(out, " nobody in common\n");
        return;
    }
    str_printf(out, " %.3f -> %.3f, worse by %.3f", p->a, p->b, p->worse.value);
    if (!isnan(p->worse.lo)) str_printf(out, " [%.3f, %.3f]", p->worse.lo, p->worse.hi);
    if (!isnan(p->holm)) str_printf(out, " p %.2g", p->holm);
    str_printf(out, " n=%zu", p->worse.n);
    if (p->n_lost > 0) str_printf(out, ", %zu lost", p->n_lost);
    if (p->worse.n < REPORT_MIN_USERS) str_printf(out, ", want %d", REPORT_MIN_USERS);
    str_puts(out, "\n");
}

static const char *series_fact(const Series *s, const char *key)
{
    for (size_t i = 0; i < s->n_meta; i++)
        if (strcmp(s->meta[i].key, key) == 0) return s->meta[i].value;
    return NULL;
}

/* The beginning of a fact: hashes need no more. */
static void compare_fact(Str *out, const char *before, const char *value)
{
    char head[20];
    snprintf(head, sizeof head, "%.16s", value);
    str_puts(out, before);
    show_text(out, head);
}

/* What the runs were made from, where it is not the same. */
static void compare_facts(Str *out, const Series *a, const Series *b)
{
    for (size_t i = 0; i < a->n_meta; i++) {
        const char *key = a->meta[i].key, *other = series_fact(b, key);
        if (strcmp(key, "reason") == 0 || strcmp(key, "date") == 0) continue;
        if (other != NULL && strcmp(other, a->meta[i].value) == 0) continue;
        str_puts(out, "differs: ");
        show_text(out, key);
        compare_fact(out, " ", a->meta[i].value);
        compare_fact(out, " -> ", other != NULL ? other : "(none)");
        str_puts(out, "\n");
    }
}

/* Worst first; what passes is counted only. */
static void compare_text(Str *out, const Pairing *p, size_t n, const Series *a, const Series *b)
{
    static const Verdict order[] = {VERDICT_BREACHED, VERDICT_UNGRADED, VERDICT_INCONCLUSIVE};
    size_t passed = 0;
    compare_facts(out, a, b);
    for (size_t v = 0; v < sizeof order / sizeof order[0]; v++)
        for (size_t i = 0; i < n; i++)
            if (p[i].verdict == order[v]) compare_line(out, &p[i]);
    for (size_t i = 0; i < n; i++) passed += (size_t)(p[i].verdict == VERDICT_PASS);
    str_printf(out, "%zu of %zu comparisons are not worse than the margin\n", passed, n);
}

static Status compare_all(Verdict *verdict, Str *text, Str *table, const Series *a, const Series *b,
                          const CompareHow *how, Arena *m, Err *e)
{
    size_t n = 0;
    Pairing *p = arena_alloc(m, a->n, sizeof *p);
    if (p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu numbers", a->n);
    TRY(compare_pairs(p, &n, a, b, how->confidence, m, e));
    TRY(compare_verdicts(p, n, how, m, e));
    Verdict worst = n > 0 ? VERDICT_PASS : VERDICT_UNGRADED;
    for (size_t i = 0; i < n; i++)
        if (p[i].verdict > worst) worst = p[i].verdict;
    if (text != NULL) compare_text(text, p, n, a, b);
    if (table != NULL) {
        TableOut o;
        schema_begin(&o, table, "compare.csv");
        for (size_t i = 0; i < n; i++) compare_row(&o, &p[i]);
    }
    *verdict = worst;
    return OK;
}

Status series_compare(Verdict *verdict, Str *text, Str *table, const Series *a, const Series *b,
                      const CompareHow *how, Err *e)
{
    if (!(how->confidence > 0 && how->confidence < 1))
        FAIL(e, ERR_ARG, "confidence = %g, want (0, 1)", how->confidence);
    if (!(how->margin_utility >= 0) || !(how->margin_leakage >= 0))
        FAIL(e, ERR_ARG, "margins = %g and %g, want at least 0", how->margin_utility, how->margin_leakage);
    Arena m = {0};
    Status s = compare_all(verdict, text, table, a, b, how, &m, e);
    arena_free(&m);
    return s;
}
