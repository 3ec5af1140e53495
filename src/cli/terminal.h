/* terminal.h - what reaches a terminal: no control character that data, a model or a file name brings. */
#ifndef PRIME_CLI_TERMINAL_H
#define PRIME_CLI_TERMINAL_H

#include <stdio.h>

/* terminal_line - lead, text and the end of a line; control characters in text are shown (show.h). */
void terminal_line(FILE *to, const char *lead, const char *text);
/* terminal_guard - when standard output is a terminal, everything written to it is shown in the same way. To
 * files and pipes bytes go as they are. Once, before the first output. */
void terminal_guard(void);

#endif
