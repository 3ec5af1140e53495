# A run against itself, a later one, and a baseline in its place.
mkdir one two few && make_ledger one/ledger.db && make_ledger two/ledger.db 4 3 2 0.5 && make_ledger few/ledger.db 2
try() { prime compare "$@"; echo "exit $?"; }
try one one
try one two -o compare.csv
cat compare.csv
try one few | tail -3
prime baseline update one --reason "the first run" --no-provenance
head -12 baseline.csv
try baseline.csv one
try baseline.csv two | tail -2
try two one --inconclusive fail | tail -2
sed 's/^meta,,,,data_sha256.*/meta,,,,data_sha256,,,,another/' baseline.csv >other.csv
try other.csv one
