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
bad=$(find src include tests -name '*.[ch]' | xargs "$tool" --dry-run -Werror 2>&1 | grep -o '^[^ :]*\.[ch]:' | LC_ALL=C sort -u || true)
[ -z "$bad" ] || { sed 's/$/ not formatted/' <<<"$bad"; exit 1; }
