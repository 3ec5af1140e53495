#include "prime/origin.h"

#include "origin_commit.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

static const char *const libraries[] = {PRIME_LIBRARIES};

const char *origin_commit(void)
{
    return PRIME_ORIGIN_COMMIT;
}

const char *origin_compiler(void)
{
    return COMPILER;
}

const char *origin_library(size_t i)
{
    return i < sizeof libraries / sizeof libraries[0] ? libraries[i] : NULL;
}
