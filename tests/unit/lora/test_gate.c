/* Gates of an adapter: their sites, their file, each documented error. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "make_peft.h"

#include <math.h>

#include "prime/gate.h"
#include "prime/rng.h"

/* Some sites of a family, and gates with high entropy for them. */
static Lora *gate_lora(const char *family, bool all)
{
    LoraShape shape = make_shape(family);
    Lora *l = NULL;
    Err e = {0};
    size_t rank[2 * LORA_KINDS] = {0};
    for (size_t i = 0; i < 2 * LORA_KINDS; i++)
        if (shape.n_out[i % LORA_KINDS] > 0 && (all || i % 3 != 1)) rank[i] = 1 + i % 2;
    cr_assert_eq(lora_new_ranks(&l, &shape, rank, &e), OK, "%s", e.msg);
    return l;
}

static Gate *gate_random(const Lora *l)
{
    Gate *g = NULL;
    Err e = {0};
    Rng rng = rng_stream(2, "gate", 0);
    cr_assert_eq(gate_new(&g, l, &e), OK, "%s", e.msg);
    for (size_t i = 0; i < g->n_params; i++) {
        cr_assert_eq(g->data[i], 0, "gates begin at zero");
        g->data[i] = (float)rng_normal(&rng);
    }
    return g;
}

Test(gate, sites_are_those_of_the_adapter)
{
    Lora *l = gate_lora("llama", false), *more = gate_lora("llama", true), *other = gate_lora("gpt2", true);
    Gate *g = gate_random(l);
    size_t total = 0;
    for (size_t i = 0; i < 2 * LORA_KINDS; i++) {
        cr_assert_eq(g->site[i] != NULL, l->site[i].r > 0);
        if (g->site[i] == NULL) continue;
        cr_assert_eq(g->site[i], g->data + total);
        total += l->shape.n_in[i % LORA_KINDS];
    }
    cr_assert_eq(total, g->n_params);
    cr_assert(gate_fits(g, l) && !gate_fits(g, more) && !gate_fits(g, other));
    gate_free(NULL);
    gate_free(g);
    lora_free(l);
    lora_free(more);
    lora_free(other);
}

Test(gate, what_is_saved_comes_back_bit_for_bit, .init = scratch_make, .fini = scratch_remove)
{
    for (size_t f = 0; lora_names_at(f) != NULL; f++) {
        Lora *l = gate_lora(lora_names_at(f)->family, f % 2 == 0);
        Gate *g = gate_random(l), *again = NULL;
        Err e = {0};
        cr_assert_eq(gate_save(g, scratch_dir, &e), OK, "%s", e.msg);
        cr_assert_eq(gate_load(&again, scratch_dir, l, &e), OK, "%s", e.msg);
        cr_assert(gate_fits(again, l));
        cr_assert_arr_eq(again->data, g->data, g->n_params * sizeof(float));
        gate_free(g);
        gate_free(again);
        lora_free(l);
    }
}

static void gate_file(const StItem *item, size_t n)
{
    char path[64];
    Err e = {0};
    snprintf(path, sizeof path, "%s/gate.safetensors", scratch_dir);
    cr_assert_eq(st_save(path, item, n, &e), OK, "%s", e.msg);
}

/* An adapter of q and v in the first layer alone. */
static Lora *gate_two(void)
{
    LoraShape shape = make_shape("llama");
    Lora *l = NULL;
    Err e = {0};
    size_t rank[2 * LORA_KINDS] = {0};
    rank[LORA_Q] = rank[LORA_V] = 2;
    cr_assert_eq(lora_new_ranks(&l, &shape, rank, &e), OK, "%s", e.msg);
    return l;
}

#define GATE_Q "model.layers.0.self_attn.q_proj.input_gate"
#define GATE_V "model.layers.0.self_attn.v_proj.input_gate"

Test(gate, other_types_are_read, .init = scratch_make, .fini = scratch_remove)
{
    Lora *l = gate_two();
    size_t n = l->shape.n_in[LORA_Q];
    float *x = calloc(n, sizeof *x);
    Gate *g = NULL;
    Err e = {0};
    for (size_t i = 0; i < n; i++) x[i] = 0.5f * (float)i - 1.25f;
    gate_file((StItem[]){{GATE_V, ST_F16, 1, {n}, x}, {GATE_Q, ST_BF16, 1, {n}, x}}, 2);
    cr_assert_eq(gate_load(&g, scratch_dir, l, &e), OK, "%s", e.msg);
    cr_assert_arr_eq(g->site[LORA_Q], x, n * sizeof *x);
    cr_assert_arr_eq(g->site[LORA_V], x, n * sizeof *x);
    gate_free(g);
    lora_free(l);
    free(x);
}

/* ---- errors ---- */

static void gate_refused(const Lora *l, Status want, const char *says)
{
    Gate *g = NULL;
    Err e = {0};
    Status s = gate_load(&g, scratch_dir, l, &e);
    cr_expect_eq(s, want, "%s: %s", says, e.msg);
    cr_expect_not_null(strstr(e.msg, says), "\"%s\" does not say \"%s\"", e.msg, says);
    cr_expect_null(g);
}

