"""The console output of a run: one line per job, errors in full, and a progress bar on a terminal.

Snakemake's own handler prints a dozen lines per job. `attach` replaces it during a run and changes nothing else:
Snakemake's log file keeps every message. If the user asks for another output (``--quiet``, ``--verbose``,
``--dry-run``, a logger plugin), the console does too.
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
from reelrank.running import closing_lines
from reelrank.running.status_line import StatusLine, at_work, bar, cut

#: Name of Snakemake's console handler.
HANDLER = "DefaultStreamHandler"

#: Columns of a line without a terminal, and seconds between two updates of the bar on a terminal.
COLUMNS, LOOK_EVERY_S = 120, 1.0

#: Minimum columns per running job in the bar's line; jobs that do not fit are only counted.
LEAST_COLUMNS = 22

#: Wildcards that are part of a job's name only if they vary among the jobs of its rule.
USUAL = ("dataset", "protocol", "seed", "place", "scatteritem", "split")

#: First words of messages that are left out, because the lines of the jobs say the same.
CHATTER = (
    "Assuming unrestricted shared filesystem", "Building DAG", "Using shell", "Provided ", "Rules claiming",
    "Conda environments: ignored", "Singularity containers: ignored", "Group jobs: inactive", "Select jobs",
    "Execute ", "Complete log(s)", "Elapsed time", "DAG of jobs will be updated", "Shutting down", "Exiting because",
    "Removing temporary output",
)  # fmt: skip

#: Events that are left out, because the lines of the jobs report them.
SILENT = {
    LogEvent.JOB_STARTED, LogEvent.GROUP_INFO, LogEvent.RESOURCES_INFO, LogEvent.RULEGRAPH, LogEvent.WORKFLOW_STARTED,
}  # fmt: skip


@dataclass
class Job:
    """A running job: its name, its log, and when it started or was submitted."""

    name: str
    log: str
    started: float

    @property
    def seconds(self):
        """Return the seconds since the job started."""
        return time.monotonic() - self.started


def attach(workflow):
    """Let a run print through `Console`, unless the user asks for another output; return the console.

    The console stays unattached if Snakemake only lists, checks or plans, and in the jobs that Snakemake starts.
    """
    console = Console(workflow)
    settings, logger = workflow.output_settings, workflow.logger_manager.logger
    another = settings.dryrun or settings.quiet or settings.verbose or settings.debug_dag
    own = next((handler for handler in logger.handlers if handler.name == HANDLER), None)
    if workflow.is_main_process and own is not None and not another:
        console.replace(own, logger)
    return console


class Console(logging.Handler):
    """A log handler that prints Snakemake's messages in short form.

    Until the run begins, Snakemake's own handler prints: commands such as ``--list`` run no jobs.
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
        """Replace Snakemake's handler `plain`."""
        self.plain, self.name = plain, plain.name
        for each in plain.filters:
            self.addFilter(each)
        logger.handlers[logger.handlers.index(plain)] = self
        if plain.is_tty and os.environ.get("TERM") != "dumb":
            self.line = StatusLine(plain.stream)

    def emit(self, record):
        """Print the short form of a message, if it has one."""
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
        """Remove the bar at the end of the run."""
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
        """Print the verdict of the run's reports, if any."""
        silent = Quietness.ALL in (self.workflow.output_settings.quiet or ())
        if self.workflow.is_main_process and not self.workflow.touch and not silent:
            with self.lock:
                if self.line is not None:
                    self.line.erase()
                closing_lines.show(self.workflow.dag.jobs)

    def stopped(self):
        """Print the failed jobs and their logs: with --keep-going the errors have scrolled away."""
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
            self._print(command)  # only with --printshellcmds: otherwise Snakemake's filter removes them

    def _message(self, record):
        """Print a message without its own event: warnings and errors in full, others on one line."""
        text = self.plain.format(record).strip()
        if record.levelno >= logging.WARNING:
            if not text.startswith(CHATTER):
                self._print(self.plain.decorate(record, text))
        elif text and not text.startswith(CHATTER):
            self._print(cut(" ".join(text.split()), self._columns))
            if text.startswith("Nothing to be done"):
                self.succeeded()  # Snakemake calls no onsuccess here

    def _called(self, record):
        """Return the rule and the wildcards that distinguish the job: ``train nfm``."""
        if self._varying is None:
            self._varying = varying(self.workflow.dag.jobs)
        distinct = [
            f"seed{value}" if key == "seed" else str(value)
            for key, value in record.wildcards.items()
            if key not in USUAL or (record.rule_name, key) in self._varying
        ]
        return " ".join([record.rule_name, *distinct])

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
        jobs = list(self.running.values())[: max(1, room // LEAST_COLUMNS)]  # the oldest first
        more = f" +{len(self.running) - len(jobs)}" if len(self.running) > len(jobs) else ""
        share = room // max(1, len(jobs)) - 2
        running = "; ".join(at_work(job.name, clock(job.seconds), self._state(job), share) for job in jobs)
        return f"{start} {running}{more}".rstrip()

    def _state(self, job):
        """Return the progress that the step reports through `reelrank.progress`."""
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
                    return  # the terminal is gone; the run continues without a bar


def clock(seconds):
    """Return the time of a running job: ``0:14``, ``1:03:20``."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def varying(jobs):
    """Return the pairs (rule, wildcard) with more than one value of the wildcard among the rule's jobs."""
    values = {}
    for job in jobs:
        for key, value in job.wildcards_dict.items():
            values.setdefault((job.rule.name, key), set()).add(value)
    return {pair for pair, found in values.items() if len(found) > 1}


def _encodable(text, stream):
    """Return a text that the stream can encode: an unsupported character must not stop a run."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
