sed 1s/user/cluster/ "$FIXTURES/ref/num/clustered_scores.csv" >scores.csv
prime stats permutation scores.csv
for test in users records; do
    prime stats permutation --test $test scores.csv | tail -n 1
done
# the same people on both sides
awk -F, 'NR == 1 { print } NR > 1 { print $1 "," $2 "," $3 % 6 }' scores.csv | prime stats permutation -
cut -d, -f1,2 scores.csv | prime stats permutation - | tail -n 1
# too many arrangements for the exact test
awk 'BEGIN { print "label,score,cluster"; for (i = 0; i < 40; i++) print i % 2 "," (i * 37) % 41 + 4 * (i % 2) "," i }' |
    prime stats permutation --reps 2000 --seed 9 - | tail -n 1
prime stats permutation --test within scores.csv
rm scores.csv
