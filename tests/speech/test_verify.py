"""A checkpoint is what its header says, or is refused before anything is built of it."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from speech import checkpoint, models
from speech.config import AudioConfig
from speech.errors import BadCheckpoint
from speech.header import Checkpoint, Header
from speech.text.symbols import SYMBOLS
from tests import pace
from tests.speech.training import job, train

AUDIO = AudioConfig().to_json()
KINDS = {"tacotron2": "acoustic", "waveglow": "vocoder", "hifi_gan": "vocoder"}


def small(model: str) -> Checkpoint:
    torch.manual_seed(0)
    config = models.preset_of(model, "trial").to_json()
    header = Header(kind=KINDS[model], model=model, config=config, symbols=SYMBOLS, audio=AUDIO, size="trial")
    return Checkpoint(header, models.build(model, config).state_dict(), "small")


@pytest.mark.parametrize("model", KINDS)
def test_what_is_what_it_says_becomes_a_network_of_its_weights(model: str) -> None:
    whole = small(model)
    network = checkpoint.network_of(whole)
    assert all(torch.equal(tensor, whole.tensors[name]) for name, tensor in network.state_dict().items())
    assert not any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers()))


def _kind(good: Checkpoint) -> Checkpoint:
    return replace(good, header=replace(good.header, kind="vocoder" if good.header.kind == "acoustic" else "acoustic"))


def _mel(good: Checkpoint) -> Checkpoint:
    return replace(good, header=replace(good.header, audio={**AUDIO, "n_mels": 40}))


def _nan(good: Checkpoint) -> Checkpoint:
    name = next(iter(good.tensors))
    return replace(good, tensors={**good.tensors, name: torch.full_like(good.tensors[name], torch.nan)})


def _less(good: Checkpoint) -> Checkpoint:
    return replace(good, tensors=dict(list(good.tensors.items())[1:]))


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize(("harm", "code"), [(_kind, "misfit"), (_mel, "misfit"), (_nan, "damaged"), (_less, "misfit")])
def test_what_contradicts_its_header_is_refused(
    model: str, harm: Callable[[Checkpoint], Checkpoint], code: str
) -> None:
    with pytest.raises(BadCheckpoint) as caught:
        checkpoint.network_of(harm(small(model)))
    assert caught.value.code == code


GREEDY = [
    ("tacotron2", {"encoder_channels": 60_000}),
    ("waveglow", {"channels": 60_000}),
    ("hifi_gan", {"upsample_initial_channel": 60_000}),
]


@pytest.mark.parametrize(("model", "sizes"), GREEDY)
@pytest.mark.parametrize("whole", [True, False])
def test_a_header_that_asks_for_more_than_the_memory_has_is_refused_at_once(
    tmp_path: Path, model: str, sizes: dict[str, Any], whole: bool
) -> None:
    good, path = small(model), tmp_path / "greedy.safetensors"
    checkpoint.write_weights(path, replace(good.header, config={**good.header.config, **sizes}), good.tensors)
    program = f"""
import resource, sys
from pathlib import Path
from speech import checkpoint
from speech.errors import BadCheckpoint
found = checkpoint.open_any(Path({str(path)!r}))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    checkpoint.verify(found, whole={whole})
except BadCheckpoint as error:
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    sys.exit(0 if error.code == "misfit" and grown < 2**18 else 1)
sys.exit(2)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, timeout=pace.patient(120), cwd=Path(__file__).parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30,) * 2),
    )  # fmt: skip
    assert done.returncode == 0


def test_a_run_names_a_base_that_is_no_numbers_and_not_its_clips(espeak_clips: Path, tmp_path: Path) -> None:
    bad, path = _nan(small("tacotron2")), tmp_path / "base.safetensors"
    checkpoint.write_weights(path, bad.header, bad.tensors)
    status, events = train(job(espeak_clips, tmp_path / "run", base=str(path)))
    assert (status, events[-1].code) == (1, "damaged")  # type: ignore[attr-defined]


def test_a_base_with_more_than_its_network_has_is_still_a_base(espeak_clips: Path, tmp_path: Path) -> None:
    good, path = small("tacotron2"), tmp_path / "base.safetensors"
    checkpoint.write_weights(path, good.header, {**good.tensors, "speaker_embedding.weight": torch.ones(3, 4)})
    status, _ = train(job(espeak_clips, tmp_path / "run", base=str(path), training={"steps": 1}))
    assert status == 0
