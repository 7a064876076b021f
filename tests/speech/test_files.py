"""Files that are whole or absent, whoever else writes."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from speech.errors import DiskFull
from speech.files import sweep, write_atomic, write_text_atomic


def test_of_two_writers_one_file_stays_whole(tmp_path: Path) -> None:
    path, errors = tmp_path / "list.json", list[Exception]()

    def write(letter: str) -> None:
        try:
            for _ in range(40):
                write_text_atomic(path, letter * 100_000)
        except OSError as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            assert path.read_text() in ("a" * 100_000, "b" * 100_000)
    assert not errors
    assert [one.name for one in tmp_path.iterdir()] == ["list.json"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "sound.wav", tmp_path / "link.wav"
    target.write_text("old")
    link.symlink_to(target)
    write_text_atomic(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_what_is_no_file_is_written_into_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_text_atomic(pipe, "sound")
    reader.join(10)
    assert read == [b"sound"]
    assert pipe.is_fifo()


def test_a_name_may_be_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("가" * 83 + ".wav")
    write_text_atomic(path, "sound")
    assert path.read_text() == "sound"


def test_a_writer_that_fails_leaves_nothing_and_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise ValueError("it failed")

    with pytest.raises(ValueError, match="it failed"):
        write_atomic(path, fail)
    assert path.read_text() == "old"
    with pytest.raises(DiskFull):
        write_atomic(path, fail, needs=2**62)  # is not even begun
    (tmp_path / ".unfinished-left.json").write_text("of one that was killed")
    sweep(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["list.json"]


@pytest.mark.parametrize(("number", "raised"), [(errno.ENOSPC, DiskFull), (errno.EACCES, PermissionError)])
def test_only_a_full_disk_is_called_full_and_nothing_is_swallowed(
    tmp_path: Path, number: int, raised: type[Exception]
) -> None:
    def fail(temporary: Path) -> None:
        raise OSError(number, "it failed")

    with pytest.raises(raised):
        write_atomic(tmp_path / "list.json", fail)
    assert not list(tmp_path.iterdir())
