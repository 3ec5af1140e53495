#!/usr/bin/env bash
# threads.sh [BUILD] - TAP: unit tests of base, model and run under ThreadSanitizer, in a build of their own. A test
# passes only when no report was written. tsan_fault makes a race on purpose, so that the gate itself is tested.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-tsan}
suites=${PRIME_TSAN_TESTS:-base host score pass train train_many anchors sweep}
logs=$PWD/$build/sanitizer-logs
# ThreadSanitizer wants fewer random bits of addresses than some kernels give.
run=(setarch "$(uname -m)" -R)
export TSAN_OPTIONS="log_path=$logs/report halt_on_error=0 second_deadlock_stack=1"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PRIME_SOURCE=$PWD
count=0 failed=0

# verdict STATUS NAME [FILE...] - one TAP line, the files as its comment when it is not ok.
verdict() {
    local status=$1 name=$2
    count=$((count + 1))
    shift 2
    if [ "$status" = 0 ]; then echo "ok $count - $name"; return; fi
    failed=1
    echo "not ok $count - $name"
    [ $# = 0 ] || head -n 60 "$@" | sed 's/^/# /'
}
fresh_logs() { rm -rf "$logs" && mkdir -p "$logs"; }
reports() { find "$logs" -name 'report*'; }

# OpenBLAS's own threads and oneDNN are not built with the sanitizer: one thread, and without oneDNN.
[ -f "$build/build.ninja" ] || meson setup "$build" -Db_sanitize=thread -Db_lundef=false -Donednn=disabled \
    --buildtype=debugoptimized >&2
ninja -C "$build" tests/racy $(printf 'tests/test_%s ' $suites) >&2
verdict $? "the build compiles"
[ $failed = 0 ] || { echo "1..$count"; exit 1; }

fresh_logs
"${run[@]}" "$build/tests/racy" >/dev/null 2>&1
grep -qs 'data race' $(reports) /dev/null
verdict $? "a planted race is reported"

for name in $suites; do
    fresh_logs
    "${run[@]}" "$build/tests/test_$name" --jobs 1 --tap=/dev/null >/dev/null 2>&1
    status=$?
    verdict $status "test_$name passes"
    [ -z "$(reports)" ]
    verdict $? "test_$name has no race" $(reports)
done
echo "1..$count"
exit $failed
