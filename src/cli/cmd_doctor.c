/* cmd_doctor.c - what this program was built with and runs on, and whether it can work here. */
#include "cli_model.h"

#include "prime/origin.h"
#include "prime/host.h"
#include "prime/js.h"
#include "prime/mat.h"
#include "prime/par.h"
#include "prime/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void doctor_build(CliRecord *r)
{
    cli_record_str(r, "version", PRIME_VERSION);
    cli_record_str(r, "commit", origin_commit());
    cli_record_str(r, "compiler", origin_compiler());
    for (size_t i = 0; origin_library(i) != NULL; i++) {
        const char *library = origin_library(i);
        char name[64];
        size_t n = strcspn(library, " ");
        snprintf(name, sizeof name, "built_with.%.*s", (int)n, library);
        cli_record_str(r, name, library[n] != '\0' ? library + n + 1 : "");
    }
}

/* What the system does not tell is left out. */
static void doctor_bytes(CliRecord *r, const char *key, double bytes)
{
    if (!isnan(bytes)) cli_record_num(r, key, bytes);
}

static void doctor_machine(CliRecord *r)
{
    const char *core = getenv("OPENBLAS_CORETYPE");
    char cpu[HOST_NAME];
    host_cpu(cpu);
    cli_record_str(r, "products", mat_backend());
    cli_record_str(r, "blas", mat_library());
    cli_record_str(r, "blas_kernel", mat_kernel());
    if (core != NULL) cli_record_str(r, "OPENBLAS_CORETYPE", core);
    cli_record_str(r, "cpu", cpu);
    cli_record_num(r, "threads", (double)par_threads());
    cli_record_num(r, "processors", (double)sysconf(_SC_NPROCESSORS_ONLN));
    doctor_bytes(r, "memory_bytes", host_memory());
    doctor_bytes(r, "free_memory_bytes", host_memory_free());
    doctor_bytes(r, "free_disk_bytes", host_disk_free("."));
    cli_record_str(r, "folder_writable", host_writable(".") ? "yes" : "no");
}

/* A base model is good when its weights and tokenizer load, and one step through it gives numbers. */
static Status doctor_model(CliRecord *r, const char *dir, Err *e)
{
    CliModel m = {0};
    CliList none = {0};
    Status s = cli_model_open(&m, dir, true, &none, e);
    if (s == OK) {
        int32_t ids[2] = {0, 0};
        ScoreOut out = {0};
        ScoreItem item = {.ids = ids, .n = 2, .skip = 1};
        s = score_nll(&out, m.model, NULL, 1, &item, 1, e);
    }
    if (s == OK) {
        cli_record_str(r, "model", dir);
        cli_record_num(r, "model_parameters", (double)m.model->p.n);
        cli_record_num(r, "model_positions", (double)m.model->cfg.max_len);
        cli_record_num(r, "model_vocabulary", (double)m.model->cfg.n_vocab);
        cli_record_num(r, "tokenizer_entries", (double)tok_vocab_size(m.tok));
    }
    cli_model_close(&m);
    return s;
}

static Status doctor_all(CliRecord *r, const char *model, Err *e)
{
    doctor_build(r);
    doctor_machine(r);
    Status s = model != NULL ? doctor_model(r, model, e) : OK;
    Status printed = cli_record_print(r, s == OK ? e : NULL);
    return s == OK ? printed : s;
}

static int doctor_run(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    CliRecord r = {0};
    const char *model = NULL;
    Err e = {0};
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &model, "DIR", "load a base model, too, and ask it one thing", 0, 0},
        CLI_MODEL_OPTS,
    };
    int code = cli_args(self, "doctor", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    return doctor_all(&r, model, &e) == OK ? EXIT_DONE : cli_fail(&e);
}

static const CliVerb verbs[] = {
    {"", "", "libraries, BLAS kernel, threads, memory, disk; a base model", doctor_run}, {0}};
const CliNoun cli_doctor = {"doctor", "libraries, BLAS kernel, threads, memory, disk", verbs};
