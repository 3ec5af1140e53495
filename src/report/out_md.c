/* out_md.c - a summary for a pull request: the verdict, what did not pass, the front, who leaks most. */
#include "report_priv.h"

#include <math.h>
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
    if (s != OK || r->how.no_provenance) return s;
    str_puts(out, "\n<details><summary>Provenance</summary>\n\n| fact | value |\n|---|---|\n");
    s = provenance_each(r, md_fact, out, e);
    str_puts(out, "\n</details>\n");
    return s;
}
