# Whose text, whose texts as a whole, and which come out again.
printf '%s\n' record,unit,logp a,u1,-3 a,u2,-1 a,u3,-2.5 b,u3,-4 b,u1,-4 b,u2,-9 >s.csv
prime attack source s.csv
{
    echo unit,label,loss,ref
    for i in $(seq 24); do echo "u1,$((i % 2)),$(((i * 7) % 11 + (i % 2) * 9)).25,$(((i * 5) % 13))"; done
    for i in $(seq 24); do echo "u2,$((i % 2)),$((((i + i % 2) * 7) % 11)).25,$((((i + i % 2) * 5) % 13))"; done
} >d.csv
prime attack dataset d.csv --features loss,ref >got
cut -d, -f1-3 got
awk -F, 'NR > 1 { print $1, ($6 < 0.05), ($6 >= 0 && $6 <= 1) }' got
prime attack dataset d.csv --features loss,ref | cmp - got
# (n,p) extraction: known answers of another program; columns P_n100 and n_for_p0.5.
{
    echo record,logp
    awk -F, 'NR > 1 { printf "p%s,%.17g\n", $1, log($1) }' $FIXTURES/ref/attack/extraction_np.csv
} >e.csv
prime attack extract e.csv --tries 100 --prob 0.5 | tail -n +2 | cut -d, -f5,6 >got
awk -F, 'NR > 1 { print $12 "," $8 }' $FIXTURES/ref/attack/extraction_np.csv >want
paste -d, want got | awk -F, '{ d = $1 / $3 - 1; n = $2 - $4; if (d * d > 1e-20 || n * n > 1) bad++ } END { print NR, bad + 0 }'
printf '%s\n' record,logp,rank a,-0.5,0 a,-0.25,0 b,-0.5,0 b,-2,1 | prime attack extract - --tries 2
fails() { "$@" && echo "no failure: $*"; echo "exit $?"; }
fails prime attack source -
sed '$d' s.csv >s2.csv
fails prime attack source s2.csv
echo a,u1,-3 >>s.csv
fails prime attack source s.csv
grep -e unit -e a,u1 s2.csv >s1.csv
fails prime attack source s1.csv
fails prime attack dataset d.csv
head -4 d.csv >d2.csv
fails prime attack dataset d2.csv --features loss
fails prime attack dataset d.csv --features ,
sed 's/^u1,1/u1,2/' d.csv >d3.csv
fails prime attack dataset d3.csv --features loss
printf '%s\n' record,logp a,0.5 | fails prime attack extract -
printf '%s\n' record,logp,rank a,-0.5,x | fails prime attack extract -
rm *.csv got want
