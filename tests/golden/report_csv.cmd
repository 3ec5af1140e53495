mkdir run && make_ledger run/ledger.db
prime report run --format csv
cat run/front.csv run/methods.csv run/anchors.csv run/dose.csv run/attacks.csv run/volume.csv
sed -n '1p;/evolved 0 u1 2/p' run/cells.csv
