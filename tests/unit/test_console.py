"""What a run prints, on a terminal and without one: the messages of Snakemake go in, and what is shown is read."""

import io
import logging
import re
import time
from types import SimpleNamespace

import pytest
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter, LogEvent
from snakemake.settings.enums import Quietness

from reelrank import progress
from reelrank.running import console, status_line
from reelrank.running.console import attach


class Screen(io.StringIO):
    """A stream that may be a terminal."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    @property
    def lines(self):
        """What a person sees at the end: a line is erased by what the code for it says."""
        shown = [line.rpartition(status_line.ERASE)[2] for line in self.getvalue().split("\n")]
        return [re.sub(r"\033\[\d*m", "", line) for line in shown]


def job(rule, **wildcards):
    """Return a job as the graph of jobs has it."""
    output = SimpleNamespace(html="report.html", verdict="verdict.json")
    return SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards_dict=wildcards, output=output)


class Run:
    """A Snakemake that only talks."""

    def __init__(self, terminal=False, jobs=(), main=True, **settings):
        self.screen = Screen(terminal)
        quiet = settings.get("quiet")
        given = {"dryrun": False, "verbose": False, "debug_dag": False, "printshellcmds": False}
        given |= {key: settings[key] for key in given if key in settings}
        plain = ColorizingTextHandler(
            stream=self.screen,
            filter=DefaultFilter(
                quiet, **{key: given[key] for key in ("debug_dag", "verbose", "dryrun", "printshellcmds")}
            ),
            formatter=DefaultFormatter(quiet),
        )
        plain.name = console.HANDLER
        self.logger = logging.Logger("a run", logging.INFO)
        self.logger.addHandler(plain)
        self.workflow = SimpleNamespace(
            output_settings=SimpleNamespace(quiet=quiet, show_failed_logs=False, **given),
            logger_manager=SimpleNamespace(logger=self.logger, get_logfile=lambda: ["a.log"]),
            is_main_process=main,
            touch=False,
            dag=SimpleNamespace(jobs=list(jobs)),
        )
        self.console = attach(self.workflow)
        self.numbers = iter(range(100))

    def say(self, text, event=None, level=logging.INFO, **extra):
        """Send a message of Snakemake."""
        self.logger.log(level, text, extra={"event": event, **extra} if event else None)

    def begin(self, total):
        self.say("Workflow has started!", LogEvent.WORKFLOW_STARTED)
        self.say("Building DAG of jobs...")
        self.say("Job stats:\na lot", LogEvent.RUN_INFO, stats={"total": total})

    def start(self, rule, **wildcards):
        number = next(self.numbers)
        self.say(
            None, LogEvent.JOB_INFO, jobid=number, rule_name=rule, rule_msg=None, wildcards=wildcards,
            log=[f"logs/{rule}.log"], reason="because", input=["in"] * 2000, output=[],
        )  # fmt: skip
        return number

    def finish(self, number):
        self.say("Finished", LogEvent.JOB_FINISHED, job_id=number)

    def fail(self, number, rule, message=None):
        self.say(
            "Error", LogEvent.JOB_ERROR, logging.ERROR, jobid=number, rule_name=rule, rule_msg=message, aux={},
            log=[f"logs/{rule}.log"], shellcmd=None, input=["in"] * 2000, output=[], conda_env=None, indent=False,
        )  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TERM", raising=False)
    return tmp_path


def test_a_job_is_a_line(here):
    run = Run(jobs=[job("train", base_model="nfm", seed="1", protocol="leave_one_out"),
                    job("train", base_model="pop", seed="1", protocol="leave_one_out")])  # fmt: skip
    run.begin(12)
    run.say("Select jobs to execute...")
    number = run.start("train", protocol="leave_one_out", base_model="nfm", seed="1")
    run.console.running[number].started -= 14
    run.finish(number)
    run.say(None, LogEvent.PROGRESS, done=1, total=12)
    assert run.screen.lines == ["12 jobs; every message of Snakemake: a.log", "[ 1/12] train nfm ... 14 s", ""]


def test_protocol_and_seed_are_named_where_they_differ(here):
    jobs = [job("train", base_model="nfm", seed=seed, protocol=protocol) for seed in "12" for protocol in ("a", "b")]
    run = Run(jobs=jobs)
    run.begin(4)
    run.finish(run.start("train", protocol="b", base_model="nfm", seed="2"))
    assert run.screen.lines[1] == "[1/4] train b nfm seed2 ... 0 s"


def test_a_long_line_is_cut_and_keeps_its_time(here):
    run = Run()
    run.begin(1)
    run.finish(run.start("rerank", reranker="a" * 500))
    run.say("word " * 500)
    assert all(len(line) <= console.COLUMNS for line in run.screen.lines)
    assert run.screen.lines[1].endswith("aaa... ... 0 s")


def test_an_error_is_printed_in_full_with_the_log(here):
    run = Run()
    run.begin(2)
    run.say("x" * 1000, LogEvent.ERROR, logging.ERROR)
    run.fail(run.start("train", base_model="nfm"), "train")
    shown = run.screen.lines
    assert "x" * 1000 in shown
    assert "Error in rule train: train nfm failed after 0 s" in shown and "  log: logs/train.log" in shown
    assert not any("in, in" in line for line in shown)
    run.console.stopped()
    assert run.screen.lines[-3:] == ["0 of 2 jobs are done, 1 failed:", "  train nfm: logs/train.log", ""]


def test_what_is_not_known_is_shown(here):
    run = Run()
    run.begin(1)
    run.say("SLURM run ID: 123")
    run.say("Trying to restart job 4.")
    run.say("a warning\nof two lines", level=logging.WARNING)
    assert run.screen.lines[1:] == ["SLURM run ID: 123", "Trying to restart job 4.", "a warning", "of two lines", ""]


def test_before_a_run_begins_snakemake_prints(here):
    run = Run()
    run.say("Assuming unrestricted shared filesystem usage.")
    run.say("a rule " * 100)
    assert run.screen.lines == ["a rule " * 100, ""]


@pytest.mark.parametrize(
    "settings",
    [{"dryrun": True}, {"verbose": True}, {"debug_dag": True}, {"quiet": {Quietness.RULES}}, {"quiet": {Quietness.ALL}},
     {"main": False}],
)  # fmt: skip
def test_another_output_stays_as_snakemake_has_it(here, settings):
    run = Run(**settings)
    assert [type(handler) for handler in run.logger.handlers] == [ColorizingTextHandler]


def test_a_logger_plugin_stays(here):
    run = Run()
    run.logger.handlers[0].name = "a plugin"
    before = list(run.logger.handlers)
    attach(run.workflow)
    assert run.logger.handlers == before


def test_shell_commands_are_shown_if_asked_for(here):
    for asked in (False, True):
        run = Run(printshellcmds=asked)
        run.begin(1)
        run.say("Shell command: ls", LogEvent.SHELLCMD, shellcmd="ls", indent=False)
        run.say("Shell command: None", LogEvent.SHELLCMD, shellcmd=None, indent=False)
        assert ("ls" in run.screen.lines) == asked and len(run.screen.lines) == 2 + asked


@pytest.mark.parametrize("columns", [80, 40, 15])
def test_a_terminal_has_a_bar_below_the_lines(here, monkeypatch, columns):
    monkeypatch.setattr(status_line.StatusLine, "columns", columns)
    monkeypatch.setattr(console, "LOOK_EVERY_S", 0.01)
    run = Run(terminal=True)
    run.begin(4)
    done, other = run.start("prepare"), run.start("train", base_model="nfm")
    run.finish(done)
    state = progress.state_file(console.os.environ[progress.FOLDER], "logs/train.log")
    state.write_text("epoch 2 of 5, 32%")
    end = time.monotonic() + 5
    start = status_line.bar(1, 4, columns)
    whole = f"{start} {status_line.at_work('train nfm', '0:00', 'epoch 2 of 5, 32%', columns - len(start) - 7)}"
    while status_line.cut(whole, columns - 1) != run.screen.lines[-1] and time.monotonic() < end:
        time.sleep(0.01)
    assert run.screen.lines[1:] == [
        status_line.cut("[1/4] prepare", columns - 8) + " ... 0 s",
        status_line.cut(whole, columns - 1),
    ]
    run.finish(other)
    run.console.close()
    assert run.screen.lines[-1] == "" and progress.FOLDER not in console.os.environ
    assert list((here / ".snakemake").iterdir()) == []


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (40, "train nfm 0:14 epoch 2 of 5, 32%"),
        (20, "train nfm 0:14 32%"),
        (17, "train... 0:14 32%"),
        (5, "train... 0:14 32%"),
    ],
)
def test_a_job_at_work_says_what_there_is_room_for(width, text):
    assert status_line.at_work("train nfm", "0:14", "epoch 2 of 5, 32%", width) == text


@pytest.mark.parametrize(("seconds", "text"), [(14.9, "0:14"), (63, "1:03"), (3800, "1:03:20")])
def test_the_clock_of_a_job_at_work(seconds, text):
    assert console.clock(seconds) == text


def test_jobs_that_the_terminal_has_no_room_for_are_counted(here, monkeypatch):
    monkeypatch.setattr(status_line.StatusLine, "columns", 70)
    run = Run(terminal=True)
    run.begin(4)
    for base_model in ("nfm", "pop", "dssm_video", "lightgcn"):
        run.start("train", base_model=base_model)
    assert run.screen.lines[-1] == "[--------] 0/4 train nfm 0:00; train pop 0:00 +2"
    run.console.close()


def test_a_dumb_terminal_has_no_bar(here, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    run = Run(terminal=True)
    run.begin(1)
    run.finish(run.start("prepare"))
    assert "\033" not in run.screen.getvalue()


def test_nothing_to_do_shows_the_verdict_all_the_same(here, monkeypatch):
    shown = []
    monkeypatch.setattr(console.closing_lines, "show", shown.append)
    run = Run(jobs=[job("report")])
    run.say("Workflow has started!", LogEvent.WORKFLOW_STARTED)
    run.say("Nothing to be done (all requested files are present and up to date).")
    assert shown == [run.workflow.dag.jobs]


@pytest.mark.parametrize(("quiet", "shows"), [(None, True), ({Quietness.PROGRESS}, True), ({Quietness.ALL}, False)])
def test_the_verdict_is_shown_unless_all_is_quiet(here, monkeypatch, quiet, shows):
    shown = []
    monkeypatch.setattr(console.closing_lines, "show", shown.append)
    Run(quiet=quiet).console.succeeded()
    assert bool(shown) == shows


def test_a_character_that_the_terminal_lacks_ends_nothing(here):
    class Ascii(io.StringIO):
        encoding = "ascii"

    run = Run()
    run.console.plain.stream = Ascii()
    run.begin(1)
    run.finish(run.start("train", base_model="modèle"))
    assert "train mod?le" in run.console.plain.stream.getvalue()
