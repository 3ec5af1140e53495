/* out_md.c - a summary for a pull request: the verdict, what did not pass, the front, who leaks most. */
#include "report_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MD_MAX_ROWS = 40, MD_MAX_ANCHORS = 5 };

static void md_num(Str *out, double x, int digits)
{
    if (isnan(x))
        str_puts(out, " | ");
    else
        str_printf(out, " | %.*f", digits, x);
}

static void md_three(Str *out, double value, double lo, double hi, int digits)
{
    md_num(out, value, digits);
    if (!isnan(lo) && !isnan(hi)) str_printf(out, " [%.*f, %.*f]", digits, lo, digits, hi);
}

static void md_name(Str *out, const char *s)
{
    str_puts(out, " | ");
    show_md(out, s);
}

static void md_lambda(Str *out, double lambda)
{
    if (isnan(lambda))
        str_puts(out, " | ");
    else
        str_printf(out, " | %g", lambda);
}

static void md_result(Str *out, const GateResult *x)
{
    const Gate *g = x->gate;
    str_printf(out, "| %s", verdict_name(x->verdict));
    md_name(out, result_task(x, ""));
    md_name(out, result_method(x, ""));
    md_lambda(out, result_lambda(x));
    md_name(out, g->name);
    md_name(out, g->attack);
    md_name(out, g->scope);
    str_printf(out, " | %s %g", g->at_most ? "≤" : "≥", g->limit);
    md_three(out, x->value, x->lo, x->hi, 3);
    str_printf(out, " | %zu |\n", x->n);
}

