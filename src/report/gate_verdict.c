/* gate_verdict.c - the gates file, and what a gate measures. */
#include "report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One row per metric that a gate may be set on. */
struct GateMetric {
    const char *name;
    bool prefix; /* a rate follows */
    bool attack; /* it is about anchors */
    bool mean;   /* the mean over people can be asked for (and is the default where there is no attack) */
    Status (*fn)(GateResult *out, const Report *r, ReportRows rows, PickBy by, double level, Arena *a,
                 Err *e);
};

static Status gate_auc(GateResult *out, const Report *r, ReportRows rows, PickBy by, double level, Arena *a,
                       Err *e)
{
    RocEst est;
    size_t n_records;
    (void)r;
    TRY(pick_auc(&est, &n_records, rows, by, level, a, e));
    out->value = est.value;
    out->lo = est.lo;
    out->hi = est.hi;
    out->n = by == BY_UNIT ? est.n_clusters : n_records;
    return OK;
}

static Status gate_excess(GateResult *out, const Report *r, ReportRows rows, PickBy by, double level,
                          Arena *a, Err *e)
{
    RocEst est;
    const ReportAttack *blind = attack_blind(r, out->group);
    out->value = out->lo = out->hi = NAN;
    out->n = 0;
    if (rows.n == 0 || blind == NULL) return OK;
    ReportRows other =
        rows_of(out->group, KIND_ATTACK, blind->attack, by == BY_UNIT ? NAME_ANY : rows.row[0]->unit);
    TRY(pick_excess(&est, rows, other, blind->auc.value, by, level, a, e));
    out->value = est.value;
    out->lo = est.lo;
    out->hi = est.hi;
    out->n = est.n_clusters;
    return OK;
}

/* Of many people, or of one whose records are independent. */
static Status gate_tpr(GateResult *out, const Report *r, ReportRows rows, PickBy by, double level, Arena *a,
                       Err *e)
{
    RateEst est = {NAN, NAN, NAN};
    RocData d;
    RocPoint at;
    size_t n_records;
    (void)r;
    TRY(pick_scores(&d, &n_records, rows, by, a, e));
    if (by == BY_UNIT) TRY(pick_tpr(&est, rows, out->gate->rate, level, a, e));
    if (by == BY_RECORD && d.m > 0 && d.n > 0) {
        /* Several cells score the same records: they count once. */
        TRY(roc_tpr_at(&at, &d, out->gate->rate, level, e));
        double times = (double)(d.m + d.n) / (double)n_records, unused;
        size_t m = (size_t)ceil((double)d.m / times), k = (size_t)ceil(at.tpr * (double)m - 1e-9);
        stats_clopper_pearson(&unused, &est.hi, k < m ? k : m, m, level);
        stats_clopper_pearson(&est.lo, &unused, (size_t)floor(at.tpr * (double)m + 1e-9), m, level);
        est.value = at.tpr;
    }
    out->value = est.value;
    out->lo = est.lo;
    out->hi = est.hi;
    out->n = d.n_users;
    return OK;
}

static const ReportFront *gate_front(const Report *r, const ReportGroup *g)
{
    return &r->front[g - r->group];
}

static Status gate_utility(GateResult *out, const Report *r, ReportRows rows, PickBy by, double level,
                           Arena *a, Err *e)
{
    const ReportFront *f = gate_front(r, out->group);
    UnitValues u;
    StatsEst est;
    (void)rows;
    (void)by;
    TRY(unit_utility(&u, r, out->group, f->metric, a, e));
    TRY(unit_boot(&est, &u, level, a, e));
    out->value = est.value;
    out->lo = est.lo;
    out->hi = est.hi;
    out->n = u.n;
    return OK;
}

static Status gate_gain(GateResult *out, const Report *r, ReportRows rows, PickBy by, double level, Arena *a,
                        Err *e)
{
    const ReportFront *f = gate_front(r, out->group);
    const ReportGroup *base = front_base(r, out->group->task);
    UnitValues own, other = {0};
    PairEst est;
    (void)rows;
    (void)by;
    TRY(unit_utility(&own, r, out->group, f->metric, a, e));
    if (base != NULL) TRY(unit_utility(&other, r, base, f->metric, a, e));
    TRY(unit_pair(&est, &own, &other, f->sign, level, a, e));
    out->value = est.diff.value;
    out->lo = est.diff.lo;
    out->hi = est.diff.hi;
    out->n = est.diff.n;
    return OK;
}

static const GateMetric gate_metrics[] = {
    {"auc", false, true, true, gate_auc},         {"excess", false, true, false, gate_excess},
    {"tpr_at_fpr_", true, true, false, gate_tpr}, {"utility", false, false, true, gate_utility},
    {"gain", false, false, true, gate_gain},
};
enum { N_GATE_METRICS = sizeof gate_metrics / sizeof gate_metrics[0] };

