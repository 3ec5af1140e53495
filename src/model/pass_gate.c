/* pass_gate.c - the adapters' inputs: gated, dropped, looked at. */
#include "pass_priv.h"

#include "prime/vec.h"

#include <assert.h>

void pass_gate(Pass *p, const Gate *gate, Gate *grad)
{
    assert(p->train || gate == NULL);
    p->gate = gate;
    p->gate_grad = grad;
}

void pass_hook(Pass *p, PassHook hook, void *ctx)
{
    p->hook = hook;
    p->hook_ctx = ctx;
}

void pass_show_inputs(const Pass *p, const float *x, const LoraBank *b, size_t layer, PassGroup g)
{
    for (size_t k = g.first; p->hook != NULL && k < g.first + g.n; k++)
        if (b->stack[layer * LORA_KINDS + k].n > 0) p->hook(p->hook_ctx, layer, (LoraKind)k, x);
}

static float gate_open_at(const float *x, const float *g, size_t n)
{
    float z = vec_dot(x, g, n);
    return 1.0f / (1.0f + expf(-z));
}

/* out [N, n] = p x with p = sigmoid(x . g) a row. */
PRIME_CLONES static void gate_fwd(float *out, const float *x, const float *g, size_t rows, size_t n)
{
    for (size_t t = 0; t < rows; t++, out += n, x += n) {
        float p = gate_open_at(x, g, n);
#pragma omp simd
        for (size_t i = 0; i < n; i++) out[i] = p * x[i];
    }
}

/* From the gradient d [N, n] of p x: dx += p d + q g unless it is NULL, dg += q x with q = p (1 - p) (d . x).
 */
static void gate_bwd(float *dx, float *dg, const float *d, const float *x, const float *g, size_t rows,
                     size_t n)
{
    for (size_t t = 0; t < rows; t++, d += n, x += n) {
        float p = gate_open_at(x, g, n), q = p * (1.0f - p) * vec_dot(d, x, n);
        if (dg != NULL) vec_axpy(dg, q, x, n);
        if (dx == NULL) continue;
        vec_axpy(dx + t * n, p, d, n);
        vec_axpy(dx + t * n, q, g, n);
    }
}

static const float *site_gate(const Pass *p, size_t layer, size_t kind)
{
    return p->gate != NULL ? p->gate->site[layer * LORA_KINDS + kind] : NULL;
}

/* Dropout of each span by its own key; rows of `out` and x begin with those of the first. add: out += the
 * gradient of x. */
static void spans_drop(const Pass *p, float *out, const float *x, size_t from, size_t to, size_t layer,
                       size_t kind, size_t n_in, bool add)
{
    for (size_t i = from; i < to; i++) {
        const PassSpan *s = &p->span[i];
        size_t at = (s->row - p->span[from].row) * n_in;
        (add ? dropout_add : dropout_apply)(out + at, x + at, s->n * n_in, p->drop,
                                            pass_drop_key(s->key, layer, kind), s->drop_row * n_in);
    }
}

const float *pass_site_input(Pass *p, const float *x, size_t from, size_t to, size_t layer, size_t kind,
                             size_t n_in)
{
    const float *g = site_gate(p, layer, kind), *in = x;
    if (g != NULL) {
        gate_fwd(p->drop_in, x, g, pass_run_rows(p, from, to), n_in);
        in = p->drop_in;
    }
    if (p->drop == 0) return in;
    spans_drop(p, p->drop_in, in, from, to, layer, kind, n_in, false);
    return p->drop_in;
}

void pass_site_input_bwd(Pass *p, float *dx, const float *x, size_t from, size_t to, size_t layer,
                         size_t kind, size_t n_in)
{
    const float *g = site_gate(p, layer, kind);
    if (g == NULL) {
        if (dx != NULL) spans_drop(p, dx, p->drop_in, from, to, layer, kind, n_in, true);
        return;
    }
    if (p->drop > 0) spans_drop(p, p->drop_in, p->drop_in, from, to, layer, kind, n_in, false);
    gate_bwd(dx, p->gate_grad != NULL ? p->gate_grad->site[layer * LORA_KINDS + kind] : NULL, p->drop_in, x,
             g, pass_run_rows(p, from, to), n_in);
}
