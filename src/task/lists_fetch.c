/* lists_fetch.c - ask apt for fresh lists in a folder of their own. */
#include "lists_priv.h"
#include "proc_priv.h"

#include "prime/file.h"
#include "prime/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A configuration file rather than -o options: only here can the machine's own lists of languages,
 * architectures and hooks be cleared. The root folder of a dataset may be closed to apt's own user, and
 * nothing that is fetched is ever installed, so the downloads run as the caller. */
static const char *const apt_conf =
    "#clear Acquire::Languages;\n"
    "#clear APT::Architectures;\n"
    "#clear APT::Update::Post-Invoke;\n"
    "#clear APT::Update::Post-Invoke-Success;\n"
    "Acquire::Languages { \"en\"; };\n"
    "Acquire::GzipIndexes \"false\";\n"
    "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled \"false\";\n"
    "APT::Get::List-Cleanup \"false\";\n" /* or it would delete this very file */
    "APT::Architecture \"amd64\";\n"
    "APT::Architectures { \"amd64\"; };\n"
    "APT::Sandbox::User \"\";\n"
    "Dir::State::Lists \"%s/\";\n"
    "Dir::Cache \"%s/cache/\";\n";

/* apt takes relative folders to be below its own root. */
static Status lists_prepare(char **abs, char **conf, const char *dir, Err *e)
{
    TRY(file_mkdir(dir, e));
    *abs = realpath(dir, NULL);
    if (*abs == NULL) FAIL(e, ERR_IO, "%s: cannot find: %s", dir, strerror(errno));
    if (strpbrk(*abs, "\"\n\\") != NULL)
        FAIL(e, ERR_ARG, "%s: apt cannot use a folder with quotes, backslashes or line breaks in its name",
             *abs);
    Str sub = {0}, text = {0};
    str_printf(&sub, "%s/partial", *abs);
    str_printf(&text, apt_conf, *abs, *abs);
    *conf = file_join(*abs, "apt.conf");
    Status s = OK;
    if (sub.failed || text.failed || *conf == NULL)
        s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "%s: no memory for its name", dir);
    if (s == OK) s = file_mkdir(sub.s, e);
    str_clear(&sub);
    str_printf(&sub, "%s/cache/archives/partial", *abs);
    if (s == OK && sub.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory");
    if (s == OK) s = file_mkdir(sub.s, e);
    if (s == OK) s = file_write(*conf, text.s, text.n, e);
    str_free(&sub);
    str_free(&text);
    return s;
}

/* The last lines of apt's complaints, on one line. */
static void lists_last_words(char out[LISTS_SAID], const Str *say)
{
    size_t n = say->n >= LISTS_SAID ? LISTS_SAID - 1 : say->n;
    snprintf(out, LISTS_SAID, "%s", say->n > 0 ? say->s + say->n - n : "");
    for (char *c = out; *c != '\0'; c++)
        if (*c == '\n') *c = c[1] == '\0' ? '\0' : ' ';
}

/* A source that cannot be reached does not matter as long as the distribution's own index came: apt exits
 * with 0 or 100 then, and lists_open finds out. */
static Status lists_update(char said[LISTS_SAID], const char *conf, Err *e)
{
    char opt_conf[PATH_MAX + 16];
    snprintf(opt_conf, sizeof opt_conf, "--config-file=%s", conf);
    char cmd[] = "apt-get", quiet[] = "-qq", update[] = "update";
    char *argv[] = {cmd, quiet, opt_conf, update, NULL};
    Str out = {0}, say = {0};
    int code = 0;
    Status s = proc_run(&out, &say, &code, argv, e);
    lists_last_words(said, &say);
    str_free(&out);
    str_free(&say);
    if (s != OK) return err_prefix(e, "cannot fetch package lists (--lists DIR reads lists that are there)");
    if (code >= 127) FAIL(e, ERR_IO, "apt-get update failed (code %d): %s", code, said);
    if (said[0] != '\0') log_say(LOG_WARN, "apt-get update: %s", said);
    return OK;
}

Status lists_fetch(char said[LISTS_SAID], const char *dir, Err *e)
{
    char *abs = NULL, *conf = NULL;
    said[0] = '\0';
    file_remove_tree(dir);
    Status s = lists_prepare(&abs, &conf, dir, e);
    if (s == OK) log_say(LOG_INFO, "apt-get update into %s", abs);
    if (s == OK) s = lists_update(said, conf, e);
    free(abs);
    free(conf);
    return s;
}

Status lists_claim(const char *dir, Err *e)
{
    char *conf = file_join(dir, "apt.conf");
    if (conf == NULL) FAIL(e, ERR_NOMEM, "%s: no memory for its name", dir);
    bool ours = !file_exists(dir) || file_exists(conf);
    free(conf);
    if (!ours) FAIL(e, ERR_IO, "%s: is there already, and not from an earlier run: it would be deleted", dir);
    return OK;
}
