"""One training run from its job to its exit status: data, then the loop of `trainer`. It talks in events."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from speech import devices, files, heap, lifetime, preflight, run_folder
from speech.dataset import prepare
from speech.errors import OutOfMemory, SpeechError
from speech.events import Event, StageChanged, TrainingEnded, TrainingFailed
from speech.job import Job
from speech.plan import Plan
from speech.teacher import taught
from speech.trainer import Trainer

logger = logging.getLogger(__name__)

EXIT_FAILED = 1


def run(job: Job, on_event: Callable[[Event], None], stop: lifetime.StopRequest | None = None) -> int:
    """Train as the job says, from its newest checkpoint where there is one. Returns the exit status.

    0: finished; 75: stopped at a checkpoint, the same job goes on from there; 1: a person must mend something, which
    the last event names.
    """
    stop = stop or lifetime.StopRequest()
    try:
        with lifetime.sole_owner(job.out_folder):
            files.sweep(job.out_folder)
            run_folder.sweep(job.out_folder, keep=[Path(path) for path in (job.base, job.teacher) if path])
            return _run(job, on_event, stop)
    except lifetime.Stopped:
        saved = run_folder.entries(job.out_folder)[-1:]
        path = str(job.out_folder / saved[0].weights.name) if saved else ""
        on_event(TrainingEnded(step=saved[0].step if saved else 0, reason="stopped", path=path))
        return lifetime.EXIT_STOPPED
    except BrokenPipeError:
        raise  # nobody is left to tell
    except Exception as error:
        told = _as_told(error)
        if not isinstance(error, SpeechError):
            logger.exception("training failed")
        on_event(TrainingFailed(**told))
        return EXIT_FAILED


def _run(job: Job, on_event: Callable[[Event], None], stop: lifetime.StopRequest) -> int:
    def heed(event: Event) -> None:
        on_event(event)
        if stop.requested:
            raise lifetime.Stopped

    devices.flush_denormals()  # before torch has begun threads of its own
    plan = Plan.of(job, heed)
    if plan.training.threads:
        torch.set_num_threads(plan.training.threads)
    devices.repeatable(plan.device)
    if plan.device.type == "cpu":
        heap.keep_freed_memory()
    manifest = prepare(
        Path(job.clips),
        job.work_folder,
        audio=plan.audio,
        text=plan.text,
        held_out=plan.training.held_out,
        seed=plan.training.seed,
        dictionary=plan.dictionary,
        on_event=heed,
    )
    if plan.kind == "acoustic":  # a vocoder does not mind which words the sound says
        for warning in preflight.check(manifest):
            heed(warning)
    if plan.teacher is not None:
        manifest = taught(manifest, plan.teacher, plan.device, heed)
    heed(StageChanged("load"))
    return Trainer(plan, manifest, on_event, stop).train()


def _as_told(error: Exception) -> dict[str, Any]:
    """`{code, message, params}` of any error."""
    if isinstance(error, SpeechError):
        return error.to_json()
    if devices.out_of_memory(error):
        words = "The memory does not hold the batch. Take half the batch_size, a smaller size, or leave long clips out."
        return OutOfMemory(words).to_json()
    if isinstance(error, OSError) and error.filename:
        words = f"{error.filename} cannot be used: {error.strerror}. Mend its path or its permissions."
        return SpeechError(words, code="file", path=str(error.filename)).to_json()
    return {"code": "internal", "message": f"{type(error).__name__}: {error}", "params": {}}
