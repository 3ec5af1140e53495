#!/usr/bin/env bash
# run.sh [--redo] - TAP: instructions of small kernels, counted by callgrind, beside counts.csv. A count that is more than LIMIT per cent
# above the last is a failure; every other change is told. --redo writes counts.csv anew: commit it with the reason. The build is for any
# x86-64 processor, so that the counts are the same on all; a compiler of another version counts for itself (column `compiler`), and one
# that is not in the file is told and not judged.
set -uo pipefail
cd "$(dirname "$0")/../.."
file=tests/counts/counts.csv LIMIT=10

# alike BUILD - whether its kernels are compiled as those of a build of our own would be; then there is no need of one.
alike() {
    grep -q -- ' -O3 ' "$1/compile_commands.json" 2>/dev/null &&
        ! grep -qE -- '-march=|-mtune=|-fsanitize|--coverage|-D_?NDEBUG' "$1/compile_commands.json"
}
if alike build; then build=build; else build=build-counts; fi
{
    [ -f $build/build.ninja ] || meson setup $build -Dnative=false -Dtests=false --buildtype=release
    ninja -C $build tests/counts/counts
} >&2 || { echo "not ok 1 - the kernels build"; exit 1; }
compiler=$(cc -dumpfullversion)-$(uname -m)

# count NAME - its instructions.
count() {
    valgrind --tool=callgrind --collect-atstart=no --toggle-collect=counts_run --callgrind-out-file=/dev/null \
        $build/tests/counts/counts "$1" 2>&1 >/dev/null | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

if [ "${1:-}" = --redo ]; then
    others=$(grep -v -e "^kernel," -e ",$compiler," $file 2>/dev/null || true)
    {
        echo kernel,compiler,instructions
        [ -z "$others" ] || echo "$others"
        for name in $($build/tests/counts/counts); do echo "$name,$compiler,$(count "$name")"; done
    } >$file.new && mv $file.new $file
    exit
fi

n=0 bad=0
for name in $($build/tests/counts/counts); do
    n=$((n + 1))
    now=$(count "$name") last=$(awk -F, -v k="$name" -v c="$compiler" '$1 == k && $2 == c { print $3 }' $file)
    change=$(awk -v a="${now:-0}" -v b="${last:-0}" 'BEGIN { printf "%.1f", (b > 0 ? 100 * (a - b) / b : 0) }')
    if [ -z "$now" ] || [ "$now" = 0 ]; then
        echo "not ok $n - $name: callgrind counted nothing" && bad=1
    elif [ -z "$last" ]; then
        echo "ok $n - $name: $now instructions # nothing to compare with for compiler $compiler"
    elif awk -v c="$change" -v l=$LIMIT 'BEGIN { exit !(c > l) }'; then
        echo "not ok $n - $name: $now instructions, $change % more than $last" && bad=1
    elif [ "$now" != "$last" ]; then
        echo "ok $n - $name: $now instructions, changed by $change % from $last"
    else
        echo "ok $n - $name: $now instructions"
    fi
done
echo "1..$n"
exit $bad
