/* cmd_adapter_priv.h - the verbs of `prime adapter`, spread over two files; cmd_adapter.c lists them. */
#ifndef PRIME_CMD_ADAPTER_PRIV_H
#define PRIME_CMD_ADAPTER_PRIV_H

#include "cli_priv.h"

/* cmd_adapter_merge.c */
int adapter_norms_run(const CliVerb *self, int argc, char **argv);
int adapter_merge_run(const CliVerb *self, int argc, char **argv);
int adapter_diff_run(const CliVerb *self, int argc, char **argv);

#endif
