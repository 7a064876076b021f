"""`manage.py restore SRC`: a backup in the place of what is here, which is put aside."""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config import backups
from config.problems import StartError, explained
from config.progress import progress


class Command(BaseCommand):
    help = "백업을 되돌려요. 먼저 목소리를 꺼 주세요. · Bring a backup back; the studio has to be off."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("src", type=Path, help="백업 폴더 · the folder of a backup")
        parser.add_argument(
            "--replace", action="store_true", help="여기 있는 것은 옆에 치워 두고 · put aside what is here"
        )

    def handle(self, *args: object, **options: object) -> None:
        source = Path(str(options["src"]))
        try:
            with explained(settings.DATA_DIR), progress("file") as say:
                erased = backups.erased_since(backups.read_note(source))
                note, aside = backups.restore(source, replace=bool(options["replace"]), say=say)
        except StartError as problem:
            sys.exit(str(problem))
        self.stdout.write(
            f"{note.made_at}의 백업을 되돌렸어요: 화자 {note.speakers:,}명, 파일 {note.files:,}개. "
            "`make run`으로 켜세요 · restored; start it with `make run`"
        )
        if aside:
            self.stdout.write(f"있던 것은 여기 두었어요 · what was here lies in {aside}")
        for name in erased:
            self.stdout.write(
                f"백업한 뒤에 지운 화자가 돌아왔어요 · erased since, and back now: manage.py erase_speaker {name}"
            )
