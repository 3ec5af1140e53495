/* What the progress line says; how it is drawn depends on a terminal. */
#include "../../../src/cli/cli_priv.h"
#include "../../../src/cli/progress.h"

#include <criterion/criterion.h>
#include <string.h>

CliCommon cli_common; /* opt.c's, which this program does without */

Test(progress, bar)
{
    char line[80];
    progress_bar(line, sizeof line, 4, 10, 40, "evolved u1");
    cr_assert_str_eq(line, "[########............]  40% 4/10, 1 min 00 s left, evolved u1");
    progress_bar(line, sizeof line, 0, 10, 3, "starting");
    cr_assert_str_eq(line, "[....................]   0% 0/10, starting");
    progress_bar(line, sizeof line, 10, 10, 99, "last");
    cr_assert_str_eq(line, "[####################] 100% 10/10, last");
    progress_bar(line, sizeof line, 0, 0, 0, "nothing to do");
    cr_assert_str_eq(line, "[####################] 100% 0/0, nothing to do");
}

Test(progress, more_steps_than_announced)
{
    char line[80];
    progress_bar(line, sizeof line, 12, 10, 99, "x");
    cr_assert_str_eq(line, "[####################] 120% 12/10, x");
}

Test(progress, note)
{
    char line[80];
    progress_note(line, sizeof line, 1, 3, 7.2, "base u1");
    cr_assert_str_eq(line, "1/3 (33%) base u1, 14 s left");
    progress_note(line, sizeof line, 1, 1001, 10, "base u1");
    cr_assert_str_eq(line, "1/1001 (0%) base u1, 2 h 46 min left");
    progress_note(line, sizeof line, 1, 1000000, 1e9, "x");
    cr_assert_str_eq(line, "1/1000000 (0%) x, 27777 h 46 min left");
}

Test(progress, lines_are_cut_to_the_terminal)
{
    char line[20];
    progress_bar(line, sizeof line, 1, 2, 1, "a very long label");
    cr_assert_eq(strlen(line), 19);
}
