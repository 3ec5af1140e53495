# A merge less what a colluder knows of it is the rest; angles between adapters.
m=$FIXTURES/models/llama_gqa a=$FIXTURES/models/llama_gqa/adapters
short() { awk -F, -v OFS=, -v from=$1 'NR > 1 { for (i = from; i <= NF; i++) if ($i != "") $i = sprintf("%.5f", $i) + 0 } { sub(/^[^,]*\//, ""); print }'; }
prime adapter merge --model $m -q --method exact --weights 0.75,-0.25 $a/a1 $a/a2 --out merged >/dev/null
prime attack collusion merged $a/a1=0.75 --model $m --out rest | short 2
# What is left is the other one alone, with its weight.
prime attack fingerprint rest --model $m $a/a1 $a/a2 | cut -d, -f2-3 | short 2
# An adapter has no angle with itself; its factors are what it reads and writes.
prime attack subspace $a/a1 $a/a1 --model $m | awk -F, 'NR > 1 { n++; ok += $5 > 1 - 1e-6 && $7 > 1 - 1e-6 } END { print (n > 0), n - ok }'
prime attack subspace $a/a1 $a/a2 --model $m | head -5 | short 5
prime attack subspace $a/a1 merged --model $m | awk -F, 'NR > 1 && $3 == "reads" { ok += $7 > 1 - 1e-6; n++ } END { print n - ok }'
fails() { prime attack "$@" && echo "no failure: $*"; echo "exit $?"; }
fails collusion merged $a/a1=0.75
fails collusion merged $a/a1 --out x 2>&1 | sed 's|[^ ]*/||g'
fails collusion merged $a/a1=z --out x 2>&1 | sed 's|[^ ]*/||g'
fails collusion merged --out x
fails collusion nowhere $a/a1=1 --out x
fails subspace merged
fails subspace merged nowhere
rm -r merged rest
