#include "prime/sample.h"

#include <string.h>

/* Drop tokens before the last SAMPLE_TAIL of the prompt until the whole fits. */
static Status sample_fit(TokIds *ids, size_t *skip, size_t room, Err *e)
{
    if (ids->n <= room) return OK;
    size_t answer = ids->n - *skip, over = ids->n - room, tail = SAMPLE_TAIL + answer;
    if (answer > room / 2 || over + SAMPLE_TAIL + 1 > *skip)
        FAIL(e, ERR_ARG, "an answer of %zu tokens, the model takes %zu with its prompt", answer, room);
    memmove(ids->id + ids->n - tail - over, ids->id + ids->n - tail, tail * sizeof *ids->id);
    ids->n -= over;
    *skip -= over;
    return OK;
}

static Status sample_keep(Sample *out, Arena *arena, const TokIds *ids, size_t skip, Err *e)
{
    int32_t *copy = arena_alloc(arena, ids->n + 1, sizeof *copy);
    if (copy == NULL) FAIL(e, ERR_NOMEM, "no memory for a sample of %zu tokens", ids->n);
    memcpy(copy, ids->id, ids->n * sizeof *copy);
    *out = (Sample){copy, ids->n, skip};
    return OK;
}

static Status encode_begin(TokIds *ids, const Tok *tok, Err *e)
{
    const TokIds *before = tok_template_before(tok);
    for (size_t i = 0; i < before->n; i++) TRY(tok_ids_push(ids, before->id[i], e));
    return OK;
}

/* The prompt alone, or with its answer as one text. */
static Status encode_text(TokIds *ids, size_t *skip, const Tok *tok, const char *text, size_t n,
                          size_t answer_at, Err *e)
{
    TokJoint how = {0};
    size_t before = ids->n;
    if (answer_at == n) {
        TRY(tok_encode(tok, ids, text, n, false, e));
        how.skip = ids->n - before;
    } else {
        TRY(tok_encode_joint(tok, ids, &how, text, answer_at, text + answer_at, n - answer_at, false, e));
    }
    *skip = before + how.skip;
    return OK;
}

static Status encode_record(TokIds *ids, size_t *skip, Str *text, const Tok *tok, const ModelConfig *cfg,
                            const Task *task, const TaskContext *ctx, const char *input, const char *output,
                            Err *e)
{
    TRY(encode_begin(ids, tok, e));
    TRY(task_prompt_context(text, task, task, ctx, input, e));
    size_t answer_at = text->n;
    if (output != NULL) task_answer(text, task, output);
    if (text->failed) FAIL(e, ERR_NOMEM, "no memory for a prompt and its answer");
    TRY(encode_text(ids, skip, tok, text->s, text->n, answer_at, e));
    return output != NULL && cfg->eos >= 0 ? tok_ids_push(ids, cfg->eos, e) : OK;
}

Status sample_make(Sample *out, Arena *arena, const Tok *tok, const ModelConfig *cfg, const Task *task,
                   const TaskContext *ctx, const char *input, const char *output, size_t reserve, Err *e)
{
    TokIds ids = {0};
    Str text = {0};
    size_t skip = 0, room = cfg->max_len > reserve ? cfg->max_len - reserve : 1;
    Status s = encode_record(&ids, &skip, &text, tok, cfg, task, ctx, input, output, e);
    if (s == OK) s = sample_fit(&ids, &skip, room, e);
    if (s == OK) s = sample_keep(out, arena, &ids, skip, e);
    tok_ids_free(&ids);
    str_free(&text);
    return s;
}

static Status encode_pieces(TokIds *ids, size_t *skip, const Tok *tok, const ModelConfig *cfg,
                            const SamplePiece *piece, size_t n, Err *e)
{
    TRY(encode_begin(ids, tok, e));
    for (size_t i = 0; i < n; i++) {
        size_t first = 0;
        TRY(encode_text(ids, &first, tok, piece[i].text, strlen(piece[i].text), piece[i].answer_at, e));
        if (i == 0) *skip = first;
        if (cfg->eos >= 0) TRY(tok_ids_push(ids, cfg->eos, e));
    }
    return OK;
}

Status sample_join(Sample *out, Arena *arena, const Tok *tok, const ModelConfig *cfg,
                   const SamplePiece *piece, size_t n, Err *e)
{
    TokIds ids = {0};
    size_t skip = 0;
    Status s = encode_pieces(&ids, &skip, tok, cfg, piece, n, e);
    if (ids.n > cfg->max_len) ids.n = cfg->max_len; /* what is lost are the last questions */
    if (s == OK) s = sample_keep(out, arena, &ids, skip < ids.n ? skip : ids.n, e);
    tok_ids_free(&ids);
    return s;
}
