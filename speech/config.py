"""Settings of the voice as frozen dataclasses, to and from JSON. They are passed whole; there are no globals."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from typing import Any, Self

from speech.errors import BadConfig

MOST_LAYERS = 100  # of any network: what a damaged or hostile header asks for would be built without end
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000  # Hz, of any sound
LARGEST_FFT, MOST_BANDS = 2**16, 1024


@dataclass(frozen=True)
class Settings:
    """Base of the configuration dataclasses: exact JSON, unknown names refused."""

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Raises BadConfig with the names that are not known here, or whose values are of another type."""
        if not isinstance(data, dict):
            raise BadConfig(f"{cls.__name__} is made of names and values, not of {data!r:.80}.", code="bad_setting")
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(data) - known):
            raise BadConfig(
                f"{cls.__name__} has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}.",
                code="unknown_setting",
                names=unknown,
            )
        kinds = typing.get_type_hints(cls)
        for name, value in data.items():
            if not _fits(value, kind := kinds[name]):
                raise BadConfig(
                    f"{name} is {value!r:.80}; {_words(kind)} was expected.", code="bad_setting", names=[name]
                )
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value that JSON can tell is of a field's type."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in typing.get_args(kind))
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        return isinstance(value, list | tuple) and all(_fits(one, inner) for one in value)
    if origin is dict:
        inner = typing.get_args(kind)[1]
        return isinstance(value, dict) and all(_fits(one, inner) for one in value.values())
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return kind is Any or (kind is None and value is None) or (isinstance(kind, type) and isinstance(value, kind))


def _words(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    return names.get(kind, "another kind of value")


@dataclass(frozen=True)
class AudioConfig(Settings):
    """The published front end of Tacotron 2 and WaveGlow (NVIDIA), kept so that public checkpoints fit."""

    sample_rate: int = 22_050  # Hz
    n_fft: int = 1024  # samples
    win_length: int = 1024  # samples
    hop_length: int = 256  # samples
    n_mels: int = 80
    f_min: float = 0.0  # Hz
    f_max: float = 8000.0  # Hz
    clip_floor: float = 1e-5  # smallest magnitude before the logarithm

    def __post_init__(self) -> None:
        good = {
            "sample_rate": LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE,
            "n_fft": 4 <= self.n_fft <= LARGEST_FFT and self.n_fft % 2 == 0,
            "win_length": 4 <= self.win_length <= self.n_fft,
            "hop_length": 1 <= self.hop_length < self.win_length,
            "n_mels": 1 <= self.n_mels <= MOST_BANDS,
            "clip_floor": 0.0 < self.clip_floor <= 1.0,
        }
        if bad := [name for name, right in good.items() if not right]:
            values = ", ".join(f"{name}={getattr(self, name)}" for name in bad)
            raise BadConfig(
                f"No mel can be made with {values}: sample_rate lies from {LOWEST_RATE} to {HIGHEST_RATE} Hz, n_fft is "
                f"even and at most {LARGEST_FFT}, win_length at most n_fft, hop_length from 1 to below win_length, "
                f"n_mels from 1 to {MOST_BANDS}, clip_floor above 0 and at most 1.",
                code="bad_size",
                names=bad,
            )
        if not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise BadConfig(
                f"The mel range {self.f_min}-{self.f_max} Hz must lie within 0-{self.sample_rate / 2} Hz.",
                code="bad_mel_range", f_min=self.f_min, f_max=self.f_max, sample_rate=self.sample_rate,
            )  # fmt: skip


@dataclass(frozen=True)
class TextConfig(Settings):
    """How text becomes symbols; a checkpoint keeps it, and synthesis warns when another front end reads for it."""

    mode: str = "pronunciation"  # or "spelling", as the public Korean checkpoints were trained
    end_symbol: bool = True  # `~` closes every sentence
    closing_mark: bool = True  # one of `! , . ?` stands before it, added where the text has none


@dataclass(frozen=True)
class TrainingConfig(Settings):
    """What the loop needs to know beside the model. `steps` is the step at which the run ends.

    A batch that the memory does not hold is halved as the run goes, and gradients are then summed up over as many
    batches as make the same number of clips, so that the rate stays right.
    """

    steps: int = 10_000
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-6
    clip_norm: float = 1.0
    evaluate_every: int = 250
    checkpoint_every: int = 250
    held_out: float = 0.05  # share of the clips, at least 1, at most 100 clips
    seed: int = 1234
    precision: str = "auto"  # "auto": bf16 autocast on CUDA, float32 on the CPU; or "float32", "bf16"
    threads: int = 0  # CPU threads for torch, 0: torch's own choice
    keep_checkpoints: int = 2  # besides the best one
    effective_batch: int = 0  # clips a step: gradients are summed up over batches until there are as many; 0: one batch
    warmup_steps: int = 0  # over which the rate rises
    anneal: str = "none"  # or "cosine", "exponential": down to `final_rate` at the last step
    final_rate: float = 0.01  # share of the learning rate
    restart: float = 0.0  # share of the steps behind which warming up and annealing begin anew; 0: never
    ema: float = 0.0  # decay of the moving average of the weights, which then is the voice; 0: none
    augment_pitch: float = 0.0  # semitones up or down at most, see speech.augment
    augment_tempo: float = 0.0  # share by which a clip is slower or faster at most; an acoustic model's only
    augment_masking: float = 0.0  # share of the frames fed to the decoder that are hidden; an acoustic model's only
