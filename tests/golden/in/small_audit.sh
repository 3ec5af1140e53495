# To be sourced: people that are made up, a model with random weights, and an audit of 12 cells, a.yaml.
prime data synth --seed 3 --users 20 --records 16 --out d -q
mkdir b
cp $FIXTURES/models/llama_tied/{config.json,model.safetensors} b
prime model train-tokenizer --vocab-size 257 --out b $FIXTURES/tok/tiny.txt -q
touch b/users.txt
cat >a.yaml <<END
task: synth_tag
data: d
base: b
seeds: [1]
lambda: [0, 1]
targets: {count: 2, min_search: 4, min_query: 2}
anchors: {pool: 4, per_target: 2, min_history: 4, min_heldout: 2}
adapt: {records: 0}
adapter: {rank: 2, alpha: 4, lr: 0.02, epochs: 2}
evolve: {budget: 30, popsize: 4}
search: {records: 4, score: labels}
utility: {records: 4, score: labels}
END
