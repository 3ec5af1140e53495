#!/usr/bin/env bash
# large.sh PRIME - the README's table of what audits of large models need, as Markdown on standard output: `prime plan
# --models` for some models and machines, 100 targets, 1,000 anchors, 10 lambdas, 5 seeds and 12 methods.
set -euo pipefail
prime=${1:?path of prime}

# row MODEL NODES PER_TARGET GFLOPS
row() {
    "$prime" plan --models "$1" --nodes "$2" --work per_target="$3" --gflops "$4" | tr -d '"' | awk -F, \
        -v row="| $1 | $2 | $3 | $4 |" '
        $0 ~ /memory, all of a node/ { memory = $4 }
        $0 ~ /^[^,]*,disk/ { disk += $4 }
        $2 == "time" { hours[$3] = $4 }
        $2 == "cells" { cells = $3 }
        END {
            printf "%s %d | %.0f GB | %.0f GB | %.0f h | %.0f h | %.0f h | %.0f h | %.0f days |\n", row, cells, memory, disk,
                hours[" training"], hours[" search"], hours[" utility"], hours[" attacks"], hours[" all"] / 24
        }'
}
echo '| model | nodes of 32 cores | anchors a target | GF/s of a core | cells | memory of a node | disk | training | search | utility | attacks | all |'
echo '|---|---|---|---|---|---|---|---|---|---|---|---|'
row 7B 1 50 50
row 7B 16 50 50
row 7B 16 10 50
row 7B 16 10 200
row 70B 64 50 50
row 70B 64 10 200
