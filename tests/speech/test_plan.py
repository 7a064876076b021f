"""What a run is trained with where its job does not say: as published, or as fits one that goes on from a base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speech import models
from speech.checkpoint import write_weights
from speech.config import AudioConfig, TrainingConfig
from speech.errors import BadCheckpoint, BadConfig
from speech.header import Header
from speech.job import Job
from speech.plan import Plan
from speech.text import FRONT_END_VERSION
from speech.text.dictionary import sha256
from speech.text.symbols import SYMBOLS

BASE = Path(__file__).parents[2] / "voices" / "base"


def planned(out: Path, base: str | None = str(BASE / "acoustic.safetensors"), **training: Any) -> TrainingConfig:
    wanted = {"steps": 1000, **training}
    return plan(out, base, wanted).training


def plan(out: Path, base: str | None, training: dict[str, Any], model: str = "tacotron2", **config: Any) -> Plan:
    asked = Job(
        model=model, size="compact", clips="clips", out=str(out), base=base, training=training, config=config,
        device="cpu",
    )  # fmt: skip
    return Plan.of(asked, lambda event: None)


def test_from_nothing_it_is_trained_as_published(tmp_path: Path) -> None:
    training = planned(tmp_path, base=None)
    assert (training.anneal, training.warmup_steps, training.ema) == ("none", 0, 0.0)


def test_from_a_base_the_rate_rises_and_falls_twice_and_the_weights_are_averaged(tmp_path: Path) -> None:
    training = planned(tmp_path)
    assert (training.anneal, training.warmup_steps, training.restart, training.ema) == ("cosine", 30, 0.8, 0.98)


def test_from_a_base_a_small_network_learns_at_a_higher_rate(tmp_path: Path) -> None:
    at_first, going_on = planned(tmp_path, base=None), planned(tmp_path)
    assert (at_first.batch_size, at_first.learning_rate) == (16, pytest.approx(5e-4))
    assert (going_on.batch_size, going_on.learning_rate) == (16, 1e-3)
    assert planned(tmp_path, batch_size=4).learning_rate == pytest.approx(5e-4)  # by the root


def test_what_the_job_says_stands(tmp_path: Path) -> None:
    training = planned(tmp_path, anneal="none", ema=0.0, warmup_steps=200)
    assert (training.anneal, training.warmup_steps, training.ema) == ("none", 200, 0.0)


@pytest.mark.parametrize(("steps", "warm"), [(300, 30), (50, 5), (8, 0)])
def test_a_short_run_warms_up_for_a_tenth_of_its_steps(tmp_path: Path, steps: int, warm: int) -> None:
    assert planned(tmp_path, steps=steps).warmup_steps == warm


def test_what_reads_already_drops_less_and_has_a_discriminator_unless_the_job_says_otherwise(tmp_path: Path) -> None:
    base = str(BASE / "acoustic.safetensors")
    configs = [
        plan(tmp_path, *where, {"steps": 9}, **said).config.to_json()
        for where, said in (((None,), {}), ((base,), {}), ((base,), {"convolution_dropout": 0.3}))
    ]
    assert [config["convolution_dropout"] for config in configs] == [0.5, 0.1, 0.3]
    assert [config["adversarial_weight"] for config in configs] == [0.0, 0.03, 0.03]


def test_a_small_vocoder_learns_by_settings_of_its_own(tmp_path: Path) -> None:
    training = plan(tmp_path, str(BASE / "vocoder.safetensors"), {"steps": 2000}, "hifi_gan").training
    assert (training.batch_size, training.learning_rate) == (8, pytest.approx(7e-4))
    assert (training.anneal, training.warmup_steps, training.ema) == ("cosine", 50, 0.99)


def test_a_base_of_another_network_is_refused_by_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"a vocoder \(hifi_gan, .*a base for waveglow was expected") as caught:
        plan(tmp_path, str(BASE / "vocoder.safetensors"), {}, "waveglow")
    assert caught.value.code == "wrong_model"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not UTF-8"])
def test_a_dictionary_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.tsv"
    if content is not None:
        path.write_bytes(content)
    asked = Job(model="tacotron2", size="trial", clips="clips", out=str(tmp_path), dictionary=str(path), device="cpu")
    with pytest.raises(BadConfig, match=r"own\.tsv cannot be read") as caught:
        Plan.of(asked, lambda event: None)
    assert caught.value.code == "no_dictionary"


def test_only_a_voice_that_reads_keeps_how_it_reads(tmp_path: Path) -> None:
    (tmp_path / "own.tsv").write_text("KBS\t한국방송\n", "utf-8")
    for model, reads in (("tacotron2", True), ("hifi_gan", False)):
        asked = Job(
            model=model, size="trial", clips="clips", out=str(tmp_path), dictionary=str(tmp_path / "own.tsv"),
            device="cpu",
        )  # fmt: skip
        header = Plan.of(asked, lambda event: None).header(7, {"loss": 1.0}, pace=5.4321)
        assert (header.step, header.losses, header.base, header.size) == (7, {"loss": 1.0}, "", "trial")
        assert header.front_end.get("dictionary_sha256") == (sha256({"KBS": "한국방송"}) if reads else None)
        assert (header.pace, bool(header.symbols), bool(header.text)) == (5.432 if reads else 0.0, reads, reads)


@pytest.mark.parametrize(
    ("version", "audio", "codes"),
    [
        (FRONT_END_VERSION, {}, []),
        ("0", {}, ["base_front_end"]),
        (FRONT_END_VERSION, {"f_max": 4000.0}, ["base_audio"]),
    ],
)
def test_a_base_that_learned_by_another_front_end_is_told(
    tmp_path: Path, version: str, audio: dict[str, Any], codes: list[str]
) -> None:
    config = models.preset_of("tacotron2", "trial").to_json()
    header = Header(
        kind="acoustic", model="tacotron2", config=config, size="trial", symbols=SYMBOLS, audio=AudioConfig().to_json(),
        front_end={"version": version, "mode": "pronunciation"},
    )  # fmt: skip
    path = tmp_path / "base.safetensors"
    write_weights(path, header, models.build("tacotron2", config).state_dict())
    asked = Job(model="tacotron2", clips="clips", out=str(tmp_path), base=str(path), audio=audio, device="cpu")
    told = list[Any]()
    Plan.of(asked, told.append)
    assert [event.code for event in told] == codes
