m=$FIXTURES/models/llama_gqa a=$FIXTURES/models/llama_gqa/adapters
run() {
    prime adapter merge "$@" 2>&1 | sed "s,$FIXTURES/models/,,g"
    local code=${PIPESTATUS[0]}
    [ "$code" = 0 ] || echo "exit $code"
}
numbers() { grep -e ^rank -e norm,, -e truncation -e effective -e prime: -e exit; }
# What comes out, and how far it is from the exact sum.
for method in svd ties_peft ties_mergekit knots karcher model_stock sce; do
    density=; case $method in ties*|knots|sce) density="--density 0.5";; esac
    echo "$method"
    run --method $method $density -w 0.5,0.25 $a/a1 $a/a3_patterns --out o | numbers
done
# Weights for parts of the model; limits that refuse or move them.
run --granularity layer -w 1,0.5,0.25,0 $a/a1 $a/a2 --out o | grep weight
run --granularity module -w 1,2 $a/a1 $a/a2 --out o
run --min-effective 1.9 $a/a1 $a/a2 --out o
run --min-effective 1.9 --project $a/a1 $a/a2 --out o | grep -e effective -e weight
run --cap 0.4 $a/a1 $a/a2 --out o
run --cap 0.4 --project $a/a1 $a/a2 --out o | grep weight
# Fused modules and transposed weights: GPT-2.
g=$FIXTURES/models/gpt2
run --method ties_mergekit --density 0.5 --rank full $g/adapters/a1 $g/adapters/a2 --model $g --out g | numbers
# A random trim is a function of the seed and of the adapters, not of their order or of threads.
run --method dare_ties --density 0.5 --seed 7 -w 0.25,0.5 $a/a1 $a/a2 --out o --threads 1 >/dev/null
run --method dare_ties --density 0.5 --seed 7 -w 0.5,0.25 $a/a2 $a/a1 --out p --threads 3 >/dev/null
cmp o/adapter_model.safetensors p/adapter_model.safetensors && echo same
# Folded into the model or put on as an adapter: the same logits.
run --method ties_mergekit --density 0.5 --rank full $a/a1 $a/a2 --out o --model $m | grep truncation
run --method ties_mergekit --density 0.5 $a/a1 $a/a2 --out folded --fold $m | grep truncation
prime model logits $m --ids $GOLDEN/in/llama_gqa_ids.json --out one.st -a o
prime model logits folded --ids $GOLDEN/in/llama_gqa_ids.json --out two.st
same_tensors one.st two.st 1e-4 logits.3=logits.3
# Refusals.
run --method ties_mergekit --density 0.5 -w 1,-1 $a/a1 $a/a2 --out o
run --method prime $a/a1 $a/a2 --out o
run --method slerp $a/a1 $a/a2 $a/a2 --out o
run --method ties_peft $a/a1 --out o
run --method exact --density 0.5 $a/a1 --out o
run --method ties_peft --density 1.5 $a/a1 --out o
run --rank 0 $a/a1 --out o
run --rank half $a/a1 --out o
run --mean median $a/a1 --out o
run --granularity head $a/a1 --out o
run --dtype f64 $a/a1 --out o
run --project $a/a1 --out o
run --fold $m --model $m $a/a1 --out o
run --fold $a/a1 $a/a1 --out o
# A search scores linear merges alone.
printf 'task: synth_tag\ndata: d\nbase: b\nlambda: 0\n' >a.yaml
prime validate a.yaml --set evolve.operator=ties_peft
rm -r folded *.st a.yaml
