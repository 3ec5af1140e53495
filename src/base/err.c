#include "prime/err.h"

#include <stdio.h>
#include <string.h>

#undef err_set /* what the analyser is told */
Status err_set(Err *e, Status code, const char *file, int line, const char *fmt, ...)
{
    if (e == NULL || e->code != OK) return code;
    e->code = code;
    e->file = file;
    e->line = line;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    return code;
}

Status err_prefix(Err *e, const char *fmt, ...)
{
    if (e == NULL) return ERR_ARG;
    char head[PRIME_ERR_MSG], all[PRIME_ERR_MSG + 4];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    snprintf(all, sizeof all, "%.*s: %.*s", 180, head, PRIME_ERR_MSG - 184, e->msg);
    memcpy(e->msg, all, sizeof e->msg);
    e->msg[sizeof e->msg - 1] = '\0';
    return e->code;
}

const char *err_name(Status code)
{
    static const char *const names[] = {"OK",        "ERR_ARG", "ERR_SHAPE", "ERR_IO",     "ERR_FORMAT",
                                        "ERR_NOMEM", "ERR_NUM", "ERR_UNSUP", "ERR_STOPPED"};
    return (size_t)code < sizeof names / sizeof names[0] ? names[code] : "unknown status";
}
