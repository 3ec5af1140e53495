/* cmd_data_plant.c - prime data plant. */
#include "cmd_data_priv.h"

#include "prime/plant.h"
#include "prime/str.h"

#include <string.h>

/* Every kind and what it is, for --kind. */
static void plant_cli_help(char *out, size_t n)
{
    Str text = {0};
    size_t n_kinds = 0;
    const PlantKind *kind = plant_kinds(&n_kinds);
    str_puts(&text, "kinds, with commas between");
    for (size_t i = 0; i < n_kinds; i++)
        str_printf(&text, "%s %s: %s", i == 0 ? ":" : ";", kind[i].name, kind[i].what);
    str_puts(&text, " (digits)");
    snprintf(out, n, "%s", text.failed ? "" : text.s);
    str_free(&text);
}

int data_cli_plant(const CliVerb *self, int argc, char **argv)
{
    DataPlantOpt o = {0};
    const char *users = "audit";
    char kinds[400];
    plant_cli_help(kinds, sizeof kinds);
    const CliOpt opts[] = {
        {"out", 'o', OPT_STR, &o.out, "DIR", "folder to make (required)", 0, 0},
        {"task", 't', OPT_STR, &o.task, "NAME", "task whose records take the secrets (required)", 0, 0},
        {"canaries", 0, OPT_SIZE, &o.canaries, "K",
         "secrets of each kind for each person, an even number: half of them are planted (required)", 2,
         PLANT_MOST},
        {"kind", 0, OPT_STR, &o.kinds, "NAME,...", kinds, 0, 0},
        {"users", 0, OPT_STR, &users, "WHO", "audit, or all: base users too (audit)", 0, 0},
    };
    CliList pos = {0};
    int code = cli_args(self, "data", opts, sizeof opts / sizeof opts[0], argc, argv, &pos, 1, 1);
    if (code < 0 && (o.out == NULL || o.task == NULL || o.canaries == 0))
        code = cli_usage("'prime data plant' wants --out DIR, --task NAME and --canaries K");
    o.base_too = strcmp(users, "all") == 0;
    if (code < 0 && !o.base_too && strcmp(users, "audit") != 0)
        code = cli_usage("--users = %s, want audit or all", users);
    if (code < 0) {
        Err e = {0};
        DataPlanted done;
        o.dir = pos.item[0];
        o.seed = cli_common.seed;
        code = data_plant(&done, &o, &e) == OK ? EXIT_DONE : cli_fail(&e);
    }
    cli_list_free(&pos);
    return code;
}
