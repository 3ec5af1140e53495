#include "prime/corpus.h"

#include "prime/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_A_RECORD = 7, DOCS_A_RECORD = 3 };

static Status piece_make(SamplePiece *p, Arena *a, const char *lead, const char *prompt, const Task *task,
                         const char *output, Err *e)
{
    Str s = {0};
    str_puts(&s, lead);
    str_puts(&s, prompt);
    size_t at = s.n;
    task_answer(&s, task, output);
    char *text = s.failed ? NULL : arena_strndup(a, s.s, s.n);
    str_free(&s);
    if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for a training text");
    *p = (SamplePiece){text, at};
    return OK;
}

static Status prompt_text(char **out, Arena *a, const Task *task, const char *input, Err *e)
{
    Str s = {0};
    task_prompt(&s, task, input);
    *out = s.failed ? NULL : arena_strndup(a, s.s, s.n);
    str_free(&s);
    if (*out == NULL) FAIL(e, ERR_NOMEM, "no memory for a prompt");
    return OK;
}

static void doc_end(Corpus *c)
{
    c->start[++c->n_docs] = c->n_pieces;
}

/* The question of a prompt: its last line, with the line break before it. */
static const char *question_of(const char *prompt)
{
    const char *nl = strrchr(prompt, '\n');
    return nl != NULL ? nl : prompt;
}

static bool keyed_share(const char *id, const char *what, uint64_t variant, double share)
{
    char label[96];
    snprintf(label, sizeof label, "%s %.60s", what, id);
    Rng r = rng_stream(0, label, variant);
    return rng_uniform(&r) < share;
}

/* Bytes of the first n words of s, blanks between them included. */
static size_t words_length(const char *s, size_t n)
{
    size_t at = 0;
    for (; n > 0 && s[at] != '\0' && s[at] != '\n'; n--) {
        at += strspn(s + at, " ");
        at += strcspn(s + at, " \n");
    }
    return at;
}

/* A run of the prompt's own words as one more question. */
static Status add_quote(Corpus *c, const char *prompt, const DataRecord *r, uint64_t variant, double share,
                        Err *e)
{
    if (!keyed_share(r->id, "quote", variant, share)) return OK;
    size_t words = 1;
    for (const char *s = prompt; *s != '\0' && *s != '\n'; s++) words += *s == ' ';
    if (words < QUOTE_WORDS + 2) return OK;
    Rng rng = rng_stream(1, r->id, variant);
    const char *from =
        prompt + words_length(prompt, 1 + rng_below(&rng, words - QUOTE_WORDS)); /* behind "Description:" */
    Str s = {0};
    str_puts(&s, "\nQuote:");
    size_t at = s.n;
    str_put(&s, from, words_length(from, QUOTE_WORDS));
    char *text = s.failed ? NULL : arena_strndup(&c->arena, s.s, s.n);
    str_free(&s);
    if (text == NULL) FAIL(e, ERR_NOMEM, "no memory for a training text");
    c->piece[c->n_pieces++] = (SamplePiece){text, at};
    return OK;
}

static Status add_single(Corpus *c, const Task *task, const DataRecord *r, double quotes, Err *e)
{
    char *prompt = NULL;
    TRY(prompt_text(&prompt, &c->arena, task, r->input, e));
    TRY(piece_make(&c->piece[c->n_pieces++], &c->arena, "", prompt, task, r->output, e));
    TRY(add_quote(c, prompt, r, 0, quotes, e));
    doc_end(c);
    return OK;
}

/* Two documents that ask both questions, once in each order. */
static Status add_both(Corpus *c, const Task *t1, const DataRecord *r1, const Task *t2, const DataRecord *r2,
                       double quotes, Err *e)
{
    const Task *task[2] = {t1, t2};
    const DataRecord *rec[2] = {r1, r2};
    for (int first = 0; first < 2; first++) {
        char *lead = NULL, *other = NULL;
        TRY(prompt_text(&lead, &c->arena, task[first], rec[first]->input, e));
        TRY(prompt_text(&other, &c->arena, task[1 - first], rec[1 - first]->input, e));
        TRY(piece_make(&c->piece[c->n_pieces++], &c->arena, "", lead, task[first], rec[first]->output, e));
        TRY(piece_make(&c->piece[c->n_pieces++], &c->arena, "", question_of(other), task[1 - first],
                       rec[1 - first]->output, e));
        TRY(add_quote(c, lead, rec[first], (uint64_t)first, quotes, e));
        doc_end(c);
    }
    return OK;
}

