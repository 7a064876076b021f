"""manage.py sweep_files: stored files that no row refers to go, a day after they were written.

Takes, statements, room tones, what runs made and what was spoken. The reconciler does it daily by itself, unless they
are so many that the database may be the wrong one.
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from studio import sweep


class Command(BaseCommand):
    """Harmless to run at any time: what is being stored now is younger than the limit."""

    help = "저장소에서 주인 없는 파일을 지워요. · Remove stored files that no row refers to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--hours", type=float, default=24.0, help="only files at least this old (default: 24)")

    def handle(self, *args: Any, **options: Any) -> None:
        age = timedelta(hours=options["hours"])
        gone = sweep.files_sweep(older_than=age)
        for key in gone:
            self.stdout.write(key)
        if options["verbosity"]:
            self.stdout.write(f"{len(gone)} removed")
