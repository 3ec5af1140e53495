# An independent float64 evaluation of the model, of each adapter, and of a weighted sum of two.
m=$FIXTURES/models/llama_gqa
base=$m/logits.safetensors with=$m/adapter_logits.safetensors ids=$GOLDEN/in/llama_gqa_ids.json
prime model logits $m --ids $ids --out base.st
same_tensors base.st $base 1e-4 logits.0=s1 logits.1=s7 logits.2=s33 logits.3=s64
for a in a1 a2 a3_patterns a4_bf16_layer1; do
    prime model logits $m --ids $ids --out $a.st --adapter $m/adapters/$a
    same_tensors $a.st $with 1e-4 logits.1=$a.s7 logits.2=$a.s33 logits.3=$a.s64
done
prime model logits $m --ids $ids --out sum.st -a $m/adapters/a1=0.7 -a $m/adapters/a2=-0.3
t=lincomb_0.7a1_-0.3a2
same_tensors sum.st $with 1e-4 logits.1=$t.s7 logits.2=$t.s33 logits.3=$t.s64
# The comparison can fail: the base is not the adapter.
same_tensors base.st $with 1e-4 logits.1=a1.s7 >out || sed 's/[0-9]* apart/some apart/' out
prime model logits $m --ids $ids --out zero.st -a $m/adapters/a1=0
same_tensors zero.st base.st 1e-6 logits.3=logits.3
prime model logits $m --ids $ids --out o.st --json
rm -f *.st out
