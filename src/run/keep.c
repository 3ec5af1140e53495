/* keep.c - signals of a cell on disk, so that attacks can be computed again without a model. */
#include "sweep_priv.h"

#include "prime/file.h"
#include "prime/signals.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One person's records on one side, behind what is there. */
static void keep_split(Signals *to, SignalsRecord *rec, const KeepPart *p, int label)
{
    const AuditSet *set = label == 1 ? &p->person->member : &p->person->heldout;
    const CellSplit *x = label == 1 ? &p->sig->member : &p->sig->heldout,
                    *ref = label == 1 ? &p->ref->member : &p->ref->heldout;
    const size_t *start = x->tok.start + p->c * set->n;
    size_t tokens = start[set->n] - start[0], at = to->tok.start[to->n];
    for (size_t i = 0; i < set->n; i++) {
        rec[to->n + i] = (SignalsRecord){set->r[i].rec->id, p->person->user->id, label, ref->zlib[i]};
        to->tok.start[to->n + i + 1] = at + start[i + 1] - start[0];
    }
    memcpy(to->tok.id + at, x->tok.id + start[0], tokens * sizeof *to->tok.id);
    memcpy(to->tok.logp + at, x->tok.logp + start[0], tokens * sizeof *to->tok.logp);
    memcpy(to->tok.mu + at, x->tok.mu + start[0], tokens * sizeof *to->tok.mu);
    memcpy(to->tok.sigma + at, x->tok.sigma + start[0], tokens * sizeof *to->tok.sigma);
    memcpy(to->tok.rank + at, x->tok.rank + start[0], tokens * sizeof *to->tok.rank);
    to->n += set->n;
}

static size_t split_tokens(const CellSplit *x, size_t c, size_t n)
{
    return x->tok.start[(c + 1) * n] - x->tok.start[c * n];
}

static Status keep_gather(Signals *out, SignalsRecord **rec, const KeepPart *part, size_t n, Arena *a, Err *e)
{
    size_t records = 0, tokens = 0;
    for (size_t i = 0; i < n; i++) {
        const KeepPart *p = &part[i];
        records += p->person->member.n + p->person->heldout.n;
        tokens += split_tokens(&p->sig->member, p->c, p->person->member.n) +
                  split_tokens(&p->sig->heldout, p->c, p->person->heldout.n);
    }
    *rec = arena_alloc(a, records, sizeof **rec);
    TRY(measure_signals_room(&out->tok, records, tokens, a, e));
    if (*rec == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu records", records);
    for (size_t i = 0; i < n; i++) {
        keep_split(out, *rec, &part[i], 1);
        keep_split(out, *rec, &part[i], 0);
    }
    out->record = *rec;
    return OK;
}

/* What names the model, or the models, of a file. */
static Status keep_hash(char hex[HASH_HEX], const Audit *a, const KeepPart *part, size_t n, Err *e)
{
    Str text = {0};
    bool any = false;
    Status s = OK;
    str_puts(&text, a->weights);
    for (size_t i = 0; s == OK && i < n; i++) {
        if (part[i].lora == NULL || (i > 0 && part[i].lora == part[i - 1].lora)) continue;
        s = lora_hash(hex, part[i].lora, e);
        if (s == OK) str_printf(&text, " %s", hex);
        any = true;
    }
    if (s == OK && text.failed) s = err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a hash");
    if (s == OK && any) hash_bytes(hex, text.s, text.n);
    if (s == OK && !any) memcpy(hex, a->weights, HASH_HEX);
    str_free(&text);
    return s;
}

static Status keep_in(const Audit *a, const char *name, const KeepPart *part, size_t n, Arena *tmp, Err *e)
{
    char hex[HASH_HEX];
    Signals s = {.model = name, .model_sha256 = hex};
    SignalsRecord *rec = NULL;
    TRY(keep_hash(hex, a, part, n, e));
    char dir[AUDIT_PATH], path[AUDIT_PATH + 2 * SWEEP_KEY];
    if (snprintf(dir, sizeof dir, "%s/signals/%s", a->dir, a->task->name) >= AUDIT_PATH)
        FAIL(e, ERR_ARG, "%s: the path is longer than %d bytes", a->dir, AUDIT_PATH);
    snprintf(path, sizeof path, "%s/%s.safetensors", dir, name);
    TRY(keep_gather(&s, &rec, part, n, tmp, e));
    TRY(file_mkdir(dir, e));
    return signals_save(path, &s, e);
}

Status keep_signals(const Audit *a, const char *name, const KeepPart *part, size_t n, Err *e)
{
    Arena tmp = {0};
    Status s = keep_in(a, name, part, n, &tmp, e);
    arena_free(&tmp);
    return s;
}

void keep_name(char out[SWEEP_KEY], const char *method, const char *unit, size_t seed, double lambda)
{
    int len = snprintf(out, SWEEP_KEY, "%.48s.%.40s.seed%zu", method, unit, seed);
    if (!isnan(lambda) && len > 0 && len < SWEEP_KEY)
        snprintf(out + len, (size_t)(SWEEP_KEY - len), ".lambda%.17g", lambda);
}

Status keep_base(const Sweep *s, Arena *arena, Err *e)
{
    const Audit *a = s->a;
    size_t n = a->n_anchors + (s->target_ref != NULL ? a->n_targets : 0);
    KeepPart *part = arena_alloc(arena, n, sizeof *part);
    AuditPerson *who = arena_alloc(arena, n, sizeof *who);
    if (part == NULL || who == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu people", n);
    for (size_t i = 0; i < n; i++) {
        bool anchor = i < a->n_anchors;
        who[i] = anchor ? audit_person(a, i) : audit_target_person(a, i - a->n_anchors);
        const CellSignals *x = anchor ? &s->anchor_ref[i] : &s->target_ref[i - a->n_anchors];
        part[i] = (KeepPart){&who[i], x, 0, x, NULL};
    }
    return keep_signals(a, "base", part, n, e);
}
