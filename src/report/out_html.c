/* out_html.c - one page that needs no network: the verdict first, then charts with their tables. Everything
 * that comes from data goes through show_xml, or through page_data and textContent. */
#include "report_priv.h"

#include "report_assets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One column of a table of the page. */
typedef struct {
    const char *head, *column;
    int digits;    /* < 0: text as it is; 0: %g */
    bool interval; /* with column_lo and column_hi */
} PageColumn;

typedef struct {
    const char *caption, *file;
    const PageColumn *col;
    size_t n_cols;
    Status (*fill)(Grid *, const Report *, Err *);
} PageTable;

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

static void page_cell(Str *out, const Grid *g, size_t row, const PageColumn *c)
{
    const GridCell *v = page_at(g, row, c->column, "");
    if (v->text != NULL) {
        str_puts(out, "<td>");
        show_xml(out, v->text);
    } else if (isnan(v->num)) {
        str_puts(out, "<td class=\"num\">");
    } else {
        double lo = page_at(g, row, c->column, "_lo")->num, hi = page_at(g, row, c->column, "_hi")->num;
        str_puts(out, "<td class=\"num\">");
        if (c->digits <= 0)
            str_printf(out, "%.4g", v->num);
        else
            str_printf(out, "%.*f", c->digits, v->num);
        if (c->interval && !isnan(lo) && !isnan(hi))
            str_printf(out, " <span class=\"ci\">[%.*f, %.*f]</span>", c->digits, lo, c->digits, hi);
    }
    str_puts(out, "</td>");
}

/* What the filters look at. Verdicts are always shown. */
static void page_row_data(Str *out, const Grid *g, size_t row)
{
    static const char *const names[] = {"task", "method", "attack"};
    for (size_t i = 0; i < 3 && strcmp(g->file, "verdicts.csv") != 0; i++) {
        const GridCell *v = page_at(g, row, names[i], "");
        if (v->text == NULL || v->text[0] == '\0') continue;
        str_printf(out, " data-%s=\"", names[i]);
        show_xml(out, v->text);
        str_puts(out, "\"");
    }
}

static void page_table(Str *out, const Grid *g, const PageTable *t)
{
    str_printf(out,
               "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
               "aria-label=\"%s\"><table><caption>%s</caption>\n<thead><tr>",
               t->caption, t->caption);
    for (size_t c = 0; c < t->n_cols; c++) str_printf(out, "<th scope=\"col\">%s</th>", t->col[c].head);
    str_puts(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < grid_rows(g); i++) {
        str_puts(out, "<tr");
        page_row_data(out, g, i);
        str_puts(out, ">");
        for (size_t c = 0; c < t->n_cols; c++) page_cell(out, g, i, &t->col[c]);
        str_puts(out, "</tr>\n");
    }
    str_puts(out, "</tbody></table></div>\n");
}

static Status page_fill_table(Str *out, const Report *r, const PageTable *t, Err *e)
{
    Arena a = {0};
    Grid g;
    grid_begin(&g, &a, t->file);
    Status s = t->fill(&g, r, e);
    if (s == OK) page_table(out, &g, t);
    arena_free(&a);
    return s;
}

#define COLUMNS(array) array, sizeof(array) / sizeof(array)[0]

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
static const PageColumn front_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Metric", "utility_metric", -1, false},
    {"Utility", "utility", 3, true},
    {"Gain over base", "gain", 3, true},
    {"Share of targets that gain", "win_rate", 2, true},
    {"Leakage (AUC)", "leakage", 2, true},
    {"Mean of anchors' AUCs", "leakage_mean", 2, true},
    {"Beyond the blind attack", "excess", 2, true},
    {"TPR at 1% FPR", "tpr_at_fpr_0.01", 3, true},
    {"Norm", "attenuation", 3, false},
    {"On the front", "on_front", -1, false},
    {"Share of draws on the front", "p_front", 2, false},
    {"Graded", "graded", -1, false},
};
static const PageColumn anchor_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack", "attack", -1, false},
    {"Anchor", "anchor", -1, false},
    {"AUC", "auc", 2, true},
    {"Holm's p", "p_holm", 0, false},
    {"Weight", "weight", 3, false},
    {"Rank of |w|", "weight_rank", 0, false},
    {"Records", "n_records", 0, false},
};
static const PageColumn attack_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack", "attack", -1, false},
    {"AUC", "auc", 2, true},
    {"Mean of anchors' AUCs", "auc_mean", 2, true},
    {"Holm's p", "p_holm", 0, false},
    {"TPR at 1% FPR", "tpr_at_fpr_0.01", 3, true},
    {"TPR at 0.1% FPR", "tpr_at_fpr_0.001", 3, true},
    {"Blind AUC", "auc_blind", 2, false},
    {"Beyond the blind attack", "excess", 2, true},
};
static const PageColumn dose_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack", "attack", -1, false},
    {"AUC per unit of |w|", "slope", 3, true},
    {"Within anchors", "slope_within", 3, true},
    {"Anchors", "n_anchors", 0, false},
    {"Points", "n_points", 0, false},
};
static const PageColumn method_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Metric", "metric", -1, false},
    {"Better is", "better", -1, false},
    {"Utility", "utility", 3, true},
    {"Against base", "base_diff", 3, true},
    {"Holm's p", "base_p_holm", 0, false},
    {"Share of targets that gain", "base_win_rate", 2, true},
    {"Reference", "reference", -1, false},
    {"Against reference", "ref_diff", 3, true},
    {"Holm's p", "ref_p_holm", 0, false},
    {"Leakage (AUC)", "leakage", 2, true},
};
static const PageColumn volume_columns[] = {
    {"Task", "task", -1, false},
    {"Method (empty: all)", "method", -1, false},
    {"Hypervolume", "volume", 4, true},
    {"Reference utility", "ref_utility", 0, false},
    {"Reference leakage", "ref_leakage", 0, false},
    {"Rows", "n_points", 0, false},
};

