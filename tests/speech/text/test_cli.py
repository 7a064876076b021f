"""`python -m speech read`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from speech.text.cli import main


def test_json_strings_in_and_objects_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('"3개"\n""\n'))
    assert main(["--jsonl"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["reading"], first["pronunciation"]) == ("세 개", "세 개")
    assert first["symbols"][-1] == 1
    assert (second["reading"], second["symbols"]) == ("", [])


def test_a_line_that_is_no_json_string_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('"가"\n{}\n'))
    assert main(["--jsonl"]) == 2
    assert "Line 2" in capsys.readouterr().err


def test_texts_as_arguments_show_reading_and_pronunciation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["국물 3개"]) == 0
    assert capsys.readouterr().out == "국물 세 개\n  [궁물 세 개]\n"


def test_a_dictionary_file_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "own.tsv"
    table.write_text("KBS\t한국방송\n", encoding="utf-8")
    assert main(["--dictionary", str(table), "KBS"]) == 0
    assert capsys.readouterr().out.startswith("한국방송\n")


def test_reading_never_imports_torch() -> None:
    code = "import sys, speech.text, speech.text.cli; speech.text.read('3개'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
