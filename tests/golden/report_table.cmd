mkdir run && make_ledger run/ledger.db
prime report run
