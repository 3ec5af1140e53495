/* out_json.c - the whole report as one JSON document; its schema is in schema_json.c. */
#include "report_priv.h"

#include "prime/js.h"

#include <math.h>
#include <string.h>

static JsVal *js_name(const char *text, bool shown)
{
    if (!shown) return js_new_str(text);
    Str s = {0};
    show_text(&s, text);
    JsVal *v = s.failed ? NULL : js_new_str(s.s != NULL ? s.s : "");
    str_free(&s);
    return v;
}

static JsVal *js_cell(const ReportColumn *col, const GridCell *c, bool shown)
{
    if (strcmp(col->unit, "yes or no") == 0)
        return c->text == NULL || c->text[0] == '\0' ? js_new_null()
                                                     : js_new_bool(strcmp(c->text, "yes") == 0);
    if (c->text != NULL) return js_name(c->text, shown);
    return isnan(c->num) ? js_new_null() : js_new_num(c->num);
}

JsVal *grid_js(const Grid *g, bool shown)
{
    JsVal *rows = js_new_arr();
    for (size_t i = 0; i < grid_rows(g); i++) {
        JsVal *row = js_new_obj();
        for (size_t c = 0; c < g->n_cols; c++)
            js_set(row, g->col[c]->column, js_cell(g->col[c], &g->cell[i * g->n_cols + c], shown));
        js_push(rows, row);
    }
    return rows;
}

static const ReportGrid grids[] = {
    {"verdicts", "verdicts.csv", grid_verdicts},
    {"front", "front.csv", grid_front},
    {"methods", "methods.csv", grid_methods},
    {"anchors", "anchors.csv", grid_anchors},
    {"dose", "dose.csv", grid_dose},
    {"attacks", "attacks.csv", grid_attacks},
    {"merges", "merges.csv", grid_merges},
    {"loo", "loo.csv", grid_loo},
    {"scaling", "scaling.csv", grid_scaling},
    {"fingerprint", "fingerprint.csv", grid_fingerprint},
    {"people", "people.csv", grid_people},
    {"source", "source.csv", grid_source},
    {"canary", "canary.csv", grid_canary},
    {"extract", "extract.csv", grid_extract},
    {"own", "own.csv", grid_own},
    {"eaf", "eaf.csv", grid_eaf},
    {"null", "null.csv", grid_null},
    {"volume", "volume.csv", grid_volume},
};

const ReportGrid *report_grid_at(size_t i)
{
    return i < sizeof grids / sizeof grids[0] ? &grids[i] : NULL;
}

static void js_add_fact(void *ctx, const char *key, const char *value)
{
    Str name = {0}; /* a key must be UTF-8 */
    show_text(&name, key);
    if (!name.failed && name.s != NULL) js_set(ctx, name.s, js_new_str(value));
    str_free(&name);
}

static Status js_sentence(JsVal *to, const char *key, const Report *r, const GateChoice *c, Err *e)
{
    Str s = {0};
    if (c == NULL)
        report_sentence(&s, r);
    else
        choice_sentence(&s, r, c, str_puts);
    if (s.failed) FAIL(e, ERR_NOMEM, "no memory for the verdict");
    js_set(to, key, js_new_str(s.s));
    str_free(&s);
    return OK;
}

static Status js_choices(JsVal *to, const Report *r, Err *e)
{
    for (size_t i = 0; i < r->n_choices; i++) {
        const GateChoice *c = &r->choice[i];
        JsVal *row = js_new_obj();
        js_set(row, "task", js_new_str(c->task));
        js_set(row, "method", js_new_str(c->method));
        js_set(row, "lambda", js_new_num(c->lambda)); /* null: none passes */
        js_set(row, "against_lambda", js_new_num(c->first));
        js_set(row, "cost", js_new_num(c->cost.value));
        js_set(row, "cost_lo", js_new_num(c->cost.lo));
        js_set(row, "cost_hi", js_new_num(c->cost.hi));
        Status s = js_sentence(row, "sentence", r, c, e);
        js_push(to, row);
        TRY(s);
    }
    return OK;
}

static Status js_tables(JsVal *to, const Report *r, Err *e)
{
    const ReportGrid *one = NULL;
    for (size_t i = 0; (one = report_grid_at(i)) != NULL; i++) {
        Arena a = {0};
        Grid g;
        grid_begin(&g, &a, one->file);
        Status s = one->fill(&g, r, e);
        if (s == OK) js_set(to, one->name, grid_js(&g, false));
        arena_free(&a);
        TRY(s);
    }
    return OK;
}

static Status js_report(JsVal *root, const Report *r, Err *e)
{
    js_set(root, "format", js_new_str("prime-report"));
    js_set(root, "format_version", js_new_int(1));
    js_set(root, "verdict", js_new_str(verdict_name(r->verdict)));
    TRY(js_sentence(root, "sentence", r, NULL, e));
    JsVal *choices = js_new_arr();
    js_set(root, "choices", choices);
    TRY(js_choices(choices, r, e));
    JsVal *cells = js_new_obj();
    js_set(cells, "finished", js_new_int((int64_t)r->n_cells));
    js_set(cells, "failed", js_new_int((int64_t)r->n_failed));
    js_set(root, "cells", cells);
    TRY(js_tables(root, r, e));
    if (r->how.no_provenance) return OK;
    JsVal *facts = js_new_obj();
    js_set(root, "provenance", facts);
    return provenance_each(r, js_add_fact, facts, e);
}

Status out_json(Str *out, const Report *r, Err *e)
{
    JsVal *root = js_new_obj();
    Status s = js_report(root, r, e);
    if (s == OK) s = js_dump(out, root, 1, e);
    if (s == OK) str_puts(out, "\n");
    js_close(root);
    return s;
}
