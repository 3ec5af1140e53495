/* fuzz_data.c - any bytes as the files of a dataset folder (see fuzz_file.h): refused with a message, or a
 * dataset whose every record and canary belongs to a person of it. */
#include "fuzz_file.h"

#include "prime/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const data_files[] = {
    "dataset.json",         "users.csv",      "toy.jsonl", "toy.task.yaml",
    "synth_headline.jsonl", "profiles.jsonl", "parts.csv", "canaries.csv"};

static void data_canaries_try(const DataSet *d, Arena *a)
{
    DataCanary *c = NULL;
    size_t n = 0;
    Err e = {0};
    if (data_canaries(&c, &n, d, fuzz_folder(), a, &e) != OK && e.msg[0] == '\0') abort();
    for (size_t i = 0; i < n; i++)
        if (data_user(d, c[i].user) == NULL || c[i].kind == NULL) abort();
}

static void data_try(const char *task)
{
    DataSet *d = NULL;
    Err e = {0};
    if (data_load(&d, fuzz_folder(), task, &e) != OK) {
        if (e.msg[0] == '\0' || d != NULL) abort();
        return;
    }
    for (size_t i = 0; i < d->n_users; i++) {
        if (data_user(d, d->user[i].id) != &d->user[i] || strchr(d->user[i].id, '/') != NULL) abort();
        if (i > 0 && strcmp(d->user[i - 1].id, d->user[i].id) >= 0) abort();
    }
    data_canaries_try(d, &d->arena);
    data_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Arena a = {0};
    DataInfo info;
    Err e = {0};
    if (size > 1 << 14) return 0;
    fuzz_unpack(data, size, data_files, sizeof data_files / sizeof data_files[0]);
    data_try("toy");
    data_try("synth_headline");
    if (data_info(&info, fuzz_folder(), &a, &e) != OK && e.msg[0] == '\0') abort();
    arena_free(&a);
    return 0;
}
