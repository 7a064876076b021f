"""What one training run is asked to do: `run.json`. Never imports torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from speech.config import Settings
from speech.errors import BadConfig

SAMPLE_TEXT = "안녕하세요. 제 목소리가 어떻게 들리나요?"


@dataclass(frozen=True)
class Job(Settings):
    """One run. Everything but `model`, `clips` and `out` may be left out.

    `config`, `training`, `audio` and `text` hold only what differs from the preset, from the model's published
    training, or from the base.
    """

    model: str  # a file of speech/acoustic or speech/vocoder: "tacotron2"
    clips: str  # folder of a corpus (clips.jsonl, metadata.csv, file lists …), or one list
    out: str  # folder of this run; where it holds a checkpoint, the run goes on from there
    size: str = ""  # a preset: "full", "compact", "trial"; empty: the base's, or else "full"
    config: dict[str, Any] = field(default_factory=dict)
    base: str | None = None  # checkpoint to warm-start from
    training: dict[str, Any] = field(default_factory=dict)  # of TrainingConfig
    audio: dict[str, Any] = field(default_factory=dict)  # of AudioConfig
    text: dict[str, Any] = field(default_factory=dict)  # of TextConfig
    device: str = "auto"  # or "cpu", "cuda"
    sample_text: str = SAMPLE_TEXT  # spoken at every checkpoint
    teacher: str | None = None  # acoustic checkpoint on whose mels a vocoder is trained, instead of the true ones
    dictionary: str | None = None  # TSV of own readings, by which the texts of the clips are read
    work: str = ""  # folder of the prepared data; empty: out/data

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises BadConfig that says what is wrong with the file."""
        try:
            data = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise BadConfig(f"{path} cannot be read: {error.strerror}.", code="no_job", path=str(path)) from error
        except (ValueError, RecursionError) as error:
            raise BadConfig(f"{path} is no JSON: {error}.", code="bad_job", path=str(path)) from error
        if not isinstance(data, dict):
            raise BadConfig(f"{path} does not hold a JSON object.", code="bad_job", path=str(path))
        return cls.from_json(data)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        if missing := [name for name in ("model", "clips", "out") if not data.get(name)]:
            raise BadConfig(f"A run needs {', '.join(missing)}.", code="missing_setting", names=missing)
        return super().from_json(data)

    @property
    def out_folder(self) -> Path:
        return Path(self.out).absolute()

    @property
    def work_folder(self) -> Path:
        return Path(self.work).absolute() if self.work else self.out_folder / "data"
