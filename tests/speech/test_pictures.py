"""Pictures are PNG files of the promised size, whatever the sentence."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from speech import pictures
from speech.config import AudioConfig
from speech.pictures import draw_alignment, draw_copy


def size(path: Path) -> tuple[int, int]:
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    return width, height


@pytest.mark.parametrize(("frames", "symbols"), [(200, 30), (1000, 120), (1, 1), (0, 3)])
def test_an_alignment_is_drawn_at_any_length(tmp_path: Path, frames: int, symbols: int) -> None:
    rng = np.random.default_rng(0)
    alignment = rng.dirichlet(np.ones(symbols), frames).reshape(frames, symbols).astype(np.float32)
    mel = rng.normal(-5, 2, (80, frames)).astype(np.float32)
    draw_alignment(tmp_path / "a.png", alignment, mel, ["ᄀ"] * symbols, AudioConfig())
    assert size(tmp_path / "a.png") == (1200, 900)


def test_every_symbol_has_a_letter_in_whatever_font_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(pictures, "_hangul_font", lambda: "cmr10")  # a font that has no mark for a space either
    draw_alignment(tmp_path / "a.png", np.eye(3, dtype=np.float32), np.zeros((80, 3)), list("a b"), AudioConfig())
    assert not [str(one.message) for one in recwarn if "missing from font" in str(one.message)]


def test_a_picture_of_what_is_not_finite_is_drawn_all_the_same(tmp_path: Path) -> None:
    nothing = np.full((10, 4), np.nan, np.float32)
    draw_alignment(tmp_path / "a.png", nothing, np.full((80, 10), np.nan, np.float32), ["_"] * 4, AudioConfig())
    assert size(tmp_path / "a.png") == (1200, 900)


def test_a_copy_is_drawn_under_what_it_copies(tmp_path: Path) -> None:
    draw_copy(tmp_path / "m.png", np.zeros((80, 50), np.float32), np.zeros((80, 49), np.float32), AudioConfig())
    assert size(tmp_path / "m.png") == (1200, 780)
