#!/usr/bin/env bash
# A Slurm of one machine, to try experiments/extract.slurm: extracts a folder of videos in an array of tasks, kills and
# requeues one of them, packs, and compares with the set that one process made, byte for byte. For a machine that can be
# thrown away: it runs slurmctld, slurmd and munged as root (Debian: slurm-wlm, munge).
#
#   scripts/extract_on_slurm.sh KUDA VIDEOS WORK
set -euo pipefail
kuda=$(realpath "$1") videos=$(realpath "$2") work=$(realpath -m "$3")
here=$(cd "$(dirname "$0")/.." && pwd)
for program in slurmctld slurmd sbatch munged; do
  command -v "$program" >/dev/null || { echo "no $program: apt-get install slurm-wlm munge" >&2; exit 1; }
done
rm -rf "$work"
mkdir -p "$work"/{state,spool,log}
host=$(hostname -s) cores=$(nproc)
cat >"$work/slurm.conf" <<END
ClusterName=kuda
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/log/slurmctld.log
SlurmdLogFile=$work/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$work/slurm.conf PATH=$(dirname "$kuda"):$PATH
stop_daemons() {
  for name in slurmd slurmctld munged; do
    if [ -f "$work/$name.pid" ]; then kill "$(cat "$work/$name.pid")" 2>/dev/null || true; fi
  done
}
trap stop_daemons EXIT
dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 status=none
chmod 400 "$work/munge.key"
mkdir -p /run/munge
munged --force --key-file="$work/munge.key" --pid-file="$work/munged.pid" --log-file="$work/log/munged.log" \
  --seed-file="$work/munge.seed"
slurmctld
slurmd
for _ in $(seq 50); do if sinfo -h -o %T | grep -qx idle; then break; fi; sleep 0.2; done
sinfo

"$kuda" data extract "$videos" --out "$work/whole" --processes 1 --extractor "$here/extractors/default"
"$kuda" data pack "$work/whole" "$work/whole-set" --name videos

job=$(sbatch --parsable --array=1-4 --mem=900 --chdir="$work" --output="$work/log/task-%a.log" --open-mode=append \
  "$here/experiments/extract.slurm" "$videos" "$work/parts" --extractor "$here/extractors/default")
pack=$(sbatch --parsable --dependency="afterok:$job" --chdir="$work" --output="$work/log/pack.log" \
  --wrap "kuda data pack parts parts-set --name videos")
for _ in $(seq 100); do if squeue -h -j "${job}_2" -t R | grep -q .; then break; fi; sleep 0.1; done
scontrol requeue "${job}_2"  # kills the task; it begins again
while squeue -h -j "$job,$pack" 2>/dev/null | grep -q .; do sleep 0.5; done
cat "$work"/log/task-*.log "$work/log/pack.log"
for file in "$work"/whole-set/*; do cmp "$file" "$work/parts-set/$(basename "$file")"; done
echo "the packed sets are equal, byte for byte"
