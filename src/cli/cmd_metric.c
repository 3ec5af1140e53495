#include "cli_priv.h"

#include "prime/metric.h"
#include "prime/table.h"

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

/* name [n_cols + 12]: the input's columns and twelve more, which must not be there already. */
static Status metric_cli_names(const char **name, const Table *t, Err *e)
{
    static const char *const extra[] = {"rouge1_p", "rouge1_r",    "rouge1_f",    "rouge2_p",
                                        "rouge2_r", "rouge2_f",    "rougeL_p",    "rougeL_r",
                                        "rougeL_f", "rougeLsum_p", "rougeLsum_r", "rougeLsum_f"};
    for (size_t i = 0; i < t->n_cols; i++) name[i] = t->col[i];
    for (size_t i = 0; i < 12; i++) {
        if (table_col(t, extra[i]) != TABLE_NONE)
            FAIL(e, ERR_ARG, "%s: has a column %s already, which this command writes", t->name, extra[i]);
        name[t->n_cols + i] = extra[i];
    }
    return OK;
}

static Status metric_cli_rouge_table(const char *path, bool stem, Arena *a, Arena *scratch, Err *e)
{
    Table t = {0};
    MetricPairs p = {0};
    TRY(table_load(&t, a, path, e));
    TRY(metric_cli_pairs(&p, &t, "target", "prediction", a, e));
    RougeAll *r = arena_alloc(a, t.n_rows, sizeof *r);
    const char **name = arena_alloc(a, t.n_cols + 12, sizeof *name);
    if (r == NULL || name == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t.n_rows);
    TRY(metric_cli_names(name, &t, e));
    for (size_t i = 0; i < t.n_rows; i++)
        if (metric_rouge(&r[i], p.gold[i], p.pred[i], stem, scratch, e) != OK)
            return err_prefix(e, "%s:%zu", t.name, t.line[i]);
    TableOut out;
    table_begin(&out, stdout, NULL, name, t.n_cols + 12);
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

static int metric_cli_no_task(const char *name)
{
    const char *names[16];
    size_t n = 0;
    for (; n < metric_lamp_count() && n < 16; n++) names[n] = metric_lamp_at(n)->name;
    const char *near = str_nearest(name, names, n);
    return near != NULL
               ? cli_usage("--task = %s, did you mean %s?", name, near)
               : cli_usage("--task = %s, want LaMP_1, LaMP_2N, LaMP_2M, LaMP_3, LaMP_4, LaMP_5 or LaMP_7",
                           name);
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

static const CliVerb verbs[] = {
    {"rouge", "PAIRS.csv", "ROUGE of each target and prediction", metric_cli_rouge},
    {"lamp", "PAIRS.csv", "the metrics of a LaMP task over gold and prediction", metric_cli_lamp},
    {0},
};
const CliNoun cli_metric = {"metric", "judge answers by golds", verbs};
