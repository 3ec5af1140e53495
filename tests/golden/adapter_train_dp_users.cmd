# One adapter of several people of the invented package lists, each of them protected with all of their records.
set -e
prime data debian --lists $FIXTURES/debian_lists --out data --min-records 4 -q
mkdir base
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} base
prime model train-tokenizer --vocab-size 257 --out base $FIXTURES/tok/tiny.txt -q
: >base/users.txt
echo "{\"salt_id\":\"$(sed -n 's/.*"salt_id": *"\([0-9a-f]*\)".*/\1/p' data/dataset.json | head -1)\"}" >base/recipe.json
ids=$(awk -F, '$2 == "audit" { print $1 }' data/users.csv | head -2 | paste -sd,)
one=${ids%%,*}
set +e
train() { prime adapter train --model base --data data --task deb_synopsis --no-provenance "$@"; }
# Without the ids, and without the losses, which rounding moves.
short() { sed 's/^"[^"]*"/PEOPLE/; s/^u[0-9a-f]*,/PERSON,/' | cut -d, -f1-5,11-; }
# Of two units, one a step: both take part with a chance of a half.
train --user $ids --out a --dp-sigma 2 --dp-unit user --batch 1 --epochs 5 2>&1 >a.csv | sed "s/$ids/PEOPLE/"
short <a.csv
train --user $ids --out b --dp-sigma 2 --dp-unit record --batch 1 --epochs 5 -q | short
# Without privacy, the same people.
train --user $ids --out c --epochs 1 -q | short
# Refused.
train --user $one --out d --dp-sigma 2 --dp-unit user 2>&1 | sed "s/$one/PERSON/"
train --user $ids,$one --out d --dp-sigma 2 --dp-unit user 2>&1 | sed "s/$one/PERSON/"
train --user , --out d
train --user $one --out d --dp-sigma 2 --dp-unit family
train --user $one --out d --dp-unit user
prime adapter gate --model base --data data --task deb_synopsis --user $ids c 2>&1 | sed "s/$ids/PEOPLE/"
rm -r data base
