#include "cmd_model_priv.h"

#include "cli_model.h"

#include "prime/evaluate.h"
#include "prime/host.h"
#include "prime/log.h"
#include "prime/pretrain.h"

#include <stdio.h>

typedef struct {
    double begin;
    double sum;
    size_t count;
} TrainProgress;

/* One line every 50 steps: mean loss since the last line, speed and time left. */
static bool train_say(void *ctx, const TrainNews *n)
{
    TrainProgress *p = ctx;
    p->sum += n->loss;
    p->count++;
    if ((n->step + 1) % 50 != 0 && n->step + 1 != n->steps) return true;
    double wall = host_seconds() - p->begin;
    log_say(LOG_INFO, "step %zu/%zu loss %.3f lr %.2e norm %.2f, %.0f tokens/s, %.0f s left", n->step + 1,
            n->steps, p->sum / (double)p->count, n->lr, n->grad_norm, (double)n->tokens / wall,
            wall * (double)(n->steps - n->step - 1) / (double)(n->step + 1));
    p->sum = 0;
    p->count = 0;
    return true;
}

int model_pretrain_run(const CliVerb *self, int argc, char **argv)
{
    PretrainOpts o = pretrain_default();
    const CliOpt opts[] = {
        {"data", 'd', OPT_STR, &o.data, "DIR", "dataset folder (required)", 0, 0},
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to write (required)", 0, 0},
        {"vocab-size", 0, OPT_SIZE, &o.n_vocab, "N", "entries of the tokenizer (4096)", 257, 1 << 20},
        {"hidden", 0, OPT_SIZE, &o.n_hidden, "N", "width (256)", 8, 8192},
        {"layers", 0, OPT_SIZE, &o.n_layers, "N", "layers (6)", 1, 128},
        {"heads", 0, OPT_SIZE, &o.n_heads, "N", "attention heads (8)", 1, 128},
        {"kv-heads", 0, OPT_SIZE, &o.n_kv, "N", "key/value heads (4)", 1, 128},
        {"ffn", 0, OPT_SIZE, &o.n_ffn, "N", "feed-forward width (704)", 8, 65536},
        {"max-len", 0, OPT_SIZE, &o.max_len, "N", "positions (256)", 16, 65536},
        {"depends", 0, OPT_NUM, &o.mix.depends, "P", "share of the dependency questions (0.25)", 0, 1},
        {"quotes", 0, OPT_NUM, &o.mix.quotes, "P", "share of the documents that end in a quote (0.5)", 0, 1},
        {"from", 0, OPT_STR, &o.from, "DIR", "base model to go on with", 0, 0},
        {"epochs", 0, OPT_SIZE, &o.train.epochs, "N", "passes over the documents (2)", 1, 1000},
        {"batch-tokens", 0, OPT_SIZE, &o.train.batch_tokens, "N", "tokens a batch (2048)", 16, 1 << 20},
        {"lr", 0, OPT_NUM, &o.train.opt.lr, "X", "peak learning rate (0.002)", 0, 1},
        {"weight-decay", 0, OPT_NUM, &o.train.opt.weight_decay, "X", "weight decay (0.1)", 0, 10},
        {"warmup", 0, OPT_SIZE, &o.train.warmup, "N", "warm-up steps (200)", 0, 1e9},
        {"answers-from", 0, OPT_NUM, &o.train.answers_from, "P",
         "share of steps after which only answers count (0.75)", 0, 1},
        {"save-every", 0, OPT_SIZE, &o.save_every, "N", "steps between checkpoints, 0 for none (500)", 0,
         1e9},
    };
    CliList pos = {0};
    int code = cli_args(self, "model", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    if (o.data == NULL || o.out == NULL)
        return cli_usage("'prime model pretrain' wants --data DIR and --out DIR");
    o.train.seed = cli_common.seed;
    TrainProgress p = {.begin = host_seconds()};
    PretrainResult r;
    Err e = {0};
    if (pretrain_run(&r, &o, train_say, &p, &e) != OK) return cli_fail(&e);
    printf("docs,users,parameters,steps,tokens,loss,seconds\n%zu,%zu,%zu,%zu,%zu,%.6f,%.1f\n", r.docs,
           r.users, r.params, r.steps, r.tokens, r.loss, r.wall);
    return EXIT_DONE;
}

int model_evaluate_run(const CliVerb *self, int argc, char **argv)
{
    EvaluateOpts o = {0};
    const char *precision = "f32";
    const CliOpt opts[] = {
        {"data", 'd', OPT_STR, &o.data, "DIR", "dataset folder (required)", 0, 0},
        {"task", 't', OPT_STR, &o.task, "NAME", "task of the dataset (required)", 0, 0},
        {"records", 'n', OPT_SIZE, &o.records, "N", "records, spread over the audit users; 0 for all", 0,
         1e9},
        {"text", 0, OPT_STR, &o.text, "FILE",
         "write the evaluated texts, for compressors to be compared with", 0, 0},
        {"precision", 0, OPT_STR, &precision, "P", "take the model's products in f32 or bf16 (f32)", 0, 0},
    };
    CliList pos = {0};
    Str out = {0};
    Err e = {0};
    int code = cli_args(self, "model", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (code < 0 && (o.data == NULL || o.task == NULL))
        code = cli_usage("'prime model evaluate' wants --data DIR and --task NAME");
    if (code < 0) {
        o.model = pos.item[0];
        bool done = cli_precision(&o.precision, precision, &e) == OK && evaluate_run(&out, &o, &e) == OK &&
                    cli_put(&out, &e) == OK;
        code = done ? EXIT_DONE : cli_fail(&e);
    }
    str_free(&out);
    cli_list_free(&pos);
    return code;
}
