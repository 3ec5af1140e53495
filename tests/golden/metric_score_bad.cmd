printf 'gold,prediction,bleu\na,b,1\n' >pairs.csv
prime metric score pairs.csv
prime metric score -m blue pairs.csv
prime metric score -m something pairs.csv
prime metric score -m chrf -m chrf pairs.csv
prime metric score -m bleu pairs.csv
prime metric score -m f1 --label a pairs.csv
prime metric score -m f1 --corpus pairs.csv
prime metric score -m mae pairs.csv
prime metric score -m exact --gold golden pairs.csv
printf 'gold,prediction\n' | prime metric score -m exact -
