#include "cli_priv.h"
#include "terminal.h"

#include "prime/log.h"
#include "prime/memory.h"
#include "prime/par.h"
#include "prime/str.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CliCommon cli_common = {.seed = 1};

static size_t common_threads;
static const char *common_memory;

static const CliOpt common_opts[] = {
    {"help", 'h', OPT_FLAG, NULL, NULL, "print this help", 0, 0},
    {"quiet", 'q', OPT_FLAG, &cli_common.quiet, NULL, "print results and errors only", 0, 0},
    {"verbose", 'v', OPT_FLAG, &cli_common.verbose, NULL, "print details on stderr", 0, 0},
    {"json", 0, OPT_FLAG, &cli_common.json, NULL, "print records as JSON", 0, 0},
    {"no-provenance", 0, OPT_FLAG, &cli_common.no_provenance, NULL, "leave out version, times and machine", 0,
     0},
    {"seed", 0, OPT_U64, &cli_common.seed, "S", "seed of all random streams", 0, 0},
    {"memory", 0, OPT_STR, &common_memory, "SIZE", "most memory to use, as 4G: smaller batches", 0, 0},
    {"threads", 0, OPT_SIZE, &common_threads, "N", "threads to use", 1, 256},
};

enum { N_COMMON = sizeof common_opts / sizeof common_opts[0], MAX_OPTS = 64 };

static bool list_add(CliList *l, const char *s)
{
    const char **item = realloc(l->item, (l->n + 1) * sizeof *item);
    if (item == NULL) return false;
    item[l->n++] = s;
    l->item = item;
    return true;
}

void cli_list_free(CliList *l)
{
    free(l->item);
    *l = (CliList){0};
}

static int opt_number(const CliOpt *o, const char *text)
{
    char *end = NULL;
    errno = 0;
    double x = strtod(text, &end);
    bool whole = o->type != OPT_NUM;
    if (end == text || *end != '\0' || errno != 0 || !isfinite(x) || (whole && (x != floor(x) || x < 0)))
        return cli_usage("--%s = %s, want %s", o->name, text, whole ? "a whole number" : "a number");
    if (o->min != o->max && (x < o->min || x > o->max))
        return cli_usage("--%s = %s, want %.15g to %.15g", o->name, text, o->min, o->max);
    if (o->type == OPT_NUM) *(double *)o->out = x;
    if (o->type == OPT_SIZE) *(size_t *)o->out = (size_t)x;
    if (o->type == OPT_U64) *(uint64_t *)o->out = strtoull(text, NULL, 10);
    return -1;
}

static int opt_store(const CliOpt *o, const char *text)
{
    switch (o->type) {
    case OPT_FLAG:
        *(bool *)o->out = true;
        return -1;
    case OPT_STR:
        *(const char **)o->out = text;
        return -1;
    case OPT_MANY:
        if (!list_add(o->out, text)) return cli_no_memory("arguments", ((CliList *)o->out)->n);
        return -1;
    case OPT_SIZE:
    case OPT_U64:
    case OPT_NUM:
        return opt_number(o, text);
    }
    return -1;
}

static void opt_print(const CliOpt *o)
{
    char head[64];
    snprintf(head, sizeof head, "--%s%s%s%s%c", o->name, o->arg != NULL ? " " : "",
             o->arg != NULL ? o->arg : "", o->letter != 0 ? ", -" : "", o->letter != 0 ? o->letter : ' ');
    printf("  %-26s %s\n", head, o->help);
}

static void help_print(const CliVerb *verb, const char *noun, const CliOpt *opts, size_t n)
{
    printf("usage: prime %s%s%s [options] %s\n%s\n\noptions:\n", noun, verb->name[0] != '\0' ? " " : "",
           verb->name, verb->args, verb->help);
    for (size_t i = 0; i < n; i++) opt_print(&opts[i]);
    for (size_t i = 0; i < N_COMMON; i++) opt_print(&common_opts[i]);
}

/* Where help goes to; NULL: to standard output. */
static struct {
    CliPageFn fn;
    void *ctx;
} page_to;

static void help_show(const CliVerb *verb, const char *noun, const CliOpt *opts, size_t n)
{
    CliPage page = {noun, verb, opts, common_opts, n, N_COMMON};
    if (page_to.fn != NULL)
        page_to.fn(page_to.ctx, &page);
    else
        help_print(verb, noun, opts, n);
}

