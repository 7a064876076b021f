"""Who speaks while a voice learns on the same processors: how long two sentences take, and what the training loses.

    python bench/beside.py [--rounds 6] [--seconds 8]

A training as the studio begins it, and one that does not stand back (speech/priority.py), take turns beside this
process, which speaks with the base voice and rests half a second; whose turn it is not is halted by a signal. Both
have all threads, as the two workers of one machine. A training's step is measured while nobody speaks as well.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import speech  # noqa: F401 - before torch, as in a worker: it says how soon OpenMP's threads sleep
from bench.prepare import takes
from bench.speak import TEXT, base_voice
from speech import devices, heap
from speech.events import StepDone, parse_line

ROOT = Path(__file__).resolve().parent.parent
STUDIO = [sys.executable, "-m", "speech", "finetune"]
FORWARD = [sys.executable, "-c", "import speech.priority as p, sys; p.stand_back = lambda: None; "
           "from speech.__main__ import main; sys.exit(main(sys.argv[1:]))", "finetune"]  # fmt: skip
WAYS = {"a training that stands back": STUDIO, "one that does not": FORWARD}
REST = 0.5  # seconds between two texts


class Training:
    """A fine-tune of a compact Tacotron 2 in a session of its own, halted until its turn."""

    def __init__(self, command: list[str], folder: Path) -> None:
        settings = {"model": "tacotron2", "size": "compact", "clips": str(folder.parent / "takes"), "device": "cpu"}
        training = {"steps": 100_000, "batch_size": 16, "evaluate_every": 100_000, "checkpoint_every": 100_000}
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({**settings, "out": str(folder / "out"), "training": training}))
        self._times: list[float] = []
        self._process = subprocess.Popen(
            [*command, str(folder / "run.json")], stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
        )
        threading.Thread(target=self._listen, daemon=True).start()
        while len(self._times) < 3:  # the first steps plan and pack
            if self._process.poll() is not None:
                raise SystemExit(f"the training ended with {self._process.returncode}")
            time.sleep(0.1)
        self.halt()

    def _listen(self) -> None:
        for row in self._process.stdout or ():
            if isinstance(parse_line(row), StepDone):
                self._times.append(time.perf_counter())

    def go_on(self) -> None:
        self._times.clear()
        self._process.send_signal(signal.SIGCONT)

    def halt(self) -> list[float]:
        """Seconds of each step since it went on; the first, which the halt had cut, left out."""
        self._process.send_signal(signal.SIGSTOP)
        times = list(self._times)
        return [after - before for before, after in itertools.pairwise(times)]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=8.0, help="of a turn")
    options = parser.parse_args()
    devices.flush_denormals()
    heap.keep_freed_memory()
    voice = base_voice("float32")

    def speak() -> list[float]:
        """Seconds that the texts of one turn took."""
        took, end = [], time.perf_counter() + options.seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            list(voice.stream(TEXT))
            took.append(time.perf_counter() - start)
            time.sleep(REST)
        return took

    speak()
    spoken: dict[str, list[float]] = {"nobody": []} | {name: [] for name in WAYS}
    steps: dict[tuple[str, str], list[float]] = {(name, beside): [] for name in WAYS for beside in ("alone", "beside")}
    with tempfile.TemporaryDirectory() as folder:
        takes(Path(folder) / "takes", 48)
        trainings = {name: Training(command, Path(folder) / name) for name, command in WAYS.items()}
        try:
            for _ in range(options.rounds):
                spoken["nobody"] += speak()
                for name, training in trainings.items():
                    training.go_on()
                    spoken[name] += speak()
                    steps[name, "beside"] += training.halt()
                    training.go_on()
                    time.sleep(options.seconds)
                    steps[name, "alone"] += training.halt()
        finally:
            for training in trainings.values():
                training.end()
    print(f"{len(TEXT)} characters spoken beside    median     worst")
    for name, took in spoken.items():
        print(f"{name:30}  {statistics.median(took):6.3f} s  {max(took):6.3f} s  of {len(took)}")
    print("a step of                       alone      beside who speaks")
    for name in WAYS:
        print(f"{name:30}  " + "  ".join(_mean(steps[name, beside]) for beside in ("alone", "beside")))


def _mean(seconds: list[float]) -> str:
    return f"{statistics.mean(seconds):6.3f} s of {len(seconds)}" if seconds else "     no step"


if __name__ == "__main__":
    main()
