"""`manage.py backup DEST`: everything that must not be lost, copied into a folder while the studio runs."""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config import backups
from config.problems import StartError, explained
from config.progress import progress


class Command(BaseCommand):
    help = "잃으면 안 되는 것을 모두 다른 폴더에 담아요. · Copy everything that must not be lost into a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "dest", type=Path, help="폴더: 비었거나 예전 백업 · a folder, empty or with an earlier backup"
        )

    def handle(self, *args: object, **options: object) -> None:
        target = Path(str(options["dest"]))
        try:
            with explained(settings.DATA_DIR), progress("file") as say:
                note = backups.backup(target, say=say)
        except StartError as problem:
            sys.exit(str(problem))
        self.stdout.write(
            f"{target}: 화자 {note.speakers:,}명, 파일 {note.files:,}개, {note.size / 2**20:,.0f} MiB를 담았어요 · "
            f"{note.speakers:,} speakers and {note.files:,} files are kept"
        )
        if not note.secret_key:
            self.stdout.write(
                "MOKSORI_SECRET_KEY는 담지 않아요. 따로 적어 두세요 · MOKSORI_SECRET_KEY is not in it: keep it as well"
            )
