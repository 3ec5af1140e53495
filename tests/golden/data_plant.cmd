prime data synth --seed 3 --users 4 --records 20 --base 0.5 --out d -q
prime data plant d --out p --task synth_headline --canaries 2 --kind digits,random,new,like --seed 4
cat p/canaries.csv
cmp d/users.csv p/users.csv && cmp d/synth_tweet.jsonl p/synth_tweet.jsonl && echo the same
diff d/synth_headline.jsonl p/synth_headline.jsonl | grep -c '^>'
diff d/synth_headline.jsonl p/synth_headline.jsonl | sed -n 's/^> .*"output": //p'
tail -n 20 p/dataset.json
prime data info p | grep check
prime data plant p --out q --task synth_headline --canaries 2
prime data plant d --out p --task synth_headline --canaries 2
prime data plant d --out q --task synth_tag --canaries 2
prime data plant d --out q --task synth_headline --canaries 3
prime data plant d --out q --task synth_headline --canaries 12
prime data plant d --out q --task synth_headline --canaries 2 --kind words
prime data plant d --out q --task synth_headline --canaries 2 --users some
prime data plant d --out q --task synth_headline
prime data plant d --out q --task synth_headline --canaries 2 --users all -q && wc -l q/canaries.csv
