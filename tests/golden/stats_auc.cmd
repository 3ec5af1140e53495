awk -F, 'NR == 1 { print "label,score" } $1 == "rounded_ties" { print $2 "," $3 }' \
    "$FIXTURES/ref/num/score_arrays.csv" >scores.csv
prime stats auc scores.csv
prime stats auc --level 0.9 - <scores.csv | head -n 2
rm scores.csv
