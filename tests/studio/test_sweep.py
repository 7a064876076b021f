"""The daily sweep of stored sounds without a row: what it takes, and what it leaves alone."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from config import reconciler
from studio import files, sweep
from studio.models import Clip, Prompt, Speaker
from studio.takes import clip_create
from tests.servers import wait_until
from tests.studio.sounds import upload


def left_behind(storage: Path, count: int) -> list[str]:
    """So many old files that no row knows."""
    keys = [f"clips/7/{number:03}.wav" for number in range(count)]
    for key in keys:
        files.save_bytes(key, b"left behind")
        os.utime(storage / key, (0, 0))
    return keys


def test_a_few_leftovers_go_without_a_person(db: None, storage: Path) -> None:
    keys = left_behind(storage, sweep.FEW)
    assert sorted(sweep.files_sweep_unwatched()) == keys


def test_a_storage_that_the_database_does_not_know_is_left_alone(
    db: None, storage: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = left_behind(storage, sweep.FEW + 1)
    assert sweep.files_sweep_unwatched() == []
    assert "21 of 21 stored files of the room studio have no row" in caplog.text
    assert sorted(sweep.files_sweep()) == keys


def test_a_take_that_is_sent_again_while_leftovers_are_looked_for_keeps_its_sound(
    speaker: Speaker, prompts: list[Prompt], storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, look = upload(prompts[0].pk), sweep.orphans
    key = f"clips/{speaker.pk}/{sent['id']}-{sent['sha256'][:16]}.wav"
    files.save_bytes(key, sent["data"])  # yesterday, when the server went down before there was a row
    os.utime(storage / key, (0, 0))

    def then_sent_again(**how: timedelta) -> tuple[list[str], int]:
        found = look(**how)
        clip_create(
            speaker=speaker, clip_id=UUID(sent["id"]), prompt=prompts[0], data=sent["data"], sha256=sent["sha256"]
        )
        return found

    monkeypatch.setattr(sweep, "orphans", then_sent_again)
    assert sweep.files_sweep_unwatched() == []
    assert files.read_bytes(Clip.objects.get().file) == sent["data"]


def test_a_take_whose_sound_is_gone_is_found(speaker: Speaker, prompts: list[Prompt]) -> None:
    for prompt in prompts[:2]:
        sent = upload(prompt.pk)
        clip_create(speaker=speaker, clip_id=UUID(sent["id"]), prompt=prompt, data=sent["data"], sha256=sent["sha256"])
    lost = Clip.objects.all()[0].file
    assert sweep.rows_without_file() == ([], 2)
    files.delete_file(lost)
    assert sweep.rows_without_file() == ([lost], 2)


def test_the_reconciler_sweeps_by_itself(
    storage: Path, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    keys = left_behind(storage, 1)
    monkeypatch.setattr(reconciler, "FIRST_SWEEP_SECONDS", 0.01)
    stop = threading.Event()
    thread = threading.Thread(target=reconciler.reconcile_until, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: not (storage / keys[0]).exists(), "the sweep", seconds=20)
    finally:
        stop.set()
        thread.join()
