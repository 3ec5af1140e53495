mkdir run && make_ledger run/ledger.db
prime report run -o one -f csv
prime report run -o two -f csv
diff -r one two && echo same
