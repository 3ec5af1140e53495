/* cmd_list.c - every method of every table, with its source. The tables are those of the rooms: what is
 * printed here is what runs. */
#include "cli_priv.h"

#include "prime/attack.h"
#include "prime/baseline.h"
#include "prime/dp.h"
#include "prime/evolve.h"
#include "prime/friedman.h"
#include "prime/merge.h"
#include "prime/metric.h"
#include "prime/model.h"
#include "prime/penalty.h"
#include "prime/ratio.h"
#include "prime/report.h"
#include "prime/stats.h"
#include "prime/str.h"
#include "prime/table.h"
#include "prime/task.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name, *what, *source;
} ListRow;

/* A table of rows that have a name, what it is and a source; at(i) is NULL past the end. */
#define LIST_ROWS(fn, type, at)                      \
    static bool fn(ListRow *r, size_t i)             \
    {                                                \
        const type *x = (at);                        \
        if (x == NULL) return false;                 \
        *r = (ListRow){x->name, x->what, x->source}; \
        return true;                                 \
    }
LIST_ROWS(list_merge, MergeMethod, merge_at(i))
LIST_ROWS(list_optimiser, EvolveMethod, evolve_method_at(i))
LIST_ROWS(list_preset, EvolvePreset, evolve_preset_at(i))
LIST_ROWS(list_task, Task, i < task_count() ? task_at(i) : NULL)
LIST_ROWS(list_metric, Metric, i < metric_count() ? metric_at(i) : NULL)
LIST_ROWS(list_objective, Penalty, penalty_at(i))
LIST_ROWS(list_baseline, Baseline, baseline_at(i))
LIST_ROWS(list_posthoc, FriedmanPosthoc, friedman_posthoc_at(i))
LIST_ROWS(list_ratio, RatioBound, ratio_bound_at(i))
LIST_ROWS(list_accountant, DpAccountant, dp_accountant_at(i))
LIST_ROWS(list_adjust, StatsAdjust, stats_adjust_at(i))

/* What gets a score and what it takes is part of what an attack is. */
static bool list_attack(ListRow *r, size_t i)
{
    static char what[300];
    const Attack *x = attack_at(i);
    if (x == NULL) return false;
    snprintf(what, sizeof what, "%s [%s; %s]", x->what, x->level, x->access);
    *r = (ListRow){x->name, what, x->source};
    return true;
}

/* A format is one or more outputs; its source is the file that it writes. */
static bool list_format(ListRow *r, size_t i)
{
    const ReportOutput *x = report_output_at(i);
    if (x == NULL) return false;
    *r = (ListRow){x->format, x->what, x->file != NULL ? x->file : "standard output"};
    return true;
}

static bool list_architecture(ListRow *r, size_t i)
{
    r->name = model_arch_at(i, &r->what, &r->source);
    return r->name != NULL;
}

static const struct {
    const char *name, *what;
    bool (*row)(ListRow *r, size_t i);
} kinds[] = {
    {"architecture", "families of models that are read, by model_type", list_architecture},
    {"merge", "ways to merge adapters", list_merge},
    {"optimiser", "searches over merge weights", list_optimiser},
    {"preset", "settings of the search by name", list_preset},
    {"task", "what a model is asked, and how answers are graded", list_task},
    {"metric", "how far answers are from golds", list_metric},
    {"objective", "what a search pays for: the term that lambda weighs", list_objective},
    {"attack", "scores of membership", list_attack},
    {"baseline", "what an audit measures: PriME, what it is compared with, controls", list_baseline},
    {"attack", "scores of membership, and other probes [what gets a score; access]", list_attack},
    {"accountant", "ways to add up the privacy loss of noisy steps", list_accountant},
    {"format", "outputs of a report", list_format},
    {"adjust", "corrections for multiple testing", list_adjust},
    {"posthoc", "comparisons of all pairs of methods after Friedman's test", list_posthoc},
    {"ratio", "lower bounds of a ratio of two rates", list_ratio},
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static void list_put(TableOut *t, const ListRow *r)
{
    table_put_str(t, r->name);
    table_put_str(t, r->what != NULL ? r->what : "");
    table_put_str(t, r->source != NULL ? r->source : "");
    table_end_row(t);
}

static void list_kinds(void)
{
    static const char *const col[] = {"kind", "what"};
    TableOut t = {0};
    table_begin(&t, stdout, NULL, col, 2);
    for (size_t i = 0; i < N_KINDS; i++) {
        table_put_str(&t, kinds[i].name);
        table_put_str(&t, kinds[i].what);
        table_end_row(&t);
    }
}

static int list_kind(const char *word)
{
    static const char *const col[] = {"name", "what", "source"};
    const char *names[N_KINDS];
    for (size_t i = 0; i < N_KINDS; i++) {
        names[i] = kinds[i].name;
        if (strcmp(names[i], word) != 0) continue;
        TableOut t = {0};
        ListRow r;
        table_begin(&t, stdout, NULL, col, 3);
        for (size_t k = 0; kinds[i].row(&r, k); k++) list_put(&t, &r);
        return EXIT_DONE;
    }
    const char *near = str_nearest(word, names, N_KINDS);
    if (near != NULL) return cli_usage("unknown kind '%s', did you mean '%s'?", word, near);
    return cli_usage("unknown kind '%s'; 'prime list' shows them", word);
}

static int list_run(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    int code = cli_args(self, "list", NULL, 0, argc, argv, &pos, 0, 1);
    if (code < 0 && pos.n == 1) {
        code = list_kind(pos.item[0]);
    } else if (code < 0) {
        list_kinds();
        code = EXIT_DONE;
    }
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {{"", "[KIND]", "every method there is, with its source", list_run}, {0}};
const CliNoun cli_list = {"list", "every method there is, with its source", verbs};
