cd $FIXTURES/malformed/adapter
for d in */; do
    prime adapter norms ${d%/} --model ../../models/llama_gqa 2>&1 | head -1
    [ "${PIPESTATUS[0]}" = 1 ] || echo "(loads)"
done
