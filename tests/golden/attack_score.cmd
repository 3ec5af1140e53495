# Token signals of the base and under an adapter, and the scores that they allow.
a=$FIXTURES/models/llama_tied/adapters/a1
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} .
prime model train-tokenizer --vocab-size 257 --out . $FIXTURES/tok/tiny.txt -q
cat >rows.jsonl <<'X'
{"id":"r1","unit":"u1","label":1,"prompt":"the cat ","answer":"sat on the mat"}
{"id":"r2","unit":"u1","label":0,"prompt":"the cat ","answer":"ran"}
{"id":"r3","prompt":"a dog ","answer":"sat there"}
X
short() { awk -F, -v OFS=, 'NR > 1 { $5 = sprintf("%.3f", $5) } { print }'; }
prime model score . rows.jsonl | cut -d, -f1-2
prime model score . rows.jsonl --signals base.st | cut -d, -f1-2
prime model score . rows.jsonl -a $a=1 --signals merge.st >/dev/null
prime attack score --from merge.st | short
prime attack score --from merge.st --ref base.st --loo base.st --attack ref,ref_loo,ez_mia | short
# The file holds neither prompts nor answers.
grep -c -a -e 'the cat' -e 'sat' -e 'a dog' base.st
fails() { prime attack score "$@" && echo "no failure: $*"; echo "exit $?"; }
fails
fails --from nowhere.st
fails --from rows.jsonl
fails --from merge.st --attack ref
fails --from merge.st --attack lire
fails --from merge.st --attack lira
fails --from merge.st --attack loss,loss
fails --from merge.st --attack ,
head -n 2 rows.jsonl | prime model score . - --signals two.st >/dev/null
fails --from merge.st --ref two.st
echo '{"id":"two words","prompt":"a","answer":"b"}' | prime model score . --signals bad.st; echo $?
echo '{"label":2,"prompt":"a","answer":"b"}' | prime model score . --signals bad.st; echo $?
echo '{"unit":2,"prompt":"a","answer":"b"}' | prime model score . --signals bad.st; echo $?
rm -f *
