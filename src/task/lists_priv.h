/* lists_priv.h - the distribution's package index: fetched through apt, or found in a folder. */
#ifndef PRIME_LISTS_PRIV_H
#define PRIME_LISTS_PRIV_H

#include "prime/arena.h"
#include "prime/err.h"
#include "prime/file.h"
#include "prime/hash.h"
#include "prime/str.h"

#include <stdbool.h>
#include <stddef.h>

/* One list, decompressed. */
typedef struct {
    char *path; /* for messages */
    char *name; /* below "dists/", without the host: "bookworm/main/binary-amd64/Packages" */
    bool translation;
    const char *text; /* [n], not NUL-terminated */
    size_t n;
    char sha256[HASH_HEX];
    FileMap map;  /* a plain file, */
    Str inflated; /* or what apt's helper made of it */
} ListFile;

typedef struct {
    ListFile *file;
    size_t n;
    char release[80]; /* "Debian 12.15 bookworm"; empty when no Release file is there */
    Arena arena;
} Lists;

enum { LISTS_SAID = 160 };

/* lists_fetch - `apt-get update` into dir (emptied first) with the sources of this machine, for amd64, so
 * that the same release gives the same dataset everywhere. The system's own lists stay as they are. said: the
 * end of what apt complained about, or "". An unreachable source is no failure here: see whether lists_open
 * finds what it needs. Errors: ERR_IO apt-get is missing or cannot run. */
Status lists_fetch(char said[LISTS_SAID], const char *dir, Err *e) PRIME_MUST_USE;

/* lists_open - the Packages files of components main and universe of one suite in dir, and their English
 * translations. Pockets (updates, security, backports, proposed) are left out. suite NULL: the one whose
 * Packages files are largest.
 * Errors: ERR_IO no folder, no Packages, unreadable; ERR_ARG no such suite, with those that are there. */
Status lists_open(Lists *l, const char *dir, const char *suite, Err *e) PRIME_MUST_USE;
/* lists_close - accepts a zeroed Lists. */
void lists_close(Lists *l);

/* lists_claim - may lists_fetch and file_remove_tree have this folder? Yes if it is not there, or is one of
 * theirs, kept. Errors: ERR_IO it is something else. */
Status lists_claim(const char *dir, Err *e) PRIME_MUST_USE;

#endif
