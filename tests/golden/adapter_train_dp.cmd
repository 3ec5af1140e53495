# A person of the invented package lists, trained with differential privacy of one record.
set -e
prime data debian --lists $FIXTURES/debian_lists --out data --min-records 4 -q
mkdir base
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} base
prime model train-tokenizer --vocab-size 257 --out base $FIXTURES/tok/tiny.txt -q
: >base/users.txt
echo "{\"salt_id\":\"$(sed -n 's/.*"salt_id": *"\([0-9a-f]*\)".*/\1/p' data/dataset.json | head -1)\"}" >base/recipe.json
id=$(awk -F, '$2 == "audit" { print $1; exit }' data/users.csv)
set +e
train() { prime adapter train --model base --data data --task deb_synopsis --user $id --no-provenance "$@"; }
# Without the losses, which rounding moves.
short() { cut -d, -f1-5,11-; }
train --out a --dp-sigma 2 --batch 1 --epochs 5 | short
train --out b --dp-epsilon 3 --dp-delta 1e-3 --dp-clip 0.5 --batch 2 | short
train --out c --dp-sigma 2 --dp-accountant prv --dp-delta 0.5 | short
# The same seed gives the same bytes, another seed other ones.
train --out again --dp-sigma 2 --batch 1 --epochs 5 -q >/dev/null
cmp a/adapter_model.safetensors again/adapter_model.safetensors && echo same
train --out other --dp-sigma 2 --batch 1 --epochs 5 --seed 2 -q >/dev/null
cmp -s a/adapter_model.safetensors other/adapter_model.safetensors || echo different
# Refused.
train --out d --dp-sigma 0
train --out d --dp-sigma 1 --dp-epsilon 1
train --out d --dp-clip 1
train --out d --dp-epsilon -1
train --out d --dp-sigma 1 --dp-delta 1
train --out d --dp-sigma 1 --dp-clip 0
train --out d --dp-sigma 1 --dp-accountant gdp
train --out d --dp-sigma 1 --dp-accountant moments
rm -r data base
