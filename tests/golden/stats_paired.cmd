cat >values.csv <<'CSV'
user,method,value
ann,average,0.41
ann,ties,0.44
ann,evolved,0.52
ben,average,0.61
ben,ties,0.58
ben,evolved,0.66
cat,average,0.30
cat,average,0.34
cat,ties,0.37
cat,evolved,0.39
dan,average,0.55
dan,ties,0.55
dan,evolved,0.54
eve,average,0.48
eve,ties,0.53
eve,evolved,0.59
flo,average,0.20
flo,ties,0.26
flo,evolved,0.31
CSV
prime stats paired values.csv
prime stats paired --a evolved --b ties --level 0.9 - <values.csv
printf 'user,a,b\nann,0.52,0.41\nben,0.66,0.61\ncat,0.39,0.32\ncat,0.41,0.3\n' | prime stats paired -
prime stats friedman values.csv
prime stats friedman --posthoc wilcoxon values.csv | tail -n 3
prime stats equivalence --margin 0.02 --a evolved --b average values.csv
prime stats equivalence --margin 0.02 --a evolved --b average --lower-is-better values.csv | tail -n 1
rm values.csv
