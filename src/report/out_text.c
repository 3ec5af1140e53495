/* out_text.c - the front and the methods for a terminal: fixed columns. */
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

/* A name, and blanks up to a width in characters. */
static void screen_name(Str *out, const char *name, size_t width)
{
    size_t from = out->n, chars = 0;
    show_text(out, name);
    for (size_t i = from; i < out->n; i++) chars += (out->s[i] & 0xC0) != 0x80;
    for (; chars < width; chars++) str_puts(out, " ");
}

static size_t screen_width(const Report *r)
{
    size_t width = 10;
    for (size_t i = 0; i < r->n_groups; i++) {
        size_t n = strlen(r->group[i].method);
        if (n > width) width = n;
    }
    return width < 32 ? width : 32;
}

static const char *screen_metric(const Report *r, const ReportFront *f)
{
    return f->metric < r->names.n ? r->names.name[f->metric] : "(none)";
}

static void screen_head(Str *out, const Report *r, const ReportFront *f)
{
    show_text(out, f->group->task);
    str_puts(out, ": utility ");
    show_text(out, screen_metric(r, f));
    if (f->sign < 0) str_puts(out, " (lower is better)");
    str_puts(out, " (95% by target), leakage = AUC of ");
    if (strcmp(r->how.attack, "ref") == 0) {
        str_puts(out, "the base-calibrated attack");
    } else {
        str_puts(out, "attack ");
        show_text(out, r->how.attack);
    }
    str_puts(out, " (95% by anchor)\n  ");
    screen_name(out, "method", screen_width(r));
    str_printf(out, " %6s %6s %-14s %7s %7s %-14s %6s %6s %6s %6s %6s\n", "lambda", "utility", "", "gain",
               "leakage", "", "tpr@1%", "loss", "blind", "base", "atten");
}

void screen_why(Str *out, const ReportFront *f)
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

static void screen_lambda(Str *out, double lambda)
{
    if (isnan(lambda))
        str_printf(out, " %6s", "-");
    else
        str_printf(out, " %6.3g", lambda);
}

static void screen_row(Str *out, const Report *r, const ReportFront *f)
{
    bool known = !isnan(f->utility.value) && !isnan(f->leak.value);
    str_puts(out, known && !f->dominated ? "* " : "  ");
    screen_name(out, f->group->method, screen_width(r));
    screen_lambda(out, f->group->lambda);
    str_puts(out, " ");
    screen_interval(out, f->utility.value, f->utility.lo, f->utility.hi, 3);
    screen_num(out, 7, 3, f->gain.diff.value);
    str_puts(out, " ");
    screen_interval(out, f->leak.value, f->leak.lo, f->leak.hi, 2);
    screen_num(out, 6, 3, f->tpr.value);
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

static void screen_volume(Str *out, const Report *r, const char *task)
{
    for (size_t i = 0; i < r->n_volumes; i++) {
        const ReportVolume *v = &r->volume[i];
        if (v->method != NULL || strcmp(v->task, task) != 0) continue;
        str_printf(out, "  hypervolume %.3f", v->value);
        if (!isnan(v->lo)) str_printf(out, " [%.3f, %.3f]", v->lo, v->hi);
        str_printf(out, " of %zu rows, reference point utility %g, leakage %g\n", v->n_points, v->ref[0],
                   v->ref[1]);
    }
}

/* ---- methods by tasks ---- */

/* Whether no earlier row has the same method and lambda. */
static bool screen_first(const Report *r, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (group_is(&r->group[j], NULL, r->group[i].method, r->group[i].lambda, false)) return false;
    return true;
}

static size_t screen_task_next(const Report *r, size_t i)
{
    size_t j = i + 1;
    while (j < r->n_groups && strcmp(r->group[j].task, r->group[i].task) == 0) j++;
    return j;
}

static void screen_wide_row(Str *out, const Report *r, const ReportGroup *g)
{
    str_puts(out, "  ");
    screen_name(out, g->method, screen_width(r));
    screen_lambda(out, g->lambda);
    for (size_t t = 0; t < r->n_groups; t = screen_task_next(r, t)) {
        const ReportFront *f = NULL;
        for (size_t i = t; i < screen_task_next(r, t); i++)
            if (group_is(&r->group[i], NULL, g->method, g->lambda, false)) f = &r->front[i];
        str_puts(out, " |");
        screen_num(out, 7, 3, f != NULL ? f->utility.value : NAN);
        screen_num(out, 7, 3, f != NULL ? f->gain.diff.value : NAN);
        screen_num(out, 5, 2, f != NULL ? f->gain.win.value : NAN);
        screen_num(out, 7, 2, f != NULL ? f->leak.value : NAN);
    }
    str_puts(out, "\n");
}

/* Utility, gain and share of targets that gain, leakage: one block of columns a task. */
static void screen_wide(Str *out, const Report *r)
{
    str_puts(out, "\nmethods by tasks: utility, gain over base, share of targets that gain, leakage\n  ");
    screen_name(out, "", screen_width(r) + 7);
    for (size_t t = 0; t < r->n_groups; t = screen_task_next(r, t)) {
        str_puts(out, " | ");
        screen_name(out, r->group[t].task, 28);
    }
    str_puts(out, "\n  ");
    screen_name(out, "method", screen_width(r));
    str_puts(out, " lambda");
    for (size_t t = 0; t < r->n_groups; t = screen_task_next(r, t))
        str_printf(out, " | %7s %7s %5s %7s", "utility", "gain", "win", "leakage");
    str_puts(out, "\n");
    for (size_t i = 0; i < r->n_groups; i++)
        if (screen_first(r, i)) screen_wide_row(out, r, &r->group[i]);
}

Status out_text(Str *out, const Report *r, Err *e)
{
    (void)e;
    size_t tasks = 0;
    for (size_t i = 0, n; i < r->n_groups; i += n, tasks++) {
        const ReportFront *f = &r->front[i];
        n = screen_task_next(r, i) - i;
        if (i > 0) str_puts(out, "\n");
        screen_head(out, r, f);
        for (size_t k = 0; k < n; k++) screen_row(out, r, &f[k]);
        screen_foot(out, f, n);
        screen_volume(out, r, f->group->task);
    }
    if (tasks > 1) screen_wide(out, r);
    if (r->n_failed > 0) str_printf(out, "\n%zu cells failed and are left out\n", r->n_failed);
    return OK;
}
