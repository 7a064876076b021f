"""Events reach the reader of lines, the file, and a person at a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from speech.events import StageChanged, StepDone, TrainingEnded, TrainingFailed, Warned, parse_line
from speech.reporter import Reporter

STEP = StepDone(
    step=3, total=10, losses={"loss": 1.25}, learning_rate=1e-3, grad_norm=1.0, seconds=0.5, frames=100,
    steps_per_minute=120.0, eta_seconds=3.5, memory_mib=100.0,
)  # fmt: skip


def test_each_event_is_a_line_in_the_stream_and_in_the_file(tmp_path: Path) -> None:
    stream = io.StringIO()
    report = Reporter(tmp_path / "events.jsonl", stream)
    events = [StageChanged("load"), STEP, Warned("odd", "이상합니다."), TrainingEnded(3, "stopped")]
    for event in events:
        report(event)
    assert [parse_line(line) for line in stream.getvalue().splitlines()] == events
    assert (tmp_path / "events.jsonl").read_text("utf-8") == stream.getvalue()


def test_half_a_line_of_a_killed_writer_does_not_swallow_the_next_event(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text('{"event": "stage_ch')
    Reporter(log)(StageChanged("load"))
    assert parse_line(log.read_text().splitlines()[1]) == StageChanged("load")


def test_a_trainer_that_finds_the_folder_taken_leaves_the_diary_of_the_other_alone(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text('{"event": "step_do')  # the other one is about to write the rest
    stream = io.StringIO()
    Reporter(log, stream)(TrainingFailed("busy", "Another trainer is at work here."))
    assert log.read_text() == '{"event": "step_do'
    assert parse_line(stream.getvalue()).name == "training_failed"


def test_a_diary_that_cannot_be_written_does_not_end_the_run() -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("no /dev/full here")
    stream = io.StringIO()
    report = Reporter(None, stream)
    report._log = Path("/dev/full")
    report(StageChanged("load"))
    report(StageChanged("train"))
    assert len(stream.getvalue().splitlines()) == 2


def test_a_person_at_a_terminal_sees_the_step_the_loss_and_the_warnings() -> None:
    terminal = io.StringIO()
    report = Reporter(None, None, terminal)
    report(STEP)
    report(Warned("odd", "One clip is odd."))
    report(TrainingEnded(3, "stopped"))
    shown = terminal.getvalue()
    assert "3/10" in shown
    assert "loss 1.250" in shown
    assert "One clip is odd." in shown
    assert "stopped at step 3" in shown


@pytest.mark.parametrize(
    "line", ["[1]", '"step_done"', '{"step": 1}', '{"event": "nonsense"}', '{"event": "step_do', ""]
)
def test_a_line_that_is_no_event_is_a_value_error_and_nothing_else(line: str) -> None:
    with pytest.raises(ValueError):
        parse_line(line)
