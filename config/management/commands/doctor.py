"""`manage.py doctor`: what is wrong with this installation, a line for each thing; exit status 1 when something is."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from config.diagnosis import findings

MARKS = {"good": "✔", "off": "·", "bad": "✘"}


class Command(BaseCommand):
    help = "이 설치에서 무엇이 잘못됐는지 살펴요. · Find out what is wrong with this installation."
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: object, **options: object) -> None:
        bad = 0
        for finding in findings():
            bad += finding.state == "bad"
            self.stdout.write(f"{MARKS[finding.state]} {finding.subject}: {finding.found}")
            self.stdout.flush()
        if bad:
            sys.exit(1)
