#include "cli_priv.h"

#include <stdio.h>

static int version_run(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    int code = cli_args(self, "version", NULL, 0, argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    printf("prime %s\n", PRIME_VERSION);
    return EXIT_DONE;
}

static const CliVerb verbs[] = {{"", "", "print the version", version_run}, {0}};
const CliNoun cli_version = {"version", "print the version", verbs};
