mkdir run && make_ledger run/ledger.db
prime report run -f csv -r uniform
cut -d, -f1-4,18-26 run/methods.csv
