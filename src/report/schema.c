/* schema.c - every column of every file, with its unit and meaning. The headers are written from this table.
 */
#include "report_priv.h"

#include "prime/table.h"

#include <string.h>

#define CI_WORDS "95% interval; empty where none can be given"

static const ReportColumn columns[] = {
    {"cells.csv", "task", "name", "what the model is asked to do"},
    {"cells.csv", "method", "name",
     "base, anchor (one anchor's adapter alone), uniform, or the search that chose the weights"},
    {"cells.csv", "lambda", "number",
     "privacy weight in utility - lambda * V; of method limited the limit of V, of method front the place on "
     "the front from the most private (0) to the most useful (1); empty for methods without"},
    {"cells.csv", "target", "user id", "for whom the adapter was merged"},
    {"cells.csv", "seed", "whole number", "seed of the cell's random streams"},
    {"cells.csv", "metric", "name",
     "task metrics by name (means over the target's records); ATTACK_auc; ATTACK_tpr_at_fpr_0.01; "
     "norms by name; search_NAME"},
    {"cells.csv", "value", "of the metric", "rates and ROUGE in [0, 1]"},
    {"cells.csv", "lo", "of the metric", "lower end of the " CI_WORDS},
    {"cells.csv", "hi", "of the metric", "upper end of the " CI_WORDS},
    {"cells.csv", "ci_method", "name",
     "bootstrap_records: this person's records resampled; delong: records independent; clustered: "
     "people independent; clopper_pearson: threshold fixed, records independent"},
    {"cells.csv", "n_users", "count",
     "people behind the value: the target, or the anchors that are attacked"},
    {"cells.csv", "n_records", "count", "records behind the value"},
    {"cells.csv", "cell", "text", "key of the cell in the ledger"},

    {"front.csv", "task", "name", "what the model is asked to do"},
    {"front.csv", "method", "name", "as in cells.csv"},
    {"front.csv", "lambda", "number", "as in cells.csv"},
    {"front.csv", "utility_metric", "name", "the task metric behind `utility` and `gain`"},
    {"front.csv", "utility", "of the metric",
     "mean over targets of each target's mean over records and seeds"},
    {"front.csv", "utility_lo", "of the metric", "lower end of the bootstrap over targets, " CI_WORDS},
    {"front.csv", "utility_hi", "of the metric", "upper end of the same"},
    {"front.csv", "gain", "of the metric", "utility minus the base model's, target by target"},
    {"front.csv", "gain_lo", "of the metric", "lower end of the bootstrap over targets, " CI_WORDS},
    {"front.csv", "gain_hi", "of the metric", "upper end of the same"},
    {"front.csv", "leakage", "rate",
     "AUC of the base-calibrated attack `ref`: members against held-out records of the same "
     "anchors, pooled over anchors, targets and seeds; 0.5 is no leak"},
    {"front.csv", "leakage_lo", "rate", "lower end of the interval clustered by anchor, " CI_WORDS},
    {"front.csv", "leakage_hi", "rate", "upper end of the same"},
    {"front.csv", "excess", "difference of rates",
     "leakage minus the AUC of the strongest blind attack on the same records, which is turned round where "
     "it is below 0.5; empty where the two did not score the same records"},
    {"front.csv", "excess_lo", "difference of rates",
     "lower end of the paired interval clustered by anchor, " CI_WORDS},
    {"front.csv", "excess_hi", "difference of rates", "upper end of the same"},
    {"front.csv", "tpr_at_fpr_0.01", "rate",
     "members that `ref` finds while it accuses at most 1% of held-out records"},
    {"front.csv", "auc_loss", "rate", "AUC of the plain loss attack"},
    {"front.csv", "auc_blind", "rate", "AUC of the strongest attack that never sees the model (blind_*)"},
    {"front.csv", "auc_base", "rate",
     "AUC of the loss attack on the base model, which has seen none of these records"},
    {"front.csv", "attenuation", "ratio", "norm of the merged update over the norm of an anchor's own, mean"},
    {"front.csv", "n_targets", "count", "people behind `utility`"},
    {"front.csv", "n_anchors", "count", "people behind `leakage`"},
    {"front.csv", "n_records", "count", "distinct records behind `leakage`"},
    {"front.csv", "n_cells", "count", "cells behind the row"},
    {"front.csv", "graded", "yes or no",
     "no: fewer than 3 people on a side, or no interval; such a row proves nothing"},
    {"front.csv", "dominated", "yes or no",
     "another row of the task has at least the utility and at most the leakage, and one of "
     "them better; by value, not by interval"},

    {"anchors.csv", "task", "name", "what the model is asked to do"},
    {"anchors.csv", "method", "name", "as in cells.csv; `anchor` is this anchor's own adapter alone"},
    {"anchors.csv", "lambda", "number", "as in cells.csv"},
    {"anchors.csv", "anchor", "user id", "whose records are attacked"},
    {"anchors.csv", "attack", "name",
     "ref is calibrated by the base model, loss is plain, blind_* never sees the model"},
    {"anchors.csv", "auc", "rate",
     "members against held-out records of this anchor, pooled over targets and seeds"},
    {"anchors.csv", "auc_lo", "rate", "lower end of the interval clustered by record, " CI_WORDS},
    {"anchors.csv", "auc_hi", "rate", "upper end of the same"},
    {"anchors.csv", "n_records", "count", "distinct records"},
    {"anchors.csv", "n_cells", "count", "cells in which this anchor was attacked"},
    {"anchors.csv", "weight", "number", "mean merge weight of this anchor; empty where the method has none"},

    {"schema.csv", "file", "name", "one of the CSV files"},
    {"schema.csv", "column", "name", "as in the file's first row"},
    {"schema.csv", "unit", "name", "what the cells are"},
    {"schema.csv", "meaning", "text", "this text"},
};

enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

size_t schema_columns(const char **col, const char *file)
{
    size_t n = 0;
    for (size_t i = 0; i < N_COLUMNS && n < REPORT_MAX_COLUMNS; i++)
        if (strcmp(columns[i].file, file) == 0) col[n++] = columns[i].column;
    return n;
}

void schema_begin(TableOut *o, Str *out, const char *file)
{
    const char *col[REPORT_MAX_COLUMNS];
    size_t n = schema_columns(col, file);
    table_begin(o, NULL, out, col, n);
}

Status out_schema(Str *out, const Report *r, Err *e)
{
    (void)r;
    (void)e;
    TableOut o;
    schema_begin(&o, out, "schema.csv");
    for (size_t i = 0; i < N_COLUMNS; i++) {
        table_put_str(&o, columns[i].file);
        table_put_str(&o, columns[i].column);
        table_put_str(&o, columns[i].unit);
        table_put_str(&o, columns[i].what);
        table_end_row(&o);
    }
    return OK;
}
