/* cli_model.h - a model and the adapters that a command line puts on it. */
#ifndef PRIME_CLI_MODEL_H
#define PRIME_CLI_MODEL_H

#include "cli_priv.h"

#include "prime/pass.h"
#include "prime/str.h"
#include "prime/tok.h"

/* --adapter DIR[=WEIGHT], as often as wanted: the exact weighted sum of their updates. */
#define CLI_ADAPTER_OPT(list)                                                                                \
    {                                                                                                        \
        "adapter", 'a', OPT_MANY, (list), "DIR[=W]", "put an adapter on, W times (1); may be repeated", 0, 0 \
    }

/* How models are loaded, on every verb that loads one. */
extern const char *cli_model_weights, *cli_model_precision;
extern ModelOpts cli_model_opts;
#define CLI_MODEL_OPTS                                                                                \
    {"weights", 0,                                                                                    \
     OPT_STR,   &cli_model_weights,                                                                   \
     "HOW",     "hold weights in memory as f32, or stored: mapped as they lie in the file (auto)",    \
     0,         0},                                                                                   \
        {"precision", 0,                                                                              \
         OPT_STR,     &cli_model_precision,                                                           \
         "P",         "take the model's products in f32, or in bf16: half the memory and time (f32)", \
         0,           0},                                                                             \
    {                                                                                                 \
        "unknown-keys", 0, OPT_FLAG, &cli_model_opts.unknown_keys, NULL,                              \
            "pass over keys of config.json that are not known", 0, 0                                  \
    }

/* cli_precision - a precision by its name. Errors: ERR_ARG another one. */
Status cli_precision(MatType *p, const char *name, Err *e) PRIME_MUST_USE;

/* cli_model_load - by these options, not packed: for bf16 the weights are mapped as stored unless --weights
 * says otherwise. Says under -v which keys of config.json had no say. Errors: ERR_ARG --weights, --precision;
 * those of model_open.
 * cli_model_pack - in the precision of the options, where that is not float32 or packing pays. */
Status cli_model_load(Model **m, const char *path, Err *e) PRIME_MUST_USE;
Status cli_model_pack(Model *m, Err *e) PRIME_MUST_USE;

typedef struct {
    Model *model;
    Tok *tok; /* NULL unless asked for */
    Lora **lora;
    float *w; /* [k] */
    size_t k;
    LoraBank *bank;
    PassLora pass; /* borrows bank and w */
} CliModel;

/* cli_model_open - load the model in dir, pack it, its tokenizer if `tok`, and the adapters. cli_model_close
 * accepts a half-open one. Errors: those of loading; ERR_ARG a weight that is not a finite number. A
 * tokenizer with more entries than the model has is warned of: an id beyond is refused where it occurs. */
Status cli_model_open(CliModel *m, const char *dir, bool tok, const CliList *adapters, Err *e) PRIME_MUST_USE;
void cli_model_close(CliModel *m);

/* cli_model_pass - what score.h and pass.h want; NULL without adapters. */
const PassLora *cli_model_pass(const CliModel *m);

/* cli_adapters_open - several adapters of one model, each from its folder. cli_adapters_free accepts NULL. */
Status cli_adapters_open(Lora ***l, const char *const *dir, size_t n, const LoraShape *shape,
                         Err *e) PRIME_MUST_USE;
void cli_adapters_free(Lora **l, size_t n);

/* cli_adapter_split - DIR=WEIGHT, unless a folder has that very name; without a weight *w is 1. The '=' in
 * text is replaced by the end of the name. Errors: ERR_ARG a weight that is not a finite number. */
Status cli_adapter_split(double *w, char *text, Err *e) PRIME_MUST_USE;

/* A record of named values: CSV key,value, or one JSON object under --json. */
typedef struct JsVal JsVal;
typedef struct {
    JsVal *obj;
} CliRecord;
void cli_record_str(CliRecord *r, const char *key, const char *value);
/* cli_record_text - what was put together; where memory was out, cli_record_print says so. */
void cli_record_text(CliRecord *r, const char *key, const Str *text);
void cli_record_num(CliRecord *r, const char *key, double value);
/* cli_record_print - to stdout; the record is empty afterwards. Errors: ERR_NOMEM, ERR_IO. */
Status cli_record_print(CliRecord *r, Err *e) PRIME_MUST_USE;

#endif
