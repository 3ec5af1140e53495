#include "prime/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t the_limit;

void memory_set_limit(size_t bytes)
{
    the_limit = bytes;
}

size_t memory_limit(void)
{
    return the_limit;
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
