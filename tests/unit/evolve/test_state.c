/* States that are saved, restored and damaged, of every method and option. */
#include "problems.h"

static const double limits[1] = {0.5};

/* f, one limited value, up to three objectives: whatever the evolver wants. */
static void state_values(double *f, const Evolver *ev, const double *x)
{
    size_t n = evolve_dim(ev), values = evolve_values(ev);
    for (size_t k = 0; k < evolve_popsize(ev); k++)
        for (size_t j = 0; j < values; j++) {
            double at = j == 0 ? 0.6 : j == 1 ? 0 : -0.3, s = 0;
            for (size_t i = 0; i < n; i++) s += (x[k * n + i] - at) * (x[k * n + i] - at);
            f[k * values + j] = s;
        }
}

/* One generation; out gets the points. */
static void state_step(Evolver *ev, double **x, double **f)
{
    problem_room(x, f, ev);
    evolve_ask(ev, *x);
    state_values(*f, ev, *x);
    Err e = {0};
    cr_assert_eq(evolve_tell(ev, *x, *f, &e), OK, "%s", e.msg);
}

static void states_equal(const Evolver *a, const Evolver *b, const char *what, int at)
{
    Str s = {0}, t = {0};
    evolve_save(a, &s);
    evolve_save(b, &t);
    cr_assert(s.n == t.n && memcmp(s.s, t.s, s.n) == 0, "%s: states differ after generation %d", what, at);
    str_free(&s);
    str_free(&t);
}

/* Every variant worth a state of its own. */
typedef struct {
    const char *name;
    Evolver *ev;
} Variant;

static size_t variants_make(Variant *v, size_t dim)
{
    size_t n = 0;
    for (size_t m = 0; evolve_method_at(m) != NULL; m++) {
        const EvolveMethod *row = evolve_method_at(m);
        EvolveOpts o = {.dim = dim, .lo = -1.5, .hi = 1.5, .sigma = 0.3, .seed = 77 + m};
        if (row->many) o.n_obj = 3;
        if (row->many) o.popsize = 8;
        if (row->restart != EVOLVE_ONE_RUN) o.tol_fun = 1e-2;
        v[n++] = (Variant){row->name, problem_open(row->name, &o)};
        o.bound = EVOLVE_SMOOTH;
        if (!row->many) o.n_limits = 1;
        o.limit = limits;
        v[n++] = (Variant){row->name, problem_open(row->name, &o)};
        if (strncmp(row->name, "cma", 3) != 0) continue;
        for (EvolveNoise noise = EVOLVE_NOISE_NONE; noise <= EVOLVE_NOISE_RATE; noise++) {
            o.noise = noise;
            o.elitist = o.positive = noise == EVOLVE_NOISE_NONE;
            o.repeat_max = noise == EVOLVE_NOISE_REPEAT ? 4 : 1;
            v[n++] = (Variant){row->name, problem_open(row->name, &o)};
        }
    }
    return n;
}

enum { VARIANTS = 64 };

Test(state, saved_and_restored_goes_on_alike_from_every_generation)
{
    Variant v[VARIANTS];
    size_t n = variants_make(v, 5), restarts = 0;
    double *x[2] = {NULL, NULL}, *f[2] = {NULL, NULL};
    for (size_t i = 0; i < n; i++) {
        Evolver *b = NULL;
        for (int g = 0; g < 70; g++) {
            Str s = {0};
            Err e = {0};
            evolve_free(b);
            evolve_save(v[i].ev, &s);
            cr_assert_eq(evolve_restore(&b, s.s, s.n, &e), OK, "%s: %s", v[i].name, e.msg);
            str_free(&s);
            state_step(v[i].ev, &x[0], &f[0]);
            state_step(b, &x[1], &f[1]);
            states_equal(v[i].ev, b, v[i].name, g);
        }
        /* and an undisturbed copy of the first restored one, for long */
        for (int g = 0; g < 200; g++) {
            state_step(v[i].ev, &x[0], &f[0]);
            state_step(b, &x[1], &f[1]);
        }
        states_equal(v[i].ev, b, v[i].name, 270);
        restarts += evolve_view(b).restarts;
        evolve_free(b);
        evolve_free(v[i].ev);
    }
    cr_assert_gt(restarts, 20u, "%zu restarts happened on the way", restarts);
    for (size_t i = 0; i < 2; i++) {
        free(x[i]);
        free(f[i]);
    }
}

