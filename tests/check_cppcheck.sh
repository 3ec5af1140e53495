#!/usr/bin/env bash
# check_cppcheck.sh [ROOT] - cppcheck has nothing to say of ROOT/src but what cppcheck.txt answers. One line per finding; exit
# 1 if there is one, exit 77 when there is no cppcheck here. About 15 s of processor time.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}" || exit 1
command -v cppcheck >/dev/null || { echo "no cppcheck here (Debian: apt install cppcheck)"; exit 77; }
cppcheck -j "$(nproc)" --enable=warning,portability,performance --std=c11 --library=posix -Iinclude -DPRIME_MUST_USE= --quiet \
    --suppressions-list="$here/cppcheck.txt" --error-exitcode=1 --template='{file}:{line}: {severity}: {message} [{id}]' src 2>&1 |
    LC_ALL=C sort -u
[ "${PIPESTATUS[0]}" = 0 ]
