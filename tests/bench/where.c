/* where - the shares of a population's scoring that its parts take. Calls from one file of the program to
 * another are led through this one by the linker (--wrap); what is called below a part that is counted, is
 * counted with it. Processor time of one thread, so that other load does not count. */
#include "../../src/model/kernels.h"
#include "../../src/model/linear.h"
#include "../../src/model/score_priv.h"

#include "bench.h"

#include "prime/mat.h"
#include "prime/par.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LAYERS, HEAD, ATTENTION, SOFTMAX, ELEMENTWISE, ADAPTERS, PARTS };
static const char *const part_names[PARTS + 1] = {[LAYERS] = "products of the layers",
                                                  [HEAD] = "products of the head",
                                                  [ATTENTION] = "attention",
                                                  [SOFTMAX] = "softmax statistics",
                                                  [ELEMENTWISE] = "norms, rotations, activations",
                                                  [ADAPTERS] = "products of the adapters",
                                                  [PARTS] = "rest"};

static double spent[PARTS];
static size_t depth;

static double where_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* COUNTED - run a call, whose time goes to a part unless a part is at work. */
#define COUNTED(part, call)                            \
    do {                                               \
        bool outer = depth++ == 0;                     \
        double start = outer ? where_now() : 0;        \
        call;                                          \
        if (outer) spent[part] += where_now() - start; \
        depth--;                                       \
    } while (0)

#define WRAPPED(name, ...)           \
    void __real_##name(__VA_ARGS__); \
    void __wrap_##name(__VA_ARGS__); \
    void __wrap_##name(__VA_ARGS__)

WRAPPED(lin_fwd_packed, float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin,
        bool add, float *tile)
{
    COUNTED(LAYERS, __real_lin_fwd_packed(y, ldy, x, ldx, n, lin, add, tile));
}

/* Within what the softmax takes, and not a part of that. */
WRAPPED(lin_fwd_some, float *y, size_t ldy, const float *x, size_t ldx, size_t n, const ModelLin *lin,
        size_t first, size_t n_out, float *tile)
{
    double start = where_now();
    __real_lin_fwd_some(y, ldy, x, ldx, n, lin, first, n_out, tile);
    start = where_now() - start;
    spent[HEAD] += start;
    spent[SOFTMAX] -= start;
}

WRAPPED(mat_mul_nt, float *c, size_t ldc, const float *a, size_t lda, const float *b, size_t ldb, size_t m,
        size_t n, size_t k, float alpha, float beta)
{
    COUNTED(ADAPTERS, __real_mat_mul_nt(c, ldc, a, lda, b, ldb, m, n, k, alpha, beta));
}

WRAPPED(attn_fwd, float *out, size_t ldo, const float *q, size_t ldq, const AttnSpan *span, size_t n_span,
        size_t n, const AttnShape *a, float *work)
{
    COUNTED(ATTENTION, __real_attn_fwd(out, ldo, q, ldq, span, n_span, n, a, work));
}

WRAPPED(targets_add, const ScoreJob *j, ScoreWork *w, size_t row, size_t item, size_t place)
{
    COUNTED(SOFTMAX, __real_targets_add(j, w, row, item, place));
}

WRAPPED(targets_flush, const ScoreJob *j, ScoreWork *w)
{
    COUNTED(SOFTMAX, __real_targets_flush(j, w));
}

WRAPPED(norm_fwd, float *out, float *stat, const float *x, const float *w, const float *b, size_t n, size_t c,
        NormKind kind, double eps)
{
    COUNTED(ELEMENTWISE, __real_norm_fwd(out, stat, x, w, b, n, c, kind, eps));
}

WRAPPED(act_fwd, float *act, const float *gu, size_t n, size_t f, ActKind kind, bool gated)
{
    COUNTED(ELEMENTWISE, __real_act_fwd(act, gu, n, f, kind, gated));
}

WRAPPED(rope_apply, float *x, size_t ld, const float *co, const float *si, size_t n, size_t n_heads, size_t d,
        size_t dim, float sign)
{
    COUNTED(ELEMENTWISE, __real_rope_apply(x, ld, co, si, n, n_heads, d, dim, sign));
}

/* ---- runs ---- */

typedef struct {
    const char *name;
    bool signals, packed;
    MatType type;
} WhereRun;

static const WhereRun runs[] = {{"losses f32", false, true, MAT_F32},
                                {"losses f32 unpacked", false, false, MAT_F32},
                                {"losses bf16", false, true, MAT_BF16},
                                {"signals f32", true, true, MAT_F32},
                                {"signals bf16", true, true, MAT_BF16}};

/* Signals of all tokens but the first, as membership attacks want them; losses of the workload's answers. */
static Status where_score(Workload *w, const WhereRun *r, Err *e)
{
    size_t n = w->n_cand * w->n_texts, tokens = n * w->len;
    PassLora lora = {.bank = w->bank, .op = LORA_EXACT, .w = w->w};
    for (size_t i = 0; i < n; i++) w->item[i].skip = r->signals ? 1 : w->len - w->scored;
    if (!r->signals) return score_nll(w->out, w->m, &lora, w->n_cand, w->item, n, e);
    ScoreSignals s = {.start = malloc((n + 1) * sizeof *s.start),
                      .id = malloc(tokens * sizeof *s.id),
                      .logp = malloc(3 * tokens * sizeof *s.logp),
                      .rank = malloc(tokens)};
    if (s.start == NULL || s.id == NULL || s.logp == NULL || s.rank == NULL) FAIL(e, ERR_NOMEM, "no memory");
    s.mu = s.logp + tokens;
    s.sigma = s.mu + tokens;
    Status done = score_signals(&s, w->m, &lora, w->n_cand, w->item, n, e);
    free(s.start), free(s.id), free(s.logp), free(s.rank);
    return done;
}

/* Once before it counts: kernels are made at the first call. */
static Status where_run(Workload *w, const WhereRun *r, Err *e)
{
    model_unpack(w->m);
    if (r->packed) TRY(model_pack(w->m, r->type, e));
    TRY(where_score(w, r, e));
    memset(spent, 0, sizeof spent);
    double total = where_now(), rest;
    TRY(where_score(w, r, e));
    rest = total = where_now() - total;
    printf("%-20s %6.2f s", r->name, total);
    for (size_t i = 0; i < PARTS; i++) printf(" %6.1f", 100 * spent[i] / total), rest -= spent[i];
    printf(" %6.1f\n", 100 * rest / total);
    return OK;
}

int main(int argc, char **argv)
{
    Workload w = {0};
    Err e = {0};
    size_t texts = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, n = sizeof runs / sizeof runs[0];
    if (argc > 3 || texts == 0) {
        fputs("usage: where TEXTS [WORKLOAD]\n", stderr);
        return 2;
    }
    mat_init();
    par_set_threads(1);
    Status s = argc == 3 ? work_load(&w, argv[2], texts, &e) : work_random(&w, texts, &e);
    for (size_t i = 0; i <= PARTS; i++) printf("%zu: %s\n", i + 1, part_names[i]);
    printf("%-20s %8s", "per cent of", "time");
    for (size_t i = 0; i <= PARTS; i++) printf(" %6zu", i + 1);
    puts("");
    for (size_t i = 0; s == OK && i < n; i++) s = where_run(&w, &runs[i], &e);
    if (s != OK) fprintf(stderr, "where: %s\n", e.msg);
    work_free(&w);
    return s == OK ? 0 : 1;
}
