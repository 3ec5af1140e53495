/* cmd_help_bash.c - completion for bash: nouns, verbs, options; else names of files. */
#include "cmd_help.h"

static void bash_options(void *ctx, const CliPage *page)
{
    (void)ctx;
    for (size_t i = 0; i < page->n_opts; i++) printf(" --%s", page->opts[i].name);
    for (size_t i = 0; i < page->n_common; i++) printf(" --%s", page->common[i].name);
}

static void bash_verbs(const CliNoun *noun)
{
    printf("    %s) words='", noun->name);
    for (const CliVerb *v = noun->verbs; v->name != NULL; v++)
        printf("%s%s", v == noun->verbs ? "" : " ", v->name);
    puts("' ;;");
}

/* A line for each verb: its options. */
static void bash_noun(const CliNoun *noun)
{
    for (const CliVerb *v = noun->verbs; v->name != NULL; v++) {
        printf("    '%s %s') words='", noun->name, v->name);
        cli_page(v, bash_options, NULL);
        puts("' ;;");
    }
}

void help_bash(void)
{
    puts("# Completion of prime's commands for bash. Made by 'prime help --completion bash'.\n"
         "_prime() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} noun=${COMP_WORDS[1]} verb='' words=''\n"
         "  if [ \"$COMP_CWORD\" = 1 ]; then");
    fputs("    words='--help --version", stdout);
    for (size_t i = 0; cli_nouns[i] != NULL; i++) printf(" %s", cli_nouns[i]->name);
    puts("'\n  else\n    case $noun in");
    for (size_t i = 0; cli_nouns[i] != NULL; i++)
        if (cli_nouns[i]->verbs->name[0] != '\0') bash_verbs(cli_nouns[i]);
    puts("    esac\n"
         "    if [ -n \"$words\" ] && [ \"$COMP_CWORD\" -gt 2 ]; then verb=${COMP_WORDS[2]} words=''; fi\n"
         "    if [[ -z $words && $cur == -* ]]; then\n"
         "    case \"$noun $verb\" in");
    for (size_t i = 0; cli_nouns[i] != NULL; i++) bash_noun(cli_nouns[i]);
    puts("    esac\n    fi\n  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -o default -F _prime prime");
}
