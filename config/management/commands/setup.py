"""`manage.py setup`: tables, prompts and static files, as `up` prepares them. Once per release on many machines."""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from config import preparation
from config.problems import StartError, explained


class Command(BaseCommand):
    help = "표, 문장, 정적 파일을 준비해요. · Prepare the tables, the prompts and the static files."
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: object, **options: object) -> None:
        try:
            with explained(settings.DATA_DIR):
                Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
                preparation.prepare()
        except StartError as problem:
            sys.exit(str(problem))
        self.stdout.write("준비되었어요 · Ready")
