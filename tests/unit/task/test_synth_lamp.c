#define _XOPEN_SOURCE 700 /* nftw */
#include "folder.h"

#include "prime/metric.h"
#include "prime/str.h"

#include <ctype.h>

static void lamp_make(void)
{
    tmp_make();
    DataSynthOpt o = {.out = below("l"),
                      .layout = "lamp",
                      .salt = DATA_SALT,
                      .seed = 5,
                      .users = 12,
                      .records = 16,
                      .canaries = 2,
                      .base = 0.25,
                      .history = 0.5,
                      .query = 0.25};
    Err e = {0};
    cr_assert_eq(data_synth(&o, &e), OK, "%s", e.msg);
}

TestSuite(synth_lamp, .init = lamp_make, .fini = tmp_remove);

static DataSet *lamp_load(const char *task)
{
    DataSet *d = NULL;
    Err e = {0};
    cr_assert_eq(data_load(&d, below("l"), task, &e), OK, "%s", e.msg);
    return d;
}

Test(synth_lamp, eight_tasks_with_roles_splits_profiles_and_no_clash)
{
    const char *const tasks[] = {"LaMP_1", "LaMP_2M", "LaMP_2N", "LaMP_3",
                                 "LaMP_4", "LaMP_5",  "LaMP_6",  "LaMP_7"};
    for (size_t t = 0; t < 8; t++) {
        DataSet *d = lamp_load(tasks[t]);
        size_t base = 0, all = 0;
        cr_assert_eq(d->n_users, 12);
        for (size_t u = 0; u < 12; u++) {
            base += d->user[u].role == DATA_BASE;
            cr_assert_not_null(d->user[u].profile);
            cr_assert_gt(strlen(d->user[u].profile), 20);
            for (DataSplit s = 0; s < DATA_SPLITS; s++) all += d->user[u].n[s];
            cr_assert_gt(d->user[u].n[DATA_HELDOUT], 0);
        }
        cr_assert(base == 3 && all == 12 * 16);
        data_free(d);
    }
    Arena a = {0};
    DataInfo info = {0};
    Err e = {0};
    cr_assert_eq(data_info(&info, below("l"), &a, &e), OK, "%s", e.msg);
    cr_assert_eq(info.broken, 0);
    DataSet *d = lamp_load("LaMP_4");
    DataCanary *c = NULL;
    size_t n = 0;
    cr_assert_eq(data_canaries(&c, &n, d, below("l"), &a, &e), OK, "%s", e.msg);
    cr_assert_eq(n, 24);
    data_free(d);
    arena_free(&a);
}

/* Where a label stands in the list with which a person's text ends. */
static size_t lamp_place(const char *profile, const char *label)
{
    size_t k = 0, n = strlen(label);
    for (const char *s = strstr(profile, ": ") + 2; *s != '\0'; k++) {
        if (strncmp(s, label, n) == 0 && strchr(",.", s[n]) != NULL) return k;
        s += strcspn(s, ",.");
        s += strspn(s, ",. ");
    }
    return SIZE_MAX;
}

/* What personalisation can learn: the first label of the list is always given where it fits, and what is
 * given comes early. By chance it would stand in the middle on average. */
static void lamp_prefers(const char *task, double most)
{
    DataSet *d = lamp_load(task);
    double sum = 0;
    size_t n = 0;
    for (size_t u = 0; u < d->n_users; u++)
        for (DataSplit s = 0; s < DATA_SPLITS; s++)
            for (size_t i = 0; i < d->user[u].n[s]; i++, n++) {
                size_t k = lamp_place(d->user[u].profile, d->user[u].rec[s][i].output);
                cr_assert_neq(k, SIZE_MAX, "%s", d->user[u].rec[s][i].output);
                sum += (double)k;
                cr_assert_neq(k, d->n_labels - 1, "the last of the list wins against nothing");
            }
    cr_assert_leq(sum / (double)n, most, "%s: %g", task, sum / (double)n);
    data_free(d);
}

/* The lesser of two different places out of 15 is 4.33 on average. */
Test(synth_lamp, golds_follow_the_order_in_the_profile)
{
    lamp_prefers("LaMP_2M", 5);
    lamp_prefers("LaMP_2N", 5);
}

/* The words behind "Notes on" of the cited title belong to the topic that comes first. */
Test(synth_lamp, citations_are_choices_and_the_history_has_titles)
{
    DataSet *d = lamp_load("LaMP_1");
    size_t first = 0, n = 0;
    for (size_t u = 0; u < d->n_users; u++) {
        for (size_t i = 0; i < d->user[u].n[DATA_QUERY]; i++, n++)
            first += strcmp(d->user[u].rec[DATA_QUERY][i].output, "[1]") == 0;
        for (size_t i = 0; i < d->user[u].n[DATA_HISTORY]; i++) {
            const DataRecord *r = &d->user[u].rec[DATA_HISTORY][i];
            cr_assert_eq(r->task, task_history(d->task));
            cr_assert(strncmp(r->input, "How to ", 7) == 0 && strncmp(r->output, "Notes on ", 9) == 0);
        }
    }
    cr_assert(first > n / 4 && first < 3 * n / 4, "%zu of %zu", first, n);
    data_free(d);
}

Test(synth_lamp, tweets_of_the_history_have_no_message_but_the_same_style)
{
    DataSet *d = lamp_load("LaMP_7");
    for (size_t u = 0; u < d->n_users; u++) {
        const DataUser *x = &d->user[u];
        bool asks = strstr(x->profile, "questions") != NULL;
        for (DataSplit s = 0; s < DATA_SPLITS; s++)
            for (size_t i = 0; i < x->n[s]; i++) {
                cr_assert_eq(x->rec[s][i].input[0] == '\0', s != DATA_QUERY);
                cr_assert_eq(strncmp(x->rec[s][i].output, "who else is", 11) == 0, asks);
            }
    }
    data_free(d);
}

Test(synth_lamp, unknown_layout)
{
    DataSynthOpt o = {.out = below("m"),
                      .layout = "lump",
                      .salt = "s",
                      .users = 2,
                      .records = 4,
                      .history = 0.5,
                      .query = 0.25};
    Err e = {0};
    cr_assert_eq(data_synth(&o, &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "layout = lump, want own or lamp");
}
