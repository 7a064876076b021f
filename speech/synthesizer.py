"""Text to sound, one sentence at a time: read, encode, acoustic model, vocoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from speech import checkpoint, devices
from speech.alignment import alignment_figures, said_by
from speech.config import AudioConfig, TextConfig
from speech.errors import BadCheckpoint, BadConfig, BadText
from speech.events import Warned
from speech.header import Checkpoint
from speech.text import Reading, encode, read, split
from speech.text.closing import MARKS
from speech.text.hangul import is_syllable
from speech.text.learned import differences
from speech.text.split import longest_at, syllables
from speech.text.symbols import SYMBOLS
from speech.vocoder import griffin_lim
from speech.vocoder._denoiser import Denoiser

MAX_FRAMES = 1000  # of one sentence, as published: 11.6 s
PAUSE_SECONDS = 0.25  # between two sentences that are put together
_FADE_SECONDS = 0.005  # at both ends of a sentence: a vowel that sets in at full level clicks behind a pause
_OTHER_SEED = 1_000_003  # added for the second try
_LOST = 0.5  # coverage under which a voice that did not end was lost, and not too slow
_TAIL = 12  # frames, 0.14 s, for the last sound to fade where the decoder did not stop behind it


@dataclass(frozen=True)
class Sentence:
    """One sentence spoken."""

    index: int  # from 0
    total: int
    text: str
    reading: Reading
    samples: npt.NDArray[np.float32]  # [S] in -1..1
    sample_rate: int  # Hz
    seconds: float  # of sound
    reached_limit: bool  # the decoder did not stop by itself, twice: the end is cut or babble
    coverage: float  # share of the symbols that the attention passed over, see `alignment`


@dataclass(frozen=True)
class Utterance:
    """One sentence as the networks said it, for measuring."""

    samples: npt.NDArray[np.float32]  # [S] in -1..1
    alignment: npt.NDArray[np.float32]  # [T, N]
    reached_limit: bool


class Synthesizer:
    """A voice: an acoustic model and a vocoder (Griffin-Lim where there is none). Not safe for two threads at once."""

    def __init__(
        self,
        acoustic: Checkpoint,
        vocoder: Checkpoint | None,
        device: torch.device,
        *,
        precision: str = "float32",
        denoise: float = 0.0,
    ) -> None:
        """`precision`: "float32", "bf16", or "int8" of the acoustic model's loop beside a vocoder in bf16.

        `denoise`: how much of the vocoder's own hum is taken off, 0 (nothing) to 1; WaveGlow wants 0.01 to 0.1.
        Raises BadCheckpoint when the two do not speak of the same mel, BadConfig for a precision not to be had here, or
        a `denoise` outside 0 to 1 or without a vocoder.
        """
        devices.speaking_precision(device, precision)
        _check_denoise(denoise, vocoder)
        self.precision = precision
        header = acoustic.header
        self.header = header
        self.audio = AudioConfig.from_json(header.audio)
        self.text = TextConfig.from_json(header.text)
        if not set(MARKS) <= set(header.symbols):  # a public voice that learned letters alone
            self.text = replace(self.text, closing_mark=False)
        self.device = device
        self._row_of = {symbol: row for row, symbol in enumerate(header.symbols)}
        self._acoustic = checkpoint.network_of(acoustic).to(device).eval()
        if vocoder is None:
            self._vocoder: Any = griffin_lim.Model(griffin_lim.Config.from_json(self.audio.to_json())).to(device)
        else:
            if vocoder.header.audio and AudioConfig.from_json(vocoder.header.audio) != self.audio:
                raise BadCheckpoint(
                    f"{vocoder.source} was trained on another mel than {acoustic.source}; they cannot speak together.",
                    code="other_audio",
                    acoustic=header.audio,
                    vocoder=vocoder.header.audio,
                )
            self._vocoder = checkpoint.network_of(vocoder).to(device).eval()
        self._denoise = denoise
        self._denoiser = Denoiser(self._vocoder, self.audio, device) if denoise else None

    @classmethod
    def load(
        cls,
        acoustic: Path,
        vocoder: Path | None = None,
        *,
        device: str = "auto",
        threads: int = 0,
        precision: str = "float32",
        denoise: float = 0.0,
    ) -> Synthesizer:
        """From checkpoint files, own or public. Raises BadCheckpoint, BadConfig (device, precision, denoise)."""
        if threads:
            torch.set_num_threads(threads)
        spoken = checkpoint.open_any(acoustic, expect_kind="acoustic")
        sounding = None if vocoder is None else checkpoint.open_any(vocoder, expect_kind="vocoder")
        return cls(spoken, sounding, devices.choose(device), precision=precision, denoise=denoise)

    @property
    def warnings(self) -> list[Warned]:
        """What a person should know of this voice before it speaks."""
        return differences(self.header.front_end)

    def warnings_by(self, own: Mapping[str, str]) -> list[Warned]:
        """`warnings`, and whether this voice learned to read by another dictionary than `own`."""
        return differences(self.header.front_end, own)

    def plan(self, text: str, dictionary: Mapping[str, str] | None = None) -> list[str]:
        """The sentences that `stream` will speak, in order, without those that have nothing to say (a line of emoji).

        One that is too long for the decoder at this voice's own pace comes as clauses. Raises BadText, nothing_to_read
        where none is left.
        """
        return [part for part, _ in self.pieces(text, dictionary)]

    def pieces(self, text: str, dictionary: Mapping[str, str] | None = None) -> list[tuple[str, bool]]:
        """`plan`, each with whether its sentence goes on in the next one: what `stream` can be given again."""
        longest = longest_at(self.header.pace)
        lines = [split(line, longest=longest) for line in text.splitlines()]
        # Within a line a sentence ends in a mark, so a piece without one was cut.
        pieces = [(part, place < len(line)) for line in lines for place, part in enumerate(line, start=1)]
        said = [piece for piece in pieces if any(map(is_syllable, read(piece[0], dictionary=dictionary).reading))]
        if not said:
            message = "There is nothing in the text that can be read aloud."
            raise BadText(message, code="nothing_to_read", text=text[:80])
        return said

    def stream(
        self,
        text: str,
        *,
        seed: int = 0,
        dictionary: Mapping[str, str] | None = None,
        start: int = 0,
        pieces: Sequence[tuple[str, bool]] | None = None,
    ) -> Iterator[Sentence]:
        """Speak sentence by sentence; each comes as soon as it is made. A seed gives one and the same sound.

        `start`: the sentence to go on from, where the ones before it were spoken by an earlier call; `pieces`: what
        that call spoke of, since another voice may part the text otherwise.
        Raises BadText, for the whole text before the first sentence is made.
        """
        planned = self.pieces(text, dictionary) if pieces is None else pieces
        parts = [part for part, _ in planned]
        readings = [read(part, dictionary=dictionary, mode=self.text.mode) for part in parts]
        symbols = [self._symbols(reading, goes_on) for reading, (_, goes_on) in zip(readings, planned, strict=True)]
        for index in range(start, len(parts)):
            part, reading, numbers = parts[index], readings[index], symbols[index]
            mel, coverage, reached_limit = self._mel(numbers, seed)
            if reached_limit and coverage >= _LOST and (halves := self._halves(part, planned[index][1], dictionary)):
                mel, coverage, reached_limit = self._mels(halves, seed)
            samples = _faded(self._sound(mel, seed), self.audio.sample_rate)
            yield Sentence(
                index=index,
                total=len(parts),
                text=part,
                reading=reading,
                samples=samples,
                sample_rate=self.audio.sample_rate,
                seconds=len(samples) / self.audio.sample_rate,
                reached_limit=reached_limit,
                coverage=coverage,
            )

    def utter(self, text: str, *, seed: int = 0, symbols: Sequence[str] | None = None) -> Utterance:
        """One sentence in one go and one try, with what its attention did: what is measured. Raises BadText.

        `symbols`: their names, where the sentence has been read already.
        """
        known = self._symbols(read(text, mode=self.text.mode)) if symbols is None else self._rows(symbols, text)
        spoken = self._run(known, seed)
        frames = int(spoken.mel_lengths[0])
        return Utterance(
            samples=self._sound(spoken.mel[:, :, :frames], seed),
            alignment=spoken.alignment[0, :frames].float().cpu().numpy(),
            reached_limit=bool(spoken.reached_limit[0]),
        )

    def _symbols(self, reading: Reading, goes_on: bool = False) -> list[int]:
        """Rows of this voice's embedding, by the symbols' names. Raises BadText for a symbol it never learned."""
        return self._rows([SYMBOLS[number] for number in encode(reading, self.text, continues=goes_on)], reading.text)

    def _rows(self, names: Sequence[str], text: str) -> list[int]:
        if unknown := sorted({name for name in names if name not in self._row_of}):
            raise BadText(
                f"This voice never learned {' '.join(unknown)}, which {text!r} needs.",
                code="unknown_symbol",
                symbols=unknown,
            )
        return [self._row_of[name] for name in names]

    def _halves(self, part: str, goes_on: bool, dictionary: Mapping[str, str] | None) -> list[list[int]]:
        """The symbols of a sentence that is too long for the decoder after all, in pieces; none where it is not long.

        A voice that has hardly learned ends no sentence, and half of a short one is no better.
        """
        length = syllables(part)
        pieces = split(part, longest=length // 2 + 1) if 2 * length > longest_at(self.header.pace) else [part]
        readings = [read(piece, dictionary=dictionary, mode=self.text.mode) for piece in pieces]
        last = len(pieces) - 1
        return [self._symbols(one, goes_on or place < last) for place, one in enumerate(readings)] if last else []

    def _mels(self, pieces: Sequence[list[int]], seed: int) -> tuple[torch.Tensor, float, bool]:
        """As `_mel`, of several pieces end to end."""
        spoken = [self._mel(piece, seed) for piece in pieces]
        lengths = [len(piece) for piece in pieces]
        coverage = float(np.average([one[1] for one in spoken], weights=lengths))
        return torch.cat([one[0] for one in spoken], 2), coverage, any(one[2] for one in spoken)

    def _mel(self, symbols: list[int], seed: int) -> tuple[torch.Tensor, float, bool]:
        """mel [1, M, T], coverage, whether the limit was reached; a second try with another seed if it was."""
        first = self._decode(symbols, seed)
        if not first[2]:
            return first
        second = self._decode(symbols, seed + _OTHER_SEED)
        return second if not second[2] or second[1] > first[1] else first

    def _decode(self, symbols: list[int], seed: int) -> tuple[torch.Tensor, float, bool]:
        """As `_mel`, one try. What had said everything and went on to the limit is cut where it had."""
        spoken = self._run(symbols, seed)
        frames = int(spoken.mel_lengths[0])
        reached_limit = bool(spoken.reached_limit[0])
        alignment = spoken.alignment[0, :frames].float().cpu().numpy()
        if reached_limit and (said := said_by(alignment)) is not None:
            frames, reached_limit = min(frames, said + _TAIL), False
            alignment = alignment[:frames]
        figures = alignment_figures(alignment, reached_limit=reached_limit)
        return spoken.mel[:, :, :frames], figures["coverage"], reached_limit

    def _run(self, symbols: list[int], seed: int) -> Any:
        lengths = torch.tensor([len(symbols)], device=self.device)
        numbers = torch.tensor([symbols], device=self.device)
        return self._acoustic.infer(numbers, lengths, max_frames=MAX_FRAMES, seed=seed, precision=self.precision)

    def _sound(self, mel: torch.Tensor, seed: int) -> npt.NDArray[np.float32]:
        precision = "bf16" if self.precision == "int8" else self.precision  # no vocoder's convolutions are in int8
        with torch.inference_mode():
            sound = self._vocoder.infer(mel, seed=seed, precision=precision).float()
            if self._denoiser is not None:
                sound = self._denoiser(sound, self._denoise)
        samples = np.nan_to_num(sound[0].cpu().numpy())
        clipped: npt.NDArray[np.float32] = np.clip(samples, -1.0, 1.0).astype(np.float32)
        return clipped


def join(sentences: list[Sentence], pause: float = PAUSE_SECONDS) -> npt.NDArray[np.float32]:
    """The samples of several sentences with `pause` seconds between them: [S]."""
    if not sentences:
        return np.zeros(0, np.float32)
    silence = np.zeros(round(pause * sentences[0].sample_rate), np.float32)
    parts = [part for sentence in sentences for part in (silence, sentence.samples)]
    return np.concatenate(parts[1:])


def _faded(samples: npt.NDArray[np.float32], sample_rate: int) -> npt.NDArray[np.float32]:
    """The samples [S], raised from nothing at their beginning and lowered to nothing at their end."""
    length = min(round(_FADE_SECONDS * sample_rate), len(samples) // 2)
    slope = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(1, length))).astype(np.float32)
    faded = samples.copy()
    faded[:length] *= slope
    faded[len(faded) - length :] *= slope[::-1]
    return faded


def _check_denoise(strength: float, vocoder: Checkpoint | None) -> None:
    if not 0.0 <= strength <= 1.0:
        raise BadConfig(
            f"The denoiser's strength is {strength}; it lies from 0 (off) to 1, and 0.01 to 0.1 is usual.",
            code="out_of_range", names=["denoise"],
        )  # fmt: skip
    if strength and vocoder is None:
        raise BadConfig("Griffin-Lim has no hum of its own: leave the denoiser off.", code="no_vocoder")
