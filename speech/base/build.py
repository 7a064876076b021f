"""How the base voice is made, one part at a time; each part goes on where it was stopped.

python -m speech base OUT --part corpus      sentences, spoken by espeak-ng: in one voice, and in many
python -m speech base OUT --part acoustic    a compact Tacotron 2, on the one voice
python -m speech base OUT --part vocoder     a small HiFi-GAN, on the many
python -m speech base OUT --part taught      the same, going on with the mels that the acoustic model makes
python -m speech base OUT --part pack        fp16, measured, with a card, under OUT/packed
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Callable, Container, Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speech import checkpoint, devices, lifetime, models
from speech.audio import log_mel
from speech.base.card import card
from speech.base.corpus import AS_TAKE, LONGEST, MAIN, corpus_make, speak
from speech.base.sentences import Maker
from speech.config import AudioConfig
from speech.distortion import Distortion, distortion, spectral_distance
from speech.errors import BadAudio, BadCheckpoint
from speech.events import Event
from speech.files import sha256_of, write_atomic, write_text_atomic
from speech.header import read_header
from speech.job import Job
from speech.run_folder import entries
from speech.synthesizer import Synthesizer
from speech.text import read
from speech.vocoder import griffin_lim
from speech.wav import Float32Array, to_float32

PARTS = ("corpus", "acoustic", "vocoder", "taught", "pack")
CLIPS = 4000
STEPS = {"acoustic": 20_000, "vocoder": 9_000, "taught": 2_000}
LARGEST = 40_000_000  # bytes that both files may have together: they ship with the program
HELD_OUT_SEED = 990_001  # sentences that no corpus of another seed is measured on
# What the two parts are trained with on a CPU: Adam, a rate that small networks bear, and batches that fit two cores.
ACOUSTIC: dict[str, Any] = {
    "batch_size": 24, "learning_rate": 1e-3, "anneal": "cosine", "final_rate": 0.05, "restart": 0.0,
    "evaluate_every": 500, "checkpoint_every": 500,
}  # fmt: skip
VOCODER: dict[str, Any] = {
    "batch_size": 8, "learning_rate": 1e-3, "anneal": "cosine", "final_rate": 0.05, "ema": 0.999,
    "evaluate_every": 500, "checkpoint_every": 500,
}  # fmt: skip
# What has learned to speak is not to forget it: at 3e-4 from the first step on the mel loss rose from 0.69 to 0.8.
TAUGHT: dict[str, Any] = {"learning_rate": 2e-4, "warmup_steps": 100}
# With a source that learned on, the lesson halved the voicing errors but sang 6 % of the frames at a wrong pitch.
TAUGHT_CONFIG: dict[str, Any] = {"source_learns": False}
# A voice that reads already, going on with a large corpus: the dropout of half the channels keeps a small network from
# learning a speech that never varies, and the diagonal is there. Nor is there much that a discriminator of mels could
# keep from blurring (docs/first-voice.md).
GOING_ON_CONFIG: dict[str, Any] = {
    "convolution_dropout": 0.1, "guided_attention_weight": 0.0, "adversarial_weight": 0.0,
}  # fmt: skip
GOING_ON: dict[str, Any] = {
    "batch_size": 16, "learning_rate": 5e-4, "warmup_steps": 30, "ema": 0.98, "evaluate_every": 200,
    "checkpoint_every": 100,
}  # fmt: skip
# The same where there is a GPU, which makes 64 clips in the time of a few: 18 steps a second on an H100.
GOING_ON_GPU: dict[str, Any] = {
    "batch_size": 64, "learning_rate": 1e-3, "warmup_steps": 100, "ema": 0.995, "evaluate_every": 400,
    "checkpoint_every": 400,
}  # fmt: skip
VOCODER_GOING_ON: dict[str, Any] = {"warmup_steps": 100}  # its optimiser knows nothing yet of weights that do
# A network without a speaker's embedding learns one voice: with a fifth of the clips in others it had drawn a diagonal
# after 500 steps but no speech. Short sentences align soon.
VOICE, VOICES = "voice", "voices"  # the folders of the corpora
SHORT = 25  # characters of an acoustic model's first sentences
OTHERS_SHARE = 0.5  # of the clips in `VOICES`, so that no sound is one voice's
# Of the clips in `VOICES`, those that sound like takes: 2,000 steps of such took the copies of a real speaker from 2.15
# to 2.08 dB, as many of renderings to 2.13. The rest stay as espeak-ng says them, since that is how the base speaks.
TAKES_SHARE = 0.7
AS_NEAR = 0.1  # dB that a vocoder's copies may be further off than Griffin-Lim's
WRONG_PITCH = 0.01  # share of the voiced frames that a vocoder may sing at another pitch than the mel's


def train(
    part: str,
    out: Path,
    *,
    steps: int,
    on_event: Callable[[Event], None],
    stop: lifetime.StopRequest | None = None,
    threads: int = 1,
    size: str = "compact",
    start: Path | None = None,
    precision: str = "auto",
) -> int:
    """Train the acoustic model or the vocoder on the corpus in `out`, to `steps` steps. Returns the exit status.

    `size` is a preset of the model: compact is what ships, trial rehearses the way there. `start` is the folder of a
    packed base whose weights a training that has not begun yet goes on from. The part `taught` starts from the vocoder
    and needs both others, trained or of `start`: BadCheckpoint where one is not there.
    """
    from speech import finetune

    model, training = ("tacotron2", ACOUSTIC) if part == "acoustic" else ("hifi_gan", VOCODER)
    taught = part == "taught"
    if taught:
        training = {**training, **TAUGHT}
    for one in ("acoustic", "vocoder") if taught else (part,):
        _begin(out, one, start)
    base = _newest(out, "vocoder") if taught else _origin(out, part)
    going_on = part == "acoustic" and base is not None
    if part == "vocoder" and base is not None:
        training = {**training, **VOCODER_GOING_ON}
    if going_on:
        training = {**training, **(GOING_ON_GPU if devices.choose("auto").type == "cuda" else GOING_ON)}
    config = GOING_ON_CONFIG if going_on else TAUGHT_CONFIG if taught else {}
    job = Job(
        base=None if base is None else str(base),
        teacher=str(_newest(out, "acoustic")) if taught else None,
        model=model,
        size=size,
        config=config,
        clips=str(out / (VOICE if part == "acoustic" else VOICES)),
        out=str(out / part),
        work=str(out / f"{VOICE if part == 'acoustic' else VOICES}-data"),
        training={**training, "steps": steps, "threads": threads, "held_out": 0.02, "precision": precision},
        device="auto",
    )
    return finetune.run(job, on_event, stop)


def corpus(
    out: Path, *, clips: int, prompts: Iterable[Path], on_progress: Callable[[int, int], None], going_on: bool = False
) -> None:
    """See `corpus_make`: `clips` clips of one voice for the acoustic model, and as many of many for the vocoder.

    `going_on`: for an acoustic model that reads already, so that its sentences need not be short.
    """
    prompts = list(prompts)
    corpus_make(
        out / VOICE, clips=clips, others=0, longest=LONGEST if going_on else SHORT, prompts=prompts,
        on_progress=lambda done, total: on_progress(done, 2 * total),
    )  # fmt: skip
    corpus_make(
        out / VOICES, clips=clips, others=OTHERS_SHARE, takes=TAKES_SHARE, seed=1, prompts=prompts,
        on_progress=lambda done, total: on_progress(total + done, 2 * total),
    )  # fmt: skip


def held_out(known: Container[str], count: int) -> list[str]:
    """Sentences that are not `known` from a corpus, the same ones each time."""
    unseen = (text for text in Maker(HELD_OUT_SEED).sentences(shortest=10, longest=30) if text not in known)
    return list(itertools.islice(unseen, count))


def measure(acoustic: Path, vocoder: Path | None, texts: Iterable[str]) -> dict[str, Any]:
    """What a voice makes of `texts`, compared with espeak-ng's own rendering of them.

    Returns `{sentences, stopped, coverage, mcd, pitch_cents, gross_pitch_error, voicing_error, duration_ratio}`: shares
    from 0 to 1, and means over the sentences; and `mcd_worst`, that of the worst sentence.
    """
    voice = Synthesizer.load(acoustic, vocoder)
    rows = []
    for text in texts:
        spoken = list(voice.stream(text))
        made = np.concatenate([sentence.samples for sentence in spoken])
        apart = _apart(_real(text), made, voice.audio)
        stopped = float(not any(sentence.reached_limit for sentence in spoken))
        coverage = float(np.mean([sentence.coverage for sentence in spoken]))
        rows.append({"stopped": stopped, "coverage": coverage, **apart})
    worst = _worst([row["mcd"] for row in rows])
    return (
        {"sentences": len(rows)} | {name: _mean([row[name] for row in rows]) for name in rows[0]} | {"mcd_worst": worst}
    )


def copy(vocoder: Path | None, texts: Iterable[str]) -> dict[str, float | None]:
    """How near a vocoder (Griffin-Lim, if None) comes to espeak-ng's rendering of `texts`, given the mels of it.

    Returns means of `{spectral_distance, mcd, pitch_cents, gross_pitch_error, voicing_error}` over the texts.
    """
    if vocoder is None:
        model = griffin_lim.Model()
    else:
        held = checkpoint.load(vocoder, expect_kind="vocoder")
        model = models.build(held.header.model, held.header.config)
        checkpoint.load_weights(model, held)
        model.eval()
    audio, rows = AudioConfig(), []
    for text in texts:
        real = _real(text)
        made = model.infer(torch.from_numpy(log_mel(real, audio))[None])[0].numpy()
        row = _apart(real, made, audio)
        del row["duration_ratio"]
        try:
            row["spectral_distance"] = spectral_distance(real, made)
        except BadAudio:
            row["spectral_distance"] = math.nan
        rows.append(row)
    return {name: _mean([row[name] for row in rows]) for name in rows[0]}


def _apart(real: Float32Array, made: Float32Array, audio: AudioConfig) -> dict[str, float]:
    """Figures of the distortion; NaN for a voice so young that it stopped at once, or makes no sound."""
    try:
        return distortion(real, made, audio).to_json()
    except BadAudio:
        return dict.fromkeys((one.name for one in fields(Distortion)), math.nan)


def _mean(values: list[float]) -> float | None:
    """Over those that could be measured: where nothing is voiced there is no pitch to compare."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None


