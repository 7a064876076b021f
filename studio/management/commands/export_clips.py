"""manage.py export_clips --speaker NAME --format ljspeech|filelist|moksori DEST: a speaker's kept takes as a corpus."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from speech.errors import SpeechError
from studio.errors import Refused
from studio.exports import FORMS, SEED, VALIDATION, clips_export
from studio.models import Speaker


class Command(BaseCommand):
    """A take that cannot be written is named with the reason; the rest goes out, and the exit status says so."""

    help = (
        "화자가 고른 녹음을 내보내요. · "
        "Export a speaker's kept takes: LJSpeech, file lists with a validation split, or this project's own form."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dest", type=Path, help="a folder that is not there yet, or is empty")
        parser.add_argument("--speaker", required=True, help="short name of the speaker")
        parser.add_argument("--format", choices=FORMS, default="ljspeech", help="default: %(default)s")
        parser.add_argument(
            "--validation", type=float, default=VALIDATION, metavar="SHARE", help="of a file list (%(default)s)"
        )
        parser.add_argument("--seed", type=int, default=SEED, help="of the validation split (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        dest, name = options["dest"], options["speaker"]
        speaker = Speaker.objects.filter(name=name).first()
        if speaker is None:
            raise CommandError(f"There is no speaker {name!r}.")
        if not 0 <= options["validation"] < 1:
            raise CommandError("--validation is a share, from 0 to below 1.")
        bar = tqdm(unit="clip", file=sys.stderr, disable=None if options["verbosity"] else True)
        try:
            result = clips_export(
                speaker=speaker, form=options["format"], folder=dest, validation=options["validation"],
                seed=options["seed"], on_start=bar.reset, on_clip=lambda: bar.update(),
            )  # fmt: skip
        except (Refused, SpeechError) as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{dest}: {error.strerror or error}") from error
        finally:
            bar.close()
        for clip, why in result.left_out:
            self.stderr.write(f"{clip}: {why}")
        self.stdout.write(
            f"{dest}: {result.written} {'clip' if result.written == 1 else 'clips'}, {result.seconds / 60:.1f} minutes"
            + (f", {result.validation} of them for validation" if options["format"] == "filelist" else "")
            + (f"; {len(result.left_out)} left out" if result.left_out else "")
        )
        if result.left_out:
            raise CommandError(f"Clips left out: {len(result.left_out)}; the others are in {dest}.")
