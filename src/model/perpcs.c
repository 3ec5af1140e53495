/* perpcs.c - anchors chosen by their gates, module by module, while a history passes through the network. */
#include "prime/perpcs.h"

#include "prime/matpack.h"
#include "prime/par.h"
#include "prime/pass.h"
#include "prime/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LN_EPS 1e-5

PerpcsOpts perpcs_default(void)
{
    return (PerpcsOpts){.topk = 1, .temperature = 1, .batch_docs = 16, .epochs = 1, .shared = 1, .seed = 1};
}

/* A history under way. Sites are numbered layer * LORA_KINDS + kind. */
typedef struct {
    const Model *m;
    const Lora *const *anchor;
    const TrainDoc *doc;
    const PerpcsOpts *o;
    size_t k, n, n_sites, per_epoch, n_batches, threads;
    size_t *order; /* [epochs, n] */
    float **sign;  /* [sites] normalised gates [k, n_in], pointing into signs */
    float *signs;
    bool *pool; /* [sites, k] whom a site may choose */
    double *w;  /* [batches, sites, k] */
    struct PerpcsWork *work;
} PerpcsJob;

/* What one thread needs. */
typedef struct PerpcsWork {
    const PerpcsJob *job;
    size_t batch;
    Pass *pass;
    Lora *mix; /* what the pass reads: written site by site */
    LoraBank *bank;
    PassSeq *seq;           /* [batch_docs] */
    size_t *skip;           /* [batch_docs] */
    size_t n;               /* texts of the batch */
    double *mean;           /* [widest n_in] */
    double *score, *chosen; /* [k] */
    const LoraSite **part;  /* [k] */
} PerpcsWork;

/* ---- choosing ---- */

/* Mean and 1 / sqrt(variance + eps) of x [n]. */
static void ln_moments(double *mean, double *rstd, const float *x, size_t n)
{
    double sum = 0, sq = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) sq += ((double)x[i] - *mean) * ((double)x[i] - *mean);
    *rstd = 1 / sqrt(sq / (double)n + LN_EPS);
}

/* out [n_in] += share * LN(x). */
static void ln_add(double *out, double share, const float *x, size_t n_in)
{
    double mean, rstd;
    ln_moments(&mean, &rstd, x, n_in);
    for (size_t i = 0; i < n_in; i++) out[i] += share * ((double)x[i] - mean) * rstd;
}

/* The mean over texts of the mean over a text's answer tokens of LN(x): scores are linear in it. */
static void answers_mean(PerpcsWork *k, const float *x, size_t n_in)
{
    memset(k->mean, 0, n_in * sizeof *k->mean);
    for (size_t i = 0, row = 0; i < k->n; row += k->seq[i].n, i++) {
        size_t from = k->skip[i] > 1 ? k->skip[i] - 1 : 0, answers = k->seq[i].n - from;
        for (size_t t = from; t < k->seq[i].n; t++)
            ln_add(k->mean, 1.0 / (double)answers / (double)k->n, x + (row + t) * n_in, n_in);
    }
}

static void anchors_score(PerpcsWork *k, size_t site, size_t n_in)
{
    for (size_t i = 0; i < k->job->k; i++) {
        const float *sign = k->job->sign[site] + i * n_in;
        double dot = 0;
        for (size_t c = 0; c < n_in; c++) dot += k->mean[c] * (double)sign[c];
        k->score[i] = dot / sqrt((double)n_in);
    }
}

void perpcs_choose(double *w, const double *score, const bool *pool, size_t k, size_t topk,
                   double temperature)
{
    double sum = 0, top = 0;
    for (size_t i = 0; i < k; i++) w[i] = 0;
    for (size_t c = 0; c < topk; c++) {
        size_t best = k;
        for (size_t i = 0; i < k; i++)
            if (pool[i] && w[i] == 0 && (best == k || score[i] > score[best])) best = i;
        if (best == k) break;
        if (c == 0) top = score[best];
        w[best] = exp((score[best] - top) / temperature);
        sum += w[best];
    }
    for (size_t i = 0; i < k; i++) w[i] /= sum;
}

/* ---- mixing ---- */

