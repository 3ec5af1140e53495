/* cmd_attack_emissions.c - `prime attack emissions`: how much that looks like personal data is in what a
 * model wrote. Counts alone are printed, unless --show-text asks for the texts. */
#include "cmd_attack_priv.h"

#include "prime/extract.h"

#include <stdio.h>

enum { MAX_KINDS = 16 };

static size_t emission_names(const char **col)
{
    size_t n = 0;
    while (extract_kind_at(n) != NULL && n < MAX_KINDS) {
        col[n] = extract_kind_at(n)->name;
        n++;
    }
    return n;
}

static Status emissions_table(const char *path, bool show_text, Arena *a, Err *e)
{
    Table t = {0};
    const char *col[2 + MAX_KINDS] = {ATTACK_TEXT, "record"};
    size_t record = 0, text = 0, n = emission_names(col + 2), skip = show_text ? 0 : 1;
    TRY(table_load(&t, a, path, e));
    TRY(table_need(&record, &t, "record", e));
    TRY(table_need(&text, &t, "text", e));
    size_t *count = arena_alloc(a, t.n_rows * n, sizeof *count);
    if (count == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu texts", t.n_rows);
    for (size_t i = 0; i < t.n_rows; i++)
        if (extract_emissions(count + i * n, table_str(&t, i, text), e) != OK)
            return err_prefix(e, "%s:%zu", t.name, t.line[i]);
    TableOut out;
    table_begin(&out, stdout, NULL, col + skip, 2 - skip + n);
    for (size_t i = 0; i < t.n_rows; i++) {
        if (show_text) table_put_str(&out, table_str(&t, i, text));
        table_put_str(&out, table_str(&t, i, record));
        for (size_t k = 0; k < n; k++) table_put_int(&out, (int64_t)count[i * n + k]);
        table_end_row(&out);
    }
    return OK;
}

int attack_emissions_run(const CliVerb *self, int argc, char **argv)
{
    bool show_text = false;
    const CliOpt opts[] = {ATTACK_SHOW_TEXT(&show_text)};
    CliList pos = {0};
    Arena a = {0};
    Err e = {0};
    int code = cli_args(self, "attack", opts, 1, argc, argv, &pos, 1, 1);
    if (code < 0) code = emissions_table(pos.item[0], show_text, &a, &e) == OK ? EXIT_DONE : cli_fail(&e);
    arena_free(&a);
    cli_list_free(&pos);
    return code;
}
