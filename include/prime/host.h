/* host.h - the machine that this program runs on, as far as Linux tells. */
#ifndef PRIME_HOST_H
#define PRIME_HOST_H

#include <stdbool.h>

/* host_cpu - the model of the first processor, "unknown" where the system does not say. */
enum { HOST_NAME = 128 };
void host_cpu(char out[HOST_NAME]);

/* host_memory - bytes of memory in all; host_memory_free - what new programs may take without swapping; NaN
 * when unknown. */
double host_memory(void);
double host_memory_free(void);

/* host_disk_free - bytes that anybody, not root alone, may still write where path is; NaN when it is nowhere.
 */
double host_disk_free(const char *path);

/* host_writable - whether a file can be made in a folder. Tries it: permission alone does not tell of file
 * systems that are mounted to be read. */
bool host_writable(const char *dir);

/* host_time - now in UTC, as 2025-01-31T23:59:59Z. */
enum { HOST_TIME = 24 };
void host_time(char out[HOST_TIME]);

#endif
