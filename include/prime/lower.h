/* lower.h - text in lower case. */
#ifndef PRIME_LOWER_H
#define PRIME_LOWER_H

#include "prime/str.h"

/* lower_text - append text with every character in lower case, one for one (Unicode's simple mapping, through
 * utf8proc); bytes that are no UTF-8 stay as they are. A lack of memory is out->failed. */
void lower_text(Str *out, const char *text);

#endif
