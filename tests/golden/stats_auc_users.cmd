sed 1s/user/cluster/ "$FIXTURES/ref/num/clustered_scores.csv" >scores.csv
prime stats auc scores.csv
prime stats auc --ci delong scores.csv | head -n 2
prime stats auc --ci bootstrap --seed 4 scores.csv | head -n 2
rm scores.csv
