/* interrupt.h - Ctrl-C and kill, for commands that can be carried on: the first one asks, the second one ends
 * the program at once. */
#ifndef PRIME_INTERRUPT_H
#define PRIME_INTERRUPT_H

#include <stdbool.h>

/* interrupt_watch - from now on SIGINT and SIGTERM are noted, with a line on standard error; after the first
 * of them both have their usual effect again. */
void interrupt_watch(void);
/* interrupt_asked - whether one has come; any thread may ask. */
bool interrupt_asked(void);

#endif
