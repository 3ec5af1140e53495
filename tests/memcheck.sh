#!/usr/bin/env bash
# memcheck.sh [BUILD] - TAP: a small suite under valgrind's memcheck: reads of what was never written, which the
# address sanitizer does not see. BUILD is made for a processor that valgrind knows and without code that PCRE2
# makes at run time; its unit tests run without Criterion (tests/alone). PRIME_MEMCHECK_TESTS names other tests: NAME or NAME:SUITE/TEST, with wildcards.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-memcheck}
suites=${PRIME_MEMCHECK_TESTS:-attack archive score:*threads* train:*steps_are* base host table js js_pull yml gates \
signals_file stats merge evolve roc:*meet* st peft ledger tok tok_load formats}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PRIME_SOURCE=$PWD
. tests/tap.sh

[ -f "$build/build.ninja" ] || meson setup "$build" -Dalone=true -Dc_args='-mavx2 -mfma -DPRIME_NO_JIT' -Donednn=disabled -Dmpi=disabled \
    --buildtype=debugoptimized -Dwerror=false >&2
ninja -C "$build" tests/unset tests/fails $(for u in $suites; do echo "tests/test_${u%%:*}"; done | sort -u) >&2
verdict $? "the build compiles"
[ $failed = 0 ] || { echo "1..$count"; exit 1; }
log=$build/memcheck
check=(valgrind -q --error-exitcode=99 --leak-check=no --log-file="$log.%p")

rm -f "$log".*
"${check[@]}" "$build/tests/unset" >/dev/null 2>&1
grep -qs 'uninitialised' "$log".*
verdict $? "a planted use of what was never written is reported"
[ "$("$build/tests/fails" 2>/dev/null | grep -c '^not ok')" = 3 ]
verdict $? "planted failures of tests are noticed"

set -f # patterns are for the programs
for unit in $suites; do
    name=${unit%%:*} pattern=${unit#"${unit%%:*}"}
    find "$build" -name 'memcheck.*' -delete
    start=$SECONDS
    "${check[@]}" "$build/tests/test_$name" ${pattern#:} >"$build/$name.tap" 2>&1
    status=$?
    find "$build" -name 'memcheck.*' -empty -delete
    verdict $status "test_$name$pattern passes under memcheck # $((SECONDS - start)) s" "$build/$name.tap"
    found=$(find "$build" -name 'memcheck.*')
    [ -z "$found" ]
    verdict $? "test_$name$pattern has no error" $found
done
echo "1..$count"
exit $failed
