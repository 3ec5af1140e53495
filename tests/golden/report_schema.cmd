mkdir run && make_ledger run/ledger.db
prime report run -f csv -o elsewhere/tables
cat elsewhere/tables/schema.csv
