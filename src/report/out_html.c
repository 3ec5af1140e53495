/* out_html.c - one page that needs no network: the verdict first, then charts with their tables. Everything
 * that comes from data goes through show_xml, or through page_data and textContent. */
#include "page_priv.h"
#include "report_assets.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t page_col(const Grid *g, const char *name)
{
    size_t i = 0;
    while (i < g->n_cols && strcmp(g->col[i]->column, name) != 0) i++;
    return i;
}

static const GridCell *page_at(const Grid *g, size_t row, const char *column, const char *suffix)
{
    static const GridCell nothing = {NULL, NAN};
    char name[80];
    snprintf(name, sizeof name, "%s%s", column, suffix);
    size_t c = page_col(g, name);
    return c < g->n_cols ? &g->cell[row * g->n_cols + c] : &nothing;
}

static void page_number(Str *out, const Grid *g, size_t row, const PageColumn *c, double value)
{
    double lo = page_at(g, row, c->column, "_lo")->num, hi = page_at(g, row, c->column, "_hi")->num;
    bool interval = c->interval && !isnan(lo) && !isnan(hi);
    if (c->digits <= 0) {
        str_printf(out, "%.4g", value);
        if (interval) str_printf(out, " <i>[%.2g, %.2g]</i>", lo, hi);
    } else {
        str_printf(out, "%.*f", c->digits, value);
        if (interval) str_printf(out, " <i>[%.*f, %.*f]</i>", c->digits, lo, c->digits, hi);
    }
}

static const char *const verdict_class[] = {"v-pass", "v-inconclusive", "v-ungraded", "v-breached", "v-none"};

/* The class of a cell that names a verdict; NULL of all others. */
static const char *page_cell_class(const char *column, const char *text)
{
    if (text == NULL || strcmp(column, "verdict") != 0) return NULL;
    for (size_t i = 0; i < VERDICT_NONE; i++)
        if (strcmp(text, verdict_name((Verdict)i)) == 0) return verdict_class[i];
    return NULL;
}

static void page_cell(Str *out, const Grid *g, size_t row, const PageColumn *c)
{
    const GridCell *v = page_at(g, row, c->column, "");
    const char *class = page_cell_class(c->column, v->text);
    if (class != NULL)
        str_printf(out, "<td class=\"%s\">", class);
    else
        str_puts(out, v->text != NULL ? "<td>" : "<td class=n>");
    if (v->text != NULL)
        show_xml(out, v->text);
    else if (!isnan(v->num))
        page_number(out, g, row, c, v->num);
    str_puts(out, "</td>");
}

/* The columns that the filters look at. Verdicts are always shown; attacks on people are none that can be
 * chosen. */
static bool page_filtered(const char *file, const char *column)
{
    if (strcmp(file, "verdicts.csv") == 0) return false;
    if (strcmp(column, "attack") == 0) return strcmp(file, "people.csv") != 0;
    return strcmp(column, "task") == 0 || strcmp(column, "method") == 0;
}

static void page_table_head(Str *out, const PageTable *t)
{
    for (size_t c = 0; c < t->n_cols; c++) {
        str_puts(out, t->col[c].digits < 0 ? "<th scope=\"col\"" : "<th scope=\"col\" class=n");
        if (page_filtered(t->file, t->col[c].column))
            str_printf(out, " data-filter=\"%s\"", t->col[c].column);
        str_printf(out, ">%s</th>", t->col[c].head);
    }
}

enum { PAGE_MAX_ROWS = 400 };

static int page_value_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (y > x) - (y < x);
}

/* What a long table is cut by: rows of the report's attack come before all others, whatever their value. */
static double page_value(const Grid *g, size_t row, const PageTable *t, const Report *r)
{
    static const double before_all = 1000; /* AUCs and weights are far below */
    double x = page_at(g, row, t->by, "")->num;
    const char *attack = page_at(g, row, "attack", "")->text;
    if (isnan(x)) return -INFINITY;
    return attack != NULL && strcmp(attack, r->how.attack) == 0 ? x + before_all : x;
}

/* Which rows are shown: those above a value, and the first of those that have it. */
typedef struct {
    double least;
    size_t equal, left_out;
} PageShown;

static Status page_shown(PageShown *out, const Grid *g, const PageTable *t, const Report *r, Err *e)
{
    size_t n = grid_rows(g);
    *out = (PageShown){-INFINITY, n, 0};
    if (t->by == NULL || n <= PAGE_MAX_ROWS) return OK;
    double *x = arena_alloc(g->arena, n, sizeof *x);
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) x[i] = page_value(g, i, t, r);
    qsort(x, n, sizeof *x, page_value_order);
    size_t above = 0;
    while (x[above] > x[PAGE_MAX_ROWS - 1]) above++;
    *out = (PageShown){x[PAGE_MAX_ROWS - 1], PAGE_MAX_ROWS - above, n - PAGE_MAX_ROWS};
    return OK;
}

