#!/usr/bin/env bash
# check_format.sh [ROOT] - every source is as clang-format 14 would write it. Exit 1 and one line per file when
# not, exit 77 when there is no clang-format 14 here (other versions format differently).
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"
tool=$(command -v clang-format-14 || command -v clang-format || true)
version=$([ -z "$tool" ] || "$tool" --version)
case $version in
*"version 14."*) ;;
*) echo "want clang-format 14, found ${version:-none}"; exit 77 ;;
esac
bad=0
for f in $(find src include tests -name '*.[ch]' | LC_ALL=C sort); do
    "$tool" --dry-run -Werror "$f" 2>/dev/null || { echo "$f: not formatted"; bad=1; }
done
exit $bad
