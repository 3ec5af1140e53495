/* out_page.c - the numbers behind the charts of the page. */
#include "report_priv.h"

#include "prime/js.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX_CURVES = 300, PAGE_POINTS = 31 };

static JsVal *page_name(const char *s)
{
    Str shown = {0};
    show_text(&shown, s);
    JsVal *v = shown.failed ? NULL : js_new_str(shown.s != NULL ? shown.s : "");
    str_free(&shown);
    return v;
}

/* Six digits, more than a chart can show. */
static JsVal *page_num(double x)
{
    char text[32];
    if (!isfinite(x)) return js_new_num(x);
    snprintf(text, sizeof text, "%.6g", x);
    return js_new_num(strtod(text, NULL));
}

/* The columns of a grid that a chart wants, with the row of the front that each belongs to. */
static JsVal *page_rows(const Report *r, const Grid *g, const char *const *col, size_t n_cols)
{
    JsVal *rows = js_new_arr(), *all = grid_js(g, true);
    size_t group = 0;
    for (size_t i = 0; i < js_len(all); i++) {
        const GridCell *c = &g->cell[i * g->n_cols];
        /* Grids go through the rows of the front in their order. */
        while (!group_is(&r->group[group], c[0].text, c[1].text, c[2].num, false)) group++;
        JsVal *row = js_new_obj();
        js_set(row, "g", js_new_int((int64_t)group));
        for (size_t k = 0; k < n_cols; k++) {
            const JsVal *v = js_get(js_at(all, i), col[k]);
            size_t n = 0;
            const char *text = js_str(v, &n);
            if (text != NULL)
                js_set(row, col[k], js_new_strn(text, n));
            else if (js_type(v) == JS_BOOL)
                js_set(row, col[k], js_new_bool(js_bool(v, false)));
            else
                js_set(row, col[k], page_num(js_num(v, NAN)));
        }
        js_push(rows, row);
    }
    js_close(all);
    return rows;
}

static Status page_grid(JsVal *to, const char *name, const Report *r, const char *file,
                        Status (*fill)(Grid *, const Report *, Err *), const char *const *col, size_t n_cols,
                        Err *e)
{
    Arena a = {0};
    Grid g;
    grid_begin(&g, &a, file);
    Status s = fill(&g, r, e);
    if (s == OK) js_set(to, name, page_rows(r, &g, col, n_cols));
    arena_free(&a);
    return s;
}

enum { PAGE_MAX_BESIDE = 2000 };

/* As much of loo.csv as a page can hold: where that is too much, the report's attack alone. */
static Status grid_loo_page(Grid *g, const Report *r, Err *e)
{
    TRY(grid_loo(g, r, e));
    size_t all = grid_rows(g), kept = 0, attack = 0;
    while (strcmp(g->col[attack]->column, "attack") != 0) attack++;
    for (size_t i = 0; all > PAGE_MAX_BESIDE && i < all && kept < PAGE_MAX_BESIDE; i++) {
        const GridCell *row = &g->cell[i * g->n_cols];
        if (strcmp(row[attack].text, r->how.attack) != 0) continue;
        memmove(&g->cell[kept++ * g->n_cols], row, g->n_cols * sizeof *row);
    }
    if (all > PAGE_MAX_BESIDE) g->n_cells = kept * g->n_cols;
    return OK;
}

/* Corners of the attainment surfaces, in their order. */
static Status page_eaf(JsVal *to, const Report *r, Err *e)
{
    Arena a = {0};
    Grid g;
    grid_begin(&g, &a, "eaf.csv");
    Status s = grid_eaf(&g, r, e);
    if (s == OK) js_set(to, "eaf", grid_js(&g, true));
    arena_free(&a);
    return s;
}

/* ---- ROC curves ---- */

typedef struct {
    double score;
    bool member;
} CurveScore;

static int curve_order(const void *a, const void *b)
{
    const CurveScore *x = a, *y = b;
    return (y->score > x->score) - (y->score < x->score);
}

/* tpr [PAGE_POINTS] at rates 10^(-3 + 3 i / 30): the most that thresholds allow. */
static void page_tpr(double *tpr, CurveScore *s, size_t n, size_t m)
{
    size_t tp = 0, fp = 0, at = 0;
    for (size_t i = 0; i < PAGE_POINTS; i++) {
        double most = pow(10, -3 + 0.1 * (double)i) * (double)(n - m) * (1 + 1e-12);
        while (at < n) {
            size_t k = at, more_tp = 0, more_fp = 0;
            for (; k < n && s[k].score == s[at].score; k++) *(s[k].member ? &more_tp : &more_fp) += 1;
            if ((double)(fp + more_fp) > most) break;
            tp += more_tp;
            fp += more_fp;
            at = k;
        }
        tpr[i] = (double)tp / (double)m;
    }
}

