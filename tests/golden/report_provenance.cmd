# What the run recorded, and what it did not; the report's own version and commit change, so they are left out here.
mkdir run && make_ledger run/ledger.db
prime report run -f md,json
sed -n '/Provenance/,$p' run/report.md | grep -v 'report: '
grep -c '"report: commit": "[0-9a-z-]*"' run/report.json
