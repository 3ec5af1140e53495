/* cmd_adapter_merge.c - adapters compared and merged. */
#include "cmd_adapter_priv.h"

#include "prime/dp_train.h"
#include "prime/file.h"
#include "prime/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *model;
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

typedef struct {
    const char *model, *out, *weights, *method, *by, *rank, *rescale, *elect, *mean, *fold, *dtype;
    bool project, limited;
    const MergeMethod *m;
    MergeBy granularity;
    MergeOpts o;
    MergeLimits lim;
    StType type;
    double release_clip, release_sigma, release_delta; /* noise on the merge; NaN for none */
    double release_epsilon;
} MergeCmd;

/* The numbers of text, with commas between, in fresh memory (caller frees); NULL if they are none. */
static double *numbers_parse(size_t *n, const char *text)
{
    size_t room = 1;
    for (const char *s = text; *s != '\0'; s++) room += *s == ',';
    double *x = calloc(room, sizeof *x);
    *n = 0;
    for (const char *s = text; x != NULL; s++) {
        char *end = NULL;
        x[(*n)++] = strtod(s, &end);
        if (end != s && *end == '\0' && isfinite(x[*n - 1])) return x;
        if (end == s || *end != ',' || !isfinite(x[*n - 1])) break;
        s = end;
    }
    free(x);
    return NULL;
}

/* w [k * groups], fresh: the numbers of --weights, or 1/k each. */
static Status weights_make(double **out, const MergeCmd *c, size_t k, size_t groups, Err *e)
{
    size_t n = 0, want = k * groups;
    if (c->weights != NULL) {
        double *w = numbers_parse(&n, c->weights);
        if (w == NULL)
            FAIL(e, ERR_ARG, "--weights = %s, want finite numbers separated by commas", c->weights);
        *out = w;
        if (n == want) return OK;
        if (groups == 1)
            FAIL(e, ERR_ARG, "--weights has %zu numbers, want %zu: one for each adapter", n, want);
        FAIL(e, ERR_ARG, "--weights has %zu numbers, want %zu: for each of %zu adapters one for each %s, %zu",
             n, want, k, merge_by_names[c->granularity], groups);
    }
    *out = calloc(want, sizeof **out);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", want);
    for (size_t i = 0; i < want; i++) (*out)[i] = 1.0 / (double)k;
    return OK;
}

