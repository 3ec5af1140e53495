/* probes.c - what attacks on more than single records find: merge weights read off a merge, whole people,
 * whose text it is, planted secrets. */
#include "report_priv.h"

#include "prime/sort.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static Status probes_done(const Grid *g, Err *e)
{
    if (g->failed) FAIL(e, ERR_NOMEM, "no memory for %s", g->file);
    return OK;
}

/* One row of the front into the grid; scratch is reset after it. */
typedef Status (*ProbeFn)(Grid *g, const Report *r, const ReportGroup *group, Arena *scratch, Err *e);

static Status probes_each(Grid *g, const Report *r, ProbeFn fn, Err *e)
{
    Arena scratch = {0};
    Status s = OK;
    for (size_t i = 0; i < r->n_groups && s == OK; i++) {
        s = fn(g, r, &r->group[i], &scratch, e);
        arena_reset(&scratch);
    }
    arena_free(&scratch);
    return s == OK ? probes_done(g, e) : s;
}

/* Means by person over the rows with a label (or all, LEDGER_NO_LABEL). */
static Status label_means(UnitValues *out, ReportRows rows, int label, Arena *a, Err *e)
{
    ReportRows unit;
    *out = (UnitValues){arena_alloc(a, rows.n, sizeof *out->unit), arena_alloc(a, rows.n, sizeof *out->value),
                        0};
    if (out->unit == NULL || out->value == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", rows.n);
    while (rows_next_unit(&unit, &rows)) {
        double sum = 0, n = 0;
        for (size_t i = 0; i < unit.n; i++) {
            if (label != LEDGER_NO_LABEL && unit.row[i]->label != label) continue;
            sum += unit.row[i]->value;
            n++;
        }
        if (n == 0) continue;
        out->unit[out->n] = unit.row[0]->unit;
        out->value[out->n++] = sum / n;
    }
    return OK;
}

/* fold: unit_mean or unit_rates. */
static Status label_estimate(MeanEst *out, MeanEst (*fold)(const double *, size_t, double, double),
                             ReportRows rows, int label, double null, Arena *a, Err *e)
{
    UnitValues u;
    TRY(label_means(&u, rows, label, a, e));
    *out = fold(u.value, u.n, null, 0.95);
    return OK;
}

/* The same per person, of those who have both. */
static Status label_differences(UnitValues *out, ReportRows rows, Arena *a, Err *e)
{
    UnitValues in, held;
    size_t n = 0;
    TRY(label_means(&in, rows, 1, a, e));
    TRY(label_means(&held, rows, 0, a, e));
    for (size_t i = 0, j = 0; i < in.n; i++) { /* both are in the order of people */
        while (j < held.n && held.unit[j] < in.unit[i]) j++;
        if (j == held.n || held.unit[j] != in.unit[i]) continue;
        in.unit[n] = in.unit[i];
        in.value[n++] = in.value[i] - held.value[j];
    }
    in.n = n;
    *out = in;
    return OK;
}

/* Those with label 1 minus those with label 0, person by person. */
static Status label_difference(MeanEst *out, ReportRows rows, Arena *a, Err *e)
{
    UnitValues in, held;
    PairEst pair;
    TRY(label_means(&in, rows, 1, a, e));
    TRY(label_means(&held, rows, 0, a, e));
    TRY(unit_pair(&pair, &in, &held, 1, 0.95, a, e));
    *out = pair.diff;
    return OK;
}

static size_t rows_cells(ReportRows rows)
{
    size_t n = 0;
    for (ReportRows cell; rows_next_cell(&cell, &rows);) n++;
    return n;
}

static size_t probe_n_people(ReportRows rows)
{
    size_t n = 0;
    for (ReportRows unit; rows_next_unit(&unit, &rows);) n++;
    return n;
}

static ReportRows probe_rows(const Report *r, const ReportGroup *g, ReportKind kind, const char *metric,
                             size_t unit)
{
    return rows_of(g, kind, names_find(&r->names, metric), unit);
}

/* ---- weights read off a merge ---- */

static double rows_most(ReportRows rows)
{
    double most = NAN;
    for (size_t i = 0; i < rows.n; i++) most = fmax(most, rows.row[i]->value);
    return most;
}

/* The mean weight over the cells of `found`, 0 in those that merge others; NaN for those in no merge. */
static double fingerprint_weight(const Report *r, const ReportGroup *g, size_t who, ReportRows found)
{
    ReportRows w = probe_rows(r, g, KIND_WEIGHT, "w", who);
    return rows_mean(w) * (double)rows_cells(w) / (double)rows_cells(found);
}

/* who: an anchor, or NAME_ANY for all of them. */
static void fingerprint_row(Grid *out, const Report *r, const ReportGroup *g, size_t who,
                            const MeanEst *error)
{
    ReportRows found = probe_rows(r, g, KIND_FINGERPRINT, "weight", who),
               missed = probe_rows(r, g, KIND_FINGERPRINT, "error", who);
    bool all = who == NAME_ANY;
    grid_group(out, g);
    grid_text(out, all ? "" : r->names.name[who]);
    grid_num(out, all ? NAN : fingerprint_weight(r, g, who, found));
    grid_num(out, all ? NAN : rows_mean(found));
    grid_mean(out, error);
    grid_num(out, rows_most(missed));
    grid_num(out, rows_mean(probe_rows(r, g, KIND_FINGERPRINT, "outside", who)));
    grid_count(out, all ? probe_n_people(found) : 1);
    grid_count(out, found.n);
}

static Status fingerprint_group(Grid *out, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportRows found = probe_rows(r, g, KIND_FINGERPRINT, "weight", NAME_ANY), unit;
    MeanEst error;
    if (found.n == 0) return OK;
    TRY(label_estimate(&error, unit_mean, probe_rows(r, g, KIND_FINGERPRINT, "error", NAME_ANY),
                       LEDGER_NO_LABEL, 0, a, e));
    fingerprint_row(out, r, g, NAME_ANY, &error);
    while (rows_next_unit(&unit, &found)) {
        size_t who = unit.row[0]->unit;
        double own = rows_mean(probe_rows(r, g, KIND_FINGERPRINT, "error", who));
        fingerprint_row(out, r, g, who, &(MeanEst){own, NAN, NAN, NAN, 1});
    }
    return OK;
}

Status grid_fingerprint(Grid *g, const Report *r, Err *e)
{
    return probes_each(g, r, fingerprint_group, e);
}

/* ---- people ---- */

typedef struct {
    uint32_t cell;
    bool in;
    double value;
} CellScore;

static bool cell_score_before(CellScore a, CellScore b)
{
    return a.cell < b.cell;
}

SORT_DEFINE(people_by_cell, CellScore, cell_score_before);

/* AUC of people within one cell; NaN when all are on one side. work [2 n]. */
static double people_auc(const CellScore *s, size_t n, double *work)
{
    size_t m = 0, k = 0;
    for (size_t i = 0; i < n; i++) m += s[i].in;
    if (m == 0 || m == n) return NAN;
    double *in = work, *out = work + m;
    for (size_t i = 0, j = 0; i < n; i++) *(s[i].in ? &in[j++] : &out[k++]) = s[i].value;
    return roc_auc(in, m, out, k, work + n);
}

/* Mean over targets of their cells' AUCs: cells come by target. */
static Status people_mean(MeanEst *out, const Report *r, ReportRows rows, Arena *a, Err *e)
{
    CellScore *s = arena_alloc(a, rows.n, 2 * sizeof *s);
    double *work = arena_alloc(a, rows.n, 3 * sizeof *work);
    if (s == NULL || work == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", rows.n);
    double *mean = work + 2 * rows.n, own = 0, cells = 0;
    size_t n = 0, targets = 0;
    for (size_t i = 0; i < rows.n; i++)
        if (rows.row[i]->label != LEDGER_NO_LABEL)
            s[n++] = (CellScore){rows.row[i]->cell, rows.row[i]->label == 1, rows.row[i]->value};
    people_by_cell(s, n, s + n);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && s[j].cell == s[i].cell;) j++;
        double auc = people_auc(s + i, j - i, work);
        if (!isnan(auc)) own += auc, cells++;
        if (j < n && r->cell[s[j].cell].target == r->cell[s[i].cell].target) continue;
        if (cells > 0) mean[targets++] = own / cells;
        own = cells = 0;
    }
    *out = unit_rates(mean, targets, 0.5, 0.95);
    return OK;
}

