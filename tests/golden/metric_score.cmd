cat >pairs.csv <<'END'
id,gold,prediction
1,"sort long lists, by several keys","sort lists, by one key"
2,4,5
3,old mail,
END
prime metric score --metric bleu --metric chrf -m meteor_exact -m exact pairs.csv
prime metric score --metric bleu --metric chrf -m meteor_exact -m exact --corpus pairs.csv
printf 'g,p\n4,5\n1,3\n' >stars.csv
prime metric score -m rmse -m mae --gold g --prediction p stars.csv
prime metric score -m rmse -m mae --gold g --prediction p --corpus stars.csv
prime metric score -m accuracy -m f1 --label 4 --label 1 --label 3 --gold g --prediction p --corpus stars.csv
