#!/usr/bin/env bash
# coverage.sh [BUILD] - TAP: the share of the lines of each room that unit tests, fuzz corpora and golden tests run
# through; at least LEAST per cent of all. The table is printed as comments. In a build of its own, without optimisation
# that would move lines. Assertions that hold and what the compiler makes of a macro count like any line.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-coverage}
least=90
command -v gcovr >/dev/null || { echo "not ok 1 - no gcovr here (Debian: apt install gcovr)"; echo "1..1"; exit 1; }

[ -f "$build/build.ninja" ] || meson setup "$build" -Db_coverage=true -Dtests=true --buildtype=debug -Doptimization=1 >&2 || exit 1
ninja -C "$build" >&2 || { echo "not ok 1 - the build compiles"; echo "1..1"; exit 1; }
find "$build" -name '*.gcda' -delete
meson test -C "$build" --no-rebuild --no-suite house --no-suite page --no-suite install --no-suite docs --timeout-multiplier 4 >&2
tests=$?
[ $tests = 0 ] && echo "ok 1 - the tests pass" || echo "not ok 1 - the tests pass"

# FILE,LINES,COVERED of every source; then a row for each room and one for all.
gcovr --root . --object-directory "$build" --filter 'src/' --exclude 'src/report/embed.c' --csv -j 2 "$build" >"$build/coverage.csv" &&
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
echo "1..2"
[ $tests = 0 ] && [ $table = 0 ]
