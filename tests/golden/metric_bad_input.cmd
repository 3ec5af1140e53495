printf 'target,predicted\na,b\n' >pairs.csv
prime metric rouge pairs.csv
prime metric lamp --task LaMP_2 pairs.csv
prime metric lamp pairs.csv
printf 'gold,prediction\n' | prime metric lamp --task LaMP_4 -
printf 'target,prediction,rouge1_p\na,b,c\n' | prime metric rouge -
