/* gate.h - the gates of one adapter: at every adapted site a vector g over the site's inputs. While gates are
 * trained (train.h) a token's input x reaches the adapter as sigmoid(x . g) x; afterwards a gate says for
 * which inputs its adapter was made, and adapters are chosen by it (perpcs.h). Source: Tan et al. 2024,
 * Per-Pcs, arXiv:2406.10471, section 3; released code, LoraInjectedLinear.
 *
 * gate.safetensors, beside the adapter's own files: one tensor a site, called MODULE.input_gate
 * ("model.layers.0.self_attn.q_proj.input_gate"), of shape [n_in]; written in F32, read from F32, F16, BF16
 * or F64.
 * Differs: the released code saves a PyTorch state dict with gates of shape [n_in, 1]. */
#ifndef PRIME_GATE_H
#define PRIME_GATE_H

#include "prime/lora.h"

typedef struct {
    LoraShape shape;
    float **site; /* [n_layers * LORA_KINDS] g [n_in]; NULL where the adapter has no site */
    float *data;  /* all gates, n_params floats, in the order of the sites */
    size_t n_params;
} Gate;

/* gate_new - zeros, sigmoid 1/2, for every site of an adapter, whatever its kind: fused modules have one gate
 * for their one input. Errors: ERR_NOMEM. */
Status gate_new(Gate **g, const Lora *of, Err *e) PRIME_MUST_USE;
void gate_free(Gate *g); /* accepts NULL */

/* gate_fits - whether the gates are for a model of the adapter's shape and for the very sites that it has. */
bool gate_fits(const Gate *g, const Lora *l);

/* gate_save - DIR/gate.safetensors; the folder is made. Errors: ERR_IO; ERR_NUM gates that are not finite;
 * ERR_UNSUP a shape without names.
 * gate_load - the gates of the adapter in the same folder, which is loaded already. Errors: ERR_IO;
 * ERR_FORMAT; ERR_SHAPE a tensor of another size, one that is no gate of this adapter, a site of the adapter
 * without a gate; ERR_NUM gates that are not finite; ERR_UNSUP types that hold no real numbers, a shape
 * without names. Each names the file and the tensor. */
Status gate_save(const Gate *g, const char *dir, Err *e) PRIME_MUST_USE;
Status gate_load(Gate **g, const char *dir, const Lora *of, Err *e) PRIME_MUST_USE;

#endif
