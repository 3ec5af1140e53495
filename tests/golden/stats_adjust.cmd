cut -d, -f1 "$FIXTURES/ref/num/p_adjust_R.csv" | head -n 6 >p.csv
for method in bonferroni holm hochberg hommel bh by; do
    prime stats adjust p.csv --method $method
done
rm p.csv
