#!/bin/sh
# Installs Debian's SLURM where it is not there and can be; fails where it cannot. Nothing is started.
PATH="$PATH:/usr/sbin:/sbin"
command -v slurmctld slurmd munged sbatch >/dev/null && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 1
# A policy of the machine's own may say otherwise, but packages must not start daemons here.
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -qq -y --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null 2>&1; }
install || { apt-get update -qq >/dev/null 2>&1 && install; }
