/* cmd_help_man.c - man pages, after man(7) and man-pages(7). */
#include "cmd_help.h"

#include <ctype.h>

/* ---- roff ---- */

/* Text as it is meant: hyphens that are typed, no requests at the start of a line. */
static void roff_text(const char *s)
{
    if (*s == '.' || *s == '\'') fputs("\\&", stdout);
    for (; *s != '\0'; s++) {
        if (*s == '\\')
            fputs("\\e", stdout);
        else if (*s == '-')
            fputs("\\-", stdout);
        else
            putchar(*s == '\n' ? ' ' : *s);
    }
}

static void roff_line(const char *s)
{
    roff_text(s);
    putchar('\n');
}

static void roff_bold(const char *s)
{
    fputs("\\fB", stdout);
    roff_text(s);
    fputs("\\fR", stdout);
}

static void roff_option(const CliOpt *o)
{
    char name[64];
    puts(".TP");
    snprintf(name, sizeof name, "--%s", o->name);
    roff_bold(name);
    if (o->arg != NULL) {
        fputs(" \\fI", stdout);
        roff_text(o->arg);
        fputs("\\fR", stdout);
    }
    if (o->letter != 0) {
        snprintf(name, sizeof name, "-%c", o->letter);
        fputs(", ", stdout);
        roff_bold(name);
    }
    putchar('\n');
    roff_line(o->help);
    if (o->min != o->max) printf("(from %.15g to %.15g)\n", o->min, o->max);
}

static void roff_usage(const char *noun, const CliVerb *v)
{
    char head[96];
    snprintf(head, sizeof head, "prime %s%s%s", noun, v->name[0] != '\0' ? " " : "", v->name);
    roff_bold(head);
    fputs(" [options] ", stdout);
    roff_line(v->args);
}

/* ---- pages ---- */

static void man_head(const char *name, const char *what)
{
    fputs(".TH ", stdout);
    for (const char *s = name; *s != '\0'; s++) putchar(toupper((unsigned char)*s));
    printf(" 1 \"\" \"prime %s\" \"Privacy audits\"\n.nh\n.ad l\n.SH NAME\n", PRIME_VERSION);
    roff_text(name);
    fputs(" \\- ", stdout);
    roff_line(what);
}

static void man_verb(void *ctx, const CliPage *page)
{
    (void)ctx;
    printf(".SS ");
    roff_usage(page->noun, page->verb);
    roff_line(page->verb->help);
    for (size_t i = 0; i < page->n_opts; i++) roff_option(&page->opts[i]);
}

static void man_common(void *ctx, const CliPage *page)
{
    (void)ctx;
    puts(".SH COMMON OPTIONS");
    for (size_t i = 0; i < page->n_common; i++) roff_option(&page->common[i]);
}

static void man_tail(void)
{
    static const char *const codes[][2] = {{"0", "done; of a gate: passed"},
                                           {"1", "failed, or cannot be graded"},
                                           {"2", "wrong usage"},
                                           {"3", "of a gate: inconclusive"},
                                           {"4", "of a gate: breached"}};
    puts(".SH EXIT STATUS");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        printf(".TP\n.B %s\n%s\n", codes[i][0], codes[i][1]);
}

static void man_noun(const CliNoun *noun)
{
    char name[64];
    snprintf(name, sizeof name, "prime-%s", noun->name);
    man_head(name, noun->help);
    puts(".SH SYNOPSIS");
    for (const CliVerb *v = noun->verbs; v->name != NULL; v++) {
        roff_usage(noun->name, v);
        puts(".br");
    }
    puts(".SH DESCRIPTION");
    for (const CliVerb *v = noun->verbs; v->name != NULL; v++) cli_page(v, man_verb, NULL);
    cli_page(noun->verbs, man_common, NULL);
    man_tail();
    puts(".SH SEE ALSO\n.BR prime (1)");
}

static void man_overview(void)
{
    man_head("prime", "privacy audits of language models that are merged from people's adapters");
    puts(".SH SYNOPSIS\n.B prime\n.I NOUN VERB\n[options] args\n.SH COMMANDS");
    for (size_t i = 0; cli_nouns[i] != NULL; i++) {
        puts(".TP");
        roff_bold(cli_nouns[i]->name);
        putchar('\n');
        roff_line(cli_nouns[i]->help);
        for (const CliVerb *v = cli_nouns[i]->verbs; v->name != NULL; v++) {
            if (v->name[0] == '\0') continue;
            puts(".br");
            roff_bold(v->name);
            fputs(": ", stdout);
            roff_line(v->help);
        }
    }
    cli_page(cli_nouns[0]->verbs, man_common, NULL);
    man_tail();
    puts(".SH SEE ALSO");
    for (size_t i = 0; cli_nouns[i] != NULL; i++)
        printf(".BR prime\\-%s (1)%s\n", cli_nouns[i]->name, cli_nouns[i + 1] != NULL ? "," : "");
}

void help_man(const CliNoun *noun)
{
    if (noun != NULL)
        man_noun(noun);
    else
        man_overview();
}
