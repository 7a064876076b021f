"""manage.py load_prompts FILE: sentences into the database, each once."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from studio.prompts import SETS, prompts_load


class Command(BaseCommand):
    """Bad lines are named; the rest goes in, and the exit status says that something is left to mend."""

    help = "읽을 문장을 파일에서 넣어요. · Load sentences: one a line, the first column, or the column `text`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--corpus", default="", help="name of the corpus (default: the file's name)")
        parser.add_argument(
            "--set", default="full", choices=SETS, help="how much of a corpus that names sets, in minutes"
        )
        parser.add_argument(
            "--keep-order", action="store_true", help="read in the file's order, not by what is missing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            loaded = prompts_load(
                path=path, corpus=options["corpus"], upto=options["set"], keep_order=options["keep_order"]
            )
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from error
        for row in loaded.bad:
            self.stderr.write(f"{path}:{row.line}: {row.why}")
        if options["verbosity"]:
            self.stdout.write(f"{path}: {loaded.created} new, {loaded.known} known, {len(loaded.bad)} bad")
        if loaded.bad:
            raise CommandError(f"Bad lines: {len(loaded.bad)}; the others are in.")
