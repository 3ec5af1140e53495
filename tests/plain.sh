#!/usr/bin/env bash
# plain.sh [BUILD] - TAP: the program without what is optional, MPI and oneDNN, in an unoptimised build of its own: it
# compiles and links without warnings, needs neither library, runs an audit, and refuses to run as one of
# several processes. All other tests of such a build are `meson test` in it.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-plain}
. tests/tap.sh
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

[ -f "$build/build.ninja" ] || meson setup "$build" --buildtype=plain -Dc_args=-O0 -Dtests=false -Dmpi=disabled -Donednn=disabled >&2
ninja -C "$build" src/cli/prime >&2
verdict $? "a build without MPI and oneDNN compiles"
[ $failed = 0 ] || { echo "1..$count"; exit 1; }
prime=$(realpath "$build/src/cli/prime")

ldd "$prime" >"$out/libraries" && ! grep -qE 'libmpi|libdnnl' "$out/libraries"
verdict $? "it needs neither library" "$out/libraries"
"$prime" doctor >"$out/doctor" 2>&1 && ! grep -qE '^built_with\.(mpi|onednn),' "$out/doctor"
verdict $? "doctor names neither" "$out/doctor"
(
    export GOLDEN=$PWD/tests/golden FIXTURES=$PWD/fixtures PATH=$(dirname "$prime"):$PATH PRIME_THREADS=1
    cd "$out" && . "$GOLDEN/in/small_audit.sh" && sed -i 's/budget: 30/budget: 4/' a.yaml
    "$prime" sweep a.yaml -q --out run
) >"$out/log" 2>&1
verdict $? "a sweep by one process" "$out/log"
(cd "$out" && OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 "$prime" sweep a.yaml -q --out both) >"$out/log" 2>&1
[ $? != 0 ] && grep -q 'was built without MPI' "$out/log" && [ ! -e "$out/both" ]
verdict $? "one of two processes says that it cannot be" "$out/log"
echo "1..$count"
exit $failed
