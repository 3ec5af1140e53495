/* cmd_attack_white.c - `prime attack collusion` and `subspace`: what adapters say of each other. */
#include "cmd_adapter_priv.h"
#include "cmd_attack_priv.h"

#include "prime/collusion.h"
#include "prime/subspace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- collusion ---- */

typedef struct {
    const char *model, *out;
} CollusionOpts;

/* The merge, then colluders: folders, and the weight of each after its "=". */
static Status collusion_args(const char ***dir, double **w, const CliList *pos, Arena *a, Err *e)
{
    *dir = arena_alloc(a, pos->n, sizeof(const char *));
    *w = arena_alloc(a, pos->n, sizeof **w);
    if (*dir == NULL || *w == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu adapters", pos->n);
    (*dir)[0] = pos->item[0];
    for (size_t i = 1; i < pos->n; i++) {
        char *name = arena_strdup(a, pos->item[i]);
        if (name == NULL) FAIL(e, ERR_NOMEM, "no memory for a name");
        if (strchr(name, '=') == NULL)
            FAIL(e, ERR_ARG, "%s: want ADAPTER=WEIGHT; 'prime attack fingerprint' estimates weights", name);
        TRY(cli_adapter_split(&(*w)[i - 1], name, e));
        (*dir)[i] = name;
    }
    return OK;
}

static Status collusion_save(const Lora *rest, const CollusionOpts *o, const char *merge, Err *e)
{
    char *base = NULL;
    if (o->model != NULL) return lora_save(rest, o->out, o->model, e);
    TRY(adapter_base_name(&base, merge, e));
    Status s = lora_save(rest, o->out, base, e);
    free(base);
    return s;
}

static Status collusion_print(const AdapterSet *set, const double *w, const Lora *rest, Err *e)
{
    static const char *const col[] = {"adapter", "weight", "norm", "norm_rest"};
    AdapterRows rows = adapter_rows(col, 4);
    for (size_t i = 0; i < set->n; i++) {
        adapter_rows_str(&rows, set->dir[i]);
        adapter_rows_num(&rows, i == 0 ? NAN : w[i - 1]);
        adapter_rows_num(&rows, lora_norm(set->l[i]));
        adapter_rows_num(&rows, i == 0 ? lora_norm(rest) : NAN);
    }
    return adapter_rows_print(&rows, e);
}

static Status collusion_job(void *ctx, const CliList *pos, Arena *a, Err *e)
{
    const CollusionOpts *o = ctx;
    const char **dir = NULL;
    double *w = NULL;
    AdapterSet set = {0};
    Lora *rest = NULL;
    TRY(collusion_args(&dir, &w, pos, a, e));
    Status s = adapter_set_load(&set, o->model, dir, pos->n, e);
    if (s == OK) s = collusion_rest(&rest, set.l[0], (const Lora *const *)set.l + 1, w, pos->n - 1, e);
    if (s == OK) s = collusion_save(rest, o, dir[0], e);
    if (s == OK) s = collusion_print(&set, w, rest, e);
    lora_free(rest);
    adapter_set_free(&set);
    return s;
}

int attack_collusion_run(const CliVerb *self, int argc, char **argv)
{
    CollusionOpts o = {0};
    const CliOpt opts[] = {
        {"out", 'o', OPT_STR, &o.out, "DIR", "adapter to write: the merge without the colluders (required)",
         0, 0},
        {"model", 0, OPT_STR, &o.model, "DIR",
         "the model that the adapters are for (default: what they imply)", 0, 0},
    };
    return attack_verb(self,
                       &(AttackVerb){opts, 2, 2, 1024, &o.out, "'prime attack collusion' wants --out DIR"},
                       argc, argv, collusion_job, &o);
}

/* ---- subspace ---- */

typedef struct {
    const char *model;
} SubspaceOpts;

/* One site and side; nothing where an adapter has none there. */
static Status subspace_site(AdapterRows *rows, const AdapterSet *set, size_t site, SubspaceSide side,
                            double *cosine, Err *e)
{
    const LoraShape *shape = &set->shape;
    double sum = 0;
    size_t k = 0;
    TRY(subspace_cosines(cosine, &k, set->l[0], set->l[1], site, side, e));
    for (size_t i = 0; i < k; i++) sum += cosine[i] * cosine[i];
    adapter_rows_num(rows, (double)(site / LORA_KINDS));
    adapter_rows_str(rows, lora_kind_label(shape, (LoraKind)(site % LORA_KINDS)));
    adapter_rows_str(rows, side == SUBSPACE_ROWS ? "reads" : "writes");
    adapter_rows_num(rows, (double)k);
    adapter_rows_num(rows, k > 0 ? sum / (double)k : NAN);
    adapter_rows_num(rows, k > 0 ? cosine[0] : NAN);
    adapter_rows_num(rows, k > 0 ? cosine[k - 1] : NAN);
    return OK;
}

static Status subspace_all(AdapterRows *rows, const AdapterSet *set, Arena *a, Err *e)
{
    size_t sites = set->shape.n_layers * LORA_KINDS, seen = 0;
    for (size_t i = 0; i < sites; i++) {
        size_t x = set->l[0]->site[i].r, y = set->l[1]->site[i].r;
        if (x == 0 || y == 0) continue;
        double *cosine = arena_alloc(a, x < y ? x : y, sizeof *cosine);
        if (cosine == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu cosines", x < y ? x : y);
        TRY(subspace_site(rows, set, i, SUBSPACE_ROWS, cosine, e));
        TRY(subspace_site(rows, set, i, SUBSPACE_COLUMNS, cosine, e));
        seen++;
    }
    if (seen == 0) FAIL(e, ERR_ARG, "%s and %s adapt no module in common", set->dir[0], set->dir[1]);
    return OK;
}

static Status subspace_job(void *ctx, const CliList *pos, Arena *a, Err *e)
{
    static const char *const col[] = {"layer",   "module",  "side",    "directions",
                                      "overlap", "largest", "smallest"};
    const SubspaceOpts *o = ctx;
    AdapterSet set = {0};
    AdapterRows rows = adapter_rows(col, 7);
    Status s = adapter_set_load(&set, o->model, pos->item, pos->n, e);
    if (s == OK) s = subspace_all(&rows, &set, a, e);
    if (s == OK)
        s = adapter_rows_print(&rows, e);
    else
        js_close(rows.rows);
    adapter_set_free(&set);
    return s;
}

int attack_subspace_run(const CliVerb *self, int argc, char **argv)
{
    SubspaceOpts o = {0};
    const CliOpt opts[] = {{"model", 0, OPT_STR, &o.model, "DIR",
                            "the model that the adapters are for (default: what they imply)", 0, 0}};
    return attack_verb(self, &(AttackVerb){opts, 1, 2, 2, NULL, NULL}, argc, argv, subspace_job, &o);
}
