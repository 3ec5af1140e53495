/* session.c - what a ledger says of the programs that wrote to it, one after the other, and of what they
 * read. A run may be carried on by another program on another machine; what it reads must be the same. */
#include "sweep_priv.h"

#include "prime/origin.h"
#include "prime/file.h"
#include "prime/hash.h"
#include "prime/host.h"
#include "prime/mat.h"
#include "prime/matpack.h"
#include "prime/metric.h"
#include "prime/par.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- files that were read ---- */

/* A file that need not be there is "none" where it is not, so that one which comes later is noticed. */
static Status meta_file(Ledger *l, const char *key, const char *dir, const char *name, bool needed, Err *e)
{
    char hex[HASH_HEX] = "none";
    char *path = file_join(dir, name);
    if (path == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    Status s = needed || file_exists(path) ? hash_file(hex, path, e) : OK;
    free(path);
    return s == OK ? ledger_meta_set(l, key, hex, e) : s;
}

static Status meta_task(Ledger *l, const Spec *sp, const char *task, Err *e)
{
    Spec one;
    char metric[64], key[160], file[128];
    TRY(spec_for(&one, sp, task, e));
    const char *all = spec_task(&one)->metrics; /* the first one is the one to optimise */
    snprintf(metric, sizeof metric, "%.*s", (int)strcspn(all, " "), all);
    snprintf(key, sizeof key, "utility_metric.%.100s", task);
    TRY(ledger_meta_set(l, key, metric, e));
    snprintf(key, sizeof key, "data_sha256.%.100s", task);
    snprintf(file, sizeof file, "%.100s.jsonl", task);
    TRY(meta_file(l, key, sp->data, file, true, e));
    snprintf(key, sizeof key, "task_sha256.%.100s", task);
    snprintf(file, sizeof file, "%.100s.task.yaml", task);
    return meta_file(l, key, sp->data, file, false, e);
}

/* Whether any task of the audit is judged by a metric. */
static Status meta_measures(bool *yes, const Spec *sp, const char *metric, Err *e)
{
    Spec one;
    size_t n = strlen(metric);
    *yes = false;
    for (size_t i = 0; i < sp->tasks.n; i++) {
        TRY(spec_for(&one, sp, sp->tasks.x[i], e));
        for (const char *at = spec_task(&one)->metrics; *at != '\0';) {
            size_t word = strcspn(at, " ");
            *yes = *yes || (word == n && strncmp(at, metric, n) == 0);
            at += word;
            at += strspn(at, " ");
        }
    }
    return OK;
}

/* The metrics of which less is better, so that a report need not know them. */
static Status meta_direction(Ledger *l, const Spec *sp, Err *e)
{
    char list[512] = "";
    for (size_t i = 0; i < metric_count(); i++) {
        bool measured = false;
        size_t used = strlen(list);
        if (metric_at(i)->higher) continue;
        TRY(meta_measures(&measured, sp, metric_at(i)->name, e));
        if (measured)
            snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? " " : "", metric_at(i)->name);
    }
    return ledger_meta_set(l, "lower_is_better", list[0] != '\0' ? list : "none", e);
}

Status session_inputs(Ledger *l, const Spec *sp, const char *text, Err *e)
{
    char hex[HASH_HEX];
    TRY(ledger_meta_set(l, "version", PRIME_VERSION, e));
    TRY(ledger_meta_set(l, "spec", text, e));
    TRY(ledger_meta_set(l, "precision", mat_type_name((MatType)sp->precision), e));
    for (size_t i = 0; i < sp->tasks.n; i++) TRY(meta_task(l, sp, sp->tasks.x[i], e));
    TRY(meta_direction(l, sp, e));
    TRY(meta_file(l, "users_sha256", sp->data, "users.csv", false, e));
    TRY(meta_file(l, "profiles_sha256", sp->data, "profiles.jsonl", false, e));
    TRY(model_hash(hex, sp->base, e));
    return ledger_meta_set(l, "base_sha256", hex, e);
}

/* ---- adapters that were trained ---- */

static Status adapter_fact(Ledger *l, const char *key, const char *dir, Err *e)
{
    return meta_file(l, key, dir, "adapter_model.safetensors", true, e);
}

