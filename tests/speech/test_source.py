from __future__ import annotations

import json
from pathlib import Path

import pytest

from speech.errors import BadDataset
from speech.source import read_source


def write(folder: Path, *rows: object) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "clips.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_rows_become_clips_in_their_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"id": "b", "audio": "sub/b.wav", "text": "7세", "reading": "칠세", "trim": [0.5, 2]},
        {"id": "a", "audio": "a.wav", "text": "안녕", "take": 3},
    )
    clips, skipped = read_source(tmp_path)
    assert [clip.id for clip in clips] == ["b", "a"]
    assert clips[0].audio == tmp_path / "sub/b.wav"
    assert clips[0].reading == "칠세"
    assert clips[0].trim == (0.5, 2.0)
    assert clips[1].trim is None
    assert skipped == []


@pytest.mark.parametrize("row", [
    "no json", "[]", {"id": "", "audio": "a.wav", "text": "가"}, {"id": "a", "text": "가"},
    {"id": "a", "audio": "a.wav", "text": 7}, {"id": "a", "audio": "a.wav", "text": "가", "reading": 1},
    {"id": "a", "audio": "a.wav", "text": "가", "trim": [2, 1]},
    {"id": "a", "audio": "a.wav", "text": "가", "trim": "x"},
    {"id": "a", "audio": "../a.wav", "text": "가"}, {"id": "a", "audio": "/etc/a.wav", "text": "가"},
])  # fmt: skip
def test_a_bad_row_is_named_by_its_line_and_the_rest_goes_in(tmp_path: Path, row: object) -> None:
    write(tmp_path, {"id": "good", "audio": "a.wav", "text": "가"}, row)
    clips, skipped = read_source(tmp_path)
    assert [clip.id for clip in clips] == ["good"]
    assert [(one.id, one.code) for one in skipped] == [("clips.jsonl:2", "bad_row")]


def test_a_repeated_id_is_skipped(tmp_path: Path) -> None:
    row = {"id": "a", "audio": "a.wav", "text": "가"}
    write(tmp_path, row, row)
    clips, skipped = read_source(tmp_path)
    assert len(clips) == 1
    assert skipped[0].code == "duplicate_id"


def test_a_table_like_that_of_ljspeech_is_read(tmp_path: Path) -> None:
    (tmp_path / "flac").mkdir()
    (tmp_path / "flac/a.flac").touch()
    table = "\ufeffa|7세 때|칠세 때\r\nb|두 칸\r\n\r\nc|하나|둘|셋\r\n"
    (tmp_path / "metadata.csv").write_text(table, encoding="utf-8", newline="")
    clips, skipped = read_source(tmp_path)
    assert [(clip.id, clip.text, clip.reading) for clip in clips] == [("a", "7세 때", "칠세 때"), ("b", "두 칸", "")]
    assert clips[0].audio == tmp_path / "flac/a.flac"
    assert [one.id for one in skipped] == ["metadata.csv:4"]


def test_a_folder_without_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match=r"clips\.jsonl"):
        read_source(tmp_path)


def test_a_list_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_bytes("a|안녕|안녕".encode("cp949"))
    with pytest.raises(BadDataset, match="UTF-8"):
        read_source(tmp_path)
