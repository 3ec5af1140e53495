/* audit.c - load what an audit names: data, tokenizer, base model, and whom the base model has read. */
#include "audit_priv.h"

#include "prime/file.h"
#include "prime/js.h"
#include "prime/log.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static Status read_lines(const char ***out, size_t *n, Arena *arena, const char *path, Err *e)
{
    char *text = NULL;
    size_t len = 0, count = 0;
    TRY(file_read(&text, &len, path, e));
    for (size_t i = 0; i < len; i++) count += text[i] == '\n';
    const char **line = arena_alloc(arena, count + 1, sizeof *line);
    char *copy = arena_strndup(arena, text, len);
    free(text);
    if (line == NULL || copy == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", path);
    count = 0;
    char *save = NULL;
    for (char *s = strtok_r(copy, "\n", &save); s != NULL; s = strtok_r(NULL, "\n", &save)) line[count++] = s;
    qsort(line, count, sizeof *line, by_text);
    *out = line;
    *n = count;
    return OK;
}

/* Ids can be compared only when both were made with the same salt. */
static Status check_salt(const Audit *a, const char *recipe, Err *e)
{
    JsVal *root = NULL;
    TRY(js_load(&root, recipe, e));
    const char *salt = js_str(js_get(root, "salt_id"), NULL);
    Status s = OK;
    if (salt == NULL || strcmp(salt, a->data->salt_id) != 0)
        s = err_set(e, ERR_ARG, __FILE__, __LINE__,
                    "%s: the base model's list of people has salt %s, the dataset has %s: whom the base has "
                    "read cannot be told",
                    recipe, salt != NULL ? salt : "(none)", a->data->salt_id);
    js_close(root);
    return s;
}

static Status load_excluded(Audit *a, Err *e)
{
    char *users = file_join(a->spec->base, "users.txt"), *recipe = file_join(a->spec->base, "recipe.json");
    Status s =
        users != NULL && recipe != NULL ? OK : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "out of memory");
    a->knows_excluded = s == OK && file_exists(users);
    if (s == OK && !a->knows_excluded)
        log_say(LOG_WARN, "%s has no users.txt: whose texts the base model has read is not known",
                a->spec->base);
    /* Synthetic people are made up for the dataset: no base model can have read them. */
    bool made_up = s == OK && strcmp(a->data->source, "synth") == 0;
    if (a->knows_excluded && !made_up) {
        s = check_salt(a, recipe, e);
        if (s == OK) s = read_lines(&a->excluded, &a->n_excluded, &a->arena, users, e);
    }
    free(users);
    free(recipe);
    return s;
}

static Status find_metrics(const Metric **metric, size_t *n, Audit *a, const Task *t, Err *e)
{
    char *names = arena_strdup(&a->arena, t->metrics), *save = NULL;
    if (names == NULL) FAIL(e, ERR_NOMEM, "out of memory");
    for (char *s = strtok_r(names, " ", &save); s != NULL && *n < AUDIT_METRICS;
         s = strtok_r(NULL, " ", &save)) {
        metric[*n] = metric_find(s);
        if (metric[(*n)++] == NULL) FAIL(e, ERR_ARG, "task %s: metric %s is not known", t->name, s);
    }
    return OK;
}

Status audit_known_task(const char *data, const char *task, Err *e)
{
    Arena a = {0};
    const Task *t = NULL;
    Status s = task_in(&t, &a, data, task, e);
    const char *near = task_nearest(task);
    if (s == OK && t == NULL)
        s = err_set(e, ERR_ARG, __FILE__, __LINE__, "task = %s is not known%s%s", task,
                    near != NULL ? ", did you mean " : "; see 'prime list task'", near != NULL ? near : "");
    arena_free(&a);
    return s;
}

Status audit_load(Audit *a, Err *e)
{
    a->reads_people = spec_reads_people(a->spec);
    TRY(data_load(&a->data, a->spec->data, a->spec->task, e));
    a->task = a->data->task;
    TRY(find_metrics(a->metric, &a->n_metrics, a, a->task, e));
    TRY(find_metrics(a->fit, &a->n_fit, a, task_history(a->task), e));
    ModelWeights how = a->frozen && a->spec->precision != MAT_F32 ? WEIGHTS_STORED : WEIGHTS_AUTO;
    TRY(model_open(&a->base, a->spec->base, &(ModelOpts){.weights = how}, e));
    TRY(tok_load(&a->tok, a->spec->base, e));
    if (tok_vocab_size(a->tok) > a->base->cfg.n_vocab)
        log_say(LOG_WARN, "%s: the tokenizer has %zu entries, the model only %zu", a->spec->base,
                tok_vocab_size(a->tok), a->base->cfg.n_vocab);
    return load_excluded(a, e);
}

