#!/usr/bin/env bash
# where.sh TEXTS [WORKLOAD] - build for speed and print what share of scoring goes to products, attention, softmax and the
# rest: of so many texts of the random workload, or of a folder (see README.md), for all its candidates.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/need.sh
need tests/packages.txt build
{
    [ -f build-bench/build.ninja ] || meson setup build-bench --buildtype=release -Dtests=false
    ninja -C build-bench tests/bench/where
} >&2
exec env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 build-bench/tests/bench/where "$@"
