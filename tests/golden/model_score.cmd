# A tokenizer for a model of 257 entries; scores of the base, and under an adapter of weight 0.
a=$FIXTURES/models/llama_tied/adapters/a1
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} .
prime model train-tokenizer --vocab-size 257 --out . $FIXTURES/tok/tiny.txt -q
cat >rows.jsonl <<'X'
{"prompt":"the cat ","answer":"sat on the mat"}

{"id":"b","prompt":"the cat ","answer":"sat"}
{"id":7,"prompt":"","answer":"x"}
{"id":"none","prompt":"nothing","answer":""}
X
# Three decimals: float32 sums differ in the seventh digit between processors.
short() { awk -F, 'NR > 1 { $3 = sprintf("%.3f", $3); $4 = $4 == "" ? "" : sprintf("%.3f", $4) } { print $1, $2, $3, $4 }'; }
prime model score . rows.jsonl | head -1
prime model score . rows.jsonl | short
prime model score . --eos <rows.jsonl | short
prime model score . rows.jsonl -a $a=0 | short
prime model score . rows.jsonl -a $a | short
prime model generate . rows.jsonl --max-new 6
prime model generate . --max-new 6 -a $a <rows.jsonl
# Drawn: nearly cold draws are the greedy ones, the seed decides, and threads do not.
prime model generate . rows.jsonl --max-new 6 >greedy
prime model generate . rows.jsonl --max-new 6 --temperature 0.0001 | cmp - greedy && echo same
prime model generate . rows.jsonl --max-new 6 -t 2 --top-k 1 | cmp - greedy && echo same
prime model generate . rows.jsonl -t 1 --top-p 0.9 --seed 5 --threads 1 >one
prime model generate . rows.jsonl -t 1 --top-p 0.9 --seed 5 --threads 3 | cmp - one && echo same
prime model generate . rows.jsonl -t 1 --top-p 0.9 --seed 6 | cmp -s - one || echo other
prime model generate . rows.jsonl --top-p 0.9; echo $?
prime model info . | sed -n '1,3p;/tokenizer/p'
prime model info . --json | sed -n '1,3p;/tokenizer/p'
rm -f *
