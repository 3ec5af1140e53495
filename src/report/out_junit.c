/* out_junit.c - verdicts as test cases, one suite a task. Breached is a failure, cannot grade an error,
 * inconclusive a skipped test (the format has no third answer; the exit code of prime check has). Without
 * gates a merge is a case: an error where it cannot be graded. */
#include "report_priv.h"

#include <math.h>
#include <string.h>

typedef struct {
    size_t tests, failures, errors, skipped;
} JunitCount;

static void junit_attr(Str *out, const char *name, const char *value)
{
    str_printf(out, " %s=\"", name);
    show_xml(out, value);
    str_puts(out, "\"");
}

static void junit_counts(Str *out, const JunitCount *n)
{
    str_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", n->tests, n->failures,
               n->errors, n->skipped);
}

static void junit_count(JunitCount *n, Verdict v)
{
    n->tests++;
    n->failures += (size_t)(v == VERDICT_BREACHED);
    n->errors += (size_t)(v == VERDICT_UNGRADED);
    n->skipped += (size_t)(v == VERDICT_INCONCLUSIVE);
}

static void junit_class(Str *out, const char *task, const char *method, double lambda)
{
    str_puts(out, "    <testcase classname=\"");
    show_xml(out, task);
    str_puts(out, ".");
    show_xml(out, method);
    if (!isnan(lambda)) str_printf(out, "@%g", lambda);
    str_puts(out, "\" name=\"");
}

static void junit_value(Str *out, const GateResult *x)
{
    if (x->group == NULL) {
        str_puts(out, "no such row");
        return;
    }
    if (isnan(x->value))
        str_puts(out, "no value");
    else
        str_printf(out, "%.4f", x->value);
    if (!isnan(x->lo) && !isnan(x->hi)) str_printf(out, " [%.4f, %.4f]", x->lo, x->hi);
    str_printf(out, ", n = %zu", x->n);
    if (x->n < x->gate->min_users) str_printf(out, ", want %zu", x->gate->min_users);
    if (x->who[0] != '\0') {
        str_puts(out, ", anchor ");
        show_xml(out, x->who);
    }
}

static void junit_result(Str *out, const GateResult *x)
{
    static const char *const element[] = {
        [VERDICT_INCONCLUSIVE] = "skipped", [VERDICT_UNGRADED] = "error", [VERDICT_BREACHED] = "failure"};
    const Gate *g = x->gate;
    junit_class(out, result_task(x, "any"), result_method(x, "any"), result_lambda(x));
    show_xml(out, g->name);
    str_puts(out, g->attack[0] != '\0' ? " of " : "");
    show_xml(out, g->attack);
    str_puts(out, ", ");
    show_xml(out, g->scope);
    str_printf(out, ", %s %g\"", g->at_most ? "at most" : "at least", g->limit);
    if (x->verdict == VERDICT_PASS) {
        str_puts(out, "/>\n");
        return;
    }
    str_printf(out, ">\n      <%s message=\"%s: ", element[x->verdict], verdict_name(x->verdict));
    junit_value(out, x);
    if (x->verdict == VERDICT_INCONCLUSIVE)
        str_puts(out, "\"/>\n    </testcase>\n");
    else
        str_printf(out, "\" type=\"%s\"/>\n    </testcase>\n", verdict_name(x->verdict));
}

/* The suite that a verdict belongs to: its row's task, or "any" where no row was there. */
static bool junit_in(const GateResult *x, const char *task)
{
    if (x->group == NULL) return task == NULL;
    return task != NULL && strcmp(x->group->task, task) == 0;
}

static void junit_suite(Str *out, const Report *r, const char *task)
{
    JunitCount n = {0};
    for (size_t i = 0; i < r->n_results; i++)
        if (junit_in(&r->result[i], task)) junit_count(&n, r->result[i].verdict);
    if (n.tests == 0) return;
    str_puts(out, "  <testsuite");
    junit_attr(out, "name", task != NULL ? task : "rows that are not there");
    junit_counts(out, &n);
    str_puts(out, ">\n");
    for (size_t i = 0; i < r->n_results; i++)
        if (junit_in(&r->result[i], task)) junit_result(out, &r->result[i]);
    str_puts(out, "  </testsuite>\n");
}

/* Without gates: whether the merges can be graded at all. */
static void junit_graded(Str *out, const Report *r, const JunitCount *n)
{
    str_puts(out, "  <testsuite name=\"graded\"");
    junit_counts(out, n);
    str_puts(out, ">\n");
    for (size_t i = 0; i < r->n_groups; i++) {
        const ReportGroup *g = &r->group[i];
        if (!g->is_merge) continue;
        junit_class(out, g->task, g->method, g->lambda);
        str_puts(out, "graded\"");
        if (r->front[i].graded) {
            str_puts(out, "/>\n");
            continue;
        }
        str_puts(out, ">\n      <error type=\"cannot grade\" message=\"");
        screen_why(out, &r->front[i]);
        str_puts(out, "\"/>\n    </testcase>\n");
    }
    str_puts(out, "  </testsuite>\n");
}

/* Failed and missing cells are an error of their own: no gate shows them. */
static void junit_cells(Str *out, const Report *r)
{
    size_t missing = gates_missing(r);
    if (missing == 0) return;
    str_printf(out,
               "  <testsuite name=\"cells\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n"
               "    <testcase classname=\"cells\" name=\"all cells are there\">\n"
               "      <error type=\"cannot grade\" message=\"%zu failed or missing\"/>\n    </testcase>\n"
               "  </testsuite>\n",
               missing);
}

Status out_junit(Str *out, const Report *r, Err *e)
{
    JunitCount n = {0};
    (void)e;
    for (size_t i = 0; i < r->n_results; i++) junit_count(&n, r->result[i].verdict);
    for (size_t i = 0; i < r->n_groups && r->verdict == VERDICT_NONE; i++)
        if (r->group[i].is_merge) junit_count(&n, r->front[i].graded ? VERDICT_PASS : VERDICT_UNGRADED);
    JunitCount all = n;
    if (gates_missing(r) > 0) junit_count(&all, VERDICT_UNGRADED);
    str_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"prime\"");
    junit_counts(out, &all);
    str_puts(out, ">\n");
    if (r->verdict == VERDICT_NONE) junit_graded(out, r, &n);
    for (size_t i = 0; i < r->n_groups; i++)
        if (i == 0 || strcmp(r->group[i].task, r->group[i - 1].task) != 0)
            junit_suite(out, r, r->group[i].task);
    junit_suite(out, r, NULL);
    junit_cells(out, r);
    str_puts(out, "</testsuites>\n");
    return OK;
}
