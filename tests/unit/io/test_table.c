#include "prime/table.h"

#include "prime/file.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Table table_good(Arena *a, const char *text)
{
    Table t = {0};
    Err e = {0};
    cr_assert_eq(table_parse(&t, a, text, strlen(text), "t.csv", &e), OK, "%s", e.msg);
    return t;
}

Test(table, rfc_4180_cells)
{
    Arena a = {0};
    Table t =
        table_good(&a, "\xef\xbb\xbfid, name ,\r\n1,\" a,\"\"b\"\"\r\nc \",x\r\n\r\n2,,\"\"\n\xc3\xa9,=1, y");
    cr_assert_eq(t.n_cols, 3);
    cr_assert_eq(t.n_rows, 3);
    cr_assert_str_eq(t.col[0], "id");
    cr_assert_str_eq(t.col[1], " name ", "spaces belong to the cell");
    cr_assert_str_eq(t.col[2], "");
    cr_assert_str_eq(table_str(&t, 0, 1), " a,\"b\"\r\nc ");
    cr_assert_str_eq(table_str(&t, 1, 1), "");
    cr_assert_str_eq(table_str(&t, 1, 2), "");
    cr_assert_str_eq(table_str(&t, 2, 0), "\xc3\xa9");
    cr_assert_str_eq(table_str(&t, 2, 2), " y");
    cr_assert_eq(t.line[0], 2);
    cr_assert_eq(t.line[1], 5, "a cell of two lines and a blank line are counted");
    cr_assert_eq(t.line[2], 6);
    t = table_good(&a, "only");
    cr_assert(t.n_cols == 1 && t.n_rows == 0);
    arena_free(&a);
}

static void table_refused(const char *text, size_t n, const char *part)
{
    Arena a = {0};
    Table t = {.n_rows = 77};
    Err e = {0};
    cr_assert_eq(table_parse(&t, &a, text, n, "t.csv", &e), ERR_FORMAT, "%s", text);
    cr_assert_not_null(strstr(e.msg, part), "%s, want %s", e.msg, part);
    cr_assert_eq(t.n_rows, 77, "outputs stay on failure");
    arena_free(&a);
}

