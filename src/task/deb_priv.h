/* deb_priv.h - from package lists to people and their records. The steps, each a function:
 *   deb_parse    lists -> every binary package of the index, its long description joined
 *   deb_collect  packages -> one candidate record per source package, cleaned
 *   deb_select   candidates -> users with roles, and the records that are kept
 *   deb_depends  who depends on what, for the choice task */
#ifndef PRIME_DEB_PRIV_H
#define PRIME_DEB_PRIV_H

#include "lists_priv.h"
#include "make_priv.h"
#include "text_priv.h"

#include "prime/arena.h"
#include "prime/data.h"
#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A binary package; spans point into the lists. */
typedef struct {
    Span name, source, maintainer, section, depends, pre_depends;
    Span desc; /* first line: synopsis; then the long description as it stands, or empty */
    Span md5;
    size_t order; /* in the index */
} DebPkg;

typedef struct {
    DebPkg *pkg; /* [n], sorted by name, each name once */
    size_t n;
} DebIndex;

/* deb_parse - errors: ERR_FORMAT (file and line), ERR_IO no description has a long part, ERR_NOMEM. */
Status deb_parse(DebIndex *x, const Lists *l, Err *e) PRIME_MUST_USE;
void deb_free(DebIndex *x);
/* deb_find - the package of that name, or NULL. */
const DebPkg *deb_find(const DebIndex *x, Span name);

enum { DEB_MAX_WORDS = 120, DEB_MIN_WORDS = 12, DEB_MIN_SYNOPSIS = 3 };

/* A candidate record. */
typedef struct {
    const DebPkg *pkg;
    char *address, *person; /* normalised mail address and display name of the maintainer */
    char *synopsis;
    char **para; /* [n_para] cleaned paragraphs; NULL: said before by another record */
    size_t n_para;
    char *text; /* what is left of them, at most DEB_MAX_WORDS words */
    char id[DATA_ID];
    size_t user; /* index into DebPeople */
    bool dropped;
} DebRec;

typedef struct {
    DebRec *rec; /* [n], sorted by source name */
    size_t n;
} DebRecs;

/* deb_collect - the binary package with the longest description stands for its source (the first by name on a
 * tie). Paragraphs are compared in their normal form; each stays only with the first record that has it. */
Status deb_collect(DebRecs *r, const DebIndex *x, Arena *a, Err *e) PRIME_MUST_USE;

typedef struct {
    const char *address; /* the smallest of the person's addresses */
    char id[DATA_ID];
    size_t n; /* records kept */
    bool team;
    DataRole role;
} DebUser;

typedef struct {
    DebUser *user; /* [n], sorted by address */
    size_t n;
    size_t n_addresses; /* before addresses of one display name were joined */
} DebPeople;

/* deb_select - drop records without a maintainer, with too little text, or that begin like another record of
 * the same user; join the addresses of one display name; assign roles. */
Status deb_select(DebPeople *p, DebRecs *r, const DataDebianOpt *o, Arena *a, Err *e) PRIME_MUST_USE;

/* deb_is_team - does a maintainer's name or address say that it is not one person? */
bool deb_is_team(const char *person, const char *address);

/* A question of deb_depends. */
typedef struct {
    Span choice[2];
    size_t right; /* 0 or 1; */
    bool there;   /* false: no fair question can be asked about this package */
} DebAsk;

/* deb_depends - one question per record that is not dropped. ask [r->n]. */
Status deb_depends(DebAsk *ask, const DebRecs *r, const DebIndex *x, uint64_t seed, Err *e) PRIME_MUST_USE;

#endif
