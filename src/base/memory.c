#include "prime/memory.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t the_limit;

void memory_set_limit(size_t bytes)
{
    the_limit = bytes;
}

size_t memory_limit(void)
{
    return the_limit;
}

void memory_ready(void *at, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)at, to = from + bytes;
    size_t skip = (size_t)((page - from % page) % page);
    to -= to % page;
    if (from + skip < to) (void)madvise((char *)at + skip, (size_t)(to - from) - skip, MADV_POPULATE_WRITE);
#else
    (void)at;
    (void)bytes;
#endif
}

void *memory_block(size_t bytes)
{
    const size_t huge = (size_t)2 << 20, align = bytes >= huge ? huge : 64;
    if (bytes > SIZE_MAX - align) return NULL;
    void *at = aligned_alloc(align, bytes > 0 ? (bytes + align - 1) / align * align : align);
#ifdef MADV_HUGEPAGE
    if (at != NULL && bytes >= huge) (void)madvise(at, bytes / huge * huge, MADV_HUGEPAGE);
#endif
    return at;
}

Status memory_parse(size_t *bytes, const char *text, Err *e)
{
    static const char units[] = "KMGT";
    char *end = NULL;
    double x = strtod(text, &end);
    const char *unit = *end != '\0' && end != text ? strchr(units, *end) : NULL;
    if (unit != NULL) x *= pow(1024, (double)(unit - units + 1)), end++;
    if (end == text || *end != '\0' || !(x >= 1 && x < 9e18))
        FAIL(e, ERR_ARG, "memory = %.40s, want bytes, or a number with K, M, G or T behind it", text);
    *bytes = (size_t)x;
    return OK;
}
