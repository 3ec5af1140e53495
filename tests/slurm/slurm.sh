#!/usr/bin/env bash
# slurm.sh PRIME SAME_ROWS - TAP: the job array of audits/slurm on a Slurm of one node, which is started here
# for the test, with keys, sockets and ports of its own. SAME_ROWS A B compares two runs. Skipped where Slurm or
# MUNGE is missing, or nobody but root may start their daemons.
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
echo "1..$count"
