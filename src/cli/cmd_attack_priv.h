/* cmd_attack_priv.h - records with what is known of them, from either source. */
#ifndef PRIME_CMD_ATTACK_PRIV_H
#define PRIME_CMD_ATTACK_PRIV_H

#include "cli_priv.h"

#include "prime/signals.h"
#include "prime/table.h"

typedef struct {
    const char *name; /* of the file, for messages */
    size_t n;
    const SignalsRecord *record; /* [n] */
    AttackSignal *signal;        /* [n] */
    const char **text;           /* [n] the answers themselves, only under --show-text; else NULL */
} AttackRecords;

/* ATTACK_TEXT - the column, always the first one, that says of a table that it holds private text. No command
 * of this noun writes it, or any record's text, without --show-text. */
#define ATTACK_TEXT "private_text"
#define ATTACK_SHOW_TEXT(out)                                                                               \
    {                                                                                                       \
        "show-text", 0, OPT_FLAG, (out), NULL, "show the texts themselves, in a first column private_text", \
            0, 0                                                                                            \
    }

/* attack_csv - one record for each value of the column `record`, in order of first appearance. Columns
 * record,label,t,logp and, where there, unit, mu, sigma, entropy, rank, ref_logp. All memory is the arena's.
 * Errors: ERR_FORMAT with file and line; ERR_NOMEM. */
Status attack_csv(AttackRecords *out, const Table *t, Arena *a, Err *e) PRIME_MUST_USE;

/* A table whose rows belong to records, or to people: group of [n_rows] is the number of each row's, first
 * [n] a row of each, in order of first appearance. */
typedef struct {
    Table t;
    size_t *of, *first, n;
} AttackGroups;
/* attack_groups - read a table and group its rows by the column `by`. All memory is the arena's. Errors:
 * those of table_load; ERR_FORMAT no such column, an empty cell in it, or no rows; ERR_NOMEM.
 * attack_group_name - of group i. attack_group_cell - a column of its first row, NULL where the table has no
 * such column. */
Status attack_groups(AttackGroups *out, const char *path, const char *by, Arena *a, Err *e) PRIME_MUST_USE;
const char *attack_group_cell(const AttackGroups *g, size_t i, const char *col);
/* attack_one_of - which of the words [n] a cell is. Errors: ERR_FORMAT, with file, line and the words. */
Status attack_one_of(size_t *out, const Table *t, size_t row, size_t col, const char *const *word, size_t n,
                     Err *e) PRIME_MUST_USE;
/* attack_features - columns named with commas, x [n_rows, *d] row by row. Errors: ERR_FORMAT. */
Status attack_features(double **x, size_t *d, const Table *t, const char *list, Arena *a,
                       Err *e) PRIME_MUST_USE;

/* A verb of one table, or of a few adapters: options are parsed, then `job` runs on the positional arguments
 * and prints. */
typedef struct {
    const CliOpt *opts; /* [n] */
    size_t n, min_pos, max_pos;
    const char **need, *usage; /* an option that must be given, and what is said otherwise; or NULL */
} AttackVerb;
typedef Status (*AttackJob)(void *ctx, const CliList *pos, Arena *a, Err *e);
int attack_verb(const CliVerb *self, const AttackVerb *v, int argc, char **argv, AttackJob job, void *ctx);

/* cmd_attack_shadow.c */
int attack_lira_run(const CliVerb *self, int argc, char **argv);
int attack_rmia_run(const CliVerb *self, int argc, char **argv);
int attack_quantile_run(const CliVerb *self, int argc, char **argv);
/* cmd_attack_whose.c */
int attack_source_run(const CliVerb *self, int argc, char **argv);
int attack_dataset_run(const CliVerb *self, int argc, char **argv);
int attack_extract_run(const CliVerb *self, int argc, char **argv);
/* cmd_attack_white.c */
int attack_collusion_run(const CliVerb *self, int argc, char **argv);
int attack_subspace_run(const CliVerb *self, int argc, char **argv);

/* cmd_attack_people.c, cmd_attack_fingerprint.c, cmd_attack_exposure.c, cmd_attack_emissions.c,
 * cmd_attack_selftest.c */
int attack_people_run(const CliVerb *self, int argc, char **argv);
int attack_blind_run(const CliVerb *self, int argc, char **argv);
int attack_fingerprint_run(const CliVerb *self, int argc, char **argv);
int attack_exposure_run(const CliVerb *self, int argc, char **argv);
int attack_emissions_run(const CliVerb *self, int argc, char **argv);
int attack_selftest_run(const CliVerb *self, int argc, char **argv);

#endif
