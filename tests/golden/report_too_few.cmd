# Two anchors: there are numbers, but nothing that could be graded.
mkdir run && make_ledger run/ledger.db 2
prime report run -f table
