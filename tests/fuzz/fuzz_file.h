/* fuzz_file.h - files for parsers that want a path. fuzz_put makes a file that is bytes in memory and nothing
 * else: what the library opens, maps, writes or asks for below the folder is answered from there
 * (fuzz_file.c), so that no system call slows a target down and a sanitizer sees a read behind the end. Bytes
 * may hold several files: a line "=== NAME" begins the next one. */
#ifndef PRIME_FUZZ_FILE_H
#define PRIME_FUZZ_FILE_H

#include "prime/file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FUZZ_PATH = 160 };

/* fuzz_folder - where fuzz_put puts files: a name that is not on disk, and after fuzz_folder_real an empty
 * folder there, in memory where there is /dev/shm, which goes with the process. */
const char *fuzz_folder(void);
void fuzz_folder_real(void);

/* fuzz_at - the path of a file in the folder. */
const char *fuzz_at(char path[FUZZ_PATH], const char *name);

/* fuzz_put - a file in memory; what was there under the name goes. fuzz_clear - those
 * whose names begin with `below` go. */
void fuzz_put(const char *name, const uint8_t *data, size_t n);
void fuzz_clear(const char *below);

/* fuzz_unpack - put the files that the bytes hold, of those that `names` [n] allows, and no other. What comes
 * before the first goes. */
void fuzz_unpack(const uint8_t *data, size_t size, const char *const *names, size_t n);

#endif