/* A section: a heading, what it says, a chart or none, a table or none. */
typedef struct {
    const char *id, *title, *text;
    const char *chart; /* what a screen reader is told of it; NULL: no chart */
    PageTable table;
} PageSection;

static const PageSection sections[] = {
    {"front",
     "Utility and leakage",
     "Each point is a method at one λ: to the right is more useful (for errors: less), further down leaks "
     "less. Bars are 95% "
     "intervals, by target for utility and by anchor for leakage. Hollow points cannot be graded: they prove "
     "nothing.",
     "Scatter plot of utility against leakage; the table below holds the same numbers",
     {"The front", "front.csv", COLUMNS(front_columns), grid_front}},
    {"anchors",
     "Leakage by anchor",
     "How well each anchor's training records can be told from other records of the same person; 0.5 is no "
     "leak. Intervals are by "
     "record and speak of that person alone.",
     "Bar chart of the AUC of each anchor; the table below holds the same numbers",
     {"Anchors", "anchors.csv", COLUMNS(anchor_columns), grid_anchors_page}},
    {"roc",
     "Attacks",
     "Members found against held-out records accused, both on a logarithmic axis: what counts is the left "
     "edge, where nobody is "
     "accused in vain.",
     "ROC curves on logarithmic axes; the table below holds the rates at 1% and 0.1%",
     {"Attacks", "attacks.csv", COLUMNS(attack_columns), grid_attacks}},
    {"dose",
     "Dose and response",
     "Leakage of each anchor against the size of its merge weight. A slope above zero says that a larger "
     "share leaks more.",
     "Scatter plot of the AUC of each anchor against the size of its weight; the table below holds the "
     "slopes",
     {"Slopes", "dose.csv", COLUMNS(dose_columns), grid_dose}},
    {"methods",
     "Methods",
     "Every utility metric of each method, target by target against base and reference.",
     NULL,
     {"Methods", "methods.csv", COLUMNS(method_columns), grid_methods}},
    {"volume",
     "Hypervolume",
     "How much of the plane of utility and leakage the rows of a method dominate, down to a fixed reference "
     "point.",
     NULL,
     {"Hypervolume", "volume.csv", COLUMNS(volume_columns), grid_volume}},
};

static Status page_section(Str *out, const Report *r, const PageSection *s, Err *e)
{
    str_printf(out, "<section id=\"%s\" aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\">%s</h2>\n<p>%s</p>\n",
               s->id, s->id, s->id, s->title, s->text);
    if (s->chart != NULL)
        str_printf(
            out,
            "<figure><div class=\"chart\"><canvas id=\"c-%s\" role=\"img\" aria-label=\"%s\"></canvas></div>"
            "<figcaption id=\"n-%s\"></figcaption></figure>\n",
            s->id, s->chart, s->id);
    if (s->table.fill == grid_anchors_page && anchors_left_out(r) > 0)
        str_printf(out, "<p>%zu more rows are in anchors.csv; here are those with the largest AUC.</p>\n",
                   anchors_left_out(r));
    TRY(page_fill_table(out, r, &s->table, e));
    str_puts(out, "</section>\n");
    return OK;
}

static Status page_verdict(Str *out, const Report *r, Err *e)
{
    static const PageTable table = {"Verdicts", "verdicts.csv", COLUMNS(verdict_columns), grid_verdicts};
    static const char *const class[] = {"pass", "inconclusive", "ungraded", "breached", "none"};
    Str words = {0};
    report_sentence(&words, r);
    str_printf(
        out,
        "<header>\n<h1>Privacy of merged adapters</h1>\n<p class=\"verdict v-%s\"><strong>%s</strong><br>",
        class[r->verdict], verdict_name(r->verdict));
    if (words.s != NULL) show_xml(out, words.s);
    str_puts(out, "</p>\n");
    out->failed = out->failed || words.failed;
    str_free(&words);
    if (r->n_choices > 0) str_puts(out, "<ul>\n");
    for (size_t i = 0; i < r->n_choices; i++) {
        str_puts(out, "<li>");
        choice_sentence(out, r, &r->choice[i], show_xml);
        str_puts(out, "</li>\n");
    }
    if (r->n_choices > 0) str_puts(out, "</ul>\n");
    str_puts(out, "</header>\n<main>\n");
    if (r->n_results == 0) return OK;
    str_puts(out,
             "<section id=\"verdicts\" aria-labelledby=\"h-verdicts\">\n<h2 id=\"h-verdicts\">Gates</h2>\n"
             "<p>A gate passes when the whole interval keeps its limit, and is breached when the whole "
             "interval breaks it.</p>\n");
    TRY(page_fill_table(out, r, &table, e));
    str_puts(out, "</section>\n");
    return OK;
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
                          "id=\"h-selftest\">Null self-test</h2>\n"
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
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        TRY(page_section(out, r, &sections[i], e));
    page_selftest(out, r);
    TRY(page_provenance(out, r, e));
    return page_scripts(out, r, e);
}