Test(gate, files_that_do_not_fit_are_refused, .init = scratch_make, .fini = scratch_remove)
{
    Lora *l = gate_two();
    size_t n = l->shape.n_in[LORA_Q];
    float *x = calloc(2 * n, sizeof *x);
    gate_refused(l, ERR_IO, "gate.safetensors: cannot open");
    gate_file((StItem[]){{GATE_Q, ST_F32, 1, {n}, x}}, 1);
    gate_refused(l, ERR_SHAPE, GATE_V " is missing, the adapter has that site");
    gate_file((StItem[]){{GATE_Q, ST_F32, 1, {n}, x}, {GATE_V, ST_F32, 1, {n + 1}, x}}, 2);
    gate_refused(l, ERR_SHAPE, GATE_V " has ");
    gate_file((StItem[]){{GATE_Q, ST_F32, 2, {n, 1}, x}, {GATE_V, ST_F32, 1, {n}, x}}, 2);
    gate_refused(l, ERR_SHAPE, "entries in 2 dimensions, want");
    gate_file((StItem[]){{GATE_Q, ST_F32, 1, {n}, x},
                         {GATE_V, ST_F32, 1, {n}, x},
                         {"model.layers.1.self_attn.q_proj.input_gate", ST_F32, 1, {n}, x}},
              3);
    gate_refused(l, ERR_SHAPE, "model.layers.1.self_attn.q_proj.input_gate is no gate of this adapter");
    make_file("gate.safetensors", "not a file of tensors");
    gate_refused(l, ERR_FORMAT, "gate.safetensors");
    lora_free(l);
    free(x);
}

/* Bytes that st_save would not write: a NaN, and whole numbers. */
Test(gate, values_that_are_no_real_numbers_are_refused, .init = scratch_make, .fini = scratch_remove)
{
    LoraShape shape = make_shape("llama");
    Lora *l = NULL;
    Err e = {0};
    size_t rank[2 * LORA_KINDS] = {[LORA_Q] = 2}, n = shape.n_in[LORA_Q];
    static const struct {
        const char *type, *says;
        Status status;
    } rows[] = {{"F32", GATE_Q " is not finite at 1", ERR_NUM}, {"I32", GATE_Q, ERR_UNSUP}};
    cr_assert_eq(lora_new_ranks(&l, &shape, rank, &e), OK, "%s", e.msg);
    for (size_t r = 0; r < 2; r++) {
        char path[64], head[256];
        Str out = {0};
        float *x = calloc(n, sizeof *x);
        x[1] = NAN;
        int len = snprintf(head, sizeof head,
                           "{\"" GATE_Q "\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}",
                           rows[r].type, n, n * sizeof *x);
        const unsigned char size[8] = {(unsigned char)len};
        cr_assert(len > 0 && len < 256);
        str_put(&out, (const char *)size, 8);
        str_put(&out, head, (size_t)len);
        str_put(&out, (const char *)x, n * sizeof *x);
        snprintf(path, sizeof path, "%s/gate.safetensors", scratch_dir);
        cr_assert_eq(file_write(path, out.s, out.n, &e), OK, "%s", e.msg);
        gate_refused(l, rows[r].status, rows[r].says);
        str_free(&out);
        free(x);
    }
    lora_free(l);
}

Test(gate, what_cannot_be_written_is_refused, .init = scratch_make, .fini = scratch_remove)
{
    Lora *l = gate_two();
    Gate *g = gate_random(l), *none = NULL;
    Err e[4] = {{0}};
    g->data[3] = INFINITY;
    cr_assert_eq(gate_save(g, scratch_dir, &e[0]), ERR_NUM);
    cr_assert_not_null(strstr(e[0].msg, GATE_Q), "%s", e[0].msg);
    g->data[3] = 0;
    cr_assert_eq(gate_save(g, "/dev/null/x", &e[1]), ERR_IO);
    g->shape.names = NULL;
    cr_assert_eq(gate_save(g, scratch_dir, &e[2]), ERR_UNSUP);
    l->shape.names = NULL;
    cr_assert_eq(gate_load(&none, scratch_dir, l, &e[3]), ERR_UNSUP);
    cr_assert_not_null(strstr(e[3].msg, "have no names"));
    gate_free(g);
    lora_free(l);
}

/* ---- mixing ---- */

Test(gate, mix_adds_weighted_factors)
{
    Lora *l = gate_two();
    enum { N = 2 };
    size_t n_in = l->shape.n_in[LORA_Q], n_out = l->shape.n_out[LORA_Q];
    float x[2][64], y[2][64], a[64], b[64];
    LoraSite s[N];
    const LoraSite *part[N] = {&s[0], &s[1]};
    const double w[N] = {0.7, -1.3};
    cr_assert(2 * n_in <= 64 && 2 * n_out <= 64);
    for (size_t i = 0; i < 64; i++) {
        for (size_t k = 0; k < N; k++) {
            x[k][i] = (float)(i * i % 7) - 2.5f * (float)k;
            y[k][i] = (float)(i % 5) * 0.3f + (float)k;
        }
        a[i] = b[i] = 0.25f;
    }
    for (size_t k = 0; k < N; k++) s[k] = (LoraSite){.r = 2, .scale = 9, .a = x[k], .b = y[k]};
    lora_mix(a, b, part, w, N, n_in, n_out);
    for (size_t i = 0; i < 64; i++) {
        double wa = i < 2 * n_in ? 0.7 * (double)x[0][i] - 1.3 * (double)x[1][i] : 0,
               wb = i < 2 * n_out ? 0.7 * (double)y[0][i] - 1.3 * (double)y[1][i] : 0;
        cr_assert_float_eq(a[i], 0.25 + wa, 1e-5);
        cr_assert_float_eq(b[i], 0.25 + wb, 1e-5);
    }
    lora_free(l);
}
