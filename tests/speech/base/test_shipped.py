"""The base voice as it ships: what it says of itself is so, and every sentence that it never learned is read whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speech.base import build
from speech.files import sha256_of
from speech.header import read_header
from speech.synthesizer import Synthesizer
from speech.text import FRONT_END_VERSION, generation
from speech.text.split import DECODER_SECONDS

SHIPPED = Path(__file__).parents[3] / "voices" / "base"
SENTENCES = 8  # of those that the card was measured on


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((SHIPPED / "base.json").read_text("utf-8"))
    return told


def paths(base: dict[str, Any]) -> tuple[Path, Path | None]:
    files = {kind: SHIPPED / one["file"] for kind, one in base["files"].items()}
    return files["acoustic"], files.get("vocoder")


def test_its_files_are_those_that_it_names_and_small_enough_to_ship(base: dict[str, Any]) -> None:
    for one in base["files"].values():
        assert sha256_of(SHIPPED / one["file"]) == one["sha256"]
        assert one["sha256"] in (SHIPPED / "README.md").read_text("utf-8")
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < build.LARGEST


def test_it_learned_by_the_generation_of_the_front_end_that_reads_to_it(base: dict[str, Any]) -> None:
    assert generation(read_header(paths(base)[0]).front_end["version"]) == generation(FRONT_END_VERSION)


@pytest.mark.parametrize("text", ["안녕하세요", "내일은 비가 올까요", "네", "오늘 저녁에 뭐 먹을지 같이 생각해 보자"])
def test_what_is_typed_without_a_mark_ends_where_it_should(base: dict[str, Any], text: str) -> None:
    """By its own gate: what goes on to the limit is cut besides, and that is not asked here."""
    said = Synthesizer.load(paths(base)[0]).utter(text)
    assert not said.reached_limit
    assert len(said.samples) / 22_050 < 0.4 + 0.35 * sum(map(str.isalpha, text))


def test_what_the_decoder_does_not_hold_after_all_is_spoken_in_halves(base: dict[str, Any]) -> None:
    """A number of 22 figures stays one piece, and takes 15 s."""
    [spoken] = Synthesizer.load(*paths(base)).stream("7" * 22)
    assert spoken.seconds > DECODER_SECONDS
    assert spoken.coverage > 0.95 and not spoken.reached_limit


def test_one_seed_gives_one_sound(base: dict[str, Any]) -> None:
    voice = Synthesizer.load(*paths(base))
    first, again = (next(voice.stream("안녕하세요. 반가워요.", seed=7)).samples for _ in range(2))
    assert np.array_equal(first, again)
    assert 0.05 < np.abs(first).max() <= 1


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_every_held_out_sentence_is_read_whole_and_no_further_from_espeak_than_the_card_says(
    base: dict[str, Any],
) -> None:
    told = base["measures"]
    measured = build.measure(*paths(base), base["held_out"][:SENTENCES])
    assert measured["sentences"] == SENTENCES
    assert measured["stopped"] == 1.0
    assert measured["coverage"] == pytest.approx(1.0)
    assert measured["mcd_worst"] <= told["mcd_worst"] + 0.05  # processors round differently
    assert measured["duration_ratio"] == pytest.approx(told["duration_ratio"], abs=0.15)
