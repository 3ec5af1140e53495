/* gate.c - one vector for each site of an adapter; and its file. */
#include "prime/gate.h"

#include "peft_priv.h"

#include "prime/file.h"
#include "prime/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t gate_sites(const Gate *g)
{
    return g->shape.n_layers * LORA_KINDS;
}

Status gate_new(Gate **g, const Lora *of, Err *e)
{
    Gate *fresh = calloc(1, sizeof *fresh);
    size_t total = 0, n_sites = of->shape.n_layers * LORA_KINDS;
    for (size_t i = 0; i < n_sites; i++) total += of->site[i].r > 0 ? of->shape.n_in[i % LORA_KINDS] : 0;
    if (fresh != NULL) {
        fresh->shape = of->shape;
        fresh->n_params = total;
        fresh->site = calloc(n_sites, sizeof *fresh->site);
        fresh->data = calloc(total + 1, sizeof *fresh->data);
    }
    if (fresh == NULL || fresh->site == NULL || fresh->data == NULL) {
        gate_free(fresh);
        FAIL(e, ERR_NOMEM, "no memory for gates of %zu entries", total);
    }
    float *at = fresh->data;
    for (size_t i = 0; i < n_sites; i++) {
        if (of->site[i].r == 0) continue;
        fresh->site[i] = at;
        at += of->shape.n_in[i % LORA_KINDS];
    }
    *g = fresh;
    return OK;
}

void gate_free(Gate *g)
{
    if (g == NULL) return;
    free(g->site);
    free(g->data);
    free(g);
}

bool gate_fits(const Gate *g, const Lora *l)
{
    if (!lora_shape_same(&g->shape, &l->shape)) return false;
    for (size_t i = 0; i < gate_sites(g); i++)
        if ((g->site[i] != NULL) != (l->site[i].r > 0)) return false;
    return true;
}

/* ---- the file ---- */

enum { GATE_NAME_LEN = PEFT_NAME_LEN + 16 };

static void gate_name(char out[GATE_NAME_LEN], const LoraShape *shape, size_t site)
{
    char module[PEFT_NAME_LEN];
    peft_module_path(module, shape->names, shape->names->prefix, site / LORA_KINDS, site % LORA_KINDS);
    snprintf(out, GATE_NAME_LEN, "%s.input_gate", module);
}

static Status gate_read_site(float *out, const StFile *st, const char *path, const char *name, size_t n_in,
                             Err *e)
{
    size_t bad = 0;
    const StTensor *t = st_find(st, name);
    if (t == NULL) FAIL(e, ERR_SHAPE, "%s: %s is missing, the adapter has that site", path, name);
    if (t->ndim != 1 || t->shape[0] != n_in)
        FAIL(e, ERR_SHAPE, "%s: %s has %zu entries in %zu dimensions, want %zu in 1", path, name, t->count,
             t->ndim, n_in);
    if (st_to_f32(out, t, e) != OK) return err_prefix(e, "%s: %s", path, name);
    if (!vec_finite(out, n_in, &bad)) FAIL(e, ERR_NUM, "%s: %s is not finite at %zu", path, name, bad);
    return OK;
}

/* The first tensor of the file that is no gate of this adapter. */
static const char *gate_stranger(const Gate *g, const StFile *st)
{
    for (size_t t = 0; t < st_count(st); t++) {
        bool known = false;
        for (size_t i = 0; !known && i < gate_sites(g); i++) {
            char name[GATE_NAME_LEN];
            if (g->site[i] == NULL) continue;
            gate_name(name, &g->shape, i);
            known = strcmp(name, st_at(st, t)->name) == 0;
        }
        if (!known) return st_at(st, t)->name;
    }
    return NULL;
}

static Status gate_read(Gate *g, const StFile *st, const char *path, Err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < gate_sites(g); i++) {
        char name[GATE_NAME_LEN];
        if (g->site[i] == NULL) continue;
        gate_name(name, &g->shape, i);
        TRY(gate_read_site(g->site[i], st, path, name, g->shape.n_in[i % LORA_KINDS], e));
        n++;
    }
    if (n != st_count(st))
        FAIL(e, ERR_SHAPE, "%s: %.160s is no gate of this adapter", path, gate_stranger(g, st));
    return OK;
}

static Status gate_open(Gate *g, const char *path, Err *e)
{
    StFile *st = NULL;
    TRY(st_open(&st, path, e));
    Status s = gate_read(g, st, path, e);
    st_close(st);
    return s;
}

Status gate_load(Gate **g, const char *dir, const Lora *of, Err *e)
{
    Gate *fresh = NULL;
    if (of->shape.names == NULL) FAIL(e, ERR_UNSUP, "%s: the modules of this model have no names", dir);
    char *path = file_join(dir, "gate.safetensors");
    if (path == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", dir);
    Status s = gate_new(&fresh, of, e);
    if (s == OK) s = gate_open(fresh, path, e);
    free(path);
    if (s != OK)
        gate_free(fresh);
    else
        *g = fresh;
    return s;
}

static Status gate_write(const Gate *g, const char *path, Err *e)
{
    size_t n = 0;
    StItem *item = calloc(gate_sites(g) + 1, sizeof *item);
    char(*name)[GATE_NAME_LEN] = calloc(gate_sites(g) + 1, sizeof *name);
    for (size_t i = 0; item != NULL && name != NULL && i < gate_sites(g); i++) {
        if (g->site[i] == NULL) continue;
        gate_name(name[n], &g->shape, i);
        item[n] = (StItem){name[n], ST_F32, 1, {g->shape.n_in[i % LORA_KINDS]}, g->site[i]};
        n++;
    }
    Status s = item != NULL && name != NULL
                   ? st_save(path, item, n, e)
                   : err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for %zu gates", gate_sites(g));
    free(item);
    free(name);
    return s;
}

Status gate_save(const Gate *g, const char *dir, Err *e)
{
    if (g->shape.names == NULL) FAIL(e, ERR_UNSUP, "%s: the modules of this model have no names", dir);
    TRY(file_mkdir(dir, e));
    char *path = file_join(dir, "gate.safetensors");
    if (path == NULL) FAIL(e, ERR_NOMEM, "%s: out of memory", dir);
    Status s = gate_write(g, path, e);
    free(path);
    return s;
}
