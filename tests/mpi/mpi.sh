#!/usr/bin/env bash
# mpi.sh PRIME SAME_ROWS [STARVED] - TAP: a sweep by several processes has the rows of a sweep by one, also after a
# process or all of them were killed. SAME_ROWS A B compares two runs, to the last bit. STARVED is `prime` that
# can be refused memory and files (../starve). Without mpirun, or without MPI in the build, everything is skipped.
set -uo pipefail
prime=$(cd "$(dirname "${1:?path of prime}")" && pwd)/$(basename "$1")
same=$(cd "$(dirname "${2:?path of same_rows}")" && pwd)/$(basename "$2")
[ -z "${3:-}" ] || starved=$(realpath "$3")
here=$(cd "$(dirname "$0")" && pwd)
export GOLDEN=$here/../golden FIXTURES=$here/../../fixtures
PATH=$(dirname "$prime"):$PATH
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
export PRIME_THREADS=1 OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_rmaps_base_oversubscribe=1
# Under sanitizers: MPI's own memory is not ours to free.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
. "$here/../tap.sh"

why=
"$prime" doctor 2>/dev/null | grep -q '^built_with.mpi,' || why='prime was built without MPI'
command -v mpirun >/dev/null || why='there is no mpirun'
[ -z "$why" ] || { echo "1..0 # SKIP $why"; exit 0; }

crew() { # crew K ARGS... - a sweep by K processes
    local k=$1
    shift
    timeout 200 mpirun --allow-run-as-root --oversubscribe --bind-to none -n "$k" "$prime" sweep a.yaml "$@"
}

. "$GOLDEN/in/small_audit.sh"
sed -i 's/^seeds:.*/seeds: [1, 2]/; s/^adapt: .*/adapt: {records: 0}\nmethods: [base, anchor, uniform, oppu, evolved, loo]/
s/budget: 30/budget: 8/' a.yaml
"$prime" sweep a.yaml -q --out whole >/dev/null 2>err
verdict $? "a sweep by one process" err
for k in 1 2 3; do
    crew $k -q --out by$k >out 2>err && "$same" whole by$k >>err
    verdict $? "the same rows by $k processes" err
done
[ "$(grep -c '^report: ' out)" = 1 ]
verdict $? "one process speaks" out
grep -aq 'session1.processes3' by3/ledger.db
verdict $? "the ledger says how many there were"

busy() { # busy RUN K ARGS... - in the background; returns when it has cells and is not done
    local run=$1 k=$2
    shift 2
    : >log
    crew "$k" --out "$tmp/$run" "$@" >/dev/null 2>log &
    until grep -q '^[0-9]*/[0-9]* ' log || ! kill -0 $!; do sleep 0.02; done
}
# ranks RUN - the processes of its sweep.
ranks() { pgrep -f "^$prime sweep a.yaml --out $tmp/$1( |\$)"; }

busy lost 3
kill -KILL "$(ranks lost | tail -n 1)"
wait %% 2>/dev/null
status=$?
[ $status != 0 ]
verdict $? "all end when one process is lost" log
crew 2 -q --out lost --resume >/dev/null 2>err && "$same" whole lost >>err
verdict $? "carried on by fewer, with the same rows" err

busy killed 2
for p in $(pgrep -f "^mpirun .* --out $tmp/killed\$") $(ranks killed); do kill -KILL "$p" 2>/dev/null; done
wait %% 2>/dev/null
crew 3 -q --out killed --resume >/dev/null 2>err && "$same" whole killed >>err
verdict $? "killed and carried on by more, with the same rows" err

busy asked 2
kill -TERM "$(ranks asked | head -n 1)"
wait %% 2>/dev/null
verdict $((! $?)) "a process that is told to stop ends all" log
grep -q 'stopped on request' log
verdict $? "it is said how to go on" log
"$prime" sweep a.yaml -q --out asked --resume >/dev/null 2>err && "$same" whole asked >>err
verdict $? "carried on by one, with the same rows" err

crew 2 --out by2 >out 2>err
[ $? != 0 ] && [ "$(grep -c 'holds the ledger of an earlier run' err)" = 1 ]
verdict $? "an error is said once" err
crew 2 --out part --shard 1/2 >out 2>err
[ $? != 0 ] && grep -q 'want one or the other' err
verdict $? "parts and processes do not go together" err

