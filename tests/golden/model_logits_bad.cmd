m=$FIXTURES/models/llama_gqa
prime model logits $m; echo $?
prime model logits $m --ids nowhere.json --out o.st; echo $?
echo '[[1,2],[3,131]]' >ids.json
prime model logits $m --ids ids.json --out o.st; echo $?
echo '[[1,2],[3,"x"]]' >ids.json
prime model logits $m --ids ids.json --out o.st; echo $?
echo '[[1,2],[]]' >ids.json
prime model logits $m --ids ids.json --out o.st; echo $?
echo '{"ids":[1]}' >ids.json
prime model logits $m --ids ids.json --out o.st; echo $?
echo '[]' >ids.json
prime model logits $m --ids ids.json --out o.st; echo $?
echo '[[1' >ids.json
prime model logits $m --ids ids.json --out o.st; echo $?
(printf '[['; for i in $(seq 512); do printf '1,'; done; echo '1]]') >ids.json
prime model logits $m --ids ids.json --out o.st; echo $?
echo '[[1,2]]' >ids.json
prime model logits $m --ids ids.json --out no/folder/o.st; echo $?
prime model logits $m --ids ids.json --out o.st --adapter $m/adapters/a1=heavy 2>&1 | sed "s,$m,MODEL,"
prime model logits $m --ids ids.json --out o.st --adapter $m/adapters/a9 2>&1 | sed "s,$m,MODEL,"
prime model logits $m --ids ids.json --out o.st --adapter $FIXTURES/models/llama_tied/adapters/a1 2>&1 | sed "s,$FIXTURES,FIXTURES,"
rm ids.json
