/* What the products of each architecture are called, and how users name them. */
#include "prime/lora.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A model of the family: every module that it names has a size. */
static LoraShape names_shape(const char *family)
{
    LoraShape s = {.n_layers = 2, .names = lora_names(family)};
    cr_assert_not_null(s.names, "%s", family);
    for (size_t k = 0; k < LORA_KINDS; k++)
        if (s.names->module[k] != NULL) s.n_in[k] = 8, s.n_out[k] = 4 + k;
    return s;
}

static unsigned names_kinds(const char *family, const char *text)
{
    LoraShape s = names_shape(family);
    unsigned kinds = 0;
    Err e = {0};
    cr_assert_eq(lora_kinds_parse(&kinds, &s, text, &e), OK, "%s", e.msg);
    return kinds;
}

static void names_refuse(const LoraShape *s, const char *text, const char *message)
{
    unsigned kinds = 99;
    Err e = {0};
    cr_expect_eq(lora_kinds_parse(&kinds, s, text, &e), ERR_ARG, "%s", text);
    cr_expect_str_eq(e.msg, message);
    cr_expect_eq(kinds, 99, "untouched");
}

Test(names, every_model_type_has_a_row)
{
    static const char *const like_llama[] = {"mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"};
    for (size_t i = 0; i < 6; i++) cr_expect_eq(lora_names(like_llama[i]), lora_names("llama"));
    cr_expect_null(lora_names("mamba"));
    size_t n = 0;
    for (const LoraNames *r; (r = lora_names_at(n)) != NULL; n++) cr_expect_eq(lora_names(r->family), r);
    cr_expect_eq(n, 4);
}

Test(names, a_name_takes_every_module_that_is_called_so)
{
    cr_expect_eq(names_kinds("llama", "q_proj"), 1U << LORA_Q);
    cr_expect_eq(names_kinds("llama", "q,self_attn.v_proj,down"),
                 1U << LORA_Q | 1U << LORA_V | 1U << LORA_DOWN);
    cr_expect_eq(names_kinds("gpt2", "c_proj"), 1U << LORA_O | 1U << LORA_DOWN);
    cr_expect_eq(names_kinds("gpt2", "attn.c_proj"), 1U << LORA_O);
    cr_expect_eq(names_kinds("phi3", "gate_up"), 1U << LORA_GATE_UP);
    cr_expect_eq(names_kinds("phi3", "attention"), 1U << LORA_QKV | 1U << LORA_O);
    cr_expect_eq(names_kinds("llama", "attention"),
                 1U << LORA_Q | 1U << LORA_K | 1U << LORA_V | 1U << LORA_O);
    cr_expect_eq(names_kinds("gpt_neox", "mlp"), 1U << LORA_UP | 1U << LORA_DOWN);
    cr_expect_eq(names_kinds("gpt_neox", "all-linear"),
                 1U << LORA_QKV | 1U << LORA_O | 1U << LORA_UP | 1U << LORA_DOWN);
}

Test(names, names_that_the_model_lacks_are_refused_with_a_list)
{
    LoraShape s = names_shape("gpt2");
    static const char tail[] =
        "' is not one of the model's: attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj; or "
        "attention, mlp, all-linear";
    static const char *const bad[] = {"q_proj", "proj", "tn.c_attn", ""};
    for (size_t i = 0; i < 4; i++) {
        char want[200];
        snprintf(want, sizeof want, "target module '%s%s", bad[i], tail);
        names_refuse(&s, bad[i], want);
    }
    names_refuse(&s, "c_attn,,c_fc",
                 "target module '' is not one of the model's: attn.c_attn, attn.c_proj, "
                 "mlp.c_fc, mlp.c_proj; or attention, mlp, all-linear");
    char lengthy[200];
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    unsigned kinds = 0;
    Err e = {0};
    cr_expect_eq(lora_kinds_parse(&kinds, &s, lengthy, &e), ERR_ARG);
    cr_expect_not_null(strstr(e.msg, "is too long for the name of a module"), "%s", e.msg);
    e = (Err){0};
    cr_expect_eq(lora_kinds_named(&kinds, &s, NULL, 0, &e), ERR_ARG);
    cr_expect_str_eq(e.msg, "an adapter needs at least one target module");
}

Test(names, kinds_without_a_product_are_not_made)
{
    LoraShape s = names_shape("gpt2");
    Lora *l = NULL;
    Err e = {0};
    cr_assert_eq(lora_new(&l, &s, (1U << LORA_KINDS) - 1, 2, 2, &e), OK, "%s", e.msg);
    for (size_t k = 0; k < LORA_KINDS; k++) cr_expect_eq(l->site[k].r, s.n_out[k] > 0 ? 2 : 0);
    lora_free(l);
    cr_expect_eq(lora_new(&l, &s, 1U << LORA_Q, 2, 2, &e), ERR_ARG);
    cr_expect_str_eq(e.msg, "an adapter needs at least one target module");
}

Test(names, shapes_differ_in_sizes_names_and_layout)
{
    LoraShape s = names_shape("gpt2"), t = s;
    cr_expect(lora_shape_same(&s, &t));
    t.qkv_heads = 2;
    cr_expect_not(lora_shape_same(&s, &t));
    t = s, t.n_layers = 3;
    cr_expect_not(lora_shape_same(&s, &t));
    t = s, t.n_in[LORA_O] = 5;
    cr_expect_not(lora_shape_same(&s, &t));
    t = s, t.n_out[LORA_O] = 5;
    cr_expect_not(lora_shape_same(&s, &t));
    t = s, t.names = lora_names("gpt_neox");
    cr_expect_not(lora_shape_same(&s, &t));
    t.names = NULL;
    cr_expect_not(lora_shape_same(&s, &t));
}

Test(names, columns_of_the_joint_output)
{
    LoraShape s = names_shape("llama");
    cr_expect_eq(lora_out_column(&s, LORA_Q), 0);
    cr_expect_eq(lora_out_column(&s, LORA_K), 5);
    cr_expect_eq(lora_out_column(&s, LORA_V), 11);
    cr_expect_eq(lora_out_column(&s, LORA_UP), 10);
    static const LoraKind first[] = {LORA_QKV, LORA_O, LORA_GATE_UP, LORA_GATE, LORA_DOWN};
    for (size_t i = 0; i < 5; i++) cr_expect_eq(lora_out_column(&s, first[i]), 0);
    s = names_shape("gpt2");
    cr_expect_eq(lora_out_column(&s, LORA_UP), 0, "no gate");
    cr_expect_str_eq(lora_kind_name(&s, LORA_QKV), "c_attn");
    cr_expect_null(lora_kind_name(&s, LORA_Q));
    cr_expect_str_eq(lora_kind_label(&s, LORA_QKV), "c_attn");
    cr_expect_str_eq(lora_kind_label(&s, LORA_DOWN), "mlp.c_proj");
    cr_expect_null(lora_kind_label(&s, LORA_Q));
    s.names = NULL;
    cr_expect_null(lora_kind_name(&s, LORA_QKV));
}
