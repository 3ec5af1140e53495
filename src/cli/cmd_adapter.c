/* cmd_adapter.c - `prime adapter`: one person's adapter, made and looked at. */
#include "cmd_adapter_priv.h"

#include "prime/file.h"
#include "prime/log.h"
#include "prime/st.h"
#include "prime/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- train ---- */

bool adapter_train_news(void *ctx, const TrainNews *n)
{
    (void)ctx;
    log_say(LOG_DEBUG, "step %zu/%zu loss %.4f lr %.2e norm %.3f", n->step + 1, n->steps, n->loss, n->lr,
            n->grad_norm);
    return true;
}

/* What is promised, and to whom. */
static void person_print_dp(AdapterRows *t, const PersonOpts *o, const DpTrained *dp)
{
    const double value[] = {dp->epsilon, dp->run.delta, dp->run.sigma, o->dp.clip, dp->run.q};
    const char *unit = o->dp.user_level ? "user" : "record";
    adapter_rows_str(t, unit);
    adapter_rows_str(t, o->dp.accountant->name);
    for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) adapter_rows_num(t, value[i]);
    log_say(LOG_INFO,
            "(%.4g, %g)-differential privacy of one %s of %s, added or removed, for whoever sees the adapter "
            "and does not know --seed; losses and settings are not covered",
            dp->epsilon, dp->run.delta, unit, o->user);
}

Status adapter_person_print(const PersonOpts *o, const PersonResult *r, Err *e)
{
    static const char *const col[] = {
        "user",       "records",        "heldout",       "steps",   "parameters", "loss_before",
        "loss_after", "heldout_before", "heldout_after", "seconds", "dp_unit",    "dp_accountant",
        "dp_epsilon", "dp_delta",       "dp_sigma",      "dp_clip", "dp_rate"};
    bool private = o->dp.accountant != NULL;
    enum { PLAIN = 10 };
    const double value[] = {
        (double)r->records, (double)r->heldout, (double)r->steps,
        (double)r->params,  r->before,          r->after,
        r->heldout_before,  r->heldout_after,   cli_common.no_provenance ? NAN : r->seconds};
    AdapterRows t = adapter_rows(col, private ? sizeof col / sizeof col[0] : PLAIN);
    adapter_rows_str(&t, o->user);
    for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) adapter_rows_num(&t, value[i]);
    if (private) person_print_dp(&t, o, &r->dp);
    return adapter_rows_print(&t, e);
}

static int train_main(const PersonOpts *o)
{
    PersonResult r;
    Err e = {0};
    if (person_train(&r, o, adapter_train_news, NULL, &e) != OK) return cli_fail(&e);
    return adapter_person_print(o, &r, &e) == OK ? EXIT_DONE : cli_fail(&e);
}

/* What was given on the command line; NaN and 0 leave the preset's value. */
typedef struct {
    const char *preset, *modules, *accountant, *unit;
    double lr, dropout, delta, clip;
    size_t epochs, batch;
} TrainGiven;

/* The promise that is asked for, if any. */
static int train_privacy(PersonOpts *o, const TrainGiven *g)
{
    Err e = {0};
    PersonDp *dp = &o->dp;
    if (isnan(dp->sigma) && isnan(dp->epsilon)) {
        if (isnan(g->delta) && isnan(g->clip) && g->accountant == NULL && g->unit == NULL) return -1;
        return cli_usage(
            "--dp-delta, --dp-clip, --dp-unit and --dp-accountant want --dp-sigma or --dp-epsilon");
    }
    if (!isnan(dp->sigma) && !isnan(dp->epsilon))
        return cli_usage("--dp-sigma and --dp-epsilon: one follows from the other, give one");
    if (!isnan(dp->sigma) && dp->sigma <= 0) return cli_usage("--dp-sigma = %g, want > 0", dp->sigma);
    if (!isnan(dp->epsilon) && dp->epsilon <= 0) return cli_usage("--dp-epsilon = %g, want > 0", dp->epsilon);
    dp->delta = isnan(g->delta) ? 1e-5 : g->delta;
    dp->clip = isnan(g->clip) ? 1 : g->clip;
    if (!(dp->delta > 0 && dp->delta < 1)) return cli_usage("--dp-delta = %g, want (0, 1)", dp->delta);
    if (!(dp->clip > 0)) return cli_usage("--dp-clip = %g, want > 0", dp->clip);
    if (dp_accountant(&dp->accountant, g->accountant != NULL ? g->accountant : "rdp", &e) != OK)
        return cli_usage("--dp-%s", e.msg);
    dp->user_level = g->unit != NULL && strcmp(g->unit, "user") == 0;
    if (g->unit != NULL && !dp->user_level && strcmp(g->unit, "record") != 0)
        return cli_usage("--dp-unit = %s, want record or user", g->unit);
    if (!dp->accountant->bound) return cli_usage("--dp-accountant = %s is no bound", dp->accountant->name);
    return -1;
}