def _worst(values: list[float]) -> float | None:
    """Over all: where one could not be measured there is no worst."""
    return max(values) if np.isfinite(values).all() else None


def _real(text: str) -> Float32Array:
    """[S] at 22,050 Hz, without the silence around it."""
    samples, _ = speak(read(text).pronunciation, MAIN.name, 50, 145)
    loud = np.flatnonzero(np.abs(samples) > 32)  # -60 dBFS
    return to_float32(samples[loud[0] : loud[-1] + 1])


def pack(
    out: Path, dest: Path, *, sentences: int = 24, anyway: bool = False, start: Path | None = None
) -> dict[str, Any]:
    """Write the newest checkpoints of `out` to `dest` in half precision, with base.json (hashes, measures) and a card.

    A part that was not trained is that of `start`, the folder of a packed base.

    A vocoder whose copies are not as near as Griffin-Lim's stays out, and the taught one takes its place only where
    the voice gains by it; `anyway` the taught one is packed, or the other. The measures are of the packed files. Raises
    BadCheckpoint where a part has not been trained yet, or where both together are too large to ship.
    """
    dest.mkdir(parents=True, exist_ok=True)
    for part in ("acoustic", "vocoder"):
        _begin(out, part, start)
    files = {part: pack_part(out, dest, part) for part in ("acoustic", "vocoder")}
    texts = _unseen(out, sentences)
    acoustic, vocoder = (dest / one["file"] for one in files.values())
    plain, measured = (measure(acoustic, sounding, texts) for sounding in (None, vocoder))
    copies = {"griffin_lim": copy(None, texts), "vocoder": copy(vocoder, texts)}
    left_out, lesson = dict[str, Any](), False
    if not anyway and not _better(copies["vocoder"], copies["griffin_lim"]):
        left_out = {"vocoder": {**files.pop("vocoder"), "measures": measured}}
        vocoder.unlink()
        measured = plain
    elif entries(out / "taught"):
        taught = pack_part(out, dest, "taught")
        heard = measure(acoustic, dest / taught["file"], texts)
        if lesson := anyway or _nearer(heard, measured):
            (dest / taught["file"]).replace(vocoder)
            files["vocoder"] = {**taught, "file": vocoder.name}
            measured, copies["vocoder"] = heard, copy(vocoder, texts)
        else:
            (dest / taught["file"]).unlink()
    if (total := sum(one["bytes"] for one in files.values())) > LARGEST:
        raise BadCheckpoint(
            f"The base has {total / 1e6:.0f} MB, and {LARGEST / 1e6:.0f} MB may ship. Train a smaller size.",
            code="too_large",
            size=total,
            limit=LARGEST,
        )
    base = {
        "name": "base",
        "licence": "CC0-1.0",
        "corpus": _corpora(out, lesson=lesson) | {"spoken_by": "espeak-ng"},
        "files": files,
        "held_out": texts,
        "measures": measured,
        "griffin_lim": plain,
        "copy": copies,
        "left_out": left_out,
    }
    write_text_atomic(dest / "base.json", json.dumps(base, ensure_ascii=False, indent=1) + "\n")
    write_text_atomic(dest / "README.md", card(base))
    return base


