# LiRA, RMIA and the quantile attack from tables; known answers of other programs in fixtures/ref/attack.
ref=$FIXTURES/ref/attack
# numbers KEY FILE - the numbers of an entry of a JSON file, in order, one a line.
numbers() { awk -v key="\"$1\"" 'index($0, key) == 2 { on = 1; next } on && /^ "/ { exit } on && /[0-9]/ { gsub(/[ ,\]]/, ""); print }' $ref/$2; }
# near WANT GOT - whether two lists agree.
near() { paste "$1" "$2" | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > m) m = d } END { print NR, (m < 1e-9) }'; }
{
    echo record,role,phi
    paste -d' ' <(numbers 'scores[model][example][query]' lira.json) \
        <(numbers 'keep[model][example]' lira.json | sed p) |
        awk '{ i = (NR - 1) % 24; m = int((NR - 1) / 24); print "r" i "," (m == 16 ? "target" : $2 ? "in" : "out") "," $1 }'
} >lira.csv
# pairs NAME - other programs average over the two queries, and turn the sign.
pairs() { awk -F, -v n=$1 '$4 == n { if (++k % 2) s = $5; else printf "%.12g\n", -(s + $5) / 2 }'; }
prime attack lira lira.csv | pairs lira >got
numbers plot.py_online_fix0 lira.json >want
near want got
prime attack lira lira.csv --pooled | pairs lira >got
numbers advanced_mia.compute_score_lira_both_median_fix1 lira.json >want
near want got
printf 'record,role,logp,unit,label\na,target,-0.25,u,1\na,out,-1,u,1\na,out,-2,u,1\na,out,-4,u,1\n' >off.csv
prime attack lira off.csv
prime attack lira off.csv --json | tr -d ' \n' && echo
{
    echo record,set,role,logp
    paste -d' ' <(numbers 'all_signals[x][model]' rmia.json) <(numbers 'memberships[x][model]' rmia.json) |
        awk '{ m = (NR - 1) % 6; i = int((NR - 1) / 6)
               if (m != 1) printf "x%d,record,%s,%.17g\n", i, m == 0 ? "target" : $2 ? "in" : "out", log($1) }'
    numbers 'population_signals[z][model]' rmia.json |
        awk '{ m = (NR - 1) % 6; i = int((NR - 1) / 6)
               if (m != 1) printf "z%d,population,%s,%.17g\n", i, m == 0 ? "target" : "out", log($1) }'
} >rmia.csv
for gamma in 1 2; do
    prime attack rmia rmia.csv --gamma $gamma | awk -F, '$4 == "rmia" { print $5 }' >got
    numbers "own_online $([ $gamma = 1 ] && echo '(p(x)=mean over all refs) ')gamma=$gamma, >=" rmia.json >want
    near want got
done
printf '%s\n' record,set,role,logp a,record,target,-1 a,record,out,-2 z,population,target,-1 z,population,out,-1.5 >small.csv
prime attack rmia small.csv --offset 1
# Ten people; scores are twice the length for everybody, members have more.
{
    echo record,unit,label,score,length
    for i in $(seq 40); do echo "r$i,u$((i % 10)),$((i > 20)),$((2 * i % 7 + (i > 20) * 3)).5,$((i % 7))"; done
} >q.csv
prime attack quantile q.csv --features length --tau 0.5 --seed 3 >got
head -4 got | awk -F, -v OFS=, 'NR > 1 { $5 = sprintf("%.4f", $5 * $5) } { print }'
awk -F, 'NR > 1 { s[$3] += $5; n[$3]++ } END { print (s[1] / n[1] > s[0] / n[0]) }' got
fails() { "$@" && echo "no failure: $*"; echo "exit $?"; }
fails prime attack quantile q.csv
fails prime attack quantile q.csv --features lenght
fails prime attack quantile q.csv --features length --tau 2
sed 's/,out,/,off,/' off.csv | fails prime attack lira -
sed '/target/d' off.csv | fails prime attack lira -
sed 's/,out,/,in,/' off.csv | fails prime attack lira -
sed 's/-0.25/0/' off.csv | fails prime attack lira -
fails prime attack lira off.csv --pooled
grep -v population small.csv | fails prime attack rmia -
sed 's/z,population,out/z,record,out/' small.csv | fails prime attack rmia -
sed 's/-1.5/1.5/' small.csv | fails prime attack rmia -
printf 'record,role,phi\n' | fails prime attack lira -
printf 'record,role,phi\n,out,1\n' | fails prime attack lira -
rm *.csv got want
