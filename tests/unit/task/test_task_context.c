#include "prime/task.h"
#include "prime/tok.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT                                                             \
    "Write the headline that this author gives to the article.\nArticle: " \
    "new text\nHeadline:"

static const TaskItem three[] = {{"one first", "A"}, {"two second", "B"}, {"three third", "C"}};

/* Words and line breaks, so that every count can be made by hand. */
static Status count_words(size_t *tokens, const void *with, const char *text, size_t n, Err *e)
{
    (void)e;
    *tokens = 0;
    if (with != NULL) ++*(size_t *)(uintptr_t)with;
    for (size_t i = 0; i < n; i++)
        *tokens += text[i] != ' ' && text[i] != '\n' && (i == 0 || strchr(" \n", text[i - 1]) != NULL);
    return OK;
}

static Status count_nothing(size_t *tokens, const void *with, const char *text, size_t n, Err *e)
{
    (void)tokens, (void)with, (void)text, (void)n;
    FAIL(e, ERR_NUM, "cannot count");
}

static char *prompt_with(const TaskContext *c)
{
    Str out = {0};
    Err e = {0};
    const Task *t = task_find("LaMP_4");
    cr_assert_eq(task_prompt_context(&out, t, t, c, "new text", &e), OK, "%s", e.msg);
    return out.s;
}

static void expect(const TaskContext *c, const char *blocks)
{
    char *got = prompt_with(c);
    size_t n = strlen(blocks);
    cr_assert(strncmp(got, blocks, n) == 0, "%s", got);
    cr_assert_str_eq(got + n, PROMPT);
    free(got);
}

Test(task_context, blocks_stand_only_when_there_is_something)
{
    expect(NULL, "");
    expect(&(TaskContext){.profile = ""}, "");
    expect(&(TaskContext){.profile = "Likes ink."}, "### User Profile:\nLikes ink.\n\n");
    expect(&(TaskContext){.item = three, .n_items = 1},
           "### User History:\nArticle: one first Headline: A\n\n");
    expect(&(TaskContext){.profile = "Likes ink.", .item = three, .n_items = 3},
           "### User Profile:\nLikes ink.\n\n### User History:\nArticle: one first Headline: A\n"
           "Article: two second Headline: B\nArticle: three third Headline: C\n\n");
}

Test(task_context, the_least_relevant_items_go_first)
{
    TaskContext c = {.item = three, .n_items = 3, .max_items = 2, .count = count_words};
    const char *two =
        "### User History:\nArticle: one first Headline: A\nArticle: two second Headline: B\n\n";
    expect(&c, two);
    c.max_items = 9;
    c.max_tokens = 3 + 5 + 5 + 4; /* the title, two items, and one word too few for the third */
    expect(&c, two);
    c.max_tokens = 3 + 5 + 5 + 5;
    char *all = prompt_with(&c);
    cr_assert_not_null(strstr(all, "third"));
    free(all);
}

Test(task_context, the_last_item_is_cut_and_then_vanishes)
{
    TaskContext c = {.item = three, .n_items = 3, .max_tokens = 3 + 3, .count = count_words};
    expect(&c, "### User History:\nArticle: one first\n\n");
    c.max_tokens = 4;
    expect(&c, "### User History:\nArticle:\n\n");
    c.max_tokens = 3;
    expect(&c, "");
    c.profile = "Likes ink and long walks.";
    c.profile_tokens = 5;
    expect(&c, "### User Profile:\nLikes ink\n\n");
    c.profile_tokens = 1;
    expect(&c, "");
    c.profile_tokens = 8;
    expect(&c, "### User Profile:\nLikes ink and long walks.\n\n");
}

Test(task_context, counting_is_bounded)
{
    Str in = {0};
    size_t calls = 0;
    for (int i = 0; i < 300; i++) str_puts(&in, "word ");
    TaskItem item = {in.s, "A"};
    TaskContext c = {.item = &item, .n_items = 1, .max_tokens = 100, .count = count_words, .with = &calls};
    char *got = prompt_with(&c);
    cr_assert_leq(calls, 12, "%zu", calls);
    free(got);
    str_free(&in);
}

Test(task_context, failures_leave_the_text_as_it_was)
{
    const Task *t = task_find("LaMP_4");
    TaskContext c = {.profile = "Likes ink.", .item = three, .n_items = 3, .max_tokens = 5};
    Str out = {0};
    Err e = {0};
    str_puts(&out, "before");
    cr_assert_eq(task_prompt_context(&out, t, t, &c, "new text", &e), ERR_ARG);
    cr_assert_str_eq(e.msg, "a limit of 5 tokens, but nothing that counts them");
    cr_assert_str_eq(out.s, "before");
    c.count = count_nothing;
    e = (Err){0};
    cr_assert_eq(task_prompt_context(&out, t, t, &c, "new text", &e), ERR_NUM);
    cr_assert_str_eq(out.s, "before");
    str_free(&out);
}

Test(task_context, a_tweet_of_the_history_has_a_constant_prompt)
{
    const Task *t = task_find("LaMP_7");
    TaskItem item = {"", "so tired"};
    TaskContext c = {.item = &item, .n_items = 1};
    Str out = {0};
    Err e = {0};
    cr_assert_eq(task_prompt_context(&out, t, task_history(t), &c, "", &e), OK, "%s", e.msg);
    cr_assert_str_eq(out.s, "### User History:\nTweet: so tired\n\nTweet:");
    str_free(&out);
}

Test(task_context, tokens_of_a_tokenizer)
{
    char path[1024];
    Tok *tok = NULL;
    Err e = {0};
    size_t n = 0;
    TokIds ids = {0};
    snprintf(path, sizeof path, "%s/fixtures/tok/tiny", getenv("PRIME_SOURCE"));
    cr_assert_eq(tok_load(&tok, path, &e), OK, "%s", e.msg);
    const char *text = "### User History:\nArticle: one first\n\n";
    cr_assert_eq(task_count_tokens(&n, tok, text, strlen(text), &e), OK, "%s", e.msg);
    cr_assert_eq(tok_encode(tok, &ids, text, strlen(text), false, &e), OK);
    cr_assert(n == ids.n && n > 0);
    TaskContext c = {.item = three, .n_items = 3, .max_tokens = n, .count = task_count_tokens, .with = tok};
    char *got = prompt_with(&c);
    size_t block = (size_t)(strstr(got, PROMPT) - got), used = 0;
    cr_assert_eq(task_count_tokens(&used, tok, got, block, &e), OK);
    cr_assert(used <= n && strstr(got, "first") != NULL && strstr(got, "second") == NULL, "%s", got);
    free(got);
    tok_ids_free(&ids);
    tok_free(tok);
}
