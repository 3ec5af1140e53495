/* lab.h - the model and the data of a world, to compute again what a run has computed. */
#ifndef PRIME_TESTS_LAB_H
#define PRIME_TESTS_LAB_H

#include "rows.h"

typedef struct {
    Model *m;
    Tok *tok;
    DataSet *d;
    Arena a;
} Lab;

static inline Lab lab_open(const World *w)
{
    Lab lab = {0};
    MUST(model_load(&lab.m, w->base, &e_));
    MUST(tok_load(&lab.tok, w->base, &e_));
    MUST(data_load(&lab.d, w->data, "synth_tag", &e_));
    return lab;
}

static inline void lab_close(Lab *lab)
{
    data_free(lab->d);
    tok_free(lab->tok);
    model_free(lab->m);
    arena_free(&lab->a);
}

#endif
