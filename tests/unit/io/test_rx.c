/* Expressions as Python's re.fullmatch takes them. Expected values by that definition. */
#include "prime/rx.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *pattern, *text;
    bool hit;
} rx_rows[] = {
    {"q_proj", "q_proj", true},
    {"q_proj", "xq_proj", false},
    {"q_proj", "q_projx", false},
    {"q|q_proj", "q_proj", true}, /* the whole text, so the shorter branch is given up */
    {"(.*\\.)?(q_proj)$", "model.layers.0.self_attn.q_proj", true},
    {"(.*\\.)?(q_proj)$", "q_proj", true},
    {"(.*\\.)?(q_proj)$", "model.xq_proj", false},
    {"(.*\\.)?(^model.layers.0.q)$", "model.layers.0.q", true},
    {"(.*\\.)?(^layers.0.q)$", "model.layers.0.q", false},
    {"(.*\\.)?(a|b)$", "x.b", true},
    {"model\\.layers\\.[\\d]{1,}\\.(?:mlp|attn)\\.(?:up|down)", "model.layers.31.mlp.down", true},
    {"model\\.layers\\.[\\d]{1,}\\.(?:mlp|attn)\\.(?:up|down)", "model.layers.x.mlp.down", false},
    {"(?:.*?(?:self|text).*?(?:q|v)_proj)|(?:\\bmodel\\.x)", "a.self_attn.v_proj", true},
    {".*layers\\.(?!0\\.).*", "model.layers.0.q", false},
    {".*layers\\.(?!0\\.).*", "model.layers.10.q", true},
    {"(?i:Q)_proj", "q_proj", true},
    {"[]a]+", "a]a", true},
    {"[^]a]+", "a", false},
    {"(?P<n>a)\\.b", "a.b", true},
    {"", "", true},
    {"", "a", false},
    {"a{2}", "aa", true},
    {".*", "a\nb", false},
    {"\\w+\\.\\D", "q_1.x", true},
};

Test(rx, whole_texts_match)
{
    for (size_t i = 0; i < sizeof rx_rows / sizeof rx_rows[0]; i++) {
        Rx *rx = NULL;
        bool hit = !rx_rows[i].hit;
        Err e = {0};
        cr_assert_eq(rx_new(&rx, rx_rows[i].pattern, &e), OK, "%s", e.msg);
        cr_assert_eq(rx_full(&hit, rx, rx_rows[i].text, &e), OK, "%s", e.msg);
        cr_expect_eq(hit, rx_rows[i].hit, "%s on %s", rx_rows[i].pattern, rx_rows[i].text);
        rx_free(rx);
    }
}

static const struct {
    const char *pattern;
    Status status;
    const char *message;
} rx_bad[] = {
    {"a(", ERR_FORMAT, "the expression 'a(': missing closing parenthesis at byte 2"},
    {"[a", ERR_FORMAT, "the expression '[a': missing terminating ] for character class at byte 2"},
    {"*a", ERR_FORMAT, "quantifier does not follow a repeatable item"},
    {"a\\", ERR_FORMAT, "the expression 'a\\' ends with a backslash"},
    {"\xff", ERR_FORMAT, "UTF-8"},
    {"(?<=a+)b", ERR_FORMAT, "lookbehind"},
    {"\\R", ERR_UNSUP, "the expression '\\R': '\\R' at byte 0 is not implemented"},
    {"a\\1", ERR_UNSUP, "'\\1' at byte 1 is not implemented"},
    {"\\x41", ERR_UNSUP, "'\\x' at byte 0 is not implemented"},
    {"a\\Z", ERR_UNSUP, "'\\Z' at byte 1"},
    {"[\\b]", ERR_UNSUP, "'\\b' at byte 1"},
    {"(?R)", ERR_UNSUP, "'(?R' at byte 0"},
    {"(?i)a", ERR_UNSUP, "'(?i' at byte 0"},
    {"(*UTF)a", ERR_UNSUP, "'(*U' at byte 0"},
    {"(?", ERR_UNSUP, "'(?' at byte 0"},
    {"[[:alpha:]]", ERR_UNSUP, "'[:' at byte 1"},
    {"a{,2}", ERR_UNSUP, "'{,' at byte 1"},
};

