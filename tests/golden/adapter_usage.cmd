m=$FIXTURES/models/llama_gqa a=$FIXTURES/models/llama_gqa/adapters
run() { prime adapter "$@" 2>&1 | sed "s,$FIXTURES,FIXTURES,g"; echo "exit ${PIPESTATUS[0]}"; }
run
run marge
run merge
run merge $a/a1 --model $m
run merge $a/a1 --model $m --out o --method primo
run merge $a/a1 $a/a2 --model $m --out o --weights 1
run merge $a/a1 $a/a2 --model $m --out o --weights 1,2,3
run merge $a/a1 $a/a2 --model $m --out o --weights 1,nan
run merge $a/a1 $a/a2 --model $m --out o --weights 1,,2
run merge $a/a1 nowhere --model $m --out o
run merge $a/a1 --model nowhere --out o
run merge $a/a1 --model $m --out /dev/null/o
run norms $a/a1
run norms $FIXTURES/malformed/adapter/missing_B --model $m
run norms $FIXTURES/models/llama_tied/adapters/a1 --model $m
run info nowhere
run info $FIXTURES/malformed/adapter/config_dora
run info $FIXTURES/malformed/adapter/unknown_module
run info $a/a1 --model $FIXTURES/malformed/model/missing_tensor
run diff $a/a1 --model $m
run train
run train --preset own
run train --modules q,x
run train --modules ''
run train --rank 0
run train --dropout 2
run train --lr fast
run train --model $m --data nowhere --task deb_synopsis --user u --out o
run train --model $m --data nowhere --task deb_synopsys --user u --out o
