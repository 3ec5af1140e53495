m=$FIXTURES/models/llama_gqa a=$FIXTURES/models/llama_gqa/adapters
names() { sed "s,$a/,,"; }
prime adapter norms $a/a1 $a/a3_patterns --model $m | names
prime adapter info $a/a2
prime adapter info $a/a4_bf16_layer1 --model $m --json
# The exact sum as one adapter gives the reference's logits; differences are measured, not assumed.
prime adapter merge --weights 0.7,-0.3 --model $m --out sum $a/a1 $a/a2 | names
prime model logits $m --ids $GOLDEN/in/llama_gqa_ids.json --out sum.st -a sum
same_tensors sum.st $m/adapter_logits.safetensors 1e-4 logits.3=lincomb_0.7a1_-0.3a2.s64
prime adapter merge -w 1,0 --model $m --out one $a/a3_patterns $a/a4_bf16_layer1 | names
prime adapter diff one $a/a3_patterns --model $m | grep -v '_proj,' | awk -F, '$1 == "norm_difference" { $2 = $2 < 1e-4 ? "small" : $2 } { print $1, $2 }'
prime adapter diff $a/a1 $a/a2 --model $m
prime adapter merge --method prime --model $m --out p $a/a1 $a/a1 | names
prime adapter merge --method prime --model $m --out q $a/a1 $a/a2
prime adapter merge -w 0,0 --model $m --out none $a/a1 $a/a2 | names
rm *.st
