# Scores of records fold into scores of people, apart by label and attack; words alone tell members from others here.
cat >scores.csv <<'X'
record,unit,label,attack,score
r1,u1,1,loss,-1
r1,u1,1,ref,0.5
r2,u1,1,loss,-3
r2,u1,1,ref,0.25
r3,u1,0,loss,-4
r4,u2,0,loss,-2.5
X
prime attack people scores.csv
prime attack people scores.csv --fold max | tail -n 4
fails() { prime attack "$@" && echo "no failure: $*"; echo "exit $?"; }
fails people scores.csv --fold mode
cut -d, -f1,2 scores.csv | fails people -
printf 'unit,label,attack,score\n,1,loss,2\n' | fails people -
printf 'unit,label,attack,score\n' | fails people -
{
    echo record,unit,label,text
    for u in 1 2 3 4 5; do
        for k in 1 2 3; do
            echo "m$u$k,u$u,1,the secret word number $k"
            echo "h$u$k,u$u,0,another plain word number $k"
        done
    done
} >texts.csv
printf 'text\nsecret word\n' >target.csv
prime attack blind texts.csv --target target.csv >blind.csv
head -n 1 blind.csv
grep -c . blind.csv
cut -d, -f4 blind.csv | sort | uniq -c | awk '{ print $1, $2 }'
for a in blind_words blind_similarity; do
    { echo label,score && grep "$a" blind.csv | cut -d, -f3,5; } | prime stats auc - | sed -n 2p | cut -d, -f1,2
done
grep -c -e secret -e plain blind.csv
prime attack blind texts.csv | grep -c similarity
fails blind target.csv
printf 'record,unit,label,text\na,u,2,x\n' | fails blind -
printf 'record,unit,label,text\na,,1,x\n' | fails blind -
printf 'record,unit,label,text\na,u,1,x\n' | fails blind -
printf 'text\n...\n' | fails blind texts.csv --target -
rm ./*.csv
