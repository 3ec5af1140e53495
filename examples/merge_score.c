/* merge_score.c - a program of its own on libprime: two adapters are merged, and a model with and without the
 * merge says how likely it finds an answer.
 *
 *     cc merge_score.c $(pkg-config --cflags --libs prime) -o merge_score
 *     ./merge_score MODEL ADAPTER_A ADAPTER_B PROMPT ANSWER
 *
 * prints CSV: model,n_tokens,nll_sum (nats over the answer's tokens), as `prime model score` does. */
#include <prime/mat.h>
#include <prime/merge.h>
#include <prime/score.h>
#include <prime/tok.h>

#include <stdio.h>
#include <string.h>

/* All that is owned; freeing accepts what was never made. */
typedef struct {
    Model *model;
    Tok *tok;
    Lora *part[2], *merged;
    LoraBank *bank;
    TokIds ids;
} Owned;

static void owned_free(Owned *o)
{
    tok_ids_free(&o->ids);
    lora_bank_free(o->bank);
    lora_free(o->merged);
    lora_free(o->part[0]);
    lora_free(o->part[1]);
    tok_free(o->tok);
    model_free(o->model);
}

/* Half of each adapter's update, added exactly. */
static Status merge_halves(Owned *o, char *const *dir, Err *e)
{
    static const double half[] = {0.5, 0.5};
    LoraShape shape = model_lora_shape(&o->model->cfg);
    TRY(lora_load(&o->part[0], dir[0], &shape, e));
    TRY(lora_load(&o->part[1], dir[1], &shape, e));
    TRY(merge_run(&o->merged, merge_find("exact"), (const Lora *const *)o->part, half, 2, e));
    return lora_bank_new(&o->bank, (const Lora *const *)&o->merged, 1, e);
}

/* One text under two candidates: weight 0 is the base model, weight 1 the merge. */
static Status score_both(ScoreOut out[2], Owned *o, const char *prompt, const char *answer, Err *e)
{
    static const float w[] = {0, 1};
    PassLora lora = {.bank = o->bank, .op = LORA_EXACT, .w = w};
    TokJoint how;
    TRY(tok_encode_joint(o->tok, &o->ids, &how, prompt, strlen(prompt), answer, strlen(answer), false, e));
    ScoreItem item[2] = {{o->ids.id, o->ids.n, how.skip, 0}, {o->ids.id, o->ids.n, how.skip, 1}};
    return score_nll(out, o->model, &lora, 2, item, 2, e);
}

static Status run_all(Owned *o, char *const *arg, Err *e)
{
    ScoreOut out[2];
    TRY(model_load(&o->model, arg[0], e));
    TRY(tok_load(&o->tok, arg[0], e));
    TRY(merge_halves(o, arg + 1, e));
    TRY(score_both(out, o, arg[3], arg[4], e));
    printf("model,n_tokens,nll_sum\n");
    printf("base,%zu,%.6g\n", out[0].n_tokens, out[0].nll_sum);
    printf("merged,%zu,%.6g\n", out[1].n_tokens, out[1].nll_sum);
    return OK;
}

int main(int argc, char **argv)
{
    Owned o = {0};
    Err e = {0};
    if (argc != 6) {
        fprintf(stderr, "usage: merge_score MODEL ADAPTER_A ADAPTER_B PROMPT ANSWER\n");
        return 2;
    }
    mat_init(); /* one thread inside the products; the library spreads work over its own */
    Status s = run_all(&o, argv + 1, &e);
    if (s != OK) fprintf(stderr, "merge_score: %s\n", e.msg);
    owned_free(&o);
    return s == OK ? 0 : 1;
}
