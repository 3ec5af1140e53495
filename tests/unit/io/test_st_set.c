/* The weights of a folder: one file, shards and their index, and what is refused. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "../damaged.h"

#include "prime/log.h"
#include "prime/st.h"

TestSuite(st_set, .init = scratch_make, .fini = scratch_remove);

static const float four[4] = {1, 2, 3, 4};

static void set_path(char out[128], const char *file)
{
    snprintf(out, 128, "%s/%s", scratch_dir, file);
}

static void set_text(const char *file, const char *text)
{
    char path[128];
    Err e = {0};
    set_path(path, file);
    cr_assert_eq(file_write(path, text, strlen(text), &e), OK, "%s", e.msg);
}

/* A file with one or two F32 tensors of four values. */
static void set_shard(const char *file, const char *first, const char *second)
{
    char path[128];
    StItem items[] = {{first, ST_F32, 1, {4}, four}, {second, ST_F32, 2, {2, 2}, four}};
    Err e = {0};
    set_path(path, file);
    cr_assert_eq(st_save(path, items, second == NULL ? 1 : 2, &e), OK, "%s", e.msg);
}

/* Two shards: x and y in the first, z in the second. */
static void set_two(void)
{
    set_shard("model-00001-of-00002.safetensors", "x", "y");
    set_shard("model-00002-of-00002.safetensors", "z", NULL);
}

#define ONE "model-00001-of-00002.safetensors"
#define TWO "model-00002-of-00002.safetensors"
#define MAP_XYZ "{\"x\": \"" ONE "\", \"y\": \"" ONE "\", \"z\": \"" TWO "\"}"

static void set_index(const char *text)
{
    set_text("model.safetensors.index.json", text);
}

static char said[400];
static LogLevel said_level;

static void set_listen(void *ctx, LogLevel level, const char *msg)
{
    (void)ctx;
    said_level = level;
    snprintf(said, sizeof said, "%s", msg);
}

Test(st_set, a_single_file_is_a_set)
{
    StSet *s = NULL;
    Err e = {0};
    char path[128];
    float got[4];
    set_shard("model.safetensors", "b", "a");
    cr_assert_eq(st_check(scratch_dir, "model", &e), OK, "%s", e.msg);
    cr_assert_eq(st_set_open(&s, scratch_dir, "model", &e), OK, "%s", e.msg);
    cr_assert_eq(st_set_count(s), 2);
    cr_assert_eq(st_set_files(s), 1);
    cr_assert_str_eq(st_set_at(s, 0)->name, "b");
    cr_assert_eq(st_set_at(s, 1), st_set_find(s, "a"));
    cr_assert_null(st_set_at(s, 2));
    cr_assert_null(st_set_find(s, "c"));
    set_path(path, "model.safetensors");
    cr_assert_str_eq(st_set_file(s, st_set_find(s, "a")), path);
    cr_assert_eq(st_to_f32(got, st_set_find(s, "a"), &e), OK);
    cr_assert_eq(memcmp(got, four, sizeof got), 0);
    st_set_close(s);
    st_set_close(NULL);
}

Test(st_set, shards_are_one_set)
{
    StSet *s = NULL;
    Err e = {0};
    char path[128];
    StTensor other = {.name = "x"};
    set_two();
    set_index("{\"metadata\": {\"total_size\": 48}, \"weight_map\": " MAP_XYZ "}");
    said[0] = '\0';
    log_install(set_listen, NULL);
    cr_assert_eq(st_set_open(&s, scratch_dir, "model", &e), OK, "%s", e.msg);
    log_install(NULL, NULL);
    cr_assert_str_eq(said, "");
    cr_assert_eq(st_set_count(s), 3);
    cr_assert_eq(st_set_files(s), 2);
    const char *const names[] = {"x", "y", "z"}, *const files[] = {ONE, ONE, TWO};
    for (size_t i = 0; i < 3; i++) {
        const StTensor *t = st_set_at(s, i);
        cr_assert_str_eq(t->name, names[i]);
        cr_assert_eq(st_set_find(s, names[i]), t);
        set_path(path, files[i]);
        cr_assert_str_eq(st_set_file(s, t), path);
    }
    cr_assert_null(st_set_file(s, &other), "a tensor of another file");
    st_set_close(s);
}

