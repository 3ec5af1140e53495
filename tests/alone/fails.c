/* fails.c - tests that fail on purpose, each in another way: what a gate that runs tests alone must notice.
 */
#include <criterion/criterion.h>

Test(fails, assertion)
{
    cr_assert_eq(1 + 1, 3, "on %s", "purpose");
}

Test(fails, expectation)
{
    cr_expect_float_eq(1.0, 1.1, 0.05);
    cr_expect_float_eq(1.0, 1.01, 0.05); /* this holds, and takes back nothing: the test has failed */
}

Test(fails, crash)
{
    abort();
}

Test(fails, not_this_one)
{
    cr_assert_str_eq("a", "a");
}
