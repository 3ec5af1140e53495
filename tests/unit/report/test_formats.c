/* The formats: JSON against its schema, SARIF against the rules of the standard, JUnit and HTML as markup,
 * and names that would do harm. */
#include "toy.h"

#include "prime/file.h"
#include "prime/js.h"

static char gates_file[80];

static void formats_folder(void)
{
    report_folder();
    snprintf(gates_file, sizeof gates_file, "%s/my gates.csv", dir);
}

static void formats_folder_gone(void)
{
    remove(gates_file);
    report_folder_gone();
}

TestSuite(formats, .init = formats_folder, .fini = formats_folder_gone);

#define EVIL                                                            \
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'" \
    "\x01\x1b[31m\xE2\x80\xAE|`*_[x](y)\xff&amp;\n=1+1"

/* Hostile names for everything that data may name. */
static Report *evil_report(const char *rows)
{
    Ledger *l = NULL;
    Report *r = NULL;
    static const char *const methods[] = {"base", EVIL};
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    cr_assert_eq(ledger_meta_set(l, EVIL, EVIL, &err), OK);
    for (size_t m = 0; m < 2; m++) {
        for (size_t t = 0; t < 3; t++) {
            char key[64], target[300], unit[300];
            snprintf(key, sizeof key, "%zu %zu", m, t);
            snprintf(target, sizeof target, "%s%zu", EVIL, t);
            LedgerCell c = {key, methods[m], EVIL, target, m == 0 ? NAN : 0.5, 1, NULL, 0};
            cr_assert_eq(ledger_cell_begin(l, &c, &err), OK, "%s", err.msg);
            add(l, "utility", EVIL, target, "q", LEDGER_NO_LABEL, 0.1 * (double)(m + t));
            for (size_t u = 0; u < 4; u++) {
                snprintf(unit, sizeof unit, "%s%zu", EVIL, u);
                for (size_t i = 0; i < 24; i++) {
                    char record[8];
                    snprintf(record, sizeof record, "r%zu", i);
                    double x = m == 0 ? 0 : (double)(i < 12) + 0.001 * (double)(i * u);
                    add(l, "attack", "ref", unit, record, i < 12, x);
                    add(l, "attack", EVIL, unit, record, i < 12, -x);
                }
                if (m == 1) add(l, "weight", "w", unit, "", LEDGER_NO_LABEL, 0.1 * (double)u);
            }
            cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK);
        }
    }
    cr_assert_eq(report_load(&r, l, NULL, &err), OK, "%s", err.msg);
    ledger_close(l);
    remove(path);
    if (rows != NULL) {
        cr_assert_eq(file_write(gates_file, rows, strlen(rows), &err), OK);
        cr_assert_eq(report_judge(r, gates_file, &err), OK, "%s", err.msg);
    }
    return r;
}

#define ALL_VERDICTS                                                                                         \
    "metric,limit,direction,min_users,scope\nauc,1,max,,\nauc,0.5,max,,\nauc,1,max,9,\nauc,0.9,max,,worst\n" \
    "gain,0.2,min,,\n"

static char *output_of(const Report *r, const char *file)
{
    Str text = {0};
    const ReportOutput *o = NULL;
    for (size_t i = 0; (o = report_output_at(i)) != NULL; i++)
        if (o->file != NULL && strcmp(o->file, file) == 0)
            cr_assert_eq(o->fn(&text, r, &err), OK, "%s", err.msg);
    cr_assert(text.s != NULL && !text.failed, "%s", file);
    return text.s;
}

static JsVal *parsed(const char *text)
{
    JsVal *root = NULL;
    cr_assert_eq(js_parse(&root, text, strlen(text), "output", &err), OK, "%s", err.msg);
    return root;
}

/* ---- a validator for the part of JSON Schema that the schema uses ---- */

static bool is_type(const JsVal *v, const char *type)
{
    static const struct {
        const char *name;
        JsType type;
    } types[] = {{"null", JS_NULL},   {"boolean", JS_BOOL}, {"integer", JS_INT}, {"number", JS_INT},
                 {"number", JS_REAL}, {"string", JS_STR},   {"array", JS_ARR},   {"object", JS_OBJ}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, type) == 0 && types[i].type == js_type(v)) return true;
    return false;
}

