/* cmd_data_priv.h - verbs of `prime data` that have a file of their own. */
#ifndef PRIME_CMD_DATA_PRIV_H
#define PRIME_CMD_DATA_PRIV_H

#include "cli_priv.h"

int data_cli_import(const CliVerb *self, int argc, char **argv);
int data_cli_plant(const CliVerb *self, int argc, char **argv);

/* The options of a salt: one that everybody may know, or a secret one in a file. */
#define DATA_SALT_OPTS(salt, file)                                                                          \
    {"salt", 0, OPT_STR, (salt), "TEXT", "salt of the ids of users and records, no secret", 0, 0},          \
    {                                                                                                       \
        "salt-file", 0, OPT_STR, (file), "FILE", "its first line is the salt: a secret one, mode 600", 0, 0 \
    }

enum { DATA_SALT_MIN = 8, DATA_SALT_MAX = 200 };
/* data_cli_salt - *salt from the file at path, into text; path NULL: nothing happens. Errors: ERR_ARG others
 * may read the file; ERR_FORMAT its first line is shorter or longer than that, or it holds NUL bytes; ERR_IO;
 * ERR_NOMEM. */
Status data_cli_salt(const char **salt, char text[DATA_SALT_MAX + 1], const char *path,
                     Err *e) PRIME_MUST_USE;

#endif
