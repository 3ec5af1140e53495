mkdir run && make_ledger run/ledger.db && touch file
prime report run --out file/sub
