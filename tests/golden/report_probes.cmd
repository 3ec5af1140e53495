# Attacks on weights, people and canaries; an anchor alone, merged, left out; the run's own null checks; seeds.
mkdir run && make_ledger run/ledger.db 5 3 2 0 more
prime report run --no-provenance -f csv,md,json,html
cd run
cat merges.csv loo.csv fingerprint.csv people.csv source.csv canary.csv own.csv eaf.csv null.csv
grep -v blind_ dose.csv | cut -d, -f2-4,11-
sed -n '/^## Further/,$p' report.md
for id in eaf merges loo people source fingerprint canary own null; do
    echo "$id: $(grep -c "<section id=\"$id\"" report.html) section, $(sed -n "/<section id=\"$id\"/,/<\/section>/p" report.html | grep -c '^<tr') rows"
done
