/* data.h - datasets: people, their records, and which of them a model may see.
 *
 * A dataset is a folder:
 *   dataset.json  {"format":"prime-dataset","version":1,"source":"debian"|"synth"|a format of import.h,
 *                 "salt_id":16 hex digits,"seed":text,"release":text or null,
 *                 "inputs":[{"name","sha256"}],"counts":{name:number},
 *                 "tasks":[{"name","labels":[...],"users","records":{"history","query","heldout"}}],
 *                 "canaries":"canaries.csv" if there are any;
 *                 "splits": how they were made, and "checks": what data_info found, from data_resplit;
 *                 "planted": {"task","seed","kinds":[...],"each","users","people","canaries"} from
 *                 data_plant}
 *   users.csv     user,role,history,query,heldout: the user's distinct records in each split
 *   TASK.jsonl    one record a line, sorted by (user, split, id):
 *                 {"id","user","split":"history"|"query"|"heldout","input","output"},
 *                 and "time" where it is known, a text that sorts as time does
 *   TASK.task.yaml  the task, when it is none of the program's: see task.h
 *   profiles.jsonl  may be missing; one text a line that describes a person, for one task or,
 *                 without "task", for all that have none of their own: {"user","task","text"}
 *   parts.csv     user,part: of which file an import has a person; may be missing
 *   canaries.csv  user,record,canary,included,kind: planted secrets, whether they are in the history (1) or
 *                 were kept out (0), and of which kind they are (plant.h); without the column: digits
 * User ids that are read are 1 to DATA_USER_MAX letters, digits, _ - and ., not . first: they name files of a
 * run. Those that are made are "u" and 12 hexadecimal digits of SHA-256(salt, address); record ids are "r"
 * and 12 digits of SHA-256(salt, name of the record). A record has the same id and split in every task. The
 * input of a query has the fields of the task, that of history and held-out records the fields of
 * task_history.
 *
 * Splits. `history` is what a person's adapter may be trained on (the members); `query` is for search and
 * utility; `heldout` is the same person's text that nothing was ever trained on. A keyed random permutation
 * of each person's records decides, so that the three come from one distribution.
 * Roles. `base` users serve only to train the base model and to adapt it to a task; `audit` users may be
 * anchors and targets. */
#ifndef PRIME_DATA_H
#define PRIME_DATA_H

#include "prime/arena.h"
#include "prime/err.h"
#include "prime/plant.h"
#include "prime/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DATA_VERSION = 1, DATA_ID = 14 /* a letter, 12 digits, NUL */, DATA_USER_MAX = 20, DATA_SALT_ID = 17 };

/* The salt of the committed base model's list of users. Another salt gives ids that cannot be matched. */
#define DATA_SALT "prime-dataset-1"

typedef enum { DATA_HISTORY, DATA_QUERY, DATA_HELDOUT, DATA_SPLITS } DataSplit;
typedef enum { DATA_BASE, DATA_AUDIT } DataRole;

const char *data_split_name(DataSplit s);
const char *data_role_name(DataRole r);

/* One record of one task. */
typedef struct {
    const char *id, *input, *output;
    const char *time; /* of origin, so that texts compare as times do; NULL: unknown */
    const Task *task; /* the form it has: the dataset's task for a query, task_history of it otherwise */
} DataRecord;

typedef struct {
    const char *id;
    DataRole role;
    const char *profile; /* a text that describes the person, for this task; NULL when there is none */
    DataRecord *rec[DATA_SPLITS]; /* [n[s]] each, in the order of the file */
    size_t n[DATA_SPLITS];
} DataUser;

/* One task of a dataset. Everything belongs to the arena. */
typedef struct {
    const Task *task;
    const char **label; /* [n_labels]; none when the task has no closed set */
    size_t n_labels;
    DataUser *user; /* [n_users] with a record in this task, sorted by id; a split may be empty */
    size_t n_users;
    const char *source, *salt_id, *release; /* release: "" when unknown */
    Arena arena;
} DataSet;

/* data_load - read one task of the dataset in dir. What is checked: the format and version, every line, that
 * users are known, that no record comes twice, that labels are listed, that the counts of dataset.json and
 * users.csv agree with the lines (so a file that was cut off is noticed).
 * Errors: ERR_IO a file is missing; ERR_ARG the dataset has no such task; ERR_UNSUP another version, or a
 * task that this program does not know; ERR_FORMAT file and line; ERR_NOMEM. Cost: O(bytes); about 0.3 s for
 * 30,000 records. */
Status data_load(DataSet **out, const char *dir, const char *task, Err *e) PRIME_MUST_USE;
/* data_free - accepts NULL. */
void data_free(DataSet *d);
/* data_user - the user of that id, or NULL. */
const DataUser *data_user(const DataSet *d, const char *id);

/* How a source becomes a dataset. */
typedef struct {
    const char *out;       /* folder to write */
    const char *lists;     /* package lists that are already there; NULL: ask apt for fresh ones */
    const char *suite;     /* NULL: the suite with the largest index */
    const char *salt;      /* DATA_SALT unless told otherwise */
    uint64_t seed;         /* splits, distractors, order of choices */
    double history, query; /* shares of a user's records, in (0, 1), sum < 1; the rest is held out */
    size_t min_records;    /* an audit user has at least so many */
    bool keep_lists;       /* leave the downloaded lists in OUT/lists */
} DataDebianOpt;

