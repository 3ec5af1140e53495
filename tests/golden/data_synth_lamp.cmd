prime data synth --layout lamp --seed 3 --users 2 --records 4 --base 0.5 --out d
for t in 1 2M 2N 3 4 5 6 7; do head -n 1 d/LaMP_$t.jsonl; grep '"query"' d/LaMP_$t.jsonl | head -n 1; done
head -n 8 d/profiles.jsonl
prime data info d | grep -E ',(check|users),'
prime data synth --layout lump --out d
