/* cmd_doctor.c - what this program was built with and runs on, and whether it can work here. */
#include "cli_model.h"

#include "prime/origin.h"
#include "prime/file.h"
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

/* ---- precision ---- */

/* Texts to compare precisions on: of a file, one a line, or tokens drawn at random. */
typedef struct {
    TokIds *ids; /* [n] */
    ScoreItem *item;
    size_t n;
    ScoreSignals sig[MAT_TYPES];
} DoctorTexts;

enum { DRAWN_TEXTS = 8, DRAWN_TOKENS = 64 };

static Status doctor_texts_draw(DoctorTexts *t, const ModelConfig *c, Err *e)
{
    Rng rng = rng_stream(1, "doctor", 0);
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < DRAWN_TOKENS && k < c->max_len; k++)
            TRY(tok_ids_push(&t->ids[i], (int32_t)rng_below(&rng, c->n_vocab), e));
    return OK;
}

static Status doctor_texts_encode(DoctorTexts *t, const Tok *tok, const ModelConfig *c, char *data, Err *e)
{
    size_t i = 0;
    char *save = NULL;
    for (char *line = strtok_r(data, "\r\n", &save); line != NULL;
         line = strtok_r(NULL, "\r\n", &save), i++) {
        TRY(tok_encode(tok, &t->ids[i], line, strlen(line), false, e));
        if (t->ids[i].n > c->max_len) t->ids[i].n = c->max_len;
    }
    return OK;
}

static Status doctor_texts_room(DoctorTexts *t, size_t n, Err *e)
{
    t->n = n;
    t->ids = calloc(n + 1, sizeof *t->ids);
    t->item = calloc(n + 1, sizeof *t->item);
    if (t->ids == NULL || t->item == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", n);
    return OK;
}

/* Texts of one token say nothing and are left out. */
static Status doctor_texts_read(DoctorTexts *t, const char *path, const CliModel *m, Err *e)
{
    char *data = NULL;
    size_t size = 0, lines = 1, n = 0;
    if (path == NULL) {
        TRY(doctor_texts_room(t, DRAWN_TEXTS, e));
        TRY(doctor_texts_draw(t, &m->model->cfg, e));
    } else {
        TRY(file_read(&data, &size, path, e));
        for (size_t i = 0; i < size; i++) lines += data[i] == '\n';
        Status s = doctor_texts_room(t, lines, e);
        if (s == OK) s = doctor_texts_encode(t, m->tok, &m->model->cfg, data, e);
        free(data);
        TRY(s);
    }
    for (size_t i = 0; i < t->n; i++) {
        if (t->ids[i].n <= 1) continue;
        t->item[n] = (ScoreItem){.ids = t->ids[i].id, .n = t->ids[i].n, .skip = 1};
        n++;
    }
    if (n == 0) FAIL(e, ERR_ARG, "%s: no text of at least two tokens", path != NULL ? path : "the model");
    return OK;
}

static size_t doctor_texts_used(const DoctorTexts *t)
{
    size_t n = 0;
    while (n < t->n && t->item[n].n > 0) n++;
    return n;
}

static Status doctor_texts_score(DoctorTexts *t, MatType p, CliModel *m, Err *e)
{
    ScoreSignals *s = &t->sig[p];
    size_t n = doctor_texts_used(t), tokens = score_tokens(t->item, n);
    s->start = calloc(n + 1, sizeof *s->start);
    s->id = calloc(tokens, sizeof *s->id);
    s->logp = calloc(tokens, sizeof *s->logp);
    s->mu = calloc(tokens, sizeof *s->mu);
    s->sigma = calloc(tokens, sizeof *s->sigma);
    s->rank = calloc(tokens, sizeof *s->rank);
    if (s->start == NULL || s->id == NULL || s->logp == NULL || s->mu == NULL || s->sigma == NULL ||
        s->rank == NULL)
        FAIL(e, ERR_NOMEM, "no memory for the signals of %zu tokens", tokens);
    TRY(model_pack(m->model, p, e));
    return score_signals(s, m->model, NULL, 1, t->item, n, e);
}

static void doctor_texts_free(DoctorTexts *t)
{
    for (size_t i = 0; t->ids != NULL && i < t->n; i++) tok_ids_free(&t->ids[i]);
    free(t->ids);
    free(t->item);
    for (MatType p = 0; p < MAT_TYPES; p++) {
        ScoreSignals *s = &t->sig[p];
        void *own[] = {s->start, s->id, s->logp, s->mu, s->sigma, s->rank};
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) free(own[i]);
    }
}

