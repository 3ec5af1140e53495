#define _GNU_SOURCE /* fopencookie */
#include "terminal.h"

#include "prime/show.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void terminal_line(FILE *to, const char *lead, const char *text)
{
    Str shown = {0};
    show_lines(&shown, text);
    fprintf(to, "%s%s\n", lead, shown.s != NULL && !shown.failed ? shown.s : "");
    str_free(&shown);
}

/* The beginning of a character whose rest comes with the next block. */
static struct {
    char part[4];
    size_t n;
} terminal;

/* How many bytes at the end begin a character that does not end there. */
static size_t terminal_open(const char *s, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)s[n - back];
        if ((c & 0xC0) == 0x80) continue;
        size_t want = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        return want > back ? back : 0;
    }
    return 0;
}

static bool terminal_send(const char *s, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(STDOUT_FILENO, s, n);
        if (sent < 0) return false;
        s += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* NUL bytes are shown like the others. */
static void terminal_show(Str *out, const Str *raw)
{
    for (size_t at = 0; at < raw->n; at++) {
        show_lines(out, raw->s + at);
        at += strlen(raw->s + at);
        if (at < raw->n) str_puts(out, "<U+0000>");
    }
}

static ssize_t terminal_write(void *ctx, const char *data, size_t n)
{
    (void)ctx;
    Str raw = {0}, out = {0};
    str_put(&raw, terminal.part, terminal.n);
    str_put(&raw, data, n);
    size_t open = raw.failed ? 0 : terminal_open(raw.s, raw.n);
    if (open > 0) {
        memcpy(terminal.part, raw.s + raw.n - open, open);
        raw.n -= open;
        raw.s[raw.n] = '\0';
    }
    terminal.n = open;
    if (raw.n > 0) terminal_show(&out, &raw);
    bool fine = !raw.failed && !out.failed && terminal_send(out.s, out.n);
    str_free(&raw);
    str_free(&out);
    return fine ? (ssize_t)n : 0;
}

static int terminal_close(void *ctx)
{
    (void)ctx;
    static const char mark[] = "\xEF\xBF\xBD";
    return terminal.n == 0 || terminal_send(mark, sizeof mark - 1) ? 0 : -1;
}

void terminal_guard(void)
{
    if (isatty(STDOUT_FILENO) != 1) return;
    cookie_io_functions_t io = {.write = terminal_write, .close = terminal_close};
    FILE *guarded = fopencookie(NULL, "w", io);
    if (guarded == NULL) {
        fputs("prime: no memory for standard output\n", stderr);
        exit(1);
    }
    setvbuf(guarded, NULL, _IOLBF, BUFSIZ);
    stdout = guarded;
}
