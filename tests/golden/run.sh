#!/usr/bin/env bash
# run.sh [--redo] PRIME [CASE...] - golden tests of the command line, as TAP. A case is NAME.cmd, a few lines of
# shell that run `prime` in an empty folder ($GOLDEN is this folder, $FIXTURES the fixtures), beside NAME.exp, the exit
# code, both streams and the names of files left behind that it must give. Numbers may differ by 1e-6 relative.
# A case may take GOLDEN_SECONDS, 120. --redo writes NAME.exp anew; read the difference before committing it. See README.md.
set -uo pipefail
GOLDEN=$(cd "$(dirname "$0")" && pwd)
SOURCE=$(cd "$GOLDEN/../.." && pwd)
FIXTURES=$SOURCE/fixtures
export GOLDEN FIXTURES LC_ALL=C
redo=0
[ "${1:-}" != --redo ] || { redo=1; shift; }
prime_dir=$(cd "$(dirname "${1:?path of prime}")" && pwd)
PATH=$prime_dir:$(cd "$prime_dir/../../tests" && pwd):$PATH
shift
[ $# -gt 0 ] || set -- "$GOLDEN"/*.cmd
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# observe CMD - run it in a fresh folder and write down what it did.
observe() {
    rm -rf "$tmp/dir" && mkdir "$tmp/dir"
    (cd "$tmp/dir" && timeout "${GOLDEN_SECONDS:-120}" bash "$1" >"$tmp/stdout" 2>"$tmp/stderr" </dev/null)
    echo "--- exit $?"
    echo "--- stdout" && cat "$tmp/stdout"
    echo "--- stderr" && cat "$tmp/stderr"
    echo "--- files" && (cd "$tmp/dir" && find . -type f | sort)
}

source_files() { find "$SOURCE" \( -name .git -o -name 'build*' \) -prune -o -type f -print | sort; }

source_files >"$tmp/before"
count=0
for cmd in "$@"; do
    name=$(basename "$cmd" .cmd)
    exp=$GOLDEN/$name.exp
    count=$((count + 1))
    observe "$GOLDEN/$name.cmd" >"$tmp/got"
    if [ $redo = 1 ]; then
        cp "$tmp/got" "$exp"
        echo "ok $count - $name (written)"
    elif [ ! -f "$exp" ]; then
        echo "not ok $count - $name: no $name.exp, see --redo"
    elif why=$(awk -f "$GOLDEN/same.awk" "$exp" "$tmp/got"); then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name: $why"
        diff -u "$exp" "$tmp/got" | sed 's/^/# /'
    fi
done
source_files >"$tmp/after"
count=$((count + 1))
if new=$(comm -13 "$tmp/before" "$tmp/after") && [ -z "$new" ] || [ $redo = 1 ]; then
    echo "ok $count - no file is left in the source tree"
else
    echo "not ok $count - no file is left in the source tree"
    sed 's/^/# /' <<<"$new"
fi
echo "1..$count"
