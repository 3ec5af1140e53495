#!/usr/bin/env bash
# coverage.sh [BUILD] - TAP: the share of the lines of each room that unit tests, fuzz corpora and golden tests run
# through, at least LEAST per cent of all; and whether every error that a user or a caller can be given, those that say
# that memory is out among them (see tests/starve), is given in some test, but for those in errors_untripped.txt. The
# table and the errors that are not given are printed as comments. In a build of its own, without optimisation that would move lines. Assertions that hold and what the
# compiler makes of a macro count like any line.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-coverage}
least=90
command -v gcovr >/dev/null || { echo "not ok 1 - no gcovr here (Debian: apt install gcovr)"; echo "1..1"; exit 1; }

[ -f "$build/build.ninja" ] || meson setup "$build" -Db_coverage=true -Dtests=true --buildtype=debug -Doptimization=1 >&2 || exit 1
ninja -C "$build" >&2 || { echo "not ok 1 - the build compiles"; echo "1..1"; exit 1; }
find "$build" -name '*.gcda' -delete
export GCOV_ERROR_FILE=/dev/null # tests that limit the size of files cut counts off, which is not part of what prime says
# Threads of one process would wait for each other's counters: a test has one, unless it asks for more.
PRIME_THREADS=1 meson test -C "$build" --no-rebuild --no-suite house --no-suite page --no-suite install --no-suite docs --timeout-multiplier 4 >&2
tests=$?
[ $tests = 0 ] && echo "ok 1 - the tests pass" || echo "not ok 1 - the tests pass"

# FILE,LINES,COVERED of every source; then a row for each room and one for all. Counts that a test which limits the size
# of files has cut off are passed over.
gcovr --root . --gcov-ignore-parse-errors --object-directory "$build" --filter 'src/' --exclude 'src/report/embed.c' --csv -j 2 "$build" >"$build/coverage.csv" &&
    awk -F, -v least=$least '
    NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
    {
        split($1, part, "/")
        room = part[2]
        lines[room] += $col["line_total"]
        hit[room] += $col["line_covered"]
        all += $col["line_total"]
        hits += $col["line_covered"]
    }
    END {
        for (room in lines) printf "# %-8s %6d lines %6.1f %%\n", room, lines[room], 100 * hit[room] / lines[room] | "sort"
        close("sort")
        if (all == 0) { print "not ok 2 - there is a table"; exit 1 }
        printf "# %-8s %6d lines %6.1f %%\n", "all", all, 100 * hits / all
        bad = 100 * hits < least * all
        printf "%sok 2 - at least %d %% of all lines\n", bad ? "not " : "", least
        exit bad
    }' "$build/coverage.csv"
table=$?

# FILE:LINE, 1 if its sentence was given, the statement. gcov runs where the objects lie.
(cd "$build" && find libprime.so.*.p src/cli/prime.p -name '*.gcno' -print0 |
    xargs -0 gcov --stdout --branch-probabilities --branch-counts 2>/dev/null) | awk -f tests/errors.awk >"$build/errors.tsv"
awk -F'\t' '
    FNR == NR && /^#/ { reason = $0; next }
    FNR == NR && NF == 0 { reason = ""; next }
    FNR == NR {
        at = index($0, ": ")
        known[++k] = $0; file[k] = substr($0, 1, at - 1); part[k] = substr($0, at + 2)
        if (reason == "" || at == 0) { bad = 1; print "# no reason or no sentence: " $0 }
        next
    }
    { n++; memory += $3 ~ /NOMEM|no.memory/ }
    $2 { hits++; next }
    {
        where = $1; sub(/:.*/, "", where)
        for (i = 1; i <= k; i++) if (where == file[i] && index($3, part[i]) > 0) { used[i] = 1; break }
        if (i <= k) listed++
        else { bad = 1; print "# never given: " $1 ": " $3 }
    }
    END {
        for (i = 1; i <= k; i++) if (!used[i]) { bad = 1; print "# given, or gone: " known[i] }
        printf "# %d errors, %d of them of memory, %d given in tests, %d listed with a reason\n", n, memory, hits, listed
        bad = bad || n == 0 || memory == 0
        printf "%sok 3 - every error is given in a test, or is listed with a reason\n", bad ? "not " : ""
        exit bad
    }' tests/errors_untripped.txt "$build/errors.tsv"
errors=$?
echo "1..3"
[ $tests = 0 ] && [ $table = 0 ] && [ $errors = 0 ]
