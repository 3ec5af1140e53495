/* page_sections.c - what the HTML page shows: the columns of its tables, and its sections in order. */
#include "page_priv.h"

static const PageColumn front_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Metric", "utility_metric", -1, false},
    {"Utility", "utility", 3, true},
    {"Gain over base", "gain", 3, true},
    {"Share of targets that gain", "win_rate", 2, true},
    {"Leakage (AUC)", "leakage", 2, true},
    {"Mean of anchors' AUCs", "leakage_mean", 2, true},
    {"Beyond the blind attack", "excess", 2, true},
    {"TPR at 1% FPR", "tpr_at_fpr_0.01", 3, true},
    {"Norm", "attenuation", 3, false},
    {"On the front", "on_front", -1, false},
    {"Share of draws on the front", "p_front", 2, false},
    {"Graded", "graded", -1, false},
};
static const PageColumn anchor_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack", "attack", -1, false},
    {"Anchor", "anchor", -1, false},
    {"AUC", "auc", 2, true},
    {"Holm's p", "p_holm", 0, false},
    {"Weight", "weight", 3, false},
    {"Rank of |w|", "weight_rank", 0, false},
    {"Records", "n_records", 0, false},
};
static const PageColumn attack_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack", "attack", -1, false},
    {"AUC", "auc", 2, true},
    {"Mean of anchors' AUCs", "auc_mean", 2, true},
    {"Holm's p", "p_holm", 0, false},
    {"TPR at 1% FPR", "tpr_at_fpr_0.01", 3, true},
    {"TPR at 0.1% FPR", "tpr_at_fpr_0.001", 3, true},
    {"Blind AUC", "auc_blind", 2, false},
    {"Beyond the blind attack", "excess", 2, true},
};
static const PageColumn dose_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack", "attack", -1, false},
    {"Rank correlation", "spearman", 2, true},
    {"AUC per unit of |w|", "slope", 3, true},
    {"Within anchors", "slope_within", 3, true},
    {"Anchors", "n_anchors", 0, false},
    {"Points", "n_points", 0, false},
};
static const PageColumn method_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Metric", "metric", -1, false},
    {"Better is", "better", -1, false},
    {"Utility", "utility", 3, true},
    {"Against base", "base_diff", 3, true},
    {"Holm's p", "base_p_holm", 0, false},
    {"Share of targets that gain", "base_win_rate", 2, true},
    {"Reference", "reference", -1, false},
    {"Against reference", "ref_diff", 3, true},
    {"Holm's p", "ref_p_holm", 0, false},
    {"Leakage (AUC)", "leakage", 2, true},
};
static const PageColumn volume_columns[] = {
    {"Task", "task", -1, false},
    {"Method (empty: all)", "method", -1, false},
    {"Hypervolume", "volume", 4, true},
    {"Reference utility", "ref_utility", 0, false},
    {"Reference leakage", "ref_leakage", 0, false},
    {"Rows", "n_points", 0, false},
};

