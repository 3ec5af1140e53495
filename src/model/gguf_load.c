/* gguf_load.c - models from GGUF files: metadata to configuration, tensors under llama.cpp's names. */
#include "files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LEN = 96 };

/* The architectures that are read, and how they differ from a Llama. */
static const struct {
    const char *name, *type; /* general.architecture, model_type */
    bool pairs, bias_qkv, qk_norm;
} kinds[] = {{"llama", "llama", true, false, false},
             {"qwen2", "qwen2", false, true, false},
             {"qwen3", "qwen3", false, false, true}};

static const char *const gguf_params[PARAM_KINDS] = {
    [PARAM_EMBED] = "token_embd", [PARAM_NORM] = "output_norm",   [PARAM_HEAD] = "output",
    [PARAM_NORM1] = "attn_norm",  [PARAM_Q_NORM] = "attn_q_norm", [PARAM_K_NORM] = "attn_k_norm",
    [PARAM_NORM2] = "ffn_norm"};

static const char *const gguf_modules[LORA_KINDS] = {
    [LORA_Q] = "attn_q",      [LORA_K] = "attn_k",  [LORA_V] = "attn_v",     [LORA_O] = "attn_output",
    [LORA_GATE] = "ffn_gate", [LORA_UP] = "ffn_up", [LORA_DOWN] = "ffn_down"};

typedef struct {
    const char *path, *kind; /* kind: general.architecture, the prefix of its keys */
    ModelFiles *files;
    ModelConfig cfg;
    FileNames names;
    FileTensor *t;
    size_t n;
    Str ignored;
    Model *m;
} GgufLoad;

/* ---- metadata ---- */

static const char *kind_key(char out[KEY_LEN], const GgufLoad *g, const char *tail)
{
    snprintf(out, KEY_LEN, "%s.%s", g->kind, tail);
    return out;
}

static Status kind_size(size_t *out, const GgufLoad *g, const char *tail, size_t otherwise, Err *e)
{
    char key[KEY_LEN];
    uint64_t n = otherwise;
    bool there = gguf_has(g->files->gguf, kind_key(key, g, tail));
    if (there || otherwise == SIZE_MAX) TRY(gguf_need_u64(&n, g->files->gguf, key, e));
    *out = n < SIZE_MAX ? (size_t)n : SIZE_MAX - 1;
    return OK;
}

static Status kind_num(double *out, const GgufLoad *g, const char *tail, double otherwise, Err *e)
{
    char key[KEY_LEN];
    *out = otherwise;
    return gguf_has(g->files->gguf, kind_key(key, g, tail)) ? gguf_need_num(out, g->files->gguf, key, e) : OK;
}

/* Keys of the architecture that are read here; any other may change the numbers. */
static const char *const read_keys[] = {"context_length",
                                        "embedding_length",
                                        "block_count",
                                        "feed_forward_length",
                                        "attention.head_count",
                                        "attention.head_count_kv",
                                        "attention.key_length",
                                        "attention.value_length",
                                        "attention.layer_norm_rms_epsilon",
                                        "rope.dimension_count",
                                        "rope.freq_base",
                                        "rope.scale_linear",
                                        "rope.scaling.type",
                                        "rope.scaling.factor",
                                        "rope.scaling.original_context_length",
                                        "vocab_size"};

static bool is_read_key(const char *tail)
{
    for (size_t i = 0; i < sizeof read_keys / sizeof read_keys[0]; i++)
        if (strcmp(tail, read_keys[i]) == 0) return true;
    return false;
}

static Status check_keys(GgufLoad *g, bool lax, Err *e)
{
    size_t n = strlen(g->kind);
    char show[GGUF_SHOW];
    for (size_t i = 0; i < gguf_keys(g->files->gguf); i++) {
        const char *key = gguf_key(g->files->gguf, i);
        bool ours = strncmp(key, g->kind, n) == 0 && key[n] == '.';
        if (ours && is_read_key(key + n + 1)) continue;
        if (ours && !lax)
            FAIL(e, ERR_UNSUP, "%s: the key %.60s (%s) is not implemented and may change the numbers",
                 g->path, key, gguf_show(show, g->files->gguf, key));
        str_printf(&g->ignored, "%s%s", g->ignored.n > 0 ? " " : "", key);
    }
    if (g->ignored.failed) FAIL(e, ERR_NOMEM, "%s: out of memory", g->path);
    return OK;
}