static int train_options(PersonOpts *o, const TrainGiven *g)
{
    bool paper = strcmp(g->preset, "paper") == 0;
    if (!paper && strcmp(g->preset, "default") != 0)
        return cli_usage("--preset = %s, want default or paper", g->preset);
    PersonOpts d = person_default(paper);
    o->modules = g->modules != NULL ? g->modules : d.modules;
    o->rank = o->rank > 0 ? o->rank : d.rank;
    o->alpha = isnan(o->alpha) ? d.alpha : o->alpha;
    o->train = d.train;
    o->train.seed = cli_common.seed;
    if (!isnan(g->lr)) o->train.opt.lr = g->lr;
    if (!isnan(g->dropout)) o->train.dropout = g->dropout;
    if (g->epochs > 0) o->train.epochs = g->epochs;
    if (g->batch > 0) o->train.batch_docs = g->batch;
    if (o->model == NULL || o->data == NULL || o->task == NULL || o->user == NULL || o->out == NULL)
        return cli_usage("'prime adapter train' wants --model, --data, --task, --user and --out");
    return train_privacy(o, g);
}

static int adapter_train_run(const CliVerb *self, int argc, char **argv)
{
    PersonOpts o = {.alpha = NAN, .dp = {.sigma = NAN, .epsilon = NAN}};
    TrainGiven g = {.preset = "default", .lr = NAN, .dropout = NAN, .delta = NAN, .clip = NAN};
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &o.model, "DIR", "base model (required)", 0, 0},
        {"data", 'd', OPT_STR, &o.data, "DIR", "dataset (required)", 0, 0},
        {"task", 't', OPT_STR, &o.task, "NAME", "task of the dataset (required)", 0, 0},
        {"user", 'u', OPT_STR, &o.user, "ID", "whose history, or those of several, as ID,ID (required)", 0,
         0},
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"preset", 0, OPT_STR, &g.preset, "NAME", "default, or paper: PriME's own settings", 0, 0},
        {"rank", 'r', OPT_SIZE, &o.rank, "R", "rank (8)", 1, 65536},
        {"alpha", 0, OPT_NUM, &o.alpha, "X", "updates are scaled by alpha/rank (8)", 0, 1e6},
        {"modules", 0, OPT_STR, &g.modules, "LIST",
         "modules by name, as q_proj,c_attn, or attention, mlp, all-linear (attention)", 0, 0},
        {"lr", 0, OPT_NUM, &g.lr, "X", "peak learning rate", 0, 1},
        {"epochs", 0, OPT_SIZE, &g.epochs, "N", "passes over the history", 1, 10000},
        {"batch", 0, OPT_SIZE, &g.batch, "N", "records a step, or users with --dp-unit user", 1, 10000},
        {"targets", 0, OPT_STR, &g.modules, "LIST", "the same as --modules", 0, 0},
        {"dropout", 0, OPT_NUM, &g.dropout, "P", "share of the adapter's inputs that is dropped", 0, 0.99},
        {"dp-sigma", 0, OPT_NUM, &o.dp.sigma, "S", "DP-SGD: noise over clip", 0, 0},
        {"dp-epsilon", 0, OPT_NUM, &o.dp.epsilon, "E", "DP-SGD: the least noise that keeps this epsilon", 0,
         0},
        {"dp-delta", 0, OPT_NUM, &g.delta, "D", "its delta (1e-5)", 0, 0},
        {"dp-clip", 0, OPT_NUM, &g.clip, "C", "bound of a unit's gradient (1)", 0, 0},
        {"dp-unit", 0, OPT_STR, &g.unit, "UNIT",
         "who is protected: one record, or one user with all of them among several (record)", 0, 0},
        {"dp-accountant", 0, OPT_STR, &g.accountant, "NAME", "rdp or prv (rdp)", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "adapter", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code < 0) code = train_options(&o, &g);
    return code < 0 ? train_main(&o) : code;
}

/* ---- info ---- */

/* What stands in the config and cannot change the numbers, under -v. */
static void info_ignored_keys(const JsVal *root)
{
    JsIter it = {0};
    const char *key = NULL;
    for (const JsVal *v; (v = js_next(root, &it, &key)) != NULL;) {
        const char *why = lora_key_ignored(key);
        char show[JS_SHOW];
        if (why != NULL) log_say(LOG_DEBUG, "ignored: %s is %s (%s)", key, js_show(show, v), why);
    }
}