static void check_type(const JsVal *v, const JsVal *type, const char *at)
{
    if (type == NULL) return;
    bool fine = js_type(type) == JS_STR && is_type(v, js_str(type, NULL));
    for (size_t i = 0; i < js_len(type) && js_type(type) == JS_ARR; i++)
        fine = fine || is_type(v, js_str(js_at(type, i), NULL));
    cr_assert(fine, "type of %s", at);
}

static bool same_value(const JsVal *a, const JsVal *b)
{
    if (js_type(a) != js_type(b)) return false;
    if (js_type(a) == JS_STR) return strcmp(js_str(a, NULL), js_str(b, NULL)) == 0;
    return js_num(a, NAN) == js_num(b, NAN);
}

static void check_schema(const JsVal *v, const JsVal *schema, const char *at)
{
    const JsVal *list = js_get(schema, "enum"), *only = js_get(schema, "const"),
                *must = js_get(schema, "required");
    const JsVal *members = js_get(schema, "properties"), *more = js_get(schema, "additionalProperties");
    bool listed = list == NULL;
    check_type(v, js_get(schema, "type"), at);
    for (size_t i = 0; i < js_len(list); i++) listed = listed || same_value(v, js_at(list, i));
    cr_assert(listed, "enum of %s", at);
    cr_assert(only == NULL || same_value(v, only), "const of %s", at);
    for (size_t i = 0; i < js_len(must); i++)
        cr_assert_not_null(js_get(v, js_str(js_at(must, i), NULL)), "%s lacks %s", at,
                           js_str(js_at(must, i), NULL));
    for (size_t i = 0; js_type(v) == JS_ARR && i < js_len(v); i++)
        check_schema(js_at(v, i), js_get(schema, "items"), at);
    JsIter it = {0};
    const char *key = NULL;
    for (const JsVal *m; js_type(v) == JS_OBJ && (m = js_next(v, &it, &key)) != NULL;) {
        const JsVal *want = js_get(members, key);
        cr_assert(want != NULL || js_type(more) == JS_OBJ, "%s has %s", at, key);
        check_schema(m, want != NULL ? want : more, key);
    }
}

Test(formats, json_keeps_its_schema)
{
    for (size_t k = 0; k < 2; k++) {
        Report *r = evil_report(k == 0 ? ALL_VERDICTS : NULL);
        char *text = output_of(r, "report.json"), *schema = output_of(r, "report.schema.json");
        JsVal *root = parsed(text), *rules = parsed(schema);
        check_schema(root, js_get(js_get(rules, "$defs"), "report"), "report");
        cr_assert_str_eq(js_str(js_get(root, "verdict"), NULL), k == 0 ? "breached" : "not judged");
        cr_assert_eq(js_len(js_get(root, "verdicts")), k == 0 ? 5 : 0);
        cr_assert_eq(js_len(js_get(root, "front")), 2);
        cr_assert_eq(js_len(js_get(root, "anchors")), 16);
        const JsVal *row = js_at(js_get(root, "front"), 1);
        cr_assert_eq(strncmp(js_str(js_get(row, "method"), NULL), EVIL, 20), 0, "names stay as they are");
        cr_assert_eq(js_type(js_get(js_at(js_get(root, "front"), 0), "gain")), JS_NULL);
        cr_assert_eq(js_type(js_get(row, "graded")), JS_BOOL);
        js_close(root);
        js_close(rules);
        free(text);
        free(schema);
        report_free(r);
    }
}

Test(formats, the_committed_schema_is_the_one_written)
{
    Report *r = evil_report(NULL);
    char *schema = output_of(r, "report.schema.json"), *kept = NULL, name[512];
    size_t n = 0;
    cr_assert_not_null(getenv("PRIME_SOURCE"));
    snprintf(name, sizeof name, "%s/reports/example/report.schema.json", getenv("PRIME_SOURCE"));
    cr_assert_eq(file_read(&kept, &n, name, &err), OK, "%s", err.msg);
    cr_assert_str_eq(kept, schema, "write it anew: prime report RUN -f json");
    free(kept);
    free(schema);
    report_free(r);
}

