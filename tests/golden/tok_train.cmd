# Learn a tokenizer and use it in both directions.
prime model train-tokenizer --vocab-size 300 --special '<|end|>' --special '<|pad|>' --out t "$FIXTURES/tok/tiny.txt"
cmp t/tokenizer.json "$FIXTURES/tok/tiny/tokenizer.json" && echo same
printf 'The merged counts of 2024.\n\n<|end|>x' | prime model tokenize t | tee ids
prime model detokenize t ids
prime model detokenize --skip-special t ids
