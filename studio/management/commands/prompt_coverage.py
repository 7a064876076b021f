"""manage.py prompt_coverage FILE: which sounds and kinds a corpus of sentences covers, and how soon."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from speech.text.coverage import ENOUGH, Heard, Sounds, common_pairs, order, reached, sounds_of, still_worth
from speech.text.hangul import LEADS, TAILS, VOWELS, h2j
from studio.prompts import SETS, BadRow, Sentence, read_sentences

KINDS = ("statement", "question", "exclamation", "request")


class Command(BaseCommand):
    """Reads the file only, no database."""

    help = (
        "문장들이 어떤 소리와 갈래를 담는지 보여 줘요. · "
        "Show which pairs of sounds and which kinds of sentences a corpus covers, in file order and in greedy order."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--missing", action="store_true", help="list the common pairs that no sentence has")
        parser.add_argument("--write-sets", action="store_true", help="write the column `set` anew (TSV with a header)")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            rows = [row for row in read_sentences(path) if isinstance(row, Sentence)]
            bad = [row for row in read_sentences(path) if isinstance(row, BadRow)]
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from error
        if not rows:
            raise CommandError(f"{path}: there is no sentence in it.")
        for row in bad:
            self.stderr.write(f"{path}:{row.line}: {row.why}")
        sounds = {row.line: sounds_of(row.pronunciation, row.kind) for row in rows}
        greedy = order(sounds)
        if options["write_sets"]:
            write_sets(path, sets_of(greedy, sounds))
        self.sentences(rows, sounds)
        self.sounds(rows, sounds, greedy)
        self.sets(rows, sounds)
        if options["missing"]:
            self.stdout.write("missing: " + " ".join(sorted(Heard(sounds.values()).missing(1))).replace("  ", " _"))

    def sentences(self, rows: list[Sentence], sounds: dict[int, Sounds]) -> None:
        lengths = [len(row.text) for row in rows]
        kinds = Counter(row.kind for row in rows)
        self.line("sentences", len(rows))
        self.line("twice", len(rows) - len({row.text for row in rows}))
        self.line("minutes, about", round(sum(each.seconds for each in sounds.values()) / 60))
        self.line("characters", f"{min(lengths)}-{max(lengths)}, {sum(lengths) / len(lengths):.1f} on average")
        for kind in KINDS:
            self.line(kind, f"{kinds[kind]} ({kinds[kind] / len(rows):.1%})")
        self.line("with a reading of their own", sum(bool(row.reading) for row in rows))

    def sounds(self, rows: list[Sentence], sounds: dict[int, Sounds], greedy: list[int]) -> None:
        heard, common = Heard(sounds.values()), common_pairs()
        jamo = set(h2j("".join(row.text for row in rows)))
        for name, first, count in (
            ("initial sounds", 0x1100, len(LEADS)),
            ("medial sounds", 0x1161, len(VOWELS)),
            ("final letters", 0x11A8, len(TAILS) - 1),
        ):
            self.line(name, f"{sum(chr(first + number) in jamo for number in range(count))} of {count}")
        for times in (1, ENOUGH, 10):
            self.line(f"common pairs, {times}×", f"{len(common) - len(heard.missing(times))} of {len(common)}")
        in_file = list(sounds.values())
        ordered = [sounds[line] for line in greedy]
        for share in (0.9, 0.95, 1.0):
            self.line(
                f"sentences to {share:.0%} of them",
                f"{reached(in_file, share) or '-'} in file order, {reached(ordered, share) or '-'} in greedy order",
            )
        self.line(f"minutes to {ENOUGH}× each", f"{still_worth(ordered, Heard()) / 60:.1f} in greedy order")

    def sets(self, rows: list[Sentence], sounds: dict[int, Sounds]) -> None:
        for number, name in enumerate(SETS):
            part = [row for row in rows if row.set in SETS[: number + 1]]
            if not part or not any(row.set for row in rows):
                continue
            mine = [sounds[row.line] for row in part]
            kinds = Counter(row.kind for row in part)
            self.line(
                f"set {name}",
                f"{len(part)} sentences, {sum(each.seconds for each in mine) / 60:.1f} minutes, "
                f"{Heard(mine).coverage():.1%} of the common pairs, {kinds['question'] / len(part):.1%} questions, "
                f"{(kinds['exclamation'] + kinds['request']) / len(part):.1%} exclamations and requests",
            )

    def line(self, name: str, value: object) -> None:
        self.stdout.write(f"{name + ' ':.<32} {value}")


def sets_of(greedy: list[int], sounds: dict[int, Sounds]) -> dict[int, str]:
    """The set of each line: as much of the greedy order as fits into its minutes."""
    parts, seconds = {}, 0.0
    for line in greedy:
        seconds += sounds[line].seconds
        parts[line] = next((name for name in SETS[:-1] if seconds <= 60 * int(name)), SETS[-1])
    return parts


def write_sets(path: Path, parts: dict[int, str]) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    names = lines[0].split("\t")
    if names[0] != "text" or "kind" not in names:
        raise CommandError(
            f"{path}: --write-sets needs a tab-separated file whose header names text, reading and kind."
        )
    at = names.index("set") if "set" in names else len(names)
    for number, line in enumerate(lines, start=1):
        cells = line.split("\t")
        if number == 1 or number in parts:
            cells = [*cells[:at], *[""] * (at - len(cells)), "set" if number == 1 else parts[number], *cells[at + 1 :]]
            lines[number - 1] = "\t".join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")
