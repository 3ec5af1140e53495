/* Signals on disk: the round trip, what attacks get from them, and each refusal. */
#include "prime/file.h"
#include "prime/signals.h"
#include "prime/st.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Tests run side by side, each in a process of its own. */
static const char *scratch_path(void)
{
    static char name[40];
    snprintf(name, sizeof name, "test_signals_%ld", (long)getpid());
    return name;
}

/* Three records of 2, 3 and 1 tokens. */
typedef struct {
    size_t start[4];
    int32_t id[6];
    float logp[6], mu[6], sigma[6];
    uint8_t rank[6];
    SignalsRecord record[3];
    Signals s;
} Small;

static void small_fill(Small *x)
{
    *x = (Small){.start = {0, 2, 5, 6},
                 .id = {4, 9, 0, 300, 9, 1},
                 .logp = {-1.5f, -0.25f, -7, -2, -0.125f, -3},
                 .mu = {-2, -1, -3, -2.5f, -0.5f, -4},
                 .sigma = {1, 0.5f, 0, 2, 0.25f, 1},
                 .rank = {1, 0, 255, 7, 0, 2},
                 .record = {{"r1", "u1", 1, 40}, {"r2", "u2", 0, 0}, {"aB.c_d:e-f", "u1", -1, 9}}};
    x->s = (Signals){"merge", "", 3, x->record, {x->start, x->id, x->logp, x->mu, x->sigma, x->rank}};
}

Test(signals_file, what_is_saved_is_loaded)
{
    Small x;
    Signals got;
    Arena a = {0};
    Err e = {0};
    small_fill(&x);
    cr_assert_eq(signals_save(scratch_path(), &x.s, &e), OK, "%s", e.msg);
    cr_assert_eq(signals_load(&got, scratch_path(), &a, &e), OK, "%s", e.msg);
    unlink(scratch_path());
    cr_assert_eq(got.n, 3u);
    cr_assert_str_eq(got.model, "merge");
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(got.record[i].id, x.record[i].id);
        cr_assert_str_eq(got.record[i].unit, x.record[i].unit);
        cr_assert_eq(got.record[i].label, x.record[i].label);
        cr_assert_eq(got.record[i].zlib_bytes, x.record[i].zlib_bytes);
    }
    cr_assert_eq(memcmp(got.tok.start, x.start, sizeof x.start), 0);
    cr_assert_eq(memcmp(got.tok.id, x.id, sizeof x.id), 0);
    cr_assert_eq(memcmp(got.tok.logp, x.logp, sizeof x.logp), 0);
    cr_assert_eq(memcmp(got.tok.mu, x.mu, sizeof x.mu), 0);
    cr_assert_eq(memcmp(got.tok.sigma, x.sigma, sizeof x.sigma), 0);
    cr_assert_eq(memcmp(got.tok.rank, x.rank, sizeof x.rank), 0);
    arena_free(&a);
}

Test(signals_file, attacks_read_them)
{
    Small x, ref;
    AttackSignal *s = NULL;
    double score[3];
    Arena a = {0};
    Err e = {0};
    small_fill(&x);
    small_fill(&ref);
    for (size_t i = 0; i < 6; i++) ref.logp[i] -= 0.5f;
    ref.record[0] = x.record[1], ref.record[1] = x.record[0]; /* another order: matched by id */
    memcpy(ref.id, (int32_t[]){0, 300, 9, 4, 9, 1}, sizeof ref.id);
    memcpy(ref.start, (size_t[]){0, 3, 5, 6}, sizeof ref.start);
    cr_assert_eq(
        signals_attack(&s, &x.s, &(SignalsMore){.ref = &ref.s, .loo = &ref.s, .lower = &x.s}, &a, &e), OK,
        "%s", e.msg);
    unsigned all = ATTACK_LOSS | ATTACK_REF | ATTACK_LOO | ATTACK_LOGP | ATTACK_SPREAD | ATTACK_RANK |
                   ATTACK_REF_LOGP | ATTACK_IDS | ATTACK_LOWER;
    cr_assert_eq(signals_have(s, 3), all, "record r2 has no compressed length");
    cr_assert_eq(signals_have(s, 0), 0u);
    cr_assert_eq(attack_score(score, s, 3, "loss", NULL), OK);
    cr_assert(score[0] == -0.875 && score[2] == -3);
    cr_assert_eq(attack_score(score, s, 3, "ref", NULL), OK);
    cr_assert_float_eq(score[0], (2.5 + 0.625 - 1.5 - 0.25) / 2, 1e-12);
    cr_assert_eq(attack_score(score, s, 3, "min_k_pp_20", NULL), OK);
    cr_assert_float_eq(score[0], 0.5, 1e-12);
    cr_assert_eq(score[1], 0, "sigma 0 says nothing");
    arena_free(&a);
}

