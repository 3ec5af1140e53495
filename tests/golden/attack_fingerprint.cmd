# Merged by two operators, and the weights read off again: exactly for the exact sum, from the factors for PriME's.
m=$FIXTURES/models/llama_gqa a=$FIXTURES/models/llama_gqa/adapters
merge() { prime adapter merge --model $m -q "$@" >/dev/null; }
merge --method exact --weights 0.75,-0.25 $a/a1 $a/a2 --out exact
merge --method svd --rank 4 --weights 1,0.1 $a/a1 $a/a2 --out s1 # two of one rank
merge --method svd --rank 4 --weights 0.2,1 $a/a1 $a/a2 --out s2
merge --method prime --weights 0.75,-0.25 s1 s2 --out prime
# Five decimals: factors are float32.
short() { awk -F, -v OFS=, 'NR > 1 { sub(".*/", "", $2); for (i = 3; i <= NF; i++) $i = sprintf("%.5f", $i) + 0 } { print }'; }
prime attack fingerprint exact --model $m $a/a1 $a/a2 --truth 0.75,-0.25 | short
prime attack fingerprint exact --model $m $a/a1 $a/a2 --layers | wc -l
prime attack fingerprint prime --model $m --view a s1 s2 | short | cut -d, -f1-3,5
prime attack fingerprint prime --model $m --view b s1 s2 | short | cut -d, -f1-3,5
prime attack fingerprint exact --model $m $a/a2 | short | cut -d, -f1,2
fails() { prime attack fingerprint --model $m "$@" && echo "no failure: $*"; echo "exit $?"; }
fails exact
fails exact --view c $a/a1
fails exact --truth 1 $a/a1 $a/a2
fails exact --truth 1,x $a/a1 $a/a2
fails exact --view a $a/a1 2>&1 | sed 's/candidate/& /'
fails nowhere $a/a1
rm -r exact prime s1 s2