/* The site of `out` becomes the anchors' factors with weights w [k]. */
static void site_mix(Lora *out, const PerpcsJob *j, const LoraSite **part, double *chosen, const double *w,
                     size_t site)
{
    LoraSite *s = &out->site[site];
    size_t n_in = out->shape.n_in[site % LORA_KINDS], n_out = out->shape.n_out[site % LORA_KINDS], n = 0;
    for (size_t i = 0; i < j->k; i++) {
        if (w[i] == 0) continue;
        part[n] = &j->anchor[i]->site[site];
        chosen[n++] = w[i];
    }
    memset(s->a, 0, s->r * n_in * sizeof *s->a);
    memset(s->b, 0, s->r * n_out * sizeof *s->b);
    lora_mix(s->a, s->b, part, chosen, n, n_in, n_out);
}

/* Called by the pass at every site, before its adapter is applied. */
static void site_assemble(void *ctx, size_t layer, LoraKind kind, const float *x)
{
    PerpcsWork *k = ctx;
    const PerpcsJob *j = k->job;
    size_t site = layer * LORA_KINDS + kind, n_in = k->mix->shape.n_in[kind];
    double *w = j->w + (k->batch * j->n_sites + site) * j->k;
    answers_mean(k, x, n_in);
    anchors_score(k, site, n_in);
    perpcs_choose(w, k->score, j->pool + site * j->k, j->k, j->o->topk, j->o->temperature);
    site_mix(k->mix, j, k->part, k->chosen, w, site);
}

/* ---- batches ---- */

/* A text's last token predicts nothing and is left out. */
static void batch_take(PerpcsWork *k, size_t batch)
{
    const PerpcsJob *j = k->job;
    size_t epoch = batch / j->per_epoch, from = batch % j->per_epoch * j->o->batch_docs,
           to = from + j->o->batch_docs < j->n ? from + j->o->batch_docs : j->n;
    k->batch = batch;
    k->n = to - from;
    for (size_t i = 0; i < k->n; i++) {
        const TrainDoc *d = &j->doc[j->order[epoch * j->n + from + i]];
        k->seq[i] = (PassSeq){.ids = d->ids, .n = d->n - 1};
        k->skip[i] = d->skip;
    }
}

static Status batch_job(void *ctx, size_t batch, size_t thread, Err *e)
{
    PerpcsJob *j = ctx;
    PerpcsWork *k = &j->work[thread];
    float one = 1;
    batch_take(k, batch);
    pass_forward(k->pass, j->m, k->seq, k->n, &(PassLora){.bank = k->bank, .op = LORA_EXACT, .w = &one},
                 NULL);
    for (size_t i = 0; i < j->n_sites * j->k; i++) {
        bool fine = isfinite(j->w[batch * j->n_sites * j->k + i]);
        if (!fine && mat_pack_starved()) FAIL(e, ERR_NOMEM, "batch %zu: no memory for a product", batch);
        if (!fine)
            FAIL(e, ERR_NUM, "batch %zu: the scores in layer %zu are not finite", batch,
                 i / j->k / LORA_KINDS);
    }
    return OK;
}

/* ---- opening ---- */

static Status check_anchors(const PerpcsJob *j, const Gate *const *gate, Err *e)
{
    LoraShape want = model_lora_shape(&j->m->cfg);
    if (j->k == 0) FAIL(e, ERR_ARG, "an assembly of 0 anchors, want at least 1");
    for (size_t i = 0; i < j->k; i++) {
        if (!lora_shape_same(&want, &j->anchor[i]->shape))
            FAIL(e, ERR_SHAPE, "anchor %zu is for a model of another shape", i);
        if (!gate_fits(gate[i], j->anchor[i]))
            FAIL(e, ERR_SHAPE, "the gates of anchor %zu are not those of its adapter: their sites differ", i);
        for (size_t s = 0; s < j->n_sites; s++) {
            const LoraSite *x = &j->anchor[0]->site[s], *y = &j->anchor[i]->site[s];
            if (x->r != y->r || (x->r > 0 && x->scale != y->scale))
                FAIL(e, ERR_UNSUP, "an assembly needs equal ranks and scales; anchors 0 and %zu differ", i);
        }
    }
    return OK;
}

