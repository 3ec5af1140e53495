# What is wrong in the call is 2, what cannot be read is 1.
mkdir run && make_ledger run/ledger.db
try() { prime check "$@"; echo "exit $?"; }
try run
try run -g nothing.csv
printf 'metric,limit,direction\nauc,1,up\n' >gates.csv
try run -g gates.csv
try run -g gates.csv --inconclusive maybe
try nowhere -g gates.csv
mkdir empty && : >empty/ledger.db
try empty -g gates.csv
try
