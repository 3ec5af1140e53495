/* cmd_model_priv.h - the verbs of `prime model`, spread over several files; cmd_model.c lists them. */
#ifndef PRIME_CMD_MODEL_PRIV_H
#define PRIME_CMD_MODEL_PRIV_H

#include "cli_priv.h"

/* cmd_model_info.c */
int model_info_run(const CliVerb *self, int argc, char **argv);

/* cmd_model_use.c */
int model_score_run(const CliVerb *self, int argc, char **argv);

/* cmd_model_generate.c */
int model_generate_run(const CliVerb *self, int argc, char **argv);

/* cmd_model_logits.c */
int model_logits_run(const CliVerb *self, int argc, char **argv);

/* cmd_model_tok.c */
int model_tokenize_run(const CliVerb *self, int argc, char **argv);
int model_detokenize_run(const CliVerb *self, int argc, char **argv);
int model_train_tokenizer_run(const CliVerb *self, int argc, char **argv);

/* cmd_model_train.c */
int model_pretrain_run(const CliVerb *self, int argc, char **argv);
int model_evaluate_run(const CliVerb *self, int argc, char **argv);

#endif
