# Rows of JSON, the text in a field of another name.
printf '{"body": "aaab", "n": 1}\n\n{"body": "aaab"}\n' >rows.jsonl
prime model train-tokenizer --vocab-size 400 --field body --out t rows.jsonl
echo 'aaab' | prime model tokenize t
