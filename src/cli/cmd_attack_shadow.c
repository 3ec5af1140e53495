/* cmd_attack_shadow.c - `prime attack lira`, `rmia` and `quantile`: records under other models, or beside
 * records that look alike. All three write the table that `prime attack score` writes. */
#include "cmd_adapter_priv.h"
#include "cmd_attack_priv.h"

#include "prime/lira.h"
#include "prime/quantile.h"
#include "prime/rmia.h"

#include <math.h>
#include <string.h>

static const char *const score_cols[] = {"record", "unit", "label", "attack", "score"};
static const char *const role_words[] = {"target", "in", "out"};
enum { ROLE_TARGET, ROLE_IN, ROLE_OUT, N_ROLES };

static void shadow_row(AdapterRows *rows, const AttackGroups *g, size_t i, const char *attack, double score)
{
    adapter_rows_str(rows, attack_group_cell(g, i, "record"));
    adapter_rows_str(rows, attack_group_cell(g, i, "unit"));
    adapter_rows_str(rows, attack_group_cell(g, i, "label"));
    adapter_rows_str(rows, attack);
    adapter_rows_num(rows, score);
}

/* ---- values by role ---- */

/* A record's value under the attacked model, and under models with and without it. */
typedef struct {
    double value;
    double *x[N_ROLES];
    size_t n[N_ROLES];
} ShadowRecord;

