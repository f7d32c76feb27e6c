"""A run of the workflow that a drill interrupts, and what it is checked for afterwards."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from slurm_cluster import is_alive, wait_for
from snakemake_run import HERE, command, result_bytes, snakemake, variables

CONFIG = ("--configfile", "tests/config/drill.yaml")

#: Seconds that a run may take on a busy machine.
LONGEST = 1800


class Run:
    """A Snakemake at work in the background.

    Attributes
    ----------
    process : subprocess.Popen
        Leader of a process group of its own.
    """

    def __init__(self, folder, *arguments, where=HERE):
        self.folder = Path(folder)
        self._output = self.folder / "output.txt"
        with open(self._output, "w") as stream:
            self.process = subprocess.Popen(
                command(folder, *CONFIG, *arguments, where=where),
                cwd=folder,
                env=variables({"PYTHONUNBUFFERED": "1"}),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell's background processes ignore Ctrl-C, and would hand that on.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Leave nothing of the run behind, whatever the drill came to."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def output(self):
        """What the run has said so far."""
        return self._output.read_text(errors="replace")

    def wait_for_steps(self, number):
        """Wait until so many steps are done."""
        pattern = re.compile(r"^\[ *(\d+)/\d+\]", re.M)

        def done():
            assert self.process.poll() is None, self.output
            return max(map(int, pattern.findall(self.output)), default=0) >= number

        wait_for(done, f"{number} steps are done", LONGEST)

    def wait_for_step(self, name):
        """Wait until a step's own process is at work; return its id."""
        found = []

        def working():
            assert self.process.poll() is None, self.output
            found[:] = step_processes(self.folder, name)
            return found

        wait_for(working, f"the step {name} is at work", LONGEST)
        return found[0]

    def wait_for_checkpoint(self):
        """Wait until a training has done an epoch; return the id of its process."""
        process = self.wait_for_step("train")
        models = self.folder / "results"

        def saved():
            assert is_alive(process), f"the training was over before it was seen at work\n{self.output}"
            return list(models.rglob("checkpoint-*.pt"))

        wait_for(saved, "an epoch is done", LONGEST, 0.005)
        return process

    def send(self, number, group=False):
        """Send a signal to Snakemake, or to it and all that it started, as Ctrl-C does."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def finish(self):
        """Wait for the end and return the exit status."""
        return self.process.wait(LONGEST)


def step_processes(folder, name=""):
    """Return the ids of the processes of a folder's steps."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if (entry / "cwd").resolve() != Path(folder).resolve():
                continue
        except OSError:
            continue
        if any("/.snakemake/scripts/" in word and word.endswith(f"{name}.py") for word in words[:4]):
            found.append(int(entry.name))
    return found


def resume(folder, *arguments):
    """Continue as `make resume` does and return the finished process."""
    program = [sys.executable, "workflow/resume.py", *arguments]
    return subprocess.run(
        program, cwd=folder, env=variables(), capture_output=True, text=True, timeout=LONGEST, check=False
    )


def rerun(folder, *arguments, where=HERE):
    """Start again, as a user would, and return the finished process."""
    return snakemake(folder, *CONFIG, "--rerun-incomplete", *arguments, where=where, timeout=LONGEST)


def assert_continued(folder):
    """The last training went on where the one before was killed."""
    [log] = (Path(folder) / "results/logs").rglob("train.log")
    assert "continued after epoch" in log.read_text()


def assert_whole(folder, expected):
    """What is there under its final name is what an undisturbed run has there."""
    for name, content in result_bytes(folder).items():
        if "/." not in name and "/checkpoint-" not in name:
            assert content == expected[name], f"{name} is not that of an undisturbed run"


def assert_same(folder, expected):
    """All results are there, those of an undisturbed run to the byte, and nothing else."""
    found = result_bytes(folder)
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []


def pause(moments, longest=2.0):
    """Wait a random moment."""
    time.sleep(moments.uniform(0, longest))
