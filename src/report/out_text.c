/* out_text.c - the front for a terminal: fixed columns, at most 120 wide where all is graded. */
#include "report_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A number in a field of `width`, "-" when there is none. */
static void screen_num(Str *out, int width, int digits, double x)
{
    if (isnan(x))
        str_printf(out, " %*s", width, "-");
    else
        str_printf(out, " %*.*f", width, digits, x);
}

static void screen_interval(Str *out, double value, double lo, double hi, int digits)
{
    char range[48] = "";
    screen_num(out, 6, digits, value);
    if (!isnan(lo) && !isnan(hi)) snprintf(range, sizeof range, "[%.*f, %.*f]", digits, lo, digits, hi);
    str_printf(out, " %-14s", range);
}

static void screen_head(Str *out, const Report *r, const ReportFront *f)
{
    str_printf(
        out,
        "%s: utility %s (95%% by target), leakage = AUC of the base-calibrated attack (95%% by anchor)\n",
        f->group->task, f->metric < r->names.n ? r->names.name[f->metric] : "(none)");
    str_printf(out, "  %-10s %6s %6s %-14s %7s %7s %-14s %6s %6s %6s %6s %6s\n", "method", "lambda",
               "utility", "", "gain", "leakage", "", "tpr@1%", "loss", "blind", "base", "atten");
}

static void screen_why(Str *out, const ReportFront *f)
{
    size_t anchors = f->leak.n_clusters, targets = f->utility.n_users;
    if (anchors < REPORT_MIN_USERS)
        str_printf(out, "  cannot grade: %zu anchor%s, want %d", anchors, anchors == 1 ? "" : "s",
                   REPORT_MIN_USERS);
    else if (!isnan(f->utility.value) && targets < REPORT_MIN_USERS)
        str_printf(out, "  cannot grade: %zu target%s, want %d", targets, targets == 1 ? "" : "s",
                   REPORT_MIN_USERS);
    else
        str_puts(out, "  cannot grade: no interval");
}

static void screen_row(Str *out, const ReportFront *f)
{
    bool known = !isnan(f->utility.value) && !isnan(f->leak.value);
    str_printf(out, "%c %-10.20s", known && !f->dominated ? '*' : ' ', f->group->method);
    if (isnan(f->group->lambda))
        str_printf(out, " %6s", "-");
    else
        str_printf(out, " %6.3g", f->group->lambda);
    str_puts(out, " ");
    screen_interval(out, f->utility.value, f->utility.lo, f->utility.hi, 3);
    screen_num(out, 7, 3, f->gain.value);
    str_puts(out, " ");
    screen_interval(out, f->leak.value, f->leak.lo, f->leak.hi, 2);
    screen_num(out, 6, 3, f->tpr);
    screen_num(out, 6, 2, f->auc_loss);
    screen_num(out, 6, 2, f->auc_blind);
    screen_num(out, 6, 2, f->auc_base);
    screen_num(out, 6, 3, f->attenuation);
    if (!f->graded) screen_why(out, f);
    str_puts(out, "\n");
}

/* The largest counts among a task's rows, for the line below them. */
static void screen_foot(Str *out, const ReportFront *f, size_t n)
{
    size_t targets = 0, anchors = 0, records = 0, cells = 0;
    for (size_t i = 0; i < n; i++) {
        if (f[i].utility.n_users > targets) targets = f[i].utility.n_users;
        if (f[i].leak.n_clusters > anchors) anchors = f[i].leak.n_clusters;
        if (f[i].n_records > records) records = f[i].n_records;
        cells += f[i].group->n_cells;
    }
    str_printf(out,
               "  %zu targets, %zu anchors with %zu records, %zu cells; * = not dominated by another row\n",
               targets, anchors, records, cells);
}

Status out_text(Str *out, const Report *r, Err *e)
{
    (void)e;
    for (size_t i = 0, n; i < r->n_groups; i += n) {
        const ReportFront *f = &r->front[i];
        if (i > 0) str_puts(out, "\n");
        screen_head(out, r, f);
        for (n = 0; i + n < r->n_groups && strcmp(f[n].group->task, f->group->task) == 0; n++)
            screen_row(out, &f[n]);
        screen_foot(out, f, n);
    }
    if (r->n_failed > 0) str_printf(out, "\n%zu cells failed and are left out\n", r->n_failed);
    return OK;
}
