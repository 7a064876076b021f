"""The benchmark of a GPU, tried on a processor, and its published ways of doing what the oracles do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench import events, gpu, kernels
from bench.measure import Case
from speech.vocoder import waveglow
from tests.speech.acoustic.builders import TINY, random_batch, random_model
from tests.speech.oracles.tacotron2 import Tacotron2Oracle
from tests.speech.oracles.waveglow import WaveGlowOracle

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SHORTEST", 0.0)


def test_the_ways_of_a_case_are_measured_and_written(tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    rows = gpu.main(["--device", "cpu", "--tiny", "--case", "speaking 6 frames", "--json", str(file)])
    assert [row.way for row in rows] == ["oracle", "oracle bf16", "float32", "bf16", "eager loops", "eager loops bf16"]
    assert [row.error for row in rows] == [""] * 6
    assert rows[0].ratio == 1.0
    written = json.loads(file.read_text())
    assert written["machine"]["gpu"] == "cpu"
    assert [row["seconds"] for row in written["rows"]] == [row.seconds for row in rows]


def test_what_a_call_takes_is_written_by_its_time(tmp_path: Path) -> None:
    file = tmp_path / "profile.txt"
    assert gpu.main(["--device", "cpu", "--tiny", "--case", "HiFi-GAN V1, 0", "--profile", str(file)]) == []
    heads = [line for line in file.read_text().splitlines() if line.startswith("## ")]
    assert heads == [f"## HiFi-GAN V1, 0.05 s, {way}" for way in ("plain", "float32", "bf16")]
    assert "aten::" in file.read_text()


def test_a_profile_of_what_fails_says_so(tmp_path: Path) -> None:
    file = tmp_path / "profile.txt"
    kernels.write([Case("sums", {"never": lambda: lambda: 1 // 0, "sound": lambda: lambda: None})], CPU, (), file)
    never, sound = file.read_text().strip().split("## ")[1:]
    assert "ZeroDivisionError" in never
    assert "on the processor:" in sound


def test_a_way_that_fails_tells_why_and_stops_no_other() -> None:
    calls = iter(range(4))
    ways = {"oracle": lambda: lambda: 1 // 0, "never": lambda: None, "late": lambda: lambda: next(calls)}
    ways["sound"] = lambda: lambda: None
    *failed, sound = events.measure(Case("sums", ways, 2.0, "sums"), CPU, rounds=2)
    assert failed[0].error.startswith("ZeroDivisionError: ")
    assert failed[1].error.startswith("TypeError: ")
    assert failed[2].error == "StopIteration:"
    assert [row.seconds for row in failed] == [0.0] * 3
    assert (sound.error, sound.ratio, sound.rounds) == ("", 0.0, 2)
    assert events.line(failed[0])[2] == failed[0].error


def test_torchs_lstm_encodes_as_the_oracle_and_gives_its_gradients() -> None:
    model, batch = random_model(TINY), random_batch(TINY, [5, 9, 3], [1, 1, 1])
    found = []
    for kind in (Tacotron2Oracle, gpu.PublishedTacotron2):
        weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        learned = [weights[name].requires_grad_() for name in weights if name.startswith("encoder.lstm")]
        memory = kind(weights).encode(batch.symbols, batch.symbol_lengths)
        found.append((memory, *torch.autograd.grad(memory.square().sum(), learned)))
    for ours, expected in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


def test_weights_kept_for_speech_sound_as_the_oracles() -> None:
    config = replace(waveglow.PRESETS["trial"], n_mels=5, flows=3, layers=2, channels=6)
    weights = gpu.random_model(config).state_dict()
    mel, noise = torch.randn(1, 5, 2), torch.randn(1, config.group, 64)
    oracle = WaveGlowOracle(weights, group=config.group, early_every=config.early_every, early_size=config.early_size)
    published = gpu.PublishedWaveGlow(config, weights).keep()
    for _ in range(2):
        torch.testing.assert_close(published.to_samples(mel, noise), oracle.to_samples(mel, noise))
