mkdir run && make_ledger run/ledger.db
prime compare run
prime compare run nothing.csv; echo "exit $?"
echo kind,task >bad.csv
prime compare run bad.csv; echo "exit $?"
prime compare run run --confidence 1; echo "exit $?"
prime compare run run --margin-leakage -1; echo "exit $?"
prime compare run run --inconclusive no; echo "exit $?"
prime baseline update run; echo "exit $?"
prime baseline update nowhere --reason x; echo "exit $?"
prime baseline update run --reason x -o no/such/file.csv; echo "exit $?"
prime report run -r nobody; echo "exit $?"