static Status merge_limit(double *w, const MergeCmd *c, const AdapterSet *set, size_t groups, Err *e)
{
    const Lora *const *l = (const Lora *const *)set->l;
    if (!c->limited) return OK;
    double *norm = calloc(set->n * groups, sizeof *norm);
    if (norm == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu norms", set->n * groups);
    merge_group_norms(norm, l, set->n, c->granularity);
    Status s = (c->project ? merge_limits_project(w, &c->lim, norm, set->n, &set->shape, c->granularity, e)
                           : merge_limits_check(&c->lim, w, norm, set->n, &set->shape, c->granularity, e));
    free(norm);
    return s;
}

void adapter_metric_row(AdapterRows *t, const char *metric, const char *adapter, double value)
{
    adapter_rows_str(t, metric);
    adapter_rows_str(t, adapter);
    adapter_rows_num(t, value);
}

/* A weight that differs between groups is shown as its mean by squared norm, and group by group. */
static void merge_print_weights(AdapterRows *t, const MergeCmd *c, const AdapterSet *set, const double *w,
                                const MergeReport *rep, size_t i)
{
    size_t groups = merge_groups(c->granularity, &set->shape);
    adapter_metric_row(t, "weight", set->dir[i], rep->sign[i]);
    for (size_t g = 0; groups > 1 && g < groups; g++) {
        char name[MERGE_GROUP_NAME], row[MERGE_GROUP_NAME + 16];
        snprintf(row, sizeof row, "weight %s", merge_group_name(name, c->granularity, &set->shape, g));
        adapter_metric_row(t, row, set->dir[i], w[i * groups + g]);
    }
}

void adapter_merge_rows(AdapterRows *t, const AdapterSet *set, const MergeReport *rep)
{
    double mean = 0;
    for (size_t i = 0; i < set->n; i++) mean += rep->own[i] / (double)set->n;
    adapter_metric_row(t, "rank", NULL, (double)rep->rank);
    adapter_metric_row(t, "norm", NULL, rep->norm);
    adapter_metric_row(t, "mean_norm", NULL, mean);
    adapter_metric_row(t, "attenuation", NULL, mean > 0 ? rep->norm / mean : NAN);
    adapter_metric_row(t, "exact_norm", NULL, rep->exact);
    adapter_metric_row(t, "cross_norm", NULL, rep->cross);
    adapter_metric_row(t, "truncation", NULL, rep->cut);
    adapter_metric_row(t, "effective", NULL, rep->effective);
}

static void merge_print_release(AdapterRows *t, const MergeCmd *c)
{
    if (isnan(c->release_clip)) return;
    adapter_metric_row(t, "release_clip", NULL, c->release_clip);
    adapter_metric_row(t, "release_sigma", NULL, c->release_sigma);
    adapter_metric_row(t, "release_epsilon", NULL, c->release_epsilon);
    adapter_metric_row(t, "release_delta", NULL, c->release_delta);
}

static Status merge_print(const MergeCmd *c, const AdapterSet *set, const double *w, const MergeReport *rep,
                          Err *e)
{
    static const char *const col[] = {"metric", "adapter", "value"};
    AdapterRows t = adapter_rows(col, 3);
    adapter_merge_rows(&t, set, rep);
    for (size_t i = 0; i < set->n; i++) {
        merge_print_weights(&t, c, set, w, rep, i);
        adapter_metric_row(&t, "norm", set->dir[i], rep->own[i]);
        adapter_metric_row(&t, "share", set->dir[i], rep->share[i]);
    }
    merge_print_release(&t, c);
    return adapter_rows_print(&t, e);
}

/* The files of a model's folder that say how it reads and writes text. */
static Status fold_texts(const MergeCmd *c, Err *e)
{
    static const char *const name[] = {"tokenizer.json", "tokenizer_config.json", "tokenizer.model",
                                       "special_tokens_map.json", "generation_config.json"};
    for (size_t i = 0; file_is_dir(c->fold) && i < sizeof name / sizeof name[0]; i++) {
        char *from = file_join(c->fold, name[i]), *to = file_join(c->out, name[i]), *data = NULL;
        size_t n = 0;
        Err missing = {0};
        Status s = from != NULL && to != NULL ? OK : ERR_NOMEM;
        if (s == OK && file_read(&data, &n, from, &missing) == OK) s = file_write(to, data, n, e);
        free(data);
        free(from);
        free(to);
        if (s == ERR_NOMEM) FAIL(e, ERR_NOMEM, "out of memory");
        if (s != OK) return s;
    }
    return OK;
}

static Status merge_fold(const Lora *merged, const MergeCmd *c, Err *e)
{
    Model *m = NULL;
    TRY(model_open(&m, c->fold, &(ModelOpts){.weights = WEIGHTS_F32}, e));
    Status s = model_fold(m, merged, 1, e);
    if (s == OK) s = model_save(m, c->out, c->type, e);
    if (s == OK) s = fold_texts(c, e);
    model_free(m);
    return s;
}

/* The name of the base that is written: the model given, else what the first adapter says. */
static Status merge_save(const Lora *merged, const MergeCmd *c, const AdapterSet *set, Err *e)
{
    char *base = NULL;
    if (c->fold != NULL) return merge_fold(merged, c, e);
    if (c->model != NULL) return lora_save_as(merged, c->out, c->model, c->type, e);
    TRY(adapter_base_name(&base, set->dir[0], e));
    Status s = lora_save_as(merged, c->out, base, c->type, e);
    free(base);
    return s;
}

static Status merge_release(Lora *merged, MergeCmd *c, Err *e)
{
    Rng rng = rng_stream(cli_common.seed, "release", 0);
    if (isnan(c->release_clip)) return OK;
    TRY(dp_release(merged, NULL, &c->release_epsilon, c->release_clip, c->release_sigma, c->release_delta,
                   &rng, e));
    log_say(LOG_INFO,
            "(%.4g, %g)-differential privacy of the whole merge against any other, for whoever sees what is "
            "written and does not know --seed; the numbers printed are not covered",
            c->release_epsilon, c->release_delta);
    return OK;
}

static Status merge_do(MergeCmd *c, const AdapterSet *set, double *w, size_t groups, Err *e)
{
    Lora *merged = NULL;
    MergeReport rep = {0};
    TRY(merge_limit(w, c, set, groups, e));
    TRY(merge_build(&merged, &rep, c->m, (const Lora *const *)set->l, set->n,
                    &(MergeWeights){w, c->granularity}, &c->o, e));
    Status s = merge_release(merged, c, e);
    if (s == OK) s = merge_save(merged, c, set, e);
    if (s == OK) s = merge_print(c, set, w, &rep, e);
    merge_report_free(&rep);
    lora_free(merged);
    return s;
}

static Status merge_job(MergeCmd *c, const CliList *dirs, Err *e)
{
    AdapterSet set = {0};
    double *w = NULL;
    Status s = adapter_set_load(&set, c->model != NULL ? c->model : c->fold, dirs->item, dirs->n, e);
    size_t groups = s == OK ? merge_groups(c->granularity, &set.shape) : 0;
    if (s == OK) s = weights_make(&w, c, set.n, groups, e);
    if (s == OK) s = merge_do(c, &set, w, groups, e);
    free(w);
    adapter_set_free(&set);
    return s;
}

/* Index of `text` in names; -1 says that it was not there, and what is. */
static int choice_find(size_t *at, const char *option, const char *text, const char *const *names)
{
    char all[128] = "";
    size_t used = 0;
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) == 0) {
            *at = i;
            return -1;
        }
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    return cli_usage("--%s = %s, want one of %s", option, text, all);
}

