/* task_context.c - what a prompt begins with: a description of the person and items of its history. */
#include "task_priv.h"

#include "prime/tok.h"

#include <assert.h>
#include <string.h>

static size_t context_words(const Task *t)
{
    return t->context_words > 0 ? t->context_words : t->words;
}

/* A template, or the field that the person wrote. */
static void context_text(Str *out, const char *template, const Task *t, const Task *form, const char *input,
                         const char *output)
{
    const char own[] = {'{', (char)('0' + form->text_field), '}', '\0'};
    if (template == NULL) template = form->text_field > 0 ? own : "{answer}";
    task_fill(out, template, t, input, output, context_words(t));
}

void task_search(Str *out, const Task *t, const char *input)
{
    assert(t->search != NULL || t->text_field > 0);
    context_text(out, t->search, t, t, input, NULL);
}

void task_document(Str *out, const Task *t, const char *input, const char *output)
{
    context_text(out, t->document, t, task_history(t), input, output);
}

void task_shown(Str *out, const Task *t, const char *input, const char *output)
{
    if (t->shown != NULL) {
        task_fill(out, t->shown, t, input, output, context_words(t));
        return;
    }
    task_fill(out, task_history(t)->prompt, t, input, NULL, context_words(t));
    task_fill(out, " {answer}", t, input, output, context_words(t));
}

Status task_count_tokens(size_t *tokens, const void *tok, const char *text, size_t n, Err *e)
{
    TokIds ids = {0};
    Status s = tok_encode(tok, &ids, text, n, false, e);
    *tokens = ids.n;
    tok_ids_free(&ids);
    return s;
}

static void context_block(Str *out, const char *title, const char *text, size_t n)
{
    str_printf(out, "### User %s:\n", title);
    str_put(out, text, n);
    str_puts(out, "\n\n");
}

/* Does a block of text [n] keep to the limit? tmp is scratch. */
static Status context_fits(bool *fits, Str *tmp, const TaskContext *c, size_t limit, const char *title,
                           const char *text, size_t n, Err *e)
{
    size_t tokens = 0;
    *fits = true;
    if (limit == 0) return OK;
    if (c->count == NULL) FAIL(e, ERR_ARG, "a limit of %zu tokens, but nothing that counts them", limit);
    str_clear(tmp);
    context_block(tmp, title, text, n);
    if (tmp->failed) FAIL(e, ERR_NOMEM, "no memory for a prompt's context");
    TRY(c->count(&tokens, c->with, tmp->s, tmp->n, e));
    *fits = tokens <= limit;
    return OK;
}

/* Bytes of the first `words` words of s [n], what is between them included. */
static size_t context_prefix(const char *s, size_t n, size_t words)
{
    size_t at = 0, end = 0;
    for (; words > 0 && at < n; words--) {
        while (at < n && (s[at] == ' ' || s[at] == '\n')) at++;
        while (at < n && s[at] != ' ' && s[at] != '\n') at++;
        end = at;
    }
    return end;
}

/* The longest prefix in words that fits, by bisection; *n becomes 0 when not even a word does. */
static Status context_shorten(size_t *n, Str *tmp, const TaskContext *c, size_t limit, const char *title,
                              const char *text, Err *e)
{
    bool fits = false;
    TRY(context_fits(&fits, tmp, c, limit, title, text, *n, e));
    if (fits) return OK;
    size_t lo = 0, hi = 1; /* lo words fit, hi do not */
    while (context_prefix(text, *n, hi) < *n) hi *= 2;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        TRY(context_fits(&fits, tmp, c, limit, title, text, context_prefix(text, *n, mid), e));
        if (fits)
            lo = mid;
        else
            hi = mid;
    }
    *n = context_prefix(text, *n, lo);
    return OK;
}

static Status context_profile(Str *out, Str *tmp, const TaskContext *c, Err *e)
{
    size_t n = c->profile != NULL ? strlen(c->profile) : 0;
    if (n == 0) return OK;
    TRY(context_shorten(&n, tmp, c, c->profile_tokens, "Profile", c->profile, e));
    if (n > 0) context_block(out, "Profile", c->profile, n);
    return OK;
}

/* Every item on a line of its own, in `text`; *n, how many bytes of it stay. */
static Status context_items(size_t *n, Str *text, Str *tmp, const Task *t, const TaskContext *c, Err *e)
{
    size_t items = c->max_items > 0 && c->max_items < c->n_items ? c->max_items : c->n_items;
    for (bool fits = false; items > 0; items--) {
        str_clear(text);
        for (size_t i = 0; i < items; i++) {
            if (i > 0) str_put(text, "\n", 1);
            task_shown(text, t, c->item[i].input, c->item[i].output);
        }
        if (text->failed) FAIL(e, ERR_NOMEM, "no memory for %zu items of a history", items);
        *n = text->n;
        TRY(context_fits(&fits, tmp, c, c->max_tokens, "History", text->s, text->n, e));
        if (fits) return OK;
        if (items == 1) return context_shorten(n, tmp, c, c->max_tokens, "History", text->s, e);
    }
    *n = 0;
    return OK;
}

Status task_prompt_context(Str *out, const Task *t, const Task *form, const TaskContext *ctx,
                           const char *input, Err *e)
{
    Str text = {0}, tmp = {0};
    size_t n = 0, before = out->n;
    Status s = ctx == NULL ? OK : context_profile(out, &tmp, ctx, e);
    if (s == OK && ctx != NULL) s = context_items(&n, &text, &tmp, t, ctx, e);
    if (s == OK && n > 0) context_block(out, "History", text.s, n);
    str_free(&text);
    str_free(&tmp);
    if (s == OK) {
        task_prompt(out, form, input);
    } else if (out->n > before) {
        out->n = before;
        out->s[before] = '\0';
    }
    return s;
}
