# Each damaged model folder: one sentence that names the file, and exit code 1.
cd $FIXTURES/malformed/model
for d in */; do
    prime model info ${d%/} 2>&1 | head -1
    [ "${PIPESTATUS[0]}" = 1 ] || echo "(loads)"
done
# The same folder is refused by every command that loads it.
for verb in "score missing_tensor" "generate missing_tensor" "logits missing_tensor --ids none --out none"; do
    prime model $verb </dev/null
    echo $?
done
