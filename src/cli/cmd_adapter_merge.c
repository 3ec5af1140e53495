/* cmd_adapter_merge.c - adapters compared and merged. */
#include "cmd_adapter_priv.h"
#include "cli_model.h"

#include "prime/merge.h"
#include "prime/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adapters of one model, and how far each moves it. */
typedef struct {
    const char *const *dir;
    Lora **l;
    double *norm; /* [n] */
    size_t n;
} AdapterSet;

static void adapter_set_free(AdapterSet *s)
{
    cli_adapters_free(s->l, s->n);
    free(s->norm);
}

static Status adapter_set_load(AdapterSet *s, const char *model, const CliList *dirs, Err *e)
{
    Model *m = NULL;
    TRY(model_load(&m, model, e));
    LoraShape shape = model_lora_shape(&m->cfg);
    model_free(m);
    s->dir = dirs->item;
    s->norm = calloc(dirs->n, sizeof *s->norm);
    if (s->norm == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", dirs->n);
    TRY(cli_adapters_open(&s->l, s->dir, dirs->n, &shape, e));
    s->n = dirs->n;
    for (size_t i = 0; i < s->n; i++) s->norm[i] = lora_norm(s->l[i]);
    return OK;
}

typedef struct {
    const char *model, *out, *weights;
    const MergeMethod *method;
} AdapterOpts;

typedef Status (*AdapterJob)(const AdapterOpts *o, AdapterSet *set, Err *e);

static Status adapter_job_run(AdapterJob job, const AdapterOpts *o, const CliList *dirs, Err *e)
{
    AdapterSet set = {0};
    Status s = adapter_set_load(&set, o->model, dirs, e);
    if (s == OK) s = job(o, &set, e);
    adapter_set_free(&set);
    return s;
}

static int adapter_job_main(const CliVerb *self, AdapterJob job, size_t least, size_t most, int argc,
                            char **argv)
{
    AdapterOpts o = {0};
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &o.model, "DIR", "the model they are for (required)", 0, 0},
    };
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "adapter", opts, 1, argc, argv, &pos, least, most);
    if (code < 0 && o.model == NULL) code = cli_usage("'prime adapter %s' wants --model DIR", self->name);
    if (code < 0) code = adapter_job_run(job, &o, &pos, &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    return code;
}

/* ---- norms ---- */

static Status norms_job(const AdapterOpts *o, AdapterSet *set, Err *e)
{
    static const char *const col[] = {"adapter", "kind", "norm"};
    TableOut t = {0};
    (void)o;
    (void)e;
    table_begin(&t, stdout, NULL, col, 3);
    for (size_t i = 0; i < set->n; i++) {
        double norm[LORA_KINDS];
        lora_norms(norm, set->l[i]);
        for (size_t k = 0; k <= LORA_KINDS; k++) {
            if (k < LORA_KINDS && set->l[i]->shape.n_out[k] == 0) continue;
            table_put_str(&t, set->dir[i]);
            table_put_str(&t, k < LORA_KINDS ? lora_kind_name(&set->l[i]->shape, (LoraKind)k) : "all");
            table_put_num(&t, k < LORA_KINDS ? norm[k] : set->norm[i]);
            table_end_row(&t);
        }
    }
    return OK;
}

int adapter_norms_run(const CliVerb *self, int argc, char **argv)
{
    return adapter_job_main(self, norms_job, 1, 10000, argc, argv);
}

/* ---- diff ---- */

/* ||A - B|| from the exact merge with weights 1 and -1; the cosine from the three norms. */
static Status diff_job(const AdapterOpts *o, AdapterSet *set, Err *e)
{
    static const double w[] = {1, -1};
    (void)o;
    Lora *apart = NULL;
    CliRecord r = {0};
    TRY(merge_run(&apart, merge_find("exact"), (const Lora *const *)set->l, w, 2, e));
    double d = lora_norm(apart), a = set->norm[0], b = set->norm[1];
    lora_free(apart);
    cli_record_num(&r, "norm_a", a);
    cli_record_num(&r, "norm_b", b);
    cli_record_num(&r, "norm_difference", d);
    cli_record_num(&r, "cosine",
                   a > 0 && b > 0 ? fmax(-1, fmin(1, (a * a + b * b - d * d) / (2 * a * b))) : NAN);
    return cli_record_print(&r, e);
}

int adapter_diff_run(const CliVerb *self, int argc, char **argv)
{
    return adapter_job_main(self, diff_job, 2, 2, argc, argv);
}

