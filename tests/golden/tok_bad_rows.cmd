# What is wrong with a row is said with its file and line.
printf '{"text": "a"}\n{"text": 7}\n' >rows.jsonl
printf '{"text": "a"}\n{"text"\n' >cut.jsonl
printf 'a\0b' >nul.txt
: >empty.txt
for f in rows.jsonl cut.jsonl nul.txt empty.txt missing.txt; do
    prime model train-tokenizer --out t "$f"
    echo "exit $?"
done
prime model train-tokenizer --out t --vocab-size 255 rows.jsonl
prime model train-tokenizer rows.jsonl