Test(rx, what_python_reads_differently_is_refused)
{
    for (size_t i = 0; i < sizeof rx_bad / sizeof rx_bad[0]; i++) {
        Rx *rx = NULL;
        Err e = {0};
        cr_expect_eq(rx_new(&rx, rx_bad[i].pattern, &e), rx_bad[i].status, "%s: %s", rx_bad[i].pattern,
                     e.msg);
        cr_expect_not_null(strstr(e.msg, rx_bad[i].message), "%s: %s", rx_bad[i].pattern, e.msg);
        cr_expect_null(rx);
    }
}

Test(rx, slow_and_long_expressions_end)
{
    Rx *rx = NULL;
    bool hit = true;
    Err e = {0};
    cr_assert_eq(rx_new(&rx, "(a+)+b", &e), OK, "%s", e.msg);
    cr_expect_eq(rx_full(&hit, rx, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabc", &e), ERR_UNSUP);
    cr_expect_str_eq(e.msg,
                     "the expression '(a+)+b' on 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabc': match limit "
                     "exceeded");
    cr_expect(hit, "untouched");
    rx_free(rx);
    rx = NULL;
    e = (Err){0};
    char *lengthy = calloc(RX_MAX_PATTERN + 2, 1);
    memset(lengthy, 'a', RX_MAX_PATTERN + 1);
    cr_expect_eq(rx_new(&rx, lengthy, &e), ERR_UNSUP);
    cr_expect_str_eq(e.msg, "an expression of 16385 bytes, want at most 16384");
    cr_expect_null(rx);
    rx_free(rx);
    free(lengthy);
}

Test(rx, count_finds_matches_from_left_to_right)
{
    static const struct {
        const char *pattern, *text;
        size_t want;
    } row[] = {{"a+", "aa b a", 2},
               {"aa", "aaaaa", 2},
               {"b", "aaa", 0},
               {"x*", "abc", 4},
               {"x*", "\xc3\xa4\xc3\xb6", 3},
               {"\\w+", "a\xc3\xa4z", 2},
               {"(?<!1)2", "2 12 2", 2},
               {"^a", "aa\naa", 1},
               {"a", "", 0}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        Rx *rx = NULL;
        size_t n = 77;
        Err e = {0};
        cr_assert_eq(rx_new_search(&rx, row[i].pattern, &e), OK, "%s", e.msg);
        cr_assert_eq(rx_count(&n, rx, row[i].text, &e), OK, "%s", e.msg);
        cr_expect_eq(n, row[i].want, "row %zu: %zu", i, n);
        rx_free(rx);
    }
}

Test(rx, count_says_nothing_of_the_text)
{
    Rx *rx = NULL;
    size_t n = 77;
    Err e = {0};
    cr_assert_eq(rx_new_search(&rx, "(a+)+[bc]d", &e), OK, "%s", e.msg);
    cr_expect_eq(rx_count(&n, rx, "secret aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaad", &e), ERR_UNSUP);
    cr_expect_str_eq(e.msg, "the expression '(a+)+[bc]d' on a text of 53 bytes: match limit exceeded");
    e = (Err){0};
    cr_expect_eq(rx_count(&n, rx, "a\xff", &e), ERR_UNSUP);
    cr_expect_null(strchr(e.msg, '\xff'));
    cr_expect_eq(n, 77u, "untouched");
    rx_free(rx);
    rx = NULL;
    cr_expect_eq(rx_new_search(&rx, "(", NULL), ERR_FORMAT);
    cr_expect_null(rx);
}
