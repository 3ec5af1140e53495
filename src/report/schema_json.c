/* schema_json.c - the JSON Schema (draft 2020-12) of report.json, from the table of columns. */
#include "report_priv.h"

#include "prime/js.h"

#include <string.h>

static JsVal *schema_of_type(const char *type, const char *what)
{
    JsVal *v = js_new_obj();
    js_set(v, "type", js_new_str(type));
    if (what != NULL) js_set(v, "description", js_new_str(what));
    return v;
}

static JsVal *schema_or_null(const char *type, const char *what)
{
    JsVal *v = js_new_obj(), *types = js_new_arr();
    js_push(types, js_new_str(type));
    js_push(types, js_new_str("null"));
    js_set(v, "type", types);
    js_set(v, "description", js_new_str(what));
    return v;
}

static bool schema_is_text(const ReportColumn *c)
{
    return strcmp(c->unit, "name") == 0 || strcmp(c->unit, "user id") == 0 || strcmp(c->unit, "text") == 0;
}

static JsVal *schema_column(const ReportColumn *c)
{
    if (schema_is_text(c)) return schema_of_type("string", c->what);
    return schema_or_null(strcmp(c->unit, "yes or no") == 0 ? "boolean" : "number", c->what);
}

/* An object whose members are all required and no others allowed; members is taken over. */
static JsVal *schema_object(JsVal *members)
{
    JsVal *v = schema_of_type("object", NULL), *names = js_new_arr();
    JsIter it = {0};
    const char *key = NULL;
    while (js_next(members, &it, &key) != NULL) js_push(names, js_new_str(key));
    js_set(v, "properties", members);
    js_set(v, "required", names);
    js_set(v, "additionalProperties", js_new_bool(false));
    return v;
}

static JsVal *schema_array(JsVal *items, const char *what)
{
    JsVal *v = schema_of_type("array", what);
    js_set(v, "items", items);
    return v;
}

static JsVal *schema_table(const ReportGrid *grid)
{
    const ReportColumn *col[REPORT_MAX_COLUMNS];
    JsVal *members = js_new_obj();
    size_t n = schema_columns(col, grid->file);
    for (size_t i = 0; i < n; i++) js_set(members, col[i]->column, schema_column(col[i]));
    return schema_array(schema_object(members), grid->file);
}

static JsVal *schema_choices(void)
{
    JsVal *m = js_new_obj();
    js_set(m, "task", schema_of_type("string", "what the model is asked to do"));
    js_set(m, "method", schema_of_type("string", "whose lambdas were tried"));
    js_set(m, "lambda", schema_or_null("number", "the smallest that passes every gate; null: none does"));
    js_set(m, "against_lambda", schema_of_type("number", "the smallest there is"));
    js_set(m, "cost", schema_or_null("number", "utility lost against it, target by target"));
    js_set(m, "cost_lo", schema_or_null("number", "lower end of the paired 95% interval"));
    js_set(m, "cost_hi", schema_or_null("number", "upper end of the same"));
    js_set(m, "sentence", schema_of_type("string", "the same in words"));
    return schema_array(schema_object(m), "for each method with lambdas that a gate was on");
}

static JsVal *schema_verdict(void)
{
    JsVal *v = schema_of_type("string", "as bad as the worst gate"), *words = js_new_arr();
    for (Verdict i = VERDICT_PASS; i <= VERDICT_NONE; i++) js_push(words, js_new_str(verdict_name(i)));
    js_set(v, "enum", words);
    return v;
}

static JsVal *schema_const(JsVal *value)
{
    JsVal *v = js_new_obj();
    js_set(v, "const", value);
    return v;
}

static JsVal *schema_cells(void)
{
    JsVal *m = js_new_obj();
    js_set(m, "finished", schema_of_type("integer", "cells that the report rests on"));
    js_set(m, "failed", schema_of_type("integer", "cells that are left out"));
    return schema_object(m);
}

static JsVal *schema_root(void)
{
    JsVal *m = js_new_obj();
    js_set(m, "format", schema_const(js_new_str("prime-report")));
    js_set(m, "format_version", schema_const(js_new_int(1)));
    js_set(m, "verdict", schema_verdict());
    js_set(m, "sentence", schema_of_type("string", "the verdict in words"));
    js_set(m, "choices", schema_choices());
    js_set(m, "cells", schema_cells());
    const ReportGrid *grid = NULL;
    for (size_t i = 0; (grid = report_grid_at(i)) != NULL; i++) js_set(m, grid->name, schema_table(grid));
    JsVal *root = schema_object(m);
    JsVal *facts = schema_of_type("object", "what the report was made from; absent with --no-provenance");
    js_set(facts, "additionalProperties", schema_of_type("string", NULL));
    js_set(m, "provenance", facts); /* not required */
    return root;
}

Status out_json_schema(Str *out, const Report *r, Err *e)
{
    (void)r;
    JsVal *root = schema_root(), *all = js_new_obj();
    js_set(all, "$schema", js_new_str("https://json-schema.org/draft/2020-12/schema"));
    js_set(all, "title", js_new_str("report.json of prime report"));
    js_set(all, "$ref", js_new_str("#/$defs/report"));
    JsVal *defs = js_new_obj();
    js_set(defs, "report", root);
    js_set(all, "$defs", defs);
    Status s = js_dump(out, all, 1, e);
    if (s == OK) str_puts(out, "\n");
    js_close(all);
    return s;
}
