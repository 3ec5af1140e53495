# Everything that is odd in one file: counted, shown, and the rest imported.
ln -s "$FIXTURES/lamp" l
prime data import --format lamp --questions l/odd_questions.json --outputs l/odd_outputs.json --out d
cat d/LaMP_4.jsonl
prime data info d | grep check
prime data import --format lamp --questions l/odd_questions.json --outputs l/odd_outputs.json --out e \
    --keep-entities --keep-shared -q
cat e/LaMP_4.jsonl
head -c 700 l/odd_questions.json >cut.json
prime data import --format lamp --questions cut.json --outputs l/odd_outputs.json --out f -q
