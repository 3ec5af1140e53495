#!/usr/bin/env bash
# check_format.sh [ROOT] - every source is as clang-format 14 would write it. Exit 1 and one line per file when
# not, exit 77 when there is no clang-format 14 here (other versions format differently).
set -uo pipefail
cd "${1:-$(dirname "$0")/..}" || exit 1
tool=$(command -v clang-format-14 || command -v clang-format || true)
version=$([ -z "$tool" ] || "$tool" --version)
case $version in
*"version 14."*) ;;
*) echo "want clang-format 14, found ${version:-none}"; exit 77 ;;
esac
out=$(find src include tests examples -name '*.[ch]' 2>/dev/null | xargs "$tool" --dry-run -Werror 2>&1) && exit 0
bad=$(grep -o '^[^ :]*\.[ch]:' <<<"$out" | LC_ALL=C sort -u | sed 's/$/ not formatted/')
echo "${bad:-$out}" # the tool's own words when it failed for another reason
exit 1