Test(table, damaged_text_is_refused_with_its_line)
{
    static const char *const bad[][2] = {
        {"", "t.csv: empty, want a header row"},
        {"\n\r\n\n", "t.csv: empty, want a header row"},
        {"a,b\n1,2\n3\n", "t.csv:3: the row has 1 cells, the header has 2"},
        {"a,b\n1,2,3\n", "t.csv:2: the row has 3 cells, the header has 2"},
        {"a,b\n\"1\n2\",3\n4", "t.csv:4: the row has 1 cells"},
        {"a,b\n1,x\"y\n", "t.csv:2: a quote inside"},
        {"a,b\n1,\"x\" \n", "t.csv:2: a quote inside"},
        {"a,b\n1,2\n3,\"x\ny\n", "t.csv:3: a quote is not closed"},
        {"a,b\r1,2\r", "t.csv:1: a carriage return without"},
        {"a\nb\r\"c\nd\"\n", "t.csv:2: a carriage return without"},
        {"a,b\n1,\xff\n", "t.csv:2: byte 0xff is not UTF-8"},
        {"a,b,a\n", "t.csv: two columns are named 'a'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        table_refused(bad[i][0], strlen(bad[i][0]), bad[i][1]);
    table_refused("a,b\n1,\0\n", 8, "t.csv:2: holds a NUL byte");
    table_refused(NULL, 0, "empty");
    table_refused("a", TABLE_MAX_BYTES + 1, "t.csv: 1073741825 bytes, want at most 1073741824");
    Str wide = {0};
    for (int i = 0; i <= TABLE_MAX_COLS; i++) str_printf(&wide, "c%d,", i);
    table_refused(wide.s, wide.n - 1, "4097 columns, want at most 4096");
    str_free(&wide);
}

Test(table, columns_and_numbers_have_messages)
{
    Arena a = {0};
    Table t = table_good(&a, "label,score\n1,-2.5e3\n0, 1\nx,inf\n3.0,\n,0x10\n-1,nan\n");
    static const char *const msg[] = {"t.csv:3: score = ' 1', want a finite number", "t.csv:4: score = 'inf'",
                                      "t.csv:5: score = ''", "t.csv:6: score = '0x10'",
                                      "t.csv:7: score = 'nan'"};
    size_t col = 9, n = 9;
    double x = 0, *all = NULL;
    Err e = {0};
    cr_assert_eq(table_col(&t, "score"), 1);
    cr_assert_eq(table_col(&t, "Score"), TABLE_NONE);
    cr_assert_eq(table_need(&col, &t, "label", NULL), OK);
    cr_assert_eq(col, 0);
    cr_assert_eq(table_need(&col, &t, "lable", &e), ERR_FORMAT);
    cr_assert_str_eq(e.msg, "t.csv: no column 'lable', did you mean 'label'?");
    e = (Err){0};
    cr_assert_eq(table_need(&col, &t, "zzzzzz", &e), ERR_FORMAT);
    cr_assert_str_eq(e.msg, "t.csv: no column 'zzzzzz'; there are: label, score");
    cr_assert_eq(table_num(&x, &t, 0, 1, NULL), OK);
    cr_assert_eq(x, -2500.0);
    for (size_t i = 0; i < 5; i++) {
        e = (Err){0};
        cr_assert_eq(table_num(&x, &t, i + 1, 1, &e), ERR_FORMAT);
        cr_assert_not_null(strstr(e.msg, msg[i]), "%s", e.msg);
    }
    cr_assert_eq(table_size(&n, &t, 3, 0, NULL), OK);
    cr_assert_eq(n, 3, "3.0 is whole");
    cr_assert_eq(table_size(&n, &t, 5, 0, &e), ERR_FORMAT, "-1");
    cr_assert_eq(table_size(&n, &t, 2, 0, NULL), ERR_FORMAT, "x");
    cr_assert_eq(table_nums(&all, &t, 1, &a, NULL), ERR_FORMAT);
    cr_assert_null(all);
    t = table_good(&a, "v\n1\n2.5\n");
    cr_assert_eq(table_nums(&all, &t, 0, &a, NULL), OK);
    cr_assert(all[0] == 1 && all[1] == 2.5);
    arena_free(&a);
}

Test(table, formulas_are_guarded_and_numbers_are_not)
{
    static const char *const cols[] = {"s"};
    static const char *const in[] = {"=1+1", "+x",     "-x",  "@a", "\tx", "-1.5",
                                     "+3e4", "=a,\"b", "a=b", "-",  "'=x", ""};
    static const char *const out[] = {"'=1+1", "'+x",           "'-x", "'@a", "'\tx", "-1.5",
                                      "+3e4",  "\"'=a,\"\"b\"", "a=b", "'-",  "'=x",  "\"\""};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
        Str s = {0};
        TableOut o;
        char want[64];
        table_begin(&o, NULL, &s, cols, 1);
        table_put_str(&o, in[i]);
        table_end_row(&o);
        snprintf(want, sizeof want, "s\n%s\n", out[i]);
        cr_assert_str_eq(s.s, want);
        str_free(&s);
    }
}

Test(table, what_is_written_is_read_back)
{
    static const char *const cols[] = {"text", "num", "int", "empty"};
    static const char *const text[] = {"plain",    "a,b",   "say \"hi\"", "two\nlines",
                                       "cr\r\nlf", " pad ", "\xc3\xa9",   ""};
    static const double num[] = {0.1, 1.0 / 3, -1e-310, 12345678, -0.0, 1e300, 2.5, 5e-324};
    Arena a = {0};
    Str s = {0};
    TableOut o;
    table_begin(&o, NULL, &s, cols, 4);
    for (size_t i = 0; i < 8; i++) {
        table_put_str(&o, text[i]);
        table_put_num(&o, num[i]);
        table_put_int(&o, INT64_MIN);
        table_put_empty(&o);
        table_end_row(&o);
    }
    Table t = table_good(&a, s.s);
    cr_assert_eq(t.n_rows, 8);
    for (size_t i = 0; i < 8; i++) {
        double x = 7;
        cr_assert_str_eq(table_str(&t, i, 0), text[i]);
        cr_assert_eq(table_num(&x, &t, i, 1, NULL), OK);
        cr_assert_eq(memcmp(&x, &num[i], sizeof x), 0, "%a, want %a", x, num[i]);
        cr_assert_str_eq(table_str(&t, i, 2), "-9223372036854775808");
        cr_assert_str_eq(table_str(&t, i, 3), "");
    }
    str_free(&s);
    arena_free(&a);
}

Test(table, a_name_that_begins_with_a_byte_order_mark_survives)
{
    static const char *const cols[] = {"\xef\xbb\xbf"
                                       "a"};
    Arena a = {0};
    Str s = {0};
    TableOut o;
    table_begin(&o, NULL, &s, cols, 1);
    Table t = table_good(&a, s.s);
    cr_assert_str_eq(t.col[0], cols[0]);
    str_free(&s);
    arena_free(&a);
}

Test(table, files_and_numbers_that_are_none)
{
    static const char *const cols[] = {"a", "b"};
    char path[] = "test_table_XXXXXX";
    Arena a = {0};
    FileOut f = {0};
    TableOut o;
    Table t = {0};
    Err e = {0};
    close(mkstemp(path));
    cr_assert_eq(file_begin(&f, path, &e), OK, "%s", e.msg);
    table_begin(&o, f.fp, NULL, cols, 2);
    table_put_num(&o, NAN);
    table_put_num(&o, -INFINITY);
    table_end_row(&o);
    cr_assert_eq(file_commit(&f, &e), OK, "%s", e.msg);
    cr_assert_eq(table_load(&t, &a, path, &e), OK, "%s", e.msg);
    cr_assert_str_eq(t.name, path);
    cr_assert_str_eq(table_str(&t, 0, 0), "");
    cr_assert_str_eq(table_str(&t, 0, 1), "-inf");
    cr_assert_eq(truncate(path, (off_t)TABLE_MAX_BYTES + 1), 0); /* sparse: takes no room */
    cr_assert_eq(table_load(&t, &a, path, &e), ERR_FORMAT);
    cr_assert_not_null(strstr(e.msg, "want at most 1073741824"), "%s", e.msg);
    unlink(path);
    cr_assert_eq(table_load(&t, &a, path, NULL), ERR_IO);
    arena_free(&a);
}
