/* merge.c - a merge, site by site. */
#include "merge_priv.h"

#include "prime/arena.h"
#include "prime/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A merge under way. */
typedef struct {
    const Lora *const *l;
    size_t k, groups, n_sites, threads;
    const MergeWeights *w;
    const MergeMethod *m;
    MergeOpts o;
    bool measure;
    size_t *order;   /* [k] in which adapters are taken */
    uint64_t *id;    /* [k] a number that stands for an adapter's content */
    MergeMade *made; /* [sites] */
    Lora *out;       /* where they are placed, when their ranks are known beforehand */
    MergeWork *work; /* [threads] */
} MergeJob;

/* ---- what has to fit ---- */

static Status job_check(const MergeJob *j, Err *e)
{
    const char *name = j->m->name;
    for (size_t i = 1; i < j->k; i++) {
        if (!lora_shape_same(&j->l[i]->shape, &j->l[0]->shape))
            FAIL(e, ERR_SHAPE, "adapter %zu is for a model of another shape than adapter 0", i);
        for (size_t s = 0; j->m->form == MERGE_FACTORS && s < j->n_sites; s++) {
            const LoraSite *x = &j->l[0]->site[s], *y = &j->l[i]->site[s];
            if (j->m->op == LORA_PRIME && (x->r != y->r || x->scale != y->scale))
                FAIL(e, ERR_UNSUP, "the '%s' merge needs equal ranks and scales; adapters 0 and %zu differ",
                     name, i);
            if (x->r != y->r && x->r > 0 && y->r > 0)
                FAIL(e, ERR_UNSUP, "the '%s' merge needs equal ranks; adapters 0 and %zu have %zu and %zu",
                     name, i, x->r, y->r);
        }
    }
    if (j->m->recipe->coef == coef_slerp && j->k > 2)
        FAIL(e, ERR_UNSUP, "the '%s' merge joins two adapters, not %zu; see 'multislerp' and 'karcher'", name,
             j->k);
    return OK;
}

/* ---- order: sums of many entries must not depend on the order in which adapters are given ---- */

/* Adapters that are gone through side by side: each value waits for the one before it, but not for those of
 * other adapters. */
enum { ID_LANES = 4 };

/* h [k] goes on over x [k], n values each. */
static void identity_values(uint64_t *h, const float *const *x, const size_t *n, size_t k)
{
    size_t least = n[0];
    uint32_t bits;
    for (size_t c = 1; c < k; c++) least = n[c] < least ? n[c] : least;
    for (size_t v = 0; v < least; v++)
        for (size_t c = 0; c < k; c++) {
            memcpy(&bits, &x[c][v], sizeof bits);
            h[c] = rng_mix(h[c] + bits);
        }
    for (size_t c = 0; c < k; c++)
        for (size_t v = least; v < n[c]; v++) {
            memcpy(&bits, &x[c][v], sizeof bits);
            h[c] = rng_mix(h[c] + bits);
        }
}

static uint64_t identity_head(uint64_t h, const LoraSite *s, size_t at)
{
    uint32_t bits;
    if (s->r == 0) return h;
    memcpy(&bits, &s->scale, sizeof bits);
    return rng_mix(h ^ rng_mix(at) ^ ((uint64_t)s->r << 32 | bits));
}

/* Numbers h [k] that stand for the content of adapters l [k] of one shape, k <= ID_LANES: sites, ranks,
 * scales and values. */
static void job_identity(uint64_t *h, const Lora *const *l, size_t k)
{
    const LoraShape *shape = &l[0]->shape;
    memset(h, 0, k * sizeof *h);
    for (size_t i = 0; i < shape->n_layers * LORA_KINDS; i++) {
        const float *a[ID_LANES], *b[ID_LANES];
        size_t na[ID_LANES] = {0}, nb[ID_LANES] = {0};
        for (size_t c = 0; c < k; c++) {
            const LoraSite *s = &l[c]->site[i];
            h[c] = identity_head(h[c], s, i);
            a[c] = s->a;
            b[c] = s->b;
            na[c] = s->r * shape->n_in[i % LORA_KINDS];
            nb[c] = s->r * shape->n_out[i % LORA_KINDS];
        }
        identity_values(h, a, na, k);
        identity_values(h, b, nb, k);
    }
}