/* Without a type, as with type linear, a factor counts, under its newer or its older name: so ggml reads it.
 */
static Status read_gguf_scaling(ModelRope *r, const GgufLoad *g, Err *e)
{
    char key[KEY_LEN];
    const char *type = "linear";
    double old, factor;
    if (gguf_has(g->files->gguf, kind_key(key, g, "rope.scaling.type")))
        TRY(gguf_need_str(&type, NULL, g->files->gguf, key, e));
    TRY(kind_num(&old, g, "rope.scale_linear", 1, e));
    TRY(kind_num(&factor, g, "rope.scaling.factor", old, e));
    r->factor = 1;
    if (strcmp(type, "none") == 0) return OK;
    if (strcmp(type, "linear") != 0)
        FAIL(e, ERR_UNSUP, "%s: rope.scaling.type '%.40s' is not implemented, want none or linear", g->path,
             type);
    if (!(factor >= 1 && isfinite(factor)))
        FAIL(e, ERR_ARG, "%s: rope factor = %g, want at least 1", g->path, factor);
    r->kind = factor > 1 ? ROPE_LINEAR : ROPE_PLAIN;
    r->factor = factor;
    return OK;
}

static Status read_gguf_rope(GgufLoad *g, Err *e)
{
    ModelConfig *c = &g->cfg;
    TRY(kind_num(&c->rope.theta, g, "rope.freq_base", 10000, e));
    TRY(kind_size(&c->rotary_dim, g, "rope.dimension_count", c->head_dim, e));
    if (c->rotary_dim != c->head_dim)
        FAIL(e, ERR_UNSUP, "%s: %zu of %zu entries of a head are rotated: not implemented", g->path,
             c->rotary_dim, c->head_dim);
    TRY(read_gguf_scaling(&c->rope, g, e));
    c->rope_local = c->rope;
    return OK;
}

static Status read_gguf_sizes(GgufLoad *g, Err *e)
{
    ModelConfig *c = &g->cfg;
    const GgufTensor *embed = gguf_find(g->files->gguf, "token_embd.weight");
    size_t value_dim;
    char key[KEY_LEN];
    if (embed == NULL || embed->ndim != 2)
        FAIL(e, ERR_FORMAT, "%s: tensor token_embd.weight is missing", g->path);
    TRY(kind_size(&c->n_vocab, g, "vocab_size", embed->shape[0], e));
    TRY(kind_size(&c->n_hidden, g, "embedding_length", SIZE_MAX, e));
    TRY(kind_size(&c->n_layers, g, "block_count", SIZE_MAX, e));
    TRY(kind_size(&c->n_heads, g, "attention.head_count", SIZE_MAX, e));
    TRY(kind_size(&c->n_ffn, g, "feed_forward_length", SIZE_MAX, e));
    TRY(kind_size(&c->n_kv, g, "attention.head_count_kv", c->n_heads, e));
    TRY(kind_size(&c->max_len, g, "context_length", SIZE_MAX, e));
    TRY(gguf_need_num(&c->norm_eps, g->files->gguf, kind_key(key, g, "attention.layer_norm_rms_epsilon"), e));
    if (c->n_heads == 0 || c->n_hidden % c->n_heads != 0)
        FAIL(e, ERR_SHAPE, "%s: embedding_length = %zu is not a multiple of head_count = %zu", g->path,
             c->n_hidden, c->n_heads);
    TRY(kind_size(&c->head_dim, g, "attention.key_length", c->n_hidden / c->n_heads, e));
    TRY(kind_size(&value_dim, g, "attention.value_length", c->head_dim, e));
    if (value_dim != c->head_dim)
        FAIL(e, ERR_UNSUP, "%s: key_length = %zu and value_length = %zu differ: not implemented", g->path,
             c->head_dim, value_dim);
    return OK;
}