/* The larger (of max) or smaller of two bounds; a bound that is missing stays missing when `strict`. */
static double gate_worse(double a, double b, bool at_most, bool strict)
{
    if (isnan(a) || isnan(b)) return strict ? NAN : isnan(a) ? b : a;
    return (a > b) == at_most ? a : b;
}

/* Each anchor at a level at which all intervals hold together. */
static Status gate_worst(GateResult *out, const Report *r, ReportRows rows, Arena *a, Err *e)
{
    const Gate *g = out->gate;
    ReportRows unit;
    size_t n = 0, at = 0;
    for (ReportRows rest = rows; rows_next_unit(&unit, &rest);) n++;
    double level = 1 - (1 - g->confidence) / (double)(n > 0 ? n : 1);
    GateResult worst = {g, out->group, NAN, NAN, NAN, n, "", VERDICT_NONE};
    while (rows_next_unit(&unit, &rows)) {
        GateResult one = *out;
        TRY(g->metric->fn(&one, r, unit, BY_RECORD, level, a, e));
        if (isnan(worst.value) || (one.value > worst.value) == g->at_most) {
            worst.value = one.value;
            worst.who = r->names.name[unit.row[0]->unit];
        }
        /* The bound that may breach is known from those that have one; the bound that may pass is not. */
        bool first = at++ == 0;
        worst.lo = first ? one.lo : gate_worse(worst.lo, one.lo, g->at_most, !g->at_most);
        worst.hi = first ? one.hi : gate_worse(worst.hi, one.hi, g->at_most, g->at_most);
    }
    *out = worst;
    return OK;
}

Status gates_measure(GateResult *out, const Report *r, Arena *a, Err *e)
{
    const Gate *g = out->gate;
    size_t attack = names_find(&r->names, g->attack);
    ReportRows rows = rows_of(out->group, KIND_ATTACK, attack, NAME_ANY);
    if (g->where == SCOPE_WORST) return gate_worst(out, r, rows, a, e);
    if (g->where == SCOPE_ANCHOR) {
        rows = rows_of(out->group, KIND_ATTACK, attack, names_find(&r->names, g->anchor));
        out->who = g->anchor;
        return g->metric->fn(out, r, rows, BY_RECORD, g->confidence, a, e);
    }
    if (g->where == SCOPE_MEAN && g->metric->attack) {
        MeanEst m;
        TRY(mean_auc(&m, out->group, attack, g->confidence, a, e));
        out->value = m.value;
        out->lo = m.lo;
        out->hi = m.hi;
        out->n = m.n;
        return OK;
    }
    return g->metric->fn(out, r, rows, BY_UNIT, g->confidence, a, e);
}

/* ---- the file ---- */

static const char *const gate_columns[] = {"metric",     "attack",    "scope", "limit",  "direction",
                                           "confidence", "min_users", "task",  "method", "lambda"};
enum { N_GATE_COLUMNS = sizeof gate_columns / sizeof gate_columns[0] };

/* A cell, or "" where the column is not there. */
static const char *gate_cell(const Table *t, size_t row, const char *column)
{
    size_t col = table_col(t, column);
    return col == TABLE_NONE ? "" : table_str(t, row, col);
}

static Status gate_number(double *out, const Table *t, size_t row, const char *column, double otherwise,
                          Err *e)
{
    *out = otherwise;
    return gate_cell(t, row, column)[0] == '\0' ? OK : table_num(out, t, row, table_col(t, column), e);
}

static Status gate_metric(Gate *g, const Table *t, size_t row, Err *e)
{
    g->name = gate_cell(t, row, "metric");
    for (size_t i = 0; i < N_GATE_METRICS && g->metric == NULL; i++) {
        const GateMetric *m = &gate_metrics[i];
        size_t n = strlen(m->name);
        char *end = NULL;
        if (!m->prefix && strcmp(m->name, g->name) == 0) g->metric = m;
        if (!m->prefix || strncmp(m->name, g->name, n) != 0) continue;
        g->rate = strtod(g->name + n, &end);
        if (end != g->name + n && *end == '\0' && g->rate > 0 && g->rate < 1) g->metric = m;
    }
    if (g->metric == NULL)
        FAIL(e, ERR_FORMAT,
             "%s:%zu: metric = '%s', want auc, excess, tpr_at_fpr_RATE with RATE in (0, 1), utility or gain",
             t->name, t->line[row], g->name);
    return OK;
}

