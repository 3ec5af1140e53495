# Four threads give the tables of one.
. $GOLDEN/in/small_audit.sh
prime sweep a.yaml -q --out one --threads 1 >/dev/null; echo "exit $?"
prime sweep a.yaml -q --out four --threads 4 >/dev/null; echo "exit $?"
for run in one four; do prime report $run -f csv --no-provenance --threads 4 >/dev/null; done
for table in cells front attacks anchors; do cmp one/$table.csv four/$table.csv && echo "$table is the same"; done
rm -rf b d one four a.yaml
