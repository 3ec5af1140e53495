/* cmd_adapter_merge.c - adapters compared and merged. */
#include "cmd_adapter_priv.h"

#include "prime/merge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *model, *out, *weights;
    const MergeMethod *method;
} AdapterOpts;

typedef Status (*AdapterJob)(const AdapterOpts *o, AdapterSet *set, Err *e);

static Status adapter_job_run(AdapterJob job, const AdapterOpts *o, const CliList *dirs, Err *e)
{
    AdapterSet set = {0};
    Status s = adapter_set_load(&set, o->model, dirs->item, dirs->n, e);
    if (s == OK) s = job(o, &set, e);
    adapter_set_free(&set);
    return s;
}

static int adapter_job_main(const CliVerb *self, AdapterJob job, size_t least, size_t most, int argc,
                            char **argv)
{
    AdapterOpts o = {0};
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &o.model, "DIR", "check that they fit this model", 0, 0},
    };
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "adapter", opts, 1, argc, argv, &pos, least, most);
    if (code < 0) code = adapter_job_run(job, &o, &pos, &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    return code;
}

/* ---- norms ---- */

static void norms_row(AdapterRows *t, const char *dir, const char *kind, double norm)
{
    adapter_rows_str(t, dir);
    adapter_rows_str(t, kind);
    adapter_rows_num(t, norm);
}

static Status norms_job(const AdapterOpts *o, AdapterSet *set, Err *e)
{
    static const char *const col[] = {"adapter", "kind", "norm"};
    AdapterRows t = adapter_rows(col, 3);
    (void)o;
    for (size_t i = 0; i < set->n; i++) {
        double norm[LORA_KINDS];
        lora_norms(norm, set->l[i]);
        for (size_t k = 0; k < LORA_KINDS; k++)
            if (set->shape.n_out[k] > 0)
                norms_row(&t, set->dir[i], lora_kind_label(&set->shape, (LoraKind)k), norm[k]);
        norms_row(&t, set->dir[i], "all", set->norm[i]);
    }
    return adapter_rows_print(&t, e);
}

int adapter_norms_run(const CliVerb *self, int argc, char **argv)
{
    return adapter_job_main(self, norms_job, 1, 10000, argc, argv);
}

/* ---- diff ---- */

/* From ||A||, ||B|| and ||A - B||; NaN where one is zero. */
static double diff_cosine(double a, double b, double d)
{
    return a > 0 && b > 0 ? fmax(-1, fmin(1, (a * a + b * b - d * d) / (2 * a * b))) : NAN;
}

static void diff_kinds(CliRecord *r, const AdapterSet *set, const Lora *apart)
{
    double a[LORA_KINDS], b[LORA_KINDS], d[LORA_KINDS];
    lora_norms(a, set->l[0]);
    lora_norms(b, set->l[1]);
    lora_norms(d, apart);
    if (lora_equal(set->l[0], set->l[1])) memset(d, 0, sizeof d);
    for (size_t k = 0; k < LORA_KINDS; k++) {
        char key[96];
        const char *kind = lora_kind_label(&set->shape, (LoraKind)k);
        if (a[k] == 0 && b[k] == 0) continue;
        snprintf(key, sizeof key, "norm_difference.%s", kind);
        cli_record_num(r, key, d[k]);
        snprintf(key, sizeof key, "cosine.%s", kind);
        cli_record_num(r, key, diff_cosine(a[k], b[k], d[k]));
    }
}

/* The difference is the exact merge with weights 1 and -1. */
static Status diff_job(const AdapterOpts *o, AdapterSet *set, Err *e)
{
    static const double w[] = {1, -1};
    (void)o;
    Lora *apart = NULL;
    CliRecord r = {0};
    TRY(merge_run(&apart, merge_find("exact"), (const Lora *const *)set->l, w, 2, e));
    double d = lora_equal(set->l[0], set->l[1]) ? 0 : lora_norm(apart), a = set->norm[0], b = set->norm[1];
    cli_record_num(&r, "norm_a", a);
    cli_record_num(&r, "norm_b", b);
    cli_record_num(&r, "norm_difference", d);
    cli_record_num(&r, "cosine", diff_cosine(a, b, d));
    diff_kinds(&r, set, apart);
    lora_free(apart);
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

static void merge_row(AdapterRows *t, const char *metric, const char *adapter, double value)
{
    adapter_rows_str(t, metric);
    adapter_rows_str(t, adapter);
    adapter_rows_num(t, value);
}

/* An adapter's share: |weight| times its norm, over the sum of these. */
static Status merge_print(const AdapterSet *set, const double *w, const Lora *merged, Err *e)
{
    static const char *const col[] = {"metric", "adapter", "value"};
    double norm = lora_norm(merged), mean = 0, sum = 0;
    AdapterRows t = adapter_rows(col, 3);
    for (size_t i = 0; i < set->n; i++) {
        mean += set->norm[i] / (double)set->n;
        sum += fabs(w[i]) * set->norm[i];
    }
    merge_row(&t, "rank", NULL, (double)rank_most(merged));
    merge_row(&t, "norm", NULL, norm);
    merge_row(&t, "mean_norm", NULL, mean);
    merge_row(&t, "attenuation", NULL, mean > 0 ? norm / mean : NAN);
    for (size_t i = 0; i < set->n; i++) {
        merge_row(&t, "weight", set->dir[i], w[i]);
        merge_row(&t, "norm", set->dir[i], set->norm[i]);
        merge_row(&t, "share", set->dir[i], sum > 0 ? fabs(w[i]) * set->norm[i] / sum : NAN);
    }
    return adapter_rows_print(&t, e);
}

/* The name of the base that is written: the model given, else what the first adapter says. */
static Status merge_save(const Lora *merged, const AdapterOpts *o, const AdapterSet *set, Err *e)
{
    char *base = NULL;
    if (o->model != NULL) return lora_save(merged, o->out, o->model, e);
    TRY(adapter_base_name(&base, set->dir[0], e));
    Status s = lora_save(merged, o->out, base, e);
    free(base);
    return s;
}

static Status merge_job(const AdapterOpts *o, const CliList *dirs, const double *w, Err *e)
{
    AdapterSet set = {0};
    Lora *merged = NULL;
    Status s = adapter_set_load(&set, o->model, dirs->item, dirs->n, e);
    if (s == OK) s = merge_run(&merged, o->method, (const Lora *const *)set.l, w, set.n, e);
    if (s == OK) s = merge_save(merged, o, &set, e);
    if (s == OK) s = merge_print(&set, w, merged, e);
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
    if (o->out == NULL) return cli_usage("'prime adapter merge' wants --out DIR");
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
        {"model", 'm', OPT_STR, &o.model, "DIR", "check that they fit this model", 0, 0},
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "adapter", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 10000);
    if (code < 0) code = merge_main(&o, method, &pos);
    cli_list_free(&pos);
    return code;
}
