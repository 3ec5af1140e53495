# No text of a record is in anything that a run writes, adapters apart; only --show-text shows one.
. $GOLDEN/in/small_audit.sh
rm -r d
prime data synth --seed 3 --users 20 --records 16 --canaries 1 --out d -q
sweep() { prime sweep a.yaml -q --out run --set task=synth_headline --set base=$FIXTURES/base --set search.score=likelihood \
    --set evolve.budget=2 --set targets.count=1 --set anchors.pool=3 --set utility.records=1 --set search.records=2 --set attack.members=2 --set attack.heldout=2 --set adapter.epochs=1 \
    --set utility.score=generate --set methods=base,anchor,uniform,malicious,evolved,loo "$@"; }
sweep --set attack.methods=all --set attack.texts=lowercase,prefix,neighbour --set attack.shots=2 --set attack.signals=true \
    --set attack.counts=others --set attack.people=true --set attack.canaries=20 --set attack.malicious=8 \
    --set lambda=0 >out 2>err
echo "exit $?"
prime report run --format csv,html,json,markdown,junit,sarif >>out 2>>err
# Planted secrets and whole answers and questions, as the dataset has them: they are there, and not in the run.
tail -n +2 d/canaries.csv | cut -d, -f3 >secrets
grep -o '"output": "[^"\\]*' d/synth_headline.jsonl | cut -d'"' -f4 | awk 'length($0) > 12' >answers
grep -o '"input": "[^"\\]*' d/synth_headline.jsonl | cut -d'"' -f4 | cut -c1-40 >questions
wc -l secrets answers questions | awk '{ print ($1 > 9), $2 }'
for what in secrets answers questions; do
    echo "$what: $(grep -r -a -l -F -f $what d | wc -l | awk '{ print ($1 > 0) }') of the data," \
        "$(find run -type f -not -path '*/adapters/*' -print0 | xargs -0 grep -a -l -F -f $what | wc -l) files of the run," \
        "$(cat out err | grep -c -a -F -f $what) lines of output"
done
find run -type f -not -path '*/adapters/*' | grep -c -e csv -e html -e sarif -e ledger -e signals | awk '{ print ($1 > 5) }'
f=$(ls run/signals/synth_headline/uniform.* | head -1)
prime attack score --from $f --attack loss | grep -c -F -f answers
prime attack score --from $f --attack loss --show-text --data d --task synth_headline >shown
head -1 shown
echo "$(grep -c -F -f answers shown) of $(($(wc -l <shown) - 1))" | awk '{ print ($1 == $3) }'
fails() { prime attack score --from $f --attack loss "$@" && echo "no failure: $*"; echo "exit $?"; }
fails --show-text
fails --data d --task synth_headline
fails --show-text --data d --task synth_headlin
prime data synth --seed 4 --users 20 --records 16 --out other --salt other -q
fails --show-text --data other --task synth_headline 2>&1 | sed "s/'[^']*' of '[^']*'/R of U/"
rm -r d b other run a.yaml out err secrets answers questions shown
