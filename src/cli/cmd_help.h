/* cmd_help.h - the tables of the command line as man pages and as a completion. */
#ifndef PRIME_CMD_HELP_H
#define PRIME_CMD_HELP_H

#include "cli_priv.h"

/* help_man - a page in roff, to stdout; noun NULL: the overview. */
void help_man(const CliNoun *noun);
/* help_bash - a script that bash sources, to stdout. */
void help_bash(void);

#endif
