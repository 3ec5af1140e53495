# A tokenizer of the SentencePiece kind: ids, records with tokens and places, the template, and back again.
printf 'The merged adapters\n caf\303\251 <|end|>  x\n' >in
prime model tokenize "$FIXTURES/tok/pieces" in
prime model tokenize --template "$FIXTURES/tok/pieces" in
prime model tokenize --template --json "$FIXTURES/tok/pieces" in
prime model tokenize --json --template "$FIXTURES/tok/pieces" in | prime model detokenize --skip-special "$FIXTURES/tok/pieces"
prime model tokenize --plain "$FIXTURES/tok/pieces" in | prime model detokenize --json "$FIXTURES/tok/pieces"