/* What only the config knows. */
static Status info_from_config(CliRecord *r, const char *path, Err *e)
{
    JsVal *root = NULL;
    TRY(js_load(&root, path, e));
    const char *base = js_str(js_get(root, "base_model_name_or_path"), NULL);
    cli_record_str(r, "base_model", base != NULL ? base : "");
    cli_record_num(r, "alpha", js_num(js_get(root, "lora_alpha"), NAN));
    cli_record_str(r, "scaled_by_root_of_rank", js_bool(js_get(root, "use_rslora"), false) ? "yes" : "no");
    info_ignored_keys(root);
    js_close(root);
    return OK;
}

/* How the tensors are stored, types in order of appearance. */
static Status info_from_tensors(CliRecord *r, const char *path, Err *e)
{
    StFile *st = NULL;
    Str types = {0};
    unsigned seen = 0;
    TRY(st_open(&st, path, e));
    for (size_t i = 0; i < st_count(st); i++) {
        StType t = st_at(st, i)->type;
        if ((seen >> t & 1U) == 0) str_printf(&types, "%s%s", seen != 0 ? " " : "", st_type_name(t));
        seen |= 1U << t;
    }
    cli_record_text(r, "dtype", &types);
    str_free(&types);
    st_close(st);
    return OK;
}

static Status info_from_files(CliRecord *r, const char *dir, Err *e)
{
    char *config = file_join(dir, "adapter_config.json"),
         *weights = file_join(dir, "adapter_model.safetensors");
    Status s = config != NULL && weights != NULL
                   ? info_from_config(r, config, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: out of memory", dir);
    if (s == OK) s = info_from_tensors(r, weights, e);
    free(config);
    free(weights);
    return s;
}

static void info_from_sites(CliRecord *r, const Lora *l)
{
    Str modules = {0};
    size_t least = SIZE_MAX, most = 0, sites = 0;
    for (size_t k = 0; k < LORA_KINDS; k++) {
        size_t here = 0;
        for (size_t y = 0; y < l->shape.n_layers; y++) {
            size_t rank = l->site[y * LORA_KINDS + k].r;
            if (rank == 0) continue;
            here++;
            least = rank < least ? rank : least;
            most = rank > most ? rank : most;
        }
        if (here > 0)
            str_printf(&modules, "%s%s", sites > 0 ? " " : "", lora_kind_label(&l->shape, (LoraKind)k));
        sites += here;
    }
    cli_record_str(r, "family", l->shape.names->family);
    cli_record_num(r, "rank_min", (double)least);
    cli_record_num(r, "rank_max", (double)most);
    cli_record_num(r, "dropout", l->dropout);
    cli_record_text(r, "modules", &modules);
    cli_record_num(r, "layers", (double)l->shape.n_layers);
    cli_record_num(r, "sites", (double)sites);
    cli_record_num(r, "parameters", (double)l->n_params);
    cli_record_num(r, "norm", lora_norm(l));
    str_free(&modules);
}

static Status adapter_info_job(const char *dir, const char *model, Err *e)
{
    AdapterSet set = {0};
    CliRecord r = {0};
    Status s = adapter_set_load(&set, model, &dir, 1, e);
    if (s == OK) s = info_from_files(&r, dir, e);
    if (s == OK) info_from_sites(&r, set.l[0]);
    adapter_set_free(&set);
    if (s == OK) s = cli_record_print(&r, e);
    js_close(r.obj);
    return s;
}

static int adapter_info_run(const CliVerb *self, int argc, char **argv)
{
    const char *model = NULL;
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &model, "DIR", "check that it fits this model", 0, 0},
    };
    CliList pos = {0};
    Err e = {0};
    int code = cli_args(self, "adapter", opts, 1, argc, argv, &pos, 1, 1);
    if (code < 0) code = adapter_info_job(pos.item[0], model, &e) == OK ? EXIT_DONE : cli_fail(&e);
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {
    {"train", "", "an adapter from one person's history", adapter_train_run},
    {"info", "DIR", "rank, modules and size of an adapter", adapter_info_run},
    {"norms", "DIR...", "how far adapters move a model, by kind of weight", adapter_norms_run},
    {"merge", "DIR...", "several adapters into one", adapter_merge_run},
    {"export", "DIR[=W]...", "an adapter, or an exact weighted sum of several, written anew",
     adapter_export_run},
    {"gate", "DIR", "gates for a person's adapter, by which it is chosen from others", adapter_gate_run},
    {"assemble", "DIR...", "an adapter for somebody else, chosen module by module by gates",
     adapter_assemble_run},
    {"diff", "A B", "how far two adapters are apart", adapter_diff_run},
    {0},
};
const CliNoun cli_adapter = {"adapter", "private adapters of people", verbs};
