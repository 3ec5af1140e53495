/* fuzz_import.c - any bytes as what data_import reads, in each of its formats (see fuzz_file.h): refused with
 * a message, or a dataset that can be loaded. */
#include "fuzz_file.h"

#include "prime/import.h"
#include "prime/par.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const import_files[] = {"questions.json", "outputs.json", "people.json",
                                           "profiles.json",  "rows.jsonl",   "rows.csv"};
enum { IN_QUESTIONS, IN_OUTPUTS, IN_PEOPLE, IN_PROFILES, IN_JSONL, IN_CSV, N_IN };

static void import_loads(const char *out, const char *task)
{
    DataSet *d = NULL;
    Err e = {0};
    if (data_load(&d, out, task, &e) != OK && e.code != ERR_ARG)
        abort(); /* ERR_ARG: nobody has a record of it */
    data_free(d);
}

static void import_try(DataImportOpt *o)
{
    char out[FUZZ_PATH];
    ImportReport r;
    Err e = {0};
    o->out = fuzz_at(out, "out");
    o->salt = DATA_SALT;
    o->seed = 1;
    o->history = 0.5;
    o->query = 0.25;
    o->heldout = 0.25;
    o->n_files = 1;
    if (data_import(&r, o, &e) == OK) {
        if (o->task != NULL) import_loads(out, o->task);
    } else if (e.msg[0] == '\0')
        abort();
    fuzz_clear("out/");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[N_IN][FUZZ_PATH];
    if (size > 1 << 14) return 0;
    par_set_threads(1); /* one after the other: the same steps each time */
    fuzz_unpack(data, size, import_files, N_IN);
    for (size_t i = 0; i < N_IN; i++) fuzz_at(path[i], import_files[i]);
    DataImportOpt lamp = {.format = "lamp",
                          .file = {{.path = path[IN_QUESTIONS], .golds = path[IN_OUTPUTS]}}};
    DataImportOpt people = {.format = "perpcs", .task = "LaMP_4", .file = {{.path = path[IN_PEOPLE]}}};
    DataImportOpt jsonl = {.format = "jsonl", .task = "LaMP_4", .file = {{.path = path[IN_JSONL]}}};
    DataImportOpt csv = {.format = "csv", .task = "LaMP_4", .file = {{.path = path[IN_CSV]}}};
    people.profiles = file_exists(path[IN_PROFILES]) ? path[IN_PROFILES] : NULL;
    jsonl.map = csv.map = "user=user,input=text,output=title,id=id,time=date";
    people.file[0].role = jsonl.file[0].role = csv.file[0].role = lamp.file[0].role = DATA_AUDIT;
    if (file_exists(path[IN_QUESTIONS])) import_try(&lamp);
    if (file_exists(path[IN_PEOPLE])) import_try(&people);
    if (file_exists(path[IN_JSONL])) import_try(&jsonl);
    if (file_exists(path[IN_CSV])) import_try(&csv);
    return 0;
}
