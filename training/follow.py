"""A run on a terminal: its log line by line, and a bar for the steps. Reads the rows, so it needs no Redis."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO

from django.db import connections
from django.utils.translation import gettext as _
from tqdm import tqdm

from training import selectors
from training.models import TrainingRun
from training.words import PART_WORDS, STAGE_WORDS, clips_named, log_words

POLL_SECONDS = 1.0


class Follower:
    """Shows a run until it is over."""

    def __init__(self, run: TrainingRun, file: TextIO = sys.stderr) -> None:
        self.run = run
        self.file = file
        self.seq = 0
        self.waiting: int | None = None
        self._bar: tqdm[Any] | None = None

    def follow(self, until: threading.Event | None = None) -> None:
        """Returns when the run is over and everything of it was shown, or soon after `until` is set."""
        pause = until or threading.Event()
        while True:
            self.run.refresh_from_db()
            over = self.run.state not in TrainingRun.ACTIVE
            self._tell_of_queue()
            self._show_new()
            if over or pause.wait(POLL_SECONDS):
                break
        self._show_new()
        self._close()

    @contextlib.contextmanager
    def in_background(self) -> Iterator[None]:
        """Follow in a thread while the caller does the work."""
        until = threading.Event()

        def follow() -> None:
            try:
                self.follow(until)
            finally:
                connections.close_all()

        thread = threading.Thread(target=follow, name="follower")
        thread.start()
        try:
            yield
        finally:
            until.set()
            thread.join()

    def _tell_of_queue(self) -> None:
        position = selectors.queue_position(self.run)
        if position and position != self.waiting:
            words = _("차례를 기다려요 (%(position)s번째). 학습 작업자가 없으면 --here 로 시작해 주세요.")
            tqdm.write(words % {"position": position}, file=self.file)
        self.waiting = position

    def _show_new(self) -> None:
        while events := selectors.events_after(self.run, self.seq):
            for event in events:
                self.seq = event["seq"]
                self._show(event["kind"], event["data"])

    def _show(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "step_done":
            bar = self._advance(str(PART_WORDS[data["part"]]), data["step"], data["total"])
            bar.set_postfix_str(f"loss {data['losses']['loss']:.3f}, {data['steps_per_minute']:.1f}/min")
        elif kind == "stage_changed":
            if data.get("total"):
                self._advance(str(STAGE_WORDS.get(data["stage"], data["stage"])), data["done"], data["total"])
        elif words := log_words(kind, data, selectors.clip_texts(clips_named(data))):
            self._close()
            tqdm.write(words, file=self.file)

    def _advance(self, title: str, done: int, total: int) -> tqdm[Any]:
        if self._bar is None or self._bar.desc != f"{title}: ":
            self._close()
            self._bar = tqdm(total=total, initial=done, desc=title, file=self.file, dynamic_ncols=True)
        self._bar.n = done
        self._bar.refresh()
        return self._bar

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