/* PriME's rule and the same rule with what it must be held against. */
static const char rule[] = "prime_mia", rule_base[] = "prime_mia_base", rule_blind[] = "prime_mia_blind";

typedef struct {
    const ReportGroup *group;
    size_t metric, n_people, n_cells;
    RocEst auc, excess;
    MeanEst mean, records;
    double holm;
} PeopleRow;

/* Beyond the stronger of the two. */
static Status people_excess(PeopleRow *p, const Report *r, ReportRows rows, Arena *a, Err *e)
{
    ReportRows best = {0};
    double auc = NAN;
    for (size_t i = 0; i < 2 && strcmp(r->names.name[p->metric], rule) == 0; i++) {
        RocEst est;
        ReportRows other = probe_rows(r, p->group, KIND_PERSON, i == 0 ? rule_base : rule_blind, NAME_ANY);
        TRY(pick_auc(&est, NULL, other, BY_UNIT, 0.95, a, e));
        if (isnan(est.value) || fabs(est.value - 0.5) <= fabs(auc - 0.5)) continue;
        auc = est.value;
        best = other;
    }
    return pick_excess(&p->excess, rows, best, auc, BY_UNIT, 0.95, a, e);
}

static Status people_row(PeopleRow *p, const Report *r, ReportRows rows, Arena *a, Err *e)
{
    char pooled[80];
    snprintf(pooled, sizeof pooled, "%.60s_auc", r->names.name[p->metric]);
    TRY(pick_auc(&p->auc, &p->n_people, rows, BY_UNIT, 0.95, a, e));
    TRY(people_mean(&p->mean, r, rows, a, e));
    TRY(label_estimate(&p->records, unit_rates, probe_rows(r, p->group, KIND_PERSON, pooled, NAME_ANY),
                       LEDGER_NO_LABEL, 0.5, a, e));
    TRY(people_excess(p, r, rows, a, e));
    ReportRows unit;
    rows_next_unit(&unit, &rows);
    p->n_cells = rows_cells(unit);
    return OK;
}