static void page_table_rows(Str *out, const Report *r, const Grid *g, const PageTable *t, PageShown shown)
{
    for (size_t i = 0; i < grid_rows(g); i++) {
        double x = t->by != NULL ? page_value(g, i, t, r) : INFINITY;
        if (x < shown.least || (x == shown.least && shown.equal == 0)) continue;
        if (x == shown.least) shown.equal--;
        str_puts(out, "<tr>");
        for (size_t c = 0; c < t->n_cols; c++) page_cell(out, g, i, &t->col[c]);
        str_puts(out, "</tr>\n");
    }
}

static void page_table(Str *out, const Report *r, const Grid *g, const PageTable *t, PageShown shown)
{
    if (shown.left_out > 0) {
        str_printf(out, "<p>%zu more rows are in %s; here are those with the largest %s", shown.left_out,
                   t->file, t->by);
        if (page_col(g, "attack") < g->n_cols) {
            str_puts(out, ", first those of attack ");
            show_xml(out, r->how.attack);
        }
        str_puts(out, ".</p>\n");
    }
    str_printf(out,
               "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
               "aria-label=\"%s\"><table><caption>%s</caption>\n<thead><tr>",
               t->caption, t->caption);
    page_table_head(out, t);
    str_puts(out, "</tr></thead>\n<tbody>\n");
    page_table_rows(out, r, g, t, shown);
    str_puts(out, "</tbody></table></div>\n");
}

static const PageColumn verdict_columns[] = {
    {"Verdict", "verdict", -1, false},
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Metric", "metric", -1, false},
    {"Attack", "attack", -1, false},
    {"Scope", "scope", -1, false},
    {"Value", "value", 3, false},
    {"From", "lo", 3, false},
    {"To", "hi", 3, false},
    {"Limit is", "direction", -1, false},
    {"Limit", "limit", 0, false},
    {"n", "n", 0, false},
    {"Anchor", "who", -1, false},
};
static void page_chart(Str *out, const PageSection *s)
{
    if (s->chart == NULL) return;
    str_printf(
        out,
        "<figure><div class=\"chart\"><canvas id=\"c-%s\" role=\"img\" aria-label=\"%s\"></canvas></div>"
        "<figcaption id=\"n-%s\"></figcaption></figure>\n",
        s->id, s->chart, s->id);
}

static void page_section_body(Str *out, const Report *r, const PageSection *s, const Grid *g, PageShown shown)
{
    str_printf(out, "<section id=\"%s\" aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\">%s</h2>\n<p>%s</p>\n",
               s->id, s->id, s->id, s->title, s->text);
    if (grid_rows(g) == 0) {
        str_printf(out, "<p>This run holds nothing of the kind: %s has no row.</p>\n</section>\n", g->file);
        return;
    }
    page_chart(out, s);
    if (s->table.fill == grid_anchors_page && anchors_left_out(r) > 0)
        str_printf(out, "<p>%zu more rows are in anchors.csv; here are those with the largest AUC.</p>\n",
                   anchors_left_out(r));
    page_table(out, r, g, &s->table, shown);
    str_puts(out, "</section>\n");
}

static Status page_section(Str *out, const Report *r, const PageSection *s, Err *e)
{
    Arena a = {0};
    Grid g;
    PageShown shown;
    grid_begin(&g, &a, s->table.file);
    Status st = s->table.fill(&g, r, e);
    if (st == OK) st = page_shown(&shown, &g, &s->table, r, e);
    if (st == OK && (grid_rows(&g) > 0 || !s->optional)) page_section_body(out, r, s, &g, shown);
    arena_free(&a);
    return st;
}

/* The sentence, which begins with the verdict's name, without it: that stands above. */
static void page_sentence(Str *out, const Report *r)
{
    Str words = {0};
    const char *name = verdict_name(r->verdict);
    report_sentence(&words, r);
    if (words.s != NULL) {
        size_t n = strlen(name);
        bool twice = strncmp(words.s, name, n) == 0 && strncmp(words.s + n, ": ", 2) == 0;
        char *rest = words.s + (twice ? n + 2 : 0);
        rest[0] = (char)toupper((unsigned char)rest[0]);
        show_xml(out, rest);
    }
    out->failed = out->failed || words.failed;
    str_free(&words);
}

