#include "cli_priv.h"

#include "prime/metric.h"
#include "prime/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Two columns of a table as arrays of texts, in the arena. */
static Status metric_cli_pairs(MetricPairs *p, const Table *t, const char *gold, const char *pred, Arena *a,
                               Err *e)
{
    size_t g = 0, q = 0;
    TRY(table_need(&g, t, gold, e));
    TRY(table_need(&q, t, pred, e));
    const char **col = arena_alloc(a, 2 * t->n_rows, sizeof *col);
    if (col == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu pairs", t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) {
        col[i] = table_str(t, i, g);
        col[t->n_rows + i] = table_str(t, i, q);
    }
    *p = (MetricPairs){.gold = col, .pred = col + t->n_rows, .n = t->n_rows};
    return OK;
}

static void metric_cli_put(TableOut *out, const Rouge *r)
{
    table_put_num(out, r->p);
    table_put_num(out, r->r);
    table_put_num(out, r->f);
}

/* name [n_cols + n]: the input's columns and extra [n], which must not be there already. */
static Status metric_cli_names(const char **name, const Table *t, const char *const *extra, size_t n, Err *e)
{
    for (size_t i = 0; i < t->n_cols; i++) name[i] = t->col[i];
    for (size_t i = 0; i < n; i++) {
        if (table_col(t, extra[i]) != TABLE_NONE)
            FAIL(e, ERR_ARG, "has a column %s already, which this command writes", extra[i]);
        name[t->n_cols + i] = extra[i];
    }
    return OK;
}

static const char *const metric_cli_rouge_cols[] = {"rouge1_p", "rouge1_r",    "rouge1_f",    "rouge2_p",
                                                    "rouge2_r", "rouge2_f",    "rougeL_p",    "rougeL_r",
                                                    "rougeL_f", "rougeLsum_p", "rougeLsum_r", "rougeLsum_f"};

enum { METRIC_ROUGE_COLS = sizeof metric_cli_rouge_cols / sizeof metric_cli_rouge_cols[0] };

static Status metric_cli_rouge_table(const char *path, bool stem, Arena *a, Arena *scratch, Err *e)
{
    Table t = {0};
    MetricPairs p = {0};
    TRY(table_load(&t, a, path, e));
    TRY(metric_cli_pairs(&p, &t, "target", "prediction", a, e));
    RougeAll *r = arena_alloc(a, t.n_rows, sizeof *r);
    const char **name = arena_alloc(a, t.n_cols + METRIC_ROUGE_COLS, sizeof *name);
    if (r == NULL || name == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t.n_rows);
    if (metric_cli_names(name, &t, metric_cli_rouge_cols, METRIC_ROUGE_COLS, e) != OK)
        return err_prefix(e, "%s", t.name);
    for (size_t i = 0; i < t.n_rows; i++)
        if (metric_rouge(&r[i], p.gold[i], p.pred[i], stem, scratch, e) != OK)
            return err_prefix(e, "%s:%zu", t.name, t.line[i]);
    TableOut out;
    table_begin(&out, stdout, NULL, name, t.n_cols + METRIC_ROUGE_COLS);
    for (size_t i = 0; i < t.n_rows; i++) {
        for (size_t k = 0; k < t.n_cols; k++) table_put_str(&out, table_str(&t, i, k));
        metric_cli_put(&out, &r[i].r1);
        metric_cli_put(&out, &r[i].r2);
        metric_cli_put(&out, &r[i].rl);
        metric_cli_put(&out, &r[i].rlsum);
        table_end_row(&out);
    }
    return OK;
}

static int metric_cli_rouge(const CliVerb *self, int argc, char **argv)
{
    bool stem = false;
    const CliOpt opts[] = {
        {"stemmer", 0, OPT_FLAG, &stem, NULL, "cut words of more than 3 letters to their stems", 0, 0}};
    CliList pos = {0};
    int code = cli_args(self, "metric", opts, 1, argc, argv, &pos, 1, 1);
    if (code < 0) {
        Arena a = {0}, scratch = {0};
        Err e = {0};
        code = metric_cli_rouge_table(pos.item[0], stem, &a, &scratch, &e) == OK ? EXIT_DONE : cli_fail(&e);
        arena_free(&a);
        arena_free(&scratch);
    }
    cli_list_free(&pos);
    return code;
}

