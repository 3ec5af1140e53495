/* table_priv.h - what the two readers of CSV share. */
#ifndef PRIME_TABLE_PRIV_H
#define PRIME_TABLE_PRIV_H

#include <stdbool.h>
#include <stddef.h>

/* table_no_space - for libcsv: spaces belong to the cell. */
int table_no_space(unsigned char c);

/* table_scan_line - does a quoted cell reach over the end of this line? `inside`: one reached into it. In
 * strict CSV every quote opens or closes, and a doubled one does both. *lone is set when a carriage return
 * between cells has no line feed behind it. */
bool table_scan_line(bool inside, bool *lone, const char *s, size_t n);

#endif
