unset OPENBLAS_CORETYPE PRIME_MAT
prime doctor | cut -d, -f1 | grep -v onednn
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
prime doctor --model nowhere >out; echo "exit $?"
rm -r b out
prime doctor all; echo $?
