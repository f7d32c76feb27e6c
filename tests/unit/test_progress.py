"""What a long loop says of itself: to the log, and to the run's console."""

import io
import logging
import time

import pytest

from reelrank import progress, step
from reelrank.progress import Progress, duration, state_file


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.05)
    monkeypatch.setattr(progress, "SHOW_EVERY_S", 0.02)


def until(condition):
    """Wait until something is true, a few seconds at most."""
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (14.2, "14 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (100_000, "27 h 46 min"),
    ],
)
def test_a_time_is_read_at_a_glance(seconds, text):
    assert duration(seconds) == text


def test_a_line_comes_by_itself_while_nothing_advances(fast, caplog):
    caplog.set_level(logging.INFO)
    with Progress("epoch 1 of 5", 200, "samples"):
        until(lambda: len(caplog.messages) >= 2)
    assert caplog.messages[0].startswith("epoch 1 of 5: 0 of 200 samples, for ")


def test_a_short_loop_writes_no_line(caplog):
    caplog.set_level(logging.INFO)
    with Progress("encoding", 2, "texts") as bar:
        bar.advance(2)
    assert caplog.messages == []


def test_the_line_says_rate_and_rest(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    bar = Progress("asking", 1000, "lists", done=200, note=lambda: "$0.5")
    now[0] += 10
    bar.advance(200)
    assert bar.line() == "asking: 400 of 1,000 lists, 20 a second, 30 s left, $0.5"
    assert bar.state() == "asking, 40%, $0.5"
    bar.begin("waiting")
    now[0] += 70
    assert bar.line() == "waiting, for 1 min 10 s, $0.5"
    bar.begin("file.zip", None, "bytes")
    bar.advance(5000)
    assert bar.state() == "file.zip, 5,000 bytes, $0.5"


def test_a_console_finds_the_state_by_the_log(fast, tmp_path, monkeypatch):
    monkeypatch.setenv(progress.FOLDER, str(tmp_path))
    progress.belongs_to("results/logs/train.log")
    state = state_file(tmp_path, "results/logs/train.log")
    with Progress("training") as outer:
        outer.begin("epoch 2 of 5", 100, "samples")
        outer.advance(32)
        until(state.exists)
        assert state.read_text() == "epoch 2 of 5, 32%"
        with Progress("lists", 4, "users") as inner:
            inner.advance(1)
            until(lambda: state.read_text() == "epoch 2 of 5, lists, 25%")
        until(lambda: state.read_text() == "epoch 2 of 5, 32%")
    assert list(tmp_path.iterdir()) == []


def test_a_console_that_is_gone_is_no_error(fast, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv(progress.FOLDER, str(tmp_path / "gone"))
    progress.belongs_to("a.log")
    with Progress("training"):
        until(lambda: caplog.messages)


def test_an_error_in_the_loop_ends_the_thread(fast):
    with pytest.raises(ZeroDivisionError), Progress("training") as bar:
        raise ZeroDivisionError
    assert not bar._thread.is_alive()


@pytest.mark.parametrize(("is_terminal", "before"), [(True, "\r\033[K"), (False, "")])
def test_a_message_of_a_step_clears_the_bar(is_terminal, before, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: is_terminal
    monkeypatch.setattr(step, "terminal", terminal)
    step.say("error: found 3; expected 4")
    assert terminal.getvalue() == f"{before}reelrank: error: found 3; expected 4\n"
