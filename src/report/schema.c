/* schema.c - every column of every file, with its unit and meaning. The headers are written from this table.
 */
#include "report_priv.h"

#include "prime/table.h"

#include <string.h>

#define CI_WORDS "95% interval; empty where none can be given"

static const ReportColumn columns[] = {
    {"cells.csv", "task", "name", "what the model is asked to do"},
    {"cells.csv", "method", "name",
     "how the adapter was made: base (none), anchor (one anchor's alone), uniform, a search, ...; what "
     "follows a + is the retrieval beside it"},
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
     "t_records: Student's interval over this person's records; delong: records independent; clustered: "
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
     "mean over targets of each target's mean over records and seeds (of rmse: of each target's root)"},
    {"front.csv", "utility_lo", "of the metric", "lower end of the bootstrap over targets, " CI_WORDS},
    {"front.csv", "utility_hi", "of the metric", "upper end of the same"},
    {"front.csv", "gain", "of the metric", "utility minus the base model's, target by target"},
    {"front.csv", "gain_lo", "of the metric", "lower end of the paired t interval over targets, " CI_WORDS},
    {"front.csv", "gain_hi", "of the metric", "upper end of the same"},
    {"front.csv", "gain_p", "probability", "two-sided p of no gain, paired t test over targets"},
    {"front.csv", "gain_p_holm", "probability", "the same, adjusted by Holm over the rows of the task"},
    {"front.csv", "win_rate", "rate", "targets for whom it is better than the base; ties count one half"},
    {"front.csv", "win_rate_lo", "rate", "lower end of the exact binomial (Clopper-Pearson) " CI_WORDS},
    {"front.csv", "win_rate_hi", "rate", "upper end of the same"},
    {"front.csv", "leakage", "rate",
     "AUC of the base-calibrated attack `ref`, or of the one asked for: members against held-out records of "
     "the same anchors, pooled over anchors, targets and seeds; 0.5 is no leak"},
    {"front.csv", "leakage_lo", "rate", "lower end of the interval clustered by anchor, " CI_WORDS},
    {"front.csv", "leakage_hi", "rate", "upper end of the same"},
    {"front.csv", "leakage_p", "probability", "two-sided p of leakage 0.5, clustered by anchor"},
    {"front.csv", "leakage_p_holm", "probability",
     "the same, adjusted by Holm over the rows of the task; the base has none"},
    {"front.csv", "leakage_mean", "rate",
     "mean over anchors of each anchor's own AUC: a pooled AUC can hide a leak where people's scores lie on "
     "different levels"},
    {"front.csv", "leakage_mean_lo", "rate", "lower end of the t interval over anchors, " CI_WORDS},
    {"front.csv", "leakage_mean_hi", "rate", "upper end of the same"},
    {"front.csv", "excess", "difference of rates",
     "leakage minus the AUC of the strongest blind attack on the same records, which is turned round where "
     "it is below 0.5; empty where the two did not score the same records"},
    {"front.csv", "excess_lo", "difference of rates",
     "lower end of the paired interval clustered by anchor, " CI_WORDS},
    {"front.csv", "excess_hi", "difference of rates", "upper end of the same"},
    {"front.csv", "tpr_at_fpr_0.01", "rate",
     "members that the attack finds while it accuses at most 1% of held-out records"},
    {"front.csv", "tpr_at_fpr_0.01_lo", "rate",
     "lower end of the exact interval of as many records as the anchors' differing rates are worth (Korn and "
     "Graubard), " CI_WORDS},
    {"front.csv", "tpr_at_fpr_0.01_hi", "rate", "upper end of the same"},
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
    {"front.csv", "on_front", "yes or no", "not dominated by any row of the task"},
    {"front.csv", "p_front", "rate",
     "share of 1000 draws of targets and anchors in which no row of the task dominates this one"},

    {"methods.csv", "method", "name", "as in cells.csv"},
    {"methods.csv", "lambda", "number", "as in cells.csv"},
    {"methods.csv", "task", "name", "what the model is asked to do"},
    {"methods.csv", "metric", "name", "one of the task's utility metrics"},
    {"methods.csv", "better", "name", "higher or lower: which values of the metric are better"},
    {"methods.csv", "on_front", "yes or no", "whether the front uses this metric"},
    {"methods.csv", "utility", "of the metric", "as in front.csv, of this metric"},
    {"methods.csv", "utility_lo", "of the metric", "lower end of the bootstrap over targets, " CI_WORDS},
    {"methods.csv", "utility_hi", "of the metric", "upper end of the same"},
    {"methods.csv", "base_diff", "of the metric", "utility minus the base model's, target by target"},
    {"methods.csv", "base_diff_lo", "of the metric", "lower end of the paired t interval, " CI_WORDS},
    {"methods.csv", "base_diff_hi", "of the metric", "upper end of the same"},
    {"methods.csv", "base_p", "probability", "two-sided p of no difference, paired t test over targets"},
    {"methods.csv", "base_p_holm", "probability",
     "the same, adjusted by Holm over the rows of this task and metric"},
    {"methods.csv", "base_win_rate", "rate", "targets for whom it is better than the base; ties by half"},
    {"methods.csv", "base_win_rate_lo", "rate", "lower end of the exact binomial " CI_WORDS},
    {"methods.csv", "base_win_rate_hi", "rate", "upper end of the same"},
    {"methods.csv", "reference", "name", "the method asked for as reference; empty when none was"},
    {"methods.csv", "ref_diff", "of the metric", "utility minus the reference's, target by target"},
    {"methods.csv", "ref_diff_lo", "of the metric", "lower end of the paired t interval, " CI_WORDS},
    {"methods.csv", "ref_diff_hi", "of the metric", "upper end of the same"},
    {"methods.csv", "ref_p", "probability", "two-sided p of no difference, paired t test over targets"},
    {"methods.csv", "ref_p_holm", "probability",
     "the same, adjusted by Holm over the rows of this task and metric"},
    {"methods.csv", "ref_win_rate", "rate", "targets for whom it is better than the reference; ties by half"},
    {"methods.csv", "ref_win_rate_lo", "rate", "lower end of the exact binomial " CI_WORDS},
    {"methods.csv", "ref_win_rate_hi", "rate", "upper end of the same"},
    {"methods.csv", "leakage", "rate", "as in front.csv"},
    {"methods.csv", "leakage_lo", "rate", "as in front.csv"},
    {"methods.csv", "leakage_hi", "rate", "as in front.csv"},
    {"methods.csv", "leakage_mean", "rate", "as in front.csv"},
    {"methods.csv", "leakage_mean_lo", "rate", "as in front.csv"},
    {"methods.csv", "leakage_mean_hi", "rate", "as in front.csv"},
    {"methods.csv", "attenuation", "ratio", "as in front.csv"},
    {"methods.csv", "n_targets", "count", "people behind `utility`"},
    {"methods.csv", "n_anchors", "count", "people behind `leakage`"},
    {"methods.csv", "graded", "yes or no", "as in front.csv"},

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
    {"anchors.csv", "p", "probability", "two-sided p of AUC 0.5, clustered by record"},
    {"anchors.csv", "p_holm", "probability",
     "the same, adjusted by Holm over the anchors of this method, lambda and attack"},
    {"anchors.csv", "p_bh", "probability",
     "the same, adjusted by Benjamini and Hochberg (false discovery rate)"},
    {"anchors.csv", "n_records", "count", "distinct records"},
    {"anchors.csv", "n_cells", "count", "cells in which this anchor was attacked"},
    {"anchors.csv", "weight", "number",
     "mean merge weight of this anchor, negative ones too; empty where the method has none"},
    {"anchors.csv", "weight_abs", "number", "mean size of its merge weights"},
    {"anchors.csv", "weight_rank", "count",
     "1 for the anchor with the largest weight_abs; ties share a rank"},

    {"dose.csv", "task", "name", "what the model is asked to do"},
    {"dose.csv", "method", "name", "as in cells.csv; methods with merge weights"},
    {"dose.csv", "lambda", "number", "as in cells.csv"},
    {"dose.csv", "attack", "name", "as in anchors.csv"},
    {"dose.csv", "slope", "rate per weight",
     "least squares of an anchor's AUC in a cell on the size of its weight there; empty where no weight "
     "differs from another"},
    {"dose.csv", "slope_lo", "rate per weight", "lower end of the bootstrap over anchors, " CI_WORDS},
    {"dose.csv", "slope_hi", "rate per weight", "upper end of the same"},
    {"dose.csv", "slope_within", "rate per weight",
     "the same within anchors: each anchor's own means are taken away first, so that anchors who leak more "
     "anyway do not count"},
    {"dose.csv", "slope_within_lo", "rate per weight", "lower end of the bootstrap over anchors, " CI_WORDS},
    {"dose.csv", "slope_within_hi", "rate per weight", "upper end of the same"},
    {"dose.csv", "n_anchors", "count", "people behind the slope"},
    {"dose.csv", "n_points", "count", "pairs of anchor and cell"},

    {"attacks.csv", "task", "name", "what the model is asked to do"},
    {"attacks.csv", "method", "name", "as in cells.csv"},
    {"attacks.csv", "lambda", "number", "as in cells.csv"},
    {"attacks.csv", "attack", "name", "as in anchors.csv"},
    {"attacks.csv", "auc", "rate", "pooled over anchors, targets and seeds"},
    {"attacks.csv", "auc_lo", "rate", "lower end of the interval clustered by anchor, " CI_WORDS},
    {"attacks.csv", "auc_hi", "rate", "upper end of the same"},
    {"attacks.csv", "p", "probability", "two-sided p of AUC 0.5, clustered by anchor"},
    {"attacks.csv", "p_holm", "probability",
     "the same, adjusted by Holm over methods and attacks of the task; base and blind_* have none"},
    {"attacks.csv", "auc_mean", "rate", "mean over anchors of each anchor's own AUC"},
    {"attacks.csv", "auc_mean_lo", "rate", "lower end of the t interval over anchors, " CI_WORDS},
    {"attacks.csv", "auc_mean_hi", "rate", "upper end of the same"},
    {"attacks.csv", "tpr_at_fpr_0.01", "rate", "as in front.csv"},
    {"attacks.csv", "tpr_at_fpr_0.01_lo", "rate", "as in front.csv"},
    {"attacks.csv", "tpr_at_fpr_0.01_hi", "rate", "as in front.csv"},
    {"attacks.csv", "tpr_at_fpr_0.001", "rate",
     "the same at 0.1%: with fewer than 1000 held-out records that means none is accused"},
    {"attacks.csv", "tpr_at_fpr_0.001_lo", "rate", "as in front.csv"},
    {"attacks.csv", "tpr_at_fpr_0.001_hi", "rate", "as in front.csv"},
    {"attacks.csv", "auc_blind", "rate", "AUC of the strongest attack that never sees the model (blind_*)"},
    {"attacks.csv", "excess", "difference of rates", "as in front.csv, of this attack; empty for blind_*"},
    {"attacks.csv", "excess_lo", "difference of rates", "as in front.csv"},
    {"attacks.csv", "excess_hi", "difference of rates", "as in front.csv"},
    {"attacks.csv", "n_anchors", "count", "people who are attacked"},
    {"attacks.csv", "n_records", "count", "distinct records"},

    {"volume.csv", "task", "name", "what the model is asked to do"},
    {"volume.csv", "method", "name", "whose rows of the front are taken; empty: all of the task"},
    {"volume.csv", "volume", "of the metric times rate",
     "hypervolume: what the rows dominate, down to the reference point, in utility times leakage"},
    {"volume.csv", "volume_lo", "of the metric times rate",
     "lower end of the bootstrap over targets and anchors, " CI_WORDS},
    {"volume.csv", "volume_hi", "of the metric times rate", "upper end of the same"},
    {"volume.csv", "ref_utility", "of the metric", "the reference point's utility"},
    {"volume.csv", "ref_leakage", "rate", "the reference point's leakage"},
    {"volume.csv", "n_points", "count", "rows of the front behind it"},

    {"verdicts.csv", "task", "name", "what the model is asked to do"},
    {"verdicts.csv", "method", "name", "as in cells.csv; the gate's where no row was there to judge"},
    {"verdicts.csv", "lambda", "number", "as in cells.csv"},
    {"verdicts.csv", "metric", "name", "what the gate is on"},
    {"verdicts.csv", "attack", "name", "as in anchors.csv; empty for utility and gain"},
    {"verdicts.csv", "scope", "name", "pooled over anchors, mean over people, worst anchor, or anchor:ID"},
    {"verdicts.csv", "value", "of the metric", "the estimate"},
    {"verdicts.csv", "lo", "of the metric",
     "lower end of its interval; of the worst anchor such that all anchors' intervals hold together"},
    {"verdicts.csv", "hi", "of the metric", "upper end of the same"},
    {"verdicts.csv", "confidence", "rate", "coverage of the interval"},
    {"verdicts.csv", "direction", "name", "max: at most the limit is fine; min: at least"},
    {"verdicts.csv", "limit", "of the metric", "the gate's"},
    {"verdicts.csv", "n", "count", "people behind the value; of anchor:ID the distinct records"},
    {"verdicts.csv", "min_users", "count", "what n must reach"},
    {"verdicts.csv", "who", "user id", "the anchor behind the value, where it is one"},
    {"verdicts.csv", "verdict", "name", "pass, inconclusive, cannot grade or breached"},

    {"compare.csv", "kind", "name", "utility or leakage"},
    {"compare.csv", "task", "name", "what the model is asked to do"},
    {"compare.csv", "method", "name", "as in cells.csv"},
    {"compare.csv", "lambda", "number", "as in cells.csv"},
    {"compare.csv", "metric", "name", "utility metric, or attack"},
    {"compare.csv", "a", "of the metric",
     "mean over the people of both runs, in the first (AUC for leakage)"},
    {"compare.csv", "b", "of the metric", "the same in the second"},
    {"compare.csv", "worse", "of the metric",
     "mean worsening from a to b, person by person; below 0: better"},
    {"compare.csv", "worse_lo", "of the metric", "lower end of the paired t interval over people"},
    {"compare.csv", "worse_hi", "of the metric", "upper end of the same"},
    {"compare.csv", "p", "probability", "two-sided p of no difference"},
    {"compare.csv", "p_holm", "probability", "the same, adjusted by Holm over all rows"},
    {"compare.csv", "n", "count", "people of both runs"},
    {"compare.csv", "n_lost", "count", "people of the first that the second lacks"},
    {"compare.csv", "verdict", "name", "pass, inconclusive, cannot grade or breached"},

    {"schema.csv", "file", "name", "one of the CSV files"},
    {"schema.csv", "column", "name", "as in the file's first row"},
    {"schema.csv", "unit", "name", "what the cells are"},
    {"schema.csv", "meaning", "text", "this text"},
};

enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

size_t schema_columns(const ReportColumn **col, const char *file)
{
    size_t n = 0;
    for (size_t i = 0; i < N_COLUMNS && n < REPORT_MAX_COLUMNS; i++)
        if (strcmp(columns[i].file, file) == 0) col[n++] = &columns[i];
    return n;
}

void schema_begin(TableOut *o, Str *out, const char *file)
{
    const ReportColumn *col[REPORT_MAX_COLUMNS];
    const char *name[REPORT_MAX_COLUMNS];
    size_t n = schema_columns(col, file);
    for (size_t i = 0; i < n; i++) name[i] = col[i]->column;
    table_begin(o, NULL, out, name, n);
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
