"""Measures of a voice: how it reads when nobody leads it, and how far its sound lies from takes of the same sentences.

The two belong together: an attention trained with a guide soon draws a straight diagonal that reads nothing, and a
sound near the real one on a sentence that was cut short is no success either.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from speech.alignment import ALIGNMENT, alignment_figures
from speech.errors import BadAudio, BadCheckpoint, BadConfig, BadDataset
from speech.text.symbols import SYMBOLS

if TYPE_CHECKING:
    from speech.manifest import ClipEntry, Manifest
    from speech.synthesizer import Synthesizer, Utterance

DISTORTION = ("mcd", "pitch_cents", "gross_pitch_error", "voicing_error", "duration_ratio")


@dataclass(frozen=True)
class Row:
    """One held-out clip: its alignment figures and the distortion of the sound, None where there is none to measure."""

    id: str
    text: str
    figures: dict[str, float | None]


@dataclass(frozen=True)
class Report:
    """What `evaluate` found."""

    rows: tuple[Row, ...]

    @property
    def mean(self) -> dict[str, float | None]:
        """Over the clips on which a figure could be measured."""
        return {name: self._mean(name) for name in (*ALIGNMENT, *DISTORTION)}

    def _mean(self, name: str) -> float | None:
        values = [value for row in self.rows if (value := row.figures[name]) is not None]
        return float(np.mean(values)) if values else None

    def to_json(self) -> dict[str, Any]:
        rows = [{"id": row.id, "text": row.text, **row.figures} for row in self.rows]
        return {"clips": len(rows), "mean": self.mean, "rows": rows}

    def table(self) -> str:
        """One line a clip and one of means, to be read by a person."""
        names = ("coverage", "repeats", "skips", "stopped", *DISTORTION)
        lines = [["clip", *names, "text"]]
        for row in (*self.rows, Row("mean", "", self.mean)):
            lines.append([row.id, *(_number(row.figures[name]) for name in names), row.text])
        widths = [max(len(line[column]) for line in lines) for column in range(len(names) + 1)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:-1], widths[1:]), line[-1]]).rstrip()
            for line in lines
        )


def held_out(folder: Path) -> Manifest:
    """The prepared clips of a folder that `prepare` made, or of a run's folder. Raises BadDataset."""
    from speech.manifest import Manifest

    inner = folder / "data"
    manifest = Manifest.load(inner if (inner / "manifest.json").is_file() else folder)
    if not manifest.held_out:
        raise BadDataset(f"{folder} has no held-out clips to measure on.", code="nothing_held_out", folder=str(folder))
    return manifest


def evaluate(
    voice: Synthesizer,
    manifest: Manifest,
    *,
    clips: int = 0,
    seed: int = 0,
    keep: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Let the voice say the held-out sentences (the first `clips` of them; 0: all) and compare it with their takes.

    `keep`: a folder for what it said (`ID.wav`) and for its mel under the take's (`ID.png`), made if it is not there.
    Raises BadCheckpoint when voice and takes are not of one sampling rate, BadText for a sentence it cannot read, and
    BadConfig where `keep` holds a sound of that name which no evaluation made.
    """
    if voice.audio.sample_rate != manifest.audio.sample_rate:
        raise BadCheckpoint(
            f"The voice speaks at {voice.audio.sample_rate} Hz, and the clips are prepared at "
            f"{manifest.audio.sample_rate} Hz. Prepare them for this voice.",
            code="other_audio",
        )
    chosen = manifest.held_out[: clips or None]
    if keep is not None:
        for entry in chosen:
            _check_free(_kept(keep, entry))

    def said(entry: ClipEntry) -> list[str] | None:
        """As the take was read when it was prepared, by the run's own dictionary too; None for another front end."""
        return [SYMBOLS[number] for number in entry.symbols] if voice.text == manifest.text else None

    rows = []
    for done, entry in enumerate(chosen, start=1):
        spoken = voice.utter(entry.reading or entry.text, seed=seed, symbols=said(entry))
        if keep is not None:
            _keep(_kept(keep, entry), manifest, entry, spoken.samples)
        rows.append(_measure(manifest, entry, spoken))
        on_progress(done, len(chosen))
    return Report(tuple(rows))


def _kept(folder: Path, entry: ClipEntry) -> Path:
    """Where an entry's sound is kept, without its suffix: in the folder, whatever path its list names it by."""
    parts = [part for part in re.split(r"[/\\]", entry.id) if part not in ("", ".", "..")]
    return folder.joinpath(*parts or ["clip"])


def _check_free(path: Path) -> None:
    """What an evaluation made has its picture beside it; any other sound may be the take itself."""
    sound = path.with_name(f"{path.name}.wav")
    if sound.exists() and not path.with_name(f"{path.name}.png").exists():
        raise BadConfig(
            f"{sound} is there already, and no evaluation made it. Choose an empty folder for what the voice says.",
            code="keep_not_empty",
            path=str(sound),
        )


def _keep(path: Path, manifest: Manifest, entry: ClipEntry, samples: npt.NDArray[np.float32]) -> None:
    from speech import audio, pictures

    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write(path.with_name(f"{path.name}.wav"), samples, manifest.audio.sample_rate)
    missing = max(0, manifest.audio.n_fft - len(samples))  # a voice may stop at once
    made = audio.log_mel(np.pad(samples, (0, missing)), manifest.audio)
    pictures.draw_copy(path.with_name(f"{path.name}.png"), manifest.mel(entry), made, manifest.audio)


def _measure(manifest: Manifest, entry: ClipEntry, spoken: Utterance) -> Row:
    from speech.distortion import distortion

    figures: dict[str, float | None] = {**alignment_figures(spoken.alignment, reached_limit=spoken.reached_limit)}
    try:
        apart = distortion(manifest.samples(entry), spoken.samples, manifest.audio).to_json()
    except BadAudio:  # a network of random weights may stop at once
        apart = {}
    for name in DISTORTION:
        value = apart.get(name)
        figures[name] = value if value is not None and np.isfinite(value) else None
    return Row(entry.id, entry.text, figures)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
