# A sweep is told to stop, and carried on; while it runs, nobody else gets at its folder.
. $GOLDEN/in/small_audit.sh
set -m # so that jobs in the background heed SIGINT
# begin FOLDER... - a sweep in the background that has its first cell.
begin() {
    : >err
    prime sweep a.yaml --out "$@" >/dev/null 2>err &
    until grep -q '^1/12' err || ! kill -0 $!; do sleep 0.02; done
}
sweep() { prime sweep a.yaml -q --out "$@" >/dev/null; echo "exit $?"; }
begin run
sweep run
sweep run --resume
kill -INT %%
wait %% && echo 'not stopped'
echo "exit $?"
grep -v '^[0-9]*/12' err
begin run --resume
kill -TERM %%
wait %% && echo 'not stopped'
echo "exit $?"
begin again
kill -TERM %% && kill -INT %%
wait %% 2>/dev/null
[ $? -gt 128 ] && echo 'ended by the second signal'
sweep run --resume
sweep whole
for f in run/*.csv; do cmp $f whole/${f#run/}; done
sweep run
rm -r d b run again whole a.yaml err