static bool job_before(const MergeJob *j, size_t x, size_t y)
{
    if (j->id[x] != j->id[y]) return j->id[x] < j->id[y];
    for (size_t g = 0; g < j->groups; g++) {
        double a = j->w->w[x * j->groups + g], b = j->w->w[y * j->groups + g];
        if (a != b) return a < b;
    }
    return false;
}

static Status job_identify(void *ctx, size_t i, size_t thread, Err *e)
{
    MergeJob *j = ctx;
    (void)thread;
    (void)e;
    size_t at = i * ID_LANES;
    job_identity(j->id + at, j->l + at, j->k - at < ID_LANES ? j->k - at : ID_LANES);
    return OK;
}

static Status job_sort(MergeJob *j, Err *e)
{
    for (size_t i = 0; i < j->k; i++) j->order[i] = i;
    if (j->m->form != MERGE_DENSE && (j->m->reads & MERGE_DENSITY) == 0) return OK;
    TRY(par_run((j->k + ID_LANES - 1) / ID_LANES, j->threads, job_identify, j, e));
    for (size_t i = 1; i < j->k; i++)
        for (size_t p = i; p > 0 && job_before(j, j->order[p], j->order[p - 1]); p--) {
            size_t t = j->order[p];
            j->order[p] = j->order[p - 1];
            j->order[p - 1] = t;
        }
    return OK;
}

/* ---- sites ---- */

/* Who takes part at a site. */
typedef struct {
    MergeSite site;
    const LoraSite **part;
    double *w;
    uint64_t *stream;
} MergePart;

static Status part_find(MergePart *p, Arena *mem, const MergeJob *j, size_t at, Err *e)
{
    size_t kind = at % LORA_KINDS, group = merge_group(j->w->by, &j->l[0]->shape, at), k = 0;
    p->part = arena_alloc(mem, j->k, sizeof *p->part);
    p->w = arena_alloc(mem, j->k, sizeof *p->w);
    p->stream = arena_alloc(mem, j->k, sizeof *p->stream);
    if (p->part == NULL || p->w == NULL || p->stream == NULL)
        FAIL(e, ERR_NOMEM, "no memory for %zu adapters", j->k);
    for (size_t i = 0; i < j->k; i++) {
        size_t from = j->order[i];
        double w = j->w->w[from * j->groups + group];
        if (j->l[from]->site[at].r == 0 || w == 0) continue;
        p->part[k] = &j->l[from]->site[at];
        p->w[k] = w;
        p->stream[k++] = rng_mix(j->id[from]) + at;
    }
    p->site = (MergeSite){.n_in = j->l[0]->shape.n_in[kind],
                          .n_out = j->l[0]->shape.n_out[kind],
                          .k = k,
                          .part = p->part,
                          .w = p->w,
                          .stream = p->stream,
                          .m = j->m,
                          .o = &j->o,
                          .measure = j->measure};
    return OK;
}

/* A site that some adapter has but for which all weights are 0 stays, as a zero of rank 1: an adapter without
 * any site is none. */
static Status job_site(void *ctx, size_t at, size_t thread, Err *e)
{
    MergeJob *j = ctx;
    MergePart p;
    Arena mem = {0};
    bool any = false;
    for (size_t i = 0; i < j->k; i++) any = any || j->l[i]->site[at].r > 0;
    if (!any) return OK;
    Status s = part_find(&p, &mem, j, at, e);
    if (s == OK && p.site.k == 0)
        s = made_new(&j->made[at], 1, p.site.n_out, p.site.n_in, e);
    else if (s == OK)
        s = j->m->recipe->site(&j->made[at], &p.site, &j->work[thread], e);
    arena_free(&mem);
    return s;
}

/* ---- the whole ---- */

/* Memory of all threads together, for methods that form dW. */
#define JOB_BYTES 4e9

static size_t job_threads(const MergeJob *j)
{
    size_t most = 1, threads = par_threads();
    for (size_t k = 0; k < LORA_KINDS; k++) {
        size_t n = j->l[0]->shape.n_in[k] * j->l[0]->shape.n_out[k];
        most = n > most ? n : most;
    }
    double one = 4.0 * (double)most * (double)(j->k + 3);
    if (j->m->form == MERGE_DENSE && one * (double)threads > JOB_BYTES)
        threads = one < JOB_BYTES ? (size_t)(JOB_BYTES / one) : 1;
    return threads;
}

