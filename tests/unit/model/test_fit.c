/* Scoring and generating within a limit of memory: the same results where everything at once would not fit,
 * proved in a process that the system gives no more to. */
#include <math.h>

#include "tiny.h"

#include "prime/generate.h"
#include "prime/mat.h"
#include "prime/memory.h"
#include "prime/par.h"
#include "prime/score.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXTS = 48, LEN = 96, ANSWER = 12, N_CAND = 4, NEW = 8 };

typedef struct {
    Model *m;
    Lora *l;
    LoraBank *bank;
    float w[N_CAND];
    int32_t ids[TEXTS][LEN];
    ScoreItem item[TEXTS];
    GenItem ask[TEXTS];
} Room;

/* What a child tells: shared with its parent. */
typedef struct {
    Status score, gen;
    ScoreOut nll[TEXTS];
    int32_t said[TEXTS * NEW];
    GenOut end[TEXTS];
    char msg[PRIME_ERR_MSG];
} Told;

/* Pairs of texts share a prompt, so that keys and values are kept; four candidates. */
static Room room_open(void)
{
    Room r = {0};
    ModelConfig c = tiny_config();
    c.max_len = 256;
    c.n_layers = 8;
    r.m = tiny_model(&c, 1);
    mat_init();
    r.l = tiny_lora(r.m, TINY_QKVO, 3, 10);
    MUST(lora_bank_new(&r.bank, (const Lora *const *)&r.l, 1, &e_));
    Rng rng = rng_stream(3, "texts", 0);
    for (size_t i = 0; i < N_CAND; i++) r.w[i] = (float)i;
    for (size_t i = 0; i < TEXTS; i++)
        for (size_t t = 0; t < LEN; t++)
            r.ids[i][t] =
                i % 2 == 1 && t < LEN - ANSWER ? r.ids[i - 1][t] : (int32_t)rng_below(&rng, c.n_vocab);
    return r;
}

static void room_items(Room *r)
{
    for (size_t i = 0; i < TEXTS; i++) {
        r->item[i] = (ScoreItem){r->ids[i], LEN, LEN - ANSWER, i / 2 % N_CAND};
        r->ask[i] = (GenItem){r->ids[i], LEN - ANSWER, i / 2 % N_CAND};
    }
}

static void room_close(Room *r)
{
    memory_set_limit(0);
    par_set_threads(0);
    lora_bank_free(r->bank);
    lora_free(r->l);
    model_free(r->m);
}

static void room_work(Told *t, const Room *r)
{
    PassLora lora = {.bank = r->bank, .op = LORA_EXACT, .w = (float *)(uintptr_t)r->w};
    GenOpts o = gen_greedy(NEW);
    Err e = {0}, e2 = {0};
    t->score = score_nll(t->nll, r->m, &lora, N_CAND, r->item, TEXTS, &e);
    t->gen = gen_texts(t->said, t->end, r->m, &lora, N_CAND, r->ask, TEXTS, &o, &e2);
    snprintf(t->msg, sizeof t->msg, "%s", e.msg[0] != '\0' ? e.msg : e2.msg);
}

/* Bytes of data segments, as RLIMIT_DATA counts them. */
static size_t data_now(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f != NULL && fscanf(f, "%*u %*u %*u %*u %*u %lu", &pages) == 1);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* In a child that may take so many bytes more than it has; limit: what the program keeps to. */
static Told *room_within(const Room *r, size_t more, size_t limit)
{
    Told *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(t, MAP_FAILED);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        struct rlimit d = {data_now() + more, RLIM_INFINITY};
        memory_set_limit(limit);
        par_set_threads(1);
        if (setrlimit(RLIMIT_DATA, &d) != 0) _exit(9);
        room_work(t, r);
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    return t;
}

