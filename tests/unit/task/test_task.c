#include "prime/str.h"
#include "prime/task.h"

#include <criterion/criterion.h>
#include <string.h>

Test(task, prompts_keep_the_first_words_only)
{
    const Task *t = task_find("deb_synopsis");
    Str in = {0}, out = {0}, want = {0};
    for (int i = 0; i < 60; i++) str_printf(&in, "w%d%s", i, i % 7 == 3 ? "\n" : i % 5 == 1 ? "  " : " ");
    task_prompt(&out, t, in.s);
    str_puts(&want, "Description:");
    for (int i = 0; i < 48; i++) str_printf(&want, " w%d", i);
    str_puts(&want, "\nSynopsis:");
    cr_assert_str_eq(out.s, want.s);
    str_clear(&out);
    task_answer(&out, t, "a small tool");
    cr_assert_str_eq(out.s, " a small tool");
    str_free(&in);
    str_free(&out);
    str_free(&want);
}

Test(task, prompts_with_several_fields)
{
    const Task *t = task_find("deb_depends");
    Str out = {0};
    cr_assert_eq(task_fields("inkpot\tmixes inks\nwell\tlibquill1\tkit03"), 4);
    task_prompt(&out, t, "inkpot\tmixes inks\nwell\tlibquill1\tkit03");
    cr_assert_str_eq(out.s, "Package: inkpot\nDescription: mixes inks well\n"
                            "Which does it depend on? [1] libquill1 [2] kit03\nAnswer:");
    str_free(&out);
}

Test(task, names_are_found_and_guessed)
{
    for (size_t i = 0; i < task_count(); i++) {
        const Task *t = task_at(i);
        cr_assert_eq(task_find(t->name), t);
        for (size_t k = i + 1; k < task_count(); k++) cr_assert_str_neq(t->name, task_at(k)->name);
        cr_assert(t->n_fields >= 1 && t->n_fields <= 9 && t->cut_field <= t->n_fields);
        cr_assert_neq(t->prompt[strlen(t->prompt) - 1], ' ');
    }
    cr_assert_null(task_find("deb_sections"));
    cr_assert_str_eq(task_nearest("deb_sections"), "deb_section");
    cr_assert_null(task_nearest("zzzzzzzz"));
}
