# Tables of groups only, and none when a group is small.
mkdir run && make_ledger run/ledger.db 6 3
prime report run --publish; echo "exit $?"
prime report run --publish --out public -f html; echo "exit $?"
prime report run --publish --out public; echo "exit $?"
[ -e public ] || echo "nothing was written"
prime report run --publish --out public --min-group 1; echo "exit $?"
prime report run --publish --out public --min-group 3; echo "exit $?"
ls public
cut -d, -f1-3 public/front.csv
