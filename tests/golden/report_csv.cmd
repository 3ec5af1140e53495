mkdir run && make_ledger run/ledger.db
prime report run --format csv
cat run/front.csv run/anchors.csv
sed -n '1p;/evolved 0 u1 2/p' run/cells.csv
