/* cmd_adapter_export.c - `prime adapter export`: an adapter, or an exact weighted sum of several, written
 * anew in PEFT's layout. */
#include "cmd_adapter_priv.h"

#include "prime/merge.h"
#include "prime/st.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *model, *out, *base, *dtype;
    bool fold;
    StType type;
} ExportOpts;

/* Folders and their weights, from DIR or DIR=WEIGHT. */
typedef struct {
    char **dir; /* [n] */
    double *w;  /* [n] */
    size_t n;
} ExportParts;

static void parts_free(ExportParts *p)
{
    for (size_t i = 0; p->dir != NULL && i < p->n; i++) free(p->dir[i]);
    free(p->dir);
    free(p->w);
}

static Status parts_read(ExportParts *p, const CliList *pos, Err *e)
{
    p->dir = calloc(pos->n, sizeof *p->dir);
    p->w = calloc(pos->n, sizeof *p->w);
    if (p->dir == NULL || p->w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", pos->n);
    for (p->n = 0; p->n < pos->n; p->n++) {
        char *text = p->dir[p->n] = strdup(pos->item[p->n]);
        if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", pos->n);
        Status s = cli_adapter_split(&p->w[p->n], text, e);
        if (s != OK) p->n++; /* its copy is to be freed, too */
        TRY(s);
    }
    return OK;
}

/* One adapter keeps its ranks and takes its weight into the scale; several are put side by side. */
static Status export_sum(Lora **out, const AdapterSet *set, const ExportParts *p, Err *e)
{
    if (set->n > 1) return merge_run(out, merge_find("exact"), (const Lora *const *)set->l, p->w, set->n, e);
    Lora *copy = NULL;
    TRY(lora_like(&copy, set->l[0], e));
    memcpy(copy->data, set->l[0]->data, copy->n_params * sizeof *copy->data);
    for (size_t i = 0; i < copy->shape.n_layers * LORA_KINDS; i++)
        copy->site[i].scale = (float)(p->w[0] * (double)copy->site[i].scale);
    *out = copy;
    return OK;
}

/* How far what lies in the folder is from what was to be written: the rounding to --dtype. */
static Status export_rounding(double *norm, const Lora *want, const char *dir, Err *e)
{
    static const double w[] = {1, -1};
    Lora *got = NULL, *apart = NULL;
    TRY(lora_load(&got, dir, &want->shape, e));
    const Lora *both[] = {want, got};
    bool same = lora_equal(want, got);
    Status s = merge_run(&apart, merge_find("exact"), both, w, 2, e);
    if (s == OK) *norm = same ? 0 : lora_norm(apart); /* not the rounding of a norm that is 0 */
    lora_free(got);
    lora_free(apart);
    return s;
}

static Status export_record(const ExportOpts *o, const Lora *l, Err *e)
{
    CliRecord r = {0};
    size_t most = 0, sites = 0;
    double rounding = 0;
    TRY(export_rounding(&rounding, l, o->out, e));
    for (size_t i = 0; i < l->shape.n_layers * LORA_KINDS; i++) {
        most = l->site[i].r > most ? l->site[i].r : most;
        sites += l->site[i].r > 0;
    }
    cli_record_str(&r, "out", o->out);
    cli_record_str(&r, "dtype", o->dtype);
    cli_record_num(&r, "rank_max", (double)most);
    cli_record_num(&r, "sites", (double)sites);
    cli_record_num(&r, "parameters", (double)l->n_params);
    cli_record_num(&r, "norm", lora_norm(l));
    cli_record_num(&r, "norm_rounding", rounding);
    return cli_record_print(&r, e);
}

static Status export_write(const ExportOpts *o, Lora *l, const char *first, Err *e)
{
    char *base = NULL;
    if (o->fold) lora_fold_scale(l);
    if (o->base != NULL) return lora_save_as(l, o->out, o->base, o->type, e);
    TRY(adapter_base_name(&base, first, e));
    Status s = lora_save_as(l, o->out, base, o->type, e);
    free(base);
    return s;
}

static Status export_job(const ExportOpts *o, const CliList *pos, Err *e)
{
    ExportParts p = {0};
    AdapterSet set = {0};
    Lora *sum = NULL;
    Status s = parts_read(&p, pos, e);
    if (s == OK) s = adapter_set_load(&set, o->model, (const char *const *)p.dir, p.n, e);
    if (s == OK) s = export_sum(&sum, &set, &p, e);
    if (s == OK) s = export_write(o, sum, p.dir[0], e);
    if (s == OK) s = export_record(o, sum, e);
    lora_free(sum);
    adapter_set_free(&set);
    parts_free(&p);
    return s;
}

static int export_options(ExportOpts *o)
{
    static const struct {
        const char *name;
        StType type;
    } types[] = {{"f32", ST_F32}, {"f16", ST_F16}, {"bf16", ST_BF16}};
    if (o->out == NULL) return cli_usage("'prime adapter export' wants --out DIR");
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(o->dtype, types[i].name) != 0) continue;
        o->type = types[i].type;
        return -1;
    }
    return cli_usage("--dtype = %s, want f32, f16 or bf16", o->dtype);
}

int adapter_export_run(const CliVerb *self, int argc, char **argv)
{
    ExportOpts o = {.dtype = "f32"};
    const CliOpt opts[] = {
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"dtype", 0, OPT_STR, &o.dtype, "TYPE", "f32, f16 or bf16 (f32)", 0, 0},
        {"fold-scale", 0, OPT_FLAG, &o.fold, NULL, "scales into B, so that lora_alpha = r", 0, 0},
        {"base", 0, OPT_STR, &o.base, "NAME", "base_model_name_or_path to write (the first adapter's)", 0, 0},
        {"model", 'm', OPT_STR, &o.model, "DIR", "check that they fit this model", 0, 0},
    };
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "adapter", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 10000);
    if (code < 0) code = export_options(&o);
    if (code < 0) code = export_job(&o, &pos, &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    return code;
}
