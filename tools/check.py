"""`make test`: every check, closing with pytest's own line. `python tools/check.py lint` leaves the tests out.

All steps run even when one has failed; the exit status is 1 then, and the last line names what failed. The steps begin
beside the tests, most of which wait for others, and tell among pytest's dots how they went.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import pace  # noqa: E402

BIN = Path(sys.executable).parent
MANAGE = [sys.executable, "manage.py"]


@dataclass(frozen=True)
class Step:
    """One check: its name, what it runs, and what it needs in the environment."""

    name: str
    command: list[str | Path]
    env: dict[str, str] = field(default_factory=dict)


def steps(folder: Path) -> list[Step]:
    """Everything but pytest, the longest first: two of them run at a time. `folder` is an empty data folder."""
    data = {"MOKSORI_DATA": str(folder), "MOKSORI_SECRET_KEY": "only-for-this-check-and-nowhere-else-" + "0aB-" * 8}
    scripts = sorted((ROOT / "tests" / "js").rglob("*.test.mjs"))
    node = shutil.which("node") or "node"
    return [
        Step("mypy", [BIN / "mypy"]),
        Step("ruff check", [BIN / "ruff", "check", "."]),
        Step("ruff format", [BIN / "ruff", "format", "--check", "--quiet", "."]),
        Step("import-linter", [BIN / "lint-imports", "--no-logo"]),
        Step(
            "check --deploy", [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"], {**data, "MOKSORI_HTTPS": "1"}
        ),
        Step("migrations", [*MANAGE, "makemigrations", "--check", "--dry-run"], data),
        Step("javascript", [node, "--test", "--test-reporter=dot", *scripts]),
    ]


def run(step: Step) -> tuple[Step, float, subprocess.CompletedProcess[str]]:
    begun = time.monotonic()
    try:
        done = subprocess.run(
            step.command,
            cwd=ROOT,
            env={**os.environ, **step.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except FileNotFoundError as missing:
        done = subprocess.CompletedProcess(step.command, 127, f"{missing.filename}: not installed\n")
    return step, time.monotonic() - begun, done


def checks() -> list[str]:
    """Run all steps; returns the names of those that failed, after showing what they said."""
    failed = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        for step, seconds, done in pool.map(run, steps(Path(folder))):
            good = done.returncode == 0
            sys.stdout.write(f"{'✔' if good else '✘'} {step.name} ({seconds:.0f} s)\n")
            if not good:
                failed.append(step.name)
                sys.stdout.write(done.stdout)
            sys.stdout.flush()
    return failed


def tests() -> bool:
    """Run pytest on more processes than two cores hold: many tests wait for servers, browsers and sound.

    On a machine that gives us little of its time (tests/pace.py) every process more is another that imports torch.
    A file stays on one process: its servers and browsers start once. (loadgroup would not do: xdist 3.8 marks its
    groups in an attribute that this pytest no longer has, and says nothing.) tests/conftest.py says in which order.
    """
    processes = "2" if pace.starved() else "3"
    command = [sys.executable, "-m", "pytest", "-q", "-n", processes, "--dist", "loadfile", "--no-loadscope-reorder"]
    command += ["-m", "not slow", "--durations=20"]
    # One thread each: processes of two threads on two cores only wait for one another.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def main() -> None:
    # Where it is set, each of the many processes compiles torch's sources anew, which is half of its start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    pace.begin()
    with ThreadPoolExecutor(1) as aside:
        checking = aside.submit(checks)
        passed = sys.argv[1:] == ["lint"] or tests()
        failed = checking.result() + ([] if passed else ["pytest"])
    if failed:
        sys.exit(f"✘ {', '.join(failed)}")


if __name__ == "__main__":
    main()
