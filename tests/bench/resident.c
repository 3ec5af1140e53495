/* resident.c - all the memory that scoring a population in bfloat16 takes, from the files on: the weights
 * mapped as they lie in them, packed, and a workspace a thread. */
#include "bench.h"

#include "prime/par.h"

#include <stdio.h>

enum { RESIDENT_THREADS = 2 };

static Status score_all(const Workload *w, Err *e)
{
    par_set_threads(RESIDENT_THREADS);
    Status s = score_nll(w->out, w->m, &(PassLora){.bank = w->bank, .op = LORA_EXACT, .w = w->w}, w->n_cand,
                         w->item, w->n_cand * w->n_texts, e);
    par_set_threads(0);
    return s;
}

/* The float32 model that other groups score is given back before anything is counted. */
Status resident_rows(const Bench *b, const BenchIn *in, Err *e)
{
    Workload *w = in->w;
    if (in->dir == NULL) FAIL(e, ERR_ARG, "--only resident needs --model DIR: weights in a file");
    char path[1000];
    snprintf(path, sizeof path, "%s/model", in->dir);
    model_free(w->m);
    w->m = NULL;
    if (!bench_reset_peak()) FAIL(e, ERR_UNSUP, "this system does not count a process's peak of memory anew");
    ModelOpts o = {.weights = WEIGHTS_STORED};
    TRY(model_open(&w->m, path, &o, e));
    TRY(model_pack(w->m, MAT_BF16, e));
    bench_row(b, "resident_packed", 1e-6 * bench_memory("VmRSS"), NULL, "MB",
              "resident when the weights are packed");
    TRY(score_all(w, e));
    bench_row(b, "resident_peak_2t", 1e-6 * bench_memory("VmHWM"), NULL, "MB",
              "the process's peak: weights, their packs, workspaces, the workload");
    bench_row(b, "resident_anonymous_2t", 1e-6 * bench_memory("RssAnon"), NULL, "MB",
              "of what is left, not pages of a file, which the system may take back");
    return OK;
}
