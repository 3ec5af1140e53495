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
prime model score . rows.jsonl --json | sed 's/\(\.[0-9][0-9]\)[0-9]*/\1/g'
# "er" is one token: where it holds the boundary it is the answer's, and that is said.
printf '{"prompt":"the e","answer":"r"}\n{"prompt":"the er","answer":"r"}\n' >edge.jsonl
prime model score . edge.jsonl | short
prime model score . edge.jsonl --json | sed 's/"nll.*"str/... "str/'
prime model info . | sed -n '1,3p;/tokenizer/p'
prime model info . --json | sed -n '1,3p;/tokenizer/p'
rm -f *
