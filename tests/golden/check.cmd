# Each exit code, and the last line that says the same in words.
mkdir run && make_ledger run/ledger.db
gates() { printf 'metric,scope,limit,direction,min_users,method\n%s\n' "$1" >gates.csv; }
try() { prime check run "$@"; echo "exit $?"; }
gates auc,mean,1,max,,evolved && try -g gates.csv
gates auc,worst,0.5,max,,evolved && try -g gates.csv
gates auc,,0.9,max,,uniform && try -g gates.csv
for word in fail warn pass; do try -g gates.csv --inconclusive $word; done
gates auc,,1,max,9, && try -g gates.csv
gates auc,,1,max,,soup && try -g gates.csv
cp gates.csv run/gates.csv && try
prime check run -g gates.csv -o tables | tail -1
cat tables/verdicts.csv
