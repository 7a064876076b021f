"""A job made definite: which network of which sizes, trained how, from which base."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from speech import checkpoint, devices, models, schedule
from speech.checkpoint import Checkpoint, Header
from speech.config import AudioConfig, Settings, TextConfig, TrainingConfig
from speech.errors import BadCheckpoint, BadConfig
from speech.events import Event, Warned
from speech.header import read_header
from speech.job import Job
from speech.text import FRONT_END_VERSION, dictionary, generation
from speech.text.symbols import SYMBOLS

CPU_BATCH = 16  # clips; the published batches are for GPUs


@dataclass(frozen=True)
class Plan:
    """Everything a run needs to know before it looks at its clips."""

    job: Job
    kind: str
    size: str  # the preset that the sizes and the training are of; the origin's own where the job names none
    config: Settings  # the model's own
    audio: AudioConfig
    text: TextConfig
    training: TrainingConfig
    base: Checkpoint | None  # to be warm-started from; None also where the run has a checkpoint of its own
    base_name: str
    dictionary: dict[str, str]  # own readings, by which the clips' texts are read
    teacher: Checkpoint | None  # an acoustic model on whose mels a vocoder is trained
    device: torch.device
    precision: str

    @classmethod
    def of(cls, job: Job, on_event: Callable[[Event], None]) -> Plan:
        """Raises BadConfig or BadCheckpoint; a base that differs from what is asked for is a Warned."""
        kind = models.kind_of(job.model)
        begun = _begun(job.out_folder, job.model)
        base = None if job.base is None or begun else _open_base(Path(job.base), kind, job.model)
        origin = begun or (base.header if base else None)
        audio = AudioConfig.from_json({**(origin.audio if origin else {}), **job.audio})
        teacher = _open_teacher(Path(job.teacher), kind, audio) if job.teacher else None
        reads = teacher.header if teacher else origin
        text = TextConfig.from_json({**(reads.text if reads else {}), **job.text})
        if base is not None:
            _compare(base.header, audio, text, kind, on_event)
        device = devices.choose(job.device)
        goes_on = base is not None or bool(begun and begun.base)
        size = job.size or (origin.size if origin else "full")
        defaults = models.training_of(job.model, size, going_on=goes_on)
        training = _training(defaults, job.training, device, kind)
        if teacher and training.augment_pitch:
            raise BadConfig("Mels of a teacher have the pitch they have; leave augment_pitch out.", code="taught_pitch")
        return cls(
            job=job,
            kind=kind,
            size=size,
            config=_model_config(job, origin, audio, size=size, begun=begun, goes_on=goes_on),
            audio=audio,
            text=text,
            training=training,
            base=base,
            base_name=begun.base if begun else _name_of(base),
            dictionary=_dictionary(job),
            teacher=teacher,
            device=device,
            precision=devices.precision_on(device, training.precision),
        )

    def recipe(self) -> models.Recipe:
        return models.recipe_of(self.job.model)(self.config, self.training)

    def header(self, step: int, losses: dict[str, float], pace: float = 0.0) -> Header:
        """What a checkpoint of this run says at its head; `pace`: syllables a second of the clips it is trained on."""
        acoustic = self.kind == "acoustic"
        own = dictionary.sha256(self.dictionary)
        return Header(
            kind=self.kind,
            model=self.job.model,
            config=self.config.to_json(),
            size=self.size,
            symbols=SYMBOLS if acoustic else (),
            front_end={"version": FRONT_END_VERSION, "mode": self.text.mode, "dictionary_sha256": own}
            if acoustic
            else {},
            audio=self.audio.to_json(),
            text=self.text.to_json() if acoustic else {},
            training=self.training.to_json(),
            step=step,
            losses=losses,
            base=self.base_name,
            teacher=_name_of(self.teacher),
            pace=round(pace, 3) if acoustic else 0.0,
        )


def _dictionary(job: Job) -> dict[str, str]:
    """Raises BadConfig for a file that cannot be read, BadText for a bad line."""
    if job.dictionary is None:
        return {}
    try:
        return dictionary.parse_tsv(Path(job.dictionary).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"The dictionary {job.dictionary} cannot be read: {error}."
        raise BadConfig(message, code="no_dictionary", path=job.dictionary) from error


def _begun(folder: Path, model: str) -> Header | None:
    """The header of the run's own newest checkpoint: a run that goes on needs its base no more."""
    entry = checkpoint.latest_good(folder)
    header = read_header(folder / entry.weights.name) if entry else None
    if header and header.model != model:
        raise BadCheckpoint(
            f"{folder} holds {header.describe()}, and this run is one of {model}. Choose another folder.",
            code="other_run",
            folder=str(folder),
        )
    return header


def _name_of(base: Checkpoint | None) -> str:
    """As a header keeps it: which file, and which tensors."""
    return "" if base is None else f"{Path(base.source).name} {base.header.tensors_sha256[:16]}".strip()


def _open_base(path: Path, kind: str, model: str) -> Checkpoint:
    base = checkpoint.open_any(path, expect_kind=kind)
    if base.header.model != model:
        raise BadCheckpoint(
            f"{path.name} is {base.header.describe()}, and a base for {model} was expected.",
            code="wrong_model",
            found=base.header.model,
            expected=model,
        )
    checkpoint.verify(base, whole=False)
    return base