static Status page_curve(JsVal *to, size_t group, const char *attack, ReportRows rows, Arena *a, Err *e)
{
    CurveScore *s = arena_alloc(a, rows.n, sizeof *s);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", rows.n);
    size_t n = 0, m = 0;
    for (size_t i = 0; i < rows.n; i++) {
        if (rows.row[i]->label == LEDGER_NO_LABEL) continue;
        s[n++] = (CurveScore){rows.row[i]->value, rows.row[i]->label == 1};
        m += (size_t)(rows.row[i]->label == 1);
    }
    if (m == 0 || m == n) return OK;
    double tpr[PAGE_POINTS];
    qsort(s, n, sizeof *s, curve_order);
    page_tpr(tpr, s, n, m);
    JsVal *row = js_new_obj(), *points = js_new_arr();
    js_set(row, "g", js_new_int((int64_t)group));
    js_set(row, "attack", page_name(attack));
    for (size_t i = 0; i < PAGE_POINTS; i++) js_push(points, js_new_num(round(tpr[i] * 1e5) / 1e5));
    js_set(row, "tpr", points);
    js_push(to, row);
    return OK;
}

static Status page_curves(JsVal *to, const Report *r, Err *e)
{
    size_t curves = 0;
    for (size_t i = 0; i < r->n_groups; i++) {
        ReportRows rest = rows_of(&r->group[i], KIND_ATTACK, NAME_ANY, NAME_ANY), run;
        while (rows_next_metric(&run, &rest)) curves++;
    }
    Arena a = {0};
    Status s = OK;
    for (size_t i = 0; i < r->n_groups && s == OK; i++) {
        ReportRows rest = rows_of(&r->group[i], KIND_ATTACK, NAME_ANY, NAME_ANY), run;
        while (rows_next_metric(&run, &rest) && s == OK) {
            const char *attack = r->names.name[run.row[0]->metric];
            if (curves > PAGE_MAX_CURVES && strcmp(attack, r->how.attack) != 0) continue;
            s = page_curve(to, i, attack, run, &a, e);
        }
        arena_reset(&a);
    }
    arena_free(&a);
    return s;
}

static Status page_fill(JsVal *root, const Report *r, Err *e)
{
    static const char *const front[] = {"task",       "method",     "lambda",     "utility_metric",
                                        "utility",    "utility_lo", "utility_hi", "leakage",
                                        "leakage_lo", "leakage_hi", "graded",     "on_front"};
    static const char *const attacks[] = {"attack", "auc", "auc_lo", "auc_hi"};
    static const char *const anchors[] = {"attack", "anchor", "auc", "auc_lo", "auc_hi", "weight_abs"};
    static const char *const loo[] = {"attack", "anchor", "auc_alone", "auc_merge", "auc_loo"};
    js_set(root, "attack", page_name(r->how.attack));
    TRY(page_eaf(root, r, e));
    TRY(page_grid(root, "front", r, "front.csv", grid_front, front, 12, e));
    TRY(page_grid(root, "attacks", r, "attacks.csv", grid_attacks, attacks, 4, e));
    TRY(page_grid(root, "anchors", r, "anchors.csv", grid_anchors_page, anchors, 6, e));
    TRY(page_grid(root, "loo", r, "loo.csv", grid_loo_page, loo, 5, e));
    JsVal *curves = js_new_arr();
    js_set(root, "roc", curves);
    return page_curves(curves, r, e);
}

Status page_data(Str *out, const Report *r, Err *e)
{
    Str text = {0};
    JsVal *root = js_new_obj();
    Status s = page_fill(root, r, e);
    if (s == OK) s = js_dump(&text, root, 0, e);
    js_close(root);
    for (const char *c = text.s; s == OK && c != NULL && *c != '\0'; c++) {
        if (*c == '<')
            str_puts(out, "\\u003c"); /* no end of the script within it */
        else
            str_put(out, c, 1);
    }
    out->failed = out->failed || text.failed;
    str_free(&text);
    return s;
}
