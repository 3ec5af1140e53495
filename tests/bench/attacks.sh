#!/usr/bin/env bash
# attacks.sh PRIME [RECORDS] - what,value,unit,note: RECORDS (10,000) records under every attack that the signals of one model
# allow, from the model's files to the table of scores, beside the losses of the same records alone; medians of REPS (3), in turn,
# one thread. Wanted: 1.3. `reference`: the attacks that compare with a second model, its signals being there.
set -euo pipefail
prime=$(realpath "${1:?path of prime}") records=${2:-10000} reps=${REPS:-3}
base=$(cd "$(dirname "$0")/../../fixtures/base" && pwd)
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
# Words of the licence in a fixed disorder, so that losses differ; 10 to 29 a record.
tr -cs 'A-Za-z\n' ' ' <"$base/../../LICENSE" | awk -v records="$records" '
    { for (i = 1; i <= NF; i++) word[n++] = $i }
    END {
        x = 1
        for (r = 0; r < records; r++) {
            printf "{\"id\":\"r%d\",\"unit\":\"u%d\",\"label\":%d,\"prompt\":\"%s \",\"answer\":\"", r, r % 100, r % 2, word[r % n]
            for (i = 0; i < 10 + r % 20; i++) {
                x = (x * 1103515245 + 12345) % 2147483648
                printf "%s%s", i ? " " : "", word[int(x / 65536) % n]
            }
            print "\"}"
        }
    }' >rows.jsonl
timed() {
    local name=$1 from
    shift
    from=$(date +%s.%N)
    "$prime" "$@" --threads 1 -q >out.csv 2>err || { cat err >&2; exit 1; }
    awk -v a="$from" -v b="$(date +%s.%N)" 'BEGIN { printf "%.3f\n", b - a }' >>"$name.s"
}
for ((rep = 0; rep < reps; rep++)); do
    timed losses model score "$base" rows.jsonl
    timed signals model score "$base" rows.jsonl --signals own.st
    timed attacks attack score --from own.st
    attacks=$(tail -n +2 out.csv | cut -d, -f4 | sort -u | paste -sd' ')
    rows=$(($(wc -l <out.csv) - 1))
    timed reference attack score --from own.st --ref own.st
done
median() { sort -g "$1.s" | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }
echo what,value,unit,note
echo "attacks_losses_1t,$(median losses),s,\"$records records of 10 to 29 words, fixtures/base, files to table\""
echo "attacks_signals_1t,$(median signals),s,the same with every token's signals kept"
echo "attacks_scores_1t,$(median attacks),s,\"$rows scores from these: $attacks\""
echo "attacks_reference_1t,$(median reference),s,the same and those that compare with a second model"
echo "attacks_cost_1t,$(awk -v l="$(median losses)" -v s="$(median signals)" -v a="$(median attacks)" 'BEGIN { printf "%.3f", (s + a) / l }'),of losses,wanted: at most 1.3"
