"""Every benchmark, each in a process of its own, and one table of all their figures.

    python bench/all.py [--threads 2] [--minutes 14] [--pieces MINUTES] [--json FILE] [BENCHMARK …]

Rounds that other processes disturbed are repeated (bench/measure.py), but half of the minutes that are left is the
most that a benchmark has for them: then what is left of it is measured once only. On a machine that is never quiet for
long, `--pieces MINUTES` gives every case so many, and adds up the quietest pieces (bench/pieces.py). How well the front
end reads is no matter of speed: see bench/text.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import DISTURBED, HEAD, Load, Row, line, show

HERE = Path(__file__).resolve().parent
BENCHMARKS = ("machine", "sound", "speak", "tacotron2", "hifi_gan", "waveglow", "loop", "prepare")


def machine(threads: int) -> dict[str, Any]:
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = [row for row in cpuinfo.read_text().splitlines() if row.startswith("model name")]
        name = found[0].split(":", 1)[1].strip() if found else name
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "threads": threads,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def run(name: str, options: argparse.Namespace, minutes: float) -> list[Row]:
    """The rows of one benchmark; what it prints on its way goes to standard error."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, str(HERE / f"{name}.py"), "--threads", str(options.threads), "--json", str(file)]
        command += ["--minutes", str(max(0.0, minutes)), "--pieces", str(options.pieces)]
        done = subprocess.run(command, stdout=sys.stderr, env={**os.environ, "OMP_NUM_THREADS": str(options.threads)})
        if done.returncode:
            raise SystemExit(f"{name}.py ended with {done.returncode}")
        return [Row(**row) for row in json.loads(file.read_text())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=14.0)
    parser.add_argument("--pieces", type=float, default=0.0, metavar="MINUTES", help="a case, by its quietest pieces")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, for bench/table.py")
    options = parser.parse_args()
    wanted = options.benchmarks or list(BENCHMARKS)
    if unknown := sorted(set(wanted) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    load, begun = Load(), time.monotonic()
    time.sleep(2.0)
    if (others := load.others()) > DISTURBED and not options.pieces:
        sys.stderr.write(f"Other processes take {others:.0%} of the processors: rounds will be refused.\n")
    rows: list[Row] = []
    for name in wanted:
        rows += run(name, options, (options.minutes - (time.monotonic() - begun) / 60) / 2)
    about = machine(options.threads)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    show(HEAD)
    for row in rows:
        show(line(row))
    if disturbed := sum(row.disturbed for row in rows):
        lack = "were not as quiet three times" if options.pieces else "had no quiet round"
        print(f"~ {disturbed} of {len(rows)} {lack}: the least that was seen stands there.")
    if options.json:
        figures = {"machine": about, "rows": [vars(row) for row in rows]}
        options.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
