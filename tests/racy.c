/* racy.c - two threads write one number without a lock: what threads.sh must find. */
#include <pthread.h>
#include <stddef.h>

static long number;

static void *racy_add(void *ctx)
{
    for (int i = 0; i < 1000; i++) number++;
    return ctx;
}

int main(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, racy_add, NULL) != 0) return 1;
    racy_add(NULL);
    pthread_join(other, NULL);
    return number == 0;
}
