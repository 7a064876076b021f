"""Helpers of the tests that train: small jobs, run here or as a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file

from speech import finetune
from speech.events import Event, parse_line
from speech.job import Job
from speech.lifetime import StopRequest
from speech.run_folder import entries

E = TypeVar("E", bound=Event)
TEXT = "문을 닫아 주세요."


def job(clips: Path, out: Path, model: str = "tacotron2", **other: Any) -> Job:
    """A trial-sized run of a few steps."""
    training = {
        "steps": 8,
        "batch_size": 4 if model == "tacotron2" else 2,
        "checkpoint_every": 3,
        "evaluate_every": 6,
        "threads": 1,
    }
    training |= other.pop("training", {})
    return Job(
        model=model, size=other.pop("size", "trial"), clips=str(clips), out=str(out), device="cpu", sample_text=TEXT,
        training=training, **other,
    )  # fmt: skip


def train(job: Job, stop: StopRequest | None = None, on_event: Any = lambda event: None) -> tuple[int, list[Event]]:
    """Exit status and events of a run in this process."""
    events: list[Event] = []

    def both(event: Event) -> None:
        events.append(event)
        on_event(event)

    threads = torch.get_num_threads()
    try:
        return finetune.run(job, both, stop), events
    finally:
        torch.set_num_threads(threads)


def of(events: list[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def command(job: Job, folder: Path) -> list[str]:
    """The command line of a run, with its run.json written."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(job.to_json()), encoding="utf-8")
    return [sys.executable, "-m", "speech", "finetune", str(folder / "run.json")]


def start(job: Job, folder: Path) -> subprocess.Popen[str]:
    """The run as a child process, its events on `stdout`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "stderr.txt").open("w") as stderr:
        return subprocess.Popen(
            command(job, folder), stdout=subprocess.PIPE, stderr=stderr, text=True, encoding="utf-8",
            cwd=Path(__file__).parents[2], env=environment,
        )  # fmt: skip


def events_of(process: subprocess.Popen[str]) -> Iterator[Event]:
    assert process.stdout is not None
    for line in process.stdout:
        yield parse_line(line)


def tensors(out: Path) -> dict[str, torch.Tensor]:
    """All of the newest checkpoint: weights, optimisers, everything."""
    newest = entries(out)[-1]
    return load_file(out / newest.weights.name) | load_file(out / newest.resume.name)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """To the bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