static Status page_verdict(Str *out, const Report *r, Err *e)
{
    static const PageSection gates = {
        "verdicts",
        "Gates",
        "A gate passes when the whole interval keeps its limit, and is breached when the whole interval "
        "breaks it.",
        NULL,
        {"Verdicts", "verdicts.csv", COLUMNS(verdict_columns), grid_verdicts, NULL},
        false};
    str_printf(
        out, "<header>\n<h1>Privacy of merged adapters</h1>\n<p class=\"verdict %s\"><strong>%s</strong><br>",
        verdict_class[r->verdict], verdict_name(r->verdict));
    page_sentence(out, r);
    str_puts(out, "</p>\n");
    if (r->n_choices > 0) str_puts(out, "<ul>\n");
    for (size_t i = 0; i < r->n_choices; i++) {
        str_puts(out, "<li>");
        choice_sentence(out, r, &r->choice[i], show_xml);
        str_puts(out, "</li>\n");
    }
    if (r->n_choices > 0) str_puts(out, "</ul>\n");
    str_puts(out, "</header>\n<main>\n");
    if (r->n_results == 0) return OK;
    return page_section(out, r, &gates, e);
}

static void page_filters(Str *out)
{
    str_puts(
        out,
        "<form id=\"filters\" aria-label=\"Filters\"><label>Task <select id=\"f-task\"></select></label>\n"
        "<label>Method <select id=\"f-method\"></select></label>\n<label>Attack <select "
        "id=\"f-attack\"></select></label>\n"
        "<output id=\"f-count\" aria-live=\"polite\"></output></form>\n<noscript><p>Charts and filters need "
        "scripts; the tables "
        "do not.</p></noscript>\n");
}

static void page_fact(void *ctx, const char *key, const char *value)
{
    Str *out = ctx;
    str_puts(out, "<tr><th scope=\"row\">");
    show_xml(out, key);
    str_puts(out, strchr(value, '\n') != NULL ? "</th><td><pre>" : "</th><td>");
    for (const char *line = value; line != NULL;) { /* lines stay lines; all else is shown */
        size_t n = strcspn(line, "\n");
        Str one = {0};
        str_put(&one, line, n);
        if (one.s != NULL) show_xml(out, one.s);
        out->failed = out->failed || one.failed;
        str_free(&one);
        line = line[n] == '\n' ? line + n + 1 : NULL;
        if (line != NULL) str_puts(out, "\n");
    }
    str_puts(out, strchr(value, '\n') != NULL ? "</pre></td></tr>\n" : "</td></tr>\n");
}

/* Facts whose key begins with selftest: what the attacks find where there is nothing. */
static void page_selftest(Str *out, const Report *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_meta; i++) {
        if (strncmp(r->meta[i].key, "selftest", 8) != 0) continue;
        if (n++ == 0)
            str_puts(out, "<section id=\"selftest\" aria-labelledby=\"h-selftest\">\n<h2 "
                          "id=\"h-selftest\">Self-test of the attacks</h2>\n"
                          "<table><caption>What the attacks find where nothing leaks</caption>\n<tbody>\n");
        page_fact(out, r->meta[i].key, r->meta[i].value);
    }
    if (n > 0) str_puts(out, "</tbody></table>\n</section>\n");
}

static Status page_provenance(Str *out, const Report *r, Err *e)
{
    if (r->how.no_provenance) return OK;
    str_puts(out, "<section id=\"provenance\" aria-labelledby=\"h-provenance\">\n<h2 "
                  "id=\"h-provenance\">Provenance</h2>\n"
                  "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                  "aria-label=\"Provenance\"><table><caption>What this report was made "
                  "from</caption>\n<tbody>\n");
    TRY(provenance_each(r, page_fact, out, e));
    str_puts(out, "</tbody></table></div>\n</section>\n");
    return OK;
}

static void page_head(Str *out)
{
    str_puts(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                  "'unsafe-inline'; script-src "
                  "'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Privacy of merged "
                  "adapters</title>\n<style>\n");
    str_puts(out, asset_css);
    str_puts(out, "</style>\n</head>\n<body>\n");
}

static Status page_scripts(Str *out, const Report *r, Err *e)
{
    str_puts(out, "</main>\n<footer><p>prime report; charts by Chart.js (MIT licence, text in the source of "
                  "this page).</p></footer>\n"
                  "<script type=\"application/json\" id=\"data\">");
    TRY(page_data(out, r, e));
    str_puts(out, "</script>\n<!--\n");
    str_puts(out, asset_licence);
    str_puts(out, "-->\n<script>\n");
    str_puts(out, asset_chart);
    str_puts(out, "\n</script>\n<script>\n");
    str_puts(out, asset_js);
    str_puts(out, "</script>\n</body>\n</html>\n");
    return OK;
}

Status out_html(Str *out, const Report *r, Err *e)
{
    page_head(out);
    TRY(page_verdict(out, r, e));
    page_filters(out);
    const PageSection *section = NULL;
    for (size_t i = 0; (section = page_section_at(i)) != NULL; i++) TRY(page_section(out, r, section, e));
    page_selftest(out, r);
    TRY(page_provenance(out, r, e));
    return page_scripts(out, r, e);
}
