#include "cmd_model_priv.h"

static const CliVerb verbs[] = {
    {"info", "DIR", "architecture, sizes and tensors of a model folder", model_info_run},
    {"score", "DIR [FILE.jsonl]", "nats of each {\"prompt\",\"answer\"}, answer tokens only",
     model_score_run},
    {"generate", "DIR [FILE.jsonl]", "completions of each {\"prompt\"}", model_generate_run},
    {"logits", "DIR", "logits of sequences of token ids, as a safetensors file", model_logits_run},
    {"tokenize", "DIR [FILE]", "one text a line -> one JSON array of token ids a line", model_tokenize_run},
    {"detokenize", "DIR [FILE]", "one JSON array of token ids a line -> one text a line",
     model_detokenize_run},
    {"train-tokenizer", "TEXT...", "learn a byte-level BPE from .txt and .jsonl files",
     model_train_tokenizer_run},
    {"pretrain", "", "a base model from the base users of a dataset", model_pretrain_run},
    {"evaluate", "DIR", "a base model on people it has never read", model_evaluate_run},
    {0},
};
const CliNoun cli_model = {"model", "language models and their tokenizers", verbs};
