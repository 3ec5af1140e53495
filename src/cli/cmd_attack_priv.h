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

/* cmd_attack_people.c, cmd_attack_fingerprint.c, cmd_attack_exposure.c, cmd_attack_emissions.c,
 * cmd_attack_selftest.c */
int attack_people_run(const CliVerb *self, int argc, char **argv);
int attack_blind_run(const CliVerb *self, int argc, char **argv);
int attack_fingerprint_run(const CliVerb *self, int argc, char **argv);
int attack_exposure_run(const CliVerb *self, int argc, char **argv);
int attack_emissions_run(const CliVerb *self, int argc, char **argv);
int attack_selftest_run(const CliVerb *self, int argc, char **argv);

#endif
