m=$FIXTURES/models/llama_gqa a=$FIXTURES/models/llama_gqa/adapters
run() {
    local code
    prime adapter "$@" 2>&1 | sed "s,$FIXTURES,FIXTURES,g"
    code=${PIPESTATUS[0]}
    [ "$code" = 0 ] || echo "exit $code"
}
# Written anew an adapter is the same to the last bit; patterns that can be said by kind are.
run export $a/a3_patterns --out same
run diff same $a/a3_patterns
grep -A4 pattern same/adapter_config.json
cmp same/adapter_model.safetensors <(prime adapter export same --out twice >/dev/null && cat twice/adapter_model.safetensors) && echo equal
# The exact sum as one adapter gives the reference's logits.
run export $a/a1=0.7 $a/a2=-0.3 --model $m --out sum --base some/base --json
prime model logits $m --ids $GOLDEN/in/llama_gqa_ids.json --out sum.st -a sum
same_tensors sum.st $m/adapter_logits.safetensors 1e-4 logits.3=lincomb_0.7a1_-0.3a2.s64
run info sum | grep -e base_model -e rank
# One adapter takes its weight into the scale; scales can go into B.
run export $a/a2=2 --out twofold | grep norm
run export $a/a2 --out folded --fold-scale
grep -e lora_alpha -e '"r"' folded/adapter_config.json
run export $a/a1 --out half --dtype bf16 | sed 's/\(norm_rounding,0\.0[0-9]\).*/\1/'
run info half | grep dtype
# Without a model the tensors tell what they are for.
run norms $a/a1 $a/a4_bf16_layer1
run norms $a/a4_bf16_layer1 --json
run merge $a/a1 $a/a4_bf16_layer1 --out merged --json
run info $a/a1 -v 2>&1 | grep -e 'ignored: bias' -e 'ignored: inference_mode' -e 'ignored: fan_in'
run export
run export $a/a1
run export $a/a1 --out o --dtype f64
run export $a/a1=x --out o
run export nowhere --out o
run export $a/a1 $FIXTURES/models/llama_tied/adapters/a1 --out o
run export $a/a1 --out /dev/null/o
run export $a/a1=1e30 --out o --dtype f16 --fold-scale
rm *.st
