# A sweep is told to stop, and carried on; while it runs, nobody else gets at its folder. The model has random weights.
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
evolve: {budget: 60, popsize: 4}
search: {records: 4, score: labels}
utility: {records: 4, score: labels}
END
set -m # so that jobs in the background heed SIGINT
# begin FOLDER... - a sweep in the background that has its first cell.
begin() {
    : >err
    prime sweep a.yaml --out "$@" >/dev/null 2>err &
    until grep -q '^1/12' err || ! kill -0 $!; do sleep 0.02; done
}
sweep() { prime sweep a.yaml -q --out "$@" >/dev/null; echo "exit $?"; }
begin run
sweep run
sweep run --resume
kill -INT %%
wait %% && echo 'not stopped'
echo "exit $?"
grep -v '^[0-9]*/12' err
begin run --resume
kill -TERM %%
wait %% && echo 'not stopped'
echo "exit $?"
begin run --resume
kill -TERM %% && kill -INT %%
wait %% 2>/dev/null
[ $? -gt 128 ] && echo 'ended by the second signal'
sweep run --resume
sweep whole
for f in run/*.csv; do cmp $f whole/${f#run/}; done
sweep run
rm -r d b run whole a.yaml err
