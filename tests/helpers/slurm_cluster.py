"""A real SLURM of one node on loopback: Debian's slurmctld, slurmd and munge, with a `cpu` and a fake `gpu` partition.

Its files must lie in /etc/slurm, since jobs of Snakemake's executor drop SLURM_CONF; what stood there comes back.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ETC = Path("/etc/slurm")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel")

#: The node may claim more cores than the machine has, so that a group of small jobs fits.
CONFIGURATION = """\
ClusterName=reelrank
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
KillWait=5
MinJobAge=3000
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=1
SlurmdParameters=config_overrides
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=64000 Gres=gpu:fake:1 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""


def missing():
    """Return why no SLURM can be started here, or nothing."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if absent:
        return f"Debian's packages slurmctld, slurmd, slurm-client and munge are not installed ({', '.join(absent)})"
    return "" if os.geteuid() == 0 else "starting a SLURM wants root"


class Cluster:
    """The running cluster.

    Attributes
    ----------
    folder : Path
        Its state, logs and pid files.
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    def start_controller(self):
        """Start slurmctld; jobs that an earlier one knew go on."""
        _run("slurmctld", "-f", ETC / "slurm.conf")
        wait_for(lambda: _quiet("scontrol", "ping").returncode == 0, "slurmctld answers", 30)

    def stop_controller(self):
        """End slurmctld; jobs run on."""
        stop(self.folder / "slurmctld.pid")

    def start(self):
        """Start both daemons and wait until the node is idle."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.start_controller()
        _run("slurmd", "-f", ETC / "slurm.conf")
        wait_for(lambda: "idle" in _quiet("sinfo", "-h", "-o", "%T").stdout, "the node is idle", 30)

    def stop(self):
        """Cancel all jobs and end both daemons."""
        _quiet("scancel", "--user", "root")
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: not self.jobs(), "all jobs are over", 20)
        stop(self.folder / "slurmd.pid")
        stop(self.folder / "slurmctld.pid")

    def jobs(self, states="PENDING,RUNNING,COMPLETING", partition="cpu,gpu"):
        """Return (id, state, comment) of each job in these states and partitions."""
        query = ("squeue", "-h", "--states", states, "--partition", partition, "-o", "%i|%T|%k")
        rows = _quiet(*query).stdout.splitlines()
        return [tuple(row.split("|")) for row in rows if row.count("|") == 2]


@contextlib.contextmanager
def running_cluster():
    """Yield a `Cluster`; end it, and put back what was there, whatever happens."""
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(open("/run/lock/reelrank-slurm.lock", "w"))
        fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time on a machine
        if _quiet("scontrol", "ping").returncode == 0:
            raise RuntimeError("a SLURM runs on this machine already; this test would take its place")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reelrank-slurm-")))
        for name in ("slurm.conf", "gres.conf"):
            stack.callback(_put_back, ETC / name, _content(ETC / name))
        ETC.mkdir(exist_ok=True)
        host = socket.gethostname().split(".")[0]
        ports = free_ports(2)
        text = CONFIGURATION.format(host=host, folder=folder, controller_port=ports[0], node_port=ports[1])
        (ETC / "slurm.conf").write_text(text)
        os.mknod(folder / "gpu0", 0o20666, os.makedev(1, 3))  # as /dev/null: SLURM wants a character device
        (ETC / "gres.conf").write_text(f"NodeName={host} Name=gpu Type=fake File={folder}/gpu0\n")
        stack.enter_context(_munge(folder))
        cluster = Cluster(folder)
        stack.callback(cluster.stop)
        cluster.start()
        yield cluster


@contextlib.contextmanager
def _munge(folder):
    """Start munged as its own user, unless one runs."""
    if _quiet("munge", "-n").returncode == 0:
        yield
        return
    run = Path("/run/munge")
    run.mkdir(exist_ok=True)
    shutil.chown(run, "munge", "munge")
    run.chmod(0o755)
    subprocess.run(
        [_which("munged")], user="munge", group="munge", extra_groups=[], check=True, stdin=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: _quiet("munge", "-n").returncode == 0, "munged answers", 10)
        yield
    finally:
        stop(run / "munged.pid")


def stop(pid_file, seconds=20):
    """End the process of a pid file and wait for its end."""
    try:
        pid = int(Path(pid_file).read_text())
        os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return
    try:
        wait_for(lambda: not is_alive(pid), f"process {pid} ends", seconds)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid):
    """Tell whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, what, seconds, step=0.1):
    """Wait until `condition()` holds, looked at each `step` seconds; raise `TimeoutError` after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s in vain until {what}")
        time.sleep(step)


def free_ports(number):
    """Return ports of loopback that nothing listens on."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _path():
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _which(name):
    return shutil.which(name, path=_path()) or name


def _run(name, *arguments):
    subprocess.run([_which(name), *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


def _quiet(name, *arguments):
    """Run a client and return the finished process; one that fails or is absent is no error."""
    try:
        return subprocess.run(
            [_which(name), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return subprocess.CompletedProcess(name, 1, "", "")


def _content(path):
    return path.read_bytes() if path.exists() else None


def _put_back(path, content):
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(content)