/* SARIF 2.1.0: what its sections 3.13, 3.14, 3.18, 3.19, 3.27, 3.49 and 3.52 require. */
Test(formats, sarif_has_what_the_standard_requires)
{
    Report *r = evil_report(ALL_VERDICTS);
    char *text = output_of(r, "report.sarif");
    JsVal *root = parsed(text);
    cr_assert_str_eq(js_str(js_get(root, "version"), NULL), "2.1.0");
    cr_assert_not_null(strstr(js_str(js_get(root, "$schema"), NULL), "sarif-2.1.0"));
    cr_assert_eq(js_len(js_get(root, "runs")), 1);
    const JsVal *run = js_at(js_get(root, "runs"), 0), *driver = js_get(js_get(run, "tool"), "driver");
    const JsVal *rules = js_get(driver, "rules"), *results = js_get(run, "results");
    cr_assert_str_eq(js_str(js_get(driver, "name"), NULL), "prime");
    for (size_t i = 0; i < js_len(rules); i++) {
        cr_assert_not_null(js_str(js_get(js_at(rules, i), "id"), NULL));
        cr_assert_not_null(js_str(js_get(js_get(js_at(rules, i), "shortDescription"), "text"), NULL));
        for (size_t j = 0; j < i; j++)
            cr_assert(!same_value(js_get(js_at(rules, i), "id"), js_get(js_at(rules, j), "id")));
    }
    cr_assert_eq(js_type(js_get(js_at(js_get(run, "invocations"), 0), "executionSuccessful")), JS_BOOL);
    cr_assert_eq(js_type(results), JS_ARR);
    size_t seen[4] = {0};
    for (size_t i = 0; i < js_len(results); i++) {
        const JsVal *x = js_at(results, i), *place = js_at(js_get(x, "locations"), 0);
        const char *level = js_str(js_get(x, "level"), NULL);
        int64_t rule = js_int(js_get(x, "ruleIndex"), -1);
        cr_assert(rule >= 0 && rule < 4);
        seen[rule]++;
        cr_assert(same_value(js_get(x, "ruleId"), js_get(js_at(rules, (size_t)rule), "id")));
        cr_assert(strcmp(level, "error") == 0 || strcmp(level, "warning") == 0 || strcmp(level, "note") == 0);
        cr_assert_not_null(js_str(js_get(js_get(x, "message"), "text"), NULL));
        const JsVal *file = js_get(js_get(place, "physicalLocation"), "artifactLocation");
        const char *uri = js_str(js_get(file, "uri"), NULL);
        cr_assert(strcmp(uri, "my%20gates.csv") == 0 || strcmp(uri, "anchors.csv") == 0, "%s", uri);
        cr_assert_geq(js_int(js_get(js_get(js_get(place, "physicalLocation"), "region"), "startLine"), 0), 1);
        for (size_t j = 0; j < i; j++)
            cr_assert(!same_value(js_get(x, "ruleId"), js_get(js_at(results, j), "ruleId")) ||
                          !same_value(js_get(js_get(x, "partialFingerprints"), "row/v1"),
                                      js_get(js_get(js_at(results, j), "partialFingerprints"), "row/v1")),
                      "two results of one fingerprint");
    }
    cr_assert(seen[0] > 0 && seen[1] > 0 && seen[2] > 0 && seen[3] > 0, "%zu %zu %zu %zu", seen[0], seen[1],
              seen[2], seen[3]);
    js_close(root);
    free(text);
    report_free(r);
}

/* ---- markup ---- */

/* Tags open and close in order; text and attributes hold no bare < & or control characters. */
static void check_xml(const char *s)
{
    char stack[32][32];
    size_t depth = 0;
    for (const char *c = s; *c != '\0'; c++) {
        cr_assert((unsigned char)*c >= 0x20 || *c == '\n', "control character %d", *c);
        if (*c == '&') cr_assert(strchr(c, ';') != NULL && strchr(c, ';') - c < 8, "bare & at %.20s", c);
        if (*c != '<' || c[1] == '?') continue;
        const char *end = strchr(c, '>');
        cr_assert_not_null(end);
        if (c[1] == '/') {
            cr_assert_gt(depth, 0);
            size_t n = strlen(stack[--depth]);
            cr_assert_eq(strncmp(c + 2, stack[depth], n), 0, "%.30s closes %s", c, stack[depth]);
        } else if (end[-1] != '/') {
            cr_assert_lt(depth, 32);
            snprintf(stack[depth++], 32, "%.*s", (int)strcspn(c + 1, " >/"), c + 1);
        }
        size_t quotes = 0;
        for (const char *q = c; q < end; q++) {
            quotes += *q == '"';
            cr_assert(q == c || *q != '<', "%.40s", c);
        }
        cr_assert_eq(quotes % 2, 0, "%.60s", c);
        c = end;
    }
    cr_assert_eq(depth, 0);
}

