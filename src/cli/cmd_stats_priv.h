/* cmd_stats_priv.h - what the files of `prime stats` share: tables of scores, tables of users, and the frame
 * of a verb that reads one file. Everything is computed before the first byte is printed, so that a failure
 * leaves standard output empty. */
#ifndef PRIME_CMD_STATS_PRIV_H
#define PRIME_CMD_STATS_PRIV_H

#include "cli_priv.h"

#include "prime/roc.h"
#include "prime/table.h"

/* Rows of a score table split by label; two score columns share one set of users. */
typedef struct {
    RocData a, b; /* b is empty unless two columns were asked for */
    size_t n_clusters;
    bool clustered;
} StatsScores;

/* stats_scores - label, the score column `first`, `second` unless NULL, and cluster if it is there.
 * Errors: ERR_FORMAT with file and line; ERR_NOMEM. */
Status stats_scores(StatsScores *s, const Table *t, const char *first, const char *second, Arena *a,
                    Err *e) PRIME_MUST_USE;

/* One value per user and column: several rows of one user and column are averaged. */
typedef struct {
    double *x; /* [users, k] */
    size_t users, k;
    const char **name; /* [k] methods in order of their names, or "a" and "b" */
    double *level;     /* [k] levels ascending, where the columns are levels; else NULL */
} StatsUsers;

/* stats_users - from `user`, `value` and `by` (method: texts; lambda: numbers if `levels`). Every user needs
 * every column. stats_users_ab - from user, a, b.
 * Errors: ERR_FORMAT with file and line; ERR_NOMEM. */
Status stats_users(StatsUsers *s, const Table *t, const char *by, bool levels, Arena *a,
                   Err *e) PRIME_MUST_USE;
Status stats_users_ab(StatsUsers *s, const Table *t, Arena *a, Err *e) PRIME_MUST_USE;

/* stats_file_run - options, one file, run(path, options, arena) and its exit code; *level, unless NULL, must
 * lie in (0, 1). */
int stats_file_run(const CliVerb *self, int argc, char **argv, const CliOpt *opts, size_t n_opts,
                   const double *level, void *o, int (*run)(const char *path, const void *o, Arena *a));

/* Verbs, by file: cmd_stats_roc.c, cmd_stats_users.c. */
int stats_roc_run(const CliVerb *self, int argc, char **argv);
int stats_permutation_run(const CliVerb *self, int argc, char **argv);
int stats_power_run(const CliVerb *self, int argc, char **argv);
int stats_paired_run(const CliVerb *self, int argc, char **argv);
int stats_friedman_run(const CliVerb *self, int argc, char **argv);
int stats_trend_run(const CliVerb *self, int argc, char **argv);
int stats_equivalence_run(const CliVerb *self, int argc, char **argv);

#endif
