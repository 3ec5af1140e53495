/* page_priv.h - the sections of the HTML page and their tables, as rows of a table. */
#ifndef PRIME_PAGE_PRIV_H
#define PRIME_PAGE_PRIV_H

#include "report_priv.h"

/* One column of a table of the page. */
typedef struct {
    const char *head, *column;
    int digits;    /* < 0: text as it is; 0: %g */
    bool interval; /* with column_lo and column_hi */
} PageColumn;

typedef struct {
    const char *caption, *file;
    const PageColumn *col;
    size_t n_cols;
    Status (*fill)(Grid *, const Report *, Err *);
    const char
        *by; /* of a table with more rows than a page can hold those with the largest of it; NULL: all */
} PageTable;

/* A section: a heading, what it says, a chart or none, a table or none. */
typedef struct {
    const char *id, *title, *text;
    const char *chart; /* what a screen reader is told of it; NULL: no chart */
    PageTable table;
    bool optional; /* left out where the table has no row */
} PageSection;

#define COLUMNS(array) array, sizeof(array) / sizeof(array)[0]

/* page_section_at - the i-th section; NULL past the last. */
const PageSection *page_section_at(size_t i);

#endif
