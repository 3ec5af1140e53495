/* log.h - what the library has to say while it works. The library never prints: cli installs a sink. */
#ifndef PRIME_LOG_H
#define PRIME_LOG_H

#include "prime/err.h"

typedef enum { LOG_DEBUG, LOG_INFO, LOG_WARN } LogLevel;
typedef void (*LogSink)(void *ctx, LogLevel level, const char *msg);

/* log_install - set the one sink; NULL drops everything (the default). Called once, before threads start. */
void log_install(LogSink sink, void *ctx);
void log_say(LogLevel level, const char *fmt, ...) PRIME_PRINTF(2, 3);

#endif
