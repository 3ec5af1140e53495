/* leaky.c - a test program with two faults on purpose. tests/sanitize.sh runs it to see that the sanitizers
 * would notice: Criterion by itself lets a leak pass. Built under the sanitizers only, never registered as a
 * test. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>

static void *volatile kept;
static volatile int biggest = INT_MAX;

Test(leaky, leak)
{
    kept = malloc(1234);
    kept = NULL;
}

Test(leaky, overflow)
{
    biggest = biggest + 1;
    cr_assert(biggest != 0);
}
