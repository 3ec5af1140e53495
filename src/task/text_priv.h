/* text_priv.h - cleaning and comparing descriptions. Everything works on bytes that are UTF-8 or are made so.
 */
#ifndef PRIME_TEXT_PRIV_H
#define PRIME_TEXT_PRIV_H

#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two texts of one person that begin with the same so many words (normalised) are taken for twins. */
enum { TEXT_HEAD_WORDS = 12 };

/* A borrowed stretch of text; s is not NUL-terminated. */
typedef struct {
    const char *s;
    size_t n;
} Span;

/* text_char - one character of s [n > 0]: its length in bytes and its code, or 1 byte and code 0 when it is
 * not UTF-8. */
size_t text_char(uint32_t *code, const char *s, size_t n);

/* text_is_space - is this character white space to Python's str.split()? */
bool text_is_space(uint32_t code);

/* text_strip - without such white space at both ends. */
Span text_strip(Span s);

/* text_clean - append the words of s [n] to out, one blank between them (and before the first when out is
 * not empty and does not end in white space). Invalid UTF-8, control characters and every kind of Unicode
 * space separate words; web addresses become "<url>", mail addresses vanish. */
void text_clean(Str *out, const char *s, size_t n);

/* text_words - number of words, separated by blanks, tabs or line breaks. */
size_t text_words(Span s);

/* text_span - all of a NUL-terminated text. */
Span text_span(const char *s);

/* text_cut - length in bytes of the first `words` words of s, without what follows them. */
size_t text_cut(const char *s, size_t words);

/* text_normal - append what remains of s [n] when style is taken away: lower-case words of letters and
 * digits, one blank after each; digits become 0, and words that also occur in `name` become @, so that "the
 * documentation for foo" and "the documentation for bar" agree. At most `words` words (0: all). */
void text_normal(Str *out, Span s, Span name, size_t words);

/* text_hash - 64 bits of s [n] (FNV-1a with a finaliser). */
uint64_t text_hash(const char *s, size_t n);

/* text_prints - the hashes of what text_normal gives for s without a name: of all of it, and of its first
 * TEXT_HEAD_WORDS words. The same numbers, without the text. */
void text_prints(uint64_t *all, uint64_t *head, Span s);

/* text_cmp - byte order, shorter first on a tie. */
int text_cmp(Span a, Span b);

/* text_trim - without white space at both ends. */
Span text_trim(Span s);

#endif