Test(state, asking_again_gives_the_same_points_inside_the_box)
{
    Variant v[VARIANTS];
    size_t n = variants_make(v, 4);
    double *x = NULL, *y = NULL, *f = NULL;
    for (size_t i = 0; i < n; i++) {
        for (int g = 0; g < 40; g++) {
            problem_room(&x, &f, v[i].ev);
            problem_room(&y, &f, v[i].ev);
            size_t cells = evolve_popsize(v[i].ev) * 4;
            evolve_ask(v[i].ev, x);
            evolve_ask(v[i].ev, y);
            cr_assert_eq(memcmp(x, y, cells * sizeof *x), 0, "%s, generation %d", v[i].name, g);
            for (size_t c = 0; c < cells; c++)
                cr_assert(x[c] >= -1.5 && x[c] <= 1.5, "%s: %g", v[i].name, x[c]);
            state_step(v[i].ev, &x, &f);
        }
        evolve_free(v[i].ev);
    }
    free(x);
    free(y);
    free(f);
}

/* What a damaged state does: refused with a sentence, or taken and then nothing worse than a refusal. */
static size_t damaged_try(const char *data, size_t n)
{
    Evolver *back = NULL;
    Err e = {0};
    Status st = evolve_restore(&back, data, n, &e);
    cr_assert(st == OK || ((st == ERR_FORMAT || st == ERR_NOMEM) && e.msg[0] != '\0'));
    if (st != OK) return 0;
    double *x = NULL, *f = NULL;
    for (int g = 0; g < 2; g++) {
        problem_room(&x, &f, back);
        evolve_ask(back, x);
        state_values(f, back, x);
        e = (Err){0};
        cr_assert(evolve_tell(back, x, f, &e) == OK || e.msg[0] != '\0');
    }
    free(x);
    free(f);
    evolve_free(back);
    return 1;
}

static void damage_words(Str *s, size_t *taken)
{
    static const double bad[] = {NAN, -1e308, 1e308, 0, -1, INFINITY, 3};
    static const uint64_t count[] = {0, 1, 2, 5, 1 << 12, UINT64_MAX, (uint64_t)1 << 40};
    char *copy = malloc(s->n);
    cr_assert_not_null(copy);
    for (size_t i = 0; i + 8 <= s->n; i += 8)
        for (size_t k = 0; k < 14; k++) {
            memcpy(copy, s->s, s->n);
            memcpy(copy + i, k < 7 ? (const void *)&bad[k] : (const void *)&count[k - 7], 8);
            *taken += damaged_try(copy, s->n);
        }
    free(copy);
}

/* Random bytes in random places, from a fixed seed. */
static void damage_bytes(Str *s, size_t *taken, uint64_t seed)
{
    char *copy = malloc(s->n);
    cr_assert_not_null(copy);
    Rng r = rng_stream(seed, "damage", 0);
    for (int round = 0; round < 300; round++) {
        memcpy(copy, s->s, s->n);
        for (size_t k = 1 + rng_below(&r, 4); k > 0; k--)
            copy[8 + rng_below(&r, s->n - 8)] = (char)rng_u64(&r);
        *taken += damaged_try(copy, s->n - (round % 5 == 0 ? rng_below(&r, 9) : 0));
    }
    free(copy);
}

Test(state, damaged_states_are_refused_or_harmless)
{
    Variant v[VARIANTS];
    size_t n = variants_make(v, 2), taken = 0;
    double *x = NULL, *f = NULL;
    for (size_t i = 0; i < n; i++) {
        for (int g = 0; g < 5; g++) state_step(v[i].ev, &x, &f);
        Str s = {0};
        evolve_save(v[i].ev, &s);
        for (size_t cut = 0; cut < s.n; cut += 7) {
            Evolver *back;
            cr_assert_eq(evolve_restore(&back, s.s, cut, NULL), ERR_FORMAT);
        }
        damage_words(&s, &taken);
        damage_bytes(&s, &taken, i);
        str_free(&s);
        evolve_free(v[i].ev);
    }
    cr_assert_gt(taken, 1000u, "some damage cannot be seen: %zu states were taken", taken);
    free(x);
    free(f);
}
