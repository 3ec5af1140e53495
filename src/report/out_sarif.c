/* out_sarif.c - SARIF 2.1.0 (OASIS, 2020): what did not pass a gate, at the gate's line, and the anchors of
 * merges whose leak is beyond doubt (Holm's p <= 0.05, AUC above 0.5), at anchors.csv. */
#include "report_priv.h"

#include "prime/js.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *id, *level, *what, *help;
} SarifRule;

enum { RULE_BREACHED, RULE_INCONCLUSIVE, RULE_UNGRADED, RULE_ANCHOR, N_RULES };

static const SarifRule rules[N_RULES] = {
    {"gate-breached", "error", "A gate is breached.", "The whole interval lies beyond the gate's limit."},
    {"gate-inconclusive", "warning", "A gate's limit lies within the interval.",
     "More people make the interval shorter; more records of the same people hardly do."},
    {"gate-ungraded", "warning", "A gate cannot be graded.",
     "Too few people, no interval, or no such row. This is never a pass."},
    {"anchor-leaks", "warning", "An anchor's records can be told from others of the same person.",
     "The base-calibrated attack finds this anchor's training records in the merged model more often than "
     "chance "
     "allows, after Holm's adjustment over the anchors."},
};

static JsVal *sarif_text(const char *text)
{
    JsVal *v = js_new_obj();
    js_set(v, "text", js_new_str(text));
    return v;
}

static JsVal *sarif_rule(const SarifRule *rule)
{
    JsVal *v = js_new_obj(), *level = js_new_obj();
    js_set(v, "id", js_new_str(rule->id));
    js_set(v, "shortDescription", sarif_text(rule->what));
    js_set(v, "fullDescription", sarif_text(rule->what));
    js_set(v, "help", sarif_text(rule->help));
    js_set(level, "level", js_new_str(rule->level));
    js_set(v, "defaultConfiguration", level);
    return v;
}

static JsVal *sarif_tool(const Report *r)
{
    JsVal *tool = js_new_obj(), *driver = js_new_obj(), *list = js_new_arr();
    js_set(driver, "name", js_new_str("prime"));
    if (!r->how.no_provenance) js_set(driver, "version", js_new_str(PRIME_VERSION));
    for (size_t i = 0; i < N_RULES; i++) js_push(list, sarif_rule(&rules[i]));
    js_set(driver, "rules", list);
    js_set(tool, "driver", driver);
    return tool;
}

/* A file's name as a relative reference: what is not unreserved is escaped (RFC 3986). */
static JsVal *sarif_uri(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    Str uri = {0};
    for (const char *c = name; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     strchr("-._~", *c) != NULL;
        if (plain)
            str_put(&uri, c, 1);
        else
            str_printf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
    }
    JsVal *v = uri.failed || uri.s == NULL ? NULL : js_new_str(uri.s);
    str_free(&uri);
    return v;
}

/* Where: a line of a file, and the row of the front by name. */
static JsVal *sarif_locations(const char *path, size_t line, const char *logical)
{
    JsVal *list = js_new_arr(), *one = js_new_obj(), *where = js_new_obj(), *file = js_new_obj();
    JsVal *region = js_new_obj(), *names = js_new_arr(), *name = js_new_obj();
    js_set(file, "uri", sarif_uri(path));
    js_set(where, "artifactLocation", file);
    js_set(region, "startLine", js_new_int((int64_t)line));
    js_set(where, "region", region);
    js_set(one, "physicalLocation", where);
    js_set(name, "fullyQualifiedName", js_new_str(logical));
    js_push(names, name);
    js_set(one, "logicalLocations", names);
    js_push(list, one);
    return list;
}

static void sarif_row_name(Str *out, const char *task, const char *method, double lambda)
{
    show_text(out, task);
    str_puts(out, "/");
    show_text(out, method);
    if (!isnan(lambda)) str_printf(out, "@%g", lambda);
}

static JsVal *sarif_numbers(double value, double lo, double hi)
{
    JsVal *v = js_new_obj();
    js_set(v, "value", js_new_num(value));
    js_set(v, "lo", js_new_num(lo));
    js_set(v, "hi", js_new_num(hi));
    return v;
}

/* print: what tells this result from others of its rule, and stays when numbers move. */
static void sarif_result(JsVal *to, size_t rule, const Str *message, const Str *name, const Str *print,
                         const char *path, size_t line, JsVal *numbers)
{
    JsVal *v = js_new_obj(), *prints = js_new_obj();
    js_set(v, "ruleId", js_new_str(rules[rule].id));
    js_set(v, "ruleIndex", js_new_int((int64_t)rule));
    js_set(v, "level", js_new_str(rules[rule].level));
    js_set(v, "message", sarif_text(message->s));
    js_set(v, "locations", sarif_locations(path, line, name->s));
    js_set(prints, "row/v1", js_new_str(print->s));
    js_set(v, "partialFingerprints", prints);
    js_set(v, "properties", numbers);
    js_push(to, v);
}

