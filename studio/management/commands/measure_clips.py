"""manage.py measure_clips [--speaker NAME]: measures what takes that came in earlier lack, pitch and spectrum."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from studio.match_file import portrait_add
from studio.models import Clip


class Command(BaseCommand):
    """Can be run at any time, and again; a take whose sound is gone is named, and the exit status says so."""

    help = (
        "예전 녹음의 높이와 음색을 재요. · "
        "Measure the pitch and the long-term spectrum of takes that came in before these were measured."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--speaker", default="", help="only this one's")

    def handle(self, *args: Any, **options: Any) -> None:
        clips = Clip.objects.filter(measures__portrait__isnull=True).order_by("created_at")
        if options["speaker"]:
            clips = clips.filter(speaker__name=options["speaker"])
        keys = list(clips.values_list("pk", flat=True))
        gone = []
        for pk in tqdm(keys, unit="take", file=sys.stderr, disable=None if options["verbosity"] else True):
            clip = Clip.objects.get(pk=pk)
            if not portrait_add(clip=clip):
                gone.append(clip)
        for clip in gone:
            self.stderr.write(f"{clip.pk} {clip.text}: its sound is not in storage")
        self.stdout.write(f"{len(keys) - len(gone)} measured")
        if gone:
            raise CommandError(f"Takes without a sound: {len(gone)}.")
