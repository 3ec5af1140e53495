/* cmd_help.c - prime help: what --help says, as man pages and completions, too. */
#include "cmd_help.h"

#include <string.h>

enum { HELP_NAMES = 64 };

static int help_unknown(const char *word)
{
    const char *names[HELP_NAMES];
    size_t n = 0;
    for (; n < HELP_NAMES && cli_nouns[n] != NULL; n++) names[n] = cli_nouns[n]->name;
    return cli_unknown("command", word, names, n);
}

static int help_page(const char *word)
{
    const CliNoun *noun = cli_find_noun(word);
    if (noun == NULL && strcmp(word, "prime") != 0) return help_unknown(word);
    help_man(noun);
    return EXIT_DONE;
}

static int help_script(const char *shell)
{
    if (strcmp(shell, "bash") != 0) return cli_usage("--completion = %s, want bash", shell);
    help_bash();
    return EXIT_DONE;
}

static int help_text(const CliList *pos)
{
    if (pos->n == 0) {
        cli_print_nouns(stdout);
        return EXIT_DONE;
    }
    const CliNoun *noun = cli_find_noun(pos->item[0]);
    if (noun == NULL) return help_unknown(pos->item[0]);
    char word[] = "--help";
    if (noun->verbs->name[0] == '\0') return noun->verbs->run(noun->verbs, 2, (char *[]){word, word, NULL});
    cli_print_noun(noun);
    return EXIT_DONE;
}

static int help_run(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    const char *man = NULL, *shell = NULL;
    const CliOpt opts[] = {
        {"man", 0, OPT_STR, &man, "NOUN", "the man page of a noun, or of prime, in roff", 0, 0},
        {"completion", 0, OPT_STR, &shell, "SHELL", "a script that completes words in a shell: bash", 0, 0},
    };
    int code = cli_args(self, "help", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 1);
    if (code < 0) code = man != NULL ? help_page(man) : shell != NULL ? help_script(shell) : help_text(&pos);
    cli_list_free(&pos);
    return code;
}

static const CliVerb verbs[] = {
    {"", "[NOUN]", "what there is; man pages and completion from the same tables", help_run}, {0}};
const CliNoun cli_help = {"help", "what there is, as text, man page or completion", verbs};
