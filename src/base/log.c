#include "prime/log.h"

#include <stdio.h>

static LogSink the_sink;
static void *the_ctx;

void log_install(LogSink sink, void *ctx)
{
    the_sink = sink;
    the_ctx = ctx;
}

void log_say(LogLevel level, const char *fmt, ...)
{
    if (the_sink == NULL) return;
    char msg[PRIME_ERR_MSG];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    the_sink(the_ctx, level, msg);
}