static Status check_options(const PerpcsOpts *o, size_t k, Err *e)
{
    if (!(o->temperature > 0 && isfinite(o->temperature)))
        FAIL(e, ERR_ARG, "temperature = %g, want a number > 0", o->temperature);
    if (!(o->shared > 0 && o->shared <= 1)) FAIL(e, ERR_ARG, "shared = %g, want (0, 1]", o->shared);
    if (o->batch_docs == 0) FAIL(e, ERR_ARG, "batch size = 0, want at least 1");
    if (o->epochs == 0) FAIL(e, ERR_ARG, "epochs = 0, want at least 1");
    size_t pool = (size_t)((double)k * o->shared);
    if (o->topk == 0 || o->topk > pool)
        FAIL(e, ERR_ARG, "topk = %zu, want 1 to the %zu anchors that a module may choose from", o->topk,
             pool);
    return OK;
}

static Status check_history(const PerpcsJob *j, Err *e)
{
    if (j->n == 0) FAIL(e, ERR_ARG, "no texts to choose anchors by");
    for (size_t i = 0; i < j->n; i++) {
        const TrainDoc *d = &j->doc[i];
        if (pass_check(j->m, d->ids, d->n, e) != OK) return err_prefix(e, "text %zu", i);
        if (d->n < 2 || d->skip >= d->n)
            FAIL(e, ERR_ARG, "text %zu: a prompt of %zu tokens in a text of %zu leaves no answer", i, d->skip,
                 d->n);
    }
    return OK;
}

/* Orders of the texts, and whom each site may choose. */
static void job_draw(PerpcsJob *j)
{
    size_t *who = j->order; /* not yet in use */
    size_t pool = (size_t)((double)j->k * j->o->shared);
    for (size_t s = 0; s < j->n_sites; s++) {
        Rng rng = rng_stream(j->o->seed, "perpcs pool", s);
        for (size_t i = 0; i < j->k; i++) who[i] = i;
        if (pool < j->k) rng_shuffle(&rng, who, j->k);
        for (size_t i = 0; i < pool; i++) j->pool[s * j->k + who[i]] = true;
    }
    for (size_t p = 0; p < j->o->epochs; p++) {
        Rng rng = rng_stream(j->o->seed, "perpcs order", p);
        for (size_t i = 0; i < j->n; i++) j->order[p * j->n + i] = i;
        rng_shuffle(&rng, j->order + p * j->n, j->n);
    }
}

/* LN(g) of every anchor, site by site. */
static void job_sign(PerpcsJob *j, const Gate *const *gate)
{
    float *at = j->signs;
    for (size_t s = 0; s < j->n_sites; s++) {
        size_t n_in = j->anchor[0]->shape.n_in[s % LORA_KINDS];
        if (j->anchor[0]->site[s].r == 0) continue;
        j->sign[s] = at;
        for (size_t i = 0; i < j->k; i++, at += n_in) {
            double mean, rstd;
            ln_moments(&mean, &rstd, gate[i]->site[s], n_in);
            for (size_t c = 0; c < n_in; c++) at[c] = (float)(((double)gate[i]->site[s][c] - mean) * rstd);
        }
    }
}

static Status work_open(PerpcsWork *k, const PerpcsJob *j, size_t rows, Err *e)
{
    size_t docs = j->o->batch_docs < j->n ? j->o->batch_docs : j->n, widest = 1;
    for (size_t kind = 0; kind < LORA_KINDS; kind++)
        if (j->anchor[0]->shape.n_in[kind] > widest) widest = j->anchor[0]->shape.n_in[kind];
    k->job = j;
    k->seq = calloc(docs, sizeof *k->seq);
    k->skip = calloc(docs, sizeof *k->skip);
    k->mean = calloc(widest, sizeof *k->mean);
    k->score = calloc(j->k, sizeof *k->score);
    k->chosen = calloc(j->k, sizeof *k->chosen);
    k->part = calloc(j->k, sizeof *k->part);
    if (k->seq == NULL || k->skip == NULL || k->mean == NULL || k->score == NULL || k->chosen == NULL ||
        k->part == NULL)
        FAIL(e, ERR_NOMEM, "no memory for a batch of %zu texts", docs);
    TRY(lora_like(&k->mix, j->anchor[0], e));
    TRY(lora_bank_view(&k->bank, k->mix, e));
    TRY(pass_new(&k->pass, j->m, rows, k->bank->width, false, e));
    pass_hook(k->pass, site_assemble, k);
    return OK;
}

