# A person of the invented package lists, and a small model with random weights.
set -e
prime data debian --lists $FIXTURES/debian_lists --out data --min-records 4 -q
mkdir base
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} base
prime model train-tokenizer --vocab-size 257 --out base $FIXTURES/tok/tiny.txt -q
ids=($(awk -F, '$2 == "audit" { print $1 }' data/users.csv))
set +e
train() { prime adapter train --model base --data data --task deb_synopsis --no-provenance "$@"; }
train --user ${ids[0]} --out a --modules q,x
# Losses before training to three decimals, and whether they are lower after it: masks and rounding may change.
short() {
    awk -F, 'NR > 1 { $7 = $7 < $6 ? "lower" : "not lower"; $9 = $9 < $8 ? "lower" : "not lower"
                      $6 = sprintf("%.3f", $6); $8 = sprintf("%.3f", $8) } { print }'
}
train --user ${ids[0]} --out a --epochs 3 --lr 0.01 | short
train --user ${ids[0]} --out b --preset paper --rank 2 --alpha 4 --modules q,down_proj | short
prime adapter info a --model base | grep -v '^norm'
prime adapter info b --model base | grep -v '^norm'
# The same command gives the same bytes, with more threads too.
train --user ${ids[0]} --out again --epochs 3 --lr 0.01 --threads 3 >/dev/null
cmp a/adapter_model.safetensors again/adapter_model.safetensors && echo same
# People whom the model has read are refused; so are lists that cannot be compared.
echo ${ids[0]} >base/users.txt
train --user ${ids[0]} --out c
echo "{\"salt_id\":\"$(sed -n 's/.*"salt_id": *"\([0-9a-f]*\)".*/\1/p' data/dataset.json | head -1)\"}" >base/recipe.json
train --user ${ids[0]} --out c
train --user ${ids[1]} --out c --epochs 1 | short
echo '{"salt_id":"0000000000000000"}' >base/recipe.json
train --user ${ids[1]} --out d
rm base/users.txt
train --user u000000000000 --out d
train --user ${ids[1]} --out /dev/null/d
prime adapter train --model base --data data --task synth_tweet --user x --out d
rm -r data base
