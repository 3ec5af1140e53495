# What a folder holds, for every family; the keys that had no say; how weights may be held.
for m in llama_gqa mistral_swa qwen2 qwen3 gpt2 gemma3; do
    echo "== $m"
    prime model info $FIXTURES/models/$m | tail -n +2
done
prime model info $FIXTURES/models/gpt2 --weights f32 -q | grep parameters
prime model info $FIXTURES/models/gpt2 --json -q | head -4
prime model info $FIXTURES/models/gpt2 -v 2>&1 >/dev/null | sed 's/.*models/models/'
prime model info $FIXTURES/models/gpt2 --weights f16
sed 's/"n_ctx"/"n_secret"/' $FIXTURES/models/gpt2/config.json >config.json
cp $FIXTURES/models/gpt2/model.safetensors .
prime model info .
prime model info . --unknown-keys | grep -o n_secret
prime list architecture
