/* factors.c - methods that weigh A and B apart; and the table's view of them. */
#include "merge_priv.h"

#include "prime/vec.h"

#include <math.h>

/* A and B weighted by the same numbers; the scale is common to all (checked before any site). */
Status factors_prime(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e)
{
    size_t r = s->part[0]->r;
    (void)w;
    TRY(made_new(out, r, s->n_out, s->n_in, e));
    out->scale = s->part[0]->scale;
    lora_mix(out->a, out->b, s->part, s->w, s->k, s->n_in, s->n_out);
    if (s->o->lambda != 1) vec_scale(out->b, (float)s->o->lambda, r * s->n_out);
    made_measure(out, s);
    Status st = made_cut(out, s, r, e);
    if (st != OK) made_free(out);
    return st;
}

/* A and B weighted by the root of weight times scale each, the sign going to A. */
Status factors_peft(MergeMade *out, const MergeSite *s, MergeWork *w, Err *e)
{
    size_t r = s->part[0]->r;
    (void)w;
    TRY(made_new(out, r, s->n_out, s->n_in, e));
    for (size_t i = 0; i < s->k; i++) {
        double full = s->w[i] * (double)s->part[i]->scale, root = sqrt(fabs(full));
        vec_axpy(out->a, (float)copysign(root, full), s->part[i]->a, r * s->n_in);
        vec_axpy(out->b, (float)root, s->part[i]->b, r * s->n_out);
    }
    if (s->o->lambda != 1) vec_scale(out->b, (float)s->o->lambda, r * s->n_out);
    made_measure(out, s);
    Status st = made_cut(out, s, r, e);
    if (st != OK) made_free(out);
    return st;
}
