# Gates of three invented people's adapters, and adapters for a fourth from them; a small model with random weights.
set -e
prime data synth --seed 3 --users 4 --records 12 --base 0 --out data -q
mkdir base
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} base
prime model train-tokenizer --vocab-size 257 --out base $FIXTURES/tok/tiny.txt -q
: >base/users.txt
ids=($(awk -F, '$2 == "audit" { print $1 }' data/users.csv))
set +e
on() { verb=$1; shift; prime adapter $verb --model base --data data --task synth_tag --no-provenance "$@"; }
# Losses before training to three decimals, and whether they are lower after it: masks and rounding may change.
short() {
    awk -F, 'NR > 1 { $7 = $7 < $6 ? "lower" : "not lower"; $9 = $9 < $8 ? "lower" : "not lower"
                      $6 = sprintf("%.3f", $6); $8 = sprintf("%.3f", $8) } { print }'
}
three() { awk -F, 'NR > 1 { $3 = sprintf("%.3f", $3) } { print }'; }
for i in 0 1 2; do
    on train --user ${ids[i]} --out a$i --epochs 4 --lr 0.02 | short
    on gate a$i --user ${ids[i]} --steps 12 --lr 0.02 --preset prime | short
done
# A module's own anchor for each, then shares of two.
on assemble a0 a1 a2 --user ${ids[3]} --out one --batch 2 | three
on assemble a0 a1 a2 --user ${ids[3]} --out two -k 2 --recent 4 --batch 2 | three | grep -v 'weight layer'
# The same command gives the same bytes, with more threads too; it is a merge like others.
on assemble a0 a1 a2 --user ${ids[3]} --out again -k 2 --recent 4 --batch 2 --threads 3 >/dev/null
cmp two/adapter_model.safetensors again/adapter_model.safetensors && echo same
on assemble a1 --user ${ids[3]} --out a1again >/dev/null
cmp a1/adapter_model.safetensors a1again/adapter_model.safetensors && echo one anchor
prime adapter info two --model base | grep -v '^norm'
# As they were published: few steps of 2e-5.
on gate a0 --user ${ids[0]} --preset prime | cut -d, -f1-5
# What is refused.
on gate
on gate a0
on gate a0 --user ${ids[0]} --preset own
on gate nowhere --user ${ids[0]}
on gate a0 --user u000000000000
on gate a0 --user ${ids[0]} --steps 0
on assemble a0 a1 --user ${ids[3]}
on assemble --user ${ids[3]} --out x
on assemble a0 a1 --user ${ids[3]} --out x -k 3
on assemble a0 a1 --user ${ids[3]} --out x --shared 0.4
on assemble a0 one --user ${ids[3]} --out x
on train --user ${ids[1]} --out r --rank 4 --epochs 1 >/dev/null
on assemble a0 r --user ${ids[3]} --out x
on gate r --user ${ids[1]} --steps 1 >/dev/null
on assemble a0 r --user ${ids[3]} --out x
on train --user ${ids[1]} --out q --modules q --epochs 1 >/dev/null
cp a0/gate.safetensors q
on assemble q --user ${ids[3]} --out x
rm -r data base
