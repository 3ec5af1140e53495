#!/usr/bin/env bash
# threads.sh [BUILD] - TAP: prime under ThreadSanitizer, in a build of its own, over golden tests that train, score, merge,
# generate, attack, sweep and report with several threads. (Criterion's runner and the sanitizer want the same addresses,
# so unit tests cannot run under it.) A case passes only when no report was written. racy makes a race on purpose, so that
# the gate itself is tested.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-tsan}
cases=${PRIME_TSAN_CASES:-adapter_train adapter_train_dp adapter_merge_methods model_score model_generate attack_score \
attack_white report_formats threads}
mkdir -p "$build"
build=$(cd "$build" && pwd)
logs=$build/sanitizer-logs
# OpenBLAS's own threads and oneDNN are not built with the sanitizer: one thread, and without oneDNN.
export TSAN_OPTIONS="log_path=$logs/report halt_on_error=0 exitcode=0"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PRIME_SOURCE=$PWD
. tests/tap.sh
fresh_logs() { rm -rf "$logs" && mkdir -p "$logs"; }
reports() { find "$logs" -name 'report*'; }

[ -f "$build/build.ninja" ] || meson setup "$build" -Db_sanitize=thread -Db_lundef=false -Donednn=disabled \
    --buildtype=debugoptimized >&2
ninja -C "$build" src/cli/prime tests/racy tests/make_ledger tests/same_tensors >&2
verdict $? "the build compiles"
[ $failed = 0 ] || { echo "1..$count"; exit 1; }

fresh_logs
"$build/tests/racy" >/dev/null 2>&1
grep -qs 'data race' $(reports) /dev/null
verdict $? "a planted race is reported"

for name in $cases; do
    fresh_logs
    tests/golden/run.sh "$build/src/cli/prime" "$PWD/tests/golden/$name.cmd" >"$build/$name.tap" 2>&1
    grep -q "^ok 1 - $name" "$build/$name.tap"
    verdict $? "$name passes" "$build/$name.tap"
    [ -z "$(reports)" ]
    verdict $? "$name has no race" $(reports)
done
echo "1..$count"
exit $failed