static double doctor_texts_sum(const DoctorTexts *t, MatType p, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) sum -= (double)t->sig[p].logp[i];
    return sum;
}

/* Nats a token: means, and the largest difference of a text's mean and of a token. */
static void doctor_texts_record(CliRecord *r, const DoctorTexts *t)
{
    size_t n = doctor_texts_used(t), tokens = score_tokens(t->item, n);
    double text = 0, token = 0;
    for (size_t i = 0; i < n; i++) {
        size_t from = t->sig[MAT_F32].start[i], to = t->sig[MAT_F32].start[i + 1];
        text = fmax(text,
                    fabs(doctor_texts_sum(t, MAT_BF16, from, to) - doctor_texts_sum(t, MAT_F32, from, to)) /
                        (double)(to - from));
    }
    for (size_t i = 0; i < tokens; i++)
        token = fmax(token, fabs((double)t->sig[MAT_BF16].logp[i] - (double)t->sig[MAT_F32].logp[i]));
    cli_record_num(r, "precision_tokens", (double)tokens);
    cli_record_num(r, "nll_f32", doctor_texts_sum(t, MAT_F32, 0, tokens) / (double)tokens);
    cli_record_num(r, "nll_bf16", doctor_texts_sum(t, MAT_BF16, 0, tokens) / (double)tokens);
    cli_record_num(r, "nll_difference_text", text);
    cli_record_num(r, "nll_difference_token", token);
}

static Status doctor_precision(CliRecord *r, CliModel *m, const char *path, Err *e)
{
    DoctorTexts t = {0};
    Status s = doctor_texts_read(&t, path, m, e);
    for (MatType p = 0; s == OK && p < MAT_TYPES; p++) s = doctor_texts_score(&t, p, m, e);
    if (s == OK) {
        cli_record_str(r, "precision_kernel", mat_pack_kernel(m->model->p.head.pack));
        doctor_texts_record(r, &t);
    }
    doctor_texts_free(&t);
    return s;
}

/* ---- all ---- */

/* A base model is good when its weights and tokenizer load, and one step through it gives numbers. */
static Status doctor_model(CliRecord *r, const char *dir, const char *text, Err *e)
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
        cli_record_num(r, "model_parameters", (double)m.model->n_params);
        cli_record_num(r, "model_positions", (double)m.model->cfg.max_len);
        cli_record_num(r, "model_vocabulary", (double)m.model->cfg.n_vocab);
        cli_record_num(r, "tokenizer_entries", (double)tok_vocab_size(m.tok));
        if (m.model->precision != MAT_F32) s = doctor_precision(r, &m, text, e);
    }
    cli_model_close(&m);
    return s;
}

static Status doctor_all(CliRecord *r, const char *model, const char *text, Err *e)
{
    doctor_build(r);
    doctor_machine(r);
    Status s = model != NULL ? doctor_model(r, model, text, e) : OK;
    Status printed = cli_record_print(r, s == OK ? e : NULL);
    return s == OK ? printed : s;
}

static int doctor_run(const CliVerb *self, int argc, char **argv)
{
    CliList pos = {0};
    CliRecord r = {0};
    const char *model = NULL, *text = NULL;
    Err e = {0};
    const CliOpt opts[] = {
        {"model", 'm', OPT_STR, &model, "DIR", "load a base model, too, and ask it one thing", 0, 0},
        {"text", 't', OPT_STR, &text, "FILE",
         "with --precision bf16: lines to compare it with f32 on (drawn tokens)", 0, 0},
        CLI_MODEL_OPTS,
    };
    int code = cli_args(self, "doctor", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 0, 0);
    cli_list_free(&pos);
    if (code >= 0) return code;
    return doctor_all(&r, model, text, &e) == OK ? EXIT_DONE : cli_fail(&e);
}

static const CliVerb verbs[] = {
    {"", "", "libraries, BLAS kernel, threads, memory, disk; a base model", doctor_run}, {0}};
const CliNoun cli_doctor = {"doctor", "libraries, BLAS kernel, threads, memory, disk", verbs};