static void told_same(const Told *a, const Told *b)
{
    for (size_t i = 0; i < TEXTS; i++) {
        cr_assert_float_eq(a->nll[i].nll_sum, b->nll[i].nll_sum, 1e-5 * fabs(b->nll[i].nll_sum), "text %zu",
                           i);
        cr_assert_eq(a->nll[i].n_tokens, b->nll[i].n_tokens);
        cr_assert_eq(a->end[i].n, b->end[i].n);
        cr_assert(memcmp(a->said + i * NEW, b->said + i * NEW, a->end[i].n * sizeof(int32_t)) == 0,
                  "text %zu", i);
    }
}

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

Test(fit, a_small_limit_gives_the_same_results, .timeout = 120)
{
    Room r = room_open();
    room_items(&r);
    static Told whole;
    par_set_threads(1);
    room_work(&whole, &r); /* warms up what is made once a process, too */
    cr_assert(whole.score == OK && whole.gen == OK, "%s", whole.msg);
    size_t weights = r.m->p.n * sizeof(float), small = (size_t)3 << 20;
    if (!SANITIZED) { /* whose own memory is without bound */
        Told *none = room_within(&r, small, 0), *kept = room_within(&r, small, weights + small);
        cr_expect(none->score == ERR_NOMEM || none->gen == ERR_NOMEM, "without a limit it fits anyway");
        cr_assert(kept->score == OK && kept->gen == OK, "%s", kept->msg);
        told_same(kept, &whole);
    }
    for (size_t more = (size_t)64 << 20; more > small; more /= 4) {
        static Told t;
        memory_set_limit(weights + more);
        room_work(&t, &r);
        cr_assert(t.score == OK && t.gen == OK, "%zu: %s", more, t.msg);
        told_same(&t, &whole);
    }
    room_close(&r);
}

/* Where threads are what does not fit, fewer work, with the same bits as where all fit. Without any limit
 * products of the first layer are taken of other numbers of rows, which can round otherwise. */
Test(fit, fewer_threads_come_first, .timeout = 120)
{
    Room r = room_open();
    room_items(&r);
    static Told one, two;
    par_set_threads(8);
    memory_set_limit((size_t)1 << 40);
    room_work(&one, &r);
    memory_set_limit(r.m->p.n * sizeof(float) + ((size_t)100 << 20));
    room_work(&two, &r);
    cr_assert(memcmp(one.nll, two.nll, sizeof one.nll) == 0 &&
              memcmp(one.said, two.said, sizeof one.said) == 0);
    room_close(&r);
}

Test(fit, a_text_that_does_not_fit_is_refused_with_what_it_wants, .timeout = 120)
{
    Room r = room_open();
    room_items(&r);
    static Told t;
    size_t want = 0;
    memory_set_limit(1000);
    room_work(&t, &r);
    cr_assert(t.score == ERR_NOMEM && t.gen == ERR_NOMEM);
    const char *at = strstr(t.msg, "want at least ");
    cr_assert(at != NULL && sscanf(at, "want at least %zu", &want) == 1, "%s", t.msg);
    memory_set_limit(want);
    room_work(&t, &r);
    cr_assert_eq(t.score, OK, "%s", t.msg);
    memory_set_limit(want - 1);
    room_work(&t, &r);
    cr_assert_eq(t.score, ERR_NOMEM);
    room_close(&r);
}

Test(fit, sizes_are_read)
{
    static const struct {
        const char *text;
        size_t bytes;
    } good[] = {
        {"4G", (size_t)4 << 30}, {"1.5K", 1536}, {"500M", 500u << 20}, {"12", 12}, {"1T", (size_t)1 << 40}};
    static const char *const bad[] = {"", "G", "4GB", "-1", "0", "4 G", "nan", "inf", "1e30"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        MUST(memory_parse(&n, good[i].text, &e_));
        cr_expect_eq(n, good[i].bytes, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Err e = {0};
        cr_expect_eq(memory_parse(&n, bad[i], &e), ERR_ARG, "'%s'", bad[i]);
        cr_expect_not_null(strstr(e.msg, "want bytes"));
    }
}
