/* cmd_attack.c - `prime attack`: scores from another tool's token log-probabilities and from stored signals.
 * Everything is computed before the first byte is printed. */
#include "cmd_attack_priv.h"

#include "prime/data.h"
#include "prime/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ATTACKS = 64 };

/* The attacks to compute, in the order of the table or of --attack. */
typedef struct {
    const Attack *at[MAX_ATTACKS];
    size_t n;
} AttackPick;

static int pick_one(AttackPick *p, const char *name)
{
    const Attack *a = attack_find(name);
    const char *names[MAX_ATTACKS];
    size_t n = 0;
    if (a == NULL) {
        for (; n < MAX_ATTACKS && attack_at(n) != NULL; n++) names[n] = attack_at(n)->name;
        const char *near = str_nearest(name, names, n);
        if (near != NULL) return cli_usage("unknown attack '%s', did you mean '%s'?", name, near);
        return cli_usage("unknown attack '%s'; 'prime list attack' shows them", name);
    }
    if (a->fn == NULL) return cli_usage("attack '%s' is no function of one record's signals", name);
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i] == a) return cli_usage("attack '%s' is named twice", name);
    p->at[p->n++] = a;
    return -1;
}

/* --attack NAME,NAME... */
static int pick_named(AttackPick *p, const char *list, Arena *a)
{
    char *text = arena_strdup(a, list), *save = NULL;
    if (text == NULL) return cli_no_memory("bytes of --attack", strlen(list) + 1);
    for (char *name = strtok_r(text, ",", &save); name != NULL; name = strtok_r(NULL, ",", &save)) {
        int code = pick_one(p, name);
        if (code >= 0) return code;
    }
    return p->n > 0 ? -1 : cli_usage("--attack names none; 'prime list attack' shows them");
}

static void pick_possible(AttackPick *p, const AttackRecords *r)
{
    unsigned have = signals_have(r->signal, r->n);
    for (size_t i = 0; attack_at(i) != NULL; i++)
        if (attack_can(attack_at(i), have)) p->at[p->n++] = attack_at(i);
}

/* score [n attacks, n records] */
static Status attack_compute(double **score, const AttackPick *p, const AttackRecords *r, Arena *a, Err *e)
{
    *score = arena_alloc(a, p->n * r->n, sizeof **score);
    if (*score == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu scores", p->n * r->n);
    for (size_t i = 0; i < p->n; i++)
        if (attack_score(*score + i * r->n, r->signal, r->n, p->at[i]->name, e) != OK)
            return err_prefix(e, "%s", r->name);
    return OK;
}

static void attack_print(const AttackPick *p, const AttackRecords *r, const double *score)
{
    static const char *const col[] = {ATTACK_TEXT, "record", "unit", "label", "attack", "score"};
    size_t skip = r->text == NULL;
    TableOut out;
    table_begin(&out, stdout, NULL, col + skip, 6 - skip);
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < p->n; k++) {
            if (r->text != NULL) table_put_str(&out, r->text[i]);
            table_put_str(&out, r->record[i].id);
            table_put_str(&out, r->record[i].unit);
            if (r->record[i].label >= 0)
                table_put_int(&out, r->record[i].label);
            else
                table_put_empty(&out);
            table_put_str(&out, p->at[k]->name);
            table_put_num(&out, score[k * r->n + i]);
            table_end_row(&out);
        }
}

static int attack_output(AttackPick *p, const AttackRecords *r, Arena *a)
{
    Err e = {0};
    double *score = NULL;
    if (r->n == 0) err_set(&e, ERR_FORMAT, __FILE__, __LINE__, "%s: no records", r->name);
    if (r->n == 0) return cli_fail(&e);
    if (p->n == 0) pick_possible(p, r);
    if (attack_compute(&score, p, r, a, &e) != OK) return cli_fail(&e);
    attack_print(p, r, score);
    return EXIT_DONE;
}

/* ---- prime attack tokens ---- */

