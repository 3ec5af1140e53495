/* cli_priv.h - the shape of the command line: a table of nouns, each a table of verbs, each verb a table of
 * options. Help texts come from the same tables. Only this room prints and exits. */
#ifndef PRIME_CLI_PRIV_H
#define PRIME_CLI_PRIV_H

#include "prime/err.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes, everywhere. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INCONCLUSIVE = 3, EXIT_BREACHED = 4 };

typedef struct CliVerb CliVerb;
struct CliVerb {
    const char *name, *args, *help;
    int (*run)(const CliVerb *self, int argc, char **argv); /* argv[0] is the verb; returns an exit code */
};

typedef struct {
    const char *name, *help;
    const CliVerb *verbs; /* ends with a row whose name is NULL; a verb named "" is a noun without verbs */
} CliNoun;

typedef enum {
    OPT_FLAG, /* bool */
    OPT_STR,  /* const char * */
    OPT_MANY, /* CliList: may be given several times */
    OPT_SIZE, /* size_t within [min, max] */
    OPT_U64,  /* uint64_t */
    OPT_NUM   /* double within [min, max] */
} CliType;

typedef struct {
    const char **item;
    size_t n;
} CliList;

typedef struct {
    const char *name; /* long name without dashes */
    char letter;      /* short name or 0 */
    CliType type;
    void *out; /* holds the default before, the value after */
    const char *arg, *help;
    double min, max; /* OPT_SIZE and OPT_NUM; min == max means no bound */
} CliOpt;

/* What every verb gets besides its own options: --help, -q, -v, --seed, --threads, --json, --no-provenance.
 */
typedef struct {
    bool quiet, verbose, json, no_provenance;
    uint64_t seed;
} CliCommon;
extern CliCommon cli_common;

/* cli_args - parse argv against opts [n]; positional arguments land in pos, at least min_pos and at most
 * max_pos. Returns -1 to go on, or the exit code to return at once (help was printed, or a usage error was).
 * The lists in pos and OPT_MANY point into argv; cli_list_free releases their arrays. */
int cli_args(const CliVerb *verb, const char *noun, const CliOpt *opts, size_t n, int argc, char **argv,
             CliList *pos, size_t min_pos, size_t max_pos);
void cli_list_free(CliList *l);

/* cli_page - hand what --help shows of a verb to fn, instead of printing it; the verb does nothing else. */
typedef struct {
    const char *noun;
    const CliVerb *verb;
    const CliOpt *opts, *common; /* [n_opts] the verb's own, [n_common] those that every verb takes */
    size_t n_opts, n_common;
} CliPage;
typedef void (*CliPageFn)(void *ctx, const CliPage *page);
void cli_page(const CliVerb *verb, CliPageFn fn, void *ctx);

/* cli_fail - print "prime: message" on stderr, with the source place under -v; returns EXIT_FAILED, or
 * EXIT_USAGE for ERR_ARG when `usage`. */
int cli_fail(const Err *e);
int cli_usage(const char *fmt, ...) PRIME_PRINTF(1, 2);
/* cli_no_memory - cli_fail of ERR_NOMEM, "no memory for N WHAT". */
int cli_no_memory(const char *what, size_t n);

/* cli_put - a text that was put together, to standard output. Errors: ERR_NOMEM when memory was out
 * meanwhile. */
Status cli_put(const Str *text, Err *e) PRIME_MUST_USE;

/* One table each, in src/cli/cmd_NOUN.c. */
extern const CliNoun cli_data, cli_model, cli_adapter, cli_metric, cli_stats, cli_pareto, cli_sweep, cli_join,
    cli_list, cli_version, cli_doctor, cli_report, cli_validate, cli_plan, cli_attack, cli_dp, cli_check,
    cli_compare, cli_baseline, cli_help;
/* cli_nouns - all of them, in the order of --help; ends with NULL. cli_find_noun - by its name, or NULL. */
extern const CliNoun *const cli_nouns[];
const CliNoun *cli_find_noun(const char *name);
/* cli_unknown - a usage error, with the nearest of the names. */
int cli_unknown(const char *kind, const char *word, const char *const *names, size_t n);
/* cli_print_nouns - what 'prime --help' says; cli_print_noun - what 'prime NOUN --help' says. */
void cli_print_nouns(FILE *to);
void cli_print_noun(const CliNoun *noun);

#endif
