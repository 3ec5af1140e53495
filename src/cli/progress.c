#include "progress.h"

#include "cli_priv.h"

#include "prime/host.h"
#include "prime/show.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_CELLS = 20, LINE_MAX_BYTES = 256 };

static struct {
    size_t done, total;
    double start;
    bool tty, drawn;
} progress;

static void time_left(char *out, size_t n, size_t done, size_t total, double elapsed)
{
    if (done == 0 || done >= total) {
        out[0] = '\0';
        return;
    }
    double left = elapsed / (double)done * (double)(total - done) + 0.5;
    unsigned long s = left > 1e8 ? 100000000ul : (unsigned long)left;
    if (s >= 3600)
        snprintf(out, n, ", %lu h %02lu min left", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, n, ", %lu min %02lu s left", s / 60, s % 60);
    else
        snprintf(out, n, ", %lu s left", s);
}

static unsigned percent_done(size_t done, size_t total)
{
    return total == 0 ? 100 : (unsigned)(100.0 * (double)done / (double)total);
}

void progress_bar(char *out, size_t n, size_t done, size_t total, double elapsed, const char *label)
{
    char bar[BAR_CELLS + 1], left[48];
    size_t full = percent_done(done, total) * BAR_CELLS / 100u;
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', full < BAR_CELLS ? full : BAR_CELLS);
    bar[BAR_CELLS] = '\0';
    time_left(left, sizeof left, done, total, elapsed);
    snprintf(out, n, "[%s] %3u%% %zu/%zu%s, %s", bar, percent_done(done, total), done, total, left, label);
}

void progress_note(char *out, size_t n, size_t done, size_t total, double elapsed, const char *label)
{
    char left[48];
    time_left(left, sizeof left, done, total, elapsed);
    snprintf(out, n, "%zu/%zu (%u%%) %s%s", done, total, percent_done(done, total), label, left);
}

static size_t terminal_width(void)
{
    struct winsize w;
    size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
    return width < LINE_MAX_BYTES ? width : LINE_MAX_BYTES - 1;
}

static void progress_draw(const char *name)
{
    char line[LINE_MAX_BYTES];
    Str shown = {0}; /* a label has names from data in it */
    show_text(&shown, name);
    const char *label = shown.s != NULL && !shown.failed ? shown.s : "";
    double elapsed = host_seconds() - progress.start;
    if (progress.tty) {
        progress_bar(line, terminal_width(), progress.done, progress.total, elapsed, label);
        fprintf(stderr, "\r\033[K%s", line);
        fflush(stderr);
        progress.drawn = true;
    } else {
        progress_note(line, sizeof line, progress.done, progress.total, elapsed, label);
        fprintf(stderr, "%s\n", line);
    }
    str_free(&shown);
}

void progress_begin(size_t total)
{
    progress.done = 0;
    progress.total = total;
    progress.start = host_seconds();
    progress.tty = isatty(STDERR_FILENO) == 1;
    if (progress.tty && !cli_common.quiet) progress_draw("starting");
}

void progress_step(const char *label)
{
    progress.done++;
    if (!cli_common.quiet) progress_draw(label);
}

void progress_wipe(void)
{
    if (!progress.drawn) return;
    fputs("\r\033[K", stderr);
    progress.drawn = false;
}

void progress_end(void)
{
    progress_wipe();
}