/* ---- merge ---- */

/* w [n]: the numbers of --weights, or 1/n each. Returns an exit code, or -1 to go on. */
static int weights_parse(double *w, size_t n, const char *text)
{
    size_t got = 0;
    for (size_t i = 0; i < n; i++) w[i] = 1.0 / (double)n;
    if (text == NULL) return -1;
    for (const char *s = text;; got++) {
        char *end = NULL;
        double x = strtod(s, &end);
        if (end == s || (*end != ',' && *end != '\0') || !isfinite(x))
            return cli_usage("--weights = %s, want finite numbers separated by commas", text);
        if (got < n) w[got] = x;
        if (*end == '\0') break;
        s = end + 1;
    }
    if (got + 1 == n) return -1;
    return cli_usage("--weights has %zu numbers, want %zu: one for each adapter", got + 1, n);
}

static size_t rank_most(const Lora *l)
{
    size_t most = 0;
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++)
        most = l->site[i].r > most ? l->site[i].r : most;
    return most;
}

static void merge_row(TableOut *t, const char *metric, const char *adapter, double value)
{
    table_put_str(t, metric);
    if (adapter != NULL)
        table_put_str(t, adapter);
    else
        table_put_empty(t);
    table_put_num(t, value);
    table_end_row(t);
}

/* An adapter's share: |weight| times its norm, over the sum of these. */
static void merge_print(const AdapterSet *set, const double *w, const Lora *merged)
{
    static const char *const col[] = {"metric", "adapter", "value"};
    double norm = lora_norm(merged), mean = 0, sum = 0;
    TableOut t = {0};
    for (size_t i = 0; i < set->n; i++) {
        mean += set->norm[i] / (double)set->n;
        sum += fabs(w[i]) * set->norm[i];
    }
    table_begin(&t, stdout, NULL, col, 3);
    merge_row(&t, "rank", NULL, (double)rank_most(merged));
    merge_row(&t, "norm", NULL, norm);
    merge_row(&t, "mean_norm", NULL, mean);
    merge_row(&t, "attenuation", NULL, mean > 0 ? norm / mean : NAN);
    for (size_t i = 0; i < set->n; i++) {
        merge_row(&t, "weight", set->dir[i], w[i]);
        merge_row(&t, "norm", set->dir[i], set->norm[i]);
        merge_row(&t, "share", set->dir[i], sum > 0 ? fabs(w[i]) * set->norm[i] / sum : NAN);
    }
}

static Status merge_job(const AdapterOpts *o, const CliList *dirs, const double *w, Err *e)
{
    AdapterSet set = {0};
    Lora *merged = NULL;
    Status s = adapter_set_load(&set, o->model, dirs, e);
    if (s == OK) s = merge_run(&merged, o->method, (const Lora *const *)set.l, w, set.n, e);
    if (s == OK) s = lora_save(merged, o->out, o->model, e);
    if (s == OK) merge_print(&set, w, merged);
    lora_free(merged);
    adapter_set_free(&set);
    return s;
}

static int merge_main(AdapterOpts *o, const char *method, const CliList *dirs)
{
    o->method = merge_find(method);
    const char *near = merge_nearest(method);
    if (o->method == NULL)
        return cli_usage("--method = %s is not known%s%s", method,
                         near != NULL ? ", did you mean " : "; see 'prime list merge'",
                         near != NULL ? near : "");
    if (o->model == NULL || o->out == NULL)
        return cli_usage("'prime adapter merge' wants --model DIR and --out DIR");
    Err e = {0};
    double *w = calloc(dirs->n, sizeof *w);
    if (w == NULL) return cli_usage("out of memory");
    int code = weights_parse(w, dirs->n, o->weights);
    if (code < 0) code = merge_job(o, dirs, w, &e) == OK ? EXIT_DONE : cli_fail(&e);
    free(w);
    return code;
}

int adapter_merge_run(const CliVerb *self, int argc, char **argv)
{
    AdapterOpts o = {0};
    const char *method = "exact";
    const CliOpt opts[] = {
        {"method", 0, OPT_STR, &method, "NAME", "see 'prime list merge' (exact)", 0, 0},
        {"weights", 'w', OPT_STR, &o.weights, "W,W,...", "one for each adapter (1/n each)", 0, 0},
        {"model", 'm', OPT_STR, &o.model, "DIR", "the model they are for (required)", 0, 0},
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "adapter", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 10000);
    if (code < 0) code = merge_main(&o, method, &pos);
    cli_list_free(&pos);
    return code;
}
