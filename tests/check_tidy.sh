#!/usr/bin/env bash
# check_tidy.sh [--full] [ROOT [FILE...]] - clang-tidy 14 with the checks of .clang-tidy has nothing to say of src, or of these files. About 15 s of
# processor time. --full runs clang's static analyser instead, about 1.3 s of processor time a file: for the files that differ from a commit,
#     tests/check_tidy.sh --full . $(git diff --name-only main -- 'src/*.c')
# Flags come from PRIME_BUILD/compile_commands.json (build), if it is there. One line per finding; exit 1 if there is one,
# exit 77 when there is no clang-tidy 14 here.
set -uo pipefail
checks=()
# Of the analyser, left out: names of functions that are held for unsafe wherever they stand (lengths are looked at before); the order
# of fields by size; the geometric grid that a double counts; MPI requests, which wait by MPI_Test here and not by MPI_Wait.
full='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*,-clang-analyzer-optin.performance.Padding'
full+=',-clang-analyzer-security.FloatLoopCounter,-clang-analyzer-optin.mpi.MPI-Checker'
[ "${1:-}" != --full ] || { checks=(--checks="$full"); shift; }
cd "${1:-$(dirname "$0")/..}" || exit 1
shift
build=${PRIME_BUILD:-build}
tool=$(command -v clang-tidy-14 || command -v clang-tidy || true)
version=$([ -z "$tool" ] || "$tool" --version)
case $version in
*"version 14."*) ;;
*) echo "want clang-tidy 14, found ${version:-none}"; exit 77 ;;
esac
[ $# -gt 0 ] || set -- $(find src -name '*.c')
if [ -f "$build/compile_commands.json" ] && [ -f meson.build ]; then how=(-p "$build") after=()
else how=() after=(-- -std=c11 -D_DEFAULT_SOURCE -Iinclude); fi # a small tree of house.sh
out=$(printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} "$tool" --quiet "${checks[@]}" "${how[@]}" {} "${after[@]}" 2>/dev/null)
status=$?
out=$(grep -E ':[0-9]+: (error|warning):' <<<"$out" | sed "s|^[^ ]*\.\./||; s|^$PWD/||; s|,-warnings-as-errors||" | LC_ALL=C sort -u)
[ -z "$out" ] && [ $status = 0 ] && exit 0
echo "${out:-clang-tidy ended with status $status and said nothing}"
exit 1
