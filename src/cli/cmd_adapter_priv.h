/* cmd_adapter_priv.h - the verbs of `prime adapter`, spread over files; cmd_adapter.c lists them. */
#ifndef PRIME_CMD_ADAPTER_PRIV_H
#define PRIME_CMD_ADAPTER_PRIV_H

#include "cli_model.h"

#include "prime/js.h"

/* cmd_adapter_merge.c */
int adapter_norms_run(const CliVerb *self, int argc, char **argv);
int adapter_merge_run(const CliVerb *self, int argc, char **argv);
int adapter_diff_run(const CliVerb *self, int argc, char **argv);
/* cmd_adapter_export.c */
int adapter_export_run(const CliVerb *self, int argc, char **argv);

/* ---- cmd_adapter_set.c: adapters of one model ---- */

typedef struct {
    const char *const *dir;
    Lora **l;
    double *norm; /* [n] how far each moves the model */
    size_t n;
    LoraShape shape;
} AdapterSet;

/* adapter_set_load - all of them for the model in the folder (of which only config.json is read) or GGUF file
 * `model`; with NULL, for what their tensors imply together. adapter_set_free accepts a half-open one. */
Status adapter_set_load(AdapterSet *s, const char *model, const char *const *dir, size_t n,
                        Err *e) PRIME_MUST_USE;
void adapter_set_free(AdapterSet *s);

/* adapter_base_name - what the config calls the base model, in fresh memory (caller frees); "" if nothing. */
Status adapter_base_name(char **out, const char *dir, Err *e) PRIME_MUST_USE;

/* A table: CSV, or an array of objects under --json. */
typedef struct {
    const char *const *col;
    size_t n_col, at;
    JsVal *rows, *row;
} AdapterRows;
AdapterRows adapter_rows(const char *const *col, size_t n_col);
void adapter_rows_str(AdapterRows *r, const char *s); /* NULL: empty */
void adapter_rows_num(AdapterRows *r, double x);
/* adapter_rows_print - to stdout; the table is gone afterwards. Errors: ERR_NOMEM, ERR_IO. */
Status adapter_rows_print(AdapterRows *r, Err *e) PRIME_MUST_USE;

#endif
