cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} .
prime model train-tokenizer --vocab-size 257 --out . $FIXTURES/tok/tiny.txt -q
try() { prime model "$@"; echo "exit $?"; }
row() { printf "$1" >rows.jsonl; try score . rows.jsonl; }
row '{"prompt":"a","answer":"b"}\n{"prompt":"a"\n'
row '{"prompt":"a"}\n'
row '{"prompt":"a","answer":3}\n'
row '{"prompt":null,"answer":"b"}\n'
row '{"prompt":"a","answer":"b\\u0000c"}\n'
row '{"prompt":"a","answer":"\377"}\n'
row '{"prompt":"a","answer":"b","id":[1]}\n'
row '{"prompt":"a","answer":"b","id":1.5}\n'
row '[1,2]\n'
row '\n\n{"prompt":"a","prompt":"b","answer":"c"}\n'
row ''
row "{\"prompt\":\"$(printf 'x%.0s' $(seq 200))\",\"answer\":\"b\"}"
try score . nowhere.jsonl
try score
try score . a b
try generate . --max-new 0 rows.jsonl
try score . --eos --adapter nowhere rows.jsonl
printf '{"prompt":"a","answer":"b"}' >rows.jsonl
(prime model score . rows.jsonl >/dev/full; echo "exit $?")
# A model without a token to begin with wants a prompt; without an end token it cannot count one.
sed -i '/bos_token_id/d;/eos_token_id/d' config.json
row '{"prompt":"","answer":"b"}\n'
row '{"prompt":"e","answer":"r"}\n'
try score . --eos rows.jsonl
# Tokenizers: too large for the model, cut short, missing.
prime model train-tokenizer --vocab-size 258 --out . $FIXTURES/tok/tiny.txt -q
try score . rows.jsonl
head -c 400 tokenizer.json >cut && mv cut tokenizer.json
try generate . rows.jsonl
try info . | tail -1
rm tokenizer.json
try generate . rows.jsonl
rm -f *.json* *.safetensors