def _better(ours: dict[str, float | None], plain: dict[str, float | None]) -> bool:
    """Whether a vocoder's copies are as near to the sound as Griffin-Lim's: by its spectra, and with no wrong pitch.

    Not by the mel-cepstral distortion: that is of the very mel which Griffin-Lim's sound is fitted to. And a little
    further off will do, since a true mel is Griffin-Lim's best case: of a mel that a network made it makes blurred
    harmonics (docs/training.md shows both), and it takes four times as long.
    """
    apart, bound = (math.inf if row["spectral_distance"] is None else row["spectral_distance"] for row in (ours, plain))
    wrong = ours["gross_pitch_error"]
    return apart <= bound + AS_NEAR and wrong is not None and wrong <= WRONG_PITCH


def _rows(folder: Path) -> list[dict[str, str]]:
    listed = folder / "clips.jsonl"
    return [json.loads(line) for line in listed.read_text("utf-8").splitlines()] if listed.exists() else []


def _before(out: Path) -> dict[str, Any]:
    """base.json of the voice that the trainings in `out` went on from; empty where there was none."""
    told = out / "base-start.json"
    return dict(json.loads(told.read_text("utf-8"))) if told.exists() else {}


def _unseen(out: Path, count: int) -> list[str]:
    """Sentences that are in no corpus, nor in those of the voice before: which knows its own by name only."""
    known = {row["text"] for name in (VOICE, VOICES) for row in _rows(out / name)}
    if before := _before(out):
        return [text for text in before["held_out"] if text not in known][:count]
    return held_out(known, count)