/* The attacks of a group: those whose rows say who is in the merge, but for the source of texts. */
static Status people_rows(PeopleRow *row, size_t *n, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportRows rest = rows_of(g, KIND_PERSON, NAME_ANY, NAME_ANY), run;
    while (rows_next_metric(&run, &rest)) {
        size_t metric = run.row[0]->metric;
        if (run.row[0]->label == LEDGER_NO_LABEL || strcmp(r->names.name[metric], "source_inference") == 0)
            continue;
        if (row != NULL) {
            row[*n] = (PeopleRow){.group = g, .metric = metric};
            TRY(people_row(&row[*n], r, run, a, e));
        }
        ++*n;
    }
    return OK;
}

/* Over the rows of a task; what the rule is held against has none. */
static Status people_adjust(PeopleRow *row, size_t n, const Report *r, Arena *a, Err *e)
{
    double *p = arena_alloc(a, n, sizeof *p), *q = arena_alloc(a, n, sizeof *q);
    if (p == NULL || q == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu p-values", n);
    for (size_t i = 0; i < n; i++) {
        const char *name = r->names.name[row[i].metric];
        p[i] = strcmp(name, rule_base) == 0 || strcmp(name, rule_blind) == 0 ? NAN : row[i].auc.p;
    }
    for (size_t i = 0, same; i < n; i += same) {
        for (same = 1; i + same < n && strcmp(row[i + same].group->task, row[i].group->task) == 0;) same++;
        TRY(holm_fill(q + i, p + i, same, a, e));
    }
    for (size_t i = 0; i < n; i++) row[i].holm = q[i];
    return OK;
}

Status grid_people(Grid *g, const Report *r, Err *e)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < r->n_groups; i++) TRY(people_rows(NULL, &n, r, &r->group[i], g->arena, e));
    PeopleRow *row = arena_zalloc(g->arena, n, sizeof *row);
    if (row == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu attacks", n);
    for (size_t i = 0; i < r->n_groups; i++) TRY(people_rows(row, &at, r, &r->group[i], g->arena, e));
    TRY(people_adjust(row, n, r, g->arena, e));
    for (size_t i = 0; i < n; i++) {
        const PeopleRow *p = &row[i];
        grid_group(g, p->group);
        grid_text(g, r->names.name[p->metric]);
        grid_roc(g, &p->auc);
        grid_num(g, p->auc.p);
        grid_num(g, p->holm);
        grid_mean(g, &p->mean);
        grid_mean(g, &p->records);
        grid_roc(g, &p->excess);
        grid_count(g, p->n_people);
        grid_count(g, p->mean.n);
        grid_count(g, p->n_cells);
    }
    return probes_done(g, e);
}

