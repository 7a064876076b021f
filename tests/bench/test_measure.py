"""How rounds are judged, and how a run's figures come into the document."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest
import torch

from bench import measure, pieces, table
from bench.measure import Case, Round
from bench.pieces import Pieces


def options(**changes: object) -> argparse.Namespace:
    chosen = measure.parser("").parse_args([])
    return argparse.Namespace(**{**vars(chosen), **changes})


def measured(monkeypatch: pytest.MonkeyPatch, rounds: list[Round], **changes: object) -> measure.Row:
    coming = iter(rounds)
    monkeypatch.setattr(measure, "_once", lambda call, times: next(coming))
    case = Case("nothing", {"ours": lambda: lambda: None}, 6.0, "s of sound", 3)
    return measure.measure("test", case, options(**changes))[0]


def test_the_median_of_the_good_rounds_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    row = measured(monkeypatch, [Round(2.0, 0.0), Round(1.0, 0.04), Round(9.0, 0.0)])
    assert (row.seconds, row.good, row.refused, row.rate) == (2.0, 3, 0, 3.0)


def test_a_round_in_which_others_had_the_processors_is_refused_and_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = [Round(2.0, 0.0), Round(50.0, 0.5), Round(3.0, 0.0), Round(4.0, 0.0)]
    row = measured(monkeypatch, rounds)
    assert (row.seconds, row.good, row.refused) == (3.0, 3, 1)


def test_without_a_good_round_the_least_is_taken_and_marked_when_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    row = measured(monkeypatch, [Round(seconds, 0.5) for seconds in (5.0, 4.0, 6.0, 7.0)], patience=1)
    assert (row.seconds, row.good, row.refused) == (4.0, 0, 4)
    assert row.disturbed
    assert measure.line(row)[2] == "~4 s"


def test_what_is_measured_is_told_with_its_ratio_to_the_first_way() -> None:
    ways = {"slow": lambda: lambda: sum(range(200_000)), "fast": lambda: lambda: sum(range(2_000))}
    slow, fast = measure.measure("test", Case("sums", ways, rounds=1), options(patience=0))
    assert slow.ratio == 1.0
    assert fast.ratio > 1.0
    assert fast.memory >= 0.0


BEGINS, ENDS = (False, "add"), (True, "add")


def test_of_every_piece_the_quietest_run_counts() -> None:
    found = Pieces()
    found.add((BEGINS, ENDS, BEGINS, ENDS), [0, 5_000, 6_000, 10_000])
    found.add((BEGINS, ENDS, BEGINS, ENDS), [0, 2_000, 9_000, 10_000])
    assert found.seconds == pytest.approx(4e-6)
    found.add((BEGINS, ENDS), [0, 1])
    assert (found.rounds, found.odd, found.seconds) == (2, 1, pytest.approx(4e-6))


def test_pieces_have_settled_when_they_were_as_quiet_three_times() -> None:
    found = Pieces()
    for taken in (9_000, 4_000, 7_000, 4_100, 30_000, 8_000):
        found.add((BEGINS, ENDS), [0, taken])
        assert not found.settled
    found.add((BEGINS, ENDS), [0, 4_200])
    assert (found.settled, found.seconds, found.again) == (True, pytest.approx(4e-6), pytest.approx(4.2e-6))


def test_a_call_is_cut_where_its_operations_begin_and_end() -> None:
    x = torch.randn(8, 8, requires_grad=True)

    def call() -> object:
        return torch.autograd.grad(x.exp().sum(), x)

    marks, times = pieces.cut(call)
    names = [name for _, name in marks]
    assert (names[0], names[-1]) == ("call", "call")
    assert names.count("aten::exp") == 2
    assert any("ExpBackward" in name for name in names)
    assert times == sorted(times)
    assert pieces.cut(call)[0] == marks


def test_by_pieces_the_ways_are_compared_as_ever() -> None:
    x = torch.randn(256, 256)
    ways = {"slow": lambda: lambda: [x @ x for _ in range(20)], "fast": lambda: lambda: x @ x}
    slow, fast = measure.measure("test", Case("products", ways, 1.0, "frames"), options(pieces=0.01))
    assert (slow.ratio, slow.refused) == (1.0, 0)
    assert fast.ratio > 1.0
    assert slow.pieces > fast.pieces > 0


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "performance.md"
    path.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nbehind\n")
    monkeypatch.setattr(table, "DOCUMENT", path)
    return path


def results(tmp_path: Path, good: int) -> Path:
    row = measure.Row("sound", "mel", "ours", 0.5, 2.0, (0.4, 0.6), 60.0, "s of sound", 7.0, good, 3 - good)
    about = {
        "processor": "P",
        "cores": 2,
        "threads": 2,
        "capability": "C",
        "torch": "2",
        "python": "3",
        "measured": "now",
    }
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"machine": about, "rows": [vars(row)]}))
    return path


def test_the_figures_come_between_the_two_marks_as_often_as_one_likes(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["table.py", str(results(tmp_path, 3))])
    table.main()
    once = document.read_text()
    table.main()
    assert document.read_text() == once
    assert "| mel | ours | 500 ms | 2.00 × | 60 × real time | 7 |" in once
    assert once.startswith("before\n")
    assert once.endswith(f"{table.END}\nbehind\n")
    assert "old" not in once


def test_figures_of_a_busy_machine_do_not_come_into_the_document(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = document.read_text()
    monkeypatch.setattr(sys, "argv", ["table.py", str(results(tmp_path, 0))])
    with pytest.raises(SystemExit, match="sound: mel"):
        table.main()
    assert document.read_text() == before


def test_the_document_has_the_marks() -> None:
    text = table.DOCUMENT.read_text(encoding="utf-8")
    assert text.count(table.BEGIN) == text.count(table.END) == 1