# refused RANK PLACE ARGS... - a sweep into `alone` by two processes, of which this one is refused memory or a file in
# the place: both end, and its sentence is told; what is wrong about that, if anything.
refused() {
    local rank=$1 place=$2 env=(PRIME_STARVE= PRIME_STARVE=) status
    env[rank]=PRIME_STARVE=$place
    shift 2
    rm -rf alone
    timeout 60 mpirun --allow-run-as-root --oversubscribe --bind-to none \
        -n 1 env "${env[0]}" "$starved" "$@" : -n 1 env "${env[1]}" "$starved" "$@" >out 2>log </dev/null
    status=$?
    case $status in
    0) ;; # it never came there
    1) grep -aiq '^prime: .*\(memory\|cannot\|Input/output error\)' log || echo "$place: no reason: $(grep -a ^prime: log)" ;;
    *) echo "$place: $status, $(grep -a . log | head -n 1)" ;;
    esac
}

# The first request of every sixtieth place.
alone() {
    local place
    local args=(sweep a.yaml -q --set seeds=1 --set methods=base,uniform,evolved --set evolve.budget=4 --out alone)
    PRIME_STARVE_PLACES=$tmp/places "$starved" "${args[@]}" >/dev/null 2>&1
    for place in $(awk 'NR % 60 == 1' places); do refused 1 "$place" "${args[@]}"; done >err
    [ "$(wc -l <places)" -gt 300 ] && [ ! -s err ]
    verdict $? "all end when one fails by itself" err
}

# Each place that only processes come to which talk to each other, the second of them without a unit of its own. They
# end by themselves: mpirun is told not to end those that are left.
talk() {
    local rank place n=0
    local -x OMPI_MCA_orte_abort_on_non_zero_status=0
    local only='^(crew|msg|wire|server|help|join|ledger_pack|ledger_unpack|ledger_memory)(_.*)?$'
    local args=(sweep a.yaml -q --out alone)
    rm -rf alone
    timeout 60 mpirun --allow-run-as-root --oversubscribe --bind-to none \
        -n 1 env PRIME_STARVE_PLACES="$tmp/places0" "$starved" "${args[@]}" : \
        -n 1 env PRIME_STARVE_PLACES="$tmp/places1" "$starved" "${args[@]}" >out 2>log </dev/null
    for rank in 0 1; do
        for place in $(addr2line -f -e "$starved" <places$rank | awk 'NR % 2' | paste - places$rank |
            awk -v only="$only" '$1 ~ only { print $2 }'); do
            n=$((n + 1))
            refused $rank "$place" "${args[@]}" >>err.talk
        done
    done
    [ $n -ge 10 ] && [ ! -s err.talk ]
    verdict $? "all end when one of them has no memory for what they say" err.talk
}
[ -z "${3:-}" ] || alone

# More processes than units: the others evaluate crowds of the same searches' large generations.
helped() { # helped NAME K - run NAME by one process and by K, the others beside them, who have to say so
    "$prime" sweep a.yaml -q --out "$1" >/dev/null 2>err && crew "$2" --out "$1.$2" >out 2>err &&
        "$same" "$1" "$1.$2" >>err && grep -q 'without a unit of work evaluated [1-9][0-9]* parts' err
    verdict $? "candidates of $1 by $2 processes" err
}
sed -i 's/^methods:.*/methods: [evolved, constrained]/; s/count: 2/count: 1/; s/^seeds:.*/seeds: [1]/
s/budget: 8, popsize: 4/budget: 90, popsize: 90/; s/^lambda:.*/lambda: [1]/; s/min_heldout: 2/min_heldout: 3/
s/^search:.*/search: {records: 4, score: labels, members: 2, heldout: 1}/' a.yaml
helped one-unit 3
[ -z "${3:-}" ] || talk
grep -q 'units of work for 3 processes: 2 of them help others' err
verdict $? "processes without a unit are counted" err
sed -i 's/^seeds:.*/seeds: [1, 2]/; s/^methods:.*/methods: [evolved]/; s/^search:.*/search: {records: 4, score: likelihood}/
s/popsize: 90/popsize: 90, operator: dare_linear, with_norm: true, method: nsga2/' a.yaml
echo 'merge: {density: 0.5}' >>a.yaml
helped two-units 4
sed -i 's/^search:.*/search: {records: 4, score: generate, temperature: 0.8, repeats: 2}/; /^merge:/d
s/operator: dare_linear/operator: prime/; s/: 90/: 12/g' a.yaml
helped drawn-answers 3
sed -i 's/^seeds:.*/seeds: [1]/; s/^methods:.*/methods: [base, evolved]/; s/budget: 12/budget: 100000/' a.yaml
busy helper 3
kill -KILL "$(ranks helper | tail -n 1)" 2>>log
killed=$?
wait %% 2>/dev/null
status=$?
[ $killed = 0 ] && [ $status != 0 ] && [ $status != 124 ]
verdict $? "all end when a process is lost that helps" log
echo "1..$count"
