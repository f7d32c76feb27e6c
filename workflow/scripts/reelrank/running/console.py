"""What a run prints: one line a job, on a terminal with a progress bar below, and errors in full.

Snakemake's own handler prints a dozen lines a job. `attach` puts this one in its place as long as a run is at work,
and changes nothing else: Snakemake's log file keeps every message, and so does the console where the user asks for
another one (``--quiet``, ``--verbose``, ``--dry-run``, a logger plugin).
"""

import logging
import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from snakemake.logging import LogEvent, show_logs
from snakemake.settings.enums import Quietness

from reelrank.progress import FOLDER, duration, state_file
from reelrank.running import verdict
from reelrank.running.status_line import StatusLine, at_work, bar, cut

#: The name of the handler that Snakemake prints with.
HANDLER = "DefaultStreamHandler"

#: Columns of a line where there is no terminal, and seconds between two looks at the steps at work on one.
COLUMNS, LOOK_EVERY_S = 120, 1.0

#: Columns of a job at work in the bar's line; where there is no room for all jobs, the others are counted.
LEAST_COLUMNS = 22

#: Wildcards that name a job only where they differ among the jobs of its rule.
USUAL = ("dataset", "protocol", "seed", "place", "scatteritem", "part", "split")

#: How the messages begin that tell a user nothing that the lines of the jobs do not.
CHATTER = (
    "Assuming unrestricted shared filesystem", "Building DAG", "Using shell", "Provided ", "Rules claiming",
    "Conda environments: ignored", "Singularity containers: ignored", "Group jobs: inactive", "Select jobs",
    "Execute ", "Complete log(s)", "Elapsed time", "DAG of jobs will be updated", "Shutting down", "Exiting because",
    "Removing temporary output",
)  # fmt: skip

#: Events that the lines of the jobs stand for.
SILENT = {
    LogEvent.JOB_STARTED, LogEvent.GROUP_INFO, LogEvent.RESOURCES_INFO, LogEvent.RULEGRAPH, LogEvent.WORKFLOW_STARTED,
}  # fmt: skip


@dataclass
class Job:
    """A job at work: what it is called, its log, and when it began or was submitted."""

    name: str
    log: str
    started: float

    @property
    def seconds(self):
        """Return how long it has been at work."""
        return time.monotonic() - self.started


def attach(workflow):
    """Let a run print by `Console`, unless the user asks for another output; return the console.

    Where Snakemake only lists, checks or plans, and in the jobs that it starts, the console is attached to nothing.
    """
    console = Console(workflow)
    settings, logger = workflow.output_settings, workflow.logger_manager.logger
    another = settings.dryrun or settings.quiet or settings.verbose or settings.debug_dag
    own = next((handler for handler in logger.handlers if handler.name == HANDLER), None)
    if workflow.is_main_process and own is not None and not another:
        console.replace(own, logger)
    return console


