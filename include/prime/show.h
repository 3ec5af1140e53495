/* show.h - text of strangers made harmless. Names, ids and texts come from data: control characters could run
 * in a terminal, bidirectional ones turn a line around, markup could run in a page. Such characters are shown
 * as what they are, <U+202E>, in the brackets of the format. Bytes that are not UTF-8 become U+FFFD. */
#ifndef PRIME_SHOW_H
#define PRIME_SHOW_H

#include "prime/str.h"

/* show_text, show_lines, show_xml, show_md - append s with what could harm made visible: in a terminal; in a
 * terminal, where line feeds and tabs may stay; in HTML or XML, also within quotes; in a cell of a Markdown
 * table. */
void show_text(Str *out, const char *s);
void show_lines(Str *out, const char *s);
void show_xml(Str *out, const char *s);
void show_md(Str *out, const char *s);

#endif
