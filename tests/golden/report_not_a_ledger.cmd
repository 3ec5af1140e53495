mkdir run && echo "method,lambda" > run/ledger.db
prime report run
