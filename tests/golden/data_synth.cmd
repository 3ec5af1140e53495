prime data synth --seed 3 --users 3 --records 8 --base 0.4 --canaries 2 --out d
cat d/users.csv d/canaries.csv
head -n 2 d/synth_headline.jsonl
prime data info d
prime data info d --json | head -n 9
