unset OPENBLAS_CORETYPE PRIME_MAT
prime doctor | cut -d, -f1 | grep -v -e onednn -e built_with.mpi
PRIME_MAT=openblas prime doctor | grep products
PRIME_MAT=cublas prime doctor; echo "exit $?"
prime doctor --threads 3 | grep threads
OPENBLAS_CORETYPE=Haswell prime doctor | grep CORETYPE
prime doctor --json | sed -n '1,2p;/processors/s/[0-9][0-9]*/N/p'
prime doctor | grep writable
(cd /proc && prime doctor | grep writable)
# A base model: its numbers, or what is wrong with it.
mkdir b
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} b
prime doctor --model b >out; echo "exit $?"
prime model train-tokenizer --vocab-size 257 --out b $FIXTURES/tok/tiny.txt -q
prime doctor --model b | grep -e ^model -e ^tok
# What bfloat16 does to log-likelihoods: two decimals, for sums differ between processors.
prime doctor --model b --precision bf16 | sed -n '/^precision_tokens/p;/^nll_[fb]/s/\(\...\).*/\1/p;/difference/s/,.*//p'
prime doctor --model b --precision bf16 --text $FIXTURES/tok/tiny.txt | grep precision_tokens
printf 'x\n' >short.txt
prime doctor --model b --precision bf16 --text short.txt >out; echo "exit $?"
prime doctor --model b --precision f16 >out; echo "exit $?"
prime doctor --model nowhere >out; echo "exit $?"
rm -r b out short.txt
prime doctor all; echo $?