static const PageColumn merge_columns[] = {
    {"Task", "task", -1, false},     {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},       {"Target", "target", -1, false},
    {"Anchor", "anchor", -1, false}, {"Attack", "attack", -1, false},
    {"AUC", "auc", 2, true},         {"Holm's p", "p_holm", 0, false},
    {"|w|", "weight_abs", 3, false}, {"Records", "n_records", 0, false},
};
static const PageColumn loo_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack", "attack", -1, false},
    {"Anchor", "anchor", -1, false},
    {"AUC alone", "auc_alone", 2, false},
    {"AUC in the merge", "auc_merge", 2, false},
    {"AUC in the merge without it", "auc_loo", 2, false},
    {"Merge minus alone", "alone_diff", 2, true},
    {"Holm's p", "alone_p_holm", 0, false},
    {"Merge minus without", "loo_diff", 2, true},
    {"Holm's p", "loo_p_holm", 0, false},
    {"|w|", "weight_abs", 3, false},
};
static const PageColumn scaling_columns[] = {
    {"Task", "task", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack", "attack", -1, false},
    {"AUC, anchor's own", "auc_anchor", 2, false},
    {"AUC, at its weight", "auc_scaled", 2, false},
    {"AUC, in the merge", "auc_merge", 2, false},
    {"Lost", "lost", 2, true},
    {"By scaling", "by_scaling", 2, true},
    {"By the others", "by_others", 2, true},
    {"Share of scaling", "share", 2, true},
    {"Anchors", "n_anchors", 0, false},
};
static const PageColumn fingerprint_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Anchor (empty: all)", "anchor", -1, false},
    {"Weight", "weight", 3, false},
    {"Recovered", "recovered", 3, false},
    {"Error", "error", 0, true},
    {"Largest error", "error_max", 0, false},
    {"Left unexplained by others", "outside", 3, false},
    {"Anchors", "n_anchors", 0, false},
};
static const PageColumn people_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Attack on people", "attack", -1, false},
    {"AUC over people", "auc", 2, true},
    {"Holm's p", "p_holm", 0, false},
    {"Mean of targets' AUCs", "auc_mean", 2, true},
    {"Records pooled, as in PriME", "auc_records", 2, true},
    {"Beyond its controls", "excess", 2, true},
    {"People", "n_people", 0, false},
};
static const PageColumn source_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"Training records", "members", 2, true},
    {"Held-out records", "heldout", 2, true},
    {"Difference", "diff", 2, true},
    {"Chance", "chance", 3, false},
    {"Anchors", "n_anchors", 0, false},
};
static const PageColumn canary_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"λ", "lambda", 0, false},
    {"Kind", "kind", -1, false},
    {"Planted (bits)", "planted", 2, true},
    {"Kept out (bits)", "kept_out", 2, true},
    {"Difference", "diff", 2, true},
    {"Beyond the base", "beyond", 2, true},
    {"AUC", "auc", 2, true},
    {"p", "p", 0, false},
    {"People", "n_people", 0, false},
    {"Canaries", "n_canaries", 0, false},
};
static const PageColumn extract_columns[] = {
    {"Task", "task", -1, false},     {"Method", "method", -1, false}, {"λ", "lambda", 0, false},
    {"What", "what", -1, false},     {"Members", "members", 3, true}, {"Held out", "heldout", 3, true},
    {"Difference", "diff", 3, true}, {"p", "diff_p", 0, false},       {"People", "n_people", 0, false},
};
static const PageColumn own_columns[] = {
    {"Task", "task", -1, false},      {"Method", "method", -1, false},
    {"Attack", "attack", -1, false},  {"AUC", "auc", 2, true},
    {"Holm's p", "p_holm", 0, false}, {"Mean of people's AUCs", "auc_mean", 2, true},
    {"People", "n_people", 0, false}, {"Records", "n_records", 0, false},
};
static const PageColumn eaf_columns[] = {
    {"Task", "task", -1, false},
    {"Method", "method", -1, false},
    {"Share of seeds", "share", 2, false},
    {"Seeds that attain it", "n_attain", 0, false},
    {"Seeds", "n_seeds", 0, false},
    {"Utility", "utility", 3, false},
    {"Leakage (AUC)", "leakage", 3, false},
};
static const PageColumn null_columns[] = {
    {"Check", "check", -1, false},
    {"Attack", "attack", -1, false},
    {"Intervals that exclude 0.5", "excluded", 0, false},
    {"Intervals", "n", 0, false},
    {"Share", "share", 3, true},
    {"Nominal", "nominal", 2, false},
    {"Cells", "n_cells", 0, false},
    {"People, at least", "n_people", 0, false},
};