static Status metric_cli_lamp_table(const char *path, const MetricLamp *task, Arena *a, Err *e)
{
    Table t = {0};
    MetricPairs p = {0};
    double value[2] = {0};
    TRY(table_load(&t, a, path, e));
    TRY(metric_cli_pairs(&p, &t, "gold", "prediction", a, e));
    p.label = task->label;
    p.n_labels = task->n_labels;
    for (size_t i = 0; i < 2; i++)
        if (metric_corpus(&value[i], metric_find(task->metric[i]), &p, e) != OK)
            return err_prefix(e, "%s", t.name);
    TableOut out;
    table_begin(&out, stdout, NULL, (const char *const[]){"metric", "value"}, 2);
    for (size_t i = 0; i < 2; i++) {
        table_put_str(&out, task->reported[i]);
        table_put_num(&out, value[i]);
        table_end_row(&out);
    }
    return OK;
}

/* The names differ by a letter, so that all of them are told instead of a near one. */
static int metric_cli_no_task(const char *name)
{
    Str all = {0};
    for (size_t i = 0; i < metric_lamp_count(); i++) {
        if (i > 0) str_puts(&all, i + 1 < metric_lamp_count() ? ", " : " or ");
        str_puts(&all, metric_lamp_at(i)->name);
    }
    int code = cli_usage("--task = %s, want %s", name, all.s != NULL ? all.s : "a task of LaMP");
    str_free(&all);
    return code;
}

static int metric_cli_lamp(const CliVerb *self, int argc, char **argv)
{
    const char *name = NULL;
    const CliOpt opts[] = {
        {"task", 't', OPT_STR, &name, "NAME", "LaMP_1, LaMP_2N, LaMP_2M, LaMP_3, LaMP_4, ...", 0, 0}};
    CliList pos = {0};
    int code = cli_args(self, "metric", opts, 1, argc, argv, &pos, 1, 1);
    if (code < 0 && name == NULL) code = cli_usage("'prime metric lamp' wants --task NAME");
    const MetricLamp *task = name != NULL ? metric_lamp(name) : NULL;
    if (code < 0 && task == NULL) code = metric_cli_no_task(name);
    if (code < 0) {
        Arena a = {0};
        Err e = {0};
        code = metric_cli_lamp_table(pos.item[0], task, &a, &e) == OK ? EXIT_DONE : cli_fail(&e);
        arena_free(&a);
    }
    cli_list_free(&pos);
    return code;
}

/* What `prime metric score` is asked for. */
typedef struct {
    CliList metrics, labels;
    const char *gold, *pred;
    bool corpus;
} MetricScore;