class Console(logging.Handler):
    """Snakemake's messages as a person wants them.

    Before the run begins, Snakemake's own handler prints what there is to print: nothing is run by ``--list``.
    """

    def __init__(self, workflow):
        super().__init__()
        self.workflow, self.plain, self.line = workflow, None, None
        self.running, self.failed, self.done, self.total = {}, [], 0, 0
        self._folder, self._ended, self._began, self._varying = None, threading.Event(), False, None
        self._on = {
            LogEvent.WORKFLOW_STARTED: self._begin,
            LogEvent.RUN_INFO: self._plan,
            LogEvent.PROGRESS: self._count,
            LogEvent.JOB_INFO: self._start,
            LogEvent.JOB_FINISHED: self._finish,
            LogEvent.JOB_ERROR: self._fail,
            LogEvent.SHELLCMD: self._command,
        }

    def replace(self, plain, logger):
        """Take the place of Snakemake's handler `plain`."""
        self.plain, self.name = plain, plain.name
        for each in plain.filters:
            self.addFilter(each)
        logger.handlers[logger.handlers.index(plain)] = self
        if plain.is_tty and os.environ.get("TERM") != "dumb":
            self.line = StatusLine(plain.stream)

    def emit(self, record):
        """Print what a message comes to."""
        event = getattr(record, "event", None)
        try:
            if not self._began and event != LogEvent.WORKFLOW_STARTED:
                if not str(record.msg).startswith(CHATTER):
                    self.plain.emit(record)
            elif event in self._on:
                self._on[event](record)
            elif event not in SILENT:
                self._message(record)
        except BrokenPipeError:
            raise
        except Exception:
            self.handleError(record)

    def close(self):
        """End the bar; the run is over."""
        self._ended.set()
        if self.line is not None:
            with self.lock:
                self.line.erase()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.environ.pop(FOLDER, None)
            self._folder = None
        if self.plain is not None:
            self.plain.close()
        super().close()

    def succeeded(self):
        """Print the verdict of the reports of the run, if it has any."""
        silent = Quietness.ALL in (self.workflow.output_settings.quiet or ())
        if self.workflow.is_main_process and not self.workflow.touch and not silent:
            with self.lock:
                if self.line is not None:
                    self.line.erase()
                verdict.show(self.workflow.dag.jobs)

    def stopped(self):
        """Print which jobs failed, and where their logs are: with --keep-going the errors are far above."""
        if self.failed:
            names = [f"  {job.name}: {job.log}" for job in self.failed]
            self._print("\n".join([f"{self.done} of {self.total} jobs are done, {len(names)} failed:", *names]))

    def _begin(self, record):
        self._began = True
        if self.line is not None:
            place = Path(".snakemake")
            place.mkdir(exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="progress-", dir=place)).absolute()
            os.environ[FOLDER] = str(self._folder)  # the steps inherit it
            threading.Thread(target=self._keep_drawing, daemon=True).start()

    def _plan(self, record):
        self.total = record.stats["total"]
        logs = ", ".join(os.path.relpath(path) for path in self.workflow.logger_manager.get_logfile())
        self._print(f"{self.total} jobs; every message of Snakemake: {logs}" if logs else f"{self.total} jobs")

    def _count(self, record):
        self.done, self.total = record.done, record.total

    def _start(self, record):
        log = next(iter(record.log), "")
        self.running[record.jobid] = Job(self._called(record), log, time.monotonic())
        self._draw()

    def _finish(self, record):
        job = self.running.pop(record.job_id, None)
        if job is None:
            return
        self.done += 1
        number = f"{self.done:{len(str(self.total))}}/{self.total}"
        self._print_job(f"[{number}] {job.name}", f" ... {duration(job.seconds)}")

    def _fail(self, record):
        job = self.running.pop(record.jobid, None) or Job(record.rule_name, "", time.monotonic())
        job.log = ", ".join(record.log) or "none"
        self.failed.append(job)
        lines = [f"Error in rule {record.rule_name}: {job.name} failed after {duration(job.seconds)}"]
        lines += [f"  message: {record.rule_msg}"] if record.rule_msg else []
        lines += [f"  log: {job.log}"]
        lines += [f"  {key}: {value}" for key, value in record.aux.items()]
        lines += [f"  shell: {record.shellcmd}"] if record.shellcmd else []
        if self.workflow.output_settings.show_failed_logs and record.log:
            lines += list(show_logs(record.log))
        self._print(self.plain.decorate(record, "\n".join(lines)))

    def _command(self, record):
        command = getattr(record, "cmd", None) or getattr(record, "shellcmd", None)
        if command:
            self._print(command)  # only with --printshellcmds: Snakemake's filter lets none through otherwise

    def _message(self, record):
        """Print a message without an event of its own: warnings and errors in full, others on one line."""
        text = self.plain.format(record).strip()
        if record.levelno >= logging.WARNING:
            if not text.startswith(CHATTER):
                self._print(self.plain.decorate(record, text))
        elif text and not text.startswith(CHATTER):
            self._print(cut(" ".join(text.split()), self._columns))
            if text.startswith("Nothing to be done"):
                self.succeeded()  # Snakemake calls no onsuccess here

    def _called(self, record):
        """Return the rule and what tells the job from others of the rule: ``train nfm``."""
        if self._varying is None:
            self._varying = varying(self.workflow.dag.jobs)
        told = [
            f"seed{value}" if key == "seed" else str(value)
            for key, value in record.wildcards.items()
            if key not in USUAL or (record.rule_name, key) in self._varying
        ]
        return " ".join([record.rule_name, *told])

    @property
    def _columns(self):
        return self.line.columns if self.line is not None else COLUMNS

    def _print_job(self, text, end):
        self._print(cut(text, self._columns - len(end)) + end)

    def _print(self, text):
        text = _encodable(text, self.plain.stream)
        if self.line is not None:
            self.line.print(text, "" if self._ended.is_set() else self._status())
        else:
            self.plain.stream.write(f"{text}\n")
            self.plain.stream.flush()

    def _draw(self):
        if self.line is not None and self.total and not self._ended.is_set():
            self.line.draw(_encodable(self._status(), self.plain.stream))

    def _status(self):
        if not self.total:
            return ""
        columns, start = self._columns, bar(self.done, self.total, self._columns)
        room = columns - len(start) - 5  # for `+12`
        jobs = list(self.running.values())[: max(1, room // LEAST_COLUMNS)]  # those that began first
        more = f" +{len(self.running) - len(jobs)}" if len(self.running) > len(jobs) else ""
        share = room // max(1, len(jobs)) - 2
        told = "; ".join(at_work(job.name, clock(job.seconds), self._state(job), share) for job in jobs)
        return f"{start} {told}{more}".rstrip()

    def _state(self, job):
        """Return what the step says of itself: `reelrank.progress`."""
        try:
            return state_file(self._folder, job.log).read_text(encoding="utf-8")
        except OSError:
            return ""

    def _keep_drawing(self):
        while not self._ended.wait(LOOK_EVERY_S):
            with self.lock:
                try:
                    self._draw()
                except (OSError, ValueError):
                    return  # the terminal is gone; the run goes on without a bar


def clock(seconds):
    """Return a time of a job at work: ``0:14``, ``1:03:20``."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def varying(jobs):
    """Return the pairs of a rule and a wildcard that has more than one value among its jobs."""
    values = {}
    for job in jobs:
        for key, value in job.wildcards_dict.items():
            values.setdefault((job.rule.name, key), set()).add(value)
    return {pair for pair, found in values.items() if len(found) > 1}


def _encodable(text, stream):
    """Return a text that the stream can write: a character that its encoding lacks must not end a run."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