static Status adapter_facts(Ledger *l, const Audit *a, Err *e)
{
    char path[AUDIT_PATH], key[192];
    if (a->spec->adapt.records > 0) {
        snprintf(key, sizeof key, "adapter.%.60s.task", a->task->name);
        TRY(audit_path(path, a, "task", e));
        TRY(adapter_fact(l, key, path, e));
    }
    for (size_t i = 0; i < a->n_train; i++)
        for (size_t j = 0; j < a->n_anchors; j++) {
            snprintf(key, sizeof key, "adapter.%.60s.%.60s.seed%zu", a->task->name, a->anchor[j].user->id,
                     a->spec->seeds.x[i]);
            TRY(audit_anchor_path(path, a, &a->anchor[j], i, e));
            TRY(adapter_fact(l, key, path, e));
        }
    return OK;
}

Status session_adapters(Ledger *l, const Audit *a, Err *e)
{
    TRY(ledger_batch_begin(l, e));
    Status s = adapter_facts(l, a, e);
    if (s == OK) return ledger_batch_commit(l, e);
    ledger_cell_abort(l);
    return s;
}

/* ---- programs and machines ---- */

static Status session_number(size_t *number, Ledger *l, Err *e)
{
    for (size_t i = 1;; i++) {
        char key[64];
        Str old = {0};
        bool found = false;
        snprintf(key, sizeof key, "session%zu", i);
        TRY(ledger_meta_get(l, key, &old, &found, e));
        str_free(&old);
        if (found) continue;
        *number = i;
        return OK;
    }
}

static Status session_fact(Ledger *l, size_t number, const char *what, const char *value, Err *e)
{
    char key[64];
    snprintf(key, sizeof key, "session%zu%s%s", number, what[0] != '\0' ? "." : "", what);
    if (strcmp(what, "commit") == 0 || strcmp(what, "cpu") == 0 || strcmp(what, "libraries") == 0)
        if (number == 1) TRY(ledger_meta_set(l, what, value, e));
    return ledger_meta_set(l, key, value, e);
}

static Status session_libraries(Ledger *l, size_t number, Err *e)
{
    Str text = {0};
    for (size_t i = 0; origin_library(i) != NULL; i++)
        str_printf(&text, "%s%s", i > 0 ? ", " : "", origin_library(i));
    Status s = text.failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for names")
                           : session_fact(l, number, "libraries", text.s != NULL ? text.s : "", e);
    str_free(&text);
    return s;
}

static Status session_facts(Ledger *l, size_t number, Err *e)
{
    char text[160], cpu[HOST_NAME], start[HOST_TIME], threads[24];
    snprintf(text, sizeof text, "kernel %s, %zu threads", mat_kernel(), par_threads());
    snprintf(threads, sizeof threads, "%zu", par_threads());
    host_cpu(cpu);
    host_time(start);
    const struct {
        const char *what, *value;
    } fact[] = {{"", text},
                {"start", start},
                {"version", PRIME_VERSION},
                {"commit", origin_commit()},
                {"compiler", origin_compiler()},
                {"products", mat_backend()},
                {"blas", mat_library()},
                {"kernel", mat_kernel()},
                {"threads", threads},
                {"cpu", cpu}};
    for (size_t i = 0; i < sizeof fact / sizeof fact[0]; i++)
        TRY(session_fact(l, number, fact[i].what, fact[i].value, e));
    return session_libraries(l, number, e);
}

/* A session that was not recorded has no number: else its end would be, and stand in the way of the next
 * one's. */
Status session_begin(size_t *number, Ledger *l, Err *e)
{
    size_t fresh = 0;
    TRY(ledger_batch_begin(l, e));
    Status s = session_number(&fresh, l, e);
    if (s == OK) s = session_facts(l, fresh, e);
    if (s == OK) s = ledger_batch_commit(l, e);
    if (s == OK)
        *number = fresh;
    else
        ledger_cell_abort(l);
    return s;
}

Status session_processes(Ledger *l, size_t number, size_t processes, Err *e)
{
    char text[24];
    if (processes <= 1) return OK;
    snprintf(text, sizeof text, "%zu", processes);
    TRY(session_fact(l, number, "processes", text, e));
    return session_fact(l, number, "mpi", crew_library(), e);
}

Status session_end(Ledger *l, size_t number, double wall, Status how, Err *e)
{
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%.3f", wall);
    TRY(session_fact(l, number, "wall", seconds, e));
    return session_fact(l, number, "ended", how == OK ? "done" : err_name(how), e);
}
