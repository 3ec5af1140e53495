# A sweep in two parts with adapters of a third run; joined, they are the run of the whole.
. $GOLDEN/in/small_audit.sh
sed -i 's/budget: 30/budget: 8/' a.yaml
prime sweep a.yaml -q --out whole >/dev/null
prime sweep a.yaml -q --train-only --out trained
prime sweep a.yaml -q --shard 1/2 --adapters trained --out one
prime merge-ledgers out one; echo "exit $?"
prime sweep a.yaml -q --shard 2/2 --adapters trained --out two
prime merge-ledgers out one two
prime report out --format csv --out csv -q --no-provenance >/dev/null
prime report whole --format csv --out csv2 -q --no-provenance >/dev/null
for f in csv/*.csv; do cmp $f csv2/${f#csv/}; done
prime merge-ledgers again one one; echo "exit $?"
prime merge-ledgers out two one; echo "exit $?"
prime merge-ledgers out; echo "exit $?"
for s in 3/2 0/2 2 1/x /2 1/200000; do prime sweep a.yaml -q --shard $s --out bad; done
prime sweep a.yaml -q --shard 1/2 --adapters d --out bad
rm -r d b whole trained one two out csv csv2 a.yaml bad again
