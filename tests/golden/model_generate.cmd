# Completions by a model of random weights, with a tokenizer of 257 entries.
a=$FIXTURES/models/llama_tied/adapters/a1
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} .
prime model train-tokenizer --vocab-size 257 --out . $FIXTURES/tok/tiny.txt -q
cat >rows.jsonl <<'X'
{"prompt":"the cat "}

{"id":"b","prompt":"the cat "}
{"id":7,"prompt":"","answer":"x"}
X
gen() { prime model generate . "$@"; }
gen rows.jsonl --max-new 6
gen rows.jsonl --max-new 6 --json
gen --max-new 6 -a $a --json <rows.jsonl
gen --max-new 6 -a $a=0 --json <rows.jsonl >zero; gen rows.jsonl --max-new 6 --json | cmp - zero && echo the base
gen rows.jsonl --max-new 6 --repetition-penalty 1.5 --json
# Any batch gives the same; nearly cold draws are the greedy ones; the seed decides; threads do not.
gen rows.jsonl --max-new 6 >greedy
gen rows.jsonl --max-new 6 --batch 1 | cmp - greedy && echo same
gen rows.jsonl --max-new 6 --temperature 0.0001 | cmp - greedy && echo same
gen rows.jsonl --max-new 6 -t 2 --top-k 1 | cmp - greedy && echo same
gen rows.jsonl --max-new 6 -t 2 --min-p 1 | cmp - greedy && echo same
draw="-t 1 --top-k 90 --top-p 0.9 --min-p 0.01 --samples 3 --json"
gen rows.jsonl $draw --seed 5 --threads 1 >one
gen rows.jsonl $draw --seed 5 --threads 3 | cmp - one && echo same
gen rows.jsonl $draw --seed 6 | cmp -s - one || echo other
sed 's/"text.*//' one
# The end token: the first token of the first answer, made the model's own.
eos=$(gen rows.jsonl --max-new 1 --json | sed -n '1s/.*"ids": \[\([0-9]*\)\].*/\1/p')
sed -i "s/\"eos_token_id\": [0-9]*/\"eos_token_id\": $eos/" config.json
gen rows.jsonl --max-new 3 --json | head -2
gen rows.jsonl --max-new 3 --json --ignore-eos | head -2
# A prompt that fills the model's 128 positions, one that leaves room for two, and one too long.
long() { printf '{"prompt":"%s"}\n' $(printf 'x%.0s' $(seq $1)); }
(long 128; long 126) | gen --json --ignore-eos
long 129 | gen
gen </dev/null
try() { prime model generate "$@"; echo "exit $?"; }
try . rows.jsonl --top-p 0.9
try . rows.jsonl --top-k 3
try . rows.jsonl --min-p 0.1 --temperature 0
try . rows.jsonl --samples 2
try . rows.jsonl --top-k 0 -t 1
try . rows.jsonl --top-p 1.5 -t 1
try . rows.jsonl --min-p -1 -t 1
try . rows.jsonl -t -1
try . rows.jsonl -t 1e-9
try . rows.jsonl --repetition-penalty 0
try . rows.jsonl --max-new x
try . rows.jsonl --samples 0
try . rows.jsonl --batch 0
try . rows.jsonl --seed -1
try . rows.jsonl -a $a=nan 2>&1 | sed "s,$FIXTURES,FIXTURES,"
try . nowhere.jsonl
try nowhere rows.jsonl
echo '{"prompt":7}' | try .
echo '{"answer":"a"}' | try .
(gen rows.jsonl >/dev/full; echo "exit $?")
gen rows.jsonl --max-new 6 -v 2>&1 >/dev/null | grep bytes
rm -f *
