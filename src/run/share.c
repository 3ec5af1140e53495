/* share.c - training by several processes: adapters are files in the run's folder, so each process trains
 * some and reads the others' when all are there. */
#include "audit_priv.h"

#include "crew_priv.h"

#include "prime/par.h"

typedef struct {
    size_t n, each; /* jobs, and how many of them are handed out at once: one a thread */
    ParJob job;
    void *ctx;
} Share;

typedef struct {
    const Share *share;
    size_t first;
} SharePart;

static Status share_job(void *ctx, size_t job, size_t thread, Err *e)
{
    const SharePart *p = ctx;
    return p->share->job(p->share->ctx, p->first + job, thread, e);
}

static Status share_work(void *ctx, size_t unit, const void *data, size_t n, const CrewGive *give, Err *e)
{
    const Share *s = ctx;
    SharePart p = {s, unit * s->each};
    (void)data, (void)n, (void)give;
    size_t left = s->n - p.first;
    return par_run(left < s->each ? left : s->each, par_threads(), share_job, &p, e);
}

/* Jobs are done already where this process did them; the others' are read. */
static Status share_read(const Share *s, bool *resume, Err *e)
{
    bool before = *resume;
    *resume = true;
    Status st = par_run(s->n, par_threads(), s->job, s->ctx, e);
    *resume = before;
    return st;
}

Status share_jobs(const Audit *a, bool *resume, size_t n, ParJob job, void *ctx, Err *e)
{
    static const CrewJob crew = {.work = share_work};
    if (crew_size(a->crew) == 1) return par_run(n, par_threads(), job, ctx, e);
    Share s = {n, 1, job, ctx};
    TRY(crew_agree(a->crew, OK, e));
    /* Two parts at least for everybody, and beyond that all threads of a process busy. */
    while (s.each < par_threads() && n / (s.each + 1) >= 2 * crew_size(a->crew)) s.each++;
    s.each = crew_first(a->crew, s.each);
    TRY(crew_run(a->crew, NULL, (n + s.each - 1) / s.each, &crew, &s, e));
    return crew_agree(a->crew, share_read(&s, resume, e), e);
}

Status share_one(const Audit *a, bool *resume, Status (*fn)(void *ctx, Err *e), void *ctx, Err *e)
{
    bool before = *resume;
    Status s = crew_rank(a->crew) == 0 ? fn(ctx, e) : OK;
    TRY(crew_agree(a->crew, s, e));
    *resume = true;
    if (crew_rank(a->crew) > 0) s = fn(ctx, e);
    *resume = before;
    return crew_agree(a->crew, s, e);
}

Status share_may_train(const Audit *a, const char *dir, Err *e)
{
    if (a->adapters == NULL) return OK;
    FAIL(e, ERR_IO,
         "%s: is not there, and what --adapters names is only read: train it with --train-only first", dir);
}