static void match_refused(const Signals *s, const SignalsMore *more, const char *msg)
{
    AttackSignal *out = NULL;
    Arena a = {0};
    Err e = {0};
    cr_assert_eq(signals_attack(&out, s, more, &a, &e), ERR_SHAPE);
    cr_assert_str_eq(e.msg, msg);
    cr_assert_null(out);
    arena_free(&a);
}

Test(signals_file, records_must_meet)
{
    Small x, y;
    small_fill(&x);
    small_fill(&y);
    y.id[3]++;
    match_refused(&x.s, &(SignalsMore){.ref = &y.s}, "record 'r2': other tokens in its reference signals");
    match_refused(&x.s, &(SignalsMore){.after_non = &y.s},
                  "record 'r2': other tokens in its non-member prefix signals");
    y.record[2].id = "other";
    match_refused(&x.s, &(SignalsMore){.lower = &y.s}, "record 'aB.c_d:e-f' has no lower-cased signals");
}

static void save_refused(const Small *x, Status want, const char *part)
{
    Err e = {0};
    cr_assert_eq(signals_save(scratch_path(), &x->s, &e), want, "%s", e.msg);
    cr_assert_not_null(strstr(e.msg, part), "%s", e.msg);
    cr_assert_not(file_exists(scratch_path()));
}

Test(signals_file, what_is_no_signal_is_not_written)
{
    Small x;
    char longest[131];
    memset(longest, 'a', 129);
    longest[129] = '\0';
    const char *const bad[] = {"", "two words", "m\xc3\xa4rz", longest};
    for (size_t i = 0; i < 4; i++) {
        small_fill(&x);
        x.record[1].id = bad[i];
        save_refused(&x, ERR_ARG, "record 1: an id of");
        small_fill(&x);
        x.record[2].unit = bad[i];
        if (i > 0) save_refused(&x, ERR_ARG, "record 2: an id of"); /* an empty one is not known */
        small_fill(&x);
        x.s.model = bad[i];
        save_refused(&x, ERR_ARG, "the name of a model");
    }
    small_fill(&x), x.record[2].id = "r1";
    save_refused(&x, ERR_ARG, "record 'r1' occurs twice");
    small_fill(&x), x.record[0].label = 2;
    save_refused(&x, ERR_ARG, "label = 2");
    small_fill(&x), x.start[0] = 1;
    save_refused(&x, ERR_SHAPE, "start[0] = 1, want 0");
    small_fill(&x), x.start[2] = 1;
    save_refused(&x, ERR_SHAPE, "start[2] = 1, less than the one before it");
    small_fill(&x), x.logp[4] = 0.1f;
    save_refused(&x, ERR_NUM, "logp[4] = 0.1");
    small_fill(&x), x.mu[0] = NAN;
    save_refused(&x, ERR_NUM, "mu[0] = nan");
    small_fill(&x), x.sigma[5] = -1;
    save_refused(&x, ERR_NUM, "sigma[5] = -1");
    small_fill(&x), x.id[1] = -1;
    save_refused(&x, ERR_NUM, "id[1] = -1");
    small_fill(&x);
    cr_assert_eq(signals_save("no/such/folder/x", &x.s, NULL), ERR_IO);
}

