/* series_priv.h - numbers by person, and their order. */
#ifndef PRIME_SERIES_PRIV_H
#define PRIME_SERIES_PRIV_H

#include "report_priv.h"

typedef struct {
    const char *kind; /* utility, leakage */
    const char *task, *method, *metric, *unit;
    double lambda, value;
    bool higher; /* is more better? */
} SeriesRow;

struct Series {
    Arena arena;
    SeriesRow *row; /* [n] by kind, task, method, lambda, metric, unit */
    ReportMeta *meta;
    size_t n, n_meta;
};

/* series_same - whether two rows differ in the person alone. series_compare_keys - the order without the
 * person. */
bool series_same(const SeriesRow *x, const SeriesRow *y);
int series_compare_keys(const SeriesRow *x, const SeriesRow *y);

#endif
