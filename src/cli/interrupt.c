#include "interrupt.h"

#include "cli_priv.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int asked;
static bool on_terminal;

static void interrupt_note(int number)
{
    static const char text[] = "\nprime: stopping after the step under way; once more to stop at once\n";
    size_t from = on_terminal ? 0 : 1; /* a line of progress may stand there */
    int before = atomic_fetch_add(&asked, 1);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (before > 0) { /* two at once, to two threads: the second finds this handler still there */
        raise(number);
        return;
    }
    if (!cli_common.quiet && write(STDERR_FILENO, text + from, sizeof text - 1 - from) < 0) return;
}

void interrupt_watch(void)
{
    struct sigaction act = {.sa_handler = interrupt_note, .sa_flags = SA_RESTART}, old;
    static const int numbers[] = {SIGINT, SIGTERM};
    on_terminal = isatty(STDERR_FILENO) == 1;
    sigemptyset(&act.sa_mask);
    sigaddset(&act.sa_mask, SIGINT);
    sigaddset(&act.sa_mask, SIGTERM);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0];
         i++) /* nohup and & have them ignored: so be it */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &act, NULL);
}

bool interrupt_asked(void)
{
    return atomic_load(&asked) != 0;
}