Status audit_pack(Audit *a, Err *e)
{
    MatType precision = (MatType)a->spec->precision;
    return precision != MAT_F32 || model_pack_pays(a->base) ? model_pack(a->base, precision, e) : OK;
}

/* Which weight counts at which site. */
static Status audit_groups(Audit *a, Err *e)
{
    MergeBy by = (MergeBy)a->spec->evolve.granularity;
    LoraShape shape = model_lora_shape(&a->base->cfg);
    size_t sites = shape.n_layers * LORA_KINDS, all = merge_groups(by, &shape);
    unsigned kinds = 0;
    TRY(spec_kinds(&kinds, a->spec, &shape, e));
    a->group = arena_zalloc(&a->arena, sites, sizeof *a->group);
    a->full = arena_zalloc(&a->arena, all, sizeof *a->full);
    if (a->group == NULL || a->full == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu sites", sites);
    for (size_t g = 0; g < all; g++) {
        bool used = false;
        for (size_t i = 0; i < sites; i++) {
            bool trained = shape.n_out[i % LORA_KINDS] > 0 && (kinds >> (i % LORA_KINDS) & 1U) != 0;
            if (!trained || merge_group(by, &shape, i) != g) continue;
            a->group[i] = a->n_groups;
            used = true;
        }
        if (used) a->full[a->n_groups++] = g;
    }
    if (by == MERGE_BY_ADAPTER) a->group = NULL;
    return OK;
}

/* What each process does by itself, before they work together. */
static Status audit_begin(Audit **out, const Spec *spec, const char *dir, Crew *crew, Err *e)
{
    Audit *a = *out = calloc(1, sizeof *a);
    if (a == NULL) FAIL(e, ERR_NOMEM, "no memory for an audit");
    a->spec = spec;
    a->dir = dir;
    a->crew = crew;
    TRY(audit_load(a, e));
    return audit_groups(a, e);
}

Status audit_open(Audit **out, const Spec *spec, const char *dir, Crew *crew, Err *e)
{
    Audit *a = NULL;
    Status s = audit_begin(&a, spec, dir, crew, e);
    if (s == OK) s = audit_select(a, e);
    if (s == OK) s = audit_check_adapt(a, e);
    if (s != OK) {
        audit_close(a);
        return s;
    }
    a->n_train = spec->adapter.retrain ? spec->seeds.n : 1;
    *out = a;
    return OK;
}

Status audit_stopped(const Audit *a, Err *e)
{
    const SweepWatch *w = a->watch;
    if (w == NULL || w->stop == NULL || !w->stop(w->ctx)) return OK;
    FAIL(e, ERR_STOPPED,
         "stopped on request; what was trained and measured is in %s: carry on from there with --resume",
         a->dir);
}

void audit_close(Audit *a)
{
    if (a == NULL) return;
    for (size_t i = 0; i < a->n_anchors; i++)
        for (size_t j = 0; a->anchor[i].shadow != NULL && j < a->spec->attack.shadows; j++)
            lora_free(a->anchor[i].shadow[j]);
    for (size_t i = 0; i < a->n_anchors; i++)
        for (size_t j = 0; j < a->n_train; j++) {
            if (a->anchor[i].lora != NULL) lora_free(a->anchor[i].lora[j]);
            if (a->anchor[i].gate != NULL) gate_free(a->anchor[i].gate[j]);
            if (a->anchor[i].dp != NULL) lora_free(a->anchor[i].dp[j]);
        }
    for (size_t i = 0; a->target != NULL && i < a->n_targets; i++)
        for (size_t j = 0; a->target[i].lora != NULL && j < a->n_train; j++) lora_free(a->target[i].lora[j]);
    for (size_t j = 0; a->attacker != NULL && j < a->n_train; j++) lora_free(a->attacker[j]);
    data_free(a->data);
    tok_free(a->tok);
    model_free(a->base);
    arena_free(&a->arena);
    free(a);
}
