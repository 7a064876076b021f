"""Text to sound with trial-sized networks: what they say is babble, how it comes is not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from speech import models
from speech.checkpoint import write_weights
from speech.config import AudioConfig, TextConfig
from speech.errors import BadCheckpoint, BadConfig, BadText
from speech.header import Header
from speech.products import int8_range
from speech.synthesizer import Synthesizer, join
from speech.text import FRONT_END_VERSION, encode, generation
from speech.text.dictionary import sha256
from speech.text.split import DECODER_SECONDS, syllables
from speech.text.symbols import SYMBOLS

HEADER = Header(
    kind="acoustic", model="tacotron2", config={}, symbols=SYMBOLS,
    front_end={"version": FRONT_END_VERSION, "mode": "pronunciation"},
    audio=AudioConfig().to_json(), text=TextConfig().to_json(), step=1,
)  # fmt: skip
TEXT = "안녕하세요? 오늘은 날씨가 좋네요. 내일 또 만나요!"


def write(path: Path, header: Header, gate: float | None = None) -> Path:
    """A trial-sized network of random weights; `gate`: bias of the stop gate, so that it stops late or never."""
    torch.manual_seed(0)
    network = models.build(header.model, header.config)
    if gate is not None:
        network.decoder.gate_layer.linear_layer.bias.data.fill_(gate)
    write_weights(path, header, network.state_dict())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voices")


@pytest.fixture(scope="module")
def acoustic(folder: Path) -> Path:
    return write(folder / "a.safetensors", acoustic_header())


@pytest.fixture(scope="module")
def endless(folder: Path) -> Path:
    return write(folder / "endless.safetensors", acoustic_header(), gate=-50.0)


@pytest.fixture(scope="module")
def vocoder(folder: Path) -> Path:
    return write(folder / "v.safetensors", vocoder_header())


def acoustic_header() -> Header:
    return dataclasses.replace(HEADER, config=models.preset_of("tacotron2", "trial").to_json())


def vocoder_header(**audio: int) -> Header:
    return Header(
        kind="vocoder", model="waveglow", config=models.preset_of("waveglow", "trial").to_json(),
        audio={**AudioConfig().to_json(), **audio},
    )  # fmt: skip


def test_sentences_come_one_by_one_each_with_its_reading_and_sound(acoustic: Path) -> None:
    voice = Synthesizer.load(acoustic, device="cpu")
    stream = voice.stream(TEXT)
    first = next(stream)
    assert (first.index, first.total, first.text) == (0, 3, "안녕하세요?")
    rest = list(stream)
    assert [sentence.text for sentence in (first, *rest)] == voice.plan(TEXT)
    for sentence in (first, *rest):
        assert sentence.samples.dtype == np.float32
        assert np.abs(sentence.samples).max() <= 1.0
        assert sentence.seconds == len(sentence.samples) / 22_050
        assert sentence.reading.reading
        assert 0 <= sentence.coverage <= 1


def test_a_trained_vocoder_takes_the_place_of_griffin_lim(acoustic: Path, vocoder: Path) -> None:
    plain = list(Synthesizer.load(acoustic, device="cpu").stream(TEXT))
    other = list(Synthesizer.load(acoustic, vocoder, device="cpu").stream(TEXT))
    assert [len(one.samples) for one in plain] == [len(one.samples) for one in other]
    assert not np.array_equal(plain[0].samples, other[0].samples)


def test_a_sentence_sets_in_and_ends_without_a_click_and_is_the_same_between(acoustic: Path, vocoder: Path) -> None:
    voice = Synthesizer.load(acoustic, vocoder, device="cpu")
    text, edge = "안녕하세요?", 110  # 5 ms
    bare, sentence = voice.utter(text).samples, next(voice.stream(text)).samples
    assert sentence[0] == sentence[-1] == 0
    assert np.abs(sentence[:10]).max() < 0.05 * np.abs(bare).max()
    assert np.array_equal(sentence[edge:-edge], bare[edge:-edge])


def test_a_seed_gives_one_and_the_same_sound_and_another_seed_another(acoustic: Path, vocoder: Path) -> None:
    voice = Synthesizer.load(acoustic, vocoder, device="cpu")
    first, again, other = (join(list(voice.stream("안녕하세요?", seed=seed))) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_sentence_that_runs_into_the_limit_says_so(endless: Path) -> None:
    sentence = next(Synthesizer.load(endless, device="cpu").stream("안녕하세요?"))
    assert sentence.reached_limit
    assert sentence.seconds == pytest.approx(11.6, abs=0.05)


def test_what_was_said_is_cut_where_a_decoder_goes_on(endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = Synthesizer.load(endless, device="cpu")
    run = voice._run

    def led(symbols: list[int], seed: int) -> Any:
        """The same, by an attention that moves on every tenth frame and stays at the end."""
        spoken = run(symbols, seed)
        path = (torch.arange(spoken.alignment.size(1)) // 10).clamp(max=len(symbols) - 1)
        return dataclasses.replace(spoken, alignment=torch.eye(len(symbols))[path][None])

    monkeypatch.setattr(voice, "_run", led)
    sentence = next(voice.stream("안녕하세요?"))
    symbols = len(encode(sentence.reading, voice.text))
    frames = 10 * (symbols - 1) + 12
    assert (len(sentence.samples) // 256, sentence.coverage, sentence.reached_limit) == (frames, 1.0, False)


@pytest.mark.parametrize(
    ("second", "heard"),
    [((3, False), 1), ((4, True), 0), ((6, True), 1)],
    ids=["it ends by itself", "it says less", "it says more"],
)
def test_what_does_not_end_is_tried_once_more_and_the_better_try_is_heard(
    acoustic: Path, monkeypatch: pytest.MonkeyPatch, second: tuple[int, bool], heard: int
) -> None:
    voice, tries = Synthesizer.load(acoustic, device="cpu"), [(5, True), second]
    seeds: list[int] = []

    def run(symbols: list[int], seed: int) -> Any:
        """A try whose attention comes as far as a symbol, one frame for each, and a mel as long."""
        far, endless = tries[len(seeds)]
        seeds.append(seed)
        return SimpleNamespace(
            mel=torch.full((1, 80, far + 1), -4.0), mel_lengths=torch.tensor([far + 1]),
            alignment=torch.eye(len(symbols))[: far + 1][None], reached_limit=torch.tensor([endless]),
        )  # fmt: skip

    monkeypatch.setattr(voice, "_run", run)
    sentence = next(voice.stream("안녕하세요?", seed=7))
    far, endless = tries[heard]
    assert (len(sentence.samples), sentence.reached_limit) == ((far + 1) * 256, endless)
    assert sentence.coverage == pytest.approx((far + 2) / len(encode(sentence.reading, voice.text)))
    assert seeds[0] == 7 != seeds[1]
    assert len(seeds) == 2


def test_a_text_without_marks_is_closed_and_its_clauses_go_on(acoustic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = Synthesizer.load(acoustic, device="cpu")
    seen: list[str] = []
    run = voice._run

    def noted(symbols: list[int], seed: int) -> Any:
        seen.append("".join(SYMBOLS[number] for number in symbols))
        return run(symbols, seed)

    monkeypatch.setattr(voice, "_run", noted)
    long = "아침 일찍 일어나서 물을 마시고 창문을 열고 하늘을 보고 " * 3 + "다시 잤다"
    pieces = voice.plan(f"제목\n{long}")
    assert len(pieces) > 2
    list(voice.stream(f"제목\n{long}"))
    assert [one[-2:] for one in seen] == [".~"] + [",~"] * (len(pieces) - 2) + [".~"]


def test_a_voice_that_learned_no_marks_is_given_none(folder: Path) -> None:
    letters = tuple("x" if one in "!,.?" else one for one in SYMBOLS)
    header = dataclasses.replace(acoustic_header(), symbols=letters)
    voice = Synthesizer.load(write(folder / "letters.safetensors", header), device="cpu")
    assert len(list(voice.stream("안녕하세요"))) == 1


def test_sentences_are_joined_with_a_pause(acoustic: Path) -> None:
    sentences = list(Synthesizer.load(acoustic, device="cpu").stream(TEXT))
    joined = join(sentences, pause=0.5)
    assert len(joined) == sum(len(one.samples) for one in sentences) + 2 * 11_025
    place = len(sentences[0].samples)
    assert np.array_equal(joined[:place], sentences[0].samples)
    assert not joined[place : place + 11_025].any()
    assert np.array_equal(joined[place + 11_025 :][: len(sentences[1].samples)], sentences[1].samples)
    assert len(join([])) == 0


def test_a_text_of_nothing_is_refused_before_any_sound(acoustic: Path) -> None:
    with pytest.raises(BadText):
        next(Synthesizer.load(acoustic, device="cpu").stream("  "))


def test_a_voice_with_its_symbols_in_another_order_speaks_the_same(folder: Path, acoustic: Path) -> None:
    path = folder / "turned.safetensors"
    header = dataclasses.replace(acoustic_header(), symbols=SYMBOLS[::-1])
    torch.manual_seed(0)
    network = models.build("tacotron2", header.config)
    network.embedding.weight.data = network.embedding.weight.data.flip(0)
    write_weights(path, header, network.state_dict())
    first, turned = (next(Synthesizer.load(one, device="cpu").stream("안녕하세요?")) for one in (acoustic, path))
    assert np.array_equal(first.samples, turned.samples)


def test_a_symbol_that_a_voice_never_learned_is_named(folder: Path) -> None:
    header = dataclasses.replace(acoustic_header(), symbols=tuple("x" if one == "ᄋ" else one for one in SYMBOLS))
    voice = Synthesizer.load(write(folder / "poor.safetensors", header), device="cpu")
    with pytest.raises(BadText, match="ᄋ") as caught:
        next(voice.stream("안녕하세요?"))
    assert caught.value.code == "unknown_symbol"


def test_a_voice_of_another_front_end_warns(folder: Path) -> None:
    header = dataclasses.replace(acoustic_header(), front_end={"version": "0", "mode": "pronunciation"})
    voice = Synthesizer.load(write(folder / "old.safetensors", header), device="cpu")
    assert [warning.code for warning in voice.warnings] == ["other_front_end"]


def test_a_voice_of_the_same_generation_of_the_front_end_does_not_warn(folder: Path) -> None:
    revised = {"version": f"{generation(FRONT_END_VERSION)}.999", "mode": "pronunciation"}
    header = dataclasses.replace(acoustic_header(), front_end=revised)
    voice = Synthesizer.load(write(folder / "revised.safetensors", header), device="cpu")
    assert voice.warnings == []


def test_a_voice_that_learned_from_the_spelling_is_given_it_and_says_so(folder: Path) -> None:
    spelled = {"front_end": {**HEADER.front_end, "mode": "spelling"}, "text": TextConfig(mode="spelling").to_json()}
    header = dataclasses.replace(acoustic_header(), **spelled)
    voice = Synthesizer.load(write(folder / "spelling.safetensors", header, gate=50.0), device="cpu")
    assert next(voice.stream("국물")).reading.pronunciation == "국물"
    assert [warning.code for warning in voice.warnings] == ["other_mode"]


def test_a_slow_voice_speaks_a_long_sentence_in_shorter_clauses(folder: Path, acoustic: Path) -> None:
    text = "오늘은 날씨가 맑고 바람이 조금 불겠으며, 내일은 구름이 많이 끼고 남쪽에는 비가 조금 내리겠습니다."
    slow = write(folder / "slow.safetensors", dataclasses.replace(acoustic_header(), pace=2.5))
    pieces = Synthesizer.load(slow, device="cpu").plan(text)
    assert Synthesizer.load(acoustic, device="cpu").plan(text) == [text]
    assert len(pieces) > 1
    assert all(syllables(piece) / 2.5 < DECODER_SECONDS for piece in pieces)


def test_a_vocoder_where_an_acoustic_model_is_due_is_refused(vocoder: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"a vocoder \(waveglow.* kind acoustic was expected"):
        Synthesizer.load(vocoder, device="cpu")


def test_two_networks_of_different_mels_are_refused(folder: Path, acoustic: Path) -> None:
    other = write(folder / "other.safetensors", vocoder_header(sample_rate=24_000))
    with pytest.raises(BadCheckpoint, match="another mel"):
        Synthesizer.load(acoustic, other, device="cpu")


def test_a_later_call_goes_on_from_a_sentence_with_the_same_sound(acoustic: Path) -> None:
    voice = Synthesizer.load(acoustic, device="cpu")
    whole = list(voice.stream(TEXT, seed=3))
    rest = list(voice.stream(TEXT, seed=3, start=1))
    assert [sentence.index for sentence in rest] == [1, 2]
    assert rest[0].total == 3
    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(whole[1:], rest, strict=True))


def test_a_voice_of_another_dictionary_warns(folder: Path) -> None:
    front_end = {**acoustic_header().front_end, "dictionary_sha256": sha256({"MBTI": "유형"})}
    header = dataclasses.replace(acoustic_header(), front_end=front_end)
    voice = Synthesizer.load(write(folder / "own.safetensors", header), device="cpu")
    assert voice.warnings == voice.warnings_by({"MBTI": "유형"}) == []
    assert [warning.code for warning in voice.warnings_by({})] == ["other_dictionary"]


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_a_voice_speaks_in_fewer_bits_nearly_the_same(endless: Path, vocoder: Path, precision: str) -> None:
    if precision == "int8" and not int8_range():
        pytest.skip("no int8 on this processor")
    exact, near = (
        Synthesizer.load(endless, vocoder, device="cpu", precision=each).utter("네.") for each in ("float32", precision)
    )
    assert not np.array_equal(exact.alignment, near.alignment)
    assert np.abs(exact.alignment - near.alignment).max() < 0.05


def test_a_precision_that_there_is_not_is_refused_before_anything_is_said(acoustic: Path) -> None:
    with pytest.raises(BadConfig, match="float7"):
        Synthesizer.load(acoustic, device="cpu", precision="float7")


def test_the_denoiser_changes_the_sound_and_not_its_length(folder: Path, acoustic: Path) -> None:
    header = vocoder_header()
    network = models.build(header.model, header.config)
    torch.manual_seed(4)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))  # fresh weights make no hum
    write_weights(folder / "humming.safetensors", header, network.state_dict())
    mel = torch.randn(1, 80, 40)
    plain, quieter = (
        Synthesizer.load(acoustic, folder / "humming.safetensors", device="cpu", denoise=strength)._sound(mel, 0)
        for strength in (0.0, 0.1)
    )
    assert len(quieter) == len(plain) == 40 * 256
    assert np.square(quieter).mean() < np.square(plain).mean()


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_a_strength_that_is_none_is_refused(acoustic: Path, vocoder: Path, strength: float) -> None:
    with pytest.raises(BadConfig, match="strength"):
        Synthesizer.load(acoustic, vocoder, device="cpu", denoise=strength)


def test_griffin_lim_has_nothing_to_denoise(acoustic: Path) -> None:
    with pytest.raises(BadConfig, match="Griffin-Lim"):
        Synthesizer.load(acoustic, device="cpu", denoise=0.1)
