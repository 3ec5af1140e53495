/* cmd_adapter_gate.c - gates of adapters, and an adapter put together by them. */
#include "cmd_adapter_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- gate ---- */

/* What was given on the command line; NaN and 0 leave the preset's value. */
typedef struct {
    const char *preset;
    double lr, dropout;
    size_t steps, batch;
} GateGiven;

static int gate_options(PersonOpts *o, const GateGiven *g)
{
    bool own = strcmp(g->preset, "perpcs") == 0;
    if (!own && strcmp(g->preset, "prime") != 0)
        return cli_usage("--preset = %s, want perpcs or prime", g->preset);
    o->train = own ? train_gate_perpcs() : train_gate_prime();
    o->train.seed = cli_common.seed;
    if (!isnan(g->lr)) o->train.opt.lr = g->lr;
    if (!isnan(g->dropout)) o->train.dropout = g->dropout;
    if (g->steps > 0) o->train.steps = g->steps;
    if (g->batch > 0) o->train.batch_docs = g->batch;
    if (o->model == NULL || o->data == NULL || o->task == NULL || o->user == NULL)
        return cli_usage("'prime adapter gate' wants --model, --data, --task and --user");
    return -1;
}

static int gate_main(const PersonOpts *o)
{
    PersonResult r;
    Err e = {0};
    if (person_gate(&r, o, adapter_train_news, NULL, &e) != OK) return cli_fail(&e);
    return adapter_person_print(o, &r, &e) == OK ? EXIT_DONE : cli_fail(&e);
}

int adapter_gate_run(const CliVerb *self, int argc, char **argv)
{
    PersonOpts o = {0};
    GateGiven g = {.preset = "perpcs", .lr = NAN, .dropout = NAN};
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &o.model, "DIR", "base model (required)", 0, 0},
        {"data", 'd', OPT_STR, &o.data, "DIR", "dataset (required)", 0, 0},
        {"task", 't', OPT_STR, &o.task, "NAME", "task of the dataset (required)", 0, 0},
        {"user", 'u', OPT_STR, &o.user, "ID", "whose adapter it is (required)", 0, 0},
        {"preset", 0, OPT_STR, &g.preset, "NAME", "perpcs: 200 steps, or prime: 50 (perpcs)", 0, 0},
        {"steps", 0, OPT_SIZE, &g.steps, "N", "steps of the optimiser", 1, 1e6},
        {"lr", 0, OPT_NUM, &g.lr, "X", "peak learning rate (2e-5)", 0, 1},
        {"batch", 0, OPT_SIZE, &g.batch, "N", "records a step (6)", 1, 10000},
        {"dropout", 0, OPT_NUM, &g.dropout, "P", "share of the adapter's inputs that is dropped (0.05)", 0,
         0.99},
    };
    CliList pos = {0};
    int code = cli_args(self, "adapter", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (code < 0) {
        o.out = pos.item[0];
        code = gate_options(&o, &g);
    }
    if (code < 0) code = gate_main(&o);
    cli_list_free(&pos);
    return code;
}

/* ---- assemble ---- */

