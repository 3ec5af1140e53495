# People who cannot be what an audit asks for, and audits that have nobody.
. $GOLDEN/in/small_audit.sh
ids=($(awk -F, '$2 == "audit" { print $1 }' d/users.csv))
base=$(awk -F, '$2 == "base" { print $1; exit }' d/users.csv)
hide() { sed "s/${ids[0]}/ONE/g; s/${ids[1]}/TWO/g; s/$base/BASE/g"; }
try() { prime sweep a.yaml -q --out run "$@" 2>&1 >/dev/null | hide; echo "exit ${PIPESTATUS[0]}"; rm -rf run; }
try --set targets.users=${ids[0]} --set targets.count=1 --set anchors.users=${ids[0]},${ids[1]}
try --set anchors.users=${ids[0]}
try --set targets.users=nobody --set targets.count=1
try --set anchors.min_history=1000
try --set anchors.pool=19
try --set methods=random-anchors,evolved --set anchors.pool=2
try --set attack.shadows=2
try --set attack.texts=prefix --set attack.shots=64
try --set methods=base,anchor,uniform,malicious --set adapter.lr=0 --set attack.malicious=8
# Shares of a person's records that leave nothing for a part of them: who has nothing in $3.
bare() {
    rm -rf bare && prime data synth --seed 3 --users 20 --records 16 --history $1 --query $2 --out bare -q
    who=$(awk -F, 'NR > 1 { print $1 }' bare/users.csv | grep -vFf <(grep "\"$3\"" bare/synth_tag.jsonl | cut -d'"' -f8) | head -1)
}
bare 0.74 0.25 heldout
try --set data=bare --set targets.users=$(grep '"query"' bare/synth_tag.jsonl | grep -v $who | cut -d'"' -f8 | tail -1) --set targets.count=1 \
    --set anchors.users=$who,$(sed -n 3p bare/users.csv | cut -d, -f1) | sed "s/$who/THREE/"
bare 0.74 0.01 query
try --set data=bare --set targets.users=$who --set targets.count=1 | sed "s/$who/THREE/"
bare 0.01 0.74 history
prime adapter train --model b --data bare --task synth_tag --user $who --out x 2>&1 | sed "s/$who/THREE/"
prime model evaluate b --data d --task synth_tog; echo "exit $?"
# Planted secrets whose records are gone.
prime data synth --seed 3 --users 20 --records 16 --canaries 1 --out c -q
sed -i '2,$s/,r[0-9a-f]*,/,r0,/; 2,$s/,r[0-9a-f]*$/,r0/' c/canaries.csv
try --set base=$FIXTURES/base --set data=c --set task=synth_headline --set search.score=likelihood --set utility.score=generate --set attack.canaries=2 \
    --set evolve.budget=2 2>&1 | sed 's/of u[0-9a-f]*/of SOMEBODY/'
# A folder whose name is too long.
prime sweep a.yaml -q --out $(printf 'long/%.0s' $(seq 120)) 2>&1 | cut -c 1-60
# Nobody to learn from, and nobody to be measured on.
prime data synth --seed 3 --users 20 --records 16 --base 0 --out none -q
try --set data=none --set adapt.records=5
prime data debian --lists $FIXTURES/debian_lists --out deb --min-records 4 -q
sed -i.old 's/,base,/,audit,/' deb/users.csv
prime model pretrain --data deb --out m; echo "exit $?"
mv deb/users.csv.old deb/users.csv
prime model pretrain --data deb --out m --hidden 18 --heads 4; echo "exit $?"
# A model whose texts are too short for a description, and one that has read everybody.
cp -r b short && sed -i 's/"max_position_embeddings": *[0-9]*/"max_position_embeddings": 90/' short/config.json
try --set base=short --set context.variants=none,pag1 --set context.profiles=model
# A model that has read everybody: adapters and measures are of people whom it has not.
ids=($(awk -F, '$2 == "audit" { print $1 }' deb/users.csv))
printf '%s\n' ${ids[@]} >b/users.txt
echo "{\"salt_id\":\"$(sed -n 's/.*"salt_id": *"\([0-9a-f]*\)".*/\1/p' deb/dataset.json | head -1)\"}" >b/recipe.json
prime model evaluate b --data deb --task deb_synopsis; echo "exit $?"
prime adapter train --model b --data deb --task deb_synopsis --user ${ids[0]} --out x 2>&1 | hide
rm b/users.txt
# Adapters of modules that are not the same.
for m in q k; do prime adapter train --model b --data d --task synth_tag --user $(sed -n 2p d/users.csv | cut -d, -f1) --epochs 1 --modules $m --out $m -q >/dev/null 2>&1; done
prime attack subspace q k --model b
prime adapter train --model b --data none --task synth_tag --user nobody --out x
prime adapter train --model b --data none --task synth_tag --user , --out x
rm -rf q k d b c bare none deb short a.yaml m x
