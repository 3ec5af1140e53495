/* generate_plan.c - options checked, texts cut into blocks, memory bounded: all before the first pass. */
#include "fit.h"
#include "generate_priv.h"

#include <math.h>
#include <string.h>

GenOpts gen_greedy(size_t max_new)
{
    return (GenOpts){.top_p = 1, .repetition_penalty = 1, .max_new = max_new};
}

Status gen_check(const GenOpts *o, size_t n_vocab, Err *e)
{
    double t = o->temperature, r = o->repetition_penalty;
    if (!(t == 0 || (t >= 1e-6 && t <= 1e6))) FAIL(e, ERR_ARG, "temperature = %g, want 0 or 1e-6 to 1e6", t);
    if (!(o->top_p > 0 && o->top_p <= 1)) FAIL(e, ERR_ARG, "top_p = %g, want (0, 1]", o->top_p);
    if (!(o->min_p >= 0 && o->min_p <= 1)) FAIL(e, ERR_ARG, "min_p = %g, want [0, 1]", o->min_p);
    if (!(r >= 1e-6 && r <= 1e6)) FAIL(e, ERR_ARG, "repetition_penalty = %g, want 1e-6 to 1e6", r);
    if (o->max_new == 0) FAIL(e, ERR_ARG, "at most 0 new tokens, want at least 1");
    for (size_t i = 0; i < o->n_stop; i++)
        if (o->stop[i] < 0 || (size_t)o->stop[i] >= n_vocab)
            FAIL(e, ERR_ARG, "stop id %d, want 0 to %zu", o->stop[i], n_vocab - 1);
    return OK;
}

size_t gen_batch_size(const GenOpts *o)
{
    return o->batch > 0 ? o->batch : GEN_BATCH;
}

/* One block of a few, else an even number, each of about GEN_ROUNDS batches where there are so many. */
size_t gen_share(size_t n, const GenOpts *o)
{
    size_t batch = gen_batch_size(o);
    if (n <= batch - batch / 2) return n > 0 ? n : 1;
    size_t most = batch < n ? batch * GEN_ROUNDS : n, blocks = 2 * ((n + 2 * most - 1) / (2 * most));
    return (n + blocks - 1) / blocks;
}

bool gen_whole(const ModelConfig *c, size_t n)
{
    double len = (double)n;
    return (c->rope.kind == ROPE_DYNAMIC && len > c->rope.old_len) ||
           (c->rope_local.kind == ROPE_DYNAMIC && len > c->rope_local.old_len);
}

bool gen_same_prompt(const ModelConfig *c, const GenItem *a, const GenItem *b)
{
    return a->n > 1 && !gen_whole(c, a->n) && a->n == b->n && a->cand == b->cand &&
           (a->ids == b->ids || memcmp(a->ids, b->ids, a->n * sizeof *a->ids) == 0);
}

size_t gen_room(const ModelConfig *c, const GenItem *it, const GenOpts *o)
{
    size_t room = c->max_len - it->n;
    return room < o->max_new ? room : o->max_new;
}

static size_t grow_to(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t slot_bytes(const ModelConfig *c, size_t cap)
{
    return cap * c->n_layers * 2 * c->n_kv * c->head_dim * sizeof(float);
}

/* A text on its own keeps its prompt and what was fed of its answer, that is all but the last token. One that
 * shares a prompt keeps the prompt's last token and the same. */
GenPlan gen_plan(const ModelConfig *c, const GenItem *item, size_t n, const GenOpts *o)
{
    GenPlan p = {.cap = 1};
    size_t tokens = 0, groups = 0, whole = 0;
    for (size_t i = 0; i < n; i++) {
        bool with_last = i > 0 && gen_same_prompt(c, &item[i - 1], &item[i]),
             with_next = i + 1 < n && gen_same_prompt(c, &item[i], &item[i + 1]);
        size_t room = gen_room(c, &item[i], o);
        if (room == 0) continue;
        groups += !with_last && with_next;
        if (gen_whole(c, item[i].n)) whole = grow_to(whole, item[i].n);
        tokens += with_last ? 1 : item[i].n;
        p.cap = grow_to(p.cap, with_last || with_next ? grow_to(room, item[i].n - 1) : item[i].n + room - 1);
    }
    size_t bound = o->kv_bytes > 0 ? o->kv_bytes : GEN_KV_BYTES, fit = bound / slot_bytes(c, p.cap);
    p.slots = gen_batch_size(o) < n ? gen_batch_size(o) : n;
    if (groups > 0) fit /= 2;
    if (p.slots > fit) p.slots = grow_to(fit, 1);
    p.prefixes = groups < p.slots ? groups : p.slots;
    size_t rows = o->rows > 0 ? o->rows : GEN_ROWS;
    p.rows = p.slots + p.prefixes + grow_to(tokens < rows ? tokens : rows, whole);
    return p;
}

/* Bytes of a block at work, the largest of all. */
static size_t gen_size(const Model *m, size_t width, const GenItem *item, size_t n, const GenOpts *o)
{
    const ModelConfig *c = &m->cfg;
    size_t share = gen_share(n, o), most = 0;
    for (size_t at = 0; at < n; at += share) {
        GenPlan p = gen_plan(c, item + at, n - at < share ? n - at : share, o);
        size_t chunk = p.slots < GEN_CHUNK ? p.slots : GEN_CHUNK;
        most = grow_to(most, pass_size(m, p.rows, width) + (p.slots + p.prefixes) * slot_bytes(c, p.cap) +
                                 chunk * (c->n_vocab + c->n_hidden) * sizeof(float) + c->n_vocab * 20);
    }
    return most;
}

Status gen_fit(GenOpts *o, size_t *threads, const Model *m, size_t width, const GenItem *item, size_t n,
               Err *e)
{
    size_t budget = fit_budget(m), size = budget < SIZE_MAX ? gen_size(m, width, item, n, o) : 0;
    for (; size > budget; size = gen_size(m, width, item, n, o)) {
        if (o->batch == 1 && o->rows == 1) return fit_fail(m, size, e);
        o->batch = grow_to(gen_batch_size(o) / 2, 1);
        o->rows = grow_to((o->rows > 0 ? o->rows : GEN_ROWS) / 2, 1);
        o->kv_bytes = budget / 2;
    }
    if (size > 0) *threads = fit_threads(budget, size, *threads);
    return OK;
}

size_t gen_kv_size(const ModelConfig *c, const GenItem *item, size_t n, const GenOpts *o, size_t threads)
{
    size_t share = gen_share(n, o), blocks = (n + share - 1) / share, most = 0;
    for (size_t at = 0; at < n; at += share) {
        GenPlan p = gen_plan(c, item + at, n - at < share ? n - at : share, o);
        most = grow_to(most, (p.slots + p.prefixes) * slot_bytes(c, p.cap));
    }
    return (threads < blocks ? threads : blocks) * most;
}
