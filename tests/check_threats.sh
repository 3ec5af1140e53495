#!/usr/bin/env bash
# check_threats.sh [ROOT] - every test that docs/threats.md names is there. One line per violation; exit 1 if there is one.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"
[ -f docs/threats.md ] || { echo "docs/threats.md: not there"; exit 1; }
bad=0
while IFS=/ read -r suite name; do
    case $suite in
    golden) [ -f "tests/golden/$name.cmd" ] || { echo "docs/threats.md: no tests/golden/$name.cmd"; bad=1; } ;;
    fuzz) [ -f "tests/fuzz/fuzz_$name.c" ] || { echo "docs/threats.md: no tests/fuzz/fuzz_$name.c"; bad=1; } ;;
    *) grep -rqE "^Test\($suite, $name[,)]" tests/unit || { echo "docs/threats.md: no Test($suite, $name)"; bad=1; } ;;
    esac
done < <(grep -oE '`[a-z_]+/[a-z_0-9]+`' docs/threats.md | tr -d '`' | grep -vE '^(tests/(unit|golden|fuzz))$' | sort -u)
exit $bad