Test(st_set, the_stem_chooses)
{
    StSet *s = NULL;
    Err e = {0};
    set_shard("adapter_model.safetensors", "a", NULL);
    cr_assert_eq(st_set_open(&s, scratch_dir, "adapter_model", &e), OK, "%s", e.msg);
    cr_assert_not_null(st_set_find(s, "a"));
    st_set_close(s);
    s = NULL;
    cr_assert_eq(st_set_open(&s, scratch_dir, "model", &e), ERR_IO);
    cr_assert_null(s);
}

Test(st_set, the_single_file_goes_before_the_index)
{
    StSet *s = NULL;
    Err e = {0};
    set_two();
    set_index("not even JSON");
    set_shard("model.safetensors", "a", NULL);
    log_install(set_listen, NULL);
    cr_assert_eq(st_set_open(&s, scratch_dir, "model", &e), OK, "%s", e.msg);
    log_install(NULL, NULL);
    cr_assert_eq(st_set_count(s), 1);
    cr_assert_eq(said_level, LOG_INFO);
    cr_assert_not_null(strstr(said, "/model.safetensors.index.json: not used, there is the single file"));
    st_set_close(s);
}

Test(st_set, a_wrong_total_is_told_and_not_used)
{
    static const struct {
        const char *metadata, *said;
    } c[] = {{"{\"total_size\": 47}", "total_size is 47, the tensors have 48 bytes: not used"},
             {"{\"total_size\": \"big\"}", "total_size is the text \"big\", the tensors have 48 bytes"},
             {"{\"total_size\": 48.0}", ""},
             {"{}", ""},
             {"7", ""}};
    set_two();
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        char text[400];
        StSet *s = NULL;
        Err e = {0};
        snprintf(text, sizeof text, "{\"metadata\": %s, \"weight_map\": " MAP_XYZ "}", c[i].metadata);
        set_index(text);
        said[0] = '\0';
        log_install(set_listen, NULL);
        cr_assert_eq(st_set_open(&s, scratch_dir, "model", &e), OK, "%s", e.msg);
        log_install(NULL, NULL);
        cr_assert(c[i].said[0] == '\0' ? said[0] == '\0' : strstr(said, c[i].said) != NULL, "%s", said);
        cr_assert(said[0] == '\0' || said_level == LOG_WARN);
        st_set_close(s);
    }
}

/* What the folder says, after its own name. */
static void set_refused(Status want, const char *sentence)
{
    StSet *s = NULL;
    Err e = {0};
    Status got = st_set_open(&s, scratch_dir, "model", &e);
    size_t n = strlen(scratch_dir);
    cr_expect_eq(got, want, "%s, want %s: %s", err_name(got), err_name(want), e.msg);
    cr_expect_eq(strncmp(e.msg, scratch_dir, n), 0, "%s", e.msg);
    cr_expect_str_eq(e.msg + n, sentence);
    cr_expect_null(s);
}

Test(st_set, a_damaged_index_is_refused)
{
#define INDEX "/model.safetensors.index.json: "
    static const struct {
        const char *text, *sentence;
    } c[] = {
        {"", INDEX "empty, want JSON"},
        {"[]", INDEX "weight_map is missing, want an object of tensors and files"},
        {"{\"weight_map\": [\"x\"]}",
         INDEX "weight_map is an array of 1, want an object of tensors and files"},
        {"{\"weight_map\": {}}", INDEX "weight_map is empty, want at least one tensor"},
        {"{\"weight_map\": {\"x\": 3}}", INDEX "weight_map 'x' is 3, want the name of a file"},
        {"{\"weight_map\": {\"x\": \"a\\u0000.safetensors\"}}",
         INDEX "weight_map 'x' is the text \"a\", want the name of a file"},
        {"{\"weight_map\": {\"x\": \"/etc/a.safetensors\"}}",
         INDEX "weight_map 'x' is '/etc/a.safetensors', want a file in the same folder"},
        {"{\"weight_map\": {\"x\": \"../a.safetensors\"}}",
         INDEX "weight_map 'x' is '../a.safetensors', want a file in the same folder"},
        {"{\"weight_map\": {\"x\": \"sub/a.safetensors\"}}",
         INDEX "weight_map 'x' is 'sub/a.safetensors', want a file in the same folder"},
        {"{\"weight_map\": {\"x\": \"..\"}}",
         INDEX "weight_map 'x' is '..', want a name that ends in .safetensors"},
        {"{\"weight_map\": {\"x\": \".safetensors\"}}",
         INDEX "weight_map 'x' is '.safetensors', want a name that ends in .safetensors"},
        {"{\"weight_map\": {\"x\": \"pytorch_model-00001-of-00002.bin\"}}",
         INDEX "weight_map 'x' is 'pytorch_model-00001-of-00002.bin', want a name that ends in .safetensors"},
        {"{\"weight_map\": {\"x\": \"" ONE "\", \"y\": \"" TWO "\", \"z\": \"" TWO "\"}}",
         INDEX "weight_map puts tensor 'y' into " TWO ", which does not hold it"},
        {"{\"weight_map\": {\"x\": \"" ONE "\", \"z\": \"" TWO "\"}}",
         INDEX "weight_map has no tensor 'y', which is in " ONE},
        {"{\"weight_map\": {\"x\": \"" ONE "\", \"y\": \"" ONE "\"," MAP_XYZ,
         "/model.safetensors.index.json:1:98: not JSON: string or '}' expected near '{'"},
        {"{\"weight_map\": {\"x\": \"" ONE "\", \"x\": \"" TWO "\"}}",
         "/model.safetensors.index.json:1:60: not JSON: duplicate object key near '\"x\"'"},
    };
    set_two();
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        set_index(c[i].text);
        set_refused(ERR_FORMAT, c[i].sentence);
    }
}