/* ---- whose text it is ---- */

static Status source_group(Grid *out, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportRows rows = probe_rows(r, g, KIND_PERSON, "source_inference", NAME_ANY);
    if (rows.n == 0) return OK;
    size_t people = probe_n_people(rows);
    double chance = 1 / (double)people;
    MeanEst in, held, diff;
    TRY(label_estimate(&in, unit_rates, rows, 1, chance, a, e));
    TRY(label_estimate(&held, unit_rates, rows, 0, chance, a, e));
    TRY(label_difference(&diff, rows, a, e));
    grid_group(out, g);
    grid_mean(out, &in);
    grid_num(out, in.p);
    grid_mean(out, &held);
    grid_num(out, held.p);
    grid_mean(out, &diff);
    grid_num(out, diff.p);
    grid_num(out, chance);
    grid_count(out, people);
    return OK;
}

Status grid_source(Grid *g, const Report *r, Err *e)
{
    return probes_each(g, r, source_group, e);
}

/* ---- planted secrets ---- */

/* `exposure` is of all, `exposure_KIND` of one kind. */
static const char *canary_kind(const char *metric)
{
    return strncmp(metric, "exposure_", 9) == 0 ? metric + 9 : "all";
}

/* Planted beyond kept out, beyond what the base model, which has read neither, makes of the same secrets. */
static Status canary_beyond(MeanEst *out, const Report *r, const ReportGroup *g, ReportRows rows, Arena *a,
                            Err *e)
{
    const ReportGroup *base = front_base(r, g->task);
    UnitValues own, other = {0};
    PairEst pair;
    TRY(label_differences(&own, rows, a, e));
    if (base != NULL && base != g)
        TRY(label_differences(&other, rows_of(base, KIND_CANARY, rows.row[0]->metric, NAME_ANY), a, e));
    TRY(unit_pair(&pair, &own, &other, 1, 0.95, a, e));
    *out = pair.diff;
    return OK;
}

static Status exposure_row(Grid *out, const Report *r, const ReportGroup *g, ReportRows rows, Arena *a,
                           Err *e)
{
    MeanEst in, held, diff, beyond;
    RocEst auc;
    size_t canaries = 0;
    TRY(label_estimate(&in, unit_mean, rows, 1, 0, a, e));
    TRY(label_estimate(&held, unit_mean, rows, 0, 0, a, e));
    TRY(label_difference(&diff, rows, a, e));
    TRY(canary_beyond(&beyond, r, g, rows, a, e));
    TRY(pick_auc(&auc, &canaries, rows, BY_UNIT, 0.95, a, e));
    grid_group(out, g);
    grid_text(out, canary_kind(r->names.name[rows.row[0]->metric]));
    grid_mean(out, &in);
    grid_mean(out, &held);
    grid_mean(out, &diff);
    grid_num(out, diff.p);
    grid_mean(out, &beyond);
    grid_roc(out, &auc);
    grid_num(out, auc.p);
    grid_count(out, probe_n_people(rows));
    grid_count(out, canaries);
    return OK;
}

