printf 'task: synth_tag\ndata: d\nbase: b\nadapt: {records: 0}\n' >a.yaml
prime sweep a.yaml --out run -q
prime data synth --seed 3 --users 6 --records 8 --out d -q
prime sweep a.yaml --out run -q
cp -r "$FIXTURES/models/llama_tied" b
chmod -R u+w b
prime sweep a.yaml --out run -q
cp "$FIXTURES/tok/tiny/tokenizer.json" b
prime sweep a.yaml --out run -q
head -c 1000 d/synth_tag.jsonl >cut && mv cut d/synth_tag.jsonl
prime sweep a.yaml --out run -q
rm -r d
prime data synth --seed 3 --users 6 --records 8 --out d -q
head -c 100000 b/model.safetensors >cut && mv cut b/model.safetensors
prime sweep a.yaml --out run -q
prime sweep a.yaml --out run --resume -q
rm -r b d