def _corpora(out: Path, *, lesson: bool) -> dict[str, Any]:
    """`{voice, voices}`: what each network learned from, and under "before" what the one that it went on from did.

    `lesson`: whether the vocoder that is packed is the taught one.
    """
    told: dict[str, Any] = {}
    for name, parts in ((VOICE, ("acoustic",)), (VOICES, ("vocoder", "taught") if lesson else ("vocoder",))):
        before = _before(out).get("corpus", {}).get(name) if _origin(out, parts[0]) else None
        rows = _rows(out / name) if any(entries(out / part) for part in parts) else []
        own: dict[str, Any] = {"clips": len(rows), "voices": sorted({row["voice"].split()[0] for row in rows})}
        if takes := sum(row["voice"].endswith(AS_TAKE) for row in rows):
            own["takes"] = takes
        told[name] = {**own, **({"before": before} if before else {})} if rows else before
    return told


def _begin(out: Path, part: str, start: Path | None) -> None:
    """Copy a part's packed weights out of `start`, and its base.json, where `out` has neither these nor a training."""
    origin = out / f"{part}-start.safetensors"
    if start is None or origin.exists() or entries(out / part):
        return
    read_header(start / f"{part}.safetensors")  # says what is wrong with it
    if not (start / "base.json").is_file():
        raise BadCheckpoint(f"{start} is no packed voice: it has no base.json.", code="not_packed", folder=str(start))
    for name in (f"{part}.safetensors", "base.json"):
        _copy_in(start / name, origin.parent / f"{Path(name).stem}-start{Path(name).suffix}")


