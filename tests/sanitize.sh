#!/usr/bin/env bash
# sanitize.sh [BUILD] - TAP: all tests under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, in a
# build of their own (for this processor alone, which makes kernels several times as fast; with line numbers, not
# variables, for a debugger, which links in half the time). Not again: what is about Chromium, Slurm and pages of docs,
# where prime itself does nothing that golden tests and the test of MPI do not. A test passes only when no sanitizer wrote a report: Criterion runs tests in worker processes
# and calls a leaking one passed, so leak reports go to files and the files are counted. (Undefined behaviour ends
# the process, which fails the test.) Faults made on purpose (leaky.c) come first; if they go unnoticed, the gate
# itself is broken.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-asan}
logs=$PWD/$build/sanitizer-logs
export ASAN_OPTIONS=detect_leaks=1:log_path=$logs/report
export UBSAN_OPTIONS=print_stacktrace=1
. tests/tap.sh

fresh_logs() { rm -rf "$logs" && mkdir -p "$logs"; }
reports() { find "$logs" -name 'report*'; }

[ -f "$build/build.ninja" ] || meson setup "$build" -Db_sanitize=address,undefined -Db_lundef=false \
    -Dnative=true --buildtype=debugoptimized -Dc_args=-g1 >&2
ninja -C "$build" >&2
verdict $? "the sanitizer build compiles"
[ $failed = 0 ] || { echo "1..$count"; exit 1; }

fresh_logs
"$build/tests/leaky" --filter leaky/leak >/dev/null 2>&1
grep -qs 'detected memory leaks' $(reports) /dev/null
verdict $? "a planted leak is reported"
! "$build/tests/leaky" --filter leaky/overflow >/dev/null 2>&1
verdict $? "a planted overflow fails its test"

fresh_logs
meson test -C "$build" --no-rebuild --no-suite house --timeout-multiplier 4 --print-errorlogs >&2
verdict $? "all tests pass under the sanitizers"
[ -z "$(reports)" ]
verdict $? "no sanitizer left a report" $(reports)
echo "1..$count"
exit $failed