static Status read_gguf_token(int32_t *out, const GgufLoad *g, const char *key, Err *e)
{
    uint64_t id = 0;
    *out = -1;
    if (!gguf_has(g->files->gguf, key)) return OK;
    TRY(gguf_need_u64(&id, g->files->gguf, key, e));
    if (id >= g->cfg.n_vocab)
        FAIL(e, ERR_FORMAT, "%s: %s is %llu, want a token id below %zu", g->path, key, (unsigned long long)id,
             g->cfg.n_vocab);
    *out = (int32_t)id;
    return OK;
}

static Status read_kind(GgufLoad *g, Err *e)
{
    TRY(gguf_need_str(&g->kind, NULL, g->files->gguf, "general.architecture", e));
    g->names = (FileNames){.param = gguf_params, .prefix = "blk.", .module = gguf_modules};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(g->kind, kinds[i].name) != 0) continue;
        g->cfg = (ModelConfig){
            .arch = arch_find(kinds[i].type), .bias_qkv = kinds[i].bias_qkv, .qk_norm = kinds[i].qk_norm};
        g->names.pairs = kinds[i].pairs;
        return OK;
    }
    FAIL(e, ERR_UNSUP, "%s: general.architecture = %.40s, want llama, qwen2 or qwen3", g->path, g->kind);
}

static Status read_gguf_config(GgufLoad *g, bool lax, Err *e)
{
    TRY(read_kind(g, e));
    TRY(check_keys(g, lax, e));
    TRY(read_gguf_sizes(g, e));
    TRY(read_gguf_rope(g, e));
    g->cfg.tied = gguf_find(g->files->gguf, "output.weight") == NULL;
    TRY(model_check(&g->cfg, g->path, e));
    TRY(read_gguf_token(&g->cfg.bos, g, "tokenizer.ggml.bos_token_id", e));
    TRY(read_gguf_token(&g->cfg.eos, g, "tokenizer.ggml.eos_token_id", e));
    if (g->cfg.eos >= 0) g->cfg.stop[g->cfg.n_stop++] = g->cfg.eos;
    return OK;
}

/* ---- tensors ---- */

#define GGUF_TYPE(name, TYPE)                                                      \
    static void widen_##name(float *out, const void *data, size_t first, size_t n) \
    {                                                                              \
        gguf_rows_to_f32(out, data, TYPE, first, n);                               \
    }                                                                              \
    static size_t bad_##name(const void *data, size_t first, size_t n)             \
    {                                                                              \
        return gguf_rows_bad(data, TYPE, first, n);                                \
    }
GGUF_TYPE(gguf_f32, GGUF_F32)
GGUF_TYPE(gguf_f16, GGUF_F16)
GGUF_TYPE(gguf_bf16, GGUF_BF16)
GGUF_TYPE(gguf_q8, GGUF_Q8_0)
GGUF_TYPE(gguf_q4, GGUF_Q4_0)
#undef GGUF_TYPE

static const struct {
    GgufType type;
    void (*widen)(float *, const void *, size_t, size_t);
    size_t (*bad)(const void *, size_t, size_t);
} gguf_types[] = {{GGUF_F32, widen_gguf_f32, bad_gguf_f32},
                  {GGUF_F16, widen_gguf_f16, bad_gguf_f16},
                  {GGUF_BF16, widen_gguf_bf16, bad_gguf_bf16},
                  {GGUF_Q8_0, widen_gguf_q8, bad_gguf_q8},
                  {GGUF_Q4_0, widen_gguf_q4, bad_gguf_q4}};

static FileData gguf_data(const GgufLoad *g, const GgufTensor *t)
{
    FileData d = {.name = t->name,
                  .file = g->path,
                  .type = gguf_type_name(t->type),
                  .ndim = t->ndim,
                  .shape = {t->shape[0], t->shape[1]},
                  .count = t->count,
                  .nbytes = t->nbytes,
                  .data = t->data};
    for (size_t i = 0; i < sizeof gguf_types / sizeof gguf_types[0]; i++)
        if (gguf_types[i].type == t->type) {
            d.widen = gguf_types[i].widen;
            d.bad = gguf_types[i].bad;
        }
    return d;
}