static Status sarif_gate(JsVal *to, const Report *r, const GateResult *x, Err *e)
{
    static const size_t rule[] = {[VERDICT_INCONCLUSIVE] = RULE_INCONCLUSIVE,
                                  [VERDICT_UNGRADED] = RULE_UNGRADED,
                                  [VERDICT_BREACHED] = RULE_BREACHED};
    const Gate *g = x->gate;
    Str name = {0}, text = {0}, print = {0};
    if (x->verdict == VERDICT_PASS) return OK;
    sarif_row_name(&name, result_task(x, "any"), result_method(x, "any"), result_lambda(x));
    show_text(&print, g->name);
    if (g->attack[0] != '\0') str_puts(&print, " of attack ");
    show_text(&print, g->attack);
    str_puts(&print, ", ");
    show_text(&print, g->scope);
    str_printf(&text, "%s: %s", verdict_name(x->verdict), print.s != NULL ? print.s : "");
    str_printf(&print, ", line %zu, ", g->line);
    str_puts(&print, name.s != NULL ? name.s : "");
    if (isnan(x->value))
        str_puts(&text, ", has no value");
    else
        str_printf(&text, ", is %.4f", x->value);
    if (!isnan(x->lo) && !isnan(x->hi)) str_printf(&text, " [%.4f, %.4f]", x->lo, x->hi);
    str_printf(&text, ", want %s %g; n = %zu", g->at_most ? "at most" : "at least", g->limit, x->n);
    bool failed = text.failed || name.failed || print.failed;
    if (!failed)
        sarif_result(to, rule[x->verdict], &text, &name, &print, r->gates_path, g->line,
                     sarif_numbers(x->value, x->lo, x->hi));
    str_free(&text);
    str_free(&name);
    str_free(&print);
    if (failed) FAIL(e, ERR_NOMEM, "no memory for a result");
    return OK;
}

static Status sarif_anchor(JsVal *to, const LeakRef *l, Err *e)
{
    Str name = {0}, text = {0};
    sarif_row_name(&name, l->group->task, l->group->method, l->group->lambda);
    str_puts(&name, "/");
    show_text(&name, l->anchor);
    str_puts(&text, "records of anchor ");
    show_text(&text, l->anchor);
    str_printf(&text, " are found with AUC %.4f [%.4f, %.4f], Holm's p %.2g", l->auc.value, l->auc.lo,
               l->auc.hi, l->holm);
    bool failed = text.failed || name.failed;
    if (!failed)
        sarif_result(to, RULE_ANCHOR, &text, &name, &name, "anchors.csv", 1,
                     sarif_numbers(l->auc.value, l->auc.lo, l->auc.hi));
    str_free(&text);
    str_free(&name);
    if (failed) FAIL(e, ERR_NOMEM, "no memory for a result");
    return OK;
}

enum { SARIF_MAX_ANCHORS = 1000 };

static Status sarif_results(JsVal *to, const Report *r, Err *e)
{
    for (size_t i = 0; i < r->n_results; i++) TRY(sarif_gate(to, r, &r->result[i], e));
    Arena a = {0};
    LeakRef *top = arena_alloc(&a, SARIF_MAX_ANCHORS, sizeof *top);
    size_t n = 0;
    Status s = top == NULL ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the anchors")
                           : leaks_top(top, &n, SARIF_MAX_ANCHORS, r, &a, e);
    for (size_t i = 0; i < n && s == OK; i++)
        if (top[i].auc.value > 0.5 && top[i].holm <= 0.05) s = sarif_anchor(to, &top[i], e);
    arena_free(&a);
    return s;
}

Status out_sarif(Str *out, const Report *r, Err *e)
{
    JsVal *root = js_new_obj(), *runs = js_new_arr(), *run = js_new_obj(), *results = js_new_arr();
    JsVal *calls = js_new_arr(), *call = js_new_obj();
    js_set(root, "$schema", js_new_str("https://json.schemastore.org/sarif-2.1.0.json"));
    js_set(root, "version", js_new_str("2.1.0"));
    js_set(root, "runs", runs);
    js_push(runs, run);
    js_set(run, "tool", sarif_tool(r));
    js_set(call, "executionSuccessful", js_new_bool(gates_missing(r) == 0));
    js_push(calls, call);
    js_set(run, "invocations", calls);
    js_set(run, "results", results);
    Status s = sarif_results(results, r, e);
    if (s == OK) s = js_dump(out, root, 1, e);
    if (s == OK) str_puts(out, "\n");
    js_close(root);
    return s;
}