void cli_page(const CliVerb *verb, CliPageFn fn, void *ctx)
{
    char name[32], help[] = "--help";
    char *argv[] = {name, help, NULL};
    snprintf(name, sizeof name, "%s", verb->name);
    page_to.fn = fn;
    page_to.ctx = ctx;
    verb->run(verb, 2, argv);
    page_to.fn = NULL;
}

static int unknown_option(const char *word, const CliOpt *opts, size_t n)
{
    const char *names[MAX_OPTS + N_COMMON];
    size_t m = 0;
    for (size_t i = 0; i < n; i++) names[m++] = opts[i].name;
    for (size_t i = 0; i < N_COMMON; i++) names[m++] = common_opts[i].name;
    while (*word == '-') word++;
    char plain[64];
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(word, "="), word);
    const char *near = str_nearest(plain, names, m);
    if (near != NULL) return cli_usage("unknown option '%s', did you mean --%s?", plain, near);
    return cli_usage("unknown option '%s'; see --help", plain);
}

static size_t fill_getopt(struct option *longs, char *shorts, const CliOpt *opts, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++) {
        bool takes = opts[i].type != OPT_FLAG;
        longs[at + i] =
            (struct option){opts[i].name, takes ? required_argument : no_argument, NULL, 256 + (int)(at + i)};
        if (opts[i].letter == 0) continue;
        size_t len = strlen(shorts);
        shorts[len] = opts[i].letter;
        if (takes) shorts[len + 1] = ':';
    }
    return at + n;
}

static const CliOpt *opt_of(int code, const CliOpt *opts, size_t n)
{
    size_t at = code >= 256 ? (size_t)(code - 256) : n + N_COMMON;
    for (size_t i = 0; code < 256 && i < n + N_COMMON; i++) {
        const CliOpt *o = i < n ? &opts[i] : &common_opts[i - n];
        if (o->letter == code) at = i;
    }
    return at < n ? &opts[at] : at < n + N_COMMON ? &common_opts[at - n] : NULL;
}

int cli_args(const CliVerb *verb, const char *noun, const CliOpt *opts, size_t n, int argc, char **argv,
             CliList *pos, size_t min_pos, size_t max_pos)
{
    struct option longs[MAX_OPTS + N_COMMON + 1] = {0};
    char shorts[2 * (MAX_OPTS + N_COMMON) + 2] = ":";
    fill_getopt(longs, shorts, common_opts, N_COMMON, fill_getopt(longs, shorts, opts, n, 0));
    optind = 0;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (c == ':') return cli_usage("%s wants a value", argv[optind - 1]);
        const CliOpt *o = c == '?' ? NULL : opt_of(c, opts, n);
        if (o == NULL) return unknown_option(argv[optind - 1], opts, n);
        if (o == &common_opts[0]) {
            help_show(verb, noun, opts, n);
            return EXIT_DONE;
        }
        int code = opt_store(o, optarg);
        if (code >= 0) return code;
    }
    par_set_threads(common_threads);
    size_t limit = 0;
    Err e = {0};
    if (common_memory != NULL && memory_parse(&limit, common_memory, &e) != OK)
        return cli_usage("--%s", e.msg);
    memory_set_limit(limit);
    for (int i = optind; i < argc; i++)
        if (!list_add(pos, argv[i])) return cli_no_memory("arguments", pos->n);
    if (pos->n < min_pos || pos->n > max_pos)
        return cli_usage("'prime %s%s%s' takes %s; %zu given", noun, verb->name[0] != '\0' ? " " : "",
                         verb->name, verb->args[0] != '\0' ? verb->args : "no arguments", pos->n);
    return -1;
}

int cli_fail(const Err *e)
{
    terminal_line(stderr, "prime: ", e->msg[0] != '\0' ? e->msg : err_name(e->code));
    if (cli_common.verbose && e->file != NULL)
        fprintf(stderr, "prime: (%s at %s:%d)\n", err_name(e->code), e->file, e->line);
    return EXIT_FAILED;
}

Status cli_put(const Str *text, Err *e)
{
    if (text->failed) FAIL(e, ERR_NOMEM, "no memory for what is to be printed");
    if (text->n > 0) fwrite(text->s, 1, text->n, stdout);
    return OK;
}

int cli_no_memory(const char *what, size_t n)
{
    Err e = {0};
    err_set(&e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu %s", n, what);
    return cli_fail(&e);
}

int cli_usage(const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    terminal_line(stderr, "prime: ", text);
    return EXIT_USAGE;
}
