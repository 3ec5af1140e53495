/* metric_bleu.c - the tokens of mteval-v13a, and BLEU of counts. */
#include "metric_priv.h"
#include "text_priv.h"

#include <math.h>
#include <string.h>

/* out := in with every occurrence of `what` replaced. */
static void bleu_replace(Str *out, const Str *in, const char *what, const char *with)
{
    size_t k = strlen(what);
    str_clear(out);
    for (size_t i = 0; i < in->n;) {
        bool hit = in->n - i >= k && memcmp(in->s + i, what, k) == 0;
        if (hit)
            str_puts(out, with);
        else
            str_put(out, in->s + i, 1);
        i += hit ? k : 1;
    }
}

static bool bleu_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool bleu_stop(char c)
{
    return c == '.' || c == ',';
}

/* ASCII punctuation but for apostrophe, comma, hyphen and full stop. */
static bool bleu_mark(char c)
{
    return c != '\0' && strchr("!\"#$%&()*+/:;<=>?@[\\]^_`{|}~", c) != NULL;
}

/* Two neighbours of which blanks are put around one. */
static bool bleu_stop_after(char a, char b)
{
    return !bleu_digit(a) && bleu_stop(b);
}

static bool bleu_stop_before(char a, char b)
{
    return bleu_stop(a) && !bleu_digit(b);
}

static bool bleu_dash_after(char a, char b)
{
    return bleu_digit(a) && b == '-';
}

/* From left to right; a pair that was taken is passed over whole. `first`: around the first of the two. */
static void bleu_pairs(Str *out, const Str *in, bool (*is)(char, char), bool first)
{
    str_clear(out);
    for (size_t i = 0; i < in->n;) {
        bool hit = i + 1 < in->n && is(in->s[i], in->s[i + 1]);
        if (hit && first) str_put(out, " ", 1);
        str_put(out, in->s + i, 1);
        if (hit) str_put(out, " ", 1);
        if (hit) str_put(out, in->s + i + 1, 1);
        if (hit && !first) str_put(out, " ", 1);
        i += hit ? 2 : 1;
    }
}

static void bleu_marks(Str *out, const Str *in)
{
    str_clear(out);
    for (size_t i = 0; i < in->n; i++) {
        bool mark = bleu_mark(in->s[i]);
        if (mark) str_put(out, " ", 1);
        str_put(out, in->s + i, 1);
        if (mark) str_put(out, " ", 1);
    }
}

/* Runs of white space as one blank, none at the ends. */
static void bleu_squeeze(Str *out, const Str *in)
{
    str_clear(out);
    bool gap = false;
    for (size_t i = 0, k; i < in->n; i += k) {
        uint32_t code = 0;
        k = text_char(&code, in->s + i, in->n - i);
        bool space = text_is_space(code);
        if (!space && gap && out->n > 0) str_put(out, " ", 1);
        if (!space) str_put(out, in->s + i, k);
        gap = space;
    }
}

void metric_tokens_13a(Str *out, const char *text)
{
    static const char *const swap[][2] = {{"<skipped>", ""}, {"-\n", ""},   {"\n", " "},  {"&quot;", "\""},
                                          {"&amp;", "&"},    {"&lt;", "<"}, {"&gt;", ">"}};
    Str a = {0}, b = {0};
    Span end = text_strip(text_span(text));
    str_put(&a, text, (size_t)(end.s - text) + end.n);
    for (size_t i = 0; i < sizeof swap / sizeof swap[0]; i++) {
        bleu_replace(&b, &a, swap[i][0], swap[i][1]);
        Str t = a;
        a = b;
        b = t;
    }
    str_clear(&b);
    str_put(&b, " ", 1);
    if (a.n > 0) str_put(&b, a.s, a.n);
    str_put(&b, " ", 1);
    bleu_marks(&a, &b);
    bleu_pairs(&b, &a, bleu_stop_after, false);
    bleu_pairs(&a, &b, bleu_stop_before, true);
    bleu_pairs(&b, &a, bleu_dash_after, false);
    bleu_squeeze(out, &b);
    out->failed = out->failed || a.failed || b.failed;
    str_free(&a);
    str_free(&b);
}