def _open_teacher(path: Path, kind: str, audio: AudioConfig) -> Checkpoint:
    if kind != "vocoder":
        raise BadConfig("Only a vocoder has a teacher; an acoustic model learns from the clips.", code="no_teacher")
    teacher = checkpoint.open_any(path, expect_kind="acoustic")
    if AudioConfig.from_json(teacher.header.audio) != audio:
        raise BadCheckpoint(
            f"{path.name} makes another mel than this vocoder is trained on; they cannot speak together.",
            code="other_audio",
            teacher=teacher.header.audio,
            vocoder=audio.to_json(),
        )
    return teacher


def _training(defaults: dict[str, Any], wanted: dict[str, Any], device: torch.device, kind: str) -> TrainingConfig:
    """The published settings under the wanted ones; another batch than the published takes its rate along.

    The rate goes with the root of the batch: small batches diverge at the rate of large ones.
    """
    merged = {**defaults, **wanted}
    TrainingConfig.from_json(merged)  # raises before anything is reckoned with what may be no number
    if "warmup_steps" not in wanted:  # which a short run would never leave
        merged["warmup_steps"] = min(merged.get("warmup_steps", 0), merged.get("steps", TrainingConfig.steps) // 10)
    published = defaults.get("batch_size")
    if published and "batch_size" not in wanted and device.type == "cpu":
        merged["batch_size"] = min(published, CPU_BATCH)
    if published and "learning_rate" in defaults and "learning_rate" not in wanted:
        clips = max(merged["batch_size"], merged.get("effective_batch", 0))
        merged["learning_rate"] = defaults["learning_rate"] * math.sqrt(clips / published)
    training = TrainingConfig.from_json(merged)
    _check(training, kind)
    return training


def _check(training: TrainingConfig, kind: str) -> None:
    """Raises BadConfig for what no run can be made of."""
    counts = ("steps", "batch_size", "evaluate_every", "checkpoint_every")
    if below_one := [name for name in counts if getattr(training, name) < 1]:
        raise BadConfig(f"{', '.join(below_one)} must be at least 1.", code="out_of_range", names=below_one)
    ranges = {"effective_batch": (0, 10**6), "warmup_steps": (0, 10**9), "final_rate": (1e-9, 1), "restart": (0, 1),
              "ema": (0, 0.999999), "held_out": (1e-9, 0.9), "learning_rate": (0, 1e3), "weight_decay": (0, 1e3),
              "clip_norm": (0, 1e9), "seed": (0, 2**63 - 1), "threads": (0, 4096), "keep_checkpoints": (0, 10**6),
              "augment_pitch": (0, 12), "augment_tempo": (0, 0.5),
              "augment_masking": (0, 0.9)}  # fmt: skip
    for name, (least, most) in ranges.items():
        if not least <= (value := getattr(training, name)) <= most:
            raise BadConfig(f"{name} is {value}; it lies from {least} to {most}.", code="out_of_range", names=[name])
    if training.anneal not in schedule.ANNEALS:
        raise BadConfig(
            f"There is no anneal {training.anneal!r}; use {', '.join(schedule.ANNEALS)}.", code="unknown_anneal"
        )
    if kind == "vocoder" and (training.augment_tempo or training.augment_masking):
        raise BadConfig(
            "A vocoder learns from mels as they sound: augment_tempo and augment_masking are for acoustic models.",
            code="not_for_vocoders",
        )


def _model_config(
    job: Job, origin: Header | None, audio: AudioConfig, *, size: str, begun: Header | None, goes_on: bool
) -> Settings:
    """The preset, or the origin's own sizes where none is named; symbols and mel bands are those of this front end.

    What starts from a base may differ from its preset, and a run that has begun goes on as it began.
    """
    cls = models.module_of(job.model).Config
    below = origin.config if origin and not job.size else models.preset_of(job.model, job.size or "full").to_json()
    if begun and begun.model == job.model and begun.size == size:
        below = {**below, **begun.config}  # a preset may have changed since
    front = {"n_symbols": len(SYMBOLS), **audio.to_json()}
    known = {field.name for field in dataclasses.fields(cls)}
    own: dict[str, Any] = dict(front)
    if job.teacher:
        own["fitting_rounds"] = 0  # fitted to its teacher's mels a vocoder would lose what it is to learn
    own = {name: value for name, value in own.items() if name in known}
    if goes_on and not begun:
        own |= models.going_on(job.model, size)
    config = cls.from_json({**below, **own, **job.config})
    if other := [name for name, value in front.items() if getattr(config, name, value) != value]:
        wanted = ", ".join(f"{name}={getattr(config, name)} (the run's is {front[name]})" for name in other)
        raise BadConfig(
            f"{job.model} of this size is for another front end: {wanted}. The mel's settings belong into `audio`; "
            "what a HiFi-GAN's upsample_rates multiply to is its hop_length.",
            code="bad_size", names=other,
        )  # fmt: skip
    return config


def _compare(
    header: Header, audio: AudioConfig, text: TextConfig, kind: str, on_event: Callable[[Event], None]
) -> None:
    if header.audio and AudioConfig.from_json(header.audio) != audio:
        on_event(Warned("base_audio", "The base was trained on another mel than this run; it will help little.", {}))
    learned = generation(header.front_end.get("version", "")) if header.front_end else generation(FRONT_END_VERSION)
    if kind == "acoustic" and learned != generation(FRONT_END_VERSION):
        on_event(
            Warned(
                "base_front_end",
                f"The base reads by front end {header.front_end.get('version')}, this run by {FRONT_END_VERSION}.",
                {"base": header.front_end, "run": {"version": FRONT_END_VERSION, "mode": text.mode}},
            )
        )