static int tokens_table(const char *path, AttackPick *p, Arena *a)
{
    Table t = {0};
    AttackRecords r = {0};
    Err e = {0};
    if (table_load(&t, a, path, &e) != OK || attack_csv(&r, &t, a, &e) != OK) return cli_fail(&e);
    return attack_output(p, &r, a);
}

static const char attack_help[] = "which, with commas (default: all that the input allows)";

static int attack_tokens_run(const CliVerb *self, int argc, char **argv)
{
    const char *list = NULL;
    const CliOpt opts[] = {{"attack", 0, OPT_STR, &list, "LIST", attack_help, 0, 0}};
    CliList pos = {0};
    Arena a = {0};
    AttackPick p = {0};
    int code = cli_args(self, "attack", opts, 1, argc, argv, &pos, 1, 1);
    if (code < 0 && list != NULL) code = pick_named(&p, list, &a);
    if (code < 0) code = tokens_table(pos.item[0], &p, &a);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}

/* ---- prime attack score ---- */

enum { N_MORE = 5 };

typedef struct {
    const char *from, *list;
    const char *more[N_MORE]; /* ref, loo, lower, after_non, after_member */
    const char *data, *task;  /* where the texts are */
    bool show_text;
} ScoreOpts;

/* The answer of a record, in whatever split it is. */
static const char *score_text_of(const DataUser *u, const char *record)
{
    for (size_t s = 0; u != NULL && s < DATA_SPLITS; s++)
        for (size_t i = 0; i < u->n[s]; i++)
            if (strcmp(u->rec[s][i].id, record) == 0) return u->rec[s][i].output;
    return NULL;
}

