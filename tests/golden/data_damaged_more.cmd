# A dataset that says of itself what is not so, and ids that no dataset has.
prime data synth --seed 3 --users 2 --records 8 --out good -q
u=$(sed -n '2s/,.*//p' good/users.csv) r=$(sed -n '1s/.*"id": "\([^"]*\)".*/\1/p' good/synth_tag.jsonl)
fresh() { rm -rf d x && cp -r good d; }
info() { prime data info d 2>&1 >/dev/null | sed "s/$u/USER/g; s/$r/RECORD/g"; echo "exit ${PIPESTATUS[0]}"; }
split() { prime data split d --out x -q 2>&1 | sed "s/$u/USER/g; s/$r/RECORD/g"; echo "exit ${PIPESTATUS[0]}"; }
fresh; sed -i 's/^      "users": 2/      "users": 3/' d/dataset.json; info
fresh; sed -i '0,/"name": "synth_tag"/s//"nome": "synth_tag"/' d/dataset.json; info
fresh; sed -i '/"boats"/,/"stars"/d; s/"gardens",/"gardens"/; /"wool"/d' d/dataset.json; info
fresh; sed -i 's/"synth_tag"/"my_tag"/' d/dataset.json; mv d/synth_tag.jsonl d/my_tag.jsonl; info
fresh; sed -i '1s/"input": "/&\\u0000/' d/synth_tag.jsonl; info
fresh; sed -i '1s/"output": "[^"]*"/"output": "iron"/' d/synth_tag.jsonl; info
fresh; sed -i "s/$u/${u}00/g" d/users.csv d/*.jsonl; split
fresh; sed -i "s/$r/${r}00/g" d/*.jsonl; split
fresh; awk '/"tasks": \[/ { print "  \"tasks\": []\n}"; exit } { print }' good/dataset.json >d/dataset.json; split
# The same text in two splits.
fresh; t=$(sed -n '/"heldout"/s/.*\("input": .*\)/\1/p' d/synth_tag.jsonl | head -1)
sed -i "1s/\"input\": .*/$t/" d/synth_tag.jsonl; info
prime data debian --out 'd"q' 2>&1 | sed 's,/.*/dir/,,'
prime data synth --write lamp --canaries 2 --out x
prime data synth --users 1 --records 1 --out x
rm -rf good d x 'd"q'
