#!/usr/bin/env bash
# memcheck.sh [BUILD] - TAP: a small suite under valgrind's memcheck: reads of what was never written, which the
# address sanitizer does not see. BUILD is made for a processor that valgrind knows.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-memcheck}
suites=${PRIME_MEMCHECK_TESTS:-base host ledger table js js_pull st yml tok tok_load gates formats peft signals_file}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PRIME_SOURCE=$PWD
. tests/tap.sh

[ -f "$build/build.ninja" ] || meson setup "$build" -Dnative=false -Dc_args='-mavx2 -mfma' -Donednn=disabled --buildtype=debugoptimized >&2
ninja -C "$build" tests/unset $(printf 'tests/test_%s ' $suites) >&2
verdict $? "the build compiles"
[ $failed = 0 ] || { echo "1..$count"; exit 1; }
log=$build/memcheck
check=(valgrind -q --trace-children=yes --error-exitcode=99 --leak-check=no --log-file="$log.%p")

rm -f "$log".*
"${check[@]}" "$build/tests/unset" >/dev/null 2>&1
grep -qs 'uninitialised' "$log".*
verdict $? "a planted use of what was never written is reported"

for name in $suites; do
    rm -f "$log".*
    "${check[@]}" "$build/tests/test_$name" --jobs 1 >/dev/null 2>&1
    status=$?
    find "$build" -name 'memcheck.*' -empty -delete
    verdict $status "test_$name passes under memcheck"
    found=$(ls "$log".* 2>/dev/null)
    [ -z "$found" ]
    verdict $? "test_$name has no error" $found
done
echo "1..$count"
exit $failed