/* A file of one record of one token, every part of which can be put wrong. */
typedef struct {
    StItem item[9];
    size_t n;
    StMeta meta;
    int64_t start[2], zlib[1];
    int32_t id[1];
    float logp[1], mu[1], sigma[1];
    uint8_t rank[1];
    int8_t label[1];
} Raw;

static const char about[] =
    "{\"version\":1,\"model\":\"m\",\"model_sha256\":\"\",\"record\":[\"r\"],\"unit\":[\"u\"]}";

static void raw_fill(Raw *r)
{
    *r = (Raw){.n = 8,
               .meta = {"prime.signals", about},
               .start = {0, 1},
               .id = {3},
               .logp = {-1},
               .mu = {-1},
               .sigma = {1},
               .zlib = {8}};
    const StItem item[] = {{"start", ST_I64, 1, {2}, r->start}, {"zlib_bytes", ST_I64, 1, {1}, r->zlib},
                           {"id", ST_I32, 1, {1}, r->id},       {"logp", ST_F32, 1, {1}, r->logp},
                           {"mu", ST_F32, 1, {1}, r->mu},       {"sigma", ST_F32, 1, {1}, r->sigma},
                           {"rank", ST_U8, 1, {1}, r->rank},    {"label", ST_I8, 1, {1}, r->label}};
    memcpy(r->item, item, sizeof item);
}

static void load_refused(const Raw *r, Status want, const char *part)
{
    Signals s = {.n = 77};
    Arena a = {0};
    Err e = {0};
    cr_assert_eq(st_save_meta(scratch_path(), r->item, r->n, &r->meta, 1, &e), OK, "%s", e.msg);
    cr_assert_eq(signals_load(&s, scratch_path(), &a, &e), want, "%s: %s", part, e.msg);
    cr_assert_eq(want == OK ? 77 : s.n, 77u, "left alone");
    if (want != OK) cr_assert_not_null(strstr(e.msg, part), "%s", e.msg);
    unlink(scratch_path());
    arena_free(&a);
}

Test(signals_file, damaged_files_are_refused)
{
    Raw r;
    raw_fill(&r);
    load_refused(&r, OK, "");
    for (size_t i = 0; i < 8; i++) {
        raw_fill(&r), r.item[i].name = "other";
        load_refused(&r, ERR_FORMAT, "no tensor");
        raw_fill(&r), r.item[i].type = ST_U16;
        load_refused(&r, ERR_FORMAT, "is U16 of 1 dimensions");
        raw_fill(&r), r.item[i].ndim = 2, r.item[i].shape[1] = 1;
        load_refused(&r, ERR_FORMAT, "of 2 dimensions");
        raw_fill(&r), r.item[i].shape[0] = 0;
        load_refused(&r, ERR_FORMAT, "");
    }
    raw_fill(&r), r.item[8] = (StItem){"more", ST_I8, 1, {1}, r.label}, r.n = 9;
    load_refused(&r, ERR_FORMAT, "9 tensors, want 8");
    raw_fill(&r), r.start[1] = 2;
    load_refused(&r, ERR_FORMAT, "start[1] = 2, want the 1 tokens that there are");
    raw_fill(&r), r.start[0] = -1;
    load_refused(&r, ERR_FORMAT, "start[0] = -1");
    raw_fill(&r), r.zlib[0] = -5;
    load_refused(&r, ERR_FORMAT, "zlib_bytes[0] = -5");
    raw_fill(&r), r.label[0] = 3;
    load_refused(&r, ERR_FORMAT, "label = 3");
    raw_fill(&r), r.logp[0] = 1;
    load_refused(&r, ERR_FORMAT, "logp[0] = 1");
    raw_fill(&r), r.meta.key = "other";
    load_refused(&r, ERR_FORMAT, "'prime.signals' is missing");
}

