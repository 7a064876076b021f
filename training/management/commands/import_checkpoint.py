"""`manage.py import_checkpoint`: a public checkpoint, or one of another installation, as a base to start from."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from speech.errors import SpeechError
from studio.errors import Refused, person_message
from training import shelf


class Command(BaseCommand):
    help = "체크포인트를 학습의 바탕으로 들여와요. · Take a checkpoint in, as a base to start from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="Tacotron 2, WaveGlow or HiFi-GAN as published, or our own")
        parser.add_argument("--name", required=True, help="what it is called in forms and in finetune --base")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = shelf.checkpoint_import(path=options["file"], name=options["name"])
        except (Refused, SpeechError) as error:
            message = person_message(error)
            detail = f" · {error.message}" if error.message != message else ""
            raise CommandError(message + detail) from error
        self.stdout.write(f"{row.name} · {row.kind} · {row.model} {row.size_name} · {row.step} · {row.size:,} B")