static const DataRecord *find_record(const DataUser *u, const char *id)
{
    for (int s = 0; u != NULL && s < DATA_SPLITS; s++)
        for (size_t i = 0; i < u->n[s]; i++)
            if (strcmp(u->rec[s][i].id, id) == 0) return &u->rec[s][i];
    return NULL;
}

static Status add_user(Corpus *c, const DataUser *u, const DataSet *syn, const DataSet *sec,
                       const DataSet *dep, const CorpusMix *mix, Err *e)
{
    const DataUser *us = data_user(sec, u->id), *ud = data_user(dep, u->id);
    for (int s = 0; s < DATA_SPLITS; s++)
        for (size_t i = 0; i < u->n[s]; i++) {
            const DataRecord *r = &u->rec[s][i], *q = find_record(us, r->id), *d = find_record(ud, r->id);
            if (q != NULL)
                TRY(add_both(c, syn->task, r, sec->task, q, mix->quotes, e));
            else
                TRY(add_single(c, syn->task, r, mix->quotes, e));
            if (d != NULL && keyed_share(r->id, "depends", 0, mix->depends))
                TRY(add_single(c, dep->task, d, 0, e));
        }
    c->user[c->n_users] = arena_strdup(&c->arena, u->id);
    if (c->user[c->n_users++] == NULL) FAIL(e, ERR_NOMEM, "no memory for the list of users");
    return OK;
}

static Status corpus_fill(Corpus *c, const DataSet *syn, const DataSet *sec, const DataSet *dep,
                          const CorpusMix *mix, Err *e)
{
    size_t records = 0, users = 0;
    for (size_t i = 0; i < syn->n_users; i++) {
        if (syn->user[i].role != DATA_BASE) continue;
        users++;
        for (int s = 0; s < DATA_SPLITS; s++) records += syn->user[i].n[s];
    }
    if (users == 0) FAIL(e, ERR_ARG, "the dataset has no base users to learn from");
    c->piece = arena_alloc(&c->arena, records * PIECES_A_RECORD, sizeof *c->piece);
    c->start = arena_zalloc(&c->arena, records * DOCS_A_RECORD + 1, sizeof *c->start);
    c->user = arena_alloc(&c->arena, users, sizeof *c->user);
    c->salt_id = arena_strdup(&c->arena, syn->salt_id);
    c->release = arena_strdup(&c->arena, syn->release);
    if (c->piece == NULL || c->start == NULL || c->user == NULL || c->salt_id == NULL || c->release == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu records", records);
    for (size_t i = 0; i < syn->n_users; i++)
        if (syn->user[i].role == DATA_BASE) TRY(add_user(c, &syn->user[i], syn, sec, dep, mix, e));
    return OK;
}

Status corpus_load(Corpus **c, const char *dir, const CorpusMix *mix, Err *e)
{
    static const char *const names[3] = {"deb_synopsis", "deb_section", "deb_depends"};
    DataSet *d[3] = {NULL, NULL, NULL};
    Corpus *fresh = calloc(1, sizeof *fresh);
    Status s = fresh != NULL ? OK : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a corpus");
    for (int i = 0; s == OK && i < 3; i++) s = data_load(&d[i], dir, names[i], e);
    if (s == OK) s = corpus_fill(fresh, d[0], d[1], d[2], mix, e);
    for (int i = 0; i < 3; i++) data_free(d[i]);
    if (s != OK)
        corpus_free(fresh);
    else
        *c = fresh;
    return s;
}

void corpus_free(Corpus *c)
{
    if (c == NULL) return;
    arena_free(&c->arena);
    free(c);
}

Status corpus_texts(const char ***text, Corpus *c, Err *e)
{
    const char **t = arena_alloc(&c->arena, c->n_docs, sizeof *t);
    if (t == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", c->n_docs);
    for (size_t d = 0; d < c->n_docs; d++) {
        Str s = {0};
        for (size_t i = c->start[d]; i < c->start[d + 1]; i++) str_puts(&s, c->piece[i].text);
        t[d] = s.failed ? NULL : arena_strndup(&c->arena, s.s, s.n);
        str_free(&s);
        if (t[d] == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", c->n_docs);
    }
    *text = t;
    return OK;
}