def _copy_in(source: Path, copy: Path) -> None:
    def write(temporary: Path) -> None:
        shutil.copyfile(source, temporary)

    write_atomic(copy, write)


def _origin(out: Path, part: str) -> Path | None:
    """The weights that a part went on from; None where it began with random ones."""
    origin = out / f"{part}-start.safetensors"
    return origin if origin.exists() else None


def _steps(out: Path, part: str) -> int:
    """All that the newest weights of a part have behind them, those that they went on from included."""
    newest, before = _newest(out, part), _origin(out, part)
    own = read_header(newest).step
    if part == "taught":
        return own + _steps(out, "vocoder")
    return own + (read_header(before).step if before and before != newest else 0)


def _newest(out: Path, part: str) -> Path:
    """The last checkpoint of a part, or what it is to go on from. Raises BadCheckpoint where there is neither."""
    folder = out / part
    if saved := entries(folder):
        return folder / saved[-1].weights.name
    if origin := _origin(out, part):
        return origin
    raise BadCheckpoint(f"{folder} holds no checkpoint; train it first.", code="nothing_trained", part=part)


def _nearer(taught: dict[str, Any], untaught: dict[str, Any]) -> bool:
    """Whether a voice gained by the lesson: in timbre, and without losing its pitch."""
    names = ("mcd", "gross_pitch_error")
    ours, theirs = ([math.inf if row[name] is None else row[name] for name in names] for row in (taught, untaught))
    return ours[0] < theirs[0] and ours[1] <= theirs[1]


def pack_part(out: Path, dest: Path, part: str) -> dict[str, Any]:
    """Write the newest checkpoint of a part to `dest`, and return what base.json tells of it.

    What was packed before and not trained since keeps its bytes, so that nobody takes it for another voice.
    """
    newest, path = _newest(out, part), dest / f"{part}.safetensors"
    if newest == _origin(out, part):
        _copy_in(newest, path)
    else:
        whole = checkpoint.load(newest, expect_kind="acoustic" if part == "acoustic" else "vocoder")
        told, lesson = whole.header, GOING_ON_CONFIG | TAUGHT_CONFIG
        # The configuration of a base says its sizes; how this lesson went is no model for the next.
        preset = models.preset_of(told.model, told.size).to_json()
        config = {**told.config, **{name: preset[name] for name in lesson if name in preset}}
        training = {**told.training, "threads": 0}
        header = replace(told, base="", config=config, step=_steps(out, part), training=training)
        checkpoint.write_weights(path, header, {name: _half(tensor) for name, tensor in whole.tensors.items()})
    path.chmod(0o644)  # it ships: others are to read it
    header = read_header(path)
    about = {"model": header.model, "size": header.size, "step": header.step, "held_out": header.losses}
    return {"file": path.name, **about, "sha256": sha256_of(path), "bytes": path.stat().st_size}


def _half(tensor: torch.Tensor) -> torch.Tensor:
    """In half precision where that can hold it (a variance may be beyond its largest number)."""
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if bool(half.isfinite().all()) else tensor
