#!/usr/bin/env bash
# scale.sh [BUILD] - what,value,unit,note: a sweep of 68 cells by one process on one thread, by two processes under mpirun,
# and by one on two threads, in turn, medians of REPS (3); and what the machine itself gains by two threads, in the same
# minutes. Wanted: a gain of 1.8 where the machine's is 2. PRIME names another program to run in the place of BUILD's.
# What is serial: `start` is a run that only trains, on one thread, and `start_2` by two processes.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build-bench} reps=${REPS:-3}
if [ $# -eq 0 ]; then
    . tests/need.sh
    need tests/packages.txt build
    [ -f build-bench/build.ninja ] || meson setup build-bench --buildtype=release -Dtests=false >&2
    ninja -C build-bench tests/bench/bench src/cli/prime >&2
fi
prime=$(realpath "${PRIME:-$build/src/cli/prime}") bench=$(realpath "$build/tests/bench/bench") base=$PWD/fixtures/base
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 \
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
# One machine: memory alone as transport. Looking for networks takes MPI_Init 0.2 s.
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=vader,self
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
"$prime" data synth --seed 3 --users 40 --records 24 --out d -q >&2
cat >a.yaml <<END
task: synth_tag
data: d
base: $base
seeds: [1, 2]
lambda: [0, 0.5, 1, 2, 4]
methods: [base, anchor, uniform, evolved]
targets: {count: 4, min_search: 3, min_query: 2}
anchors: {pool: 8, per_target: 3, min_history: 8, min_heldout: 4}
adapt: {records: 0}
adapter: {rank: 4, epochs: 1, retrain: true}
evolve: {budget: 12}
search: {records: 6, score: labels}
utility: {records: 4, score: labels}
END

# timed NAME COMMAND... - a line of seconds in NAME.s.
timed() {
    local name=$1 from
    shift
    rm -rf run
    from=$(date +%s.%N)
    "$@" --out run -q >/dev/null 2>err || { cat err >&2; exit 1; }
    awk -v a="$from" -v b="$(date +%s.%N)" 'BEGIN { printf "%.3f\n", b - a }' >>"$name.s"
}
ranks() { mpirun --oversubscribe --bind-to none -n 2 "$prime" sweep a.yaml --threads 1 "$@"; }
one() { "$prime" sweep a.yaml --threads "$@"; }
mpi=
"$prime" doctor 2>/dev/null | grep -q '^built_with.mpi,' && command -v mpirun >/dev/null && mpi=1
for ((rep = 0; rep < reps; rep++)); do
    timed one one 1
    [ -z "$mpi" ] || timed ranks ranks
    timed threads one 2
    timed start one 1 --train-only
    [ -z "$mpi" ] || timed start_2 ranks --train-only
    "$bench" --only limits --reps 1 2>/dev/null >>limits
done

median() { sort -g | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }
seconds() { [ -s "$1.s" ] && median <"$1.s"; }
minus() { awk -v a="$(seconds "$1")" -v b="$(seconds "$2")" 'BEGIN { print a - b }'; }
limit() { awk -F, -v name="$1" '$1 == name { print $2 }' limits | median; }
gain() { # gain NAME SLOW FAST NOTE
    [ -n "$2" ] && [ -n "$3" ] || { echo "$1: no seconds to compare" >&2; exit 1; }
    echo "$1,$(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.2f", a / b }'),x,\"$4\""
}
echo what,value,unit,note
for name in one ranks threads start start_2; do
    [ ! -s $name.s ] || echo "scale_$name,$(seconds $name),s,\"$(tr '\n' ' ' <$name.s | sed 's/ $//')\""
done
one=$(seconds one) load=$(cut -d ' ' -f 1 /proc/loadavg)
if [ -n "$mpi" ]; then
    gain scale_gain_ranks "$one" "$(seconds ranks)" "two processes of one thread, wanted: 1.8 where the machine gains 2"
    gain scale_gain_cells "$(minus one start)" "$(minus ranks start_2)" \
        "the same without start-up and training: what a longer sweep comes close to"
else
    echo 'scale_gain_ranks,,x,"not measured: prime was built without MPI, or there is no mpirun"'
fi
gain scale_gain_threads "$one" "$(seconds threads)" "one process of two threads, wanted: the same"
gain scale_gain_sgemm "$(limit sgemm_scoring_shapes_2t)" "$(limit sgemm_scoring_shapes_1t)" "the machine's: products of scoring, two threads"
gain scale_gain_triad "$(limit triad_2t)" "$(limit triad_1t)" "the machine's: memory, two threads"
echo "scale_load,$load,processes,\"running on this machine at the end; beside others' no gain says anything\""