static Status canary_group(Grid *out, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportRows rest = rows_of(g, KIND_CANARY, NAME_ANY, NAME_ANY), run;
    while (rows_next_metric(&run, &rest)) TRY(exposure_row(out, r, g, run, a, e));
    return OK;
}

Status grid_canary(Grid *g, const Report *r, Err *e)
{
    return probes_each(g, r, canary_group, e);
}

/* ---- what models write out ---- */

static Status extract_row(Grid *out, const Report *r, const ReportGroup *g, ReportRows rows, Arena *a, Err *e)
{
    MeanEst in, held, diff;
    TRY(label_estimate(&in, unit_mean, rows, 1, 0, a, e));
    TRY(label_estimate(&held, unit_mean, rows, 0, 0, a, e));
    TRY(label_difference(&diff, rows, a, e));
    grid_group(out, g);
    grid_text(out, r->names.name[rows.row[0]->metric]);
    grid_mean(out, &in);
    grid_mean(out, &held);
    grid_mean(out, &diff);
    grid_num(out, diff.p);
    grid_count(out, probe_n_people(rows));
    grid_count(out, rows_cells(rows));
    return OK;
}

static Status extract_group(Grid *out, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    for (size_t k = KIND_EXTRACT; k <= KIND_EMISSION; k++) {
        ReportRows rest = rows_of(g, (ReportKind)k, NAME_ANY, NAME_ANY), run;
        while (rows_next_metric(&run, &rest)) TRY(extract_row(out, r, g, run, a, e));
    }
    return OK;
}

Status grid_extract(Grid *g, const Report *r, Err *e)
{
    return probes_each(g, r, extract_group, e);
}

/* ---- a person's own adapter ---- */

typedef struct {
    size_t attack, n_records;
    RocEst auc;
    MeanEst mean;
    double holm;
} OwnRow;

/* The mean of the people's own AUCs. */
static Status own_mean(MeanEst *out, ReportRows rows, Arena *a, Err *e)
{
    ReportRows unit;
    double *auc = arena_alloc(a, rows.n, 2 * sizeof *auc), *work = auc + rows.n;
    size_t n = 0;
    if (auc == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", rows.n);
    while (rows_next_unit(&unit, &rows)) {
        RocData d;
        TRY(pick_scores(&d, NULL, unit, BY_UNIT, a, e));
        if (d.m > 0 && d.n > 0) auc[n++] = roc_auc(d.pos, d.m, d.neg, d.n, work);
    }
    *out = unit_rates(auc, n, 0.5, 0.95);
    return OK;
}

static void grid_own_row(Grid *out, const Report *r, const ReportGroup *g, const OwnRow *row)
{
    grid_group(out, g);
    grid_text(out, r->names.name[row->attack]);
    grid_roc(out, &row->auc);
    grid_num(out, row->auc.p);
    grid_num(out, row->holm);
    grid_mean(out, &row->mean);
    grid_count(out, row->auc.n_clusters);
    grid_count(out, row->n_records);
}

static Status own_group(Grid *out, const Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    ReportRows all = rows_of(g, KIND_OWN, NAME_ANY, NAME_ANY), run;
    size_t n = 0, k = 0;
    for (ReportRows rest = all; rows_next_metric(&run, &rest);) n++;
    OwnRow *row = arena_zalloc(a, n, sizeof *row);
    double *p = arena_alloc(a, n, 2 * sizeof *p);
    if (row == NULL || p == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu attacks", n);
    for (; rows_next_metric(&run, &all); k++) {
        row[k].attack = run.row[0]->metric;
        TRY(pick_auc(&row[k].auc, &row[k].n_records, run, BY_UNIT, 0.95, a, e));
        TRY(own_mean(&row[k].mean, run, a, e));
        p[k] = strncmp(r->names.name[row[k].attack], "blind_", 6) == 0 ? NAN : row[k].auc.p;
    }
    TRY(holm_fill(p + n, p, n, a, e));
    for (k = 0; k < n; k++) {
        row[k].holm = p[n + k];
        grid_own_row(out, r, g, &row[k]);
    }
    return OK;
}

Status grid_own(Grid *g, const Report *r, Err *e)
{
    return probes_each(g, r, own_group, e);
}
