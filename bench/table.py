"""Write the figures of a run into docs/performance.md, between the two marks.

    python bench/all.py --json results.json && python bench/table.py results.json [--force]

A run in which some ways had no quiet round is refused without --force: its figures are no one's.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import Row, amount, duration

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/performance.md"
BEGIN, END = "<!-- figures: bench/table.py -->", "<!-- end of figures -->"
TITLES = {
    "machine": "기계의 한계 · The machine's limits",
    "sound": "소리 · Sound",
    "speak": "글에서 소리까지 · Text to sound",
    "tacotron2": "Tacotron 2",
    "hifi_gan": "HiFi-GAN",
    "waveglow": "WaveGlow",
    "loop": "학습 한 바퀴 · The training loop",
    "prepare": "클립 준비 · Preparing clips",
}


def cells(row: Row, case: str) -> str:
    mark = "~" if row.disturbed else ""
    ratio = f"{row.ratio:.2f} ×" if row.ratio else ""
    values = case, row.way, mark + duration(row.seconds), ratio, amount(row.rate, row.unit), f"{row.memory:.0f}"
    return f"| {' | '.join(values)} |"


def tables(figures: dict[str, Any]) -> str:
    """One table a benchmark; a case is named once."""
    rows = [Row(**row) for row in figures["rows"]]
    about = figures["machine"]
    lines = [
        f"{about['processor']}, {about['cores']} cores, {about['threads']} threads, {about['capability']}, "
        f"torch {about['torch']}, Python {about['python']}; {about['measured']}."
    ]
    if any(row.pieces for row in rows):
        lines += ["", "By pieces: every operation's quietest run, added up."]
    for bench in dict.fromkeys(row.bench for row in rows):
        lines += ["", f"### {TITLES.get(bench, bench)}", ""]
        lines += ["| 무엇 · what | 어떻게 · how | 한 번 · a call | 기준 대비 · × reference | 속도 · rate | MiB |"]
        lines += ["| --- | --- | ---: | ---: | ---: | ---: |"]
        last = ""
        for row in (row for row in rows if row.bench == bench):
            lines.append(cells(row, row.case if row.case != last else ""))
            last = row.case
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="what bench/all.py --json wrote")
    parser.add_argument("--force", action="store_true", help="disturbed rounds as well, marked ~")
    options = parser.parse_args()
    figures = json.loads(options.results.read_text())
    disturbed = [row for row in figures["rows"] if not row["good"]]
    if disturbed and not options.force:
        names = ", ".join(sorted({f"{row['bench']}: {row['case']}" for row in disturbed}))
        raise SystemExit(f"Other processes took part in {names}. Measure these again on a quiet machine.")
    document = DOCUMENT.read_text(encoding="utf-8")
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise SystemExit(f"{DOCUMENT} needs the two lines {BEGIN} and {END}, once each.")
    before, rest = document.split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{tables(figures)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