/* Weights of perpcs_assemble [sites, k] as merge.h takes them: w [k, groups], fresh. */
static Status assemble_weights(double **w, const double *weight, const AdapterSet *set, Err *e)
{
    size_t groups = merge_groups(MERGE_BY_MODULE, &set->shape);
    *w = calloc(set->n * groups + 1, sizeof **w);
    if (*w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu weights", set->n * groups);
    for (size_t s = 0; s < set->shape.n_layers * LORA_KINDS; s++)
        for (size_t i = 0; i < set->n && set->shape.n_out[s % LORA_KINDS] > 0; i++)
            (*w)[i * groups + merge_group(MERGE_BY_MODULE, &set->shape, s)] = weight[s * set->n + i];
    return OK;
}

static void assemble_adapter(AdapterRows *t, const AdapterSet *set, const double *weight,
                             const MergeReport *rep, size_t i)
{
    adapter_metric_row(t, "weight", set->dir[i], rep->sign[i]);
    for (size_t s = 0; s < set->shape.n_layers * LORA_KINDS; s++) {
        char name[MERGE_GROUP_NAME], row[MERGE_GROUP_NAME + 16];
        if (set->l[i]->site[s].r == 0) continue;
        size_t g = merge_group(MERGE_BY_MODULE, &set->shape, s);
        snprintf(row, sizeof row, "weight %s", merge_group_name(name, MERGE_BY_MODULE, &set->shape, g));
        adapter_metric_row(t, row, set->dir[i], weight[s * set->n + i]);
    }
    adapter_metric_row(t, "norm", set->dir[i], rep->own[i]);
    adapter_metric_row(t, "share", set->dir[i], rep->share[i]);
}

static Status assemble_print(const PersonResult *r, const AdapterSet *set, const double *weight,
                             const MergeReport *rep, Err *e)
{
    static const char *const col[] = {"metric", "adapter", "value"};
    AdapterRows t = adapter_rows(col, 3);
    adapter_metric_row(&t, "records", NULL, (double)r->records);
    adapter_metric_row(&t, "loss_before", NULL, r->before);
    adapter_metric_row(&t, "loss_after", NULL, r->after);
    adapter_metric_row(&t, "heldout_before", NULL, r->heldout_before);
    adapter_metric_row(&t, "heldout_after", NULL, r->heldout_after);
    adapter_merge_rows(&t, set, rep);
    for (size_t i = 0; i < set->n; i++) assemble_adapter(&t, set, weight, rep, i);
    return adapter_rows_print(&t, e);
}

/* What was assembled is the prime merge with these weights: its report says how much came from whom. */
static Status assemble_report(const PersonResult *r, const AdapterSet *set, const double *weight, Err *e)
{
    double *w = NULL;
    Lora *again = NULL;
    MergeReport rep = {0};
    MergeOpts o = merge_opts();
    TRY(assemble_weights(&w, weight, set, e));
    Status s = merge_build(&again, &rep, merge_find("prime"), (const Lora *const *)set->l, set->n,
                           &(MergeWeights){w, MERGE_BY_MODULE}, &o, e);
    if (s == OK) s = assemble_print(r, set, weight, &rep, e);
    merge_report_free(&rep);
    lora_free(again);
    free(w);
    return s;
}

static Status assemble_job(const PersonOpts *o, const PersonAnchors *a, Err *e)
{
    AdapterSet set = {0};
    PersonResult r;
    double *weight = NULL;
    Status s = adapter_set_load(&set, o->model, a->dir, a->k, e);
    if (s == OK) s = person_assemble(&r, &weight, o, a, e);
    if (s == OK) s = assemble_report(&r, &set, weight, e);
    free(weight);
    adapter_set_free(&set);
    return s;
}

static int assemble_main(const PersonOpts *o, PersonAnchors *a, const CliList *dirs)
{
    Err e = {0};
    if (o->model == NULL || o->data == NULL || o->task == NULL || o->user == NULL || o->out == NULL)
        return cli_usage("'prime adapter assemble' wants --model, --data, --task, --user and --out");
    a->dir = dirs->item;
    a->k = dirs->n;
    a->perpcs.seed = cli_common.seed;
    return assemble_job(o, a, &e) == OK ? EXIT_DONE : cli_fail(&e);
}

int adapter_assemble_run(const CliVerb *self, int argc, char **argv)
{
    PersonOpts o = {0};
    PersonAnchors a = {.perpcs = perpcs_default()};
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &o.model, "DIR", "base model (required)", 0, 0},
        {"data", 'd', OPT_STR, &o.data, "DIR", "dataset (required)", 0, 0},
        {"task", 't', OPT_STR, &o.task, "NAME", "task of the dataset (required)", 0, 0},
        {"user", 'u', OPT_STR, &o.user, "ID", "for whom, chosen by their history (required)", 0, 0},
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"topk", 'k', OPT_SIZE, &a.perpcs.topk, "K", "adapters that share a module (1)", 1, 10000},
        {"temperature", 0, OPT_NUM, &a.perpcs.temperature, "X", "of the shares' softmax (1)", 1e-6, 1e6},
        {"batch", 0, OPT_SIZE, &a.perpcs.batch_docs, "N", "records that choose together (16)", 1, 10000},
        {"epochs", 0, OPT_SIZE, &a.perpcs.epochs, "N", "passes over the history (1)", 1, 10000},
        {"recent", 0, OPT_SIZE, &a.recent, "N", "the last N records alone, 0 for all (0)", 0, 1e9},
        {"shared", 0, OPT_NUM, &a.perpcs.shared, "P",
         "share of the adapters that a module may choose from (1)", 1e-6, 1},
    };
    CliList pos = {0};
    int code = cli_args(self, "adapter", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 10000);
    if (code < 0) code = assemble_main(&o, &a, &pos);
    cli_list_free(&pos);
    return code;
}
