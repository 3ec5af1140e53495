#include "prime/metric.h"
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
        for (int form = 0; form < 2; form++) {
            const Task *f = form ? task_history(t) : t;
            cr_assert(f->n_fields <= 9 && f->text_field <= f->n_fields);
            cr_assert_neq(f->prompt[strlen(f->prompt) - 1], ' ');
        }
    }
    cr_assert_null(task_find("deb_sections"));
    cr_assert_str_eq(task_nearest("deb_sections"), "deb_section");
    cr_assert_null(task_nearest("zzzzzzzz"));
}

/* What LaMP grades a task by, and over which labels, is said once. */
Test(task, lamp_tasks_agree_with_the_metrics_of_lamp)
{
    size_t n = 0;
    for (size_t i = 0; i < metric_lamp_count(); i++) {
        const MetricLamp *m = metric_lamp_at(i);
        const Task *t = task_find(m->name);
        cr_assert_not_null(t, "%s", m->name);
        Str want = {0};
        str_printf(&want, "%s %s", m->metric[0], m->metric[1]);
        cr_assert_str_eq(t->metrics, want.s);
        str_free(&want);
        const char *const *label = task_labels(t, &n);
        cr_assert_eq(n > 0, t->labelled, "%s has %zu labels", t->name, n);
        if (m->n_labels > 0) cr_assert(label == m->label && n == m->n_labels);
    }
    cr_assert_eq(task_labels(task_find("LaMP_3"), &n)[4][0], '5');
    cr_assert_eq(n, 5);
    task_labels(task_find("synth_tag"), &n);
    cr_assert_eq(n, 0, "the dataset says them");
}

Test(task, every_metric_of_a_task_is_known)
{
    for (size_t i = 0; i < 2 * task_count(); i++) {
        const Task *t = i % 2 ? task_history(task_at(i / 2)) : task_at(i / 2);
        char names[64], *save = NULL;
        size_t n = 0;
        strcpy(names, t->metrics);
        for (char *s = strtok_r(names, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save), n++) {
            cr_assert_not_null(metric_find(s), "%s of %s", s, t->name);
            cr_assert(!metric_find(s)->needs_labels || t->labelled, "%s of %s", s, t->name);
        }
        cr_assert_gt(n, 0);
    }
}

Test(task, labels_stand_in_the_prompt)
{
    Str out = {0};
    task_prompt(&out, task_find("LaMP_1"), "On ink\tPens\tDesks");
    cr_assert_str_eq(out.s, "Which of two references does a paper of this author cite? Answer [1], [2].\n"
                            "Paper title: On ink\n[1]: Pens\n[2]: Desks\nAnswer:");
    str_clear(&out);
    task_prompt(&out, task_find("LaMP_2M"), "a film");
    cr_assert_not_null(strstr(out.s, "sci-fi, based on a book, comedy,"));
    str_free(&out);
}

Test(task, items_of_a_history_have_their_own_form)
{
    const Task *paper = task_find("LaMP_1"), *tweet = task_find("LaMP_7"), *film = task_find("LaMP_2M");
    Str out = {0};
    cr_assert_eq(task_history(film), film);
    cr_assert_eq(task_fields(""), 0);
    task_prompt(&out, task_history(paper), "On ink");
    cr_assert_str_eq(out.s, "Paper title: On ink\nReference:");
    str_clear(&out);
    task_prompt(&out, task_history(tweet), "");
    cr_assert_str_eq(out.s, "Tweet:");
    str_clear(&out);
    task_search(&out, paper, "On ink\tPens\tDesks");
    cr_assert_str_eq(out.s, "On ink Pens Desks");
    str_clear(&out);
    task_document(&out, paper, "On  ink", "Old pens");
    cr_assert_str_eq(out.s, "On ink Old pens");
    str_clear(&out);
    task_document(&out, tweet, "", "so tired");
    cr_assert_str_eq(out.s, "so tired");
    str_clear(&out);
    task_search(&out, film, "two  sisters");
    cr_assert_str_eq(out.s, "two sisters");
    str_clear(&out);
    task_shown(&out, film, "two sisters", "comedy");
    cr_assert_str_eq(out.s, "Description: two sisters Tag: comedy");
    str_clear(&out);
    task_shown(&out, task_find("synth_tag"), "two\nsisters", "chess");
    cr_assert_str_eq(out.s, "Description: two sisters\nTag: chess");
    str_free(&out);
}

Test(task, a_context_keeps_fewer_words_than_a_prompt)
{
    const Task *t = task_find("LaMP_4");
    Str in = {0}, out = {0};
    for (int i = 0; i < 1000; i++) str_printf(&in, "w%d ", i);
    task_prompt(&out, t, in.s);
    cr_assert_not_null(strstr(out.s, "w767\n"));
    str_clear(&out);
    task_document(&out, t, in.s, "x");
    cr_assert_str_eq(out.s + out.n - 5, " w367");
    str_free(&in);
    str_free(&out);
}
