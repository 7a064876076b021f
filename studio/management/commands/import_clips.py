"""manage.py import_clips PATH --speaker NAME --consent TEXT: a recorded corpus into the studio, each clip once.

PATH is a folder, or the list of one, in the form of LJSpeech, KSS, NVIDIA's file lists, mimic-recording-studio (its
lists or its database), Piper's recording studio, or our own export; it is recognised, and the command says what it saw.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from speech.corpora import FORMATS, Format
from speech.errors import SpeechError
from speech.source import Corpus
from studio.errors import Refused
from studio.imports import Imported, clips_import, corpus_open, speaker_for_import
from studio.models import Speaker
from studio.selectors import consent_in_force

NAMES: dict[Format, str] = {
    "moksori": "Moksori's own export", "kss": "KSS", "mimic": "mimic-recording-studio",
    "piper": "Piper recording studio", "ljspeech": "LJSpeech", "filelist": "NVIDIA file list",
}  # fmt: skip


class Command(BaseCommand):
    """A clip that cannot come in is named with the reason; the rest goes in, and the exit status says so.

    With `-v 2` those that the verdict warns of are named as well.
    """

    help = (
        "이미 있는 녹음을 가져와요. · "
        "Import a corpus: LJSpeech, KSS, NVIDIA file lists, mimic, Piper, or this project's own export."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a folder, or one list in it")
        parser.add_argument("--speaker", required=True, help="short name of the speaker; made if there is none")
        parser.add_argument("--consent", default="", help="what the speaker agreed to, and where that is on record")
        parser.add_argument("--format", choices=FORMATS, help="instead of having it recognised")
        parser.add_argument("--source-speaker", default="", metavar="NAME", help="the one to take of several speakers")

    def handle(self, *args: Any, **options: Any) -> None:
        path, name, consent = options["path"], options["speaker"], options["consent"].strip()
        if not path.exists():
            raise CommandError(f"{path}: no such file or folder.")
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
            raise CommandError(f"--speaker {name}: use lower-case letters, digits, - and _.")
        speaker = Speaker.objects.filter(name=name).first()
        if not consent and not (speaker and consent_in_force(speaker)):
            raise CommandError(f"{name} has given no consent: say with --consent TEXT what was agreed, and where.")
        try:
            corpus = corpus_open(path=path, format=options["format"], source_speaker=options["source_speaker"])
        except SpeechError as error:
            raise CommandError(error.message) from error
        lists = ", ".join(each.name for each in corpus.lists)
        self.stdout.write(f"{NAMES[corpus.format]}: {len(corpus.clips)} clips in {lists}")
        result = self._import(corpus, name, consent, show=bool(options["verbosity"]))
        if options["verbosity"] > 1:
            for clip, why in result.warned:
                self.stdout.write(f"{clip}: warned: {why}")
        self._report(name, result)

    def _import(self, corpus: Corpus, name: str, consent: str, *, show: bool) -> Imported:
        bar = tqdm(unit="clip", file=sys.stderr, disable=None if show else True)
        try:
            return clips_import(
                corpus=corpus, speaker=speaker_for_import(name=name, consent=consent),
                on_start=bar.reset, on_clip=lambda: bar.update(),
            )  # fmt: skip
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        finally:
            bar.close()

    def _report(self, name: str, result: Imported) -> None:
        for clip, why in result.left_out:
            self.stderr.write(f"{clip}: {why}")
        for clip in result.refused:
            self.stderr.write(f"{clip}: refused by the verdict; it is in, but no run trains on it")
        self.stdout.write(
            f"{name}: {result.created} new ({len(result.warned)} warned, {len(result.refused)} refused), "
            f"{result.known} known, {len(result.left_out)} left out; {result.adopted} are prompts of this studio"
        )
        if result.left_out:
            raise CommandError(f"Clips left out: {len(result.left_out)}; the others are in.")