static size_t count_of(const char *s, const char *what)
{
    size_t n = 0;
    while ((s = strstr(s, what)) != NULL) {
        n++;
        s += strlen(what);
    }
    return n;
}

Test(formats, junit_is_xml_and_counts)
{
    for (size_t k = 0; k < 2; k++) {
        Report *r = evil_report(k == 0 ? ALL_VERDICTS : NULL);
        char *text = output_of(r, "report.xml");
        check_xml(text);
        cr_assert_eq(count_of(text, "<testcase "), k == 0 ? 5 : 1);
        if (k == 0) {
            cr_assert_eq(count_of(text, "<failure "), 1, "%s", text);
            cr_assert_eq(count_of(text, "<error "), 1);
            cr_assert_eq(count_of(text, "<skipped "), 2);
            cr_assert_not_null(strstr(text, "tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"2\""), "%s",
                               text);
        }
        free(text);
        report_free(r);
    }
}

Test(formats, a_page_runs_nothing_that_data_brings)
{
    Report *r = evil_report(ALL_VERDICTS);
    char *text = output_of(r, "report.html");
    cr_assert_eq(count_of(text, "<script"), 3, "data, Chart.js, the page's own");
    cr_assert_eq(count_of(text, "<img"), 0);
    cr_assert_eq(count_of(text, "\xE2\x80\xAE"), 0, "no character that turns a line around");
    cr_assert_not_null(strstr(text, "&lt;U+202E&gt;"));
    cr_assert_not_null(strstr(text, "&lt;/script&gt;&lt;script&gt;alert(1)"));
    cr_assert_null(strchr(text, '\x1b'));
    cr_assert_not_null(strstr(text, "Content-Security-Policy\" content=\"default-src 'none'"));
    cr_assert_lt(strlen(text), 2000000);
    /* The data is one line of JSON without an end of its element in it. */
    const char *data = strstr(text, "id=\"data\">"), *end = strstr(data, "</script>");
    Str json = {0};
    str_put(&json, data + 10, (size_t)(end - data) - 10);
    JsVal *root = parsed(json.s);
    cr_assert_eq(js_len(js_get(root, "front")), 2);
    cr_assert_eq(js_len(js_get(root, "roc")), 4);
    cr_assert_eq(js_len(js_get(js_at(js_get(root, "roc"), 0), "tpr")), 31);
    js_close(root);
    str_free(&json);
    /* Every table has a caption and every chart a name; verdict and gates come before all else. */
    cr_assert_eq(count_of(text, "<table>"), count_of(text, "<caption>"));
    cr_assert_eq(count_of(text, "<canvas "), count_of(text, "role=\"img\" aria-label=\""));
    cr_assert_lt(strstr(text, "class=\"verdict v-breached\""), strstr(text, "id=\"front\""));
    free(text);
    report_free(r);
}

Test(formats, a_summary_cannot_be_broken_out_of)
{
    Report *r = evil_report(ALL_VERDICTS);
    char *text = output_of(r, "report.md");
    cr_assert_null(strstr(text, "<script"));
    cr_assert_null(strstr(text, "<img"));
    cr_assert_null(strstr(text, "[x](y)"));
    cr_assert_null(strstr(text, "\xE2\x80\xAE"));
    cr_assert_eq(strncmp(text, "# Privacy of merged adapters: breached\n", 39), 0);
    Str table = {0};
    cr_assert_eq(report_write(r, "table", dir, &table, &err), OK);
    cr_assert_eq(report_write(r, "gates", dir, &table, &err), OK);
    for (const char *c = table.s; *c != '\0'; c++)
        cr_assert((unsigned char)*c >= 0x20 || *c == '\n', "a terminal gets control character %d", *c);
    cr_assert_null(strstr(table.s, "\xE2\x80\xAE"));
    str_free(&table);
    free(text);
    report_free(r);
}

/* Every file of every format: no control character but the ends of lines, nothing that turns a line round, no
 * cell that a spreadsheet would run, no end of an element or string. */
