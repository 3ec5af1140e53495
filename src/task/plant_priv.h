/* plant_priv.h - secrets that are being planted: plant.c chooses them, plant_write.c writes the dataset. */
#ifndef PRIME_PLANT_PRIV_H
#define PRIME_PLANT_PRIV_H

#include "data_priv.h"

#include "prime/plant.h"

/* A secret, and the record that it is for. */
typedef struct {
    const DataUser *user;
    const DataRecord *rec;
    const PlantKind *kind;
    const char *text;
    bool in;
} PlantOne;

/* A text that may be another person's secret. */
typedef struct {
    const char *text;
    const DataUser *of;
    bool used;
} PlantLent;

typedef struct {
    const DataPlantOpt *o;
    Arena arena;
    JsVal *root; /* dataset.json */
    DataSet *d;  /* the task */
    const PlantKind **kind;
    size_t n_kinds;
    PlantLent *lent; /* [n_lent] in the order in which they are used */
    size_t n_lent;
    PlantOne *one; /* [n] person by person */
    size_t n;
    DataPlanted done;
} Plant;

/* plant_write - the folder o->out, whole or not at all. Changes p->root and the order of p->one. */
Status plant_write(Plant *p, Err *e) PRIME_MUST_USE;

#endif
