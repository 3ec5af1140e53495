/* cmd_data_priv.h - verbs of `prime data` that have a file of their own. */
#ifndef PRIME_CMD_DATA_PRIV_H
#define PRIME_CMD_DATA_PRIV_H

#include "cli_priv.h"

int data_cli_import(const CliVerb *self, int argc, char **argv);

#endif