/* data_debian - package descriptions of the distribution into o->out. Maintainers are users, source packages
 * are records. Asks apt for the index unless o->lists names a folder with it (files as apt keeps them, plain
 * or compressed). Writes deb_synopsis, deb_section and deb_depends.
 * Errors: ERR_ARG options; ERR_IO apt is missing or failed, no index, no English translation, cannot write;
 * ERR_FORMAT a list is not what it should be (file and line); ERR_NOMEM.
 * Cost: about two seconds and 300 MB for 63,000 packages, download apart. */
Status data_debian(const DataDebianOpt *o, Err *e) PRIME_MUST_USE;

/* Made-up people, for tests and for audits whose truth is known. */
typedef enum {
    SYNTH_DATASET,
    SYNTH_LAMP,  /* TASK/questions.json, outputs.json; layout lamp only */
    SYNTH_PERPCS /* TASK/user_base_LLM.json, user_anchor_candidate.json, user_test.json; layout lamp only */
} DataSynthWrite;
typedef struct {
    DataSynthWrite write;  /* what; the last two also TASK/profiles.jsonl, and data_import reads them */
    const char *out;       /* folder to write */
    const char *layout;    /* own (NULL): the synth tasks; lamp: LaMP's eight */
    const char *salt;      /* DATA_SALT unless told otherwise */
    uint64_t seed;         /* everything */
    size_t users;          /* 1 .. 100000 */
    size_t records;        /* per user and task, 4 .. 10000 */
    size_t canaries;       /* per user; 0 for none */
    double base;           /* share of users that are base users, in [0, 1) */
    double history, query; /* as for data_debian */
} DataSynthOpt;

/* data_synth - seeded personas, each with a rating bias, an order of favourite tags, a style of headlines and
 * one of tweets, write o->records records for each of synth_rating, synth_tag, synth_headline and
 * synth_tweet. No two records have the same text. Canaries are secrets of twelve random digits, each made for
 * a record in the history of synth_headline; a keyed half of them is appended to the record's output, the
 * others are kept out. With layout "lamp" the same people write LaMP's eight tasks, in which they have,
 * besides, an order of favourite films, news and topics of research, and styles of titles and subjects;
 * profiles.jsonl says so in words for each task; canaries go to LaMP_4. Errors: ERR_ARG an option; a history
 * with fewer headlines than canaries; ERR_IO; ERR_NOMEM; ERR_NUM two ids collide. */
Status data_synth(const DataSynthOpt *o, Err *e) PRIME_MUST_USE;

/* Another split of a dataset that is there. */
typedef enum { RESPLIT_RANDOM, RESPLIT_TIME, RESPLIT_USER } DataResplitBy;
typedef struct {
    const char *dir, *out; /* two folders */
    DataResplitBy by;
    uint64_t seed;
    double history, query; /* shares, in (0, 1), sum < 1 */
} DataResplitOpt;

/* data_resplit - write the dataset in o->dir to o->out with other splits. random: a permutation of each
 * person's records, keyed with the seed, is cut; time: the oldest are history, the latest are held out; user:
 * all records of a person go to one split, so that nobody is on two sides. A record keeps its split in all
 * tasks. Records of one person that begin alike stay together, or, by time, the later ones are left out.
 * Where queries have a form of their own (see task_history) they stay queries, and the others are shared out
 * between history and held-out. Ids, roles, profiles and task files stay as they are; the checks of data_info
 * are run on the result and written to dataset.json as "checks". Errors: ERR_ARG shares, equal folders, a
 * record without time; ERR_UNSUP planted canaries, whose records must stay in the history; ERR_FORMAT a check
 * of the splits found something; those of data_load and data_info. */
Status data_resplit(const DataResplitOpt *o, Err *e) PRIME_MUST_USE;

typedef struct {
    const char *user, *record, *text;
    bool included;
    const PlantKind *kind;
} DataCanary;

/* data_canaries - the planted secrets of the dataset in dir; *n is 0 when there are none. Texts belong to the
 * arena. d is the task that holds the records: each canary must be for a record in its user's history, whose
 * output has the secret exactly when it is included. Errors: ERR_IO, ERR_NOMEM, ERR_FORMAT file and line. */
Status data_canaries(DataCanary **out, size_t *n, const DataSet *d, const char *dir, Arena *a,
                     Err *e) PRIME_MUST_USE;

/* One fact about a dataset. Facts of the whole have the task "". */
typedef struct {
    const char *task, *what, *name;
    double value;
} DataFact;

typedef struct {
    DataFact *fact; /* [n] */
    size_t n;
    size_t broken; /* checks that found something */
} DataInfo;

/* data_info - everything that can be counted, re-read from the files. what: "users" by role, "records" by
 * role and split ("audit/history"), "words" of text by role, "profiles" by role when there are any, "label"
 * frequencies, and "check": the number of violations found of one_user      records that belong to two users,
 * in different tasks one_split     records in different splits of different tasks own_text      texts
 * (normalised) that two users have text_split    texts (normalised) of one user in two splits head_split
 * first 12 words (normalised) of one user's texts in two splits Errors: those of data_load for each task.
 * Facts belong to the arena. */
Status data_info(DataInfo *out, const char *dir, Arena *a, Err *e) PRIME_MUST_USE;

#endif