static Status gate_scope(Gate *g, const Table *t, size_t row, Err *e)
{
    static const char *const words[] = {"pooled", "mean", "worst"};
    bool about = g->metric->attack;
    g->scope = gate_cell(t, row, "scope");
    if (g->scope[0] == '\0') g->scope = about ? "pooled" : "mean";
    size_t i = 0;
    while (i < 3 && strcmp(words[i], g->scope) != 0) i++;
    bool fine = i < 3;
    g->where = (GateScope)i;
    if (strncmp(g->scope, "anchor:", 7) == 0 && g->scope[7] != '\0') {
        g->where = SCOPE_ANCHOR;
        g->anchor = g->scope + 7;
        fine = true;
    }
    fine = fine && (about || g->where == SCOPE_MEAN) && (g->where != SCOPE_MEAN || g->metric->mean);
    if (!fine)
        FAIL(e, ERR_FORMAT, "%s:%zu: scope of %s = '%s', want %s", t->name, t->line[row], g->name, g->scope,
             !about            ? "mean"
             : g->metric->mean ? "pooled, mean, worst or anchor:ID"
                               : "pooled, worst or anchor:ID");
    g->attack = gate_cell(t, row, "attack");
    if (!about && g->attack[0] != '\0')
        FAIL(e, ERR_FORMAT, "%s:%zu: attack = '%s', want none with %s", t->name, t->line[row], g->attack,
             g->name);
    return OK;
}

static Status gate_bounds(Gate *g, const Table *t, size_t row, Err *e)
{
    double users = 0;
    TRY(table_num(&g->limit, t, row, table_col(t, "limit"), e));
    TRY(gate_number(&g->confidence, t, row, "confidence", 0.95, e));
    TRY(gate_number(&g->lambda, t, row, "lambda", NAN, e));
    TRY(gate_number(&users, t, row, "min_users", REPORT_MIN_USERS, e));
    g->any_lambda = isnan(g->lambda);
    const char *direction = gate_cell(t, row, "direction");
    g->at_most = strcmp(direction, "max") == 0;
    if (!g->at_most && strcmp(direction, "min") != 0)
        FAIL(e, ERR_FORMAT, "%s:%zu: direction = '%s', want max or min", t->name, t->line[row], direction);
    if (!(g->confidence > 0 && g->confidence < 1))
        FAIL(e, ERR_FORMAT, "%s:%zu: confidence = %g, want (0, 1)", t->name, t->line[row], g->confidence);
    if (!(users >= 1 && users <= 1e9 && users == floor(users)))
        FAIL(e, ERR_FORMAT, "%s:%zu: min_users = %g, want a whole number from 1", t->name, t->line[row],
             users);
    g->min_users = (size_t)users;
    return OK;
}

static Status gate_row(Gate *g, const Report *r, const Table *t, size_t row, Err *e)
{
    const char *task = gate_cell(t, row, "task"), *method = gate_cell(t, row, "method");
    *g = (Gate){.line = t->line[row],
                .task = task[0] != '\0' ? task : NULL,
                .method = method[0] != '\0' ? method : NULL};
    TRY(gate_metric(g, t, row, e));
    TRY(gate_scope(g, t, row, e));
    if (g->metric->attack && g->attack[0] == '\0') g->attack = r->how.attack;
    return gate_bounds(g, t, row, e);
}

static Status gate_head(const Table *t, Err *e)
{
    size_t col;
    TRY(table_need(&col, t, "metric", e));
    TRY(table_need(&col, t, "limit", e));
    TRY(table_need(&col, t, "direction", e));
    for (size_t c = 0; c < t->n_cols; c++) {
        size_t i = 0;
        while (i < N_GATE_COLUMNS && strcmp(gate_columns[i], t->col[c]) != 0) i++;
        if (i < N_GATE_COLUMNS) continue;
        const char *near = str_nearest(t->col[c], gate_columns, N_GATE_COLUMNS);
        FAIL(e, ERR_FORMAT, "%s: unknown column '%s'%s%s%s", t->name, t->col[c],
             near != NULL ? ", did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    return OK;
}

Status gates_read(Gate **gate, size_t *n, Report *r, const char *path, Err *e)
{
    Table t;
    TRY(table_load(&t, &r->arena, path, e));
    TRY(gate_head(&t, e));
    if (t.n_rows == 0) FAIL(e, ERR_FORMAT, "%s: no gates, want at least one row", path);
    Gate *g = arena_alloc(&r->arena, t.n_rows, sizeof *g);
    if (g == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu gates", t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++) TRY(gate_row(&g[i], r, &t, i, e));
    *gate = g;
    *n = t.n_rows;
    return OK;
}

/* ---- what was judged ---- */

const char *result_task(const GateResult *x, const char *any)
{
    const char *task = x->group != NULL ? x->group->task : x->gate->task;
    return task != NULL ? task : any;
}

const char *result_method(const GateResult *x, const char *any)
{
    const char *method = x->group != NULL ? x->group->method : x->gate->method;
    return method != NULL ? method : any;
}

double result_lambda(const GateResult *x)
{
    return x->group != NULL ? x->group->lambda : x->gate->lambda;
}
