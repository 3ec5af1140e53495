/* cmd_attack_fingerprint.c - `prime attack fingerprint`: which adapters are in a merge, with what weight. */
#include "cmd_adapter_priv.h"
#include "cmd_attack_priv.h"

#include "prime/fingerprint.h"
#include "prime/subspace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const view_name[] = {"update", "a", "b"};
enum { N_VIEWS = sizeof view_name / sizeof view_name[0] };

typedef struct {
    const char *view, *truth, *model;
    bool layers;
    size_t n;          /* candidates */
    const char **dir;  /* [1 + n]: the merge first */
    double *w, *alone; /* [n] */
    double *known;     /* [n]; NULL: not given */
    FingerprintView how;
    const Lora *const *l; /* [1 + n] */
} PrintOpts;

static void print_head(TableOut *out, const PrintOpts *o)
{
    static const char *const col[] = {"layer",      "adapter",     "weight", "alone", "residual",
                                      "overlap_in", "overlap_out", "truth",  "error"};
    table_begin(out, stdout, NULL, col, o->known != NULL ? 9 : 7);
}

/* How much of the candidate's directions the merge has; empty where one of them has none there. */
static Status print_overlap(TableOut *out, const PrintOpts *o, size_t i, SubspaceSide side, size_t layer,
                            Err *e)
{
    double x = NAN;
    Err why = {0};
    Status s = subspace_overlap(&x, o->l[0], o->l[1 + i], side, layer, &why);
    if (s != OK && s != ERR_ARG) FAIL(e, s, "%s", why.msg);
    table_put_num(out, x);
    return OK;
}

static Status print_fit(Str *text, const PrintOpts *o, const Fingerprint *f, size_t layer, Err *e)
{
    FingerprintFit fit;
    TableOut out = {.str = text, .n_cols = o->known != NULL ? 9 : 7};
    TRY(fingerprint_fit(o->w, &fit, f, layer, NULL, e));
    if (o->n > 1) TRY(fingerprint_alone(o->alone, f, layer, e));
    for (size_t i = 0; i < o->n; i++) {
        if (layer == FINGERPRINT_ALL)
            table_put_str(&out, "all");
        else
            table_put_int(&out, (int64_t)layer);
        table_put_str(&out, o->dir[1 + i]);
        table_put_num(&out, o->w[i]);
        table_put_num(&out, o->n > 1 ? o->alone[i] : 1 - fit.residual);
        table_put_num(&out, fit.residual);
        TRY(print_overlap(&out, o, i, SUBSPACE_ROWS, layer, e));
        TRY(print_overlap(&out, o, i, SUBSPACE_COLUMNS, layer, e));
        if (o->known != NULL) {
            table_put_num(&out, o->known[i]);
            table_put_num(&out, o->w[i] - o->known[i]);
        }
        table_end_row(&out);
    }
    return OK;
}

static Status print_all(const PrintOpts *o, const Fingerprint *f, Err *e)
{
    Str text = {0};
    TableOut head;
    Status s = print_fit(&text, o, f, FINGERPRINT_ALL, e);
    for (size_t l = 0; o->layers && l < f->n_layers && s == OK; l++) s = print_fit(&text, o, f, l, e);
    if (s == OK && text.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for the table");
    if (s == OK) {
        print_head(&head, o);
        fwrite(text.s, 1, text.n, stdout);
    }
    str_free(&text);
    return s;
}

static Status fingerprint_job(PrintOpts *o, Err *e)
{
    AdapterSet set = {0};
    Fingerprint *f = NULL;
    Status s = adapter_set_load(&set, o->model, o->dir, 1 + o->n, e);
    o->l = (const Lora *const *)set.l;
    if (s == OK) s = fingerprint_new(&f, set.l[0], (const Lora *const *)set.l + 1, o->n, o->how, e);
    if (s == OK) s = print_all(o, f, e);
    fingerprint_free(f);
    adapter_set_free(&set);
    return s;
}

/* --truth w,w,... one for each candidate. */
static int fingerprint_truth(PrintOpts *o, Arena *a)
{
    size_t n = 0;
    o->known = arena_alloc(a, o->n, sizeof *o->known);
    if (o->known == NULL) return cli_no_memory("adapters", o->n);
    for (const char *p = o->truth;; n++) {
        char *end = NULL;
        double x = strtod(p, &end);
        if (end == p || (*end != ',' && *end != '\0') || !(x - x == 0))
            return cli_usage("--truth = %s, want numbers with commas", o->truth);
        if (n < o->n) o->known[n] = x;
        if (*end == '\0') break;
        p = end + 1;
    }
    return n + 1 == o->n ? -1 : cli_usage("--truth names %zu weights, want %zu", n + 1, o->n);
}

static int fingerprint_opts(PrintOpts *o, const CliList *pos, Arena *a)
{
    o->n = pos->n - 1;
    o->dir = pos->item;
    o->w = arena_alloc(a, 2 * o->n, sizeof *o->w);
    if (o->w == NULL) return cli_no_memory("adapters", o->n);
    o->alone = o->w + o->n;
    size_t view = 0;
    while (view < N_VIEWS && strcmp(view_name[view], o->view) != 0) view++;
    if (view == N_VIEWS) return cli_usage("--view = %s, want update, a or b", o->view);
    o->how = (FingerprintView)view;
    return o->truth != NULL ? fingerprint_truth(o, a) : -1;
}

int attack_fingerprint_run(const CliVerb *self, int argc, char **argv)
{
    PrintOpts o = {.view = "update"};
    const CliOpt opts[] = {
        {"view", 0, OPT_STR, &o.view, "HOW",
         "update: dW (default); a, b: one factor, for merges that weight factors ('prime')", 0, 0},
        {"layers", 0, OPT_FLAG, &o.layers, NULL, "also layer by layer", 0, 0},
        {"truth", 0, OPT_STR, &o.truth, "W,W,...", "the weights that were used, to be compared with", 0, 0},
        {"model", 0, OPT_STR, &o.model, "DIR",
         "the model that the adapters are for (default: what they imply)", 0, 0},
    };
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    int code = cli_args(self, "attack", opts, 4, argc, argv, &pos, 2, 1024);
    if (code < 0) code = fingerprint_opts(&o, &pos, &a);
    if (code < 0) code = fingerprint_job(&o, &e) == OK ? EXIT_DONE : cli_fail(&e);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}
