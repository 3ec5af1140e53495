#!/usr/bin/env bash
# slurm.sh PRIME SAME_ROWS - TAP: the job array and the MPI job of audits/slurm on a Slurm of one node, which is
# started here for the test, with keys, sockets and ports of its own. SAME_ROWS A B compares two runs. Skipped
# where Slurm or MUNGE is missing, or nobody but root may start their daemons; the MPI job where prime was built
# without MPI or Slurm has no PMIx.
set -uo pipefail
prime=$(cd "$(dirname "${1:?path of prime}")" && pwd)/$(basename "$1")
same=$(cd "$(dirname "${2:?path of same_rows}")" && pwd)/$(basename "$2")
here=$(cd "$(dirname "$0")" && pwd)
export GOLDEN=$here/../golden FIXTURES=$here/../../fixtures
PATH=$(dirname "$prime"):$PATH:/usr/sbin:/sbin
. "$here/../tap.sh"

for program in munged slurmctld slurmd sbatch squeue; do
    command -v $program >/dev/null || { echo "1..0 # SKIP there is no $program"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP slurmd wants root"; exit 0; }

tmp=$(mktemp -d)
pids=
finish() {
    for p in $pids; do kill "$p" 2>/dev/null; done
    for p in $pids; do wait "$p" 2>/dev/null; done
    rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp" || exit 1
chmod 755 "$tmp"
mkdir munge spool state
export SLURM_CONF=$tmp/slurm.conf
host=$(hostname -s) port=$((20000 + RANDOM % 20000))
cat >slurm.conf <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$tmp/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
KillWait=2
SlurmctldPidFile=$tmp/slurmctld.pid
SlurmdPidFile=$tmp/slurmd.pid
SlurmdSpoolDir=$tmp/spool
StateSaveLocation=$tmp/state
SlurmctldLogFile=$tmp/slurmctld.log
SlurmdLogFile=$tmp/slurmd.log
SchedulerParameters=sched_interval=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
head -c 128 /dev/urandom >munge/key
chmod 700 munge && chmod 600 munge/key
munged --foreground --force --key-file="$tmp/munge/key" --socket="$tmp/munge/socket" --pid-file="$tmp/munge/pid" \
    --log-file="$tmp/munge/log" --seed-file="$tmp/munge/seed" >munged.log 2>&1 &
pids=$!
until_true() { # until_true SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}
until_true 10 test -S munge/socket
slurmctld -D -i >ctld.log 2>&1 &
pids="$! $pids"
until_true 10 scontrol ping
slurmd -D >d.log 2>&1 &
pids="$! $pids"
idle() { sinfo -h -o %T | grep -q '^idle'; }
until_true 30 idle
verdict $? "a Slurm of one node" ctld.log d.log munged.log slurmctld.log slurmd.log
[ $count = 1 ] && idle || { echo "1..$count"; exit; }

. "$GOLDEN/in/small_audit.sh"
sed -i 's/budget: 30/budget: 8/' a.yaml
"$prime" sweep a.yaml -q --out whole >/dev/null 2>err
verdict $? "a sweep by one process" err
PRIME=$prime "$here/../../audits/slurm/array" a.yaml "$tmp/run" 2 >job 2>err
verdict $? "an array of two parts is submitted" err
gone() { [ -z "$(squeue -h)" ]; }
until_true 120 gone
verdict $? "its jobs end" slurmctld.log
[ -e run/joined/ledger.db ] && "$same" whole run/joined >err
verdict $? "the parts joined have the rows of one process" err run/*.log

# Two processes under srun, with Slurm's PMIx: one is lost, then both are told to stop, then they come to an end.
why=
"$prime" doctor 2>/dev/null | grep -q '^built_with.mpi,' || why='prime was built without MPI'
srun --mpi=list 2>&1 | grep -q pmix || why='Slurm has no PMIx'
# What Open MPI keeps at its end is no leak of ours.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
export PRIME_SRUN=--mpi=pmix OMPI_MCA_btl_vader_single_copy_mechanism=none
mpi() { # mpi - submit it; prints the number of the job
    PRIME=$prime sbatch --parsable --ntasks=2 --output="$tmp/mpi.log" "$here/../../audits/slurm/mpi.sbatch" b.yaml run-mpi
}
mpi_busy() { # mpi_busy - the same, and wait until it has a cell
    rm -f mpi.log
    mpi >job 2>err && until_true 60 grep -q '^[0-9]*/[0-9]* ' mpi.log
}
if [ -z "$why" ]; then
    sed 's/^seeds:.*/seeds: [1, 2]/; s/budget: 8/budget: 40/' a.yaml >b.yaml
    "$prime" sweep b.yaml -q --out whole-mpi >/dev/null 2>err
    verdict $? "a longer sweep by one process" err
    mpi_busy && kill -KILL "$(pgrep -f "^$prime sweep b.yaml --out run-mpi" | tail -n 1)" && until_true 60 gone
    verdict $? "an MPI job ends when one of two processes is lost" err mpi.log
    mpi_busy && scancel --signal=TERM "$(cat job)" && until_true 60 gone && grep -q 'stopping after the step' mpi.log
    verdict $? "submitted again, its processes stop when they are told to" err mpi.log
    rm -f mpi.log
    mpi >job 2>err && until_true 120 gone && [ -e run-mpi/ledger.db ] &&
        grep -aq session3.processes2 run-mpi/ledger.db && "$same" whole-mpi run-mpi >err
    verdict $? "submitted once more, its run has the rows of one process" err mpi.log
else
    count=$((count + 1))
    echo "ok $count - an MPI job # SKIP $why"
fi
echo "1..$count"
