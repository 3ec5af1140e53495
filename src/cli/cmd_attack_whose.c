/* cmd_attack_whose.c - `prime attack source`, `dataset` and `extract`: whose a text is, whether a person's
 * texts were trained on as a whole, and whether a text comes out again. */
#include "cmd_adapter_priv.h"
#include "cmd_attack_priv.h"

#include "prime/anchor.h"
#include "prime/extract.h"

#include <math.h>
#include <string.h>

/* ---- source ---- */

/* Every record under every person's model, x [records, people]; names of people in order of appearance. */
static Status source_matrix(double **x, AttackGroups *people, const AttackGroups *g, const char *path,
                            Arena *a, Err *e)
{
    size_t col = 0;
    TRY(attack_groups(people, path, "unit", a, e));
    TRY(table_need(&col, &g->t, "logp", e));
    size_t n = g->n * people->n;
    *x = arena_alloc(a, n, sizeof **x);
    if (*x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu log-probabilities", n);
    for (size_t i = 0; i < n; i++) (*x)[i] = NAN;
    for (size_t i = 0; i < g->t.n_rows; i++) {
        double *at = &(*x)[g->of[i] * people->n + people->of[i]];
        if (!isnan(*at))
            FAIL(e, ERR_FORMAT, "%s:%zu: the record has a row of this person already", g->t.name,
                 g->t.line[i]);
        TRY(table_num(at, &g->t, i, col, e));
    }
    for (size_t i = 0; i < n; i++)
        if (isnan((*x)[i]))
            FAIL(e, ERR_FORMAT, "%s: record %s has no row of %s", g->t.name,
                 attack_group_cell(g, i / people->n, "record"),
                 attack_group_cell(people, i % people->n, "unit"));
    return OK;
}

static Status source_job(void *ctx, const CliList *pos, Arena *a, Err *e)
{
    (void)ctx;
    static const char *const col[] = {"record", "owner", "margin"};
    AttackGroups g, people;
    double *x = NULL;
    if (strcmp(pos->item[0], "-") == 0) FAIL(e, ERR_ARG, "the table is read twice: it must be a file");
    TRY(attack_groups(&g, pos->item[0], "record", a, e));
    TRY(source_matrix(&x, &people, &g, pos->item[0], a, e));
    size_t *owner = arena_alloc(a, g.n, sizeof *owner);
    double *margin = arena_alloc(a, g.n, sizeof *margin);
    if (owner == NULL || margin == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", g.n);
    if (anchor_source(owner, margin, x, g.n, people.n, e) != OK) return err_prefix(e, "%s", g.t.name);
    AdapterRows rows = adapter_rows(col, 3);
    for (size_t i = 0; i < g.n; i++) {
        adapter_rows_str(&rows, attack_group_cell(&g, i, "record"));
        adapter_rows_str(&rows, attack_group_cell(&people, owner[i], "unit"));
        adapter_rows_num(&rows, margin[i]);
    }
    return adapter_rows_print(&rows, e);
}

int attack_source_run(const CliVerb *self, int argc, char **argv)
{
    return attack_verb(self, &(AttackVerb){NULL, 0, 1, 1, NULL, NULL}, argc, argv, source_job, NULL);
}

/* ---- dataset ---- */

typedef struct {
    const char *features;
} DatasetOpts;

/* The features of one person's rows with this label, one behind the other. */
static size_t dataset_side(double *out, const AttackGroups *g, const double *x, size_t d, const size_t *label,
                           size_t person, size_t want)
{
    size_t n = 0;
    for (size_t i = 0; i < g->t.n_rows; i++)
        if (g->of[i] == person && label[i] == want) memcpy(out + n++ * d, x + i * d, d * sizeof *out);
    return n;
}

static Status dataset_people(AdapterRows *rows, const AttackGroups *g, const double *x, size_t d,
                             const size_t *label, Arena *a, Err *e)
{
    double *side = arena_alloc(a, 2 * g->t.n_rows, d * sizeof *side);
    if (side == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", g->t.n_rows);
    for (size_t u = 0; u < g->n; u++) {
        AnchorDataset r;
        double *held = side + g->t.n_rows * d;
        size_t n = dataset_side(side, g, x, d, label, u, 1), m = dataset_side(held, g, x, d, label, u, 0);
        const char *unit = attack_group_cell(g, u, "unit");
        if (anchor_dataset(&r, side, n, held, m, d, cli_common.seed, e) != OK)
            return err_prefix(e, "%s: %s", g->t.name, unit);
        adapter_rows_str(rows, unit);
        adapter_rows_num(rows, (double)n);
        adapter_rows_num(rows, (double)m);
        adapter_rows_num(rows, r.t);
        adapter_rows_num(rows, r.df);
        adapter_rows_num(rows, r.p);
    }
    return OK;
}

static Status dataset_job(void *ctx, const CliList *pos, Arena *a, Err *e)
{
    static const char *const col[] = {"unit", "n_suspect", "n_held", "t", "df", "p"}, *const words[] = {"0",
                                                                                                        "1"};
    const DatasetOpts *o = ctx;
    AttackGroups g;
    double *x = NULL;
    size_t d = 0, at = 0;
    TRY(attack_groups(&g, pos->item[0], "unit", a, e));
    TRY(table_need(&at, &g.t, "label", e));
    TRY(attack_features(&x, &d, &g.t, o->features, a, e));
    size_t *label = arena_alloc(a, g.t.n_rows, sizeof *label);
    if (label == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", g.t.n_rows);
    for (size_t i = 0; i < g.t.n_rows; i++) TRY(attack_one_of(&label[i], &g.t, i, at, words, 2, e));
    AdapterRows rows = adapter_rows(col, 6);
    Status s = dataset_people(&rows, &g, x, d, label, a, e);
    if (s == OK) return adapter_rows_print(&rows, e);
    js_close(rows.rows);
    return s;
}

int attack_dataset_run(const CliVerb *self, int argc, char **argv)
{
    DatasetOpts o = {0};
    const CliOpt opts[] = {{"features", 0, OPT_STR, &o.features, "LIST",
                            "columns: scores of attacks; label 1 suspect, 0 held out", 0, 0}};
    return attack_verb(
        self,
        &(AttackVerb){opts, 1, 1, 1, &o.features, "'prime attack dataset' wants --features NAME,NAME..."},
        argc, argv, dataset_job, &o);
}

/* ---- extract ---- */

typedef struct {
    double tries, p;
} ExtractOpts;

/* A suffix: its tokens, its log-probability, and whether each was the likeliest. */
typedef struct {
    size_t tokens;
    double logp;
    bool greedy;
} ExtractSuffix;

static Status extract_read(ExtractSuffix *s, const AttackGroups *g, size_t logp, size_t rank, Err *e)
{
    for (size_t i = 0; i < g->n; i++) s[i] = (ExtractSuffix){0, 0, true};
    for (size_t i = 0; i < g->t.n_rows; i++) {
        ExtractSuffix *to = &s[g->of[i]];
        double x = 0;
        size_t likelier = 0;
        TRY(table_num(&x, &g->t, i, logp, e));
        if (x > 0) FAIL(e, ERR_FORMAT, "%s:%zu: logp = %g, want 0 or less", g->t.name, g->t.line[i], x);
        if (rank != TABLE_NONE) TRY(table_size(&likelier, &g->t, i, rank, e));
        to->tokens++;
        to->logp += x;
        to->greedy = to->greedy && likelier == 0;
    }
    return OK;
}

static Status extract_job(void *ctx, const CliList *pos, Arena *a, Err *e)
{
    static const char *const col[] = {"record", "tokens", "logp", "extract_greedy", "extract_np", "tries"};
    const ExtractOpts *o = ctx;
    AttackGroups g;
    size_t logp = 0;
    TRY(attack_groups(&g, pos->item[0], "record", a, e));
    TRY(table_need(&logp, &g.t, "logp", e));
    size_t rank = table_col(&g.t, "rank");
    ExtractSuffix *s = arena_alloc(a, g.n, sizeof *s);
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", g.n);
    TRY(extract_read(s, &g, logp, rank, e));
    AdapterRows rows = adapter_rows(col, 6);
    for (size_t i = 0; i < g.n; i++) {
        adapter_rows_str(&rows, attack_group_cell(&g, i, "record"));
        adapter_rows_num(&rows, (double)s[i].tokens);
        adapter_rows_num(&rows, s[i].logp);
        adapter_rows_num(&rows, rank == TABLE_NONE ? NAN : s[i].greedy ? 1 : 0);
        adapter_rows_num(&rows, extract_np(s[i].logp, o->tries));
        adapter_rows_num(&rows, extract_tries(s[i].logp, o->p));
    }
    return adapter_rows_print(&rows, e);
}

int attack_extract_run(const CliVerb *self, int argc, char **argv)
{
    ExtractOpts o = {100, 0.5};
    const CliOpt opts[] = {
        {"tries", 0, OPT_NUM, &o.tries, "N", "samples for extract_np (100)", 1, 1e15},
        {"prob", 0, OPT_NUM, &o.p, "P", "column tries: samples until one is right with probability P (0.5)",
         1e-9, 1 - 1e-9},
    };
    return attack_verb(self, &(AttackVerb){opts, 2, 1, 1, NULL, NULL}, argc, argv, extract_job, &o);
}
