/* main.c - argv -> one row of the noun table -> one row of its verb table -> an exit code. */
#include "cli_priv.h"
#include "progress.h"
#include "terminal.h"

#include "prime/log.h"
#include "prime/mat.h"
#include "prime/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One noun a line. */
/* clang-format off */
const CliNoun *const cli_nouns[] = {
    &cli_sweep,
    &cli_join,
    &cli_plan,
    &cli_validate,
    &cli_attack,
    &cli_report,
    &cli_check,
    &cli_compare,
    &cli_baseline,
    &cli_data,
    &cli_model,
    &cli_adapter,
    &cli_metric,
    &cli_stats,
    &cli_pareto,
    &cli_dp,
    &cli_list,
    &cli_doctor,
    &cli_version,
    &cli_help,
    NULL,
};
/* clang-format on */

enum { N_NOUNS = sizeof cli_nouns / sizeof cli_nouns[0] - 1 };

static void log_to_stderr(void *ctx, LogLevel level, const char *msg)
{
    (void)ctx;
    if (level == LOG_DEBUG && !cli_common.verbose) return;
    if (level == LOG_INFO && cli_common.quiet) return;
    progress_wipe();
    terminal_line(stderr, level == LOG_WARN ? "prime: warning: " : "", msg);
}

static void noun_print(FILE *to, const CliNoun *noun)
{
    fprintf(to, "%-13s %s\n", noun->name, noun->help);
    for (const CliVerb *v = noun->verbs; v->name != NULL; v++)
        if (v->name[0] != '\0') fprintf(to, "  %-16s %s\n", v->name, v->help);
}

void cli_print_nouns(FILE *to)
{
    fputs("usage: prime NOUN VERB [options] ARGS   (each takes --help)\n\n", to);
    for (size_t i = 0; i < N_NOUNS; i++) noun_print(to, cli_nouns[i]);
}

void cli_print_noun(const CliNoun *noun)
{
    printf("usage: prime %s VERB [options] ARGS   (each takes --help)\n\n", noun->name);
    noun_print(stdout, noun);
}

const CliNoun *cli_find_noun(const char *name)
{
    for (size_t i = 0; i < N_NOUNS; i++)
        if (strcmp(name, cli_nouns[i]->name) == 0) return cli_nouns[i];
    return NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int cli_unknown(const char *kind, const char *word, const char *const *names, size_t n)
{
    const char *near = str_nearest(word, names, n);
    if (near != NULL) return cli_usage("unknown %s '%s', did you mean '%s'?", kind, word, near);
    return cli_usage("unknown %s '%s'; see 'prime --help'", kind, word);
}

static int run_verb(const CliNoun *noun, int argc, char **argv)
{
    const CliVerb *v = noun->verbs;
    if (v->name[0] == '\0') return v->run(v, argc, argv);
    if (argc < 2) return cli_usage("'prime %s' wants a verb; see 'prime --help'", noun->name);
    if (asks_for_help(argv[1])) {
        cli_print_noun(noun);
        return EXIT_DONE;
    }
    const char *names[32];
    size_t n = 0;
    for (; v->name != NULL; v++) {
        if (strcmp(v->name, argv[1]) == 0) return v->run(v, argc - 1, argv + 1);
        names[n++] = v->name;
    }
    return cli_unknown("verb", argv[1], names, n);
}

static int dispatch(int argc, char **argv)
{
    const char *names[N_NOUNS], *word = argc > 1 ? argv[1] : "";
    if (argc < 2) cli_print_nouns(stderr);
    if (argc < 2) return EXIT_USAGE;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) word = "help";
    if (strcmp(word, "--version") == 0) word = "version";
    const CliNoun *noun = cli_find_noun(word);
    if (noun != NULL) return run_verb(noun, argc - 1, argv + 1);
    for (size_t i = 0; i < N_NOUNS; i++) names[i] = cli_nouns[i]->name;
    return cli_unknown("command", word, names, N_NOUNS);
}

int main(int argc, char **argv)
{
    umask(077); /* what is written is for its owner */
    terminal_guard();
    log_install(log_to_stderr, NULL);
    Err e = {0};
    mat_init();
    int code = mat_choose(getenv("PRIME_MAT"), &e) == OK ? dispatch(argc, argv) : cli_fail(&e);
    bool bad = ferror(stdout) != 0; /* fclose forgets a write that failed before the last one */
    if (fclose(stdout) == 0 && !bad) return code;
    fputs("prime: cannot write standard output\n", stderr);
    return code == EXIT_DONE ? EXIT_FAILED : code; /* a full disk must not exit 0 */
}