Test(signals_file, damaged_metadata_is_refused)
{
    static const struct {
        const char *text;
        Status want;
        const char *part;
    } bad[] = {
        {"{", ERR_FORMAT, "prime.signals"},
        {"{}", ERR_FORMAT, "no version"},
        {"{\"version\":2}", ERR_UNSUP, "version 2"},
        {"{\"version\":1}", ERR_FORMAT, "\"model\" is missing"},
        {"{\"version\":1,\"model\":\"m\",\"model_sha256\":5}", ERR_FORMAT, "\"model_sha256\" is 5"},
        {"{\"version\":1,\"model\":\"m\",\"model_sha256\":\"0a\"}", ERR_FORMAT, "want 64 digits"},
        {"{\"version\":1,\"model\":\"m\",\"model_sha256\":\"\",\"record\":[\"r\"],\"unit\":[]}", ERR_FORMAT,
         "one length"},
        {"{\"version\":1,\"model\":\"m\",\"model_sha256\":\"\",\"record\":[\"r\",\"s\"],\"unit\":[\"u\","
         "\"u\"]}",
         ERR_FORMAT, "tensor 'label' has 1 values, want 2"},
        {"{\"version\":1,\"model\":\"m\",\"model_sha256\":\"\",\"record\":[1],\"unit\":[\"u\"]}", ERR_FORMAT,
         "want a text"},
        {"{\"version\":1,\"model\":\"m\",\"model_sha256\":\"\",\"record\":[\"a b\"],\"unit\":[\"u\"]}",
         ERR_FORMAT, "an id of 3 bytes"},
    };
    Raw r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        raw_fill(&r), r.meta.value = bad[i].text;
        load_refused(&r, bad[i].want, bad[i].part);
    }
    Signals s;
    Arena a = {0};
    cr_assert_eq(signals_load(&s, "no/such/file", &a, NULL), ERR_IO);
    arena_free(&a);
}

/* ---- which model it was ---- */

#define HASH_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

Test(signals_file, a_hash_is_kept_and_a_bad_one_refused)
{
    Small x;
    Signals got;
    Arena a = {0};
    Err e = {0};
    small_fill(&x);
    x.s.model_sha256 = HASH_A;
    cr_assert_eq(signals_save(scratch_path(), &x.s, &e), OK, "%s", e.msg);
    cr_assert_eq(signals_load(&got, scratch_path(), &a, &e), OK, "%s", e.msg);
    cr_expect_str_eq(got.model_sha256, HASH_A);
    unlink(scratch_path());
    x.s.model_sha256 = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";
    cr_expect_eq(signals_save(scratch_path(), &x.s, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "want 64 digits"), "%s", e.msg);
    arena_free(&a);
}

Test(signals_file, other_texts_must_be_of_the_same_model)
{
    Small x, y;
    AttackSignal *out = NULL;
    Arena a = {0};
    small_fill(&x);
    small_fill(&y);
    x.s.model_sha256 = HASH_A;
    const SignalsMore more[] = {{.lower = &y.s}, {.after_non = &y.s}, {.after_member = &y.s}};
    for (size_t i = 0; i < 3; i++) {
        Err e = {0};
        y.s.model_sha256 = HASH_B;
        cr_expect_eq(signals_attack(&out, &x.s, &more[i], &a, &e), ERR_ARG, "%zu", i);
        cr_expect_not_null(strstr(e.msg, "are of model ff1122334455..."), "%s", e.msg);
        y.s.model_sha256 = "";
        cr_expect_eq(signals_attack(&out, &x.s, &more[i], &a, &e), OK, "not known: %s", e.msg);
        y.s.model_sha256 = HASH_A;
        cr_expect_eq(signals_attack(&out, &x.s, &more[i], &a, &e), OK);
    }
    y.s.model_sha256 = HASH_B; /* a reference is another model */
    cr_expect_eq(signals_attack(&out, &x.s, &(SignalsMore){.ref = &y.s, .loo = &y.s}, &a, NULL), OK);
    arena_free(&a);
}
