printf 'gold,prediction\n5,4\n2,great\n3, 3\n' >pairs.csv
prime metric lamp --task LaMP_3 pairs.csv
printf 'prediction,gold\n[1],[1]\n[2],[1]\n' | prime metric lamp --task LaMP_1 -