static Status score_texts_in(AttackRecords *r, const DataSet *d, const char *dir, Arena *a, Err *e)
{
    r->text = arena_alloc(a, r->n, sizeof(const char *));
    if (r->text == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", r->n);
    for (size_t i = 0; i < r->n; i++) {
        const char *text = score_text_of(data_user(d, r->record[i].unit), r->record[i].id);
        if (text == NULL)
            FAIL(e, ERR_ARG, "record '%s' of '%s' is not in %s", r->record[i].id, r->record[i].unit, dir);
        r->text[i] = arena_strdup(a, text);
        if (r->text[i] == NULL) FAIL(e, ERR_NOMEM, "no memory for a text");
    }
    return OK;
}

static Status score_texts(AttackRecords *r, const ScoreOpts *o, Arena *a, Err *e)
{
    DataSet *d = NULL;
    TRY(data_load(&d, o->data, o->task, e));
    Status s = score_texts_in(r, d, o->data, a, e);
    data_free(d);
    return s;
}

/* Texts are shown when they are asked for by name, and never otherwise. */
static int score_usage(const ScoreOpts *o)
{
    if (o->from == NULL) return cli_usage("'prime attack score' wants --from FILE");
    if (o->show_text && (o->data == NULL || o->task == NULL))
        return cli_usage("--show-text wants --data DIR and --task TASK, where the texts are");
    if (!o->show_text && (o->data != NULL || o->task != NULL))
        return cli_usage("--data and --task are for --show-text, which is not there");
    return -1;
}

static Status score_signals_read(AttackRecords *r, const ScoreOpts *o, Arena *a, Err *e)
{
    Signals *s = arena_zalloc(a, 1 + N_MORE, sizeof *s);
    const Signals *more[N_MORE] = {0};
    if (s == NULL) FAIL(e, ERR_NOMEM, "no memory for signals");
    TRY(signals_load(&s[0], o->from, a, e));
    for (size_t i = 0; i < N_MORE; i++) {
        if (o->more[i] == NULL) continue;
        TRY(signals_load(&s[i + 1], o->more[i], a, e));
        more[i] = &s[i + 1];
    }
    *r = (AttackRecords){.name = o->from, .n = s->n, .record = s->record};
    if (o->show_text) TRY(score_texts(r, o, a, e));
    return signals_attack(
        &r->signal, &s[0],
        &(SignalsMore){
            .ref = more[0], .loo = more[1], .lower = more[2], .after_non = more[3], .after_member = more[4]},
        a, e);
}

static int attack_score_run(const CliVerb *self, int argc, char **argv)
{
    ScoreOpts o = {0};
    const CliOpt opts[] = {
        {"from", 0, OPT_STR, &o.from, "FILE", "signals of the attacked model (safetensors)", 0, 0},
        {"ref", 0, OPT_STR, &o.more[0], "FILE", "signals of the reference model", 0, 0},
        {"loo", 0, OPT_STR, &o.more[1], "FILE", "signals of the merges without the records' owners", 0, 0},
        {"lower", 0, OPT_STR, &o.more[2], "FILE", "signals of the lower-cased texts", 0, 0},
        {"after-non", 0, OPT_STR, &o.more[3], "FILE", "signals behind a prefix of non-members", 0, 0},
        {"after-member", 0, OPT_STR, &o.more[4], "FILE", "signals behind a prefix of members", 0, 0},
        {"attack", 0, OPT_STR, &o.list, "LIST", attack_help, 0, 0},
        ATTACK_SHOW_TEXT(&o.show_text),
        {"data", 0, OPT_STR, &o.data, "DIR", "dataset that has the texts (with --show-text)", 0, 0},
        {"task", 0, OPT_STR, &o.task, "TASK", "its task", 0, 0},
    };
    CliList pos = {0};
    Arena a = {0};
    AttackPick p = {0};
    AttackRecords r = {0};
    Err e = {0};
    int code = cli_args(self, "attack", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 0);
    if (code < 0) code = score_usage(&o);
    if (code < 0 && o.list != NULL) code = pick_named(&p, o.list, &a);
    if (code < 0) code = score_signals_read(&r, &o, &a, &e) == OK ? attack_output(&p, &r, &a) : cli_fail(&e);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {
    {"tokens", "FILE.csv",
     "record,label[,unit],t,logp[,mu,sigma,entropy,rank][,ref_logp] -> record,unit,label,attack,score",
     attack_tokens_run},
    {"score", "--from FILE", "the same from stored signals", attack_score_run},
    {"blind", "TEXTS.csv", "record,unit,label,text -> what texts say without any model", attack_blind_run},
    {"people", "SCORES.csv", "unit,label,attack,score of records -> of people", attack_people_run},
    {"lira", "FILE.csv",
     "record,role,phi (role target, in or out; logp instead of phi) -> lira, lira_offline", attack_lira_run},
    {"rmia", "FILE.csv", "record,set,role,logp (set record or population) -> rmia, rmia_offline",
     attack_rmia_run},
    {"quantile", "SCORES.csv", "record,unit,label,score and features -> score beyond one's own quantile",
     attack_quantile_run},
    {"source", "FILE.csv", "record,unit,logp under each person's own model -> whose text it is",
     attack_source_run},
    {"dataset", "SCORES.csv",
     "unit,label and features -> whether a person's texts were trained on, as a whole", attack_dataset_run},
    {"extract", "FILE.csv", "record,logp[,rank] of suffixes' tokens -> greedy and (n,p) extraction",
     attack_extract_run},
    {"collusion", "MERGE ADAPTER=WEIGHT...", "a merge less what colluding people know of it, as an adapter",
     attack_collusion_run},
    {"subspace", "ADAPTER ADAPTER", "principal angles between what two adapters read and write",
     attack_subspace_run},
    {"fingerprint", "MERGE ADAPTER...", "which adapters are in a merge, with what weight",
     attack_fingerprint_run},
    {"exposure", "FILE.csv", "record,role,loss[,group] -> canaries' exposure in bits", attack_exposure_run},
    {"emissions", "TEXTS.csv", "record,text -> counts of mail addresses, telephone numbers, keys ...",
     attack_emissions_run},
    {"selftest", "", "whether attacks find a planted leak, the right weights, and nothing where nothing is",
     attack_selftest_run},
    {0},
};
const CliNoun cli_attack = {"attack", "what a model gives away: membership, people, merge weights, canaries",
                            verbs};