Test(formats, no_output_can_act_for_whoever_named_something)
{
    Report *r = evil_report(ALL_VERDICTS);
    const ReportOutput *o = NULL;
    size_t files = 0;
    for (size_t i = 0; (o = report_output_at(i)) != NULL; i++) {
        Str text = {0};
        Err e = {0};
        bool page = o->file != NULL && strstr(o->file, ".html") != NULL; /* has Chart.js in it; see above */
        cr_assert_eq(o->fn(&text, r, &e), OK, "%s", e.msg);
        for (size_t k = 0; k < text.n && !page; k++) {
            unsigned char c = (unsigned char)text.s[k];
            cr_assert(c == '\n' || (c >= 0x20 && c != 0x7F), "%s %s: byte %d at %zu", o->format,
                      o->file != NULL ? o->file : "", c, k);
        }
        if (text.n > 0 && strcmp(o->format, "json") != 0 && strcmp(o->format, "sarif") != 0)
            cr_assert_null(strstr(text.s, "\xE2\x80\xAE"), "%s", o->what);
        if (strcmp(o->format, "csv") == 0) {
            Arena a = {0};
            Table t = table_of(&a, text.s);
            for (size_t row = 0; row < t.n_rows; row++)
                for (size_t col = 0; col < t.n_cols; col++) {
                    const char *cell = table_str(&t, row, col);
                    char *end = NULL;
                    bool formula = cell[0] != '\0' && strchr("=+-@\t\r\n", cell[0]) != NULL;
                    if (formula) strtod(cell, &end);
                    cr_assert(!formula || *end == '\0', "%s: a spreadsheet runs '%s'", o->file, cell);
                }
            arena_free(&a);
        }
        if (strcmp(o->format, "json") == 0 || strcmp(o->format, "sarif") == 0) js_close(parsed(text.s));
        if (strcmp(o->format, "junit") == 0) cr_assert_null(strstr(text.s, "<script"));
        str_free(&text);
        files++;
    }
    cr_assert_gt(files, 20);
    report_free(r);
}

/* Names that a spreadsheet would run, at their beginning. */
Test(formats, names_that_are_formulas_stay_text)
{
    static const char *const names[] = {"=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1",
                                        "\xEF\xBB\xBF=1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        Ledger *l = NULL;
        Arena a = {0};
        cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
        begin_cell_of(l, names[i], names[i], 0.5, 1);
        add(l, "utility", names[i], names[i], "q", LEDGER_NO_LABEL, 0.5);
        cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK);
        char *text = close_and_report(l, "cells.csv");
        Table t = table_of(&a, text);
        const char *method = text_at(&t, 0, "method"), *target = text_at(&t, 0, "target");
        cr_assert(method[0] == '\'' || method[0] == '<', "%s", method);
        cr_assert(target[0] == '\'' || target[0] == '<', "%s", target);
        free(text);
        arena_free(&a);
    }
}

/* ---- what may leave the house ---- */

static Report *groups_report(size_t anchors)
{
    Toy toys[] = {{"base", "u1", NAN, 0.2, {0, 0, 0, 0}, NULL},
                  {"base", "u2", NAN, 0.3, {0, 0, 0, 0}, NULL},
                  {"uniform", "u1", NAN, 0.4, {3, 2, 1, 2}, NULL},
                  {"uniform", "u2", NAN, 0.5, {3, 2, 1, 2}, NULL}};
    Ledger *l = NULL;
    Report *r = NULL;
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    for (size_t i = 0; i < sizeof toys / sizeof toys[0]; i++) add_cell(l, &toys[i], anchors);
    cr_assert_eq(report_load(&r, l, NULL, &err), OK, "%s", err.msg);
    ledger_close(l);
    remove(path);
    return r;
}

