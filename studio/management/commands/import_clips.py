"""manage.py import_clips PATH --speaker NAME --consent TEXT: a recorded corpus into the studio, each clip once."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from speech.errors import SpeechError
from studio.errors import Refused
from studio.imports import clips_import, speaker_for_import
from studio.models import Speaker
from studio.selectors import consent_in_force


class Command(BaseCommand):
    """A clip that cannot come in is named with the reason; the rest goes in, and the exit status says so."""

    help = "Import a corpus: LJSpeech-like metadata.csv (wavs/, wav/, flac/), or this project's clips.jsonl."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--speaker", required=True, help="short name of the speaker; made if there is none")
        parser.add_argument("--consent", default="", help="what the speaker agreed to, and where that is on record")

    def handle(self, *args: Any, **options: Any) -> None:
        folder, name, consent = options["path"], options["speaker"], options["consent"].strip()
        if not folder.is_dir():
            raise CommandError(f"{folder}: no such folder.")
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
            raise CommandError(f"--speaker {name}: use lower-case letters, digits, - and _.")
        speaker = Speaker.objects.filter(name=name).first()
        if not consent and not (speaker and consent_in_force(speaker)):
            raise CommandError(f"{name} has given no consent: say with --consent TEXT what was agreed, and where.")
        bar = tqdm(unit="clip", file=sys.stderr, disable=None if options["verbosity"] else True)
        try:
            result = clips_import(
                folder=folder, speaker=speaker_for_import(name=name, consent=consent),
                on_start=bar.reset, on_clip=lambda: bar.update(),
            )  # fmt: skip
        except SpeechError as error:
            raise CommandError(error.message) from error
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        finally:
            bar.close()
        for clip, why in result.left_out:
            self.stderr.write(f"{clip}: {why}")
        for clip in result.refused:
            self.stderr.write(f"{clip}: refused by the verdict; it is in, but no run trains on it")
        self.stdout.write(
            f"{name}: {result.created} new ({result.warned} warned, {len(result.refused)} refused), "
            f"{result.known} known, {len(result.left_out)} left out"
        )
        if result.left_out:
            raise CommandError(f"{len(result.left_out)} clip(s) left out; the others are in.")