/* Frequencies are divided by these: how the converter writes the llama3 rule. */
static const char freq_factors[] = "rope_freqs.weight";

static bool is_wanted(const GgufLoad *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->t[i].name, name) == 0) return true;
    return strcmp(name, freq_factors) == 0;
}

static Status match_gguf(GgufLoad *g, Err *e)
{
    const GgufFile *f = g->files->gguf;
    if (gguf_count(f) < g->cfg.n_layers)
        FAIL(e, ERR_FORMAT, "%s: %zu tensors, too few for block_count = %zu", g->path, gguf_count(f),
             g->cfg.n_layers);
    g->t = calloc(files_count(&g->cfg), sizeof *g->t);
    if (g->t == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", g->path);
    g->n = files_list(g->t, &g->cfg, NULL, &g->names);
    for (size_t i = 0; i < g->n; i++) {
        const GgufTensor *t = gguf_find(f, g->t[i].name);
        if (t == NULL) FAIL(e, ERR_FORMAT, "%s: tensor %s is missing", g->path, g->t[i].name);
        FileData have = gguf_data(g, t);
        TRY(files_match(&g->t[i], &have, e));
    }
    for (size_t i = 0; i < gguf_count(f); i++)
        if (!is_wanted(g, gguf_at(f, i)->name))
            FAIL(e, ERR_FORMAT, "%s: unexpected tensor %s", g->path, gguf_at(f, i)->name);
    return OK;
}

static Status divide_freqs(GgufLoad *g, Err *e)
{
    const GgufTensor *t = gguf_find(g->files->gguf, freq_factors);
    size_t half = rope_dim(&g->cfg) / 2;
    if (t == NULL) return OK;
    if (t->count != half)
        FAIL(e, ERR_SHAPE, "%s: %s holds %zu values, want %zu", g->path, freq_factors, t->count, half);
    g->m->freq_given = true;
    for (size_t j = 0; j < half; j++) {
        float by;
        gguf_rows_to_f32(&by, t->data, t->type, j, 1);
        if (!(by > 0 && isfinite(by)))
            FAIL(e, ERR_NUM, "%s: %s holds %g at index %zu, want above 0", g->path, freq_factors, (double)by,
                 j);
        g->m->freq[0][j] /= (double)by;
    }
    return OK;
}

static Status fill_gguf(GgufLoad *g, Err *e)
{
    g->n = files_list(g->t, &g->cfg, &g->m->p, &g->names);
    g->m->n_params = 0;
    for (size_t i = 0; i < g->n; i++) {
        FileData have = gguf_data(g, gguf_find(g->files->gguf, g->t[i].name));
        TRY(files_fill(g->m, g->files, &g->t[i], &have, e));
    }
    if (g->m->stored && g->cfg.tied) g->m->p.head = g->m->p.embed;
    return divide_freqs(g, e);
}

static Status load_gguf(GgufLoad *g, const ModelOpts *o, Err *e)
{
    TRY(files_new(&g->files, 2 * MODEL_LAYERS_MAX, e));
    TRY(gguf_open(&g->files->gguf, g->path, e));
    TRY(read_gguf_config(g, o->unknown_keys, e));
    TRY(match_gguf(g, e));
    TRY(model_bare(&g->m, &g->cfg, files_keep_stored(g->t, g->n, o->weights), e));
    TRY(fill_gguf(g, e));
    g->m->ignored = g->ignored.s;
    g->ignored = (Str){0};
    if (!g->m->stored) return OK;
    g->m->files = g->files;
    g->files = NULL;
    return OK;
}

Status gguf_load(Model **m, const char *path, const ModelOpts *o, Err *e)
{
    GgufLoad g = {.path = path};
    Status s = load_gguf(&g, o, e);
    files_close(g.files);
    str_free(&g.ignored);
    free(g.t);
    if (s != OK)
        model_free(g.m);
    else
        *m = g.m;
    return s;
}
