/* cmd_model_use.h - rows of a .jsonl file of prompts, with or without answers. */
#ifndef PRIME_CMD_MODEL_USE_H
#define PRIME_CMD_MODEL_USE_H

#include "cli_model.h"

#include "prime/js.h"
#include "prime/score.h"

typedef struct {
    JsVal *root;
    const char *prompt, *answer; /* borrowed from root; answer NULL when none is wanted */
    size_t line;
    TokIds ids; /* [template's beginning] prompt [answer [eos]] */
    size_t skip;
    bool straddles; /* a token holds the prompt's end and the answer's beginning; it is the answer's */
} UseRow;

typedef struct {
    const char *path; /* for messages */
    char *data;
    UseRow *row;
    size_t n;
} UseRows;

/* Prompt and answer are encoded as one text: the boundary is what a model sees that reads on.
 * What stands in front is what the tokenizer's template puts there, not bos_token_id of config.json, as in
 * the reference library; a model with neither template nor prompt to begin with gets its bos_token_id.
 * use_rows_read - one object a line ("-" is stdin); empty lines are skipped. The path is kept.
 * use_rows_encode - the tokens of every row, with the end token behind its answer if `eos`;
 * special tokens in the text are plain text if `plain`. use_rows_free
 * accepts what a failure left. Errors: ERR_IO, ERR_FORMAT, ERR_ARG, each with file and line; ERR_NOMEM. A
 * zero-initialised UseRows is empty. */
Status use_rows_read(UseRows *u, const char *path, bool answer, Err *e) PRIME_MUST_USE;
Status use_rows_encode(UseRows *u, const CliModel *m, bool eos, bool plain, Err *e) PRIME_MUST_USE;
#define USE_PLAIN_OPT(flag)                                                                    \
    {                                                                                          \
        "plain", 0, OPT_FLAG, (flag), NULL, "special tokens in the texts are plain text", 0, 0 \
    }
void use_rows_free(UseRows *u);

/* use_rows_signals - out [u->n] as score_nll's, and a file of token signals under path. Rows may have "unit"
 * (a hash; empty when missing) and "label" (1, 0); ids must have the form of signals.h. Errors: those of
 * score_signals and signals_save; ERR_FORMAT with file and line. */
Status use_rows_signals(ScoreOut *out, const char *path, const UseRows *u, const CliModel *m,
                        const ScoreItem *item, const char *dir, const CliList *adapters,
                        Err *e) PRIME_MUST_USE;

/* use_row_id - the row's own id, or the number of its line. */
JsVal *use_row_id(const UseRow *r);

#endif