static void md_results(Str *out, const Report *r)
{
    static const Verdict order[] = {VERDICT_BREACHED, VERDICT_UNGRADED, VERDICT_INCONCLUSIVE};
    size_t shown = 0, all = 0;
    for (size_t i = 0; i < r->n_results; i++) all += (size_t)(r->result[i].verdict != VERDICT_PASS);
    if (all == 0) return;
    str_puts(out, "\n| verdict | task | method | lambda | metric | attack | scope | limit | value | n |\n"
                  "|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t v = 0; v < sizeof order / sizeof order[0]; v++)
        for (size_t i = 0; i < r->n_results && shown < MD_MAX_ROWS; i++) {
            if (r->result[i].verdict != order[v]) continue;
            md_result(out, &r->result[i]);
            shown++;
        }
    if (all > shown) str_printf(out, "\n%zu more in verdicts.csv\n", all - shown);
}

static void md_front(Str *out, const Report *r)
{
    str_puts(out, "\n## The front\n\n| task | method | lambda | utility | gain over base | leakage (AUC) | "
                  "mean of anchors "
                  "| TPR at 1% | on the front | graded |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < r->n_groups && i < MD_MAX_ROWS; i++) {
        const ReportFront *f = &r->front[i];
        str_puts(out, "| ");
        show_md(out, f->group->task);
        md_name(out, f->group->method);
        md_lambda(out, f->group->lambda);
        md_three(out, f->utility.value, f->utility.lo, f->utility.hi, 3);
        md_three(out, f->gain.diff.value, f->gain.diff.lo, f->gain.diff.hi, 3);
        md_three(out, f->leak.value, f->leak.lo, f->leak.hi, 2);
        md_num(out, f->leak_mean.value, 2);
        md_num(out, f->tpr.value, 3);
        bool known = !isnan(f->utility.value) && !isnan(f->leak.value);
        str_printf(out, " | %s | %s |\n",
                   !known         ? ""
                   : f->dominated ? "no"
                                  : "yes",
                   f->graded ? "yes" : "no");
    }
    if (r->n_groups > MD_MAX_ROWS) str_printf(out, "\n%zu more in front.csv\n", r->n_groups - MD_MAX_ROWS);
}

/* The anchors of merges with the largest AUC under the report's attack. */
static Status md_anchors(Str *out, const Report *r, Arena *a, Err *e)
{
    LeakRef top[MD_MAX_ANCHORS];
    size_t n = 0;
    TRY(leaks_top(top, &n, MD_MAX_ANCHORS, r, a, e));
    if (n == 0) return OK;
    str_puts(out, "\n## Anchors that leak most\n\n| anchor | task | method | lambda | AUC | Holm's p "
                  "|\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        str_puts(out, "| ");
        show_md(out, top[i].anchor);
        md_name(out, top[i].group->task);
        md_name(out, top[i].group->method);
        md_lambda(out, top[i].group->lambda);
        md_three(out, top[i].auc.value, top[i].auc.lo, top[i].auc.hi, 2);
        if (isnan(top[i].holm))
            str_puts(out, " |  |\n");
        else
            str_printf(out, " | %.2g |\n", top[i].holm);
    }
    return OK;
}

/* ---- one line for each further table that has something to say ---- */

static const GridCell *md_at(const Grid *g, size_t row, const char *column)
{
    size_t c = 0;
    while (strcmp(g->col[c]->column, column) != 0) c++;
    return &g->cell[row * g->n_cols + c];
}

static void md_value(Str *out, const Grid *g, size_t row, const char *column, int digits)
{
    char lo[64], hi[64];
    snprintf(lo, sizeof lo, "%s_lo", column);
    snprintf(hi, sizeof hi, "%s_hi", column);
    str_printf(out, "%.*f", digits, md_at(g, row, column)->num);
    double from = md_at(g, row, lo)->num, to = md_at(g, row, hi)->num;
    if (!isnan(from) && !isnan(to)) str_printf(out, " [%.*f, %.*f]", digits, from, digits, to);
}

/* The row where a column is largest, of those whose `column` says `text` (NULL: all); false: there is none.
 */
static bool md_largest(size_t *row, const Grid *g, const char *by, const char *column, const char *text)
{
    double most = NAN;
    for (size_t i = 0; i < grid_rows(g); i++) {
        double x = md_at(g, i, by)->num;
        if (isnan(x) || (text != NULL && strcmp(md_at(g, i, column)->text, text) != 0)) continue;
        if (!isnan(most) && x <= most) continue;
        most = x;
        *row = i;
    }
    return !isnan(most);
}

static void md_where(Str *out, const Grid *g, size_t row)
{
    show_md(out, md_at(g, row, "task")->text);
    str_puts(out, " ");
    show_md(out, md_at(g, row, "method")->text);
    double lambda = md_at(g, row, "lambda")->num;
    if (!isnan(lambda)) str_printf(out, " λ=%g", lambda);
}

/* What a table's line says: its row with the largest `by`. */
typedef struct {
    const char *file, *by, *column, *text; /* as md_largest */
    const char *before, *value;
    int digits;
    const char *after, *who; /* who: a column with a name, or NULL */
    Status (*fill)(Grid *, const Report *, Err *);
} MdLine;

static const MdLine md_lines[] = {
    {"merges.csv", "auc", NULL, NULL, "Most leaked from one target's merge: AUC ", "auc", 2, " of anchor ",
     "anchor", grid_merges},
    {"loo.csv", "loo_diff", NULL, NULL, "Most added by being in a merge: AUC ", "loo_diff", 2,
     " more than left out, anchor ", "anchor", grid_loo},
    {"scaling.csv", "lost", NULL, NULL, "Most lost between an anchor's own adapter and the merge: AUC ",
     "lost", 2, ", attack ", "attack", grid_scaling},
    {"dose.csv", "spearman", NULL, NULL, "Strongest rank correlation of leakage with |w|: ", "spearman", 2,
     ", attack ", "attack", grid_dose},
    {"people.csv", "auc", NULL, NULL, "Strongest attack on people: AUC ", "auc", 2, ", ", "attack",
     grid_people},
    {"source.csv", "members", NULL, NULL, "Training texts whose adapter is told right: ", "members", 2, "",
     NULL, grid_source},
    {"fingerprint.csv", "error", "anchor", "", "Weights are recovered, at worst, to ", "error", 4,
     " in the mean", NULL, grid_fingerprint},
    {"canary.csv", "planted", NULL, NULL, "Largest mean exposure of planted canaries: ", "planted", 2,
     " bits", NULL, grid_canary},
    {"extract.csv", "diff", NULL, NULL, "Most written out of members beyond held-out records: ", "diff", 3,
     ", ", "what", grid_extract},
    {"own.csv", "auc", NULL, NULL, "Most leaked by people's own adapters: AUC ", "auc", 2, ", attack ",
     "attack", grid_own},
    {"null.csv", "share", "check", "permuted labels", "Most false alarms with permuted labels: ", "share", 3,
     " of intervals, want 0.05, attack ", "attack", grid_null},
};

static void md_line(Str *out, const Grid *g, const MdLine *m)
{
    size_t row = 0;
    if (!md_largest(&row, g, m->by, m->column, m->text)) return;
    str_printf(out, "* %s", m->before);
    md_value(out, g, row, m->value, m->digits);
    str_puts(out, m->after);
    if (m->who != NULL) show_md(out, md_at(g, row, m->who)->text);
    if (strcmp(m->file, "null.csv") != 0) {
        str_puts(out, " (");
        md_where(out, g, row);
        str_puts(out, ")");
    }
    str_printf(out, "; %s\n", m->file);
}

static Status md_further(Str *out, const Report *r, Err *e)
{
    str_puts(out, "\n## Further\n\n");
    for (size_t i = 0; i < sizeof md_lines / sizeof md_lines[0]; i++) {
        Arena a = {0};
        Grid g;
        grid_begin(&g, &a, md_lines[i].file);
        Status s = md_lines[i].fill(&g, r, e);
        if (s == OK) md_line(out, &g, &md_lines[i]);
        arena_free(&a);
        TRY(s);
    }
    return OK;
}

static void md_fact(void *ctx, const char *key, const char *value)
{
    Str *out = ctx;
    if (strcmp(key, "spec") == 0) return; /* long; its hash is there */
    str_puts(out, "| ");
    show_md(out, key);
    md_name(out, value);
    str_puts(out, " |\n");
}

Status out_md(Str *out, const Report *r, Err *e)
{
    Arena a = {0};
    str_printf(out, "# Privacy of merged adapters: %s\n\n", verdict_name(r->verdict));
    report_sentence(out, r);
    str_puts(out, ".\n");
    if (r->n_choices > 0) str_puts(out, "\n");
    for (size_t i = 0; i < r->n_choices; i++) {
        str_puts(out, "* ");
        choice_sentence(out, r, &r->choice[i], show_md);
        str_puts(out, ".\n");
    }
    md_results(out, r);
    md_front(out, r);
    Status s = md_anchors(out, r, &a, e);
    arena_free(&a);
    if (s == OK) s = md_further(out, r, e);
    if (s != OK || r->how.no_provenance) return s;
    str_puts(out, "\n<details><summary>Provenance</summary>\n\n| fact | value |\n|---|---|\n");
    s = provenance_each(r, md_fact, out, e);
    str_puts(out, "\n</details>\n");
    return s;
}
