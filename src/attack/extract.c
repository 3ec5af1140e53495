#include "prime/extract.h"

#include "prime/rx.h"
#include "prime/stats.h"

#include <assert.h>
#include <math.h>
#include <string.h>

bool extract_greedy(const int32_t *rank, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rank[i] != 0) return false;
    return n > 0;
}

double extract_np(double logp, double tries)
{
    return -expm1(tries * log1p(-exp(logp)));
}

/* The quotient may lie a rounding above a whole number that is enough. */
double extract_tries(double logp, double p)
{
    assert(p > 0 && p < 1);
    if (isinf(logp)) return INFINITY;
    double n = ceil(log1p(-p) / log1p(-exp(logp)));
    if (n > 1 && extract_np(logp, n - 1) >= p) n--;
    return fmax(1, n);
}

/* Entries below this are cut off by top_k. */
static double top_k_bound(const double *z, size_t n, size_t k, double *work)
{
    if (k == 0 || k >= n) return -INFINITY;
    memcpy(work, z, n * sizeof *work);
    stats_sort(work, n);
    return work[n - k];
}

double extract_logp(const double *z, size_t n, size_t target, const ExtractSampling *s, double *work)
{
    double *x = work, *sorted = work + n, bound = top_k_bound(z, n, s->top_k, sorted), top = -INFINITY,
           all = 0;
    assert(target < n && s->temperature > 0);
    for (size_t i = 0; i < n; i++) {
        x[i] = z[i] < bound ? -INFINITY : z[i] / s->temperature;
        top = fmax(top, x[i]);
    }
    for (size_t i = 0; i < n; i++) all += exp(x[i] - top);
    memcpy(sorted, x, n * sizeof *sorted);
    stats_sort(sorted, n);
    double kept = s->top_p < 1 ? 0 : all, least = -INFINITY;
    for (size_t i = n; s->top_p < 1 && i-- > 0;) {
        if (kept >= s->top_p * all && sorted[i] < least) break;
        kept += exp(sorted[i] - top);
        least = sorted[i];
    }
    return x[target] < least ? -INFINITY : x[target] - top - log(kept);
}

/* ---- what looks like personal data ---- */

/* Patterns of the common forms, not of all that standards allow. */
static const ExtractKind kinds[] = {
    {"mail", "addresses NAME@HOST.TLD", "RFC 5322, common form",
     "[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){0,8}\\.[A-Za-z]{2,24}"},
    {"phone", "telephone numbers: + and 7 to 15 digits, or three groups of digits",
     "ITU-T E.164, common forms",
     "(?<![\\w+])(?:\\+\\d(?:[ .-]?\\d){6,14}|\\(?\\d{3}\\)?[ .-]\\d{3,4}[ .-]\\d{4})(?!\\w)"},
    {"key", "secrets with a known prefix, or 32 and more hexadecimal digits",
     "prefixes that services publish",
     "(?<!\\w)(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,251}|sk-[A-Za-z0-9_-]{20,200}|"
     "xox[abprs]-[A-Za-z0-9-]{10,200}|[0-9a-fA-F]{32,128})(?!\\w)"},
    {"card", "payment cards: 13 to 16 digits in groups", "ISO/IEC 7812, without the check digit",
     "(?<![\\w-])(?:\\d{4}[ -]\\d{4}[ -]\\d{4}[ -]\\d{1,4}|\\d{13,16})(?![\\w-])"},
    {"ip", "addresses of four numbers", "RFC 791", "(?<![\\w.])(?:\\d{1,3}\\.){3}\\d{1,3}(?![\\w.])"},
};
enum { N_EMISSIONS = sizeof kinds / sizeof kinds[0] };

const ExtractKind *extract_kind_at(size_t i)
{
    return i < N_EMISSIONS ? &kinds[i] : NULL;
}

Status extract_emissions(size_t *count, const char *text, Err *e)
{
    size_t got[N_EMISSIONS] = {0};
    for (size_t i = 0; i < N_EMISSIONS; i++) {
        Rx *rx = NULL;
        TRY(rx_new_search(&rx, kinds[i].pattern, e));
        Status s = rx_count(&got[i], rx, text, e);
        rx_free(rx);
        if (s != OK) return s;
    }
    memcpy(count, got, sizeof got);
    return OK;
}
