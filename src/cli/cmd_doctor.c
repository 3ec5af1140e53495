/* cmd_doctor.c - what this program was built with and runs on. */
#include "cli_model.h"

#include "prime/js.h"
#include "prime/mat.h"
#include "prime/par.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* "name version" of each library, as the build found them. */
static const char *const built_with[] = {PRIME_LIBRARIES};

static void doctor_build(CliRecord *r)
{
    cli_record_str(r, "version", PRIME_VERSION);
    cli_record_str(r, "compiler", COMPILER);
    for (size_t i = 0; i < sizeof built_with / sizeof built_with[0]; i++) {
        char name[64];
        size_t n = strcspn(built_with[i], " ");
        snprintf(name, sizeof name, "built_with.%.*s", (int)n, built_with[i]);
        cli_record_str(r, name, built_with[i][n] != '\0' ? built_with[i] + n + 1 : "");
    }
}

static void doctor_machine(CliRecord *r)
{
    struct statvfs disk;
    const char *core = getenv("OPENBLAS_CORETYPE");
    cli_record_str(r, "blas", mat_library());
    cli_record_str(r, "blas_kernel", mat_kernel());
    if (core != NULL) cli_record_str(r, "OPENBLAS_CORETYPE", core);
    cli_record_num(r, "threads", (double)par_threads());
    cli_record_num(r, "processors", (double)sysconf(_SC_NPROCESSORS_ONLN));
    if (statvfs(".", &disk) == 0) /* what anybody may use, not root alone */
        cli_record_num(r, "free_disk_bytes", (double)disk.f_bavail * (double)disk.f_frsize);
}

static int doctor_run(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    CliRecord r = {0};
    Err e = {0};
    int code = cli_args(self, "doctor", NULL, 0, argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    doctor_build(&r);
    doctor_machine(&r);
    return cli_record_print(&r, &e) == OK ? EXIT_DONE : cli_fail(&e);
}

static const CliVerb verbs[] = {{"", "", "libraries, BLAS kernel, threads, disk", doctor_run}, {0}};
const CliNoun cli_doctor = {"doctor", "libraries, BLAS kernel, threads, disk", verbs};