static Status job_new(MergeJob *j, Err *e)
{
    j->threads = job_threads(j);
    j->order = calloc(j->k, sizeof *j->order);
    j->id = calloc(j->k, sizeof *j->id);
    j->made = calloc(j->n_sites, sizeof *j->made);
    j->work = calloc(j->threads, sizeof *j->work);
    if (j->order == NULL || j->id == NULL || j->made == NULL || j->work == NULL)
        FAIL(e, ERR_NOMEM, "no memory to merge %zu adapters", j->k);
    return OK;
}

static void job_free(MergeJob *j)
{
    for (size_t i = 0; j->made != NULL && i < j->n_sites; i++) made_free(&j->made[i]);
    for (size_t i = 0; j->work != NULL && i < j->threads; i++) free(j->work[i].x);
    lora_free(j->out);
    free(j->order);
    free(j->id);
    free(j->made);
    free(j->work);
}

/* The rank of what a method that forms dW makes of a site; 0 where no adapter has it. */
static size_t job_rank(const MergeJob *j, size_t at)
{
    const LoraShape *shape = &j->l[0]->shape;
    size_t kind = at % LORA_KINDS, group = merge_group(j->w->by, shape, at), sum = 0, any = 0;
    for (size_t i = 0; i < j->k; i++) {
        size_t r = j->l[i]->site[at].r;
        any += r;
        sum += j->w->w[i * j->groups + group] != 0 ? r : 0;
    }
    if (sum == 0) return any > 0 ? 1 : 0;
    return made_rank(&j->o, sum, shape->n_out[kind], shape->n_in[kind]);
}

