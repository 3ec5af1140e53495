awk -F, 'NR == 1 { print "label,score" } $1 == "ties_nonconvex" { print $2 "," $3 }' \
    "$FIXTURES/ref/num/score_arrays.csv" >scores.csv
prime stats roc scores.csv
awk -F, 'NR == 1 { print "label,score" } $1 == "rounded_ties" { print $2 "," $3 }' \
    "$FIXTURES/ref/num/score_arrays.csv" >scores.csv
prime stats auc --max-fpr 0.1 - <scores.csv | tail -n 2
sed 1s/user/cluster/ "$FIXTURES/ref/num/clustered_scores.csv" >scores.csv
prime stats auc --ci bca --seed 4 --reps 500 scores.csv | head -n 3
rm scores.csv
