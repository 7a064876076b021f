"""What the page finds in a take by itself is what the server finds: the same measures, the same verdict."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from speech.limits import rules_json
from speech.quality import inspect, judge
from speech.wav import wav_bytes
from studio.words import VERDICT_WORDS, verdict_words
from tests.studio.sounds import take

RATE = 44_100
PROGRAM = Path(__file__).parents[1] / "js" / "measure-file.mjs"
NOT_MEASURED = {"sample_rate", "loudness_lufs", "longest_clipped_run", "dropouts"}  # by the page


@cache
def sounds() -> dict[str, np.ndarray]:
    good = take(rate=RATE, seconds=3.0)
    loud = np.clip(good.astype(np.int32) * 4, -32_768, 32_767).astype(np.int16)
    gated = good.copy()
    gated[: RATE // 10] = 0
    in_speech, in_quiet = good.copy(), good.copy()
    in_speech[RATE : RATE + 441] = 0
    in_quiet[RATE // 10 : RATE // 10 + 441] = 0
    hum = good + 1500 * np.sin(2 * np.pi * 60 * np.arange(len(good)) / RATE)
    return {
        "good": good,
        "clipped": loud,
        "hiss": take(rate=RATE, floor_dbfs=-29.0),
        "hum": np.clip(hum, -32_768, 32_767).astype(np.int16),
        "soft": take(rate=RATE, peak_dbfs=-45.0, floor_dbfs=-92.0),
        "silent": np.zeros(RATE, np.int16),
        "room only": take(rate=RATE, peak_dbfs=-200.0),
        "early": take(rate=RATE, quiet=0.0),
        "gated": gated,
        "not centred": np.clip(take(rate=RATE, peak_dbfs=-9.0).astype(np.int32) + 900, -32_768, 32_767).astype(
            np.int16
        ),
        "long": take(rate=RATE, seconds=16.5),
        "short": good[:400],
        "hole in speech": in_speech,
        "hole in the quiet": in_quiet,
    }


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    node = shutil.which("node")
    assert node, "Node.js is not installed"
    folder = tmp_path_factory.mktemp("looks")
    (folder / "rules.json").write_text(json.dumps(rules_json()))
    names = sounds()
    for name, samples in names.items():
        (folder / f"{name}.wav").write_bytes(wav_bytes(samples, RATE))
    files = [folder / f"{name}.wav" for name in names]
    said = subprocess.run([node, PROGRAM, folder / "rules.json", *files], capture_output=True, text=True, check=True)
    return dict(zip(names, map(json.loads, said.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", sounds())
def test_the_page_measures_what_the_server_measures(name: str, looks: dict[str, dict]) -> None:
    server = {
        measure: value
        for measure, value in inspect(sounds()[name], RATE).to_json().items()
        if measure not in NOT_MEASURED
    }
    assert looks[name]["measures"] == pytest.approx(server, abs=0.01)


@pytest.mark.parametrize("name", [name for name in sounds() if not name.startswith("hole")])  # void before the look
def test_the_page_and_the_server_come_to_one_verdict(name: str, looks: dict[str, dict]) -> None:
    server = judge(inspect(sounds()[name], RATE)).to_json()
    page = looks[name]["verdict"]
    assert page["level"] == server["level"]
    assert {reason["code"]: reason["level"] for reason in page["reasons"]} == {
        reason["code"]: reason["level"] for reason in server["reasons"]
    }


@pytest.mark.parametrize("name", sounds())
def test_the_page_finds_holes_where_the_server_does(name: str, looks: dict[str, dict]) -> None:
    assert (looks[name]["holes"] > 0) == (inspect(sounds()[name], RATE).dropouts > 0)
    assert (looks[name]["holes"] > 0) == name.startswith("hole")


def test_the_page_has_the_words_of_every_reason_with_places_for_the_numbers() -> None:
    reasons = verdict_words()["reasons"]
    assert set(reasons) == set(VERDICT_WORDS)
    assert all(each["words"] and each["advice"] and "%(" not in each["words"] for each in reasons.values())
    assert "{value} dB" in reasons["noisy"]["words"]
