#!/bin/sh
# A Slurm of one node on this machine, to try sweeps on: Debian, as root.
#   apt-get install --no-install-recommends slurm-wlm munge
#   sh tests/cluster/slurm_up.sh        starts it;  sh tests/cluster/slurm_up.sh stop  ends it
set -eu
dir=/tmp/cnncompare-slurm
conf=$dir/slurm.conf

if [ "${1:-}" = stop ]; then
    for daemon in slurmd slurmctld munged; do
        if [ -f "$dir/$daemon.pid" ]; then kill "$(cat "$dir/$daemon.pid")"; fi
    done
    exit 0
fi

mkdir -p "$dir/state" "$dir/spool" "$dir/munge"
host=$(hostname -s)
cpus=$(nproc)
memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.8)}' /proc/meminfo)
cat > "$conf" <<CONF
ClusterName=cnncompare
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
JobRequeue=1
KillWait=30
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF

chmod 755 "$dir"
head -c 1024 /dev/urandom > "$dir/munge/key"
chmod 400 "$dir/munge/key"
munged --force --socket="$dir/munge/socket" --key-file="$dir/munge/key" \
    --pid-file="$dir/munged.pid" --log-file="$dir/munge/log" --seed-file="$dir/munge/seed"
slurmctld -c -f "$conf"
slurmd -c -f "$conf"

export SLURM_CONF=$conf
for _ in $(seq 60); do
    sinfo --noheader --format=%t 2>/dev/null | grep -q idle && break
    sleep 0.5
done
sinfo
echo "export SLURM_CONF=$conf"