static int merge_choices(MergeCmd *c)
{
    static const char *const types[] = {"f32", "f16", "bf16", NULL};
    static const StType type[] = {ST_F32, ST_F16, ST_BF16};
    size_t by = 0, rescale = 0, elect = 0, mean = 0, dtype = 0;
    const struct {
        const char *name, *text;
        const char *const *names;
        size_t *at;
    } choice[] = {{"granularity", c->by, merge_by_names, &by},
                  {"rescale", c->rescale, merge_rescale_names, &rescale},
                  {"elect", c->elect, merge_elect_names, &elect},
                  {"mean", c->mean, merge_mean_names, &mean},
                  {"dtype", c->dtype, types, &dtype}};
    for (size_t i = 0; i < sizeof choice / sizeof choice[0]; i++) {
        int code = choice_find(choice[i].at, choice[i].name, choice[i].text, choice[i].names);
        if (code >= 0) return code;
    }
    c->granularity = (MergeBy)by;
    c->o.rescale = (MergeRescale)rescale;
    c->o.elect = (MergeElect)elect;
    c->o.mean = (MergeMean)mean;
    c->type = type[dtype];
    return -1;
}

/* A merge that is folded is not cut unless that is asked for. */
static int merge_rank(MergeCmd *c)
{
    c->o.rank = c->fold != NULL ? MERGE_RANK_FULL : MERGE_RANK_AUTO;
    if (c->rank == NULL) return -1;
    char *end = NULL;
    double r = strtod(c->rank, &end);
    if (strcmp(c->rank, "full") == 0) {
        c->o.rank = MERGE_RANK_FULL;
        return -1;
    }
    if (end == c->rank || *end != '\0' || !(r >= 1 && r <= 65536) || r != floor(r))
        return cli_usage("--rank = %s, want 1 to 65536, or full", c->rank);
    c->o.rank = (size_t)r;
    return -1;
}

static int merge_options(MergeCmd *c)
{
    c->m = merge_find(c->method);
    const char *near = merge_nearest(c->method);
    if (c->m == NULL)
        return cli_usage("--method = %s is not known%s%s", c->method,
                         near != NULL ? ", did you mean " : "; see 'prime list merge'",
                         near != NULL ? near : "");
    if (c->out == NULL) return cli_usage("'prime adapter merge' wants --out DIR");
    if (c->fold != NULL && c->model != NULL)
        return cli_usage("--fold names the model already; leave out --model");
    int code = merge_choices(c);
    if (code < 0) code = merge_rank(c);
    c->limited = isfinite(c->lim.cap) || c->lim.min_effective > 0;
    if (isnan(c->release_clip) != isnan(c->release_sigma))
        return cli_usage("--release-clip and --release-sigma go together");
    if (!isnan(c->release_clip) && !(c->release_sigma > 0))
        return cli_usage("--release-sigma = %g, want > 0", c->release_sigma);
    if (code < 0 && c->project && !c->limited)
        return cli_usage("--project wants --cap or --min-effective to project onto");
    c->o.seed = cli_common.seed;
    return code;
}

