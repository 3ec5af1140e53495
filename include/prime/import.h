/* import.h - data that others publish, and tables of one's own, into the dataset format of data.h.
 *
 * - lamp: a file of questions, [{"id","input","profile":[{"id",...}]}], and one of outputs,
 *   {"task":"LaMP_4","golds":[{"id","output"}]}. A question is a person. Its input is the benchmark's
 *   English prompt around the text; the text is taken out, and where the prompt is another one the whole
 *   stays and is counted. An item of LaMP_1 is trained on as title -> what it cites ("citation", as Per-Pcs
 *   has it); LaMP itself has only the abstract, which then stands in and is counted.
 * - perpcs: the layout of OPPU and Per-Pcs, a file of people for each part (base, anchors, test),
 *   [{"user_id","profile":[...],"query":[{"id","input","gold"}]}]; and texts that describe people,
 *   [{"id","output"}] or one such object a line.
 * - jsonl: one record a line; csv: one record a row. A map says which column is what.
 *
 * Splits. Items of a profile become history and, a keyed share of them, held-out; questions become queries.
 * Base users keep nothing held out. `by_time`: the last share of the items is held out instead (by "date",
 * then by their order in the file). What would undo the splits is left out and counted: a text that a person
 * has twice, a text that an earlier person has, a text that begins like one of another split.
 *
 * Ids. Users and records are salted hashes, as in data.h; texts of people and their names never reach a
 * message.
 *
 * Memory: the largest person, and about 50 bytes a record; files may be of any size. What is wrong with one
 * record is counted and the record left out; what makes a file unreadable ends the import. */
#ifndef PRIME_IMPORT_H
#define PRIME_IMPORT_H

#include "prime/data.h"
#include "prime/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file to read. */
typedef struct {
    const char *path;
    const char *golds; /* lamp: the outputs; NULL: none */
    const char *part;  /* goes to parts.csv; NULL: is not told apart */
    DataRole role;
    bool share; /* roles are drawn: DataImportOpt.base of the people are base users */
} ImportFile;

enum { IMPORT_FILES = 8 };

typedef struct {
    const char *out, *format; /* folder to write; lamp, perpcs, jsonl or csv */
    const char *task;         /* NULL: what lamp's outputs say */
    const char *task_file;    /* NAME.task.yaml of a task of one's own: is copied beside the data */
    ImportFile file[IMPORT_FILES];
    size_t n_files;
    const char *profiles; /* perpcs: texts that describe people; NULL: none */
    const char *map; /* jsonl, csv: "user=COL,input=COL,output=COL[,id=COL][,split=COL][,time=COL]"; several
                      * inputs are the fields of the task, in order; past=COL are those of the history, where
                      * they are others */
    const char *salt;
    uint64_t seed;
    double base;           /* share of people that are base users, in [0, 1) */
    double heldout;        /* share of an audit user's items, in [0, 1) */
    double history, query; /* jsonl, csv without split: shares, as for data_debian */
    bool by_time;
    bool keep_entities; /* leave &amp; and the like as they are */
    bool keep_shared;   /* keep texts that several people have; data_info will complain */
} DataImportOpt;

/* How often something was odd, and where first ("questions.json:12: person 3"). */
typedef struct {
    const char *name, *what;
    size_t n;
    char first[120];
} ImportOdd;

enum { IMPORT_ODDS = 20 };
typedef struct {
    size_t users, records[DATA_SPLITS];
    ImportOdd odd[IMPORT_ODDS]; /* [n_odd] every kind there is, also those that did not occur */
    size_t n_odd;
} ImportReport;

/* data_import - read o->file into o->out. Entities are the five of XML, &nbsp;, &#NN; and &#xNN;.
 * Errors: ERR_ARG options, a map that does not fit the task, nothing to import; ERR_FORMAT a file that cannot
 * be read on (file and line); ERR_IO; ERR_NOMEM; ERR_NUM two ids collide. Cost: about 100 MB of JSON a
 * second; twice the size of the texts on disk meanwhile. */
Status data_import(ImportReport *r, const DataImportOpt *o, Err *e) PRIME_MUST_USE;

#endif
