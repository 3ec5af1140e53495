# A dataset that was cut off or changed is noticed before anything is trained on it.
cp -r $FIXTURES/models/llama_tied base
prime model train-tokenizer --vocab-size 257 --out base $FIXTURES/tok/tiny.txt -q
prime data synth --seed 3 --users 2 --records 8 --out good -q
u=$(sed -n '2s/,.*//p' good/users.csv)
try() { prime adapter train --model base --data d --task synth_tweet --user $u --out o -q; echo "exit $?"; rm -rf d; }
fresh() { cp -r good d; }
fresh; rm d/dataset.json; try
fresh; rm d/users.csv; try
fresh; rm d/synth_tweet.jsonl; try
fresh; head -c 300 good/synth_tweet.jsonl >d/synth_tweet.jsonl; try
fresh; sed -i '$d' d/synth_tweet.jsonl; try
fresh; sed -i '2s/"output"/"outputs"/' d/synth_tweet.jsonl; try
fresh; sed -i '1s/"history"/"future"/' d/synth_tweet.jsonl; try
fresh; sed -i '1p' d/synth_tweet.jsonl; try
fresh; : >d/synth_tweet.jsonl; try
fresh; printf '\0' >>d/synth_tweet.jsonl; try
fresh; sed -i 's/"version": 1/"version": 9/' d/dataset.json; try
fresh; sed -i "2s/^$u/u0/" d/users.csv; try
fresh; echo x >d/dataset.json; try
rm -r base good
