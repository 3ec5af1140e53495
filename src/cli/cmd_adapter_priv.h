/* cmd_adapter_priv.h - the verbs of `prime adapter`, spread over files; cmd_adapter.c lists them. */
#ifndef PRIME_CMD_ADAPTER_PRIV_H
#define PRIME_CMD_ADAPTER_PRIV_H

#include "cli_model.h"

#include "prime/js.h"
#include "prime/merge.h"
#include "prime/person.h"

/* cmd_adapter_merge.c */
int adapter_norms_run(const CliVerb *self, int argc, char **argv);
int adapter_merge_run(const CliVerb *self, int argc, char **argv);
int adapter_diff_run(const CliVerb *self, int argc, char **argv);
/* cmd_adapter_export.c */
int adapter_export_run(const CliVerb *self, int argc, char **argv);
/* cmd_adapter_gate.c */
int adapter_gate_run(const CliVerb *self, int argc, char **argv);
int adapter_assemble_run(const CliVerb *self, int argc, char **argv);

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

/* ---- what verbs share ---- */

/* adapter_train_news - a line a step under -v. adapter_person_print - what a training did, to stdout. Both in
 * cmd_adapter.c. */
bool adapter_train_news(void *ctx, const TrainNews *n);
Status adapter_person_print(const PersonOpts *o, const PersonResult *r, Err *e) PRIME_MUST_USE;

/* adapter_metric_row - a row of the columns metric, adapter (NULL: none), value. adapter_merge_rows - those
 * of a merge as a whole. Both in cmd_adapter_merge.c. */
void adapter_metric_row(AdapterRows *t, const char *metric, const char *adapter, double value);
void adapter_merge_rows(AdapterRows *t, const AdapterSet *set, const MergeReport *rep);

#endif