/* Words between blanks of s [n]; w NULL counts them only. */
static size_t bleu_words(Word *w, char *s, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n;) {
        size_t from = i;
        while (i < n && s[i] != ' ') i++;
        if (w != NULL) w[m] = (Word){s + from, i - from, NULL};
        m++;
        i++;
    }
    return m;
}

static Status bleu_add(Bleu *c, Str text[2], Arena *scratch, Err *e)
{
    size_t n[2], total = 0;
    for (size_t i = 0; i < 2; i++) {
        n[i] = bleu_words(NULL, text[i].s, text[i].n);
        if (n[i] > METRIC_MAX_TOKENS)
            FAIL(e, ERR_ARG, "a text of %zu tokens, want at most %d", n[i], METRIC_MAX_TOKENS);
        total += n[i];
    }
    Word *w = arena_alloc(scratch, total, sizeof *w);
    uint32_t *id = arena_alloc(scratch, total, sizeof *id);
    if (w == NULL || id == NULL) FAIL(e, ERR_NOMEM, "no memory for %zu tokens", total);
    bleu_words(w, text[0].s, text[0].n);
    bleu_words(w + n[0], text[1].s, text[1].n);
    for (size_t i = 0; i < total; i++) w[i].id = &id[i];
    gram_ids(w, total);
    size_t hits[METRIC_BLEU_ORDERS];
    TRY(gram_hits(hits, METRIC_BLEU_ORDERS, id, n[0], id + n[0], n[1], scratch, e));
    for (size_t k = 0; k < METRIC_BLEU_ORDERS; k++) {
        c->hits[k] += hits[k];
        c->pred[k] += gram_count(n[1], k + 1);
    }
    c->n_target += n[0];
    c->n_pred += n[1];
    return OK;
}

Status metric_bleu_add(Bleu *c, const char *target, const char *prediction, Arena *scratch, Err *e)
{
    Str text[2] = {{0}};
    arena_reset(scratch);
    metric_tokens_13a(&text[0], target);
    metric_tokens_13a(&text[1], prediction);
    bool failed = text[0].failed || text[1].failed;
    Status s = failed ? err_set(e, ERR_NOMEM, __FILE__, __LINE__, "no memory for a text")
                      : bleu_add(c, text, scratch, e);
    str_free(&text[0]);
    str_free(&text[1]);
    return s;
}

double metric_bleu(const Bleu *c, bool effective)
{
    double sum = 0, smooth = 1;
    size_t k = 0;
    if (c->hits[0] == 0) return 0; /* no longer n-gram is shared then either */
    for (; k < METRIC_BLEU_ORDERS && c->pred[k] > 0; k++) {
        if (c->hits[k] == 0) smooth *= 2;
        sum += log((c->hits[k] > 0 ? (double)c->hits[k] : 1 / smooth) / (double)c->pred[k]);
    }
    if (k < METRIC_BLEU_ORDERS && !effective) return 0;
    double brevity = c->n_pred < c->n_target ? 1 - (double)c->n_target / (double)c->n_pred : 0;
    return exp(brevity + sum / (double)k);
}

Status metric_each_bleu(double *v, const Metric *self, const MetricPairs *p, Err *e)
{
    (void)self;
    Arena a = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < p->n; i++) {
        Bleu c = {0};
        s = metric_bleu_add(&c, p->gold[i], p->pred[i], &a, e);
        if (s == OK) v[i] = metric_bleu(&c, true);
    }
    arena_free(&a);
    return s;
}

Status metric_all_bleu(double *out, const Metric *self, const MetricPairs *p, Err *e)
{
    (void)self;
    Arena a = {0};
    Bleu c = {0};
    Status s = OK;
    for (size_t i = 0; s == OK && i < p->n; i++) s = metric_bleu_add(&c, p->gold[i], p->pred[i], &a, e);
    arena_free(&a);
    if (s == OK) *out = metric_bleu(&c, false);
    return s;
}