/* The result of a method that forms dW may be as large as a model: it is written where it is to stay. */
static Status job_place(MergeJob *j, Err *e)
{
    if (j->m->form != MERGE_DENSE) return OK;
    size_t *rank = calloc(j->n_sites, sizeof *rank);
    if (rank == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sites", j->n_sites);
    for (size_t i = 0; i < j->n_sites; i++)
        if (j->l[0]->shape.n_out[i % LORA_KINDS] > 0) rank[i] = job_rank(j, i);
    Status s = lora_new_ranks(&j->out, &j->l[0]->shape, rank, e);
    for (size_t i = 0; s == OK && i < j->n_sites; i++)
        if (rank[i] > 0)
            j->made[i] =
                (MergeMade){.r = rank[i], .placed = true, .a = j->out->site[i].a, .b = j->out->site[i].b};
    free(rank);
    return s;
}

static Status job_assemble(Lora **out, MergeJob *j, Err *e)
{
    Lora *l = j->out;
    size_t *rank = calloc(j->n_sites, sizeof *rank);
    if (rank == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sites", j->n_sites);
    for (size_t i = 0; i < j->n_sites; i++) rank[i] = j->made[i].r;
    Status s = l == NULL ? lora_new_ranks(&l, &j->l[0]->shape, rank, e) : OK;
    free(rank);
    if (s != OK) return s;
    if (j->m->form == MERGE_FACTORS) l->dropout = j->l[0]->dropout;
    for (size_t i = 0; i < j->n_sites; i++) {
        const MergeMade *m = &j->made[i];
        if (m->r == 0) continue;
        l->site[i].scale = m->scale;
        if (m->placed) continue;
        memcpy(l->site[i].a, m->a, m->r * l->shape.n_in[i % LORA_KINDS] * sizeof *m->a);
        memcpy(l->site[i].b, m->b, m->r * l->shape.n_out[i % LORA_KINDS] * sizeof *m->b);
    }
    j->out = NULL;
    *out = l;
    return OK;
}

/* ---- reports ---- */

void merge_report_free(MergeReport *r)
{
    free(r->own); /* shares and signs lie behind it */
    *r = (MergeReport){0};
}

static void report_adapters(MergeReport *r, const MergeJob *j, const double *norm)
{
    double sum = 0, sq = 0;
    for (size_t i = 0; i < j->k; i++) {
        double own = 0, with = 0, sign = 0, plain = 0;
        for (size_t g = 0; g < j->groups; g++) {
            double w = j->w->w[i * j->groups + g], n = norm[i * j->groups + g];
            own += n * n;
            with += w * w * n * n;
            sign += w * n * n;
            plain += w / (double)j->groups;
        }
        r->own[i] = sqrt(own);
        r->share[i] = sqrt(with);
        r->sign[i] = own > 0 ? sign / own : plain;
        sum += r->share[i];
    }
    for (size_t i = 0; i < j->k; i++) {
        r->share[i] = sum > 0 ? r->share[i] / sum : NAN;
        sq += sum > 0 ? r->share[i] * r->share[i] : 0;
    }
    r->effective = sq > 0 ? 1 / sq : 0;
}

static Status report_make(MergeReport *rep, const MergeJob *j, Err *e)
{
    MergeReport r = {.k = j->k, .own = calloc(3 * j->k, sizeof *r.own)};
    double *norm = calloc(j->k * j->groups, sizeof *norm), norm2 = 0, exact2 = 0, cross2 = 0, cut2 = 0;
    if (r.own == NULL || norm == NULL) {
        free(r.own);
        free(norm);
        FAIL(e, ERR_NOMEM, "no memory for a report on %zu adapters", j->k);
    }
    r.share = r.own + j->k;
    r.sign = r.share + j->k;
    merge_group_norms(norm, j->l, j->k, j->w->by);
    report_adapters(&r, j, norm);
    free(norm);
    for (size_t i = 0; i < j->n_sites; i++) {
        const MergeMade *m = &j->made[i];
        r.rank = m->r > r.rank ? m->r : r.rank;
        norm2 += m->norm2 - m->cut2; /* the best approximation and the rest are orthogonal */
        exact2 += m->exact2;
        cross2 += m->cross2;
        cut2 += m->cut2;
    }
    r.norm = sqrt(fmax(0, norm2));
    r.exact = sqrt(fmax(0, exact2));
    r.cross = sqrt(fmax(0, cross2));
    r.cut = sqrt(cut2);
    *rep = r;
    return OK;
}

static Status job_run(Lora **out, MergeReport *rep, MergeJob *j, Err *e)
{
    TRY(job_new(j, e));
    TRY(job_place(j, e));
    TRY(job_sort(j, e));
    TRY(par_run(j->n_sites, j->threads, job_site, j, e));
    TRY(job_assemble(out, j, e));
    if (rep == NULL) return OK;
    Status s = report_make(rep, j, e);
    if (s != OK) {
        lora_free(*out);
        *out = NULL;
    }
    return s;
}

Status merge_build(Lora **out, MergeReport *rep, const MergeMethod *m, const Lora *const *l, size_t k,
                   const MergeWeights *w, const MergeOpts *o, Err *e)
{
    if (k == 0) FAIL(e, ERR_ARG, "a merge of 0 adapters, want at least 1");
    MergeJob j = {.l = l, .k = k, .w = w, .m = m, .measure = rep != NULL};
    j.groups = merge_groups(w->by, &l[0]->shape);
    j.n_sites = l[0]->shape.n_layers * LORA_KINDS;
    TRY(merge_check(m, o, w->w, k * j.groups, e));
    TRY(job_check(&j, e));
    j.o = merge_resolve(m, o);
    Lora *made = NULL;
    Status s = job_run(&made, rep, &j, e);
    job_free(&j);
    if (s == OK) *out = made;
    return s;
}

Status merge_run(Lora **out, const MergeMethod *m, const Lora *const *l, const double *w, size_t k, Err *e)
{
    MergeOpts o = merge_opts();
    return merge_build(out, NULL, m, l, k, &(MergeWeights){w, MERGE_BY_ADAPTER}, &o, e);
}

Status merge_attenuation(double *ratio, double *norm, double *anchor, const Lora *merged,
                         const Lora *const *l, size_t k, Err *e)
{
    double own = 0, sum = lora_norm(merged);
    for (size_t j = 0; j < k; j++) own += lora_norm(l[j]) / (double)k;
    if (!(own > 0)) FAIL(e, ERR_NUM, "all adapters are zero: their norm is %g", own);
    *ratio = sum / own;
    if (norm != NULL) *norm = sum;
    if (anchor != NULL) *anchor = own;
    return OK;
}