static const PageSection sections[] = {
    {"front",
     "Utility and leakage",
     "Each point is a method at one λ: to the right is more useful (for errors: less), further down leaks "
     "less. Bars are 95% "
     "intervals, by target for utility and by anchor for leakage. Hollow points cannot be graded: they prove "
     "nothing.",
     "Scatter plot of utility against leakage; the table below holds the same numbers",
     {"The front", "front.csv", COLUMNS(front_columns), grid_front, NULL},
     false},
    {"eaf",
     "Over seeds",
     "The utility that half of the seeds, and all of them, reach at some λ together with at most this "
     "leakage: "
     "corners of the lines in the first chart. What only half of them attain is what another seed may miss.",
     NULL,
     {"Attainment surfaces", "eaf.csv", COLUMNS(eaf_columns), grid_eaf, "leakage"},
     true},
    {"anchors",
     "Leakage by anchor",
     "How well each anchor's training records can be told from other records of the same person; 0.5 is no "
     "leak. Intervals are by "
     "record and speak of that person alone.",
     "Bar chart of the AUC of each anchor; the table below holds the same numbers",
     {"Anchors", "anchors.csv", COLUMNS(anchor_columns), grid_anchors_page, NULL},
     false},
    {"merges",
     "Which anchor leaks from which merge",
     "The attack of this report on each anchor's records under the merge for each target. Holm's p is "
     "adjusted "
     "over all anchors and targets of a method and λ; |w| is the size of the anchor's merge weight.",
     NULL,
     {"Anchors by target", "merges.csv", COLUMNS(merge_columns), grid_merges, "auc"},
     true},
    {"loo",
     "Alone, merged, left out",
     "Each anchor's adapter alone, the merge that holds it, and the same merge without it (method loo). What "
     "the "
     "merge adds over being left out is due to the anchor's own part; differences are paired by record.",
     "Bar chart of the AUC of each anchor alone, in the merge and in the merge without it; the table below "
     "holds "
     "the same numbers",
     {"Alone, merged, left out", "loo.csv", COLUMNS(loo_columns), grid_loo, "auc_merge"},
     true},
    {"scaling",
     "Scaled down, or hidden by others",
     "Why a merge leaks less than the anchors' own adapters: each anchor by itself at its weight (method "
     "scaled) "
     "shows what scaling takes away; the rest is due to the other anchors.",
     NULL,
     {"Scaled down, or hidden by others", "scaling.csv", COLUMNS(scaling_columns), grid_scaling, NULL},
     true},
    {"roc",
     "Attacks",
     "Members found against held-out records accused, both on a logarithmic axis: what counts is the left "
     "edge, where nobody is "
     "accused in vain.",
     "ROC curves on logarithmic axes; the table below holds the rates at 1% and 0.1%",
     {"Attacks", "attacks.csv", COLUMNS(attack_columns), grid_attacks, NULL},
     false},
    {"dose",
     "Dose and response",
     "Leakage of each anchor against the size of its merge weight. A slope or a rank "
     "correlation above zero says that a larger share leaks more; their intervals are over anchors.",
     "Scatter plot of the AUC of each anchor against the size of its weight; the table below holds the "
     "slopes",
     {"Slopes", "dose.csv", COLUMNS(dose_columns), grid_dose, NULL},
     false},
    {"people",
     "Attacks on people",
     "Whether somebody's adapter is in the merge, told from all of their records. PriME's own rule "
     "(prime_mia) "
     "stands beside the same rule on the base model and on the length alone: only what exceeds both is a "
     "leak.",
     NULL,
     {"Attacks on people", "people.csv", COLUMNS(people_columns), grid_people, NULL},
     true},
    {"source",
     "Whose text it is",
     "The share of an anchor's records that its own adapter finds likeliest of all anchors' adapters.",
     NULL,
     {"Source inference", "source.csv", COLUMNS(source_columns), grid_source, NULL},
     true},
    {"fingerprint",
     "Weights read off the merge",
     "Who knows the anchors' adapters may recover the merge weights by least squares. The error is the "
     "distance "
     "from the true weight, 0 for those who are not in the merge.",
     NULL,
     {"Recovered weights", "fingerprint.csv", COLUMNS(fingerprint_columns), grid_fingerprint, "recovered"},
     true},
    {"canary",
     "Planted secrets",
     "Exposure in bits: how far up a planted secret stands among secrets that nobody wrote. Those kept out "
     "are "
     "the control.",
     NULL,
     {"Exposure of canaries", "canary.csv", COLUMNS(canary_columns), grid_canary, NULL},
     true},
    {"extract",
     "What models write out",
     "Whether a model writes an anchor's records word for word, and how much of what it writes looks like "
     "mail "
     "addresses, telephone numbers or keys. Held-out records are the control.",
     NULL,
     {"Extraction", "extract.csv", COLUMNS(extract_columns), grid_extract, NULL},
     true},
    {"own",
     "Own adapters",
     "What an adapter that serves the person whom it was trained on gives away about that person: what "
     "merging is "
     "held against.",
     NULL,
     {"Own adapters", "own.csv", COLUMNS(own_columns), grid_own, NULL},
     true},
    {"methods",
     "Methods",
     "Every utility metric of each method, target by target against base and reference.",
     NULL,
     {"Methods", "methods.csv", COLUMNS(method_columns), grid_methods, NULL},
     false},
    {"volume",
     "Hypervolume",
     "How much of the plane of utility and leakage the rows of a method dominate, down to a fixed reference "
     "point.",
     NULL,
     {"Hypervolume", "volume.csv", COLUMNS(volume_columns), grid_volume, NULL},
     false},
    {"null",
     "Null self-test",
     "How often a 95% interval, clustered by person, excludes 0.5 where there is nothing to find, in this "
     "run's "
     "own cells: with labels permuted within each person (at most 200 draws of at most 20 cells of merges an "
     "attack), under the base model and under merges that hold nobody who is attacked (at most 200 cells). "
     "Cells with fewer than 3 people, or whose scores are all alike, are left out. Shares far above the "
     "nominal "
     "one say that intervals of this run claim too much, or that the records differ anyway.",
     NULL,
     {"False alarms", "null.csv", COLUMNS(null_columns), grid_null, NULL},
     true},
};

const PageSection *page_section_at(size_t i)
{
    return i < sizeof sections / sizeof sections[0] ? &sections[i] : NULL;
}
