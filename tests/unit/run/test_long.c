/* Runs of many cells: memory and open files stay where they are. */
#include "crash.h"

#include <dirent.h>
#include <malloc.h>

typedef struct {
    size_t cells, from, files;
    double kb_from, kb_to, kb_most;
} Growth;

/* AddressSanitizer keeps what is freed, so that resident memory says nothing under it. */
#if defined(__SANITIZE_ADDRESS__)
enum { GROWTH_JUDGED = 0 };
#else
enum { GROWTH_JUDGED = 1 };
#endif

/* kB that memory grew by, and may. */
static void growth_check(double kb, double most)
{
    if (GROWTH_JUDGED)
        cr_assert_lt(kb, most, "%.0f kB", kb);
    else
        fprintf(stderr, "memory is not judged under AddressSanitizer: %.0f kB, elsewhere below %.0f\n", kb,
                most);
}

/* Resident memory in kB. */
static double growth_resident(void)
{
    char line[256];
    double pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert_not_null(f);
    if (fgets(line, sizeof line, f) != NULL) cr_assert_eq(sscanf(line, "%*s %lf", &pages), 1);
    fclose(f);
    return pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* Memory in kB that was asked for and not given back, in all arenas: what a leak of ours adds to, without
 * what the allocator keeps of memory that was given back. */
static double growth_held(void)
{
    struct mallinfo2 m = mallinfo2();
    return (double)(m.uordblks + m.hblkhd) / 1024;
}

/* Mappings of files, which malloc knows nothing of. */
static size_t growth_maps(void)
{
    char line[4096];
    size_t n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    cr_assert_not_null(f);
    while (fgets(line, sizeof line, f) != NULL) n += strchr(line, '/') != NULL;
    fclose(f);
    return n;
}

static size_t growth_files(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    cr_assert_not_null(d);
    while (readdir(d) != NULL) n++;
    closedir(d);
    return n;
}

static void growth_step(void *ctx, const char *label)
{
    Growth *g = ctx;
    (void)label;
    g->cells++;
    double kb = growth_resident();
    if (g->cells == g->from) {
        g->kb_from = kb;
        g->files = growth_files();
    }
    if (g->cells >= g->from) cr_assert_leq(growth_files(), g->files, "open files grow at cell %zu", g->cells);
    g->kb_to = kb;
}

/* One run of many seeds and lambdas: 200 cells, 2,000 with PRIME_TEST_LONG=1. What it keeps in memory for the
 * whole run (adapters of all seeds, the archive) is allowed: 4 kB a cell, and once what the allocator of
 * each thread and the libraries keep for later. */
Test(long_run, memory_and_files_stay_flat_over_many_cells, .timeout = 3000)
{
    World w = world_open();
    Str lambdas = {0};
    size_t many = crash_times(20);
    str_puts(&lambdas, "lambda=0");
    for (size_t i = 1; i < many; i++) str_printf(&lambdas, ",%g", 0.01 * (double)i);
    char seeds[] = "seeds=1,2,3,4,5";
    w.spec = world_spec(&w,
                        (const char *const[]){seeds, lambdas.s, "evolve.budget=4", "adapter.epochs=1",
                                              "targets.count=2", "anchors.pool=2", "utility.records=2",
                                              "search.records=2", "attack.members=2", "attack.heldout=2"},
                        10);
    Growth g = {.from = many * 10 / 4};
    char run[PATH];
    run_name(run, &w, "long", 0);
    SweepWatch watch = {.step = growth_step, .ctx = &g};
    MUST(sweep_run(&w.spec, run, &(SweepHow){.watch = &watch}, &e_));
    cr_assert_geq(g.cells, many * 10);
    double rate = (g.kb_to - g.kb_from) / (double)(g.cells - g.from);
    fprintf(stderr, "%zu cells: %.0f kB at cell %zu, %.0f kB at the end, %.2f kB a cell, %zu open files\n",
            g.cells, g.kb_from, g.from, g.kb_to, rate, g.files);
    growth_check(g.kb_to - g.kb_from, 8192 + 4.0 * (double)g.cells);
    str_free(&lambdas);
    world_close(&w);
}

/* Many runs in one process, as a service would have them. Nothing of a run is held, whatever their number.
 * Resident memory also moves by what the allocator keeps for each thread: up to 3.3 MB were seen in 24 runs.
 */
Test(long_run, nothing_stays_of_a_run_that_is_over, .timeout = 3000)
{
    World w = small_world();
    size_t times = crash_times(24), files = 0, maps = 0;
    double kb = 0, held = 0;
    for (size_t i = 0; i < times; i++) {
        char run[PATH];
        run_name(run, &w, "again", 0);
        MUST(sweep_run(&w.spec, run, NULL, &e_));
        file_remove_tree(run);
        if (i == times / 4) {
            kb = growth_resident();
            held = growth_held();
            maps = growth_maps();
            files = growth_files();
        }
    }
    double grown = growth_resident() - kb, kept = growth_held() - held;
    fprintf(stderr, "%zu runs: %.0f kB after %zu, %.0f kB more at the end; held %.0f kB and %.1f more\n",
            times, kb, times / 4, grown, held, kept);
    cr_assert_leq(growth_files(), files);
    cr_assert_leq(growth_maps(), maps);
    growth_check(kept, 64);
    growth_check(grown, 8192);
    world_close(&w);
}
