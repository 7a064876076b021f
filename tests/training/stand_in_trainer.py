"""Stands in for `python -m speech finetune` where a test is about processes and not about learning.

It reads the same run.json, prints the same events, keeps the same folder, obeys SIGTERM with exit 75, resumes, and dies
with its parent; it only learns nothing. Options make it misbehave.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from speech import run_folder
from speech.config import TrainingConfig
from speech.events import (
    CheckpointSaved,
    DataPrepared,
    Evaluated,
    Event,
    StageChanged,
    StepDone,
    TrainingEnded,
    TrainingFailed,
    TrainingStarted,
)
from speech.header import METADATA_KEY, Header
from speech.job import Job
from speech.lifetime import EXIT_STOPPED, StopRequest, die_with_parent
from speech.text import FRONT_END_VERSION
from speech.text.dictionary import sha256


def say(event: Event) -> None:
    print(event.to_line(), flush=True)


def save(job: Job, step: int, loss: float) -> None:
    out = job.out_folder
    weights, resume = out / run_folder.weights_name(step), out / run_folder.resume_name(step)
    write_weights(weights, job, step)
    resume.write_bytes(b"resume %d" % step)
    stored = [run_folder.StoredFile.measure(path) for path in (weights, resume)]
    entry = run_folder.record(out, run_folder.Entry(step, stored[0], stored[1], {"loss": loss}), keep=2)
    say(
        CheckpointSaved(
            step, str(weights), stored[0].sha256, stored[0].size, entry.best, entry.losses,
            resume=str(resume), resume_sha256=stored[1].sha256, resume_size=stored[1].size,
        )
    )  # fmt: skip


def write_weights(path: Path, job: Job, step: int) -> None:
    """A checkpoint as ours are, whose one tensor says of what it is."""
    kind = "acoustic" if job.model == "tacotron2" else "vocoder"
    learned = {"version": FRONT_END_VERSION, "mode": "pronunciation", "dictionary_sha256": sha256({})}
    acoustic = {"front_end": learned, "pace": 4.25} if kind == "acoustic" else {}
    header = Header(kind, job.model, {}, step=step, **acoustic)
    told = np.frombuffer(b"weights %d %s" % (step, job.model.encode()), np.uint8)
    save_file({"weights": told}, path, metadata={METADATA_KEY: json.dumps(header.to_json())})


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("job", type=Path)
    parser.add_argument("--step-seconds", type=float, default=0.0)
    parser.add_argument("--die-at", type=float, default=0)  # kill -9 at this step, in every process
    parser.add_argument("--die-once-at", type=float, default=0)  # only in a process that did not resume
    parser.add_argument("--fail-at", type=float, default=0)  # TrainingFailed and exit 1
    parser.add_argument("--nan-at", type=float, default=0)  # a held-out loss that is no number
    parser.add_argument("--stray", type=float, default=0)  # lines that are no events
    options = parser.parse_args()
    die_with_parent()
    stop = StopRequest()
    stop.listen()
    job = Job.load(options.job)
    training = TrainingConfig.from_json(job.training)
    clips = len((Path(job.clips) / "clips.jsonl").read_text("utf-8").splitlines())
    say(StageChanged("prepare", clips, clips))
    say(DataPrepared(clips, clips - 1, 1, 1.0 * clips))
    found = run_folder.latest_good(job.out_folder)
    start = found.step if found else 0
    say(TrainingStarted(job.model, start, training.steps, "cpu", "float32", 1, 1))
    print("pid", os.getpid(), Path.cwd(), sorted(os.environ), file=sys.stderr, flush=True)
    if options.stray:
        print("a library prints something\n{half a line\n" + "[" * 100_000 + "\0", flush=True)
        print("zeros \0 of a torn page", file=sys.stderr, flush=True)
    for step in range(start + 1, training.steps + 1):
        time.sleep(options.step_seconds)
        if step == options.die_at or (step == options.die_once_at and not start):
            os.kill(os.getpid(), signal.SIGKILL)
        if step == options.fail_at:
            say(TrainingFailed("bad_dataset", "There is nothing to learn here.", {"clips": clips}))
            return 1
        losses = {"loss": 10 / step, "mel": 5 / step}
        say(StepDone(step, training.steps, losses, 1e-3, 1.0, 0.01, 100, 6000.0, 1.0, 100.0))
        if step % training.checkpoint_every == 0 or step == training.steps or stop.requested:
            loss = math.nan if step == options.nan_at else 10 / step
            say(Evaluated(step, {"loss": loss + 1 / step, "mel": 6 / step}))
            save(job, step, loss)
        if stop.requested:
            say(TrainingEnded(step, "stopped"))
            return EXIT_STOPPED
    say(TrainingEnded(training.steps, "finished"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
