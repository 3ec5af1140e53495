/* gguf_rows.c - the types of tensors, and runs of their values. */
#include "gguf_priv.h"
#include "prime/st.h"

#include <assert.h>
#include <string.h>

/* By the format's numbers; types that were taken back keep theirs. */
static const char *const type_names[] = {
    "F32",      "F16",      "Q4_0",    "Q4_1",  "Q4_2",       "Q4_3",       "Q5_0",       "Q5_1",
    "Q8_0",     "Q8_1",     "Q2_K",    "Q3_K",  "Q4_K",       "Q5_K",       "Q6_K",       "Q8_K",
    "IQ2_XXS",  "IQ2_XS",   "IQ3_XXS", "IQ1_S", "IQ4_NL",     "IQ3_S",      "IQ2_S",      "IQ4_XS",
    "I8",       "I16",      "I32",     "I64",   "F64",        "IQ1_M",      "BF16",       "Q4_0_4_4",
    "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",   "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",
    "NVFP4",    "Q1_0",     "Q2_0",
};
enum { N_TYPE_NAMES = sizeof type_names / sizeof type_names[0] };

const char *gguf_type_name(uint32_t type)
{
    return type < N_TYPE_NAMES ? type_names[type] : "unknown";
}

/* One block to out [GGUF_BLOCK]. */
typedef void (*GgufUnpack)(float *restrict out, const unsigned char *restrict block);

/* A type is stored as one of safetensors' types, or in blocks. */
typedef struct {
    GgufLayout lay;
    StType plain;      /* ST_OTHER for blocks */
    GgufUnpack unpack; /* NULL for plain ones */
} GgufForm;

static float gguf_scale(const unsigned char *block)
{
    uint16_t h;
    memcpy(&h, block, sizeof h);
    return st_f16_to_f32(h);
}

static void gguf_unpack_q8_0(float *restrict out, const unsigned char *restrict block)
{
    float d = gguf_scale(block);
    const signed char *q = (const signed char *)(block + 2);
    for (size_t i = 0; i < GGUF_BLOCK; i++) out[i] = (float)q[i] * d;
}

static void gguf_unpack_q4_0(float *restrict out, const unsigned char *restrict block)
{
    enum { HALF = GGUF_BLOCK / 2 };
    float d = gguf_scale(block);
    for (size_t i = 0; i < HALF; i++) {
        int q = block[2 + i];
        out[i] = (float)((q & 15) - 8) * d;
        out[HALF + i] = (float)((q >> 4) - 8) * d;
    }
}

static const GgufForm forms[] = {[GGUF_F32] = {{1, 4}, ST_F32, NULL},
                                 [GGUF_F16] = {{1, 2}, ST_F16, NULL},
                                 [GGUF_BF16] = {{1, 2}, ST_BF16, NULL},
                                 [GGUF_Q8_0] = {{GGUF_BLOCK, 34}, ST_OTHER, gguf_unpack_q8_0},
                                 [GGUF_Q4_0] = {{GGUF_BLOCK, 18}, ST_OTHER, gguf_unpack_q4_0}};
enum { N_FORMS = sizeof forms / sizeof forms[0] };

GgufLayout gguf_layout(uint32_t type)
{
    return type < N_FORMS ? forms[type].lay : (GgufLayout){0, 0};
}

/* The run may begin and end inside a block: such a block is unpacked beside `out`. */
static void gguf_blocks_to_f32(float *out, const unsigned char *data, const GgufForm *form, size_t first,
                               size_t n)
{
    float part[GGUF_BLOCK];
    for (size_t done = 0, take; done < n; done += take) {
        size_t at = (first + done) % GGUF_BLOCK;
        const unsigned char *block = data + (first + done) / GGUF_BLOCK * form->lay.size;
        take = n - done < GGUF_BLOCK - at ? n - done : GGUF_BLOCK - at;
        form->unpack(take == GGUF_BLOCK ? out + done : part, block);
        if (take < GGUF_BLOCK) memcpy(out + done, part + at, take * sizeof *out);
    }
}

void gguf_rows_to_f32(float *out, const void *data, GgufType type, size_t first, size_t n)
{
    assert(gguf_layout(type).size > 0);
    const GgufForm *form = &forms[type];
    if (form->unpack == NULL)
        st_rows_to_f32(out, data, form->plain, first, n);
    else
        gguf_blocks_to_f32(out, data, form, first, n);
}

/* All values of a block are finite, or, its scale not being so, none: 0 times infinity is NaN. */
static size_t gguf_blocks_bad(const unsigned char *data, size_t size, size_t first, size_t n)
{
    for (size_t b = first / GGUF_BLOCK; b * GGUF_BLOCK < first + n; b++)
        if (st_rows_bad(data + b * size, ST_F16, 0, 1) == 0)
            return b * GGUF_BLOCK > first ? b * GGUF_BLOCK - first : 0;
    return n;
}

size_t gguf_rows_bad(const void *data, GgufType type, size_t first, size_t n)
{
    assert(gguf_layout(type).size > 0);
    const GgufForm *form = &forms[type];
    if (form->unpack == NULL) return st_rows_bad(data, form->plain, first, n);
    return n == 0 ? 0 : gguf_blocks_bad(data, form->lay.size, first, n);
}

size_t gguf_rope_row(size_t r, size_t head_dim)
{
    assert(head_dim > 0 && head_dim % 2 == 0);
    size_t half = head_dim / 2, in_head = r % head_dim;
    return r - in_head + in_head % half * 2 + in_head / half;
}