Test(formats, small_groups_are_not_published_and_are_named)
{
    Report *r = groups_report(4);
    Str rows = {0};
    size_t n = 0;
    Err e = {0};
    cr_assert_eq(report_small_groups(&rows, &n, r, 3, &err), OK);
    cr_assert_gt(n, 0);
    cr_assert_not_null(strstr(rows.s, "front.csv: toy uniform"), "%s", rows.s);
    cr_assert_not_null(strstr(rows.s, ": n_targets = 2, want at least 3\n"), "%s", rows.s);
    cr_assert_null(strstr(rows.s, "anchors.csv"), "tables of single people are never published");
    cr_assert_eq(count_of(rows.s, "\n"), n);
    cr_assert_eq(report_publish(r, dir, 3, &e), ERR_UNSUP);
    cr_assert_not_null(strstr(e.msg, "rows rest on fewer than 3 people"), "%s", e.msg);
    e = (Err){0};
    cr_assert_eq(report_publish(r, dir, 1, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "min-group = 1, want at least 2");
    str_free(&rows);
    report_free(r);
}

Test(formats, what_is_published_names_nobody)
{
    Report *r = groups_report(4);
    const ReportOutput *o = NULL;
    size_t files = 0;
    cr_assert_eq(report_publish(r, dir, 2, &err), OK, "%s", err.msg);
    for (size_t i = 0; (o = report_output_at(i)) != NULL; i++) {
        char *file = o->file != NULL ? file_join(dir, o->file) : NULL, *text = NULL;
        size_t n = 0;
        bool there = file != NULL && file_exists(file);
        files += there;
        if (there) {
            Arena a = {0};
            cr_assert_eq(file_read(&text, &n, file, &err), OK);
            Table t = table_of(&a, text);
            for (size_t row = 0; row < t.n_rows; row++)
                for (size_t col = 0; col < t.n_cols; col++)
                    for (size_t k = 0; k < 6; k++)
                        cr_assert_str_neq(table_str(&t, row, col),
                                          ((const char *const[]){"a0", "a1", "a2", "a3", "u1", "u2"})[k],
                                          "%s", file);
            arena_free(&a);
            remove(file);
        }
        free(text);
        free(file);
    }
    cr_assert_geq(files, 6);
    report_free(r);
}

Test(formats, provenance_may_be_left_out_and_says_what_lacks)
{
    static const char *const names[] = {"report.json", "report.html", "report.md"};
    ReportOptions how = report_defaults();
    for (size_t k = 0; k < 2; k++) {
        Ledger *l = NULL;
        Report *r = NULL;
        how.no_provenance = k == 1;
        cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
        cr_assert_eq(ledger_meta_set(l, "data_sha256", "cafe", &err), OK);
        add_cell(l, &(Toy){"soup", "u1", NAN, 0.5, {4, 3, 2, 1}, NULL}, 3);
        cr_assert_eq(report_load(&r, l, &how, &err), OK);
        ledger_close(l);
        remove(path);
        for (size_t i = 0; i < 3; i++) {
            char *text = output_of(r, names[i]);
            cr_assert_eq(strstr(text, "cafe") != NULL, k == 0, "%s", names[i]);
            cr_assert_eq(strstr(text, "not recorded by the run") != NULL, k == 0, "%s", names[i]);
            free(text);
        }
        report_free(r);
    }
}

/* 3,500 anchors whose AUC is 1, 1/2 or 0: the page keeps 3,000, all that leak among them, and says so. */
Test(formats, a_page_of_many_anchors_says_what_it_leaves_out)
{
    Ledger *l = NULL;
    Report *r = NULL;
    cr_assert_eq(ledger_open(&l, path, LEDGER_CREATE, "toy", &err), OK, "%s", err.msg);
    LedgerCell c = {"k", "soup", "toy", "u1", NAN, 1, NULL, 0};
    cr_assert_eq(ledger_cell_begin(l, &c, &err), OK);
    for (size_t u = 0; u < 3500; u++) {
        char unit[16];
        snprintf(unit, sizeof unit, "a%04zu", u);
        add(l, "attack", "ref", unit, "in", 1, u < 100 ? 1 : 0);
        add(l, "attack", "ref", unit, "out", 0, u >= 3400 ? 1 : 0);
    }
    cr_assert_eq(ledger_cell_commit(l, "ok", 1, &err), OK);
    cr_assert_eq(report_load(&r, l, NULL, &err), OK, "%s", err.msg);
    ledger_close(l);
    remove(path);
    char *text = output_of(r, "report.html");
    cr_assert_not_null(strstr(text, "500 more rows are in anchors.csv"));
    cr_assert_eq(count_of(text, "<tr><td>toy</td><td>soup</td><td class=n></td><td>ref</td><td>a"), 3000);
    cr_assert_eq(count_of(text, "<td>a00"), 200, "the leakiest are there, in both tables of anchors");
    cr_assert_not_null(strstr(text, "3100 more rows are in merges.csv"));
    cr_assert_eq(count_of(text, "<td>toy</td><td>soup</td><td class=n></td><td>u1</td><td>a"), 400);
    cr_assert_null(strstr(text, "<td>a34"), "those that do not leak are not");
    cr_assert_lt(strlen(text), 2000000);
    free(text);
    report_free(r);
}
