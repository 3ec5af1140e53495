# What is missing or cannot be, of commands that other tests run as they should be.
fails() { prime "$@" && echo "no failure: $*"; echo "exit $?"; }
fails data synth
fails data synth --out d --write csv
fails data plant d
fails model pretrain --data d
fails model evaluate b --task synth_tag
fails model generate
fails validate
fails validate a.yaml b.yaml
fails sweep
fails plan
fails help --man soup
fails help --completion zsh
fails help soup
fails list soup
fails report run --min-group 3
fails baseline update
fails merge-ledgers out
fails adapter merge a --out
fails attack source -
echo '5' >ids.json
fails model logits $FIXTURES/models/llama_gqa --ids ids.json --out o.st 2>&1 | sed "s,$FIXTURES,FIXTURES,g"
echo '[5]' >ids.json
fails model logits $FIXTURES/models/llama_gqa --ids ids.json --out o.st
printf 'unit,label,a\nx,0,1\n' >d.csv
fails attack dataset d.csv --features $(seq -s, 65 | sed 's/[0-9]*/a/g')
# Adapters of other modules.
m=$FIXTURES/models/llama_gqa a=$FIXTURES/models/llama_gqa/adapters
fails attack subspace $a/a1 $FIXTURES/models/llama_tied/adapters/a1 2>&1 | sed "s,$FIXTURES,FIXTURES,g"
PRIME_MAT=blis fails version
fails version --memory lots
fails version --memory 0
fails version --threads 0
fails version --seed -1
rm ids.json d.csv
