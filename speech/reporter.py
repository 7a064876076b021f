"""Where events go: one JSON line each to the reader of standard output and to a file, and a bar on a terminal."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from speech.errors import Busy
from speech.events import (
    CheckpointSaved,
    DataPrepared,
    Evaluated,
    Event,
    StageChanged,
    StepDone,
    TrainingEnded,
    TrainingFailed,
    TrainingStarted,
    Warned,
)

logger = logging.getLogger(__name__)


class Reporter:
    """Call it with an event. `stream`: None where nobody reads lines; `bar`: a terminal, or None."""

    def __init__(self, log: Path | None = None, stream: TextIO | None = None, bar: TextIO | None = None) -> None:
        self._log = log
        self._stream = stream
        self._bar_file = bar
        self._bar: tqdm[Any] | None = None
        self._opened = False

    def __call__(self, event: Event) -> None:
        """Raises BrokenPipeError when the reader of the lines is gone."""
        line = event.to_line() + "\n"
        if self._log is not None and not _is_refused(event):
            self._append(self._log, line)
        if self._stream is not None:
            self._stream.write(line)
            self._stream.flush()
        if self._bar_file is not None:
            self._show(event, self._bar_file)

    def _append(self, log: Path, line: str) -> None:
        try:
            if not self._opened:
                log.parent.mkdir(parents=True, exist_ok=True)
                _close_half_line(log)
                self._opened = True
            with log.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:  # a full disk must not end a run over its diary
            logger.warning("%s could not be written: %s", log, error)
            self._log = None

    def _show(self, event: Event, file: TextIO) -> None:
        match event:
            case StageChanged(stage=stage, done=done, total=total) if total:
                self._advance(file, stage, done, total)
            case TrainingStarted():
                tqdm.write(
                    f"{event.model}: {event.parameters / 1e6:.1f} M parameters on {event.device}, {event.precision}, "
                    f"batches of {event.batch_size}, steps {event.step}-{event.total}",
                    file=file,
                )
            case StepDone():
                bar = self._advance(file, "train", event.step, event.total)
                bar.set_postfix_str(f"loss {event.losses['loss']:.3f}, {event.steps_per_minute:.1f} steps/min")
            case DataPrepared() | Evaluated() | CheckpointSaved() | Warned() | TrainingEnded() | TrainingFailed():
                tqdm.write(_sentence(event), file=file)
                if isinstance(event, TrainingEnded | TrainingFailed):
                    self._close()

    def _advance(self, file: TextIO, title: str, done: int, total: int) -> tqdm[Any]:
        bar = self._bar
        if bar is None or bar.desc != f"{title}: ":
            self._close()
            bar = self._bar = tqdm(total=total, initial=done, desc=title, file=file, dynamic_ncols=True)
        bar.n = done
        bar.refresh()
        return bar

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _sentence(event: Event) -> str:
    match event:
        case DataPrepared():
            skipped = "".join(f"\n  skipped {one.get('id')}: {one.get('message')}" for one in event.skipped)
            return f"{event.clips} clips, {event.seconds / 60:.1f} minutes, {event.held_out} held out{skipped}"
        case Evaluated():
            figures = {**event.losses, **event.alignment}
            return f"step {event.step}, held out: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
        case CheckpointSaved():
            return f"step {event.step}, saved{' (best so far)' if event.best else ''}: {event.path}"
        case Warned() | TrainingFailed():
            return event.message
        case TrainingEnded():
            return f"{event.reason} at step {event.step}"
        case _:
            return event.to_line()


def _is_refused(event: Event) -> bool:
    """Whether the folder is another trainer's, and the diary in it as well."""
    return isinstance(event, TrainingFailed) and event.code == Busy.code


def _close_half_line(log: Path) -> None:
    """A writer that was killed may have left half a line; the next event starts a new one."""
    if not log.exists() or not log.stat().st_size:
        return
    with log.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