Test(st_set, shards_that_disagree_are_refused)
{
    set_two();
    set_shard("other.safetensors", "w", "x");
    set_index("{\"weight_map\": {\"x\": \"" ONE "\", \"y\": \"" ONE "\", \"z\": \"" TWO
              "\", \"w\": \"other.safetensors\"}}");
    set_refused(ERR_FORMAT, INDEX "tensor 'x' is in two files, " ONE " and other.safetensors");
    set_text("other.safetensors", "short");
    set_refused(ERR_FORMAT, "/other.safetensors: 5 bytes, want at least 8 for the length of the header");
    set_text("other.safetensors", "");
    set_refused(ERR_FORMAT, "/other.safetensors: 0 bytes, want at least 8 for the length of the header");
}

Test(st_set, a_missing_shard_is_named)
{
    set_two();
    set_index("{\"weight_map\": {\"x\": \"" ONE "\", \"y\": \"" ONE "\", \"z\": \"gone.safetensors\"}}");
    set_refused(ERR_IO, INDEX "the folder has no file gone.safetensors, which weight_map names");
}

Test(st_set, a_shard_that_is_a_folder_is_refused)
{
    char path[128];
    Err e = {0};
    set_path(path, "dir.safetensors");
    cr_assert_eq(file_mkdir(path, &e), OK);
    set_index("{\"weight_map\": {\"x\": \"dir.safetensors\"}}");
    set_refused(ERR_IO, "/dir.safetensors: cannot map: Invalid argument");
}

Test(st_set, other_forms_are_named)
{
    StSet *s = NULL;
    Err e = {0};
    cr_assert_eq(st_set_open(&s, "no/such/folder", "model", &e), ERR_IO);
    cr_assert_str_eq(e.msg, "no/such/folder: no such folder");
    cr_assert_eq(st_check("no/such/folder", "model", NULL), ERR_IO);
    set_refused(ERR_IO, ": no weights: want model.safetensors or its index");
    set_text("rng_state.pth", "");
    set_text("training_args.bin", "");
    set_refused(ERR_IO, ": no weights: want model.safetensors or its index");
    set_text("tf_model.h5", "");
    set_refused(ERR_UNSUP, ": the weights are TensorFlow's (tf_model.h5), which is not read: convert them to "
                           "safetensors");
    set_text("flax_model.msgpack", "");
    set_refused(ERR_UNSUP,
                ": the weights are Flax's (flax_model.msgpack), which is not read: convert them to "
                "safetensors");
    set_text("pytorch_model.bin", "");
    set_refused(ERR_UNSUP,
                ": the weights are Flax's (flax_model.msgpack), which is not read: convert them to "
                "safetensors");
}

Test(st_set, pickled_weights_are_refused)
{
    static const char *const name[] = {"pytorch_model.bin",   "pytorch_model-00001-of-00002.bin",
                                       "adapter_model.bin",   "model.bin",
                                       "consolidated.00.pth", "epoch.ckpt"};
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        char path[128], want[256];
        set_text(name[i], "");
        snprintf(want, sizeof want,
                 ": the weights are pickled (%s), which is not read because it may run code: convert them to "
                 "safetensors",
                 name[i]);
        set_refused(ERR_UNSUP, want);
        cr_assert_eq(st_check(scratch_dir, "model", NULL), ERR_UNSUP);
        set_path(path, name[i]);
        cr_assert_eq(unlink(path), 0);
    }
}
