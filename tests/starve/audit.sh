# audit.sh - sourced by the cases of audits: the data and the base of a small one, a.yaml, and what runs it.
prime data synth --seed 3 --users 16 --records 20 --out d -q
mkdir b
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} b
sed -i s/_embeddings\":\ 128/_embeddings\":\ 512/ b/config.json
prime model train-tokenizer --vocab-size 257 --out b $FIXTURES/tok/tiny.txt -q
touch b/users.txt
cat >a.yaml <<END
question: x
task: synth_tag
data: d
base: b
seeds: [1]
lambda: [0.5]
methods: [uniform, evolved]
targets: {count: 1, min_search: 2, min_query: 2}
anchors: {pool: 4, per_target: 2, min_history: 4, min_heldout: 3}
adapt: {records: 0}
adapter: {rank: 1, alpha: 1, lr: 0.5, epochs: 1}
evolve: {budget: 2, popsize: 2}
search: {records: 2, members: 2, heldout: 1, score: labels}
utility: {records: 1, score: labels}
perpcs: {topk: 2, steps: 1}
attack: {members: 2, heldout: 2}
END
# audit NAME CHANGES... - the training of an audit with these changes, then its cells.
audit() {
    local set=("${@:2}") name=$1
    set=("${set[@]/#/--set=}")
    starve sweep a.yaml --out $name --train-only "${set[@]}"
    prime sweep a.yaml --out $name --train-only "${set[@]}" -q >/dev/null
    starve sweep a.yaml --out $name --resume "${set[@]}"
    rm -r $name
}