static void work_close(PerpcsWork *k)
{
    pass_free(k->pass);
    lora_bank_free(k->bank);
    lora_free(k->mix);
    free(k->seq);
    free(k->skip);
    free(k->mean);
    free(k->score);
    free(k->chosen);
    free(k->part);
}

static void job_close(PerpcsJob *j)
{
    for (size_t t = 0; j->work != NULL && t < j->threads; t++) work_close(&j->work[t]);
    free(j->work);
    free(j->order);
    free(j->sign);
    free(j->signs);
    free(j->pool);
    free(j->w);
}

static size_t batch_rows(const PerpcsJob *j)
{
    size_t longest = 0, docs = j->o->batch_docs < j->n ? j->o->batch_docs : j->n;
    for (size_t i = 0; i < j->n; i++) longest = j->doc[i].n > longest ? j->doc[i].n : longest;
    return docs * longest;
}

static Status job_open(PerpcsJob *j, const Gate *const *gate, Err *e)
{
    size_t threads = par_threads(), orders = j->o->epochs * j->n;
    j->per_epoch = (j->n + j->o->batch_docs - 1) / j->o->batch_docs;
    j->n_batches = j->per_epoch * j->o->epochs;
    j->threads = threads < j->n_batches ? threads : j->n_batches;
    j->order = calloc(orders > j->k ? orders : j->k, sizeof *j->order);
    j->sign = calloc(j->n_sites, sizeof *j->sign);
    j->signs = malloc(j->k * gate[0]->n_params * sizeof *j->signs + 1);
    j->pool = calloc(j->n_sites * j->k, sizeof *j->pool);
    j->w = calloc(j->n_batches * j->n_sites * j->k, sizeof *j->w);
    j->work = calloc(j->threads, sizeof *j->work);
    if (j->order == NULL || j->sign == NULL || j->signs == NULL || j->pool == NULL || j->w == NULL ||
        j->work == NULL)
        FAIL(e, ERR_NOMEM, "no memory to assemble from %zu anchors", j->k);
    job_draw(j);
    job_sign(j, gate);
    for (size_t t = 0; t < j->threads; t++) TRY(work_open(&j->work[t], j, batch_rows(j), e));
    return OK;
}

/* ---- the whole ---- */

/* Weights averaged over batches into those of the first, and the adapter that they give. */
static Status job_finish(Lora **out, double *weight, const PerpcsJob *j, Err *e)
{
    size_t each = j->n_sites * j->k;
    Lora *fresh = NULL;
    TRY(lora_like(&fresh, j->anchor[0], e));
    for (size_t b = 1; b < j->n_batches; b++)
        for (size_t i = 0; i < each; i++) j->w[i] += j->w[b * each + i];
    for (size_t i = 0; i < each; i++) j->w[i] /= (double)j->n_batches;
    for (size_t s = 0; s < j->n_sites; s++)
        if (fresh->site[s].r > 0) site_mix(fresh, j, j->work[0].part, j->work[0].chosen, j->w + s * j->k, s);
    if (weight != NULL) memcpy(weight, j->w, each * sizeof *weight);
    *out = fresh;
    return OK;
}

Status perpcs_assemble(Lora **out, double *weight, const Model *m, const Lora *const *anchor,
                       const Gate *const *gate, size_t k, const TrainDoc *doc, size_t n, const PerpcsOpts *o,
                       Err *e)
{
    PerpcsJob j = {.m = m, .anchor = anchor, .doc = doc, .o = o, .k = k, .n = n};
    j.n_sites = m->cfg.n_layers * LORA_KINDS;
    TRY(check_anchors(&j, gate, e));
    TRY(check_options(o, k, e));
    TRY(check_history(&j, e));
    Status s = job_open(&j, gate, e);
    if (s == OK) s = par_run(j.n_batches, j.threads, batch_job, &j, e);
    if (s == OK) s = job_finish(out, weight, &j, e);
    job_close(&j);
    return s;
}
