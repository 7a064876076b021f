"""What a training run tells the outside, one JSON object a line on standard output: `{"event": "step_done", …}`."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Base of all events; `name` is the class name in snake case and the `event` key of the JSON line."""

    name: ClassVar[str] = "event"

    def __init_subclass__(cls) -> None:
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def to_json(self) -> dict[str, Any]:
        return {"event": self.name, **dataclasses.asdict(self)}

    def to_line(self) -> str:
        return json.dumps(self.to_json(), ensure_ascii=False)


@dataclass(frozen=True)
class StageChanged(Event):
    """`stage`: prepare, load, train, evaluate, checkpoint. `done`/`total` count its parts where it has any."""

    stage: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class DataPrepared(Event):
    """The clips are measured and their mels are on disk. `skipped`: `[{"id", "code", "message"}]`, never silent."""

    clips: int
    train: int
    held_out: int
    seconds: float
    skipped: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class TrainingStarted(Event):
    """The loop begins, at `step` (0, or where it resumed). `device`: "cpu", "cuda:0 NVIDIA H200" …"""

    model: str
    step: int
    total: int
    device: str
    precision: str
    parameters: int
    batch_size: int
    warm_start: dict[str, Any] = field(default_factory=dict)  # {"base", "loaded", "new_symbols", "skipped"}


@dataclass(frozen=True)
class StepDone(Event):
    """One optimiser step. `eta_seconds` comes from measured wall time, evaluation and checkpoints included.

    Until it is `settled` it rests on a few steps, and swings.
    """

    step: int
    total: int
    losses: dict[str, float]  # "loss" is the sum
    learning_rate: float
    grad_norm: float
    seconds: float  # of this step
    frames: int  # valid mel frames of the batch (or samples, for a vocoder)
    steps_per_minute: float
    eta_seconds: float
    memory_mib: float  # peak resident (CPU) or allocated (CUDA)
    settled: bool = True  # whether steps_per_minute and eta_seconds rest on steps enough


@dataclass(frozen=True)
class Evaluated(Event):
    """Held-out losses and, for an acoustic model, how the sample sentence aligned when it ran free.

    As `held_out_…`, `alignment` also has the means over a few held-out sentences that ran free.
    """

    step: int
    losses: dict[str, float]
    alignment: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckpointSaved(Event):
    """A checkpoint is whole on disk. Paths are absolute; `sample` and `picture` may be empty."""

    step: int
    path: str
    sha256: str
    size: int  # bytes
    best: bool
    losses: dict[str, float]
    picture: str = ""  # PNG: alignment and mel of the sample sentence
    sample: str = ""  # WAV: the sample sentence spoken
    sample_text: str = ""
    resume: str = ""  # what only a resumed run needs: optimisers, random states, order of the clips
    resume_sha256: str = ""
    resume_size: int = 0


@dataclass(frozen=True)
class Warned(Event):
    """Something a person should know that did not stop the run."""

    code: str
    message: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingEnded(Event):
    """The loop ended by itself: `reason` is "finished" or "stopped" (asked to; resumable; exit status 75)."""

    step: int
    reason: str
    path: str = ""


@dataclass(frozen=True)
class TrainingFailed(Event):
    """The loop could not go on; exit status 1 (a person must mend something)."""

    code: str
    message: str
    params: dict[str, Any] = field(default_factory=dict)


EVENTS: dict[str, type[Event]] = {cls.name: cls for cls in Event.__subclasses__()}


def parse_line(line: str) -> Event:
    """The event of one JSON line. Raises ValueError for a line that is none (a stray print, a half line)."""
    data = json.loads(line)
    if not isinstance(data, dict) or data.get("event") not in EVENTS:
        raise ValueError(f"no event: {line[:80]!r}")
    cls = EVENTS[data.pop("event")]
    return cls(**data)
