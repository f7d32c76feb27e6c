#!/bin/sh
# Installs what `make test-real` and a test of archives need beside Python, from Debian's packages: a browser, SLURM and
# zip. Nothing is started.
# The exit status is 1 where something is absent and cannot be installed.
PATH="$PATH:/usr/sbin:/sbin"
packages=""
has() { command -v "$@" >/dev/null; }
has chromium || has chromium-browser || has google-chrome || packages="$packages chromium"
has zip || packages="$packages zip"
has slurmctld && has slurmd && has munged && has sbatch || packages="$packages slurmctld slurmd slurm-client munge"
[ -n "$packages" ] || exit 0
if [ "$(id -u)" != 0 ] || ! has apt-get; then
	echo "tests/install.sh: cannot install$packages: this needs root and apt-get" >&2
	exit 1
fi
# A policy of the machine's own may say otherwise, but packages must not start daemons here.
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 - one word a package
install() { apt-get install -qq -y --no-install-recommends $packages >/dev/null 2>&1; }
install || { apt-get update -qq >/dev/null 2>&1 && install; } || {
	echo "tests/install.sh: apt-get cannot install$packages" >&2
	exit 1
}
