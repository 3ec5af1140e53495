#include "prime/file.h"
#include "prime/str.h"
#include "prime/table.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Status each_note(void *ctx, const char *const *cell, size_t n, size_t line, Err *e)
{
    Str *out = ctx;
    str_printf(out, "%zu:", line);
    for (size_t i = 0; i < n; i++) str_printf(out, "<%s>", cell[i]);
    if (n > 0 && strcmp(cell[0], "stop") == 0) FAIL(e, ERR_NUM, "stopped");
    return OK;
}

static const char *each_of(const char *text, size_t n)
{
    static Str out;
    char path[] = "test_table_each_XXXXXX";
    int fd = mkstemp(path);
    Err e = {0};
    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(file_write(path, text, n, &e), OK);
    str_clear(&out);
    if (table_each(path, each_note, &out, &e) != OK) str_printf(&out, "!%s", e.msg + strlen(path));
    unlink(path);
    return out.s;
}

#define EACH(text, want) \
    cr_expect_str_eq(each_of(text, sizeof text - 1), want, "%s", each_of(text, sizeof text - 1))

Test(table_each, rows_one_after_the_other)
{
    EACH("a,b\n1,2\n\n3,\"x\ny\"\n4,5", "1:<a><b>2:<1><2>4:<3><x\ny>6:<4><5>");
    EACH("\xef\xbb\xbf"
         "a,b\r\n\"say \"\"so\"\"\", c\r\n",
         "1:<a><b>2:<say \"so\">< c>");
    EACH("", "");
}

Test(table_each, rows_that_are_short_long_or_damaged_are_for_the_caller)
{
    EACH("a,b\n1\n1,2,3\n\xff,2\nx\0y,2\n5,6\n", "1:<a><b>2:<1>3:<1><2><3>4:5:6:<5><6>");
}

Test(table_each, what_ends_the_reading)
{
    EACH("a,b\nx\"y,2\n", "1:<a><b>!:2: a quote inside an unquoted cell, or text after a closing quote");
    EACH("a,b\n\"x,2\n", "1:<a><b>!:2: a quote is not closed before the end of the file");
    EACH("a,b\nx\ry,2\n", "1:<a><b>!:2: a carriage return without a line feed");
    Err e = {0};
    Str out = {0};
    cr_assert_eq(table_each("no_such_file.csv", each_note, &out, &e), ERR_IO);
    e = (Err){0};
    cr_assert_eq(table_each(".", each_note, &out, &e), ERR_IO);
    cr_assert_not_null(strstr(each_of("a\nstop\nb\n", 9), "2:<stop>!"));
}
