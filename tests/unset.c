/* unset.c - a branch on memory that was never written: what memcheck.sh must find. */
#include <stdlib.h>

int main(void)
{
    volatile int *x = malloc(2 * sizeof *x);
    if (x == NULL) return 1;
    x[0] = 1;
    int code = x[1] == 77 ? 3 : 0;
    free((void *)(size_t)x);
    return code;
}
