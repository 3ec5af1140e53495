cut -d, -f1-3 "$FIXTURES/ref/num/asah.csv" | sed '1s/.*/label,score_a,score_b/' >scores.csv
prime stats compare scores.csv
rm scores.csv
