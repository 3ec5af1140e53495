/* make_model.c - make_model neox DIR | shards DIR | gguf FILE: small models of forms that no fixture has.
 * neox: a folder of GPT-NeoX's kind, whose rows of q, k and v lie head by head. shards: the tensors of DIR's
 * model.safetensors in two files and an index. gguf: a model of the llama kind in one file, its rows in
 * pairs. */
#include "../unit/gguf_make.h"

#include "prime/file.h"
#include "prime/model.h"
#include "prime/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 8, VOCAB = 11, ITEMS = 64 };

static int made(Status s, const Err *e)
{
    if (s != OK) fprintf(stderr, "make_model: %s\n", e->msg);
    return s == OK ? 0 : 1;
}

static int make_neox(const char *dir)
{
    static const char text[] =
        "{\"model_type\":\"gpt_neox\",\"vocab_size\":257,\"hidden_size\":8,\"num_hidden_layers\":1,"
        "\"num_attention_heads\":2,\"intermediate_size\":8,\"max_position_embeddings\":512,\"rotary_pct\":0."
        "5}";
    ModelConfig c;
    Model *m = NULL;
    Err e = {0};
    Rng rng = rng_stream(1, "neox", 0);
    Status s = model_config_parse(&c, NULL, text, strlen(text), "neox", false, &e);
    if (s == OK) s = model_new(&m, &c, &e);
    if (s != OK) return made(s, &e);
    model_init(m, &rng);
    m->config = strdup(text);
    s = model_save(m, dir, ST_F32, &e);
    model_free(m);
    return made(s, &e);
}

/* ---- shards ---- */

static Status shard_save(Str *index, const StFile *f, const char *dir, size_t part, Err *e)
{
    char name[64], path[512];
    StItem item[ITEMS];
    size_t n = 0;
    snprintf(name, sizeof name, "model-0000%zu-of-00002.safetensors", part + 1);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (size_t i = part; i < st_count(f) && n < ITEMS; i += 2) {
        const StTensor *t = st_at(f, i);
        item[n] = (StItem){t->name, t->type, t->ndim, {0}, t->data};
        memcpy(item[n++].shape, t->shape, sizeof t->shape);
        str_printf(index, "%s\"%s\":\"%s\"", index->n > 0 ? "," : "{\"weight_map\":{", t->name, name);
    }
    return st_save(path, item, n, e);
}

static int make_shards(const char *dir)
{
    char path[512];
    StFile *f = NULL;
    Str index = {0};
    Err e = {0};
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    Status s = st_open(&f, path, &e);
    for (size_t part = 0; part < 2 && s == OK; part++) s = shard_save(&index, f, dir, part, &e);
    st_close(f);
    str_puts(&index, "}}");
    remove(path);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", dir);
    if (s == OK) s = file_write(path, index.s, index.n, &e);
    str_free(&index);
    return made(s, &e);
}

/* ---- GGUF ---- */

typedef struct {
    Str infos, data;
    size_t n;
    Rng rng;
} Gguf;

/* A matrix, or a vector of ones where rows is 0. */
static void gguf_add(Gguf *g, const char *name, size_t rows, size_t cols)
{
    uint64_t dim[2] = {cols, rows};
    make_pad(&g->data, 32);
    make_info(&g->infos, name, rows > 0 ? 2 : 1, dim, GGUF_F32, g->data.n);
    for (size_t i = 0; i < (rows > 0 ? rows : 1) * cols; i++) {
        float x = rows > 0 ? (float)rng_normal(&g->rng) : 1;
        make_bytes(&g->data, &x, sizeof x);
    }
    g->n++;
}

static void gguf_float(Str *s, const char *key, float x)
{
    make_key(s, key, MAKE_F32);
    make_bytes(s, &x, sizeof x);
}

static int make_gguf(const char *path)
{
    static const struct {
        const char *key;
        uint32_t x;
    } number[] = {{"llama.context_length", 16},      {"llama.embedding_length", WIDTH},
                  {"llama.block_count", 1},          {"llama.feed_forward_length", WIDTH},
                  {"llama.attention.head_count", 2}, {"llama.attention.head_count_kv", 2},
                  {"llama.vocab_size", VOCAB},       {"llama.rope.dimension_count", WIDTH / 2}};
    static const struct {
        const char *name;
        size_t rows;
    } tensor[] = {{"token_embd.weight", VOCAB},   {"blk.0.attn_norm.weight", 0},
                  {"blk.0.attn_q.weight", WIDTH}, {"blk.0.attn_k.weight", WIDTH},
                  {"blk.0.attn_v.weight", WIDTH}, {"blk.0.attn_output.weight", WIDTH},
                  {"blk.0.ffn_norm.weight", 0},   {"blk.0.ffn_gate.weight", WIDTH},
                  {"blk.0.ffn_up.weight", WIDTH}, {"blk.0.ffn_down.weight", WIDTH},
                  {"output_norm.weight", 0}};
    enum { NUMBERS = sizeof number / sizeof number[0], TENSORS = sizeof tensor / sizeof tensor[0] };
    Gguf g = {.rng = rng_stream(1, "gguf", 0)};
    Str s = {0};
    Err e = {0};
    for (size_t i = 0; i < TENSORS; i++) gguf_add(&g, tensor[i].name, tensor[i].rows, WIDTH);
    make_header(&s, 3, g.n, NUMBERS + 4);
    make_key_text(&s, "general.architecture", "llama");
    make_key_text(&s, "general.name", "a model");
    for (size_t i = 0; i < NUMBERS; i++) make_key_u32(&s, number[i].key, number[i].x);
    gguf_float(&s, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    gguf_float(&s, "llama.rope.freq_base", 10000);
    make_bytes(&s, g.infos.s, g.infos.n);
    make_pad(&s, 32);
    make_bytes(&s, g.data.s, g.data.n);
    make_pad(&s, 32);
    Status st = file_write(path, s.s, s.n, &e);
    str_free(&g.infos);
    str_free(&g.data);
    str_free(&s);
    return made(st, &e);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *what;
        int (*make)(const char *);
    } kind[] = {{"neox", make_neox}, {"shards", make_shards}, {"gguf", make_gguf}};
    for (size_t i = 0; argc == 3 && i < sizeof kind / sizeof kind[0]; i++)
        if (strcmp(argv[1], kind[i].what) == 0) return kind[i].make(argv[2]);
    fputs("usage: make_model neox DIR | shards DIR | gguf FILE\n", stderr);
    return 2;
}
