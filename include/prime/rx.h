/* rx.h - regular expressions of configuration files, which other tools read with Python's `re`, over PCRE2
 * (which only room io may include).
 *
 * Only what both dialects read the same way is let through: escapes that Python knows, groups (?:, (?i:, (?=,
 * (?!, (?<=, (?<! and (?P<, classes without POSIX names, counts without "{,". The rest is refused by name: an
 * expression that is read differently would give other numbers without any message. The dialects agree on
 * texts in ASCII; beyond it their ideas of a letter may be of different Unicode versions. */
#ifndef PRIME_RX_H
#define PRIME_RX_H

#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { RX_MAX_PATTERN = 1 << 14, RX_MAX_STEPS = 200000 };

typedef struct Rx Rx;

/* rx_new - compile. Errors: ERR_FORMAT what is no expression in either dialect; ERR_UNSUP what Python reads
 * differently, or more than RX_MAX_PATTERN bytes; ERR_NOMEM. *rx is set only on success. */
Status rx_new(Rx **rx, const char *pattern, Err *e) PRIME_MUST_USE;
void rx_free(Rx *rx); /* accepts NULL */

/* rx_full - whether the whole text matches (Python's re.fullmatch). Not for several threads at once on one
 * Rx. Errors: ERR_UNSUP a match that takes more than RX_MAX_STEPS steps. */
Status rx_full(bool *hit, const Rx *rx, const char *text, Err *e) PRIME_MUST_USE;

/* rx_new_search - compile for rx_count, in which \d, \w and \s mean ASCII alone (Python's re.ASCII). rx_count
 * - matches anywhere in the text, from left to right, without overlap; an empty match counts and moves one
 * byte on. Errors: as above; rx_count: ERR_UNSUP also for text that is not UTF-8. The text is never part of a
 * message. */
Status rx_new_search(Rx **rx, const char *pattern, Err *e) PRIME_MUST_USE;
Status rx_count(size_t *n, const Rx *rx, const char *text, Err *e) PRIME_MUST_USE;

#endif
