/* proc_priv.h - run another program without a shell and keep what it says. */
#ifndef PRIME_PROC_PRIV_H
#define PRIME_PROC_PRIV_H

#include "prime/err.h"
#include "prime/str.h"

/* proc_run - argv[0] is found through PATH; stdin is empty. What it writes is appended to out and say
 * (stderr); *code is its exit code, or 128 + signal. Errors: ERR_IO the program is not there or cannot be
 * run; ERR_NOMEM. out and say hold what came so far. */
Status proc_run(Str *out, Str *say, int *code, char *const argv[], Err *e) PRIME_MUST_USE;

#endif
