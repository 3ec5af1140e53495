/* progress.h - how far a long command is, on standard error: one line that is redrawn on a terminal, one line
 * per step elsewhere, nothing with -q. One progress at a time, used by one thread at a time. */
#ifndef PRIME_PROGRESS_H
#define PRIME_PROGRESS_H

#include <stddef.h>

/* progress_begin - `total` steps are to come; what a resumed run finds done is not among them. */
void progress_begin(size_t total);
/* progress_step - one more step is done; label names it. */
void progress_step(const char *label);
/* progress_end - leave the terminal's line clean. */
void progress_end(void);
/* progress_wipe - clear the line before something else is printed on standard error; the next step draws it
 * again. Harmless when no progress is shown. */
void progress_wipe(void);

/* progress_bar - "[####......]  40% 4/10, 2 min 05 s left, label" into out [n], cut to n - 1 bytes. elapsed
 * is in seconds; the time left assumes that the steps to come take as long as those done. */
void progress_bar(char *out, size_t n, size_t done, size_t total, double elapsed, const char *label);
/* progress_note - "4/10 (40%) label, 2 min 05 s left": the same for a log. */
void progress_note(char *out, size_t n, size_t done, size_t total, double elapsed, const char *label);

#endif