static int merge_main(MergeCmd *c, const CliList *dirs)
{
    Err e = {0};
    int code = merge_options(c);
    if (code >= 0) return code;
    if (merge_job(c, dirs, &e) == OK) return EXIT_DONE;
    code = cli_fail(&e);
    return e.code == ERR_ARG ? EXIT_USAGE : code;
}

int adapter_merge_run(const CliVerb *self, int argc, char **argv)
{
    MergeCmd c = {.method = "exact", .by = "adapter", .rescale = "auto", .elect = "auto", .mean = "auto"};
    c.dtype = "f32";
    c.o = merge_opts();
    c.lim.cap = INFINITY;
    c.release_clip = c.release_sigma = NAN;
    c.release_delta = 1e-5;
    const CliOpt opts[] = {
        {"method", 0, OPT_STR, &c.method, "NAME", "see 'prime list merge' (exact)", 0, 0},
        {"weights", 'w', OPT_STR, &c.weights, "W,W,...",
         "those of the first adapter, of the second, ... (1/n)", 0, 0},
        {"granularity", 0, OPT_STR, &c.by, "WHAT", "a weight for each adapter, layer, kind, module (adapter)",
         0, 0},
        {"density", 0, OPT_NUM, &c.o.density, "D", "share of the entries that is kept", 0, 0},
        {"gamma", 0, OPT_NUM, &c.o.gamma, "G", "breadcrumbs: share of the largest that is dropped (0.01)", 0,
         0},
        {"epsilon", 0, OPT_NUM, &c.o.epsilon, "E", "della: spread of keep probabilities (0.15 at most)", 0,
         0},
        {"lambda", 0, OPT_NUM, &c.o.lambda, "X", "times the merged update (1)", 0, 0},
        {"rescale", 0, OPT_STR, &c.rescale, "HOW", "what is kept: none, inverse, l1 (the method's)", 0, 0},
        {"elect", 0, OPT_STR, &c.elect, "HOW", "votes for a sign: total, frequency (total)", 0, 0},
        {"mean", 0, OPT_STR, &c.mean, "HOW", "of those that agree: sum, count, weights (the method's)", 0, 0},
        {"rank", 0, OPT_STR, &c.rank, "N", "cut to this rank, or full (see 'prime list merge')", 0, 0},
        {"cap", 0, OPT_NUM, &c.lim.cap, "C", "largest weight in size", 0, 0},
        {"min-effective", 0, OPT_NUM, &c.lim.min_effective, "N", "effective adapters of every group", 0, 0},
        {"project", 0, OPT_FLAG, &c.project, NULL, "move weights to keep these limits, instead of refusing",
         0, 0},
        {"model", 'm', OPT_STR, &c.model, "DIR", "check that they fit this model", 0, 0},
        {"fold", 0, OPT_STR, &c.fold, "MODEL", "write this model with the merge folded in, not an adapter", 0,
         0},
        {"dtype", 0, OPT_STR, &c.dtype, "TYPE", "f32, f16 or bf16 (f32)", 0, 0},
        {"release-clip", 0, OPT_NUM, &c.release_clip, "C", "cut the merge's factors to this norm, and", 0, 0},
        {"release-sigma", 0, OPT_NUM, &c.release_sigma, "S", "add noise of S * C to every entry", 0, 0},
        {"release-delta", 0, OPT_NUM, &c.release_delta, "D", "delta of the epsilon that is printed (1e-5)", 0,
         0},
        {"out", 'o', OPT_STR, &c.out, "DIR", "folder to write (required)", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "adapter", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 10000);
    if (code < 0) code = merge_main(&c, &pos);
    cli_list_free(&pos);
    return code;
}
