"""The manifest of a folder of prepared clips, and the mels and samples that lie beside it.

manifest.json      settings, the clips with their symbols, what was skipped and why
unfinished.json    the same while the clips are being made, without texts: a preparation that is cut off goes on from it
mels-<n>.f32       the mels of all clips one behind the other, frame by frame: [frames, M] float32
samples-<n>.s16    their samples, [S] int16 at the front end's rate, as the mels were made from them
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from speech.config import AudioConfig, TextConfig
from speech.errors import BadConfig, BadDataset
from speech.files import write_text_atomic
from speech.source import Skipped
from speech.text.split import syllables
from speech.text.symbols import SYMBOLS
from speech.wav import Float32Array, to_float32

FORMAT = 1
NAME, UNFINISHED = "manifest.json", "unfinished.json"
MELS, SAMPLES = np.dtype("<f4"), np.dtype("<i2")


@dataclass(frozen=True)
class ClipEntry:
    """One clip that is ready: where its frames and samples lie, and its symbols."""

    id: str
    text: str
    reading: str  # what was said where that differs from the text, else empty
    symbols: tuple[int, ...]
    frames: int
    offset: int  # its first frame in the file of mels
    sample_count: int
    sample_offset: int
    held_out: bool
    fingerprint: str  # of the sound, its trim and the front end

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError for what describes no clip."""
        entry = cls(**{**data, "symbols": tuple(data["symbols"])})
        places = (entry.frames, entry.offset, entry.sample_count, entry.sample_offset)
        if any(type(number) is not int or number < 0 for number in places):
            raise ValueError(f"clip {entry.id} has frames or samples that there cannot be: {places}")
        if any(type(row) is not int or not 0 <= row < len(SYMBOLS) for row in entry.symbols):
            raise ValueError(f"clip {entry.id} has a symbol that this program does not know")
        return entry


@dataclass(frozen=True)
class Manifest:
    """A folder of prepared clips. Mels and samples stay on disk, memory-mapped, until they are asked for."""

    folder: Path
    audio: AudioConfig
    text: TextConfig
    front_end: str  # version of the text front end that made the symbols
    entries: tuple[ClipEntry, ...]
    skipped: tuple[Skipped, ...]
    mels_file: str
    samples_file: str
    _open: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def train(self) -> tuple[ClipEntry, ...]:
        return tuple(entry for entry in self.entries if not entry.held_out)

    @cached_property
    def held_out(self) -> tuple[ClipEntry, ...]:
        return tuple(entry for entry in self.entries if entry.held_out)

    @property
    def seconds(self) -> float:
        return sum(entry.sample_count for entry in self.entries) / self.audio.sample_rate

    @property
    def pace(self) -> float:
        """Syllables a second of the training clips, counted as `split` counts them before it cuts a text."""
        said = sum(syllables(entry.reading or entry.text) for entry in self.train)
        return said * self.audio.sample_rate / max(1, sum(entry.sample_count for entry in self.train))

    def mel(self, entry: ClipEntry, start: int = 0, end: int | None = None) -> Float32Array:
        """[M, T] float32 of a clip, or of its frames from `start` to `end`; a copy of one's own."""
        frames = self._map(self.mels_file, MELS).reshape(-1, self.audio.n_mels)
        first, last = _span(entry.frames, start, end)
        return np.array(frames[entry.offset + first : entry.offset + last].T, dtype=np.float32, order="C")

    def samples(self, entry: ClipEntry, start: int = 0, end: int | None = None) -> Float32Array:
        """[S] float32 in -1..1 of a clip, or of its samples from `start` to `end`."""
        first, last = _span(entry.sample_count, start, end)
        whole = self._map(self.samples_file, SAMPLES)
        return to_float32(np.array(whole[entry.sample_offset + first : entry.sample_offset + last], dtype=np.int16))

    @classmethod
    def load(cls, folder: Path, name: str = NAME) -> Manifest:
        """Raises BadDataset where the folder holds no prepared clips, or damaged ones."""
        path = folder / name
        try:
            data = json.loads(path.read_text("utf-8"))
            if data["format"] != FORMAT:
                raise _unusable(folder, f"it is of format {data['format']}, this program reads {FORMAT}")
            manifest = cls(
                folder=folder,
                audio=AudioConfig.from_json(data["audio"]),
                text=TextConfig.from_json(data["text"]),
                front_end=data["front_end"],
                entries=tuple(map(ClipEntry.from_json, data["clips"])),
                skipped=tuple(Skipped(**row) for row in data["skipped"]),
                mels_file=data["mels"],
                samples_file=data["samples"],
            )
        except FileNotFoundError as error:
            raise _unusable(folder, f"there is no {name}") from error
        except (ValueError, KeyError, TypeError, AttributeError, BadConfig) as error:
            raise _unusable(folder, f"{name} cannot be read ({error})") from error
        manifest._check_sizes()
        manifest._map(manifest.mels_file, MELS)  # from now on, whatever is prepared anew in the same folder
        manifest._map(manifest.samples_file, SAMPLES)
        return manifest

    def save(self, name: str = NAME) -> None:
        """Writes manifest.json, or `name`, whole or not at all."""
        data = {
            "format": FORMAT,
            "audio": self.audio.to_json(),
            "text": self.text.to_json(),
            "front_end": self.front_end,
            "mels": self.mels_file,
            "samples": self.samples_file,
            "skipped": [row.to_json() for row in self.skipped],
            "clips": [dataclasses.asdict(entry) for entry in self.entries],
        }
        write_text_atomic(self.folder / name, json.dumps(data, ensure_ascii=False))

    def _map(self, name: str, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        if name not in self._open:
            self._open[name] = np.memmap(self.folder / name, dtype=dtype, mode="r")
        mapped: npt.NDArray[Any] = self._open[name]
        return mapped

    def _check_sizes(self) -> None:
        frames = max((entry.offset + entry.frames for entry in self.entries), default=0)
        samples = max((entry.sample_offset + entry.sample_count for entry in self.entries), default=0)
        for name, size in ((self.mels_file, 4 * frames * self.audio.n_mels), (self.samples_file, 2 * samples)):
            path = self.folder / name
            found = path.stat().st_size if path.is_file() else 0
            if found < size:
                raise _unusable(self.folder, f"{name} has {found} bytes instead of {size}")
        if not self.entries:
            raise _unusable(self.folder, "it names no clips")


def _span(length: int, start: int, end: int | None) -> tuple[int, int]:
    return min(start, length), length if end is None else min(end, length)


def _unusable(folder: Path, why: str) -> BadDataset:
    return BadDataset(
        f"{folder} holds no prepared clips that can be used: {why}. Prepare them again.",
        code="bad_manifest",
        folder=str(folder),
    )
