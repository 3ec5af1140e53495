# What a tokenizer cannot be read for is said in one sentence.
mkdir spm old
echo x >spm/tokenizer.model
echo '{}' >old/vocab.json
cp "$FIXTURES/malformed/tokenizer/pieces_unigram.json" "$FIXTURES/malformed/tokenizer/pieces_precompiled.json" .
for d in spm old pieces_unigram.json pieces_precompiled.json; do
    echo a | prime model tokenize "$d"
    echo "exit $?"
done
