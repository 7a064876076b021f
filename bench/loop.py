"""The whole training loop, as a fine-tune runs it: batches made, steps, clipping, events. Not the network alone.

    python bench/loop.py [--threads 2] [--json FILE]

The steps of the other benchmarks run in a process that does nothing else; this one shows what the rest of the loop
costs. A fine-tune of STEPS steps on speech-like clips, on one thread and on all of them; the sound is prepared before.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Call, Case, main, parser
from bench.prepare import takes
from speech import finetune
from speech.events import Event, TrainingFailed
from speech.job import Job

CLIPS, STEPS = 48, 20


def tell(event: Event) -> None:
    if isinstance(event, TrainingFailed):
        raise SystemExit(event.message)


def ready(folder: Path, model: str, threads: int) -> Call:
    """A call begins a run of its own; the prepared clips are those of the first one."""

    def call() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            training = {"steps": STEPS, "threads": threads, "batch_size": 16, "evaluate_every": 1000}
            settings = {"model": model, "size": "compact", "clips": str(folder / "takes"), "work": str(folder / "data")}
            finetune.run(Job.from_json({**settings, "out": out, "device": "cpu", "training": training}), tell)

    return call


def cases(options: argparse.Namespace) -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        takes(folder / "takes", CLIPS)
        for title, model in (("Tacotron 2", "tacotron2"), ("HiFi-GAN", "hifi_gan")):
            counts = dict.fromkeys((1, options.threads))
            ways = {f"{count} thread{'s' * (count > 1)}": partial(ready, folder, model, count) for count in counts}
            yield Case(f"{STEPS} steps of the loop, compact {title}", ways, STEPS, "steps", 2)


if __name__ == "__main__":
    main(__file__, cases, parser(__doc__).parse_args())
