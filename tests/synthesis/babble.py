"""A small voice of random weights, saved as a real checkpoint: it babbles, but every part of it is real."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch

from speech.acoustic import tacotron2
from speech.checkpoint import write_weights
from speech.config import AudioConfig, TextConfig
from speech.header import Header
from speech.text import FRONT_END_VERSION
from speech.text.symbols import SYMBOLS
from speech.vocoder import waveglow
from studio import files
from training.models import Checkpoint, TrainingRun


def write_acoustic(path: Path, *, endless: bool = False, seed: int = 2) -> Path:
    """A trial-size Tacotron 2 whose gate opens after a second or so; never, when `endless`."""
    torch.manual_seed(seed)
    model = tacotron2.Model(tacotron2.PRESETS["trial"]).eval()
    gate = model.decoder.gate_layer.linear_layer
    with torch.no_grad():
        gate.bias.fill_(-10)
        logits = model.infer(torch.randint(2, 70, (1, 30)), torch.tensor([30]), seed=0).gate[0] + 10
        gate.bias.fill_(-10 if endless else -float(logits[:60].max()))
    return write(path, "acoustic", "tacotron2", tacotron2.PRESETS["trial"].to_json(), model)


def write_vocoder(path: Path, audio: AudioConfig = AudioConfig()) -> Path:  # noqa: B008 - frozen
    torch.manual_seed(0)
    config = waveglow.PRESETS["trial"]
    return write(path, "vocoder", "waveglow", config.to_json(), waveglow.Model(config), audio)


def write(
    path: Path,
    kind: str,
    model: str,
    config: dict[str, Any],
    network: torch.nn.Module,
    audio: AudioConfig | None = None,
) -> Path:
    header = Header(
        kind=kind,
        model=model,
        config=config,
        size="trial",
        symbols=SYMBOLS if kind == "acoustic" else (),
        front_end={"version": FRONT_END_VERSION, "mode": "pronunciation", "dictionary_sha256": ""},
        audio=(audio or AudioConfig()).to_json(),
        text=TextConfig().to_json(),
        step=100,
    )
    write_weights(path, header, network.state_dict())
    return path


def store(
    path: Path, *, run: TrainingRun | None = None, kind: str = "acoustic", model: str = "tacotron2", **more
) -> Checkpoint:
    """The file as a checkpoint in storage, as a run leaves it."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    key = f"runs/tests/{sha256[:16]}.safetensors"
    files.save_bytes(key, content)
    values = {"name": path.stem, "step": 100, "size_name": "trial"} | more
    return Checkpoint.objects.create(
        run=run, kind=kind, model=model, file=key, sha256=sha256, size=len(content), **values
    )