/* x [n_rows]: what counts, in each row. */
static Status shadow_split(ShadowRecord **out, const AttackGroups *g, const double *x, Arena *a, Err *e)
{
    size_t role_col = 0;
    ShadowRecord *r = arena_zalloc(a, g->n, sizeof *r);
    size_t *role = arena_alloc(a, g->t.n_rows, sizeof *role);
    if (r == NULL || role == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", g->n);
    TRY(table_need(&role_col, &g->t, "role", e));
    for (size_t i = 0; i < g->t.n_rows; i++) {
        TRY(attack_one_of(&role[i], &g->t, i, role_col, role_words, N_ROLES, e));
        r[g->of[i]].n[role[i]]++;
    }
    for (size_t i = 0; i < g->n; i++) {
        if (r[i].n[ROLE_TARGET] != 1)
            FAIL(e, ERR_FORMAT, "%s: record %s has %zu rows of role target, want 1", g->t.name,
                 attack_group_cell(g, i, "record"), r[i].n[ROLE_TARGET]);
        for (size_t k = 0; k < N_ROLES; k++) {
            r[i].x[k] = arena_alloc(a, r[i].n[k], sizeof(double));
            if (r[i].x[k] == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu models", r[i].n[k]);
            r[i].n[k] = 0;
        }
    }
    for (size_t i = 0; i < g->t.n_rows; i++) {
        ShadowRecord *to = &r[g->of[i]];
        to->x[role[i]][to->n[role[i]]++] = x[i];
    }
    for (size_t i = 0; i < g->n; i++) r[i].value = r[i].x[ROLE_TARGET][0];
    *out = r;
    return OK;
}

/* Whether all records have a model of this role. */
static bool shadow_all(const ShadowRecord *r, size_t n, size_t role)
{
    for (size_t i = 0; i < n; i++)
        if (r[i].n[role] == 0) return false;
    return true;
}

/* ---- lira ---- */

typedef struct {
    bool pooled;
} LiraOpts;

/* phi as it is, or made of a log-probability. */
static Status lira_values(double **x, const Table *t, Arena *a, Err *e)
{
    size_t col = table_col(t, "phi"), logp = table_col(t, "logp");
    if (col != TABLE_NONE) return table_nums(x, t, col, a, e);
    TRY(table_need(&logp, t, "logp", e));
    TRY(table_nums(x, t, logp, a, e));
    for (size_t i = 0; i < t->n_rows; i++) {
        if (!((*x)[i] < 0))
            FAIL(e, ERR_FORMAT, "%s:%zu: logp = %g, want less than 0", t->name, t->line[i], (*x)[i]);
        (*x)[i] = lira_phi((*x)[i]);
    }
    return OK;
}

static Status lira_pool(LiraSd *sd, const LiraRecord *r, size_t n, bool online, Err *e)
{
    if (online) return lira_pooled(sd, r, n, e);
    FAIL(e, ERR_FORMAT, "--pooled wants models of both roles, in and out, for every record");
}

static Status lira_print(const AttackGroups *g, const LiraRecord *r, const LiraSd *sd, bool online,
                         bool offline, Arena *a, Err *e)
{
    double *score = arena_alloc(a, 2 * g->n, sizeof *score);
    if (score == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", g->n);
    if (online) TRY(lira_online(score, r, g->n, sd, e));
    if (offline) TRY(lira_offline(score + g->n, r, g->n, sd, e));
    AdapterRows rows = adapter_rows(score_cols, 5);
    for (size_t i = 0; i < g->n; i++) {
        if (online) shadow_row(&rows, g, i, "lira", score[i]);
        if (offline) shadow_row(&rows, g, i, "lira_offline", score[g->n + i]);
    }
    return adapter_rows_print(&rows, e);
}

static Status lira_job(void *ctx, const CliList *pos, Arena *a, Err *e)
{
    const LiraOpts *o = ctx;
    AttackGroups g;
    ShadowRecord *s = NULL;
    double *x = NULL;
    LiraSd sd;
    TRY(attack_groups(&g, pos->item[0], "record", a, e));
    TRY(lira_values(&x, &g.t, a, e));
    TRY(shadow_split(&s, &g, x, a, e));
    LiraRecord *r = arena_alloc(a, g.n, sizeof *r);
    if (r == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", g.n);
    for (size_t i = 0; i < g.n; i++)
        r[i] = (LiraRecord){s[i].value, s[i].x[ROLE_IN], s[i].x[ROLE_OUT], s[i].n[ROLE_IN], s[i].n[ROLE_OUT]};
    bool out = shadow_all(s, g.n, ROLE_OUT), online = out && shadow_all(s, g.n, ROLE_IN);
    if (!out)
        FAIL(e, ERR_FORMAT, "%s: a record without a row of role out: lira compares with models without it",
             g.t.name);
    if (o->pooled) TRY(lira_pool(&sd, r, g.n, online, e));
    return lira_print(&g, r, o->pooled ? &sd : NULL, online, out, a, e);
}

int attack_lira_run(const CliVerb *self, int argc, char **argv)
{
    LiraOpts o = {0};
    const CliOpt opts[] = {{"pooled", 0, OPT_FLAG, &o.pooled, NULL,
                            "one standard deviation for all records, for few models", 0, 0}};
    return attack_verb(self, &(AttackVerb){opts, 1, 1, 1, NULL, NULL}, argc, argv, lira_job, &o);
}

/* ---- rmia ---- */

typedef struct {
    double gamma, a;
} RmiaOpts;

/* Probability under the attacked model beside the prior: online of all models, offline of those without. */
static double rmia_ratio(const ShadowRecord *r, double a, bool online)
{
    double prior;
    if (!online) {
        prior = rmia_prior_offline(r->x[ROLE_OUT], r->n[ROLE_OUT], a);
    } else {
        double sum = 0;
        for (size_t k = ROLE_IN; k <= ROLE_OUT; k++)
            for (size_t i = 0; i < r->n[k]; i++) sum += r->x[k][i];
        prior = sum / (double)(r->n[ROLE_IN] + r->n[ROLE_OUT]);
    }
    return r->value / prior;
}

/* Which records are the population: others [n], marked. */
static Status rmia_sets(bool *other, size_t *n_other, const AttackGroups *g, Err *e)
{
    static const char *const set[] = {"record", "population"};
    size_t col = 0, which = 0;
    TRY(table_need(&col, &g->t, "set", e));
    *n_other = 0;
    for (size_t i = 0; i < g->n; i++) {
        TRY(attack_one_of(&which, &g->t, g->first[i], col, set, 2, e));
        other[i] = which == 1;
        *n_other += which;
    }
    for (size_t i = 0; i < g->t.n_rows; i++) {
        TRY(attack_one_of(&which, &g->t, i, col, set, 2, e));
        if (other[g->of[i]] != (which == 1))
            FAIL(e, ERR_FORMAT, "%s:%zu: the record is of the other set on an earlier line", g->t.name,
                 g->t.line[i]);
    }
    return OK;
}

static Status rmia_score(AdapterRows *rows, const AttackGroups *g, const ShadowRecord *r, const bool *other,
                         const RmiaOpts *o, bool online, Arena *a, Err *e)
{
    size_t n = 0, m = 0;
    double *x = arena_alloc(a, 3 * g->n, sizeof *x), *z = x + g->n, *score = x + 2 * g->n;
    if (x == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", g->n);
    for (size_t i = 0; i < g->n; i++)
        if (other[i])
            z[m++] = rmia_ratio(&r[i], o->a, online);
        else
            x[n++] = rmia_ratio(&r[i], o->a, online);
    TRY(rmia_scores(score, x, n, z, m, o->gamma, e));
    n = 0;
    for (size_t i = 0; i < g->n; i++)
        if (!other[i]) shadow_row(rows, g, i, online ? "rmia" : "rmia_offline", score[n++]);
    return OK;
}

/* Whether every record that is attacked has models of both roles. */
static bool rmia_online(const ShadowRecord *r, const bool *other, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!other[i] && (r[i].n[ROLE_IN] == 0 || r[i].n[ROLE_OUT] == 0)) return false;
    return true;
}

static Status rmia_print(const AttackGroups *g, const ShadowRecord *r, const bool *other, const RmiaOpts *o,
                         Arena *a, Err *e)
{
    AdapterRows rows = adapter_rows(score_cols, 5);
    Status s = OK;
    if (rmia_online(r, other, g->n)) s = rmia_score(&rows, g, r, other, o, true, a, e);
    if (s == OK) s = rmia_score(&rows, g, r, other, o, false, a, e);
    if (s == OK) return adapter_rows_print(&rows, e);
    js_close(rows.rows);
    return s;
}

static Status rmia_job(void *ctx, const CliList *pos, Arena *a, Err *e)
{
    AttackGroups g;
    ShadowRecord *r = NULL;
    double *x = NULL;
    size_t col = 0, n_other = 0;
    TRY(attack_groups(&g, pos->item[0], "record", a, e));
    TRY(table_need(&col, &g.t, "logp", e));
    TRY(table_nums(&x, &g.t, col, a, e));
    for (size_t i = 0; i < g.t.n_rows; i++) {
        if (x[i] > 0) FAIL(e, ERR_FORMAT, "%s:%zu: logp = %g, want 0 or less", g.t.name, g.t.line[i], x[i]);
        x[i] = exp(x[i]);
    }
    TRY(shadow_split(&r, &g, x, a, e));
    bool *other = arena_alloc(a, g.n, sizeof *other);
    if (other == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", g.n);
    TRY(rmia_sets(other, &n_other, &g, e));
    if (n_other == 0 || n_other == g.n || !shadow_all(r, g.n, ROLE_OUT))
        FAIL(e, ERR_FORMAT, "%s: want records and a population, each with models of role out", g.t.name);
    return rmia_print(&g, r, other, ctx, a, e);
}

int attack_rmia_run(const CliVerb *self, int argc, char **argv)
{
    RmiaOpts o = {1, 0.3};
    const CliOpt opts[] = {
        {"gamma", 0, OPT_NUM, &o.gamma, "G", "how much more a record must gain (1)", 1e-9, 1e9},
        {"offset", 0, OPT_NUM, &o.a, "A", "of the offline prior, ((1 + A) mean + 1 - A)/2 (0.3)", 0, 1},
    };
    return attack_verb(self, &(AttackVerb){opts, 2, 1, 1, NULL, NULL}, argc, argv, rmia_job, &o);
}

/* ---- quantile ---- */

typedef struct {
    const char *features;
    QuantileOpts how;
} QuantileVerb;

static Status quantile_labels(bool **member, const Table *t, Arena *a, Err *e)
{
    static const char *const label[] = {"0", "1"};
    size_t col = 0, which = 0;
    TRY(table_need(&col, t, "label", e));
    *member = arena_alloc(a, t->n_rows, sizeof **member);
    if (*member == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu rows", t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) {
        TRY(attack_one_of(&which, t, i, col, label, 2, e));
        (*member)[i] = which == 1;
    }
    return OK;
}

static Status quantile_print(const Table *t, const double *score, Err *e)
{
    static const char *const from[] = {"record", "unit", "label"};
    AdapterRows rows = adapter_rows(score_cols, 5);
    for (size_t i = 0; i < t->n_rows; i++) {
        for (size_t k = 0; k < 3; k++) adapter_rows_str(&rows, table_str(t, i, table_col(t, from[k])));
        adapter_rows_str(&rows, "quantile");
        adapter_rows_num(&rows, score[i]);
    }
    return adapter_rows_print(&rows, e);
}

static Status quantile_job(void *ctx, const CliList *pos, Arena *a, Err *e)
{
    QuantileVerb *o = ctx;
    AttackGroups g;
    double *x = NULL, *y = NULL;
    bool *member = NULL;
    size_t d = 0, col = 0;
    o->how.seed = cli_common.seed;
    TRY(attack_groups(&g, pos->item[0], "unit", a, e));
    TRY(table_need(&col, &g.t, "record", e));
    TRY(table_need(&col, &g.t, "score", e));
    TRY(table_nums(&y, &g.t, col, a, e));
    TRY(quantile_labels(&member, &g.t, a, e));
    TRY(attack_features(&x, &d, &g.t, o->features, a, e));
    double *score = arena_alloc(a, g.t.n_rows, sizeof *score);
    if (score == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", g.t.n_rows);
    if (quantile_scores(score, y, x, g.t.n_rows, d, member, g.of, g.n, &o->how, e) != OK)
        return err_prefix(e, "%s", g.t.name);
    return quantile_print(&g.t, score, e);
}

int attack_quantile_run(const CliVerb *self, int argc, char **argv)
{
    QuantileVerb o = {.how = {0.95, 5, 0}};
    const CliOpt opts[] = {
        {"features", 0, OPT_STR, &o.features, "LIST", "columns that do not come from the attacked model", 0,
         0},
        {"tau", 0, OPT_NUM, &o.how.tau, "X", "quantile of non-members (0.95)", 1e-6, 1 - 1e-6},
        {"folds", 0, OPT_SIZE, &o.how.folds, "N", "of people (5)", 2, 1000},
    };
    return attack_verb(
        self,
        &(AttackVerb){opts, 3, 1, 1, &o.features, "'prime attack quantile' wants --features NAME,NAME..."},
        argc, argv, quantile_job, &o);
}