/* One row a metric: the value of all pairs. */
static Status metric_cli_corpus(const MetricScore *o, const MetricPairs *p, Arena *a, Err *e)
{
    double *value = arena_alloc(a, o->metrics.n, sizeof *value);
    if (value == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu values", o->metrics.n);
    for (size_t k = 0; k < o->metrics.n; k++)
        TRY(metric_corpus(&value[k], metric_find(o->metrics.item[k]), p, e));
    TableOut out;
    table_begin(&out, stdout, NULL, (const char *const[]){"metric", "value"}, 2);
    for (size_t k = 0; k < o->metrics.n; k++) {
        table_put_str(&out, o->metrics.item[k]);
        table_put_num(&out, value[k]);
        table_end_row(&out);
    }
    return OK;
}

/* v [n_rows]: each pair as if it were the only one. */
static Status metric_cli_values(double *v, const char *name, const MetricPairs *p, Err *e)
{
    const Metric *m = metric_find(name);
    if (m->records == NULL) FAIL(e, ERR_UNSUP, "%s has no values of single pairs, want --corpus", name);
    TRY(metric_records(v, m, p, e));
    for (size_t i = 0; m->fold == FOLD_ROOT_MEAN && i < p->n; i++) v[i] = sqrt(v[i]);
    return OK;
}

/* The input's columns and one for each metric. */
static Status metric_cli_each(const Table *t, const MetricScore *o, const MetricPairs *p, Arena *a, Err *e)
{
    size_t n = o->metrics.n;
    const char **name = arena_alloc(a, t->n_cols + n, sizeof *name);
    double *v = arena_alloc(a, n * t->n_rows, sizeof *v);
    if (name == NULL || v == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t->n_rows);
    TRY(metric_cli_names(name, t, o->metrics.item, n, e));
    for (size_t k = 0; k < n; k++) TRY(metric_cli_values(v + k * t->n_rows, o->metrics.item[k], p, e));
    TableOut out;
    table_begin(&out, stdout, NULL, name, t->n_cols + n);
    for (size_t i = 0; i < t->n_rows; i++) {
        for (size_t k = 0; k < t->n_cols; k++) table_put_str(&out, table_str(t, i, k));
        for (size_t k = 0; k < n; k++) table_put_num(&out, v[k * t->n_rows + i]);
        table_end_row(&out);
    }
    return OK;
}

static Status metric_cli_score_table(const char *path, const MetricScore *o, Arena *a, Err *e)
{
    Table t = {0};
    MetricPairs p = {0};
    TRY(table_load(&t, a, path, e));
    TRY(metric_cli_pairs(&p, &t, o->gold, o->pred, a, e));
    p.label = o->labels.item;
    p.n_labels = o->labels.n;
    Status s = o->corpus ? metric_cli_corpus(o, &p, a, e) : metric_cli_each(&t, o, &p, a, e);
    return s == OK ? OK : err_prefix(e, "%s", t.name);
}

/* Are all names metrics, each named once? Returns -1, or the code to end with. */
static int metric_cli_known(const MetricScore *o)
{
    if (o->metrics.n == 0) return cli_usage("'prime metric score' wants --metric NAME");
    for (size_t i = 0; i < o->metrics.n; i++) {
        const char *name = o->metrics.item[i];
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, o->metrics.item[k]) == 0) return cli_usage("--metric %s is given twice", name);
        if (metric_find(name) != NULL) continue;
        const char *near = metric_nearest(name);
        return near != NULL ? cli_usage("--metric = %s, did you mean %s?", name, near)
                            : cli_usage("--metric = %s; 'prime list metric' shows them", name);
    }
    return -1;
}

static int metric_cli_score(const CliVerb *self, int argc, char **argv)
{
    MetricScore o = {.gold = "gold", .pred = "prediction"};
    const CliOpt opts[] = {
        {"metric", 'm', OPT_MANY, &o.metrics, "NAME", "see 'prime list metric'; may be given several times",
         0, 0},
        {"corpus", 0, OPT_FLAG, &o.corpus, NULL, "one value for all pairs", 0, 0},
        {"label", 0, OPT_MANY, &o.labels, "TEXT", "an answer of the closed set; one option each", 0, 0},
        {"gold", 0, OPT_STR, &o.gold, "COLUMN", "column of the right answers (gold)", 0, 0},
        {"prediction", 0, OPT_STR, &o.pred, "COLUMN", "column of the answers to judge (prediction)", 0, 0}};
    CliList pos = {0};
    int code = cli_args(self, "metric", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (code < 0) code = metric_cli_known(&o);
    if (code < 0) {
        Arena a = {0};
        Err e = {0};
        code = metric_cli_score_table(pos.item[0], &o, &a, &e) == OK ? EXIT_DONE : cli_fail(&e);
        arena_free(&a);
    }
    cli_list_free(&pos);
    cli_list_free(&o.metrics);
    cli_list_free(&o.labels);
    return code;
}

static const CliVerb verbs[] = {
    {"rouge", "PAIRS.csv", "ROUGE of each target and prediction", metric_cli_rouge},
    {"lamp", "PAIRS.csv", "the metrics of a LaMP task over gold and prediction", metric_cli_lamp},
    {"score", "PAIRS.csv", "any metrics of the table, of each gold and prediction or of all",
     metric_cli_score},
    {0},
};
const CliNoun cli_metric = {"metric", "judge answers by golds", verbs};
