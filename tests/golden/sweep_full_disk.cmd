# A sweep whose files may not grow beyond so many KiB: the ledger is too large, then the tables are. What it had is carried on.
. $GOLDEN/in/small_audit.sh
trap '' XFSZ
sweep() { prime sweep a.yaml -q --set evolve.budget=8 --out "$@" >/dev/null; echo "exit $?"; }
(ulimit -f 1; sweep run)
find run -type f
(ulimit -f 64; sweep run)
find run -name '*.tmp' -o -name '*-journal'
sweep run --resume
sweep whole
for f in run/*.csv; do cmp $f whole/${f#run/}; done
rm run/*.csv
(ulimit -f 1; prime report run --format csv; echo "exit $?")
find run -name '*.tmp'
# A folder where nobody may make one, and one that is in the way.
sweep /proc/nope
touch taken
sweep taken
mkdir -p stuck/adapters && touch stuck/adapters/synth_tag
sweep stuck
rm -r d b run whole a.yaml taken stuck
