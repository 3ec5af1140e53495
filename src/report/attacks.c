/* attacks.c - what each attack finds in each row of the front: computed once, read by all that follows. */
#include "report_priv.h"

#include "prime/par.h"

#include <math.h>
#include <string.h>

const ReportAttack *attack_of(const Report *r, const ReportGroup *g, size_t metric)
{
    for (size_t i = 0; i < g->n_attacks; i++)
        if (r->attack[g->first_attack + i].attack == metric) return &r->attack[g->first_attack + i];
    return NULL;
}

const ReportAttack *attack_blind(const Report *r, const ReportGroup *g)
{
    const ReportAttack *best = NULL;
    for (size_t i = 0; i < g->n_attacks; i++) {
        const ReportAttack *w = &r->attack[g->first_attack + i];
        if (strncmp(r->names.name[w->attack], "blind_", 6) != 0 || isnan(w->auc.value)) continue;
        if (best == NULL || fabs(w->auc.value - 0.5) > fabs(best->auc.value - 0.5)) best = w;
    }
    return best;
}

static Status attack_measure(ReportAttack *w, Arena *a, Err *e)
{
    ReportRows rows = rows_of(w->group, KIND_ATTACK, w->attack, NAME_ANY);
    TRY(pick_auc(&w->auc, &w->n_records, rows, BY_UNIT, 0.95, a, e));
    TRY(mean_auc(&w->mean, w->group, w->attack, 0.95, a, e));
    TRY(pick_tpr(&w->tpr_1, rows, 0.01, 0.95, a, e));
    return pick_tpr(&w->tpr_01, rows, 0.001, 0.95, a, e);
}

/* Beyond the blind attack, once its AUC is known. */
static Status attack_excess(ReportAttack *w, const Report *r, const ReportAttack *blind, Arena *a, Err *e)
{
    ReportRows rows = rows_of(w->group, KIND_ATTACK, w->attack, NAME_ANY), other = {0};
    bool sees = strncmp(r->names.name[w->attack], "blind_", 6) != 0; /* a blind one has nothing beyond */
    if (blind != NULL && sees) other = rows_of(w->group, KIND_ATTACK, blind->attack, NAME_ANY);
    w->auc_blind = blind != NULL ? blind->auc.value : NAN;
    return pick_excess(&w->excess, rows, other, w->auc_blind, BY_UNIT, 0.95, a, e);
}

static Status attack_rows(Report *r, const ReportGroup *g, Arena *a, Err *e)
{
    for (size_t i = 0; i < g->n_attacks; i++) {
        TRY(attack_measure(&r->attack[g->first_attack + i], a, e));
        arena_reset(a);
    }
    for (size_t i = 0; i < g->n_attacks; i++) {
        TRY(attack_excess(&r->attack[g->first_attack + i], r, attack_blind(r, g), a, e));
        arena_reset(a);
    }
    return OK;
}

/* A job: the attacks of one row of the front. */
static Status attack_group(void *ctx, size_t group, size_t thread, Err *e)
{
    Report *r = ctx;
    Arena scratch = {0};
    (void)thread;
    Status s = attack_rows(r, &r->group[group], &scratch, e);
    arena_free(&scratch);
    return s;
}

Status attacks_fill(Report *r, Err *e)
{
    for (size_t pass = 0; pass < 2; pass++) {
        size_t n = 0;
        for (size_t i = 0; i < r->n_groups; i++) {
            ReportRows rest = rows_of(&r->group[i], KIND_ATTACK, NAME_ANY, NAME_ANY), run;
            r->group[i].first_attack = n;
            for (; rows_next_metric(&run, &rest); n++)
                if (pass == 1)
                    r->attack[n] = (ReportAttack){.group = &r->group[i], .attack = run.row[0]->metric};
            r->group[i].n_attacks = n - r->group[i].first_attack;
        }
        r->n_attacks = n;
        if (pass == 0) r->attack = arena_alloc(&r->arena, n, sizeof *r->attack);
        if (r->attack == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu attacks", n);
    }
    return par_run(r->n_groups, par_threads(), attack_group, r, e);
}
