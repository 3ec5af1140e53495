/* judge.c - verdicts: gates on rows of the front, and what the smallest passing lambda costs. */
#include "report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdict_names[] = {"pass", "inconclusive", "cannot grade", "breached", "not judged"};

const char *verdict_name(Verdict v)
{
    return verdict_names[v];
}

Verdict report_verdict(const Report *r)
{
    return r->verdict;
}

size_t gates_missing(const Report *r)
{
    const char *planned = report_meta(r, "planned_cells");
    size_t want = planned != NULL ? strtoul(planned, NULL, 10) : 0, have = r->n_cells;
    size_t lost = want > have ? want - have : 0;
    return lost > r->n_failed ? lost : r->n_failed;
}

static Verdict judge_interval(const GateResult *x)
{
    const Gate *g = x->gate;
    if (x->n < g->min_users || isnan(x->value)) return VERDICT_UNGRADED;
    bool breached = g->at_most ? x->lo > g->limit : x->hi < g->limit;
    bool pass = g->at_most ? x->hi <= g->limit : x->lo >= g->limit;
    if (breached) return VERDICT_BREACHED;
    if (isnan(x->lo) || isnan(x->hi)) return VERDICT_UNGRADED;
    return pass ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

static bool judge_applies(const Gate *g, const ReportGroup *group)
{
    return group_is(group, g->task, g->method, g->lambda, g->any_lambda) &&
           (g->method != NULL || group->is_merge);
}

static Status judge_gate(Report *r, const Gate *g, Arena *a, Err *e)
{
    size_t before = r->n_results;
    for (size_t i = 0; i < r->n_groups; i++) {
        if (!judge_applies(g, &r->group[i])) continue;
        GateResult x = {.gate = g, .group = &r->group[i], .value = NAN, .lo = NAN, .hi = NAN, .who = ""};
        TRY(gates_measure(&x, r, a, e));
        x.verdict = judge_interval(&x);
        r->result[r->n_results++] = x;
        arena_reset(a);
    }
    if (r->n_results == before)
        r->result[r->n_results++] = (GateResult){
            .gate = g, .value = NAN, .lo = NAN, .hi = NAN, .who = "", .verdict = VERDICT_UNGRADED};
    return OK;
}

/* Verdicts on a row, and how many of them are a pass. */
static size_t judge_tally(size_t *passed, const Report *r, const ReportGroup *g)
{
    size_t n = 0;
    *passed = 0;
    for (size_t i = 0; i < r->n_results; i++) {
        if (r->result[i].group != g) continue;
        *passed += (size_t)(r->result[i].verdict == VERDICT_PASS);
        n++;
    }
    return n;
}

/* The first row that passed as many gates as were on any of these; n when there is none. A gate on some
 * lambdas alone says nothing about the others. */
static size_t judge_first(const Report *r, const ReportGroup *g, size_t n)
{
    size_t most = 0, passed;
    for (size_t i = 0; i < n; i++) {
        size_t k = judge_tally(&passed, r, &g[i]);
        if (k > most) most = k;
    }
    for (size_t i = 0; i < n; i++) {
        judge_tally(&passed, r, &g[i]);
        if (passed == most) return i;
    }
    return n;
}

/* Whether any gate was on one of these rows. */
static bool judge_touches(const Report *r, const ReportGroup *g, size_t n)
{
    for (size_t i = 0; i < r->n_results; i++)
        if (r->result[i].group >= g && r->result[i].group < g + n) return true;
    return false;
}

/* Rows i .. i + n - 1 are the lambdas of one method. */
static Status judge_choice(Report *r, size_t i, size_t n, Arena *a, Err *e)
{
    const ReportFront *f = &r->front[i];
    GateChoice c = {f->group->task,   f->group->method,        NAN,
                    f->group->lambda, {NAN, NAN, NAN, NAN, 0}, f->metric};
    size_t at = judge_first(r, f->group, n);
    if (at < n) {
        c.lambda = r->group[i + at].lambda;
        UnitValues first, chosen;
        PairEst pair;
        TRY(unit_utility(&first, r, f->group, f->metric, a, e));
        TRY(unit_utility(&chosen, r, &r->group[i + at], f->metric, a, e));
        TRY(unit_pair(&pair, f->sign > 0 ? &first : &chosen, f->sign > 0 ? &chosen : &first, 1, 0.95, a, e));
        c.cost = pair.diff;
    }
    r->choice[r->n_choices++] = c;
    return OK;
}

static Status judge_choices(Report *r, Arena *a, Err *e)
{
    r->choice = arena_alloc(&r->arena, r->n_groups, sizeof *r->choice);
    if (r->choice == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu choices", r->n_groups);
    for (size_t i = 0, n; i < r->n_groups; i += n) {
        const ReportGroup *g = &r->group[i];
        for (n = 1; i + n < r->n_groups && group_is(&r->group[i + n], g->task, g->method, NAN, true);) n++;
        size_t none = 0; /* a row without lambda comes first */
        if (isnan(g->lambda)) none = 1;
        if (n > none && judge_touches(r, g + none, n - none)) TRY(judge_choice(r, i + none, n - none, a, e));
        arena_reset(a);
    }
    return OK;
}

static Status judge_all(Report *r, const Gate *gate, size_t n, Arena *a, Err *e)
{
    r->result = arena_alloc(&r->arena, n * (r->n_groups + 1), sizeof *r->result);
    if (r->result == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu verdicts", n * (r->n_groups + 1));
    for (size_t i = 0; i < n; i++) TRY(judge_gate(r, &gate[i], a, e));
    r->verdict = gates_missing(r) > 0 ? VERDICT_UNGRADED : VERDICT_PASS;
    for (size_t i = 0; i < r->n_results; i++)
        if (r->result[i].verdict > r->verdict) r->verdict = r->result[i].verdict;
    return judge_choices(r, a, e);
}

Status report_judge(Report *r, const char *gates, Err *e)
{
    Gate *gate = NULL;
    size_t n = 0;
    Arena scratch = {0};
    TRY(gates_read(&gate, &n, r, gates, e));
    r->n_results = r->n_choices = 0;
    r->gates_path = arena_strdup(&r->arena, gates);
    if (r->gates_path == NULL) FAIL(e, ERR_NOMEM, "no memory for the name of the gates");
    Status s = judge_all(r, gate, n, &scratch, e);
    arena_free(&scratch);
    return s;
}

/* ---- words ---- */

static size_t judge_count(const Report *r, Verdict v)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_results; i++) n += (size_t)(r->result[i].verdict == v);
    return n;
}

void report_sentence(Str *out, const Report *r)
{
    if (r->verdict == VERDICT_NONE) {
        str_puts(out, "not judged: no gates were given");
        return;
    }
    str_printf(out, "%s: of %zu verdicts %zu pass, %zu inconclusive, %zu cannot be graded, %zu breached",
               verdict_name(r->verdict), r->n_results, judge_count(r, VERDICT_PASS),
               judge_count(r, VERDICT_INCONCLUSIVE), judge_count(r, VERDICT_UNGRADED),
               judge_count(r, VERDICT_BREACHED));
    size_t missing = gates_missing(r);
    if (missing > 0) str_printf(out, "; %zu cell%s failed or missing", missing, missing == 1 ? "" : "s");
}

void choice_sentence(Str *out, const Report *r, const GateChoice *c, void (*show)(Str *, const char *))
{
    show(out, c->task);
    str_puts(out, ", ");
    show(out, c->method);
    if (isnan(c->lambda)) {
        str_puts(out, ": none of its lambdas passes every gate");
        return;
    }
    str_printf(out, ": the smallest lambda that passes every gate is %g", c->lambda);
    if (c->lambda == c->first) {
        str_puts(out, ", the smallest there is: it costs nothing");
    } else if (isnan(c->cost.value)) {
        str_puts(out, "; its cost in utility is not known");
    } else {
        str_printf(out, "; against lambda %g it costs %.3f", c->first, c->cost.value);
        if (!isnan(c->cost.lo)) str_printf(out, " [%.3f, %.3f]", c->cost.lo, c->cost.hi);
        str_puts(out, " of ");
        show(out, c->metric < r->names.n ? r->names.name[c->metric] : "utility");
    }
}

Status grid_verdicts(Grid *g, const Report *r, Err *e)
{
    for (size_t i = 0; i < r->n_results; i++) {
        const GateResult *x = &r->result[i];
        grid_text(g, result_task(x, ""));
        grid_text(g, result_method(x, ""));
        grid_num(g, result_lambda(x));
        grid_text(g, x->gate->name);
        grid_text(g, x->gate->attack);
        grid_text(g, x->gate->scope);
        grid_three(g, x->value, x->lo, x->hi);
        grid_num(g, x->gate->confidence);
        grid_text(g, x->gate->at_most ? "max" : "min");
        grid_num(g, x->gate->limit);
        grid_count(g, x->n);
        grid_count(g, x->gate->min_users);
        grid_text(g, x->who);
        grid_text(g, verdict_name(x->verdict));
    }
    if (g->failed) FAIL(e, ERR_NOMEM, "no memory for %s", g->file);
    return OK;
}

static void gates_cell(Str *out, const char *s, size_t width)
{
    Str shown = {0};
    show_text(&shown, s);
    str_printf(out, " %-*s", (int)width, shown.s != NULL ? shown.s : "");
    out->failed = out->failed || shown.failed;
    str_free(&shown);
}

static void gates_line(Str *out, const GateResult *x)
{
    char lambda[32] = "-", value[96] = "-", limit[40];
    double l = result_lambda(x);
    if (!isnan(l)) snprintf(lambda, sizeof lambda, "%.3g", l);
    if (!isnan(x->value)) snprintf(value, sizeof value, "%.3f", x->value);
    if (!isnan(x->lo) && !isnan(x->hi))
        snprintf(value, sizeof value, "%.3f [%.3f, %.3f]", x->value, x->lo, x->hi);
    snprintf(limit, sizeof limit, "%s %g", x->gate->at_most ? "<=" : ">=", x->gate->limit);
    str_printf(out, "%-12s", verdict_name(x->verdict));
    gates_cell(out, result_task(x, "-"), 10);
    gates_cell(out, result_method(x, "-"), 12);
    gates_cell(out, lambda, 6);
    gates_cell(out, x->gate->name, 15);
    gates_cell(out, x->gate->attack[0] != '\0' ? x->gate->attack : "-", 6);
    gates_cell(out, x->gate->scope, 8);
    gates_cell(out, limit, 8);
    gates_cell(out, value, 22);
    str_printf(out, " n=%zu", x->n);
    if (x->gate->where == SCOPE_WORST) {
        str_puts(out, " ");
        show_text(out, x->who);
    }
    if (x->group == NULL)
        str_puts(out, " no such row");
    else if (x->n < x->gate->min_users)
        str_printf(out, ", want %zu", x->gate->min_users);
    else if (x->verdict == VERDICT_UNGRADED)
        str_puts(out, " no interval");
    str_puts(out, "\n");
}

/* The verdicts, worst first, and the choices. */
Status out_gates(Str *out, const Report *r, Err *e)
{
    static const Verdict order[] = {VERDICT_BREACHED, VERDICT_UNGRADED, VERDICT_INCONCLUSIVE, VERDICT_PASS};
    (void)e;
    for (size_t v = 0; v < sizeof order / sizeof order[0]; v++)
        for (size_t i = 0; i < r->n_results; i++)
            if (r->result[i].verdict == order[v]) gates_line(out, &r->result[i]);
    for (size_t i = 0; i < r->n_choices; i++) {
        choice_sentence(out, r, &r->choice[i], show_text);
        str_puts(out, "\n");
    }
    return OK;
}
